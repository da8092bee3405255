"""HTML of outputs made harmless: only elements and attributes that are known to be, everything else left out.

Outputs are other people's programs' output. What passes here can neither run code nor load anything nor leave its
place; text is always kept. The page around it forbids scripts and requests once more by its own policy.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

_ELEMENTS = frozenset(
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
        "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
        "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span",
        "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u",
        "ul", "var",
    }
)  # fmt: skip
_EMPTY = frozenset({"br", "hr", "img", "col"})
_DROPPED = frozenset(
    {
        "script", "style", "iframe", "object", "embed", "form", "input", "button", "textarea", "select",
        "template", "noscript", "svg", "math", "head", "title", "link", "meta", "audio", "video", "canvas",
        "applet", "frameset", "frame",
    }
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {"title", "alt", "colspan", "rowspan", "scope", "width", "height", "start", "open", "dir", "lang"}
)
_IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,")
_LINKS = ("http://", "https://", "mailto:", "#")
_MOST = 200_000


def sanitize(html: str) -> str:
    """The harmless part of some HTML; well-formed, whatever came in."""
    cleaner = _Cleaner()
    cleaner.feed(html[:_MOST])
    cleaner.close()
    cut = "<p>… cut here</p>" if len(html) > _MOST else ""
    return "".join([*cleaner.parts, *(f"</{name}>" for name in reversed(cleaner.open))]) + cut


def safe_link(address: str) -> str | None:
    """An address that may stand in a link, or None."""
    plain = "".join(c for c in address if c > " ").lower()
    return address.strip() if plain.startswith(_LINKS) else None


def safe_image(address: str) -> str | None:
    """An address that may be shown as an image: the image itself, never a place to load it from."""
    plain = "".join(address.split())
    return plain if plain.startswith(_IMAGES) else None


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[str] = []
        self._inside_dropped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside_dropped or tag in _DROPPED:
            if tag not in ("input", "link", "meta", "embed", "frame"):
                self._inside_dropped.append(tag)
            return
        if tag not in _ELEMENTS or len(self.open) > 100:
            return
        written = "".join(self._attribute(tag, name, value or "") for name, value in attrs)
        self.parts.append(f"<{tag}{written}>")
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside_dropped:
            if tag in self._inside_dropped:
                while self._inside_dropped.pop() != tag:
                    pass
            return
        if tag in self.open:
            while True:
                name = self.open.pop()
                self.parts.append(f"</{name}>")
                if name == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._inside_dropped:
            self.parts.append(escape(data))

    @staticmethod
    def _attribute(tag: str, name: str, value: str) -> str:
        if name == "href" and tag == "a":
            link = safe_link(value)
            return f' href="{escape(link)}" rel="noopener noreferrer" target="_blank"' if link else ""
        if name == "src" and tag == "img":
            image = safe_image(value)
            return f' src="{escape(image)}"' if image else ""
        if name in _ATTRIBUTES:
            return f' {name}="{escape(value)}"'
        return ""
