"""Terminal colours as HTML: what a kernel prints, safe to put into a page. Pure; everything but colours is escaped."""

from __future__ import annotations

import re
from html import escape

from nb2flow.views.terminal import colours_only

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

ANSI_CSS = """
.an-black{color:#57606a}.an-red{color:#cf222e}.an-green{color:#116329}.an-yellow{color:#7d4e00}.an-blue{color:#0550ae}
.an-magenta{color:#8250df}.an-cyan{color:#1b7c83}.an-white{color:#6e7781}.an-bold{font-weight:600}
.an-italic{font-style:italic}.an-underline{text-decoration:underline}
@media (prefers-color-scheme:dark){.an-black{color:#8b949e}.an-red{color:#ff7b72}.an-green{color:#3fb950}
.an-yellow{color:#d29922}.an-blue{color:#58a6ff}.an-magenta{color:#bc8cff}.an-cyan{color:#39c5cf}
.an-white{color:#b1bac4}}
"""


class _Pen:
    """The styles in force while a text is walked through."""

    def __init__(self) -> None:
        self.colour = ""
        self.style = ""
        self.flags: set[str] = set()

    def apply(self, codes: list[int]) -> None:
        """Take one SGR sequence into account; unknown codes are passed over."""
        flags = {1: "an-bold", 3: "an-italic", 4: "an-underline"}
        off = {22: "an-bold", 23: "an-italic", 24: "an-underline"}
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.colour = self.style = ""
                self.flags.clear()
            elif code in flags:
                self.flags.add(flags[code])
            elif code in off:
                self.flags.discard(off[code])
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.colour, self.style = f"an-{_NAMES[code % 10]}", ""
            elif code in (38, 48):
                self._extended(code, codes)
            elif code == 39:
                self.colour = self.style = ""

    def _extended(self, code: int, codes: list[int]) -> None:
        mode = codes.pop(0) if codes else 0
        if mode == 5 and codes:
            rgb = _palette(codes.pop(0))
        elif mode == 2 and len(codes) >= 3:
            rgb = (codes.pop(0), codes.pop(0), codes.pop(0))
        else:
            return
        if code == 38 and all(0 <= c <= 255 for c in rgb):
            self.colour, self.style = "", "color:#{:02x}{:02x}{:02x}".format(*rgb)

    def wrap(self, text: str) -> str:
        """The text as HTML in the styles in force."""
        classes = " ".join([self.colour, *sorted(self.flags)]).strip()
        if not text or not (classes or self.style):
            return escape(text, quote=False)
        attributes = (f' class="{classes}"' if classes else "") + (f' style="{self.style}"' if self.style else "")
        return f"<span{attributes}>{escape(text, quote=False)}</span>"


def _palette(number: int) -> tuple[int, int, int]:
    """The colour of one of the 256 numbers that terminals know; the first 16 in a shade readable on light and dark."""
    basic = (0x6E7781, 0xCF222E, 0x2DA44E, 0xBF8700, 0x218BFF, 0xA475F9, 0x3192AA, 0x8C959F)
    if number < 16:
        value = basic[number % 8]
        return (value >> 16, value >> 8 & 255, value & 255)
    if number < 232:
        steps = (0, 95, 135, 175, 215, 255)
        cube = min(number, 231) - 16
        return (steps[cube // 36], steps[cube // 6 % 6], steps[cube % 6])
    grey = 8 + 10 * (min(number, 255) - 232)
    return (grey, grey, grey)


def to_html(text: str) -> str:
    """`text` escaped for HTML, its ANSI colours as spans. Carriage returns overwrite, as in a terminal."""
    pen = _Pen()
    parts = []
    place = 0
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = colours_only(text)
    for found in _SGR.finditer(text):
        parts.append(pen.wrap(text[place : found.start()]))
        pen.apply([int(c) if c else 0 for c in found[1].split(";")])
        place = found.end()
    parts.append(pen.wrap(text[place:]))
    return "".join(parts)
