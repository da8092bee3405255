"""Events and the state they add up to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nb2flow.errors import EnvironmentFault
from nb2flow.plan.document import to_values
from nb2flow.plan.model import Plan, PlanStep
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
    decode,
    encode,
)
from nb2flow.runs.state import apply, fold


def plan(*names: str) -> Plan:
    steps = tuple(PlanStep(name=n, title=n, notebook="", cells=(), first_number=1, code="") for n in names)
    return Plan(
        name="p", source="p.ipynb", source_digest="", language="python", kernel="k", dialect="cells", steps=steps
    )


def as_json(value: Plan) -> Any:
    return json.loads(json.dumps(to_values(value)))


def created(*names: str) -> RunCreated:
    return RunCreated(at=1, run_id="p-aaaaaaaa", notebook="p.ipynb", plan=as_json(plan(*names)), kernel="k")


FAILURE = Failure(kind="error", message="ValueError: no", traceback=("\x1b[0;31mno\x1b[0m",), variables=(("x", "a"),))
EVENTS: list[AnyEvent] = [
    RunStarted(at=2, pid=7, jobs=2),
    StepStarted(at=3, step="a", attempt=1, key="k1"),
    CellStarted(at=4, step="a", attempt=1, cell_id="c", number=2, total=3),
    StepNoted(at=5, step="a", text="told"),
    StepSucceeded(at=6, step="a", attempt=1, key="k1", seconds=3, outputs={"x": ("int", "1")}),
    StepCached(at=7, step="b", key="k2", run_id="p-bbbbbbbb", outputs={"y": ("str", "'s'")}),
    StepStarted(at=8, step="c", attempt=1, key="k3"),
    StepFailed(at=9, step="c", attempt=1, failure=FAILURE, seconds=1, will_retry=True, delay=0.5),
    StepSkipped(at=10, step="d", because=("c",)),
    StepCancelled(at=11, step="c"),
    CancelRequested(at=12, who="ctrl-c"),
    RunFinished(at=13, status="interrupted", seconds=11),
]


@pytest.mark.parametrize("event", [created("a"), RunReplanned(at=1, plan={}, because=("w",), kept=("a",)), *EVENTS])
def test_an_event_is_read_as_it_was_written(event: AnyEvent) -> None:
    assert decode(encode(event)) == event


@pytest.mark.parametrize("data", [b'{"event":"step-teleported","at":1}', b"{", b'{"event":"run-finished"}'])
def test_an_event_of_another_version_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(EnvironmentFault, match="does not know"):
        decode(data)


def test_the_state_is_what_the_events_say() -> None:
    state = fold([created("a", "b", "c", "d"), *EVENTS])
    assert state.status == "interrupted"
    assert state.cancel_requested
    assert {n: s.status for n, s in state.steps.items()} == {
        "a": "succeeded", "b": "cached", "c": "cancelled", "d": "skipped",
    }  # fmt: skip
    a, b = state.steps["a"], state.steps["b"]
    assert (a.cell, a.cells, a.cell_id, a.notes, a.seconds) == (2, 3, "c", ("told",), 3)
    assert (b.cached_from, b.outputs) == ("p-bbbbbbbb", {"y": ("str", "'s'")})
    assert state.steps["d"].because == ("c",)


def test_one_event_at_a_time_gives_the_same_and_changes_nothing_behind_one() -> None:
    state = fold([created("a", "b", "c", "d")])
    states = [state]
    for event in EVENTS:
        states.append(apply(states[-1], event))
    assert states[-1] == fold([created("a", "b", "c", "d"), *EVENTS])
    assert {s.status for s in states[0].steps.values()} == {"waiting"}


def test_coming_back_to_a_run_keeps_what_is_done() -> None:
    state = fold([created("a", "b", "c", "d"), *EVENTS, RunStarted(at=20, pid=8, jobs=1)])
    assert state.status == "running"
    assert not state.cancel_requested
    assert state.started_at == 2
    assert {n: s.status for n, s in state.steps.items()} == {
        "a": "succeeded", "b": "cached", "c": "waiting", "d": "waiting",
    }  # fmt: skip
    assert state.steps["c"].attempt == 1


def test_the_time_between_a_stop_and_the_resume_does_not_count() -> None:
    resumed = fold([created("a", "b", "c", "d"), *EVENTS, RunStarted(at=1000, pid=8, jobs=1)])
    assert resumed.pauses == ((13, 1000),)
    assert (resumed.driven(5), resumed.driven(13), resumed.driven(500), resumed.driven(1004)) == (3, 11, 11, 15)
    killed = fold([created("a", "b", "c", "d"), *EVENTS[:7], RunStarted(at=1000, pid=8, jobs=1)])
    assert killed.pauses == ((8, 1000),)
    twice = apply(
        apply(killed, RunStarted(at=2000, pid=9, jobs=1)), RunFinished(at=2003, status="succeeded", seconds=3)
    )
    assert (twice.started_at, twice.driven(2003)) == (2, 9)


def test_no_step_is_left_running_when_the_run_has_ended() -> None:
    state = fold(
        [
            created("a", "b"),
            StepStarted(at=1, step="a", attempt=1, key="k"),
            RunFinished(at=2, status="failed", seconds=1),
        ]
    )
    assert [s.status for s in state.steps.values()] == ["cancelled", "cancelled"]


def test_another_plan_keeps_only_the_steps_it_names() -> None:
    replanned = RunReplanned(at=14, plan=to_values(plan("a", "c", "e")), because=("a writes f",), kept=("a",))
    state = fold([created("a", "b", "c", "d"), *EVENTS, replanned])
    assert {n: s.status for n, s in state.steps.items()} == {"a": "succeeded", "c": "waiting", "e": "waiting"}
    assert state.replanned == ("a writes f",)


def test_a_late_cell_of_an_earlier_attempt_is_ignored() -> None:
    state = fold([created("a"), StepStarted(at=1, step="a", attempt=2, key="k")])
    late = CellStarted(at=2, step="a", attempt=1, cell_id="c", number=1, total=1)
    assert apply(state, late) == state


def test_a_log_begins_with_the_run() -> None:
    with pytest.raises(ValueError, match="RunCreated"):
        fold(EVENTS)
