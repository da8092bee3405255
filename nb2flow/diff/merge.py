"""Three versions of a notebook made into one: `merge(base, local, remote)`.

The same matching as for differences says what each side did to each cell of the base: kept, moved, removed or put
others in its place. Cells that neither side moved are the skeleton; what a side moved or inserted hangs on the skeleton
cell before it. Nothing here depends on which side is which, but for the order in which a conflict lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nb2flow.diff import noise
from nb2flow.diff.document import Document, document, metadata_of
from nb2flow.diff.edits import digest
from nb2flow.diff.layout import join_cell, join_metadata
from nb2flow.diff.match import match
from nb2flow.diff.merge_cells import CellDict, Options, conflicting, merge_cell
from nb2flow.diff.merge_values import in_order, merge_members
from nb2flow.diff.noise import MISSING
from nb2flow.diff.sameness import same

_NOTHING: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Conflict(NamedTuple):
    """Something that both sides changed differently: the cell's number in the result (None: the notebook itself)."""

    cell: int | None
    what: str


class MergeResult(NamedTuple):
    """The merged notebook's JSON (texts joined unless one version was taken whole) and the conflicts in it."""

    notebook: dict[str, Any]
    conflicts: tuple[Conflict, ...]


class _Side(NamedTuple):
    """What one side did. `kept` maps base cells to this side's, `parts` base cells to those put in their place,
    `hung` skeleton cells (-1: the start) to what this side has after them: its own cells, or base cells it moved."""

    cells: tuple[CellDict, ...]
    kept: dict[int, int]
    moved: frozenset[int]
    parts: dict[int, tuple[int, ...]]


def merge(base: Document, local: Document, remote: Document, options: Options | None = None) -> MergeResult:
    """One notebook of three. A side that changed nothing gives way to the other entirely."""
    options = options or Options()
    if options.outputs != "clear-all":
        if same(local.json, remote.json) or same(remote.json, base.json):
            return MergeResult(local.json or _NOTHING, ())
        if same(local.json, base.json):
            return MergeResult(remote.json or _NOTHING, ())
    if not base.notebook:
        base = _common(local, remote)
    return _Merge(base, local, remote, options).result()


def _common(local: Document, remote: Document) -> Document:
    """What stands for the base where there is none: the cells that both have."""
    matching = match(local.cells, remote.cells)
    cells = [
        local.cells[i].raw
        for i, j in matching.pairs
        if local.cells[i].source == remote.cells[j].source and (i, j) not in matching.moved
    ]
    return document({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, "base")


class _Merge:
    """One merge; it holds the three versions so that each step need not be handed all of them."""

    def __init__(self, base: Document, local: Document, remote: Document, options: Options) -> None:
        self.documents = base, local, remote
        self.options = options
        self.base = tuple(join_cell(c.raw) for c in base.cells)
        self.sides = tuple(_side(base, document) for document in (local, remote))
        self.cells: list[CellDict] = []
        self.conflicts: list[Conflict] = []

    def result(self) -> MergeResult:
        """The merged notebook."""
        stable = [i for i in range(len(self.base)) if all(i not in side.moved for side in self.sides)]
        skeleton = set(stable)
        hung = [_hang(side, skeleton) for side in self.sides]
        self._drop_second_places(hung, stable)
        for place in [-1, *stable]:
            if place >= 0:
                self._merge_one(place)
            self._merge_runs(hung[0].get(place, []), hung[1].get(place, []))
        return MergeResult(self._notebook(), tuple(self.conflicts))

    def _drop_second_places(self, hung: Sequence[dict[int, list[int]]], stable: Sequence[int]) -> None:
        """A cell that both sides moved gets one place: the earlier one, whichever side that is."""
        both = self.sides[0].moved & self.sides[1].moved
        order = {place: k for k, place in enumerate([-1, *stable])}
        for cell in both:
            first, second = (next((p for p, run in h.items() if _moved(cell) in run), None) for h in hung)
            if first is not None and second is not None and first != second:
                loser, later = (0, first) if order[first] > order[second] else (1, second)
                hung[loser][later].remove(_moved(cell))

    def _merge_one(self, i: int) -> None:
        """The base's cell `i`, or what stands in its place now."""
        local, remote = self.sides
        mine, theirs = local.kept.get(i), remote.kept.get(i)
        if mine is not None and theirs is not None:
            self._add(merge_cell(self.base[i], local.cells[mine], remote.cells[theirs], self.options, self._report))
            return
        changed = [self._edited(i, side) for side in self.sides]
        replaced = [side.parts.get(i, ()) for side in self.sides]
        if not any(changed):  # gone, or replaced by parts, on one side or both
            parts = [[side.cells[j] for j in run] for side, run in zip(self.sides, replaced, strict=True)]
            if parts[0] and parts[1] and not _equal_runs(parts[0], parts[1]):
                self._add_conflicting_runs(parts[0], parts[1])
            else:
                self._extend(parts[0] or parts[1])
            return
        self._edited_and_gone(i, changed, replaced)

    def _edited_and_gone(self, i: int, changed: Sequence[bool], replaced: Sequence[tuple[int, ...]]) -> None:
        """One side edited the cell, the other removed it or split it."""
        keeper = 0 if changed[0] else 1
        cell = self.sides[keeper].cells[self.sides[keeper].kept[i]]
        other = [self.sides[1 - keeper].cells[j] for j in replaced[1 - keeper]]
        if other:
            runs = ([cell], other) if keeper == 0 else (other, [cell])
            self._add_conflicting_runs(*runs)
            return
        strategy = self.options.sources
        taken = {"use-local": 0, "use-remote": 1}.get(strategy)
        if strategy == "use-base":
            self._add(self.base[i])
        elif strategy == "union" or taken == keeper:
            self._add(cell)
        elif taken is None:
            self._report("edited on one side, removed on the other")
            self._add(conflicting(cell if keeper == 0 else None, cell if keeper == 1 else None, self.options))

    def _edited(self, i: int, side: _Side) -> bool:
        """Whether a side kept the cell and changed what is in it; a new execution is no reason to keep it."""
        place = side.kept.get(i)
        if place is None:
            return False
        old, new = self.base[i], side.cells[place]
        if old.get("source") != new.get("source") or old.get("cell_type") != new.get("cell_type"):
            return True
        return bool(noise.sort_metadata(metadata_of(old), metadata_of(new), noise.CELL_KEYS)[0])

    def _merge_runs(self, mine: list[int], theirs: list[int]) -> None:
        """What both sides hang on one place: own cells (numbers from 0) and cells they moved there (below 0)."""
        runs = [list(mine), list(theirs)]
        own = [[self.sides[s].cells[n] for n in run if n >= 0] for s, run in enumerate(runs)]
        if own[0] and own[1] and _equal_runs(own[0], own[1]):
            own[0] = [self._merge_added(x, y) for x, y in zip(own[0], own[1], strict=True)]
            own[1], runs[1] = [], [n for n in theirs if n < 0]
        elif own[0] and own[1] and self.options.strategy != "union":
            for cell in sorted({_cell_of(n) for run in runs for n in run if n < 0}):
                self._merge_one(cell)
            self._add_conflicting_runs(own[0], own[1])
            return
        seen: set[int] = set()
        for s in sorted((0, 1), key=lambda k: self._rank(runs[k], own[k])):
            waiting = iter(own[s])
            for n in runs[s]:
                if n >= 0:
                    self._add(next(waiting))
                elif n not in seen:
                    seen.add(n)
                    self._merge_one(_cell_of(n))

    def _merge_added(self, mine: CellDict, theirs: CellDict) -> CellDict:
        """A cell that both sides added: the same source, perhaps other outputs or metadata."""
        shared = {"cell_type": mine.get("cell_type"), "source": mine.get("source")}
        return merge_cell(shared, mine, theirs, self.options, self._report)

    def _rank(self, run: Sequence[int], own: Sequence[CellDict]) -> tuple[int, str]:
        """An order of two runs that does not depend on whose they are."""
        return min((_cell_of(n) for n in run if n < 0), default=len(self.base)), digest(list(own))

    def _add_conflicting_runs(self, mine: list[CellDict], theirs: list[CellDict]) -> None:
        """Both sides put different cells in one place."""
        strategy, labels = self.options.sources, self.options.labels
        if strategy in ("use-local", "use-remote", "union", "use-base"):
            wanted = {"use-local": mine, "use-remote": theirs, "union": mine + theirs}.get(strategy, [])
            self._extend(wanted)
            return
        self._report("cells added by both sides")
        if len(mine) == 1 == len(theirs) and mine[0].get("cell_type") == theirs[0].get("cell_type"):
            self._add(conflicting(mine[0], theirs[0], self.options))
            return
        self._add(_marker(f"<<<<<<< {labels.local}"))
        self._extend(mine)
        self._add(_marker("======="))
        self._extend(theirs)
        self._add(_marker(f">>>>>>> {labels.remote}"))

    def _add(self, cell: CellDict) -> None:
        self.cells.append(cell)

    def _extend(self, cells: Sequence[CellDict]) -> None:
        self.cells += cells

    def _report(self, what: str) -> None:
        self.conflicts.append(Conflict(len(self.cells), what))

    def _notebook(self) -> dict[str, Any]:
        base, local, remote = (document.notebook for document in self.documents)

        marked: dict[str, Any] = {}

        def note(path: tuple[str, ...], old: Any, mine: Any, theirs: Any) -> bool:
            if path[0] == "metadata" and len(path) > 1 and path[1] in noise.NOTEBOOK_KEYS:
                return False
            if not self.options.strategy.startswith("use-"):
                self.conflicts.append(Conflict(None, "/".join(path)))
            marked["/".join(path)] = {k: v for k, v in (("local", mine), ("remote", theirs)) if v is not MISSING}
            return True

        rest = ("cells", "nbformat", "nbformat_minor")
        views = [{k: v for k, v in side.items() if k not in rest} for side in (base, local, remote)]
        for view in views:
            view["metadata"] = join_metadata(view["metadata"]) if isinstance(view.get("metadata"), dict) else {}
        merged = merge_members(views[0], views[1], views[2], self.options.strategy, note)
        if marked and self.options.strategy == "inline":
            merged["metadata"] = {**merged["metadata"], "merge-conflicts": marked}
        minor = max((d.format for d in self.documents[1:]), default=(4, 5))[1] if self._modern() else 0
        cells = _with_ids(self.cells, wanted=minor >= 5)
        return in_order({"cells": cells, **merged, "nbformat": 4, "nbformat_minor": minor}, local, remote)

    def _modern(self) -> bool:
        return max(d.format for d in self.documents[1:])[0] >= 4


def _side(base: Document, document: Document) -> _Side:
    matching = match(base.cells, document.cells)
    parts: dict[int, tuple[int, ...]] = {s.one: s.parts for s in matching.splits}
    for found in matching.merges:
        parts[found.parts[0]] = (found.one,)
    return _Side(
        tuple(join_cell(c.raw) for c in document.cells),
        dict(matching.pairs),
        frozenset(i for i, _ in matching.moved),
        parts,
    )


def _hang(side: _Side, skeleton: set[int]) -> dict[int, list[int]]:
    """What a side has after each skeleton cell: its own cells by number, cells that it moved there as `_moved`."""
    owner = {j: i for i, j in side.kept.items()}
    for whole, run in side.parts.items():
        owner.update(dict.fromkeys(run, whole))
    hung: dict[int, list[int]] = {}
    place = -1
    for j in range(len(side.cells)):
        i = owner.get(j)
        if i is None:
            hung.setdefault(place, []).append(j)
        elif i in skeleton:
            place = i
        elif i in side.moved:
            hung.setdefault(place, []).append(_moved(i))
        # a cell that only the other side moved is hung by that side
    return hung


def _moved(i: int) -> int:
    return -1 - i


def _cell_of(n: int) -> int:
    return -1 - n


def _equal_runs(mine: Sequence[CellDict], theirs: Sequence[CellDict]) -> bool:
    return [(c.get("cell_type"), c.get("source")) for c in mine] == [
        (c.get("cell_type"), c.get("source")) for c in theirs
    ]


def _marker(text: str) -> CellDict:
    return {"cell_type": "markdown", "metadata": {}, "source": f"`{text}`"}


def _with_ids(cells: Sequence[CellDict], wanted: bool) -> list[CellDict]:
    """Every cell with an id of its own, where the format has ids; made-up ones depend on the contents only."""
    if not wanted:
        return [{k: v for k, v in c.items() if k != "id"} for c in cells]
    seen: set[str] = set()
    result: list[CellDict] = []
    for number, cell in enumerate(cells):
        found = cell.get("id")
        if not isinstance(found, str) or found in seen:
            found = digest([number, cell.get("source"), str(cell.get("id", MISSING))])
        seen.add(found)
        result.append({**cell, "id": found})
    return result
