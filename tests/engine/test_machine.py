"""Laws of the state machine, for random pipelines and random legal orders of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nb2flow.engine.machine import Machine, Phase, UnexpectedInput
from nb2flow.engine.signals import (
    AttemptEnded,
    CancelWanted,
    Command,
    LookedUp,
    LookUp,
    Record,
    RetryDue,
    RetryLater,
    StartAttempt,
    StepOrder,
    StopAttempt,
    Treatment,
)
from nb2flow.plan.document import to_values
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.runs.events import (
    AnyEvent,
    Failure,
    RunCreated,
    RunFinished,
    RunReplanned,
    RunStarted,
    StepCached,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from nb2flow.runs.state import apply, fold

OVER = {"succeeded", "cached", "failed", "skipped", "cancelled"}


@dataclass
class World:
    """What the machine's commands have set in motion; legal next inputs can be drawn from it."""

    machine: Machine
    events: list[AnyEvent] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    attempts: list[tuple[str, int]] = field(default_factory=list)
    retries: list[tuple[str, int]] = field(default_factory=list)
    stopped: set[tuple[str, int]] = field(default_factory=set)
    most_at_once: int = 0

    def obey(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Record(event=event):
                    self.events.append(event)
                case LookUp(step=step):
                    self.lookups.append(step)
                case StartAttempt(step=step, attempt=attempt):
                    self.attempts.append((step, attempt))
                    self.most_at_once = max(self.most_at_once, len(self.attempts))
                case StopAttempt(step=step, attempt=attempt):
                    self.stopped.add((step, attempt))
                case RetryLater(step=step, attempt=attempt):
                    self.retries.append((step, attempt))


@st.composite
def dags(draw: Any, most: int = 8) -> list[StepOrder]:
    count = draw(st.integers(1, most))
    orders = []
    for i in range(count):
        after = draw(st.lists(st.sampled_from([f"s{j}" for j in range(i)]), unique=True, max_size=3)) if i else []
        treatment = draw(st.sampled_from([Treatment.USUAL, Treatment.USUAL, Treatment.FRESH, Treatment.KEPT]))
        if treatment is Treatment.KEPT and any(o.name in after and o.treatment is not Treatment.KEPT for o in orders):
            treatment = Treatment.USUAL  # what a finished step depends on is finished
        orders.append(StepOrder(f"s{i}", tuple(after), f"key{i}", draw(st.integers(0, 2)), treatment))
    return orders


KINDS = ("error", "kernel-died", "kernel-start", "timeout", "cannot-carry", "engine")


def play(world: World, draw: Any, *, cancel: bool = True) -> None:
    """Let legal things happen in any order until nothing is left that could happen."""
    now = 0.0
    while world.machine.finished is None:
        now += 1
        choices = ["lookup"] * bool(world.lookups) + ["ended"] * bool(world.attempts) + ["retry"] * bool(world.retries)
        if cancel and world.machine.cancelled_by is None:
            choices.append("cancel")
        assert choices, "nothing can happen and the run is not over"
        match draw(st.sampled_from(choices)):
            case "lookup":
                step = world.lookups.pop(draw(st.integers(0, len(world.lookups) - 1)))
                happened: Any = LookedUp(step, draw(st.sampled_from([None, "run-1"])))
            case "ended":
                step, attempt = world.attempts.pop(draw(st.integers(0, len(world.attempts) - 1)))
                failure = None
                if draw(st.booleans()):
                    failure = Failure(kind=draw(st.sampled_from(KINDS)), message="it failed")
                happened = AttemptEnded(step, attempt, 1.0, failure)
            case "retry":
                step, attempt = world.retries.pop(0)
                happened = RetryDue(step, attempt)
            case _:
                happened = CancelWanted(draw(st.sampled_from(["ctrl-c", "command"])))
        world.obey(world.machine.handle(happened, now))


def created(orders: list[StepOrder]) -> RunCreated:
    steps = tuple(
        PlanStep(name=o.name, title="", notebook="", cells=(), first_number=1, code="", after=o.after) for o in orders
    )
    plan = Plan(name="p", source="", source_digest="", language="python", kernel="k", dialect="nb2flow", steps=steps)
    return RunCreated(at=0, run_id="r", notebook="n", plan=to_values(plan))


@settings(max_examples=150, deadline=None)
@given(st.data(), dags(), st.integers(1, 4))
def test_whatever_happens_the_run_ends_and_the_log_tells_the_truth(
    data: Any, orders: list[StepOrder], jobs: int
) -> None:
    world = World(Machine(orders, jobs))
    world.obey(world.machine.begin(0.0))
    play(world, data.draw)
    assert not world.attempts
    assert world.most_at_once <= jobs
    kept = [StepCached(at=0, step=o.name, key=o.key, run_id="r") for o in orders if o.treatment is Treatment.KEPT]
    state = fold([created(orders), *kept, RunStarted(at=0, pid=1, jobs=jobs), *world.events])
    assert isinstance(world.events[-1], RunFinished)
    assert state.status == world.machine.finished
    statuses = {name: step.status for name, step in state.steps.items()}
    assert set(statuses.values()) <= OVER
    by_name = {o.name: o for o in orders}
    done: set[str] = {o.name for o in orders if o.treatment is Treatment.KEPT}
    for event in world.events:
        if isinstance(event, StepStarted | StepCached):
            assert set(by_name[event.step].after) <= done, "a step began before what it comes after was done"
        if isinstance(event, StepSucceeded | StepCached):
            done.add(event.step)
    failed = {name for name, status in statuses.items() if status == "failed"}
    for name, status in statuses.items():
        ancestors = _ancestors(by_name, name)
        if status == "skipped":
            assert ancestors & failed
        elif status in ("succeeded", "cached", "failed"):
            assert not ancestors & failed
        elif status == "cancelled":
            assert world.machine.cancelled_by is not None
    assert (state.status == "failed") == (bool(failed) and "cancelled" not in statuses.values())


def _ancestors(orders: dict[str, StepOrder], name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for source in orders[waiting.pop()].after:
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


@settings(max_examples=100, deadline=None)
@given(st.data(), dags(), dags(), st.integers(1, 4))
def test_a_changed_plan_ends_too_and_keeps_what_is_kept(
    data: Any, before: list[StepOrder], after: list[StepOrder], jobs: int
) -> None:
    before = [o for o in before if o.treatment is not Treatment.KEPT or not o.after]
    names = {o.name for o in before}
    before = [
        StepOrder(o.name, tuple(a for a in o.after if a in names), o.key, o.retries, Treatment.FRESH) for o in before
    ]
    after = [StepOrder(o.name, o.after, o.key, o.retries, Treatment.FRESH) for o in after]
    world = World(Machine(before, jobs))
    world.obey(world.machine.begin(0.0))
    for _ in range(data.draw(st.integers(0, 6))):
        if not world.attempts:
            break
        step, attempt = world.attempts.pop(0)
        world.obey(world.machine.handle(AttemptEnded(step, attempt, 1.0), 1.0))
    if world.machine.finished is not None:
        return
    possible = [o.name for o in after if o.name in names and world.machine.stays(o.name)]
    # A step can stay only when all that it now comes after is done and stays.
    kept: list[str] = []
    by_name = {o.name: o for o in after}
    for name in possible:
        if all(a in kept and world.machine.phase(a) is Phase.DONE for a in by_name[name].after):
            kept.append(name)
    running = {(s, n) for s, n in world.attempts if s not in kept}
    events_before = len(world.events)
    commands = world.machine.replan(after, kept, 2.0)
    world.events.append(RunReplanned(at=2.0, plan=created(after).plan, because=("seen",), kept=tuple(kept)))
    world.obey(commands)
    assert running <= world.stopped
    play(world, data.draw, cancel=False)
    state = fold([created(before), RunStarted(at=0, pid=1, jobs=jobs), *world.events])
    assert list(state.steps) == [o.name for o in after]
    assert {step.status for step in state.steps.values()} <= OVER
    restarted = {e.step for e in world.events[events_before:] if isinstance(e, StepStarted)}
    finished_before = {e.step for e in world.events[:events_before] if isinstance(e, StepSucceeded)}
    assert not restarted & finished_before & set(kept)


def order(name: str, *after: str, **more: Any) -> StepOrder:
    return StepOrder(name, after, f"key-{name}", **{"treatment": Treatment.FRESH, **more})


def test_an_error_is_retried_as_often_as_asked_and_waits_longer_each_time() -> None:
    machine = Machine([order("a", retries=2)], 1)
    machine.begin(0.0)
    delays = []
    for attempt in (1, 2, 3):
        commands = machine.handle(AttemptEnded("a", attempt, 1.0, Failure(kind="error", message="no")), 1.0)
        delays += [c.delay for c in commands if isinstance(c, RetryLater)]
        if attempt < 3:
            machine.handle(RetryDue("a", attempt), 2.0)
    assert delays == [0.5, 1.0]
    assert machine.finished == "failed"


@pytest.mark.parametrize(("kind", "attempts"), [("error", 1), ("cannot-carry", 1), ("engine", 1), ("kernel-start", 2)])
def test_without_retries_only_a_kernel_that_did_not_start_gets_a_second_chance(kind: str, attempts: int) -> None:
    machine = Machine([order("a")], 1)
    machine.begin(0.0)
    made = 0
    while machine.finished is None:
        made += 1
        commands = machine.handle(AttemptEnded("a", made, 1.0, Failure(kind=kind, message="no")), 1.0)
        for command in commands:
            if isinstance(command, RetryLater):
                machine.handle(RetryDue("a", made), 2.0)
    assert made == attempts


def test_steps_that_do_not_depend_on_a_failed_one_go_on() -> None:
    machine = Machine([order("a"), order("b"), order("after-a", "a"), order("after-b", "b")], 2)
    machine.begin(0.0)
    commands = machine.handle(AttemptEnded("a", 1, 1.0, Failure(kind="error", message="no")), 1.0)
    skipped = [c.event for c in commands if isinstance(c, Record) and isinstance(c.event, StepSkipped)]
    assert skipped == [StepSkipped(at=1.0, step="after-a", because=("a",))]
    machine.handle(AttemptEnded("b", 1, 1.0), 2.0)
    machine.handle(AttemptEnded("after-b", 1, 1.0), 3.0)
    assert machine.finished == "failed"
    assert machine.phase("after-b") is Phase.DONE


def test_cancel_stops_what_runs_and_begins_nothing() -> None:
    machine = Machine([order("a"), order("b", "a")], 1)
    machine.begin(0.0)
    commands = machine.handle(CancelWanted("ctrl-c"), 1.0)
    assert StopAttempt("a", 1) in commands
    assert machine.handle(CancelWanted("ctrl-c"), 1.5) == []
    machine.handle(AttemptEnded("a", 1, 1.0, Failure(kind="cancelled", message="stopped")), 2.0)
    assert (machine.phase("a"), machine.phase("b")) == (Phase.CANCELLED, Phase.CANCELLED)
    assert machine.finished == "interrupted"


def test_a_step_that_ends_well_while_the_run_is_cancelled_is_done() -> None:
    machine = Machine([order("a"), order("b", "a")], 1)
    machine.begin(0.0)
    machine.handle(CancelWanted("command"), 1.0)
    machine.handle(AttemptEnded("a", 1, 1.0), 2.0)
    assert machine.phase("a") is Phase.DONE
    assert machine.finished == "cancelled"


def test_steps_not_asked_for_are_skipped_and_the_run_succeeds() -> None:
    machine = Machine([order("a"), order("b", "a", treatment=Treatment.LEFT_OUT)], 1)
    machine.begin(0.0)
    machine.handle(AttemptEnded("a", 1, 1.0), 1.0)
    assert machine.phase("b") is Phase.SKIPPED
    assert machine.finished == "succeeded"


@pytest.mark.parametrize("happened", [LookedUp("a", None), RetryDue("x", 1), AttemptEnded("a", 7, 1.0)])
def test_what_cannot_happen_is_refused_or_without_effect(happened: Any) -> None:
    machine = Machine([order("a")], 1)
    machine.begin(0.0)
    if isinstance(happened, RetryDue):
        assert machine.handle(happened, 1.0) == []
    else:
        with pytest.raises(UnexpectedInput):
            machine.handle(happened, 1.0)


def test_an_event_of_a_step_that_the_plan_no_longer_has_changes_nothing() -> None:
    state = fold([created([order("a")])])
    late = StepFailed(at=1, step="gone", attempt=1, failure=Failure(kind="error", message="m"), seconds=1)
    assert apply(state, late) == state
