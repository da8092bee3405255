"""One attempt of a step, as values: the task that is given and the reports that come back. Both cross process borders.

They stand apart from the engine so that a step's process, which needs nothing else of it, starts fast.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nb2flow.notebook.model import StepOptions
from nb2flow.runs.events import Failure

HELD = "held.json"

Import = tuple[str, tuple[str, ...]]  # a module, and the names that are wanted of it


class StepTask(msgspec.Struct, frozen=True, kw_only=True):
    """All that one attempt of a step needs. Paths are absolute.

    `notebook` is the step notebook, `executed` where its executed form grows, `manifest` what the runtime writes in the
    kernel, `log` gets what the kernel process itself prints. `context` is the JSON value that the runtime finds through
    NB2FLOW_CONTEXT (None: the notebook has no injected cells), `runtime` the folder put in front of PYTHONPATH, `cwd`
    the notebook's folder. `environ` is the whole environment of the kernel's process before those are added (it may
    hold secrets: never stored). `timeout` is seconds for the whole attempt, `output_limit` bytes of text for each cell.

    For steps that run elsewhere: `key` is the content key, `loads` names what is loaded, by step, `before` are all
    steps that this one builds on, in the plan's order, `options` is what its tags ask for. When a cell has failed, the
    kernel is kept for `hold` seconds, and the file `HELD` beside `executed` says how to reach it.

    For steps that run here: `imports` may be loaded before the kernel begins (`flow.first_imports`).
    """

    run_id: str
    step: str
    attempt: int
    notebook: str
    executed: str
    manifest: str
    log: str
    kernel: str
    language: str
    cwd: str
    runtime: str
    environ: dict[str, str]
    parameters: dict[str, Any] = {}
    context: dict[str, Any] | None = None
    timeout: float | None = None
    output_limit: int = 10_000_000
    key: str = ""
    loads: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    options: StepOptions = StepOptions()
    imports: tuple[Import, ...] = ()
    hold: float = 0.0


class WorkerStarted(msgspec.Struct, frozen=True, tag="worker"):
    """The first thing that the process of an attempt says: its id (it leads a session of its own). Not a report."""

    pid: int


class KernelStarted(msgspec.Struct, frozen=True, tag="kernel"):
    """The step's kernel is process `pid` (and leads a process group of that number)."""

    pid: int


class CellBegan(msgspec.Struct, frozen=True, tag="cell"):
    """The author's cell number `number` (1-based) of `total` began."""

    cell_id: str
    number: int
    total: int


class Noted(msgspec.Struct, frozen=True, tag="note"):
    """Something worth telling about the step."""

    text: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The attempt is over, with everything it wrote in place; always the last report. None: it succeeded."""

    failure: Failure | None = None


Report = KernelStarted | CellBegan | Noted | Ended
