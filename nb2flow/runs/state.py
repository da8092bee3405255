"""The state of a run: a fold over its events. Pure; the only place that says what a sequence of events means.

Law (property-tested): whatever legal order events come in, no step is left `running` once the run has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from nb2flow.plan.model import Plan
from nb2flow.runs.events import (
    AnyEvent,
    CancelRequested,
    CellStarted,
    Failure,
    RunCreated,
    RunFinished,
    RunReplanned,
    RunStarted,
    StepCached,
    StepCancelled,
    StepFailed,
    StepNoted,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from nb2flow.runs.portable import restored

StepStatus = Literal["waiting", "running", "retrying", "succeeded", "cached", "failed", "skipped", "cancelled"]
RunStatus = Literal["created", "running", "succeeded", "failed", "cancelled", "interrupted"]
StepEvent = (
    StepStarted | CellStarted | StepNoted | StepSucceeded | StepCached | StepFailed | StepSkipped | StepCancelled
)
_RUN_STATUS: dict[str, RunStatus] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}


@dataclass(frozen=True, slots=True)
class StepState:
    """Where one step stands. `cell`/`cells` count the author's cells; times are Unix seconds, durations seconds."""

    name: str
    status: StepStatus = "waiting"
    attempt: int = 0
    key: str = ""
    cell: int = 0
    cells: int = 0
    cell_id: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    failure: Failure | None = None
    cached_from: str | None = None
    because: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    outputs: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands. `steps` are in the plan's order; `pauses` lie between a stop and the next resume."""

    run_id: str
    notebook: str
    plan: Plan
    status: RunStatus
    steps: dict[str, StepState]
    parameters: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    engine: str = "local"
    kernel: str = ""
    profile: str = ""
    use_cache: bool = True
    only: str | None = None
    start_from: str | None = None
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    pauses: tuple[tuple[float, float], ...] = ()
    cancel_requested: bool = False
    replanned: tuple[str, ...] = ()

    def driven(self, at: float) -> float:
        """Seconds from the run's begin to `at` during which somebody drove it."""
        began = self.created_at if self.started_at is None else self.started_at
        return max(at - began - sum(min(end, at) - start for start, end in self.pauses if start < at), 0.0)


def fold(events: Iterable[AnyEvent]) -> RunState:
    """The state after `events`, of which the first must be `RunCreated`. ValueError when it is not."""
    remaining = iter(events)
    first = next(remaining, None)
    if not isinstance(first, RunCreated):
        raise ValueError("a run begins with RunCreated")
    state = _created(first)
    for event in remaining:
        state = _applied(state, event)
    return state


def apply(state: RunState, event: AnyEvent) -> RunState:
    """The state after one more event; `state` itself stays as it is."""
    return _applied(replace(state, steps=dict(state.steps)), event)


def _created(event: RunCreated) -> RunState:
    plan = msgspec.convert(event.plan, Plan)
    return RunState(
        run_id=event.run_id,
        notebook=event.notebook,
        plan=plan,
        status="created",
        steps={step.name: StepState(step.name) for step in plan.steps},
        parameters=restored(event.parameters),
        versions=event.versions,
        engine=event.engine,
        kernel=event.kernel,
        profile=event.profile,
        use_cache=event.use_cache,
        only=event.only,
        start_from=event.start_from,
        created_at=event.at,
    )


def _applied(state: RunState, event: AnyEvent) -> RunState:
    """The state after `event`; changes `state.steps` in place, so that folding n events costs n and not its square."""
    if isinstance(event, RunCreated):
        return _created(event)
    if isinstance(event, RunStarted | RunReplanned | RunFinished | CancelRequested):
        return _run_applied(state, event)
    step = state.steps.get(event.step)
    if step is not None:  # otherwise: an attempt that was under way when the plan was refined
        state.steps[event.step] = _step_applied(step, event)
    return state


def _run_applied(state: RunState, event: RunStarted | RunReplanned | RunFinished | CancelRequested) -> RunState:
    steps = state.steps
    if isinstance(event, RunStarted):
        began = event.at if state.started_at is None else state.started_at
        stopped = _last_seen(state)
        pauses = state.pauses if stopped is None else (*state.pauses, (min(stopped, event.at), event.at))
        for name, step in steps.items():
            if step.status not in ("succeeded", "cached"):
                steps[name] = StepState(name, attempt=step.attempt)
        return replace(state, status="running", started_at=began, ended_at=None, pauses=pauses, cancel_requested=False)
    if isinstance(event, RunReplanned):
        plan = msgspec.convert(event.plan, Plan)
        kept = {name: steps[name] for name in event.kept if name in steps}
        renewed = {s.name: kept.get(s.name, StepState(s.name)) for s in plan.steps}
        return replace(state, plan=plan, steps=renewed, replanned=(*state.replanned, *event.because))
    if isinstance(event, CancelRequested):
        return replace(state, cancel_requested=True)
    for name, step in steps.items():
        if step.status in ("running", "retrying", "waiting"):
            steps[name] = replace(step, status="cancelled", ended_at=event.at)
    return replace(state, status=_RUN_STATUS.get(event.status, "failed"), ended_at=event.at)


def _last_seen(state: RunState) -> float | None:
    """When the run last went on, if it has begun: of one that was killed only its steps tell."""
    if state.started_at is None or state.ended_at is not None:
        return state.ended_at
    times = [at for s in state.steps.values() for at in (s.started_at, s.ended_at) if at is not None]
    return max((state.started_at, *times, *(end for _, end in state.pauses)))


def _step_applied(step: StepState, event: StepEvent) -> StepState:
    match event:
        case StepStarted(at=at, attempt=attempt, key=key):
            return StepState(step.name, status="running", attempt=attempt, key=key, started_at=at, notes=step.notes)
        case CellStarted(attempt=attempt, number=number, total=total, cell_id=cell_id):
            if attempt != step.attempt or step.status != "running":
                return step
            return replace(step, cell=number, cells=total, cell_id=cell_id)
        case StepNoted(text=text):
            return step if text in step.notes else replace(step, notes=(*step.notes, text))
        case StepSucceeded(at=at, seconds=seconds, outputs=outputs, key=key):
            return replace(
                step, status="succeeded", ended_at=at, seconds=seconds, outputs=outputs, key=key, failure=None
            )
        case StepCached(at=at, key=key, run_id=run_id, outputs=outputs):
            return replace(step, status="cached", ended_at=at, key=key, cached_from=run_id, outputs=outputs)
        case StepFailed(at=at, failure=failure, seconds=seconds, will_retry=will_retry):
            status: StepStatus = "retrying" if will_retry else "failed"
            return replace(step, status=status, ended_at=at, failure=failure, seconds=seconds)
        case StepSkipped(because=because):
            return replace(step, status="skipped", because=because)
        case StepCancelled(at=at):
            return replace(step, status="cancelled", ended_at=at)
    raise AssertionError(f"unknown event {event!r}")  # pragma: no cover
