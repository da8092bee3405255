"""An executed notebook as a piece of HTML that is safe to open: no script, no network, no style of a stranger's.

Code is highlighted by Pygments, Markdown rendered by markdown-it with raw HTML off, HTML outputs cleaned by bleach, and
SVG shown as an image, where scripts do not run. Outputs of other kinds appear as their plain text. The cells that
nb2flow added are folded away. nbconvert would bring JupyterLab's whole style sheet (300 kB a page) and a second of
imports for the same cells.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nb2flow.views.ansi_html import to_html
from nb2flow.views.words import size

TEXT_LIMIT = 100_000
_TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
_ATTRIBUTES: dict[str, list[str]] = {
    "*": ["class", "title", "align"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
    "ol": ["start"],
}
_DROPPED = re.compile(r"<(style|script|template|noscript)\b[^>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


def render(document: Mapping[str, Any]) -> str:
    """The cells of an nbformat 4 document (plain JSON values) as HTML; unknown things are passed over, never run."""
    cells = document.get("cells")
    return (
        "\n".join(filter(None, (_cell(c) for c in cells if isinstance(c, Mapping)))) if isinstance(cells, list) else ""
    )


def text_of(value: object) -> str:
    """A multi-line string as nbformat stores it: one string, or a list of its lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return "".join(v for v in value if isinstance(v, str))
    return ""


def role_of(cell: Mapping[str, Any]) -> str:
    """What the cell is for in its step notebook: `author`, or the role that nb2flow gave to a cell it added."""
    ours = cell.get("metadata", {}).get("nb2flow")
    role = ours.get("role") if isinstance(ours, Mapping) else None
    return role if isinstance(role, str) else "author"


def _cell(cell: Mapping[str, Any]) -> str:
    source = text_of(cell.get("source"))
    kind = cell.get("cell_type")
    if kind == "markdown":
        return f'<div class="nb-md">{_markdown(source)}</div>'
    if kind != "code":
        return ""
    outputs = "".join(_output(o) for o in cell.get("outputs") or [] if isinstance(o, Mapping))
    if role_of(cell) != "author" and "error" not in {o.get("output_type") for o in cell.get("outputs") or []}:
        summary = f"<summary>{escape(role_of(cell))} (added by nb2flow)</summary>"
        folded = f"<details class='nb-ours'>{summary}{_code(source)}</details>"
        return f'<div class="nb-cell">{folded}{outputs}</div>'
    count = cell.get("execution_count")
    label = f'<span class="nb-count">[{count}]</span>' if isinstance(count, int) else ""
    return f'<div class="nb-cell">{label}{_code(source) if source.strip() else ""}{outputs}</div>'


def _code(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return f'<pre class="nb-code">{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>'


def _markdown(source: str) -> str:
    from markdown_it import MarkdownIt

    def image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        return escape(f"[image: {tokens[index].content}]")

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("image", image)  # attachments and remote images are not part of the page
    return str(reader.render(source))


def _output(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        name = "nb-err" if output.get("name") == "stderr" else "nb-out"
        return f'<pre class="{name}">{to_html(_bounded(text_of(output.get("text"))))}</pre>'
    if kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        return f'<pre class="nb-traceback">{to_html(_bounded(chr(10).join(map(str, lines))))}</pre>'
    data = output.get("data")
    return _bundle(data) if isinstance(data, Mapping) else ""


def _bundle(data: Mapping[str, Any]) -> str:
    """The richest form of a display that is safe to show."""
    for mime, name in _IMAGES.items():
        encoded = "".join(text_of(data.get(mime)).split())
        if encoded and _is_base64(encoded):
            return f'<img class="nb-image" alt="{escape(_alt(data))}" src="data:image/{name};base64,{encoded}">'
    if svg := text_of(data.get("image/svg+xml")):
        encoded = base64.b64encode(svg.encode()).decode()
        return f'<img class="nb-image" alt="{escape(_alt(data))}" src="data:image/svg+xml;base64,{encoded}">'
    if html := text_of(data.get("text/html")):
        cleaned = cleaned_html(html)
        if re.sub(r"<[^>]*>|\s", "", cleaned) or "<img" in cleaned:
            return f'<div class="nb-html">{cleaned}</div>'
    if markdown := text_of(data.get("text/markdown")):
        return f'<div class="nb-md">{_markdown(markdown)}</div>'
    text = text_of(data.get("text/plain")) or text_of(data.get("text/latex"))
    return f'<pre class="nb-out">{to_html(_bounded(text))}</pre>' if text else ""


def cleaned_html(html: str) -> str:
    """HTML of an output with only harmless elements left: no script, style, frame, form, handler or remote image."""
    from bleach.sanitizer import Cleaner

    def allowed(tag: str, name: str, value: str) -> bool:
        if name == "src":
            return tag == "img" and value.startswith("data:image/")
        return name in _ATTRIBUTES["*"] or name in _ATTRIBUTES.get(tag, [])

    cleaner = Cleaner(tags=_TAGS, attributes=allowed, protocols={"http", "https", "mailto", "data"}, strip=True)
    cleaned = str(cleaner.clean(_DROPPED.sub("", html)))
    return re.sub(r'href="\s*data:[^"]*"', "", cleaned, flags=re.IGNORECASE)


def _bounded(text: str) -> str:
    if len(text) <= TEXT_LIMIT:
        return text
    half = TEXT_LIMIT // 2
    cut = f"… {size(len(text) - TEXT_LIMIT)} left out here; the executed notebook has all …"
    return f"{text[:half]}\n{cut}\n{text[-half:]}"


def _alt(data: Mapping[str, Any]) -> str:
    return text_of(data.get("text/plain"))[:120] or "figure"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True
