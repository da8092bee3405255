"""The comparison of two notebooks: `diff(a, b)`.

Matching says which cells belong together; this file asks of each pair what differs, puts content and noise apart, and
lays everything in reading order. Typed comparisons run only for matched cells that differ. It renders nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from nb2flow.diff import noise
from nb2flow.diff.changes import CellChange, Kind, Noise, NotebookDiff, Scope, Summary
from nb2flow.diff.document import Cell, Document, metadata_of
from nb2flow.diff.match import Matching, match
from nb2flow.diff.noise import ValueChange
from nb2flow.diff.outputs import OutputChange, PixelBudget, compare_outputs

_MISSING = noise.MISSING


def diff(base: Document, remote: Document, scope: Scope | None = None) -> NotebookDiff:
    """What changed from `base` to `remote`, in what `scope` covers."""
    return describe(base, remote, match(base.cells, remote.cells), scope or Scope())


def describe(base: Document, remote: Document, matching: Matching, scope: Scope) -> NotebookDiff:
    """The same for cells that are matched already."""
    budget = PixelBudget(scope.pixels)
    found: dict[tuple[str, int], CellChange] = {}
    for i, j in matching.pairs:
        moved = (i, j) in matching.moved
        found["remote", j] = _compare_cells(base.cells[i], remote.cells[j], moved, scope, budget)
    for split in matching.splits:
        parts = tuple(remote.cells[j] for j in split.parts)
        found["remote", split.parts[0]] = CellChange("split", (base.cells[split.one],), parts, True)
    for merge in matching.merges:
        parts = tuple(base.cells[i] for i in merge.parts)
        found["remote", merge.one] = CellChange("merged", parts, (remote.cells[merge.one],), True)
    cells = _in_reading_order(base, remote, matching, found)
    changes, own = _notebook_metadata(base, remote, scope)
    noted = _gather_noise(cells, own, base, remote, scope)
    return NotebookDiff(base, remote, tuple(cells), tuple(changes), tuple(noted), summarise(cells))


def _in_reading_order(
    base: Document, remote: Document, matching: Matching, found: dict[tuple[str, int], CellChange]
) -> list[CellChange]:
    """The remote's cells; a removed one comes after the cell that it followed in the base."""
    stayed = {i: j for i, j in matching.pairs if (i, j) not in matching.moved}
    stayed.update((s.one, s.parts[-1]) for s in matching.splits)
    stayed.update((i, s.one) for s in matching.merges for i in s.parts)
    gone = {i for i, _ in matching.pairs} | stayed.keys()
    after: dict[int, list[CellChange]] = {}
    place = -1
    for cell in base.cells:
        if cell.number not in gone:
            after.setdefault(place, []).append(CellChange("removed", (cell,), ()))
        place = stayed.get(cell.number, place)
    inside = {j for s in matching.splits for j in s.parts[1:]}
    cells = after.get(-1, [])
    for cell in remote.cells:
        if cell.number not in inside:
            cells.append(found.get(("remote", cell.number)) or CellChange("added", (), (cell,)))
        cells += after.get(cell.number, ())
    return cells


def _compare_cells(a: Cell, b: Cell, moved: bool, scope: Scope, budget: PixelBudget) -> CellChange:
    if a.raw == b.raw:
        return CellChange("moved" if moved else "unchanged", (a,), (b,))
    edited = scope.sources and a.source != b.source
    retyped = scope.sources and a.type != b.type
    said: set[str] = set()
    outputs: tuple[OutputChange, ...] = ()
    if a.type == "code" == b.type and a.raw.get("outputs") != b.raw.get("outputs") and scope.outputs:
        outputs, said = compare_outputs(a.raw, b.raw, budget)
    metadata: list[ValueChange] = []
    if scope.metadata and a.raw.get("metadata") != b.raw.get("metadata"):
        known = {} if scope.noise else noise.CELL_KEYS
        metadata, more = noise.sort_metadata(metadata_of(a.raw), metadata_of(b.raw), known)
        said |= more
    attachments = _attachments(a.raw, b.raw) if scope.attachments else []
    if a.id != b.id and scope.id:
        said.add(noise.IDS)
    if a.raw.get("execution_count") != b.raw.get("execution_count") and scope.details:
        said.add(noise.COUNTS)
    if scope.noise:
        metadata += _details(a, b, scope)
    kind: Kind = "unchanged"
    if moved:
        kind = "moved-modified" if edited or retyped else "moved"
    elif retyped:
        kind = "type-changed"
    elif edited:
        kind = "modified"
    elif outputs:
        kind = "outputs"
    elif metadata or attachments:
        kind = "metadata"
    return CellChange(kind, (a,), (b,), edited, outputs, tuple(metadata), tuple(attachments), tuple(sorted(said)))


def _details(a: Cell, b: Cell, scope: Scope) -> list[ValueChange]:
    """Noise told one by one, for those who ask."""
    keys = [*(["id"] if scope.id else []), *(["execution_count"] if scope.details else [])]
    pairs = [(key, a.raw.get(key, _MISSING), b.raw.get(key, _MISSING)) for key in keys]
    return [ValueChange((key,), old, new) for key, old, new in pairs if old != new]


def _attachments(a: dict[str, Any], b: dict[str, Any]) -> list[ValueChange]:
    old, new = a.get("attachments"), b.get("attachments")
    if old == new:
        return []
    changes, _ = noise.sort_metadata(old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}, {})
    return changes


def _notebook_metadata(base: Document, remote: Document, scope: Scope) -> tuple[list[ValueChange], set[str]]:
    old, new = base.metadata, remote.metadata
    if not scope.metadata or old == new or not (base.notebook and remote.notebook):
        return [], set()
    return noise.sort_metadata(old, new, {} if scope.noise else noise.NOTEBOOK_KEYS)


def _gather_noise(
    cells: list[CellChange], own: set[str], base: Document, remote: Document, scope: Scope
) -> list[Noise]:
    """All noise, most frequent first, the notebook's own last."""
    if not (base.notebook and remote.notebook):
        return []
    counts = Counter(name for cell in cells for name in cell.noise)
    found = [Noise(name, number) for name, number in counts.most_common() if name not in own]
    found += [Noise(name, counts[name], _detail(name, base, remote)) for name in sorted(own)]
    if base.format != remote.format and scope.details:
        found.append(
            Noise(noise.FORMAT, 0, f"{base.format[0]}.{base.format[1]} → {remote.format[0]}.{remote.format[1]}")
        )
    if base.carriage_returns != remote.carriage_returns:
        found.append(Noise(noise.LINE_ENDS, 0, "CRLF → LF" if base.carriage_returns else "LF → CRLF"))
    return found


def _detail(name: str, base: Document, remote: Document) -> str:
    if name == noise.WIDGETS:
        models = max(_models(base.metadata), _models(remote.metadata))
        return f"{models} model{'' if models == 1 else 's'}"
    if name == "kernelspec":
        return _change(_names_of_kernel(base.metadata), _names_of_kernel(remote.metadata))
    if name == "kernel version":
        return _change([_version_of_kernel(base.metadata)], [_version_of_kernel(remote.metadata)])
    return ""


def _change(old: list[str], new: list[str]) -> str:
    """The first of several names that both have and that differs; nothing where none does."""
    return next((f"{a} → {b}" for a, b in zip(old, new, strict=True) if a != b and a and b), "")


def _models(metadata: dict[str, Any]) -> int:
    state: Any = metadata.get("widgets")
    for key in (noise.WIDGET_STATE, "state"):
        state = state.get(key, state) if isinstance(state, dict) else None
    return len(state) if isinstance(state, dict) else 0


def _names_of_kernel(metadata: dict[str, Any]) -> list[str]:
    found = metadata.get("kernelspec")
    spec = found if isinstance(found, dict) else {}
    return [str(spec.get("name", "none")), str(spec.get("display_name", "")), str(spec.get("language", ""))]


def _version_of_kernel(metadata: dict[str, Any]) -> str:
    found = metadata.get("language_info")
    return f"{found.get('name', '')} {found.get('version', '')}".strip() if isinstance(found, dict) else "none"


def summarise(cells: list[CellChange]) -> Summary:
    """The number of cells of each kind."""
    kinds = Counter(c.kind for c in cells)
    return Summary(
        added=kinds["added"],
        removed=kinds["removed"],
        modified=kinds["modified"],
        moved=kinds["moved"] + kinds["moved-modified"],
        split=kinds["split"],
        merged=kinds["merged"],
        type_changed=kinds["type-changed"],
        unchanged=kinds["unchanged"] + kinds["outputs"] + kinds["metadata"],
        moved_modified=kinds["moved-modified"],
        outputs_changed=sum(1 for c in cells if c.outputs),
        metadata_changed=sum(1 for c in cells if c.metadata or c.attachments),
    )
