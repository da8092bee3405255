"""The values that say what changed between two notebooks. Data only; the file knows no way to find or to show them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from nb2flow.diff.document import Cell, Document
from nb2flow.diff.noise import ValueChange
from nb2flow.diff.outputs import OutputChange

Kind = Literal[
    "unchanged",
    "added",
    "removed",
    "modified",
    "moved",
    "moved-modified",
    "split",
    "merged",
    "type-changed",
    "outputs",
    "metadata",
]


class Scope(NamedTuple):
    """Which parts of notebooks count as content; the others are not looked at. `noise` shows noise as content."""

    sources: bool = True
    outputs: bool = True
    attachments: bool = True
    metadata: bool = True
    id: bool = True
    details: bool = True
    noise: bool = False
    pixels: int = 80_000  # work that comparing images may cost (`images.BUDGET`)


class CellChange(NamedTuple):
    """One cell, or the cells of one split or merge, in both versions.

    `kind` is the headline; a moved cell may be `moved-modified`, and any kind may come with output and metadata
    changes. Sources are compared where they are shown: `source_changed` says whether they differ.
    """

    kind: Kind
    base: tuple[Cell, ...]
    remote: tuple[Cell, ...]
    source_changed: bool = False
    outputs: tuple[OutputChange, ...] = ()
    metadata: tuple[ValueChange, ...] = ()
    attachments: tuple[ValueChange, ...] = ()
    noise: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the cell is in another place."""
        return self.kind in ("moved", "moved-modified")

    @property
    def retyped(self) -> bool:
        """Whether the cell's type is another."""
        return len(self.base) == 1 == len(self.remote) and self.base[0].type != self.remote[0].type


class Noise(NamedTuple):
    """One kind of noise and how many cells have it; 0 cells when it is the notebook's own. `detail` may tell more."""

    what: str
    cells: int
    detail: str = ""


class Summary(NamedTuple):
    """How many cells: each cell counts once in the first eight (`moved` includes `moved_modified`)."""

    added: int = 0
    removed: int = 0
    modified: int = 0
    moved: int = 0
    split: int = 0
    merged: int = 0
    type_changed: int = 0
    unchanged: int = 0
    moved_modified: int = 0
    outputs_changed: int = 0
    metadata_changed: int = 0


class NotebookDiff(NamedTuple):
    """Everything that changed. `cells` are in reading order: the remote's, removed cells where they were."""

    base: Document
    remote: Document
    cells: tuple[CellChange, ...]
    metadata: tuple[ValueChange, ...]
    noise: tuple[Noise, ...]
    summary: Summary

    @property
    def changed(self) -> bool:
        """Whether anything but noise differs."""
        return bool(self.metadata) or any(c.kind != "unchanged" for c in self.cells)
