"""The port through which the engine has one step run: the task it gives, the reports it gets back.

Whoever runs steps (a process here, a Job in a cluster) implements `StepBackend`; the engine lifts it to a whole run
(`nb2flow.engine.drive`). A backend knows nothing of plans, caches, retries or the run store, and never raises for what
happens inside a step: that is told in an `Ended` report. Values only; all of them can cross a process border.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from nb2flow.runs.events import Failure


class StepTask(msgspec.Struct, frozen=True, kw_only=True):
    """All that one attempt of a step needs. Paths are absolute.

    `notebook` is the step notebook, `executed` where its executed form grows, `manifest` what the runtime writes in the
    kernel, `log` gets what the kernel process itself prints. `context` is the JSON value that the runtime finds through
    NB2FLOW_CONTEXT (None: the notebook has no injected cells), `runtime` the folder put in front of PYTHONPATH, `cwd`
    the notebook's folder. `environ` is the whole environment of the kernel's process before those are added (it may
    hold secrets: never stored). `timeout` is seconds for the whole attempt, `output_limit` bytes of text for each cell.
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


class Attempt(Protocol):
    """One attempt that is under way."""

    def cancel(self, *, kill: bool = False) -> None:
        """Ask it to stop: interrupt, then kill after a moment; at once with `kill`. `Ended` still follows."""


class StepBackend(Protocol):
    """Runs one step at a time per attempt, many attempts side by side.

    `start` returns at once; `report` is called from any thread, in order for each attempt, with `Ended` exactly once
    and last. `prepare` is called once, before the first attempt (never when all steps are cached). After `close` no
    process that this backend started is alive.
    """

    name: str

    def fingerprint(self, kernel: str) -> str:
        """What stands for the kernel in content keys: another interpreter or package version gives another one.

        EnvironmentFault, naming the kernels that there are, when there is none of this name.
        """

    def prepare(self) -> None:
        """Start what all attempts share. EnvironmentFault when this machine cannot run steps."""

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        """Begin an attempt."""

    def close(self) -> None:
        """Stop everything that is still under way and let go of all processes."""
