"""What a terminal can show, as a value; and text with or without ANSI colours. Detection is the shell's business."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
}  # fmt: skip
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_NOT_COLOUR = re.compile(r"\x1b(?!\[[0-9;]*m)")

GLYPHS = {
    "waiting": ("○", "."), "running": ("▶", ">"), "retrying": ("↻", "~"), "succeeded": ("✓", "+"), "cached": ("≡", "="),
    "failed": ("✗", "X"), "skipped": ("⊘", "/"), "cancelled": ("■", "#"),
    "created": ("○", "."), "interrupted": ("■", "#"),
}  # fmt: skip
COLOURS = {
    "waiting": "dim", "running": "cyan", "retrying": "yellow", "succeeded": "green", "cached": "blue", "failed": "red",
    "skipped": "dim", "cancelled": "yellow", "created": "dim", "interrupted": "yellow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where text is shown: its width in columns, and whether it takes colours and characters beyond ASCII."""

    width: int = 80
    color: bool = False
    unicode: bool = True

    def paint(self, text: str, *styles: str) -> str:
        """`text` in these styles (`bold`, `dim` or a colour's name); unchanged where there are no colours."""
        if not self.color or not styles or not text:
            return text
        return f"\x1b[{';'.join(_CODES[s] for s in styles)}m{text}\x1b[0m"

    def glyph(self, status: str) -> str:
        """The one-character sign of a step's or run's status, in its colour."""
        fancy, plain = GLYPHS[status]
        return self.paint(fancy if self.unicode else plain, COLOURS[status])

    def sign(self, fancy: str, plain: str) -> str:
        """`fancy` where the terminal shows it, else `plain`."""
        return fancy if self.unicode else plain


def stripped(text: str) -> str:
    """`text` without ANSI escapes and control characters (tabs and newlines stay): fit for files, logs and pipes."""
    return _CONTROL.sub("", _ESCAPE.sub("", text)).replace("\x1b", "")


def colours_only(text: str) -> str:
    """`text` with ANSI colours kept and every other escape and control character gone.

    A notebook's output must not be able to move the cursor, set the title or clear the reader's screen.
    """
    kept = re.sub(r"\x1b(?!\[[0-9;]*m)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])", "", text)
    return _CONTROL.sub("", _NOT_COLOUR.sub("", kept))


def traceback_text(lines: tuple[str, ...], terminal: Terminal) -> str:
    """A notebook's traceback for this terminal: colours kept where there are colours."""
    return "\n".join(colours_only(line) if terminal.color else stripped(line) for line in lines)
