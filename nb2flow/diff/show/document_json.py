"""Our JSON form of a comparison: versioned, complete enough to patch with, and described by a published schema.

`docs/reference/diff.schema.json` is the contract; whatever is written here fits it (a test holds them together). Moves,
splits and the summary are told as such, so that no reader has to find them again in an edit script.
"""

from __future__ import annotations

from typing import Any

from nb2flow.diff.changes import CellChange, NotebookDiff
from nb2flow.diff.document import Cell, Document
from nb2flow.diff.edits import Edit, digest
from nb2flow.diff.noise import MISSING, ValueChange
from nb2flow.diff.outputs import DataPart, ErrorPart, ImagePart, OutputChange, Part, TablePart, ValuePart
from nb2flow.diff.show import words
from nb2flow.diff.text import blocks, lines_of

FORMAT = "nb2flow.diff"
VERSION = 1


def to_json(diff: NotebookDiff, edits: list[Edit] | None) -> dict[str, Any]:
    """The comparison as a JSON object; `edits` (of `edits.exact_edits`) make it a patch."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "base": _side(diff.base),
        "remote": _side(diff.remote),
        "changed": diff.changed,
        "summary": diff.summary._asdict(),
        "cells": [_cell(c) for c in diff.cells if c.kind != "unchanged"],
        "metadata": [_value(c) for c in diff.metadata],
        "noise": [{"what": n.what, "cells": n.cells, "detail": n.detail} for n in diff.noise],
    }
    if edits is not None:
        document["base"]["digest"] = digest(diff.base.json)
        document["remote"]["digest"] = digest(diff.remote.json)
        document["edits"] = edits
    return document


def _side(document: Document) -> dict[str, Any]:
    return {
        "name": document.name,
        "format": f"{document.format[0]}.{document.format[1]}",
        "cells": len(document.cells),
        "warnings": list(document.warnings),
    }


def _cell(change: CellChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "change": change.kind,
        "base": [c.number for c in change.base],
        "remote": [c.number for c in change.remote],
        "cell_type": words.cell_type(change),
        "source_changed": change.source_changed or change.kind in ("added", "removed"),
    }
    ids = [[c.id for c in side] for side in (change.base, change.remote)]
    if any(i is not None for side in ids for i in side):
        found["ids"] = {"base": ids[0], "remote": ids[1]}
    if change.kind in ("added", "removed", "split", "merged"):
        found["sources"] = {"base": _sources(change.base), "remote": _sources(change.remote)}
    elif change.source_changed:
        found["hunks"] = _hunks(change.base[0].source, change.remote[0].source)
    if change.outputs:
        found["outputs"] = [_output(o) for o in change.outputs]
    for name, values in (("metadata", change.metadata), ("attachments", change.attachments)):
        if values:
            found[name] = [_value(v) for v in values]
    if change.noise:
        found["noise"] = list(change.noise)
    return found


def _sources(cells: tuple[Cell, ...]) -> list[str]:
    return [c.source for c in cells]


def _hunks(old: str, new: str) -> list[dict[str, Any]]:
    """The changed lines, with the 0-based numbers of the first of them on either side."""
    a, b = lines_of(old), lines_of(new)
    return [
        {"base": block.a0, "remote": block.b0, "old": a[block.a0 : block.a1], "new": b[block.b0 : block.b1]}
        for block in blocks(a, b)
        if block.tag != "equal"
    ]


def _output(change: OutputChange) -> dict[str, Any]:
    output = change.new or change.old
    return {
        "change": change.action,
        "base": change.base,
        "remote": change.remote,
        "name": "" if output is None else words.output_name(output),
        "parts": [_part(p) for p in change.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        sizes = {side: [i.width, i.height, i.bytes] for side, i in (("old", part.change.old), ("new", part.change.new))}
        return {"kind": "image", "mime": part.mime, **sizes, "differing_pixels": part.change.share}
    if isinstance(part, TablePart):
        table = part.change._asdict()
        table["values"] = [v._asdict() for v in part.change.values]
        return {"kind": "table", "mime": part.mime, **table}
    if isinstance(part, ErrorPart):
        old, new = [part.old_name, part.old_value], [part.new_name, part.new_value]
        return {"kind": "error", "mime": "text/plain", "old": old, "new": new}
    if isinstance(part, ValuePart):
        return {"kind": "json", "mime": part.mime, "values": [_value(c) for c in part.changes]}
    if isinstance(part, DataPart):
        return {"kind": "data", "mime": part.mime, "old": part.old_size, "new": part.new_size}
    return {"kind": "text", "mime": part.mime, "hunks": _hunks(part.old, part.new)}


def _value(change: ValueChange) -> dict[str, Any]:
    found: dict[str, Any] = {"path": list(change.path)}
    if change.old is not MISSING:
        found["old"] = change.old
    if change.new is not MISSING:
        found["new"] = change.new
    return found
