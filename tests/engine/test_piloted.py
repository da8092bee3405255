"""Runs that a pilot goes through by itself: what it is given, and when it is given more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
import notebooks
import pytest
from engine.pipelines import S, compiled, request

from nb2flow.app.analysis import analyse
from nb2flow.app.compiling import compiled as plan_of_notebook
from nb2flow.engine import Pilot, StepTask, drive, resume
from nb2flow.engine.entrusting import Entrusted
from nb2flow.engine.ports import Attempt, Ended, Report
from nb2flow.errors import EnvironmentFault
from nb2flow.executors.local import LocalBackend
from nb2flow.flow.model import Observations
from nb2flow.plan.expand import expanded as with_elements
from nb2flow.plan.expand import instance
from nb2flow.plan.model import CompiledPlan, Plan, PlanStep
from nb2flow.runs.events import RunCreated, StepStarted
from nb2flow.runs.manifest import read_manifest
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore
from nb2flow.runtime.bundle import runtime_digest, runtime_files


class Following:
    """An attempt as the engine has it: cancelling it stops all."""

    def __init__(self, pilot: Piloted, report: Callable[[Report], None]) -> None:
        self.pilot, self.report = pilot, report

    def cancel(self, *, kill: bool = False) -> None:
        self.pilot.stop()


class Piloted(LocalBackend):
    """Goes through what it is given on this machine, one step after the other, whatever the engine does meanwhile."""

    name = "piloted"

    def __init__(self, adopted: Collection[str] = ()) -> None:
        super().__init__()
        self.undertaken: list[list[str]] = []
        self.left_out: list[list[str]] = []
        self._adopted = adopted
        self._is_ready = False
        self._guard = threading.Lock()
        self._said: dict[str, list[Report]] = {}
        self._watchers: dict[str, Following] = {}
        self._halted = threading.Event()
        self._going: threading.Thread | None = None

    @property
    def pilot(self) -> Pilot | None:
        return self

    def prepare(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            super().prepare()

    def adopt(self, run_id: str) -> Collection[str]:
        return self._adopted

    def undertake(self, plan: Plan, tasks: Sequence[StepTask], jobs: int, done: Collection[str] = ()) -> None:
        self.stop()
        if self._going is not None:
            self._going.join()
        self.undertaken.append([task.step for task in tasks])
        self.left_out.append(sorted(done))
        self._halted = threading.Event()
        self._said = {}
        self._going = threading.Thread(target=self._go_through, args=(plan, tasks, done, self._halted), daemon=True)
        self._going.start()

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        following = Following(self, report)
        with self._guard:
            self._watchers[task.step] = following
            for heard in self._said.get(task.step, ()):
                report(heard)
        return following

    def stop(self) -> None:
        self._halted.set()

    def _go_through(
        self, plan: Plan, tasks: Sequence[StepTask], done: Collection[str], stopped: threading.Event
    ) -> None:
        for step in tasks:
            for task in expanded(plan.step(step.step), step, done):
                over: list[Report] = []
                ended = threading.Event()
                if stopped.is_set():
                    self._pass_on(task.step, Ended(failure=None), ended, over)
                    continue
                LocalBackend.start(self, task, lambda r, s=task.step, e=ended, o=over: self._pass_on(s, r, e, o))  # type: ignore[misc]
                ended.wait()

    def _pass_on(self, step: str, report: Report, ended: threading.Event, over: list[Report]) -> None:
        with self._guard:
            self._said.setdefault(step, []).append(report)
            if step in self._watchers:
                self._watchers[step].report(report)
        if isinstance(report, Ended):
            ended.set()


def expanded(step: PlanStep, task: StepTask, done: Collection[str]) -> list[StepTask]:
    """A task for each element that is left, of a step that runs for each; what puts them together is the engine's."""
    if step.each is None:
        return [task]
    here = Path(task.manifest)
    source = read_manifest(here.with_name(f"{step.each.source}.json"))
    assert source is not None
    made = []
    for number, blob in enumerate(source.outputs[step.each.name].elements or ()):
        name = instance(step.name, number)
        own = {"step": name, "source": step.each.source, "name": step.each.name, "blob": blob}
        context = {
            **(task.context or {}),
            "manifest": str(here.with_name(f"{name}.json")),
            "element": {**own, "gathers": step.each.gathers},
        }
        paths = {key: str(Path(getattr(task, key)).with_name(name)) for key in ("executed", "manifest", "log")}
        paths = {key: path + Path(getattr(task, key)).suffix for key, path in paths.items()}
        made.append(msgspec.structs.replace(task, step=name, context=context, **paths))
    return [task for task in made if task.step not in done]


def run(
    folder: Path, plan: CompiledPlan, backend: Piloted, replan: Any = None, **options: Any
) -> tuple[RunState, list[Any]]:
    events: list[Any] = []
    with RunStore(folder / ".nb2flow") as store:
        state = drive(request(folder, plan, **options), backend, store, on_event=events.append, replan=replan)
    return state, events


def statuses(state: RunState) -> dict[str, str]:
    return {name: step.status for name, step in state.steps.items()}


DIAMOND = (
    S("load", ["x = [1, 2]"], outputs=("x",)),
    S("left", ["y = sum(x)"], {"load": ("x",)}, ("y",)),
    S("right", ["z = len(x)"], {"load": ("x",)}, ("z",)),
    S("join", ["print(y, z)"], {"left": ("y",), "right": ("z",)}),
)


def test_the_pilot_is_given_all_at_once_and_later_only_what_is_not_done(tmp_path: Path) -> None:
    first = Piloted()
    state, _ = run(tmp_path, compiled(*DIAMOND), first)
    assert (state.status, set(statuses(state).values())) == ("succeeded", {"succeeded"})
    assert first.undertaken == [["load", "left", "right", "join"]]
    second = Piloted()
    state, _ = run(tmp_path, compiled(*DIAMOND), second)
    assert (set(statuses(state).values()), second.undertaken) == ({"cached"}, [])
    changed = (*DIAMOND[:2], S("right", ["z = 10 * len(x)"], {"load": ("x",)}, ("z",)), DIAMOND[3])
    third = Piloted()
    state, _ = run(tmp_path, compiled(*changed), third)
    assert third.undertaken == [["right", "join"]]
    assert statuses(state) == {"load": "cached", "left": "cached", "right": "succeeded", "join": "succeeded"}


def test_a_result_that_turns_up_meanwhile_does_not_stand_for_what_the_pilot_runs(tmp_path: Path) -> None:
    """Another run may have left it; later steps of the pilot build on its own."""
    plan = compiled(S("a", ["x = 1"], outputs=("x",)), S("b", ["print(x)"], {"a": ("x",)}))
    run(tmp_path, plan, Piloted())
    other = Piloted()
    state, _ = run(tmp_path, plan, other, start_from="a")
    assert other.undertaken == [["a", "b"]]
    assert statuses(state) == {"a": "succeeded", "b": "succeeded"}


class Refused(Piloted):
    """As where the user may do nothing in the cluster."""

    def prepare(self) -> None:
        raise EnvironmentFault("no rights")


def test_what_cannot_begin_is_not_told_as_started(tmp_path: Path) -> None:
    plan, told = compiled(S("a", ["x = 1"])), []
    with RunStore(tmp_path / ".nb2flow") as store:
        with pytest.raises(EnvironmentFault):
            drive(request(tmp_path, plan), Refused(), store, on_event=told.append)
        (run_id,) = {event.run_id for event in told if isinstance(event, RunCreated)}
        assert store.state(run_id).status == "interrupted"
    assert [event for event in told if isinstance(event, StepStarted)] == []


def test_a_failure_leaves_the_rest_alone_and_resuming_entrusts_what_is_left(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    plan = compiled(
        S("a", ["x = 1"], outputs=("x",)),
        S("b", [f"assert open({str(gate)!r}).read()", "y = x"], {"a": ("x",)}, ("y",)),
        S("c", ["print(y)"], {"b": ("y",)}),
    )
    state, _ = run(tmp_path, plan, Piloted())
    assert statuses(state) == {"a": "succeeded", "b": "failed", "c": "skipped"}
    gate.write_text("yes")
    again = Piloted()
    with RunStore(tmp_path / ".nb2flow") as store:
        asked = resume(
            store, state.run_id, runtime=runtime_files(), runtime_digest=runtime_digest(), environ={}, jobs=2
        )
        state = drive(asked, again, store)
    assert statuses(state) == {"a": "succeeded", "b": "succeeded", "c": "succeeded"}
    assert again.undertaken == [["b", "c"]]


def test_a_better_plan_is_entrusted_in_place_of_the_first(tmp_path: Path) -> None:
    plan = compiled(
        S("first", ["1"]),
        S("make", ["gen = (i * i for i in range(4))"], outputs=("gen",), after=("first",)),
        S("use", ["print(sum(gen))"], {"make": ("gen",)}),
    )
    better = compiled(
        S("first", ["1"]), S("make-use", ["gen = (i * i for i in range(4))", "print(sum(gen))"], after=("first",))
    )

    def replan(observations: Observations) -> CompiledPlan:
        return better

    backend = Piloted()
    state, events = run(tmp_path, plan, backend, replan=replan)
    assert statuses(state) == {"first": "succeeded", "make-use": "succeeded"}
    assert backend.undertaken == [["first", "make", "use"], ["make-use"]]
    assert [e.step for e in events if isinstance(e, StepStarted)].count("first") == 1


def test_who_is_told_to_leave_leaves_when_the_pilot_has_it_all(tmp_path: Path) -> None:
    backend = Piloted()
    state, _ = run(tmp_path, compiled(*DIAMOND), backend, leave=True)
    assert state.status == "interrupted"
    assert backend.undertaken == [["load", "left", "right", "join"]]


@pytest.mark.parametrize("adopted", [(), ("load", "left", "right", "join")])
def test_only_what_an_earlier_process_did_not_entrust_is_entrusted(tmp_path: Path, adopted: tuple[str, ...]) -> None:
    state, _ = run(tmp_path, compiled(*DIAMOND), Piloted(), leave=True)
    backend = Piloted(adopted)
    if adopted:  # as if the pilot had been at it all the time
        with RunStore(tmp_path / ".nb2flow") as store:
            asked = resume(
                store, state.run_id, runtime=runtime_files(), runtime_digest=runtime_digest(), environ={}, jobs=2
            )
        from nb2flow.engine.request import ancestors
        from nb2flow.engine.workspace import Workspace

        space = Workspace(asked)
        space.lay_out(asked.compiled)
        made = asked.compiled.plan
        backend.prepare()
        backend.undertake(made, [space.task(s, 1, "", ancestors(made, s.name)) for s in made.steps], 2)
        backend.undertaken.clear()
    with RunStore(tmp_path / ".nb2flow") as store:
        asked = resume(
            store, state.run_id, runtime=runtime_files(), runtime_digest=runtime_digest(), environ={}, jobs=2
        )
        state = drive(asked, backend, store)
    assert set(statuses(state).values()) == {"succeeded"}
    assert backend.undertaken == ([] if adopted else [["load", "left", "right", "join"]])


# ---- steps that run for each element ----

EACH: tuple[notebooks.Cell, ...] = (
    ("step:names", "names = open('names.txt').read().split()"),
    ("step:count each:names", "sizes = {}\nfor name in names:\n    sizes[name] = len(open(name).read())"),
    ("step:total gather", "print(sum(sizes.values()), list(sizes))"),
)


def laid_out(folder: Path, **files: str) -> CompiledPlan:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return plan_of_notebook(analyse(notebooks.save(folder / "each.ipynb", *EACH)))


def go_on(folder: Path, run_id: str, backend: Piloted) -> RunState:
    with RunStore(folder / ".nb2flow") as store:
        asked = resume(store, run_id, runtime=runtime_files(), runtime_digest=runtime_digest(), environ={}, jobs=2)
        return drive(asked, backend, store)


def test_the_pilot_expands_a_list_that_it_makes_and_the_engine_follows_each_element(tmp_path: Path) -> None:
    backend = Piloted()
    plan = laid_out(tmp_path, names="a.txt b.txt", a="1", b="22")
    state, _ = run(tmp_path, plan, backend)
    assert statuses(state) == dict.fromkeys(("names", "count[0]", "count[1]", "count", "total"), "succeeded")
    assert (backend.undertaken, backend.left_out) == ([["names", "count", "total"]], [[]])
    again = Piloted()
    (tmp_path / "b.txt").write_text("333")
    state, _ = run(tmp_path, plan, again)
    assert (again.undertaken, again.left_out) == ([["count", "total"]], [["count[0]"]])
    ran = {name for name, status in statuses(state).items() if status == "succeeded"}
    assert ran == {"count[1]", "count", "total"}


def test_the_pilot_has_nothing_to_expand_in_an_empty_list(tmp_path: Path) -> None:
    state, _ = run(tmp_path, laid_out(tmp_path, names=""), Piloted())
    assert statuses(state) == dict.fromkeys(("names", "count", "total"), "succeeded")


def test_an_element_that_failed_is_all_that_is_left_of_its_step(tmp_path: Path) -> None:
    state, _ = run(tmp_path, laid_out(tmp_path, names="a.txt b.txt c.txt", a="1", c="333"), Piloted())
    assert statuses(state) == {
        **dict.fromkeys(("names", "count[0]", "count[2]"), "succeeded"),
        "count[1]": "failed",
        **dict.fromkeys(("count", "total"), "skipped"),
    }
    (tmp_path / "b.txt").write_text("22")
    again = Piloted()
    state = go_on(tmp_path, state.run_id, again)
    assert set(statuses(state).values()) == {"succeeded"}
    assert (again.undertaken, again.left_out) == ([["count", "total"]], [["count[0]", "count[2]"]])


def test_over_a_list_longer_than_an_engine_takes_the_step_runs_whole(tmp_path: Path) -> None:
    plan = laid_out(tmp_path, names="a.txt b.txt", a="1", b="22")
    state, _ = run(tmp_path, plan, FewLocally())
    assert set(statuses(state)) == {"names", "count", "total"}
    assert any("2 elements, and this engine starts 1 at most" in note for note in state.steps["count"].notes)


class FewLocally(LocalBackend):
    most_instances = 1


def test_elements_beside_one_that_failed_are_entrusted_though_what_gathers_them_waits_in_vain(tmp_path: Path) -> None:
    plan = with_elements(laid_out(tmp_path, names="").plan, {"count": ("0", "1", "2")})
    pilot = Noting()
    entrusted = Entrusted(pilot)
    entrusted.starts("count[2]")
    assert entrusted.see_to(plan, ["count[2]"], {"count[2]"}.__contains__, lambda step: step.name, 2)  # type: ignore[arg-type, return-value]
    assert pilot.given == (["count"], {"count[0]", "count[1]"})


@pytest.mark.parametrize("adopted", [{"names", "count"}, {"names", "count[0]", "count[2]"}])
def test_of_a_step_with_elements_a_pilot_may_have_all_or_some(adopted: set[str]) -> None:
    entrusted = Entrusted(Noting(adopted))
    entrusted.adopt("run")
    assert entrusted.has("count[0]") and entrusted.has("count[2]")
    assert entrusted.has("count[1]") == ("count" in adopted)
    assert not entrusted.has("total")


class Noting:
    """A pilot that does nothing."""

    def __init__(self, adopted: Collection[str] = ()) -> None:
        self._adopted = adopted
        self.given: Any = None

    def adopt(self, run_id: str) -> Collection[str]:
        return self._adopted

    def undertake(self, plan: Plan, tasks: Sequence[StepTask], jobs: int, done: Collection[str] = ()) -> None:
        self.given = (list(tasks), set(done))
