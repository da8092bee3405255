"""The words for changes: short phrases that the terminal, the page and the summary share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from nb2flow.diff.changes import CellChange, Noise, NotebookDiff, Summary
from nb2flow.diff.noise import MISSING, ValueChange
from nb2flow.diff.outputs import (
    DataPart,
    ErrorPart,
    ImagePart,
    Output,
    OutputChange,
    Part,
    TablePart,
    TextPart,
    ValuePart,
    main_type,
)

if TYPE_CHECKING:
    from nb2flow.diff.tables import TableChange

_MOST_VALUES = 12
_LONGEST_VALUE = 80
_PROGRAM = 2000


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 cell`, `3 cells`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def headline(change: CellChange) -> str:
    """What happened to a cell: `cell 3 → 4 moved and edited`, `cells 1+2 merged into 1`. Cells are numbered from 1."""
    old = "+".join(str(c.number + 1) for c in change.base)
    new = "+".join(str(c.number + 1) for c in change.remote)
    if change.kind in ("split", "merged"):
        return f"cell {old} split into {new}" if change.kind == "split" else f"cells {old} merged into {new}"
    place = " → ".join(n for n in ([old] if old == new else [old, new]) if n)
    said = {
        "unchanged": "unchanged",
        "added": "added",
        "removed": "removed",
        "modified": "modified",
        "moved": "moved",
        "moved-modified": "moved and edited",
        "type-changed": "type changed",
        "outputs": "outputs changed",
        "metadata": "metadata changed",
    }[change.kind]
    return f"cell {place} {said}"


def cell_type(change: CellChange) -> str:
    """The type of a cell, or `code → markdown`."""
    old, new = (side[0].type if side else "" for side in (change.base, change.remote))
    return f"{old} → {new}" if old and new and old != new else old or new


def summary(found: Summary) -> str:
    """One line: `1 added, 2 modified, 3 moved (1 of them edited); outputs changed in 4 cells`."""
    edited = found.moved_modified
    moved = f"{found.moved} moved" + (
        "" if not edited else " and edited" if edited == found.moved else f" ({edited} of them edited)"
    )
    said = [
        f"{found.added} added" if found.added else "",
        f"{found.removed} removed" if found.removed else "",
        f"{found.modified} modified" if found.modified else "",
        moved if found.moved else "",
        f"{found.split} split" if found.split else "",
        f"{found.merged} merged" if found.merged else "",
        f"{found.type_changed} of another type" if found.type_changed else "",
    ]
    line = ", ".join(s for s in said if s)
    cells = ""
    if line:
        single = line.startswith("1 ") and "," not in line
        cells = line.replace("1 ", "1 cell ", 1) if single else f"cells: {line}"
    rest = [
        f"outputs changed in {count(found.outputs_changed, 'cell')}" if found.outputs_changed else "",
        f"metadata changed in {count(found.metadata_changed, 'cell')}" if found.metadata_changed else "",
    ]
    return "; ".join(s for s in [cells, *rest] if s)


def whole_summary(diff: NotebookDiff) -> str:
    """The summary of a whole comparison, or that there is nothing to tell."""
    line = summary(diff.summary)
    if diff.metadata:
        line = "; ".join(s for s in (line, "notebook metadata changed") if s)
    return line or ("no content change" if diff.noise else "no change")


def noise_line(noise: Sequence[Noise]) -> str:
    """All noise in one line: `cell ids changed (12 cells), format version 4.4 → 4.5`."""
    return ", ".join(_one_noise(n) for n in noise)


def _one_noise(noise: Noise) -> str:
    if noise.detail and "→" in noise.detail:
        return f"{noise.what} {noise.detail}"
    detail = noise.detail or (count(noise.cells, "cell") if noise.cells else "")
    return f"{noise.what} changed" + (f": {detail}" if noise.detail else f" ({detail})" if detail else "")


def value(found: Any) -> str:
    """A JSON value in a few characters."""
    if found is MISSING:
        return "nothing"
    text = json.dumps(found, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def value_change(change: ValueChange) -> str:
    """`tags: ["a"] → ["a", "b"]`."""
    name = "/".join(p for p in change.path if p) or "value"
    if change.old is MISSING:
        return f"{name}: {value(change.new)} added"
    if change.new is MISSING:
        return f"{name}: {value(change.old)} removed"
    return f"{name}: {value(change.old)} → {value(change.new)}"


def output_name(output: Output) -> str:
    """What an output is: `stdout`, `ValueError`, `image/png`."""
    if output.kind in ("stream", "error", "unknown"):
        return output.name or output.kind
    return main_type(output) or "empty output"


def output_headline(change: OutputChange) -> str:
    """`output 2 (image/png) changed: 640×480, 12.5 % of pixels differ`."""
    output = change.new or change.old
    place = change.remote if change.remote is not None else change.base
    name = output_name(output) if output is not None else ""
    said = "; ".join(part_line(part) for part in change.parts)
    return f"output {(place or 0) + 1} ({name}) {change.action}" + (f": {said}" if said else "")


def part_line(part: Part) -> str:
    """One phrase for what changed inside an output; empty for readable text, which is shown itself."""
    if isinstance(part, ImagePart):
        return image_line(part)
    if isinstance(part, TablePart):
        return table_line(part.change)
    if isinstance(part, ErrorPart):
        old, new = (
            f"{n}: {v}" if v else n for n, v in ((part.old_name, part.old_value), (part.new_name, part.new_value))
        )
        return f"{_short(old)} → {_short(new)}" if old != new else f"{_short(old)}, with another traceback"
    if isinstance(part, ValuePart):
        return count(len(part.changes), "value") + f" in {part.mime}"
    if isinstance(part, DataPart):
        return _presence(part)
    if unreadable(part):
        return f"{size(len(part.old))} → {size(len(part.new))} of HTML with scripts or frames"
    return ""


def unreadable(part: Part) -> TypeGuard[TextPart]:
    """Whether a text is the source of a map or another program, of which people see nothing in its lines."""
    if not isinstance(part, TextPart) or part.mime != "text/html" or max(len(part.old), len(part.new)) < _PROGRAM:
        return False
    return any(mark in text for text in (part.old, part.new) for mark in ("<script", "<iframe"))


def _presence(part: DataPart) -> str:
    if not part.old_size:
        return f"{part.mime} added ({size(part.new_size)})"
    if not part.new_size:
        return f"{part.mime} removed ({size(part.old_size)})"
    return f"{part.mime}, {size(part.old_size)} → {size(part.new_size)}"


def image_line(part: ImagePart) -> str:
    """`640×480, 12.5 % of pixels differ` or `640×480 → 800×600`."""
    old, new, share = part.change
    if old.width and new.width and (old.width, old.height) != (new.width, new.height):
        return f"{old.width}×{old.height} → {new.width}×{new.height}"
    place = f"{new.width}×{new.height}, " if new.width else ""
    if share is None:
        return f"{place}{size(old.bytes)} → {size(new.bytes)}"
    if share == 0:
        return f"{place}same pixels, encoded differently"
    percent = 100 * share
    return f"{place}{'under 0.1' if percent < 0.1 else f'{percent:.1f}'} % of pixels differ"


def table_line(change: TableChange) -> str:
    """`3 values, 1 row added`."""
    said = [
        count(len(change.values), "value") + " changed" if change.values else "",
        count(len(change.rows_added), "row") + " added" if change.rows_added else "",
        count(len(change.rows_removed), "row") + " removed" if change.rows_removed else "",
        f"column {', '.join(change.columns_added)} added" if change.columns_added else "",
        f"column {', '.join(change.columns_removed)} removed" if change.columns_removed else "",
    ]
    return ", ".join(s for s in said if s) or "table"


def detail_lines(part: Part, most: int = _MOST_VALUES) -> list[str]:
    """The single values that changed in a table or in JSON, at most so many: `y[1]: 4 → 40`."""
    if isinstance(part, TablePart):
        lines = [f"{v.column}[{v.row}]: {v.old or 'nothing'} → {v.new or 'nothing'}" for v in part.change.values[:most]]
        left = len(part.change.values) - most
    elif isinstance(part, ValuePart):
        lines = [value_change(c) for c in part.changes[:most]]
        left = len(part.changes) - most
    else:
        return []
    return [*lines, f"… and {left} more"] if left > 0 else lines


def texts(part: Part) -> tuple[str, str] | None:
    """The two texts to be shown line by line, for parts that have any."""
    if isinstance(part, TextPart):
        return part.old, part.new
    if isinstance(part, ErrorPart) and (part.old_name, part.old_value) == (part.new_name, part.new_value):
        return part.old_traceback, part.new_traceback
    return None


def size(number: int) -> str:
    """Bytes for people: `12.3 kB`."""
    if number < 1000:
        return f"{number} B"
    return f"{number / 1000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def _short(text: str) -> str:
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"
