"""A comparison as one HTML page that needs nothing else: for a review, an attachment, an artifact of CI.

Built from strings; every text of a notebook is escaped, rendered Markdown and HTML outputs come sanitised, images are
embedded, and the page's policy forbids every script but its own and every request. Unchanged cells are folded.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import Any

from nb2flow.diff.changes import CellChange, NotebookDiff
from nb2flow.diff.document import Cell, joined
from nb2flow.diff.noise import brief
from nb2flow.diff.outputs import (
    ErrorPart,
    ImagePart,
    Output,
    OutputChange,
    Part,
    TablePart,
    TextPart,
    main_type,
    outputs_of,
)
from nb2flow.diff.show import markdown, words
from nb2flow.diff.show.page_assets import SCRIPT, STYLE
from nb2flow.diff.show.sanitize import safe_image, sanitize
from nb2flow.diff.text import Block, Span, blocks, cut, pair_lines, put_together
from nb2flow.diff.text import words as words_of_line

_CONTEXT = 3
_LONGEST_OUTPUT = 20_000
_SEEN, _TAG = re.compile("<(?:img|hr)"), re.compile("<[^>]*>")
_BITMAPS = ("image/png", "image/jpeg", "image/gif", "image/webp")


def render_page(diffs: Sequence[NotebookDiff]) -> str:
    """The page for one or several comparisons."""
    return "".join(pieces_of_page(diffs))


def pieces_of_page(diffs: Sequence[NotebookDiff]) -> Iterator[str]:
    """The page cell by cell: whole, one with large images takes more memory than the notebooks."""
    digest = b64encode(sha256(SCRIPT.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = "Notebook changes" if len(diffs) != 1 else f"{diffs[0].remote.name}: changes"
    yield (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f'<header><h1>{escape(title)}</h1><div><button id="all">Unfold unchanged</button> '
        '<button id="theme">Light or dark</button></div></header>'
    )
    for diff in diffs:
        yield from _notebook(diff)
    yield "" if diffs else "<p>No notebook differs.</p>"
    yield f"</main><script>{SCRIPT}</script></body></html>\n"


def _notebook(diff: NotebookDiff) -> Iterator[str]:
    parts = [
        f'<section><p class="files">{escape(diff.base.name)} → {escape(diff.remote.name)}</p>',
        f'<p class="summary">{escape(words.whole_summary(diff))}</p>',
    ]
    for side in (diff.base, diff.remote):
        parts += [f'<p class="warning">{escape(side.name)}: {escape(w)}</p>' for w in side.warnings[:10]]
    if diff.noise:
        parts.append(f'<p class="noise">Noise, folded: {escape(words.noise_line(diff.noise))}</p>')
    if diff.metadata:
        values = "".join(f"<li>{escape(words.value_change(c))}</li>" for c in diff.metadata)
        head = '<div class="head"><b>Notebook metadata</b></div>'
        body = f'<div class="body"><ul class="values">{values}</ul></div>'
        parts.append(f'<div class="cell metadata">{head}{body}</div>')
    yield "\n".join(parts)
    for same, group in groupby(diff.cells, key=lambda c: c.kind == "unchanged"):
        cells = list(group)
        yield "\n"
        yield from _unchanged(cells) if same else map(_changed, cells)
    yield "\n</section>"


def _unchanged(cells: Sequence[CellChange]) -> Iterator[str]:
    yield f'<details class="same"><summary>{words.count(len(cells), "unchanged cell")}</summary>'
    for cell in cells:
        head = f'<div class="head"><span>{escape(words.headline(cell))}</span></div>'
        yield f'<div class="cell">{head}<div class="body">{_whole(cell.remote[0])}</div></div>'
    yield "</details>"


def _changed(change: CellChange) -> str:
    head = f"<b>{escape(words.headline(change).capitalize())}</b> <span>{escape(words.cell_type(change))}</span>"
    return (
        f'<div class="cell {change.kind}"><div class="head">{head}</div>'
        f'<div class="body">{"".join(_body(change))}</div></div>'
    )


def _body(change: CellChange) -> Iterator[str]:
    if change.kind in ("added", "removed"):
        cell = (change.remote or change.base)[0]
        mark = "n" if change.kind == "added" else "o"
        yield _lines(f'<div class="{mark}">{_sign(mark)}{escape(x)}</div>' for x in brief(cell.source).split("\n"))
        if cell.type == "markdown":
            yield f'<details><summary>rendered</summary><div class="rendered">{_markdown(cell)}</div></details>'
        yield _outputs_of(cell)
    elif change.kind in ("split", "merged"):
        yield _lines(_rearranged(change))
    elif change.source_changed:
        old, new = change.base[0], change.remote[0]
        yield _lines(text_diff(old.source, new.source))
        if "markdown" in (old.type, new.type):
            sides = "".join(
                f'<div data-side="{name}" class="rendered">{_markdown(cell)}</div>'
                for name, cell in (("before", old), ("after", new))
            )
            yield f'<details><summary>rendered</summary><div class="pair">{sides}</div></details>'
    else:
        yield f"<details><summary>source</summary>{_source(change.remote[0])}</details>"
    yield from (_output_change(o) for o in change.outputs)
    values = [escape(words.value_change(v)) for v in (*change.metadata, *change.attachments)]
    if values:
        yield f'<ul class="values">{"".join(f"<li>{v}</li>" for v in values)}</ul>'


def _rearranged(change: CellChange) -> Iterator[str]:
    (a, starts_a), (b, starts_b) = (put_together([c.source for c in side]) for side in (change.base, change.remote))
    rules = {"o": set(starts_a), "n": set(starts_b)}
    for number, block in enumerate(found := list(cut(blocks(a, b), starts_a, starts_b))):
        for (mark, starts), place in zip(rules.items(), (block.a0, block.b0), strict=True):
            if place in starts:
                starts.remove(place)
                yield f'<div class="{mark} rule">{_sign(mark)}────</div>'
        yield from _block(block, a, b, number == 0, number == len(found) - 1)


def _lines(lines: Iterator[str]) -> str:
    return f'<div class="lines">{"".join(lines)}</div>'


def text_diff(old: str, new: str) -> Iterator[str]:
    """The lines of two texts, words marked where lines belong together."""
    a, b = brief(old).splitlines(), brief(new).splitlines()
    found = blocks(a, b)
    for number, block in enumerate(found):
        yield from _block(block, a, b, number == 0, number == len(found) - 1)


def _block(block: Block, a: Sequence[str], b: Sequence[str], first: bool, last: bool) -> Iterator[str]:
    old, new = a[block.a0 : block.a1], b[block.b0 : block.b1]
    if block.tag == "equal":
        yield from _context(old, first, last)
        return
    removed: list[str] = []
    added: list[str] = []
    for i, j in pair_lines(old, new):
        if i is not None and j is not None:
            spans = words_of_line(old[i], new[j])
            removed.append(_marked("o", spans[0]))
            added.append(_marked("n", spans[1]))
        elif i is not None:
            removed.append(f'<div class="o">{_sign("o")}{escape(old[i])}</div>')
        elif j is not None:
            added.append(f'<div class="n">{_sign("n")}{escape(new[j])}</div>')
    yield from removed + added


def _sign(mark: str) -> str:
    return "- " if mark == "o" else "+ "


def _context(lines: Sequence[str], first: bool, last: bool) -> Iterator[str]:
    before, after = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    if len(lines) <= before + after + 1:
        before, after = len(lines), 0
    left = len(lines) - before - after
    yield from (f"<div>  {escape(line)}</div>" for line in lines[:before])
    if left:
        yield f'<div class="skip">… {words.count(left, "unchanged line")}</div>'
    yield from (f"<div>  {escape(line)}</div>" for line in lines[len(lines) - after :] if after)


def _marked(mark: str, spans: Sequence[Span]) -> str:
    inner = "".join(f"<i>{escape(s.text)}</i>" if s.changed else escape(s.text) for s in spans)
    return f'<div class="{mark}">{_sign(mark)}{inner}</div>'


def _whole(cell: Cell) -> str:
    return _source(cell) + _outputs_of(cell)


def _source(cell: Cell) -> str:
    if cell.type == "markdown":
        return f'<div class="rendered">{_markdown(cell)}</div>'
    return f"<pre>{escape(cell.source)}</pre>"


def _markdown(cell: Cell) -> str:
    attachments: Any = cell.raw.get("attachments")

    def image(address: str) -> str | None:
        bundle = attachments.get(address.removeprefix("attachment:")) if isinstance(attachments, dict) else None
        for mime, data in bundle.items() if isinstance(bundle, dict) else ():
            if mime in _BITMAPS:
                return safe_image(f"data:{mime};base64,{joined(data)}")
        return safe_image(address)

    return markdown.render(cell.source[:_LONGEST_OUTPUT], image)


def _outputs_of(cell: Cell) -> str:
    if cell.type != "code":
        return ""
    return "".join(f'<div class="output">{_rich(output)}</div>' for output in outputs_of(cell.raw))


def _rich(output: Output) -> str:
    """One output as a front end would show it, made harmless."""
    mime = main_type(output)
    if output.kind in ("result", "display"):
        if mime.startswith("image/"):
            return _image(mime, joined(output.data[mime]))
        if mime == "text/html":
            return _cleaned(joined(output.data[mime]))
        if mime == "text/markdown":
            return f'<div class="rendered">{markdown.render(joined(output.data[mime])[:_LONGEST_OUTPUT])}</div>'
    text = output.text or (f"[{mime}]" if mime else "")
    cut = "\n… cut here" if len(text) > _LONGEST_OUTPUT else ""
    return f"<pre>{escape(text[:_LONGEST_OUTPUT] + cut)}</pre>"


def _cleaned(text: str) -> str:
    """HTML made harmless; where that leaves nothing to see, it is said that something was there."""
    clean = sanitize(text)
    if _SEEN.search(clean) or _TAG.sub("", clean).strip():
        return f'<div class="rendered">{clean}</div>'
    return "<pre>[text/html that only scripts, media or frames show: left out here]</pre>"


def _address(mime: str, text: str) -> str | None:
    if mime == "image/svg+xml":  # as an image, an SVG can neither run scripts nor load anything
        return f"data:image/svg+xml;base64,{b64encode(text.encode('utf-8', 'replace')).decode('ascii')}"
    return safe_image(f"data:{mime};base64,{text}")


def _image(mime: str, text: str) -> str:
    address = _address(mime, text)
    return f'<img src="{escape(address)}" alt="{escape(mime)}">' if address else f"<p>[{escape(mime)}]</p>"


def _output_change(change: OutputChange) -> str:
    shown = "".join(_part(part, change) for part in change.parts)
    if not change.parts:
        output = change.new or change.old
        shown = _rich(output) if output is not None else ""
    return f'<div class="output"><p>{escape(words.output_headline(change))}</p>{shown}</div>'


def _part(part: Part, change: OutputChange) -> str:
    if isinstance(part, ImagePart):
        return _images(part)
    values = words.detail_lines(part, 200)
    shown = f'<ul class="values">{"".join(f"<li>{escape(v)}</li>" for v in values)}</ul>' if values else ""
    if isinstance(part, TablePart) or (isinstance(part, TextPart) and part.mime == "text/html"):
        return shown + _pair(change)
    if isinstance(part, TextPart | ErrorPart):
        pair = words.texts(part)
        return _lines(text_diff(*pair)) if pair is not None else ""
    return shown or _pair(change)


def _pair(change: OutputChange) -> str:
    sides = (("before", change.old), ("after", change.new))
    inner = "".join(f'<div data-side="{name}">{_rich(side)}</div>' for name, side in sides if side is not None)
    return f'<details><summary>both</summary><div class="pair">{inner}</div></details>'


def _images(part: ImagePart) -> str:
    old, new = _image(part.mime, part.old), _image(part.mime, part.new)
    pair = f'<div class="pair"><div data-side="before">{old}</div><div data-side="after">{new}</div></div>'
    same_size = part.change.old[:2] == part.change.new[:2] and part.change.new.width
    if not same_size or not _address(part.mime, part.old):
        return pair
    swipe = (
        '<div class="swipe"><img alt="after"><img class="top" alt="before"><div class="bar"></div>'
        '<input type="range" value="50" aria-label="swipe"></div>'
    )
    return f'{pair}<details class="swiping"><summary>swipe</summary>{swipe}</details>'
