"""A comparison as text for a terminal or a pipe: sources first, then outputs, then metadata, noise in one line.

Yields lines. Colours are a table of codes, empty for plain text, so that both forms are the same text. Long outputs
are cut unless all is asked for; nothing of a source is ever cut but unchanged lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nb2flow.diff.changes import CellChange, NotebookDiff
from nb2flow.diff.document import Cell
from nb2flow.diff.noise import brief
from nb2flow.diff.outputs import Output, OutputChange, outputs_of
from nb2flow.diff.show import words
from nb2flow.diff.text import Block, Span, blocks, cut, pair_lines, put_together
from nb2flow.diff.text import words as words_of_line

COLOURS: Mapping[str, str] = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "old": "\x1b[31m",
    "new": "\x1b[32m",
    "old-word": "\x1b[1;97;41m",
    "new-word": "\x1b[1;97;42m",
    "head": "\x1b[36m",
    "warn": "\x1b[33m",
    "end": "\x1b[0m",
}
PLAIN: Mapping[str, str] = {}


class Style(NamedTuple):
    """How to show: `colours` by role, `context` unchanged lines around changes, `outputs` lines of an output at most
    (None for all), `inline` for both versions of a changed line in one line."""

    colours: Mapping[str, str] = PLAIN
    context: int = 3
    outputs: int | None = 20
    inline: bool = False
    fold_outputs: bool = False

    def paint(self, role: str, text: str) -> str:
        """The text in the colour of its role."""
        start = self.colours.get(role)
        return f"{start}{text}{self.colours['end']}" if start and text else text


def render(diff: NotebookDiff, style: Style) -> Iterator[str]:
    """The whole comparison, line by line, without line ends."""
    yield style.paint("bold", f"--- {diff.base.name}")
    yield style.paint("bold", f"+++ {diff.remote.name}")
    yield style.paint("bold", words.whole_summary(diff))
    for side in (diff.base, diff.remote):
        for warning in side.warnings[:5]:
            yield style.paint("warn", f"warning: {side.name}: {warning}")
        if len(side.warnings) > 5:
            yield style.paint("warn", f"warning: {side.name}: … and {len(side.warnings) - 5} more")
    for change in diff.cells:
        if change.kind != "unchanged":
            yield ""
            yield from _cell(change, style)
    if diff.metadata:
        yield ""
        yield style.paint("head", "@@ notebook metadata")
        for value in diff.metadata:
            yield f"  {words.value_change(value)}"
    if diff.noise:
        yield ""
        yield style.paint("dim", f"noise folded: {words.noise_line(diff.noise)}")


def _cell(change: CellChange, style: Style) -> Iterator[str]:
    yield style.paint("head", f"@@ {words.headline(change)} ({words.cell_type(change)})")
    if change.kind == "added":
        yield from _whole(change.remote[0], "+", "new", style)
    elif change.kind == "removed":
        yield from _whole(change.base[0], "-", "old", style)
    elif change.kind in ("split", "merged"):
        yield from _rearranged(change, style)
    elif change.source_changed:
        yield from text_diff(change.base[0].source, change.remote[0].source, style)
    else:
        yield from _reminder(change.remote[0], style)
    for output in change.outputs:
        yield from _output(output, style)
    for value in (*change.metadata, *change.attachments):
        yield f"  {words.value_change(value)}"


def _whole(cell: Cell, mark: str, role: str, style: Style) -> Iterator[str]:
    for line in brief(cell.source).split("\n"):
        yield style.paint(role, f"{mark} {line}".rstrip())
    outputs = outputs_of(cell.raw) if cell.type == "code" else []
    if outputs and (style.outputs is not None or style.fold_outputs):
        yield style.paint("dim", f"  with {words.count(len(outputs), 'output')}")
        return
    for number, output in enumerate(outputs, 1):
        yield style.paint(role, f"  output {number} ({words.output_name(output)})")
        yield from (style.paint(role, f"    {mark} {line}") for line in _preview(output))


def _reminder(cell: Cell, style: Style) -> Iterator[str]:
    """The first line of an unchanged source, to know which cell is meant."""
    lines = [line for line in cell.source.split("\n") if line.strip()]
    if lines:
        more = f" … ({words.count(len(lines), 'line')})" if len(lines) > 1 else ""
        yield style.paint("dim", f"  {lines[0][:100]}{more}")


def _rearranged(change: CellChange, style: Style) -> Iterator[str]:
    """A split or a merge: the lines of all parts after each other, a rule where one cell ends."""
    (a, starts_a), (b, starts_b) = (put_together([c.source for c in side]) for side in (change.base, change.remote))
    rules = {("-", "old"): set(starts_a), ("+", "new"): set(starts_b)}
    for number, block in enumerate(found := list(cut(blocks(a, b), starts_a, starts_b))):
        for ((mark, role), starts), place in zip(rules.items(), (block.a0, block.b0), strict=True):
            if place in starts:
                starts.remove(place)
                yield style.paint(role, f"{mark} ────")
        yield from _block(block, a, b, (number == 0, number == len(found) - 1), style, "")


def text_diff(old: str, new: str, style: Style, indent: str = "") -> Iterator[str]:
    """Two texts line by line, with words marked in lines that belong together."""
    a, b = brief(old).splitlines(), brief(new).splitlines()
    found = blocks(a, b)
    for number, block in enumerate(found):
        yield from _block(block, a, b, (number == 0, number == len(found) - 1), style, indent)
    if old.endswith("\n") != new.endswith("\n") and old and new and old.rstrip("\n") == new.rstrip("\n"):
        yield style.paint(
            "dim", f"{indent}  (a line end at the end was {'removed' if old.endswith(chr(10)) else 'added'})"
        )


def _block(
    block: Block, a: list[str], b: list[str], ends: tuple[bool, bool], style: Style, indent: str
) -> Iterator[str]:
    """One block; `ends` say whether it is the first and whether the last."""
    if block.tag == "equal":
        return _context(a[block.a0 : block.a1], *ends, style, indent)
    return _changed_lines(a[block.a0 : block.a1], b[block.b0 : block.b1], style, indent)


def _context(lines: list[str], first: bool, last: bool, style: Style, indent: str) -> Iterator[str]:
    before, after = (0 if first else style.context), (0 if last else style.context)
    if len(lines) <= before + after + 1:
        before, after = len(lines), 0
    left = len(lines) - before - after
    yield from (f"{indent}  {line}" for line in lines[:before])
    if left:
        yield style.paint("dim", f"{indent}  … {words.count(left, 'unchanged line')}")
    yield from (f"{indent}  {line}" for line in lines[len(lines) - after :] if after)


def _changed_lines(old: list[str], new: list[str], style: Style, indent: str) -> Iterator[str]:
    removed: list[str] = []
    added: list[str] = []
    for i, j in pair_lines(old, new):
        if i is not None and j is not None:
            if style.inline:
                yield from removed + added
                removed, added = [], []
                yield f"{indent}  {_inline(*words_of_line(old[i], new[j]), style)}"
                continue
            left, right = words_of_line(old[i], new[j])
            removed.append(_marked("-", "old", left, style, indent))
            added.append(_marked("+", "new", right, style, indent))
        elif i is not None:
            removed.append(style.paint("old", f"{indent}- {old[i]}"))
        elif j is not None:
            added.append(style.paint("new", f"{indent}+ {new[j]}"))
    yield from removed + added


def _marked(mark: str, role: str, spans: list[Span], style: Style, indent: str) -> str:
    if not style.colours or all(span.changed for span in spans):
        return style.paint(role, f"{indent}{mark} {''.join(span.text for span in spans)}")
    painted = "".join(style.paint(f"{role}-word" if span.changed else role, span.text) for span in spans)
    return style.paint(role, f"{indent}{mark} ") + painted


def _inline(old: list[Span], new: list[Span], style: Style) -> str:
    """Both versions in one line: unchanged words once, removed and added ones in marks or in colour."""
    left, right = iter(old), iter(new)
    a, b = next(left, None), next(right, None)
    parts: list[str] = []
    while a is not None or b is not None:
        if a is not None and a.changed:
            parts.append(style.paint("old-word", a.text) if style.colours else f"[-{a.text}-]")
            a = next(left, None)
        elif b is not None and b.changed:
            parts.append(style.paint("new-word", b.text) if style.colours else f"{{+{b.text}+}}")
            b = next(right, None)
        else:
            shared = a or b
            parts.append(shared.text if shared is not None else "")
            a, b = next(left, None), next(right, None)
    return "".join(parts)


def _output(change: OutputChange, style: Style) -> Iterator[str]:
    role = {"added": "new", "removed": "old"}.get(change.action, "bold")
    yield style.paint(role, f"  {words.output_headline(change)}")
    if style.fold_outputs:
        return
    if not change.parts:
        mark = "+" if change.action == "added" else "-"
        yield from _cut((style.paint(role, f"    {mark} {line}") for line in _preview(change.new or change.old)), style)
    for part in change.parts:
        for line in words.detail_lines(part, 1000 if style.outputs is None else 12):
            yield f"    {line}"
        pair = words.texts(part)
        if pair is not None and (style.outputs is None or not words.unreadable(part)):
            yield from _cut(text_diff(*pair, style, "    "), style)


def _preview(output: Output | None) -> list[str]:
    text = "" if output is None else brief(output.text)
    return [line for line in text.split("\n") if line.strip()]


def _cut(lines: Iterator[str], style: Style) -> Iterator[str]:
    for number, line in enumerate(lines):
        if style.outputs is not None and number >= style.outputs:
            yield style.paint("dim", "    … cut here; --full-outputs shows all of it")
            return
        yield line
