"""Whole runs with real kernels, on plans written by hand."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from engine.pipelines import S, compiled, request

from nb2flow.engine import drive
from nb2flow.errors import EnvironmentFault, PlanError, UsageError
from nb2flow.executors.local import LocalBackend
from nb2flow.flow.model import Observations
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.model import CompiledPlan
from nb2flow.runs.events import AnyEvent, StepFailed, StepNoted, StepStarted, encode
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore


def run(folder: Path, plan: CompiledPlan, replan: Any = None, **options: Any) -> tuple[RunState, list[AnyEvent]]:
    events: list[AnyEvent] = []
    with RunStore(folder / ".nb2flow") as store:
        asked = request(folder, plan, **options)
        state = drive(asked, LocalBackend(), store, on_event=events.append, replan=replan)
        assert state == store.state(asked.run_id)
        assert [encode(e) for _, e in store.events(asked.run_id)] == [encode(e) for e in events]
    return state, events


def statuses(state: RunState) -> dict[str, str]:
    return {name: step.status for name, step in state.steps.items()}


def executed(folder: Path, state: RunState, step: str) -> dict[str, Any]:
    path = folder / ".nb2flow" / "runs" / state.run_id / "executed" / f"{step}.ipynb"
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def text_of(document: dict[str, Any], cell_id: str) -> str:
    cell = next(c for c in document["cells"] if c["id"] == cell_id)
    return "".join("".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell["outputs"])


RIGHT = "import os\nz = (len(x), os.environ.get('COLOUR'), os.environ['PYTHONHASHSEED'])"
DIAMOND = (
    S("load", ["x = [1, 2]"], outputs=("x",)),
    S("left", ["y = sum(x)", "with open('f.txt', 'w') as f: _ = f.write('left')"], {"load": ("x",)}, ("y",)),
    S("right", [RIGHT], {"load": ("x",)}, ("z",), options=StepOptions(env=(("COLOUR", "red"),))),
    S("join", ["y, z", "open('f.txt').read()"], {"left": ("y",), "right": ("z",)}),
)


def test_a_diamond_runs_is_then_taken_from_the_cache_and_notices_what_changed(tmp_path: Path) -> None:
    plan = compiled(*DIAMOND)
    first, events = run(tmp_path, plan)
    assert first.status == "succeeded"
    notebook = executed(tmp_path, first, "join")
    assert text_of(notebook, "join-c0") == "(3, (2, 'red', '0'))"
    assert text_of(notebook, "join-c1") == "'left'"
    assert first.steps["left"].outputs == {"y": ("int", "3")}
    assert next(e.step for e in events if isinstance(e, StepStarted)) == "load"
    assert (first.steps["left"].cell, first.steps["left"].cells) == (2, 2)

    second, events = run(tmp_path, plan)
    assert set(statuses(second).values()) == {"cached"}
    assert second.steps["left"].cached_from == first.run_id
    assert second.steps["left"].outputs == {"y": ("int", "3")}
    assert executed(tmp_path, second, "join") == notebook
    assert not [e for e in events if isinstance(e, StepStarted)]

    (tmp_path / "f.txt").write_text("someone else wrote this")
    third, _ = run(tmp_path, plan)
    assert statuses(third) == {"load": "cached", "left": "succeeded", "right": "cached", "join": "cached"}

    without, _ = run(tmp_path, plan, start_from="right")
    assert statuses(without) == {"load": "cached", "left": "cached", "right": "succeeded", "join": "succeeded"}

    alone, _ = run(tmp_path, plan, only="left")
    assert statuses(alone) == {"load": "cached", "left": "succeeded", "right": "skipped", "join": "skipped"}
    assert alone.status == "succeeded"


def test_a_step_does_not_run_alone_without_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="load, left, right must have run before") as caught:
        run(tmp_path, compiled(*DIAMOND), only="join")
    assert "--from load" in caught.value.hint
    with RunStore(tmp_path / ".nb2flow") as store:
        assert store.runs() == []


def test_a_result_is_not_used_when_what_it_was_made_of_came_out_differently(tmp_path: Path) -> None:
    """`make` has the same code and the same key, but reads a file: `use` must not be taken from the cache."""
    (tmp_path / "data.txt").write_text("1")
    plan = compiled(
        S("make", ["n = int(open('data.txt').read())"], outputs=("n",)),
        S("use", ["print(n * 10)"], {"make": ("n",)}),
    )
    first, _ = run(tmp_path, plan)
    assert text_of(executed(tmp_path, first, "use"), "use-c0") == "10\n"
    (tmp_path / "data.txt").write_text("2")
    second, _ = run(tmp_path, plan)
    assert statuses(second) == {"make": "succeeded", "use": "succeeded"}
    assert text_of(executed(tmp_path, second, "use"), "use-c0") == "20\n"


FAULTY = (
    S("fine", ["a = 1", "print('fine')"], outputs=("a",)),
    S("wrong", ["def f(x):\n    return 1 / x\n\nf(1)", "b = 2\nprint('before')\nb = f(0)", "never = 1"]),
    S("set-up", ["1"], replay="import sys\nraise ValueError('in the set-up')"),
    S("dies", ["print('last words', flush=True)\nimport os\nos._exit(1)"]),
    S("slow", ["import time", "print('started')\ntime.sleep(600)"], options=StepOptions(timeout=15.0)),
    S("holds", ["gen = (i for i in range(3))"], outputs=("gen",)),
    S("flaky", ["import pathlib", "p = pathlib.Path('tries')\np.write_text(p.read_text() + 'x' if p.exists() else 'x')",
                "assert len(p.read_text()) > 1"], options=StepOptions(retries=2, gpu=1)),
    S("leaves", ["import sys\nsys.exit(0)", "2"]),
    S("allowed", ["1 / 0"], tags=("raises-exception",), options=StepOptions(gpu=2)),
    S("asks", ["import not_there", "import os\nos.path.getsize('not there')"], tags=("raises-exception",)),
    S("talks", ["for i in range(60_000): print('a line of some length', i)", "print('short')"]),
    S("rest", ["print(a)"], {"fine": ("a",)}, after=("dies",)),
    S("last", ["3"], after=("rest",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunState, list[AnyEvent]]:
    """One run of a pipeline in which nearly every step fails, each in its own way."""
    folder = tmp_path_factory.mktemp("faults")
    state, events = run(folder, compiled(*FAULTY), jobs=4, output_limit=100_000)
    return folder, state, events


Faults = tuple[Path, RunState, list[AnyEvent]]


def test_each_step_ends_as_it_must_and_the_run_has_failed(faults: Faults) -> None:
    _, state, _ = faults
    assert state.status == "failed"
    assert statuses(state) == {
        "fine": "succeeded",
        "wrong": "failed",
        "set-up": "failed",
        "dies": "failed",
        "slow": "failed",
        "holds": "failed",
        "flaky": "succeeded",
        "leaves": "failed",
        "allowed": "succeeded",
        "asks": "succeeded",
        "talks": "succeeded",
        "rest": "skipped",
        "last": "skipped",
    }
    assert state.steps["last"].because == ("dies",)


def test_an_error_names_the_cell_the_line_and_shows_the_traceback(faults: Faults) -> None:
    folder, state, _ = faults
    failure = state.steps["wrong"].failure
    assert failure is not None
    assert (failure.kind, failure.ename) == ("error", "ZeroDivisionError")
    assert (failure.cell_id, failure.line, failure.source_line) == ("wrong-c1", 3, "b = f(0)")
    assert failure.cell_index == 3
    assert "ZeroDivisionError" in failure.traceback[-1]
    notebook = executed(folder, state, "wrong")
    assert text_of(notebook, "wrong-c1") == "before\n"
    assert not [c for c in notebook["cells"] if "papermill-error-cell-tag" in c["metadata"].get("tags", [])]
    assert [c["metadata"]["papermill"]["status"] for c in notebook["cells"]][-3:] == ["failed", "pending", "pending"]


def test_an_error_in_replayed_set_up_is_told_where_the_author_wrote_it(faults: Faults) -> None:
    failure = faults[1].steps["set-up"].failure
    assert failure is not None
    assert (failure.cell_id, failure.cell_index, failure.line) == ("original", 7, 5)
    assert failure.source_line == "raise ValueError('in the set-up')"


def test_a_kernel_that_dies_is_told_apart_from_an_error(faults: Faults) -> None:
    folder, state, _ = faults
    failure = state.steps["dies"].failure
    assert failure is not None
    assert (failure.kind, failure.cell_id) == ("kernel-died", "dies-c0")
    assert "exit status 1" in failure.message
    assert executed(folder, state, "dies")["cells"]


def test_a_step_that_never_ends_is_stopped_at_its_timeout_with_its_output_kept(faults: Faults) -> None:
    folder, state, _ = faults
    failure = state.steps["slow"].failure
    assert failure is not None
    assert (failure.kind, failure.cell_id, failure.line) == ("timeout", "slow-c1", 2)
    assert "15 s" in failure.message
    assert text_of(executed(folder, state, "slow"), "slow-c1") == "started\n"


def test_what_cannot_be_carried_is_named(faults: Faults) -> None:
    failure = faults[1].steps["holds"].failure
    assert failure is not None
    assert failure.kind == "cannot-carry"
    assert failure.variables == (("gen", "holds"),)
    assert "gen" in failure.message


def test_a_step_is_tried_again_as_often_as_it_asks(faults: Faults) -> None:
    _, state, events = faults
    tries = [e for e in events if isinstance(e, StepFailed) and e.step == "flaky"]
    assert [(t.attempt, t.will_retry) for t in tries] == [(1, True)]
    assert state.steps["flaky"].attempt == 2


def test_leaving_is_no_success_and_an_allowed_error_no_failure(faults: Faults) -> None:
    folder, state, _ = faults
    failure = state.steps["leaves"].failure
    assert failure is not None
    assert failure.ename == "SystemExit"
    outputs = [o for c in executed(folder, state, "allowed")["cells"] for o in c.get("outputs", [])]
    assert [o["ename"] for o in outputs] == ["ZeroDivisionError"]


def test_functions_that_stand_in_the_place_of_pythons_are_not_in_tracebacks(faults: Faults) -> None:
    folder, state, _ = faults
    cells = [c for c in executed(folder, state, "asks")["cells"] if c["id"].startswith("asks-c")]
    frames = [frame for cell in cells for output in cell["outputs"] for frame in output["traceback"]]
    assert len([frame for frame in frames if "not_there" in frame or "not there" in frame]) == 4
    assert not [frame for frame in frames if "nb2flow_runtime" in frame]


def test_too_much_output_is_cut_and_said(faults: Faults) -> None:
    folder, state, _ = faults
    notebook = executed(folder, state, "talks")
    outputs = next(c for c in notebook["cells"] if c["id"] == "talks-c0")["outputs"]
    assert [o["name"] for o in outputs] == ["stdout", "stderr"]
    assert len("".join(outputs[0]["text"])) == 100_000
    said = "".join(outputs[1]["text"])
    assert re.search(r"1\.\d MB of printed text left out: the limit for each cell is 100\.0 kB", said)
    assert text_of(notebook, "talks-c1") == "short\n"
    assert any("left out" in note for note in state.steps["talks"].notes)


def test_a_gpu_step_is_told_once_that_it_gets_this_machine(faults: Faults) -> None:
    notes = [e for e in faults[2] if isinstance(e, StepNoted) and "nvidia.com/gpu" in e.text]
    assert len(notes) == 1


def test_parameters_go_to_the_steps_that_read_them(tmp_path: Path) -> None:
    plan = compiled(
        S("a", ["print(n * 2)"], parameters=("n",), parameters_cell="n = 1\nother = 'x'"),
        S("b", ["print('n' in globals())"]),
    )
    state, _ = run(tmp_path, plan, parameters={"n": 21})
    assert text_of(executed(tmp_path, state, "a"), "a-c0") == "42\n"
    assert text_of(executed(tmp_path, state, "b"), "b-c0") == "False\n"


def test_a_kernel_that_is_not_installed_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"'nowhere' is not installed; installed are: .*python3"):
        run(tmp_path, compiled(S("a", ["1"])), kernel="nowhere")
    assert not (tmp_path / ".nb2flow").exists()


def test_a_secret_that_is_not_set_is_told_before_anything_runs(tmp_path: Path) -> None:
    plan = compiled(S("a", ["1"], options=StepOptions(secrets=("NB2FLOW_TEST_TOKEN",))))
    with pytest.raises(EnvironmentFault, match=r"NB2FLOW_TEST_TOKEN \(step a\)"):
        run(tmp_path, plan)


@pytest.mark.parametrize("option", ["only", "start_from"])
def test_an_unknown_step_is_refused_with_the_one_that_was_meant(tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError, match="no step called 'lod'") as caught:
        run(tmp_path, compiled(*DIAMOND), **{option: "lod"})
    assert caught.value.hint == "did you mean load?"


def test_steps_whose_files_cannot_be_told_run_again_and_say_so(tmp_path: Path) -> None:
    plan = compiled(S("a", ["import subprocess\nsubprocess.run(['true'])"]))
    first, _ = run(tmp_path, plan)
    assert any("will run again" in note for note in first.steps["a"].notes)
    second, _ = run(tmp_path, plan)
    assert statuses(second) == {"a": "succeeded"}


HIDDEN = (
    S("other", ["o = 1"], outputs=("o",)),
    S("writes", ["import time\ntime.sleep(1.0)", "open('f.txt', 'w').write('new')"]),
    S("reads", ["import pathlib", "print(pathlib.Path('f.txt').read_text())"]),
    S("end", ["print(o)"], {"other": ("o",)}, after=("reads",)),
)  # fmt: skip


def test_a_plan_that_turns_out_wrong_is_bettered_in_mid_run(tmp_path: Path) -> None:
    seen = []

    def replan(observations: Observations) -> CompiledPlan:
        seen.append(observations)
        late = S("reads", HIDDEN[2].cells, after=("writes",))
        return compiled(HIDDEN[0], HIDDEN[1], late, HIDDEN[3])

    (tmp_path / "f.txt").write_text("old")
    state, events = run(tmp_path, compiled(*HIDDEN), replan=replan, jobs=3)
    assert state.status == "succeeded"
    assert len(seen) == 1
    assert ("writes-c0", "f.txt") in seen[0].writes
    assert ("reads-c0", "f.txt") in seen[0].reads
    assert state.replanned == ("step writes writes f.txt, which step reads reads",)
    started = [e.step for e in events if isinstance(e, StepStarted)]
    assert started.count("reads") == 2
    assert started.count("writes") == started.count("other") == 1
    assert text_of(executed(tmp_path, state, "reads"), "reads-c1") == "new\n"
    again, _ = run(tmp_path, replan({}))  # type: ignore[arg-type]
    assert statuses(again)["other"] == "cached"


EARLY = (
    S("reads", ["import time\ntime.sleep(1.0)", "print(open('f.txt').read(4))"]),
    S("writes", ["with open('f.txt', 'r+') as f: f.write('NEW')"]),
    S("adds", ["import time\nwith open('g.txt', 'a') as f: f.write('+')", "time.sleep(2.0)"], after=("writes",)),
)  # fmt: skip


def _in_order(observations: Observations) -> CompiledPlan:
    return compiled(EARLY[0], S("writes", EARLY[1].cells, after=("reads",)), EARLY[2])


def test_what_ran_too_early_is_put_back_before_anything_runs_again(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("what it was")
    (tmp_path / "g.txt").write_text("g")
    state, events = run(tmp_path, compiled(*EARLY), replan=_in_order, jobs=3)
    assert state.replanned == ("step reads reads f.txt, which step writes writes",)
    started = [e.step for e in events if isinstance(e, StepStarted)]
    assert {name: started.count(name) for name in started} == {"reads": 2, "writes": 2, "adds": 2}
    assert text_of(executed(tmp_path, state, "reads"), "reads-c1") == "what\n"
    assert (tmp_path / "f.txt").read_text() == "NEWt it was"
    assert (tmp_path / "g.txt").read_text() == "g+"
    assert not (tmp_path / ".nb2flow" / "runs" / state.run_id / "before").exists()


WANTING = (
    S("makes", ["import time\ntime.sleep(1.0)", "open('new.txt', 'w').write('made')"]),
    S("uses", ["print(open('new.txt').read())", "u = 1"], outputs=("u",)),
    S("end", ["print(u)"], {"uses": ("u",)}),
)  # fmt: skip


def test_what_failed_since_it_ran_too_early_runs_again(tmp_path: Path) -> None:
    def replan(observations: Observations) -> CompiledPlan:
        assert ("makes-c0", "new.txt") in observations.writes
        assert ("uses-c0", "new.txt") in observations.reads
        return compiled(WANTING[0], S("uses", WANTING[1].cells, outputs=("u",), after=("makes",)), WANTING[2])

    state, events = run(tmp_path, compiled(*WANTING), replan=replan)
    assert [e.step for e in events if isinstance(e, StepFailed)] == ["uses"]
    assert (state.status, set(statuses(state).values())) == ("succeeded", {"succeeded"})
    assert text_of(executed(tmp_path, state, "uses"), "uses-c0") == "made\n"


def test_what_failed_for_another_reason_does_not(tmp_path: Path) -> None:
    plan = compiled(WANTING[0], S("uses", ["open('other.txt')", "u = 1"], outputs=("u",)), WANTING[2])
    state, events = run(tmp_path, plan, replan=lambda observations: pytest.fail("there is nothing to plan again"))
    assert statuses(state) == {"makes": "succeeded", "uses": "failed", "end": "skipped"}
    assert len([e for e in events if isinstance(e, StepFailed)]) == 1


def test_who_builds_on_what_runs_again_does_so_too(tmp_path: Path) -> None:
    reads = S("reads", ["import time\ntime.sleep(0.5)", "v = open('f.txt').read()"], outputs=("v",))
    uses = S("uses", ["print(v)"], {"reads": ("v",)})
    writes = ["import time\nopen('f.txt', 'w').write('new')", "time.sleep(2.5)"]
    (tmp_path / "f.txt").write_text("old")
    state, _ = run(
        tmp_path,
        compiled(reads, uses, S("writes", writes)),
        replan=lambda observations: compiled(reads, uses, S("writes", writes, after=("reads",))),
        jobs=3,
    )
    assert state.status == "succeeded"
    assert text_of(executed(tmp_path, state, "uses"), "uses-c0") == "old\n"
    assert (tmp_path / "f.txt").read_text() == "new"


@pytest.mark.slow
def test_who_runs_on_beside_what_is_put_back_is_put_in_order_too(tmp_path: Path) -> None:
    """Both add to a file; the later one is found to have run too early while the earlier one still runs."""
    first = ["import time\ntime.sleep(0.8)", "with open('g.txt', 'a') as f: f.write('1')", "time.sleep(1.5)"]
    late = ["open('f.txt', 'w').write('new')\nwith open('g.txt', 'a') as f: f.write('2')"]
    reads = S("reads", ["import time\ntime.sleep(1.2)", "print(open('f.txt').read())"])

    def replan(observations: Observations) -> CompiledPlan:
        beside = {path for _, path in observations.writes}
        after = ("reads", "first") if "g.txt" in beside else ("reads",)
        return compiled(S("first", first), reads, S("late", late, after=after))

    (tmp_path / "f.txt").write_text("old")
    state, _ = run(tmp_path, compiled(S("first", first), reads, S("late", late)), replan=replan, jobs=3)
    assert state.status == "succeeded"
    assert (tmp_path / "g.txt").read_text() == "12"
    assert text_of(executed(tmp_path, state, "reads"), "reads-c1") == "old\n"


def test_what_cannot_be_put_back_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("what it was")
    os.truncate(tmp_path / "f.txt", 300 << 20)
    with pytest.raises(PlanError, match=r"f\.txt was changed by a step that ran before it was its turn"):
        run(tmp_path, compiled(EARLY[0], EARLY[1]), replan=_in_order, jobs=3)


def test_a_value_that_cannot_be_carried_may_be_kept_in_one_step_by_a_better_plan(tmp_path: Path) -> None:
    plan = compiled(
        S("make", ["gen = (i * i for i in range(4))"], outputs=("gen",)),
        S("use", ["print(sum(gen))"], {"make": ("gen",)}),
    )
    seen = []

    def replan(observations: Observations) -> CompiledPlan:
        seen.append(observations)
        return compiled(S("make-use", ["gen = (i * i for i in range(4))", "print(sum(gen))"]))

    state, events = run(tmp_path, plan, replan=replan)
    assert (state.status, statuses(state)) == ("succeeded", {"make-use": "succeeded"})
    assert seen == [Observations(uncarryable=frozenset({("make-c0", "gen")}))]
    assert text_of(executed(tmp_path, state, "make-use"), "make-use-c1") == "14\n"
    left = (tmp_path / ".nb2flow" / "runs" / state.run_id / "executed").iterdir()
    assert [path.name for path in left] == ["make-use.ipynb"]
    assert not [e for e in events if isinstance(e, StepFailed)]


def test_without_a_better_plan_the_doubt_is_said(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("old")
    state, _ = run(tmp_path, compiled(*HIDDEN), jobs=3)
    notes = [note for step in state.steps.values() for note in step.notes]
    assert any("step writes writes f.txt, which step reads reads" in note and "may differ" in note for note in notes)
    again, _ = run(tmp_path, compiled(*HIDDEN), jobs=3)
    assert statuses(again)["reads"] == "succeeded", "a doubtful result must not be taken from the cache"


def test_kernels_that_may_not_write_bytecode_need_not_compile_the_runtime(tmp_path: Path) -> None:
    state, _ = run(tmp_path, compiled(S("only", ["1"])))
    assert state.status == "succeeded"
    (runtime,) = (tmp_path / ".nb2flow" / "runtime").iterdir()
    sources = {p.name for p in runtime.rglob("*.py")}
    assert {f"{p.name.split('.')[0]}.py" for p in runtime.rglob("*.pyc")} == sources
    bytecode = next(runtime.rglob("session*.pyc")).read_bytes()
    assert bytecode[4:8] == b"\x01\x00\x00\x00"  # PEP 552: named by content, never checked against the source
    assert str(runtime / "nb2flow_runtime" / "session.py").encode() in bytecode
