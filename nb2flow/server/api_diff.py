"""What goes over the wire when notebooks or runs are compared. See `api` for the conventions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from nb2flow.server.api import Name, Path, Reply, Request
from nb2flow.server.api_runs import RunSummary

Change = Literal[
    "unchanged", "added", "removed", "modified", "moved", "moved-modified", "split", "merged", "type-changed",
    "outputs", "metadata",
]  # fmt: skip


class ContentSide(Request, frozen=True, kw_only=True, tag_field="kind", tag="content"):
    """A notebook document itself: what is on the screen."""

    content: dict[str, Any]
    name: Name = "the notebook"


class PathSide(Request, frozen=True, kw_only=True, tag_field="kind", tag="path"):
    """A notebook file as it is on disk."""

    path: Path


class GitSide(Request, frozen=True, kw_only=True, tag_field="kind", tag="git"):
    """A notebook as it was in a commit (`ref` is anything that git resolves to one)."""

    path: Path
    ref: Annotated[str, Meta(min_length=1, max_length=300)] = "HEAD"


class RunSide(Request, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """The executed notebook of a run's step, or (without a step) the notebook that the run was made of."""

    run: Name
    step: Name | None = None


class NothingSide(Request, frozen=True, kw_only=True, tag_field="kind", tag="nothing"):
    """No notebook: everything is then added, or removed."""


Side = ContentSide | PathSide | GitSide | RunSide | NothingSide


class DiffRequest(Request, frozen=True, kw_only=True):
    """Compares two versions. `outputs` and `metadata` false leave those out; `noise` true tells noise one by one."""

    base: Side
    remote: Side
    outputs: bool = True
    metadata: bool = True
    noise: bool = False


class DiffSide(Reply, frozen=True, kw_only=True):
    """One version: its name for people, how many cells it has, and what was odd in the file."""

    name: str
    cells: int
    warnings: list[str]


class DiffSource(Reply, frozen=True, kw_only=True):
    """A cell in one version: its number (from 0), id, type and whole source."""

    number: int
    id: str | None
    type: str
    source: str


class Span(Reply, frozen=True, kw_only=True):
    """A stretch of a line; `changed`: the other side has something else there."""

    text: str
    changed: bool


class DiffLine(Reply, frozen=True, kw_only=True):
    """A row of the two texts side by side; a side is null where it has no such line. Line numbers are 0-based."""

    base_line: int | None
    remote_line: int | None
    base: list[Span] | None
    remote: list[Span] | None


class DiffHunk(Reply, frozen=True, kw_only=True):
    """Lines that differ, between lines that do not."""

    rows: list[DiffLine]


class ValueChange(Reply, frozen=True, kw_only=True):
    """A value in metadata; `old` or `new` is null where there is none (`added`, `removed` tell that from a null)."""

    path: list[str]
    added: bool
    removed: bool
    old: Any
    new: Any


class OutputChange(Reply, frozen=True, kw_only=True):
    """An output that was added, removed or changed, in words; `base` and `remote` are its numbers in the cell.

    `old` and `new` are the outputs themselves as a notebook has them: null where there is none, or a very large one.
    """

    change: Literal["added", "removed", "changed"]
    name: str
    kind: str
    words: str
    base: int | None
    remote: int | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None


class DiffCell(Reply, frozen=True, kw_only=True):
    """A cell, or the cells of one split or merge, in both versions (an unchanged cell's `base` has empty sources)."""

    change: Change
    base: list[DiffSource]
    remote: list[DiffSource]
    source_changed: bool
    hunks: list[DiffHunk]
    outputs: list[OutputChange]
    metadata: list[ValueChange]
    attachments: list[ValueChange]
    noise: list[str]


class DiffSummary(Reply, frozen=True, kw_only=True):
    """How many cells: each counts once in the first eight; `moved` includes `moved_modified`."""

    added: int
    removed: int
    modified: int
    moved: int
    split: int
    merged: int
    type_changed: int
    unchanged: int
    moved_modified: int
    outputs_changed: int
    metadata_changed: int


class Noise(Reply, frozen=True, kw_only=True):
    """What was folded away: how many cells have it (0: the notebook itself), and more if there is more to say."""

    what: str
    cells: int
    detail: str


class DiffReply(Reply, frozen=True, kw_only=True):
    """Everything that changed; `cells` in reading order, the removed ones where they were."""

    base: DiffSide
    remote: DiffSide
    changed: bool
    summary: DiffSummary
    cells: list[DiffCell]
    metadata: list[ValueChange]
    noise: list[Noise]


class Commit(Reply, frozen=True, kw_only=True):
    """A commit that changed the notebook."""

    sha: str
    subject: str
    author: str
    at: float


class RefsReply(Reply, frozen=True, kw_only=True):
    """What git knows about a notebook; `repository` false (and all else empty) where it knows nothing."""

    repository: bool
    head: str
    tracked: bool
    branches: list[str]
    tags: list[str]
    commits: list[Commit]


# ---- two runs ----


class ValuePair(Reply, frozen=True, kw_only=True):
    """A parameter or metric in both runs, as text; null where a run does not have it."""

    name: str
    left: str | None
    right: str | None
    same: bool


class StepPair(Reply, frozen=True, kw_only=True):
    """A step in both runs; null where a run does not have it. `same_key`: same code, inputs, parameters and kernel."""

    name: str
    left_status: str | None
    right_status: str | None
    left_seconds: float | None
    right_seconds: float | None
    same_key: bool


class EdgePair(Reply, frozen=True, kw_only=True):
    """An edge that one run has, or that carries other names; null where a run does not have it."""

    source: str
    target: str
    left: list[str] | None
    right: list[str] | None


class CompareReply(Reply, frozen=True, kw_only=True):
    """Two runs side by side. `notebook` is how the notebooks that were run, or a step's executed ones, differ."""

    left: RunSummary
    right: RunSummary
    parameters: list[ValuePair]
    metrics: list[ValuePair]
    versions: list[ValuePair]
    steps: list[StepPair]
    edges: list[EdgePair]
    notebook: DiffReply | None
