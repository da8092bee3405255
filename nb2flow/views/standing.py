"""How a step stands, in few words; one that runs once for each element of a list stands as its instances do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nb2flow.plan.expand import instances
from nb2flow.runs.state import RunState, StepState, StepStatus
from nb2flow.views.words import duration, shortened


@dataclass(frozen=True, slots=True)
class Standing:
    """A step as a reader sees it: its status, that in a few words, and its times (Unix seconds; a duration)."""

    status: StepStatus
    note: str
    started_at: float | None
    ended_at: float | None
    seconds: float | None


def progress(state: RunState) -> tuple[int, int]:
    """How many steps are done, of how many that the run was asked for."""
    asked = [s for s in state.steps.values() if s.status != "skipped" or s.because]
    return sum(s.status in ("succeeded", "cached") for s in asked), len(asked)


def parts(state: RunState, name: str) -> tuple[StepState, ...]:
    """How the instances of step `name` fare; none where it has none, or they are not known yet."""
    return tuple(state.steps[i] for i in instances(state.plan.step(name)) if i in state.steps)


def standing(state: RunState, step: StepState) -> Standing:
    """How the step stands. What gathers runs nothing itself: its time is that of its instances."""
    own = Standing(step.status, status_note(step), step.started_at, step.ended_at, step.seconds)
    found = parts(state, step.name)
    if not found:
        return own
    began = min((p.started_at for p in found if p.started_at is not None), default=step.started_at)
    ended = max((p.ended_at for p in found if p.ended_at is not None), default=None)
    if step.ended_at is not None and step.status in ("succeeded", "failed"):
        ended = step.ended_at
    failed = [p.name for p in found if p.status == "failed"]
    done = sum(p.status in ("succeeded", "cached") for p in found)
    if step.status == "waiting" and any(p.status != "waiting" for p in found):
        note = f"{done} of {len(found)} done" + (f", {len(failed)} failed" if failed else "")
        return Standing("running", note, began, None, None)
    seconds = ended - began if ended is not None and began is not None else step.seconds
    if failed and step.status == "skipped":
        return Standing("failed", f"{len(failed)} of {len(found)} failed", began, ended, seconds)
    if step.status == "succeeded":
        return Standing("succeeded", f"{len(found)} instances, {duration(seconds)}", began, ended, seconds)
    return own


def status_note(step: StepState) -> str:
    """How a step stands, in a few words: `1.2 s`, `cell 3 of 7`, `unchanged since run wine-abc`."""
    if step.status == "running":
        return f"cell {max(step.cell, 1)} of {step.cells}" if step.cells else "starting"
    if step.status == "retrying":
        return f"failed, attempt {step.attempt + 1} follows"
    if step.status == "cached":
        return f"unchanged since {step.cached_from}"
    if step.status == "skipped":
        return "needs " + shortened(step.because, 30) if step.because else "not asked for"
    if step.status == "failed" and step.failure is not None:
        return step.failure.ename or step.failure.kind
    return duration(step.seconds) if step.seconds is not None else step.status
