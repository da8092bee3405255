"""The port through which the engine has one step run.

Whoever runs steps (a process here, a Job in a cluster) implements `StepBackend`; the engine lifts it to a whole run
(`nb2flow.engine.drive`). A backend knows nothing of plans, caches, retries or the run store, and never raises for what
happens inside a step: that is told in an `Ended` report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from nb2flow.plan.model import Plan
from nb2flow.runs.attempt import CellBegan, Ended, KernelStarted, Noted, Report, StepTask

__all__ = ["Attempt", "CellBegan", "Ended", "KernelStarted", "Noted", "Report", "StepBackend", "StepTask"]


MOST_INSTANCES = 10_000  # more elements than that, a list is not saved by


class Attempt(Protocol):
    """One attempt that is under way."""

    def cancel(self, *, kill: bool = False) -> None:
        """Ask it to stop: interrupt, then kill after a moment; at once with `kill`. `Ended` still follows."""


class Pilot(Protocol):
    """Goes through a plan by itself, steps in their order and again where they fail, and needs nobody of ours for that.

    Steps are still started, by the engine's reckoning: `StepBackend.start` then follows what the pilot does.
    """

    def adopt(self, run_id: str) -> Collection[str]:
        """The steps of this run that an earlier process entrusted and that are under way, or have succeeded; the
        instances of a step, one by one, once they are known."""

    def undertake(self, plan: Plan, tasks: Sequence[StepTask], jobs: int, done: Collection[str] = ()) -> None:
        """Go through the steps of these tasks, `jobs` at once; all others that they build on are done, with manifests
        beside theirs. Of a step that has instances there is a task for the step, and those in `done` (or failed) are
        left out; what a list that is still to be made asks for, it finds out by itself. What was undertaken before for
        the run is over. EnvironmentFault when it cannot be."""


class StepBackend(Protocol):
    """Runs one step at a time per attempt, many attempts side by side.

    `start` returns at once; `report` is called from any thread, in order for each attempt, with `Ended` exactly once
    and last. `prepare` is called once, before the first attempt (never when all steps are cached). After `close` no
    process of ours is alive; steps go on elsewhere only where `goes_on_alone`.

    `secrets_here`: what `secret:NAME` asks for is a variable of our own environment. `goes_on_alone`: steps that were
    begun go on when we leave, and `start` finds them again. `most_instances` of a step that runs for each element (a
    task's context may have an `element`): such a step runs over the whole of a longer list.
    """

    name: str
    secrets_here: bool
    goes_on_alone: bool
    most_instances: int

    @property
    def pilot(self) -> Pilot | None:
        """What goes through a plan by itself, where steps are not begun one by one."""

    def fingerprint(self, kernel: str) -> str:
        """What stands for the kernel in content keys: another interpreter or package version gives another one.

        EnvironmentFault, naming the kernels that there are, when there is none of this name.
        """

    def holds(self, digests: frozenset[str], home: Path) -> bool:
        """Whether the artifacts with these digests are where steps load them from; `home` is the `.nb2flow` folder."""

    def prepare(self) -> None:
        """Start what all attempts share. EnvironmentFault when this machine cannot run steps."""

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        """Begin an attempt."""

    def close(self) -> None:
        """Stop everything that is still under way and let go of all processes."""
