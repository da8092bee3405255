"""What goes over the wire about engines and runs. See `api` for the conventions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from nb2flow.server.api import Name, Parameter, Path, Reply, Request, Split

StepStatus = Literal["waiting", "running", "retrying", "succeeded", "cached", "failed", "skipped", "cancelled"]
RunStatus = Literal["created", "running", "succeeded", "failed", "cancelled", "interrupted"]


class Engine(Reply, frozen=True, kw_only=True):
    """Something that runs steps, with the profile of the configuration if it has some."""

    name: str
    profile: str | None
    title: str
    default: bool


class EnginesReply(Reply, frozen=True, kw_only=True):
    """What can be chosen for a notebook."""

    engines: list[Engine]


class RunRequest(Request, frozen=True, kw_only=True):
    """Runs just this `content` (a notebook document), in the folder of `path`.

    `only` and `start_from` name a step; `use_cache` false runs unchanged steps too; `jobs` is how many steps run at
    once.
    """

    path: Path
    content: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    engine: Name | None = None
    profile: Name | None = None
    only: Name | None = None
    start_from: Name | None = None
    use_cache: bool = True
    split: Split | None = None
    kernel: Name | None = None
    jobs: Annotated[int, Meta(ge=1, le=1000)] | None = None


class Started(Reply, frozen=True, kw_only=True):
    """A run has begun. `content_hash` is the SHA-256 of the notebook document that it runs."""

    run: str
    content_hash: str


class GaveUp(Reply, frozen=True, kw_only=True):
    """Why the process that drove a run gave up: a sentence, and what to do."""

    message: str
    hint: str


class RunSummary(Reply, frozen=True, kw_only=True):
    """One line about a run. `path` is null when its notebook is outside of the server's root."""

    run: str
    path: str | None
    notebook: str
    status: RunStatus
    engine: str
    profile: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    seconds: float | None
    steps: int
    done: int
    failed: list[str]
    parameters: dict[str, Any]
    last_event: int
    gave_up: GaveUp | None


class RunsReply(Reply, frozen=True, kw_only=True):
    """Runs, the newest first. `complete`: these are all there are; otherwise those that changed since the cursor
    `since` that was sent, and all others are as they were. The next request sends this reply's `since`."""

    runs: list[RunSummary]
    complete: bool
    since: str


class Failure(Reply, frozen=True, kw_only=True):
    """Why a step failed. The cell is the author's; `traceback` has ANSI colours."""

    kind: str
    message: str
    ename: str
    evalue: str
    cell_id: str
    cell: int | None
    line: int | None
    source_line: str
    traceback: list[str]
    hint: str


class Made(Reply, frozen=True, kw_only=True):
    """A value that a step saved: its type and a short preview."""

    name: str
    type: str
    preview: str


class RunStep(Reply, frozen=True, kw_only=True):
    """How one step fares. `cell` of `cells` is the author's cell that runs (`cell_id`); `words` tells the status
    shortly; `has_notebook`: its executed notebook can be asked for. A step that runs once for each element of a list
    names its `instances`, which are steps too (each says `instance_of` whom), and stands as they do."""

    name: str
    title: str
    status: StepStatus
    words: str
    attempt: int
    cell: int
    cells: int
    cell_id: str
    cell_ids: list[str]
    after: list[str]
    started_at: float | None
    ended_at: float | None
    seconds: float | None
    failure: Failure | None
    cached_from: str | None
    because: list[str]
    notes: list[str]
    made: list[Made]
    instances: list[str]
    instance_of: str | None
    has_notebook: bool


class RunEdge(Reply, frozen=True, kw_only=True):
    """An edge of the run's plan, with a sentence for each reason."""

    source: str
    target: str
    carries: list[str]
    why: list[str]


class Metric(Reply, frozen=True, kw_only=True):
    """A value that a step's `metric:` tag asks for; `value` as text, null while it is not known."""

    name: str
    step: str
    value: str | None


class RunReply(Reply, frozen=True, kw_only=True):
    """A run in full. `notebook_now` says how the notebook's file stands beside what was run."""

    summary: RunSummary
    kernel: str
    only: str | None
    start_from: str | None
    use_cache: bool
    cancel_requested: bool
    steps: list[RunStep]
    edges: list[RunEdge]
    parameters: list[Parameter]
    metrics: list[Metric]
    versions: dict[str, str]
    replanned: list[str]
    content_hash: str
    notebook_now: Literal["same", "changed", "missing"]


class EventEntry(Reply, frozen=True, kw_only=True):
    """An event of a run with its number; its fields are in the reference of events (a plan is left out)."""

    number: int
    event: dict[str, Any]


class EventsReply(Reply, frozen=True, kw_only=True):
    """The events with numbers above the one that was sent; the next request sends this reply's `since`."""

    events: list[EventEntry]
    since: int
    status: RunStatus


class LogReply(Reply, frozen=True, kw_only=True):
    """What a step printed since the cursor that was sent. When what was there before has changed (a progress bar),
    `reset` is true and `text` is everything. The next request sends this reply's `since`. `ended`: nothing follows."""

    text: str
    reset: bool
    since: str
    ended: bool


class StepNotebookReply(Reply, frozen=True, kw_only=True):
    """A step's executed notebook as it stands. `since` is to be sent with the next request, which answers with a null
    `content` while nothing has changed."""

    content: dict[str, Any] | None
    since: str
    ended: bool


class RerunRequest(Request, frozen=True, kw_only=True):
    """Runs the notebook of a run again: from a step on (`from`), or that step alone (`only`); same parameters."""

    step: Name
    what: Literal["from", "only"]


class OpenRequest(Request, frozen=True, kw_only=True):
    """Asks for a notebook file: `inputs` is the step's cells with what they need loaded first, `executed` a copy of the
    executed notebook."""

    what: Literal["inputs", "executed"] = "inputs"


class OpenReply(Reply, frozen=True, kw_only=True):
    """The notebook that was written, as a contents path."""

    path: str
