"""What goes over the wire between JupyterLab and the server: requests and replies as msgspec structs.

The one contract: handlers decode and encode these, `openapi` describes them, `typescript` writes the front end's
`api.ts` from them. Times are Unix seconds, durations seconds, paths are contents paths of the server
(`folder/name.ipynb`), lines are 1-based, columns 0-based. Replies have no defaults: every field is always there. Runs
are in `api_runs`, comparisons in `api_diff`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Path = Annotated[str, Meta(max_length=1024, description="A contents path, relative to the server's root")]
Name = Annotated[str, Meta(max_length=1000)]
CellKind = Literal["code", "markdown", "raw"]
Split = Literal["tags", "headings", "cells", "whole"]
Severity = Literal["error", "warning", "info"]
ReasonKind = Literal["variable", "resource", "file", "order", "state"]
ParameterType = Literal["int", "float", "bool", "str", "list", "dict", "none", "any"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is sent to the server; a field that is not known is refused."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is answered."""


class CellTags(Reply, frozen=True, kw_only=True):
    """Tags to put on a cell and to take from it; nothing else about the cell changes."""

    cell_id: str
    add: list[str]
    remove: list[str]


class Fix(Reply, frozen=True, kw_only=True):
    """A change of tags that mends a problem; `title` says what it does."""

    title: str
    changes: list[CellTags]


class Diagnostic(Reply, frozen=True, kw_only=True):
    """A problem of the notebook. `text` is the line or the tag that `column` and `end_column` speak of."""

    code: str
    severity: Severity
    message: str
    hint: str
    cell: int | None
    cell_id: str | None
    line: int | None
    column: int | None
    end_column: int | None
    text: str | None
    fix: Fix | None


class Error(Reply, frozen=True, kw_only=True):
    """The body of every answer that is no success: a stable code, a sentence, what to do, and a notebook's problems."""

    code: str
    message: str
    hint: str
    diagnostics: list[Diagnostic]


# ---- the flow of a notebook that is being edited ----


class EditedCell(Request, frozen=True, kw_only=True):
    """A cell without its outputs. `nb2flow` is that key of the cell's metadata."""

    id: Annotated[str, Meta(max_length=200)]
    kind: CellKind
    source: str
    tags: list[str] = []
    nb2flow: dict[str, Any] | None = None


class AnalyseRequest(Request, frozen=True, kw_only=True):
    """A notebook as it stands on the screen.

    `client` names the editor (any text) and `revision` counts its edits: when a later revision of the same client and
    path has come in, an earlier one is not analysed any more.
    """

    path: Path
    revision: Annotated[int, Meta(ge=0, le=2**53)]
    client: Annotated[str, Meta(max_length=200)] = ""
    cells: list[EditedCell]
    metadata: dict[str, Any] = {}
    split: Split | None = None


class Options(Reply, frozen=True, kw_only=True):
    """What a step's tags ask for. Quantities as written, `timeout` in seconds."""

    gpu: int
    gpu_resource: str
    cpu: str | None
    memory: str | None
    disk: str | None
    image: str | None
    node: dict[str, str]
    retries: int
    timeout: float | None
    cache: bool
    env: dict[str, str]
    secrets: list[str]
    each: str | None
    gather: bool
    metrics: list[str]
    artifacts: list[str]


class FlowInput(Reply, frozen=True, kw_only=True):
    """A variable or resource that a step loads from what step `source` saved."""

    name: str
    source: str


class FlowStep(Reply, frozen=True, kw_only=True):
    """A step: its code cells in order; `replayed` are set-up cells of which it runs statements; `text` is its options
    in the tag language."""

    name: str
    title: str
    cells: list[str]
    options: Options
    text: str
    after: list[str]
    inputs: list[FlowInput]
    outputs: list[str]
    parameters: list[str]
    files: list[str]
    replayed: list[str]
    notes: list[str]


class Site(Reply, frozen=True, kw_only=True):
    """A line of a cell, with its text."""

    cell: int
    cell_id: str
    line: int
    code: str


class Reason(Reply, frozen=True, kw_only=True):
    """Why a step comes after another. `hidden`: by state that is no variable (random stream, options, files, …)."""

    kind: ReasonKind
    name: str
    words: str
    hidden: bool
    defined: Site | None
    used: Site | None


class FlowEdge(Reply, frozen=True, kw_only=True):
    """`target` runs after `source`; `carries` are the names that flow, `label` a short text for the drawing."""

    source: str
    target: str
    carries: list[str]
    label: str
    hidden: bool
    reasons: list[Reason]


class Parameter(Reply, frozen=True, kw_only=True):
    """A parameter of the pipeline; `default` is null when `source` is no literal (its type is then `any`)."""

    name: str
    type: ParameterType
    default: Any
    source: str
    line: int


class Flow(Reply, frozen=True, kw_only=True):
    """A notebook's pipeline. `broken` are cells that cannot be parsed (keep the last good graph while there are some);
    `runnable`: no diagnostic forbids running it. Cells are named by id."""

    dialect: Literal["nb2flow", "kale", "headings", "cells", "whole"]
    language: str
    kernel: str
    steps: list[FlowStep]
    edges: list[FlowEdge]
    parameters: list[Parameter]
    parameters_cell: str | None
    setup: list[str]
    skipped: list[str]
    diagnostics: list[Diagnostic]
    broken: list[str]
    runnable: bool


class AnalyseReply(Reply, frozen=True, kw_only=True):
    """`stale`: a later revision has come in meanwhile, and there is no flow for this one."""

    revision: int
    stale: bool
    flow: Flow | None


class SuggestRequest(Request, frozen=True, kw_only=True):
    """Asks for step tags: one step for each section under a heading, or for each code cell."""

    path: Path
    cells: list[EditedCell]
    metadata: dict[str, Any] = {}
    split: Literal["headings", "cells"] = "headings"


class SuggestedStep(Reply, frozen=True, kw_only=True):
    """A step as it would be."""

    name: str
    title: str
    cells: list[str]


class SuggestReply(Reply, frozen=True, kw_only=True):
    """Nothing has been written: `changes` are for the client to show and to apply."""

    steps: list[SuggestedStep]
    setup: list[str]
    changes: list[CellTags]
    message: str
