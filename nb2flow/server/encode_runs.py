"""Runs as values of the wire. Pure but for looking whether a step's notebook is there, and why a run was given up."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from nb2flow import notebook
from nb2flow.app.history import Found
from nb2flow.app.refusals import refusal_of
from nb2flow.errors import NotebookError
from nb2flow.plan import source_digest
from nb2flow.runs.events import AnyEvent, Failure, RunCreated, RunReplanned
from nb2flow.runs.state import StepState
from nb2flow.server import api_runs, encode
from nb2flow.server.places import Places
from nb2flow.server.projects import Listed
from nb2flow.views import runs as views
from nb2flow.views.runs import run_seconds
from nb2flow.views.standing import parts, progress, standing


def summary(listed: Listed, places: Places) -> api_runs.RunSummary:
    """One line about a run."""
    state = listed.found.state
    done, asked = progress(state)
    return api_runs.RunSummary(
        run=state.run_id,
        path=places.path(Path(state.notebook)),
        notebook=Path(state.notebook).name,
        status=state.status,
        engine=state.engine,
        profile=state.profile or None,
        created_at=state.created_at,
        started_at=state.started_at,
        ended_at=state.ended_at,
        seconds=run_seconds(state),
        steps=asked,
        done=done,
        failed=[s.name for s in state.steps.values() if s.status == "failed"],
        parameters=state.parameters,
        last_event=listed.last,
        gave_up=_gave_up(listed.found),
    )


def _gave_up(found: Found) -> api_runs.GaveUp | None:
    if found.state.status != "interrupted":
        return None
    refusal = refusal_of(found.folder)
    return api_runs.GaveUp(message=refusal.message, hint=refusal.hint) if refusal else None


def run(listed: Listed, places: Places) -> api_runs.RunReply:
    """A run in full."""
    found = listed.found
    state = found.state
    return api_runs.RunReply(
        summary=summary(listed, places),
        kernel=state.kernel or state.plan.kernel,
        only=state.only,
        start_from=state.start_from,
        use_cache=state.use_cache,
        cancel_requested=state.cancel_requested,
        steps=[_step(found, s) for s in state.steps.values()],
        edges=[
            api_runs.RunEdge(source=e.source, target=e.target, carries=list(e.carries), why=list(e.why))
            for e in state.plan.edges
        ],
        parameters=[encode.parameter(p) for p in state.plan.parameters],
        metrics=metrics(found),
        versions=state.versions,
        replanned=list(state.replanned),
        content_hash=_digest(found.folder.source),
        notebook_now=_now(found),
    )


def metrics(found: Found) -> list[api_runs.Metric]:
    """The values that `metric:` tags ask for, as far as steps have given them."""
    return [api_runs.Metric(name=name, step=step, value=value) for name, step, value in views.metrics(found.state)]


def event(number: int, told: AnyEvent) -> api_runs.EventEntry:
    """An event without its plan, which is long and has been told by the run itself."""
    value: dict[str, Any] = msgspec.to_builtins(told)
    if isinstance(told, RunCreated | RunReplanned):
        value.pop("plan", None)
    return api_runs.EventEntry(number=number, event=value)


def _step(found: Found, step: StepState) -> api_runs.RunStep:
    planned = found.state.plan.step(step.name)
    stands = standing(found.state, step)
    return api_runs.RunStep(
        name=step.name,
        title=planned.title,
        status=stands.status,
        words=stands.note,
        attempt=step.attempt,
        cell=step.cell,
        cells=step.cells or len(planned.cells),
        cell_id=step.cell_id,
        cell_ids=list(planned.cells),
        after=list(planned.after),
        started_at=stands.started_at,
        ended_at=stands.ended_at,
        seconds=stands.seconds,
        failure=_failure(step.failure) if step.failure is not None else None,
        cached_from=step.cached_from,
        because=list(step.because),
        notes=list(dict.fromkeys((*planned.notes, *step.notes))),
        made=[api_runs.Made(name=n, type=t, preview=p) for n, (t, p) in step.outputs.items()],
        instances=[p.name for p in parts(found.state, step.name)],
        instance_of=planned.element.of if planned.element is not None else None,
        has_notebook=found.folder.executed(step.name).is_file(),
    )


def _failure(failure: Failure) -> api_runs.Failure:
    return api_runs.Failure(
        kind=failure.kind,
        message=failure.message,
        ename=failure.ename,
        evalue=failure.evalue,
        cell_id=failure.cell_id,
        cell=failure.cell_index,
        line=failure.line,
        source_line=failure.source_line,
        traceback=list(failure.traceback),
        hint=failure.hint,
    )


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _now(found: Found) -> Literal["same", "changed", "missing"]:
    """How the notebook's file stands beside what was run: by code, tags and settings, not by outputs."""
    path = Path(found.state.notebook)
    if not path.is_file():
        return "missing"
    try:
        digests = [source_digest(notebook.read(p)) for p in (path, found.folder.source)]
    except NotebookError:
        return "changed"
    return "same" if digests[0] == digests[1] else "changed"
