"""Markdown cells as HTML, for reading in a report: the constructs that notebooks use, and nothing that could do harm.

Everything is escaped first and marked up after; raw HTML passes through the sanitizer, addresses through its checks.
Formulas stay as they are written. It is no complete implementation of a standard, and need not be: the source is shown
beside it. Source of the constructs: https://spec.commonmark.org/0.31.2/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from nb2flow.diff.show.sanitize import safe_image, safe_link, sanitize

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:\s*\1){2,}\s*$")
_ITEM = re.compile(r"^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$")
_HTML = re.compile(r"^ {0,3}</?[a-zA-Z][^>]*>")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_SPAN = re.compile(
    r"(?P<code>(?P<ticks>`+)(?P<inner>.+?)(?<!`)(?P=ticks)(?!`))"
    r"|(?P<math>\$\$.+?\$\$|\$[^$\n]+\$)"
    r"|(?P<image>!\[(?P<alt>[^\]]*)\]\((?P<src>[^)\s]*)[^)]*\))"
    r"|(?P<link>\[(?P<label>[^\]]+)\]\((?P<href>[^)\s]+)[^)]*\))"
    r"|(?P<bold>\*\*(?P<strong>\S.*?)\*\*|__(?P<strong2>\S.*?)__)"
    r"|(?P<italic>\*(?P<em>[^*\s][^*]*)\*|(?<!\w)_(?P<em2>[^_\s][^_]*)_(?!\w))"
    r"|(?P<gone>~~(?P<del>\S.*?)~~)"
    r"|(?P<bare>https?://[^\s<>()]+)",
    re.DOTALL,
)
_DEEPEST = 6

Image = Callable[[str], str | None]


def render(source: str, attachment: Image = safe_image) -> str:
    """A Markdown source as HTML. `attachment` turns an image's address into one that may be shown, or None."""
    return _blocks(source.expandtabs(4).split("\n"), attachment, 0)


def _blocks(lines: Sequence[str], image: Image, depth: int) -> str:
    parts: list[str] = []
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        html, place = _block(lines, place, image, depth)
        parts.append(html)
    return "\n".join(parts)


def _block(lines: Sequence[str], place: int, image: Image, depth: int) -> tuple[str, int]:
    line = lines[place]
    fence = _FENCE.match(line)
    if fence:
        return _fenced(lines, place, fence.group(1))
    heading = _HEADING.match(line)
    if heading:
        level = len(heading.group(1))
        return f"<h{level}>{inline(heading.group(2) or '', image)}</h{level}>", place + 1
    if _RULE.match(line):
        return "<hr>", place + 1
    if line.lstrip().startswith(">") and depth < _DEEPEST:
        end = _while(lines, place, lambda x: bool(x.strip()))
        inner = [re.sub(r"^\s*> ?", "", x) for x in lines[place:end]]
        return f"<blockquote>{_blocks(inner, image, depth + 1)}</blockquote>", end
    if _ITEM.match(line) and depth < _DEEPEST:
        return _list(lines, place, image, depth)
    if line.startswith("    "):
        end = _while(lines, place, lambda x: x.startswith("    "))
        return f"<pre><code>{escape(chr(10).join(x[4:] for x in lines[place:end]))}</code></pre>", end
    if _HTML.match(line):
        end = _while(lines, place, lambda x: bool(x.strip()))
        return sanitize("\n".join(lines[place:end])), end
    if "|" in line and place + 1 < len(lines) and "-" in lines[place + 1] and _TABLE_RULE.match(lines[place + 1]):
        return _table(lines, place, image)
    end = place + 1
    while end < len(lines) and lines[end].strip() and not _starts_block(lines[end]):
        end += 1
    return f"<p>{inline(chr(10).join(lines[place:end]), image)}</p>", end


def _starts_block(line: str) -> bool:
    return bool(_FENCE.match(line) or _HEADING.match(line) or _ITEM.match(line) or line.lstrip().startswith(">"))


def _while(lines: Sequence[str], place: int, condition: Callable[[str], bool]) -> int:
    while place < len(lines) and condition(lines[place]):
        place += 1
    return place


def _fenced(lines: Sequence[str], place: int, fence: str) -> tuple[str, int]:
    end = place + 1
    while end < len(lines) and not lines[end].strip().startswith(fence):
        end += 1
    return f"<pre><code>{escape(chr(10).join(lines[place + 1 : end]))}</code></pre>", end + 1


def _list(lines: Sequence[str], place: int, image: Image, depth: int) -> tuple[str, int]:
    """Items up to the end of the list; what is indented deeper belongs to the item above."""
    first = _ITEM.match(lines[place])
    assert first is not None
    indent, name = len(first.group(1)), "ul" if first.group(2) else "ol"
    items: list[list[str]] = []
    while place < len(lines):
        line = lines[place]
        found = _ITEM.match(line)
        deeper = len(line) - len(line.lstrip()) > indent
        if found and len(found.group(1)) <= indent:
            if len(found.group(1)) < indent or ("ul" if found.group(2) else "ol") != name:
                break
            items.append([found.group(4)])
        elif line.strip() and not deeper and (not lines[place - 1].strip() or _starts_block(line)):
            break
        elif items:
            items[-1].append(line[indent + 2 :] if deeper else line.strip())
        place += 1
    written = "".join(f"<li>{_item(item, image, depth)}</li>" for item in items)
    return f"<{name}>{written}</{name}>", place


def _item(lines: Sequence[str], image: Image, depth: int) -> str:
    html = _blocks(lines, image, depth + 1)
    whole = re.fullmatch(r"<p>((?:(?!<p>).)*)</p>", html, re.DOTALL)
    return whole.group(1) if whole else html


def _table(lines: Sequence[str], place: int, image: Image) -> tuple[str, int]:
    end = _while(lines, place, lambda x: "|" in x)
    rows = [[inline(cell.strip(), image) for cell in x.strip().strip("|").split("|")] for x in lines[place:end]]
    head = "".join(f"<th>{cell}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[2:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", end


def inline(text: str, image: Image = safe_image, depth: int = 0) -> str:
    """Emphasis, code, links and images inside one paragraph."""
    parts: list[str] = []
    place = 0
    for found in _SPAN.finditer(text):
        parts.append(_plain(text[place : found.start()]))
        parts.append(_span(found, image, depth))
        place = found.end()
    return "".join(parts) + _plain(text[place:])


def _plain(text: str) -> str:
    html = escape(text)
    html = re.sub(r"\\([\\`*_{}\[\]()#+.!|-])", r"\1", html)
    html = re.sub(r"&lt;(/?)(br|b|i|em|strong|sub|sup|u|code|kbd)\s*/?&gt;", r"<\1\2>", html)
    return re.sub(r" {2,}\n", "<br>\n", html)


def _span(found: re.Match[str], image: Image, depth: int) -> str:
    group = found.groupdict()
    if group["code"]:
        return f"<code>{escape(group['inner'].strip())}</code>"
    if group["math"]:
        return f'<span class="math">{escape(group["math"])}</span>'
    if group["image"]:
        address = image(group["src"])
        alt = escape(group["alt"])
        return (
            f'<img src="{escape(address)}" alt="{alt}">'
            if address
            else f'<span class="absent">🖼 {alt or "image"}</span>'
        )
    if group["link"] or group["bare"]:
        label = group["label"] or group["bare"]
        link = safe_link(group["href"] or group["bare"])
        inner = inline(label, image, depth + 1) if group["link"] and depth < _DEEPEST else escape(label)
        return f'<a href="{escape(link)}" rel="noopener noreferrer" target="_blank">{inner}</a>' if link else inner
    for name, tag in (("strong", "strong"), ("strong2", "strong"), ("em", "em"), ("em2", "em"), ("del", "del")):
        if group[name]:
            inner = inline(group[name], image, depth + 1) if depth < _DEEPEST else escape(group[name])
            return f"<{tag}>{inner}</{tag}>"
    return escape(found.group())
