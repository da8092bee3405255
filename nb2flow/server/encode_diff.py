"""Comparisons of notebooks and of runs as values of the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nb2flow.diff import outputs as diff_outputs
from nb2flow.diff import text
from nb2flow.diff.changes import CellChange, NotebookDiff, Scope
from nb2flow.diff.compare import diff
from nb2flow.diff.document import Cell, Document, empty, reads
from nb2flow.diff.noise import MISSING
from nb2flow.diff.noise import ValueChange as Change
from nb2flow.diff.outputs import DataPart, ErrorPart, ImagePart, Part, TablePart, ValuePart
from nb2flow.diff.outputs import OutputChange as Output
from nb2flow.diff.show import words
from nb2flow.server import api_diff, encode_runs
from nb2flow.server.places import Places
from nb2flow.server.projects import Listed

_LARGEST_DRAWN = 2_000_000  # bytes of one output


def compare_bytes(base: bytes | None, base_name: str, remote: bytes | None, remote_name: str, scope: Scope) -> bytes:
    """The `DiffReply` of two files' bytes as JSON; None is a notebook that is not there."""
    sides = [empty(n) if d is None else reads(d, n) for d, n in ((base, base_name), (remote, remote_name))]
    return msgspec.json.encode(notebooks(diff(sides[0], sides[1], scope)))


def notebooks(found: NotebookDiff) -> api_diff.DiffReply:
    """Two notebooks."""
    return api_diff.DiffReply(
        base=_side(found.base),
        remote=_side(found.remote),
        changed=found.changed,
        summary=api_diff.DiffSummary(**found.summary._asdict()),
        cells=[_cell(c) for c in found.cells],
        metadata=[_value(v) for v in found.metadata],
        noise=[api_diff.Noise(what=n.what, cells=n.cells, detail=n.detail) for n in found.noise],
    )


def runs(left: Listed, right: Listed, places: Places, notebook: api_diff.DiffReply | None) -> api_diff.CompareReply:
    """Two runs side by side."""
    a, b = left.found.state, right.found.state
    metrics = [{m.name: m.value for m in encode_runs.metrics(r.found)} for r in (left, right)]
    return api_diff.CompareReply(
        left=encode_runs.summary(left, places),
        right=encode_runs.summary(right, places),
        parameters=_pairs(_parameters(left), _parameters(right)),
        metrics=_pairs(metrics[0], metrics[1]),
        versions=_pairs(a.versions, b.versions),
        steps=_steps(left, right),
        edges=_edges(
            {(e.source, e.target): e.carries for e in a.plan.edges},
            {(e.source, e.target): e.carries for e in b.plan.edges},
        ),
        notebook=notebook,
    )


def _side(document: Document) -> api_diff.DiffSide:
    return api_diff.DiffSide(name=document.name, cells=len(document.cells), warnings=list(document.warnings))


def _cell(change: CellChange) -> api_diff.DiffCell:
    edited = change.source_changed and len(change.base) == 1 == len(change.remote)
    plain = change.kind == "unchanged"
    return api_diff.DiffCell(
        change=change.kind,
        base=[_source(c, "" if plain else c.source) for c in change.base],
        remote=[_source(c, c.source) for c in change.remote],
        source_changed=change.source_changed,
        hunks=_hunks(change.base[0].source, change.remote[0].source) if edited else [],
        outputs=[_output(o) for o in change.outputs],
        metadata=[_value(v) for v in change.metadata],
        attachments=[_value(v) for v in change.attachments],
        noise=list(change.noise),
    )


def _source(cell: Cell, source: str) -> api_diff.DiffSource:
    return api_diff.DiffSource(number=cell.number, id=cell.id, type=cell.type, source=source)


def _hunks(old: str, new: str) -> list[api_diff.DiffHunk]:
    """The lines that differ, alike ones beside each other with their words compared."""
    a, b = text.lines_of(old), text.lines_of(new)
    found = []
    for block in text.blocks(a, b):
        if block.tag == "equal":
            continue
        before, after = a[block.a0 : block.a1], b[block.b0 : block.b1]
        rows = [_row(before, after, i, j, block) for i, j in text.pair_lines(before, after)]
        found.append(api_diff.DiffHunk(rows=rows))
    return found


def _row(before: list[str], after: list[str], i: int | None, j: int | None, block: text.Block) -> api_diff.DiffLine:
    old, new = (None if i is None else before[i].rstrip("\n")), (None if j is None else after[j].rstrip("\n"))
    if old is not None and new is not None:
        left, right = text.words(old, new)
    else:
        left, right = [text.Span(old or "", True)], [text.Span(new or "", True)]
    return api_diff.DiffLine(
        base_line=None if i is None else block.a0 + i,
        remote_line=None if j is None else block.b0 + j,
        base=None if old is None else _spans(left),
        remote=None if new is None else _spans(right),
    )


def _spans(spans: list[text.Span]) -> list[api_diff.Span]:
    return [api_diff.Span(text=s.text, changed=s.changed) for s in spans]


def _value(change: Change) -> api_diff.ValueChange:
    added, removed = change.old is MISSING, change.new is MISSING
    return api_diff.ValueChange(
        path=[str(p) for p in change.path],
        added=added,
        removed=removed,
        old=None if added else change.old,
        new=None if removed else change.new,
    )


def _output(change: Output) -> api_diff.OutputChange:
    output = change.new or change.old
    return api_diff.OutputChange(
        change=change.action,
        name="" if output is None else words.output_name(output),
        kind=_kind(change.parts[0]) if change.parts else "",
        words="; ".join(words.part_line(p) for p in change.parts),
        base=change.base,
        remote=change.remote,
        old=_whole(change.old),
        new=_whole(change.new),
    )


def _whole(output: diff_outputs.Output | None) -> dict[str, Any] | None:
    """An output to be drawn, unless it is so large that the page would stand still."""
    if output is None or output.kind == "unknown":
        return None
    stream = output.kind == "stream"
    found = {"output_type": "stream", "name": output.name, "text": output.text} if stream else output.raw
    return found if len(msgspec.json.encode(found)) <= _LARGEST_DRAWN else None


def _kind(part: Part) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (ImagePart, "image"),
        (TablePart, "table"),
        (ErrorPart, "error"),
        (ValuePart, "json"),
        (DataPart, "data"),
    )
    return next((word for kind, word in kinds if isinstance(part, kind)), "text")


def _parameters(listed: Listed) -> dict[str, str]:
    """All parameters of a run, those that were not given with their defaults as written."""
    state = listed.found.state
    given = {name: repr(value) for name, value in state.parameters.items()}
    return {p.name: repr(p.default) if p.default is not None else p.source for p in state.plan.parameters} | given


def _pairs(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[api_diff.ValuePair]:
    names = list(dict.fromkeys((*left, *right)))
    return [
        api_diff.ValuePair(name=n, left=left.get(n), right=right.get(n), same=left.get(n) == right.get(n))
        for n in names
    ]


def _steps(left: Listed, right: Listed) -> list[api_diff.StepPair]:
    a, b = left.found.state.steps, right.found.state.steps
    found = []
    for name in dict.fromkeys((*a, *b)):
        one, other = a.get(name), b.get(name)
        found.append(
            api_diff.StepPair(
                name=name,
                left_status=one.status if one else None,
                right_status=other.status if other else None,
                left_seconds=one.seconds if one else None,
                right_seconds=other.seconds if other else None,
                same_key=bool(one and other and one.key and one.key == other.key),
            )
        )
    return found


def _edges(
    left: Mapping[tuple[str, str], tuple[str, ...]], right: Mapping[tuple[str, str], tuple[str, ...]]
) -> list[api_diff.EdgePair]:
    found = []
    for source, target in dict.fromkeys((*left, *right)):
        one, other = left.get((source, target)), right.get((source, target))
        if one != other:
            found.append(
                api_diff.EdgePair(
                    source=source,
                    target=target,
                    left=None if one is None else list(one),
                    right=None if other is None else list(other),
                )
            )
    return found
