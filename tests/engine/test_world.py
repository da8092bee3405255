"""What of the world a result depends on: a step is run again when, and only when, some of it has changed."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from engine.pipelines import S, compiled, request

from nb2flow.engine import drive, resume
from nb2flow.executors.local import LocalBackend
from nb2flow.runs.events import AnyEvent, StepNoted, StepStarted
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore
from nb2flow.runtime.bundle import runtime_digest, runtime_files

Run = Callable[..., tuple[RunState, list[AnyEvent]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "project").mkdir()

    def begin(
        *steps: S, environ: dict[str, str] | None = None, of: str = "", **options: Any
    ) -> tuple[RunState, list[AnyEvent]]:
        """Run the steps, or resume the run `of` them."""
        events: list[AnyEvent] = []
        variables = {**os.environ, **(environ or {})}
        with RunStore(tmp_path / "home") as store:
            if of:
                files = {"runtime": runtime_files(), "runtime_digest": runtime_digest()}
                asked = resume(store, of, environ=variables, jobs=2, **files)
            else:
                plan = compiled(*steps)
                asked = request(tmp_path / "project", plan, home=tmp_path / "home", environ=variables, **options)
            return drive(asked, LocalBackend(), store, on_event=events.append), events

    return begin


def notes(events: list[AnyEvent]) -> list[str]:
    return [f"{event.step}: {event.text}" for event in events if isinstance(event, StepNoted)]


def ran(state: RunState) -> set[str]:
    return {name for name, step in state.steps.items() if step.status == "succeeded"}


def value(state: RunState, step: str) -> str:
    return next(preview for _, preview in state.steps[step].outputs.values())


HELPER = "import sys\nsys.path.append('../src')\nimport helper"
STEPS = (
    S("mode", ["import os\nx = os.environ.get('MODE')"], outputs=("x",)),
    S("token", ["import os\nx = 'OTHER' in os.environ"], outputs=("x",)),
    S("there", ["from pathlib import Path\nx = Path('flag' + '.txt').exists()"], outputs=("x",)),
    S("module", ["x = helper.f()"], outputs=("x",), replay=HELPER),
    S(
        "at-import",
        ["x = conf.level"],
        outputs=("x",),
        replay="sys = __import__('sys')\nsys.path.insert(0, '')\nimport conf",
    ),
    S("none", ["x = 1"], outputs=("x",)),
)


def test_a_step_runs_again_when_what_it_asked_for_has_changed(run: Run, tmp_path: Path) -> None:
    project, source = tmp_path / "project", tmp_path / "src"
    source.mkdir()
    (source / "helper.py").write_text("def f(): return 'old'")
    (project / "conf.py").write_text("level = open('level.txt').read()")
    (project / "level.txt").write_text("low")

    first, _ = run(*STEPS, environ={"MODE": "fast"})
    assert {value(first, step) for step in ("mode", "module", "at-import")} == {"'fast'", "'old'", "'low'"}
    again, _ = run(*STEPS, environ={"MODE": "fast", "UNRELATED": "1"})
    assert ran(again) == set()

    (source / "helper.py").write_text("def f(): return 'newer'")
    (project / "level.txt").write_text("high")
    (project / "flag.txt").write_text("")
    changed, _ = run(*STEPS, environ={"MODE": "slow", "OTHER": "1"})
    assert ran(changed) == {"mode", "token", "there", "module", "at-import"}
    got = [value(changed, step) for step in ("mode", "token", "there", "module", "at-import")]
    assert got == ["'slow'", "True", "True", "'newer'", "'high'"]


def test_nothing_of_a_variable_is_kept_but_a_digest_that_takes_the_key_to_make(run: Run, tmp_path: Path) -> None:
    step = S("mode", ["import os\nx = len(os.environ['MODE'])"])
    home, environ = tmp_path / "home", {"MODE": "very secret"}

    def kept() -> set[str]:
        texts = [p.read_text() for p in (home / "store" / "results").glob("*.json")]
        assert not any("very secret" in text for text in texts)
        return {json.loads(text)["world"]["variables"]["MODE"] for text in texts}

    run(step, environ=environ)
    with_one_key = kept()
    assert len(with_one_key) == 1
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert ran(run(step, environ=environ)[0]) == set()
    (home / "key").unlink()
    assert ran(run(step, environ=environ)[0]) == {"mode"}
    assert kept() - with_one_key
    (home / "key").write_bytes(b"cut short")
    assert ran(run(step, environ=environ)[0]) == {"mode"}


def test_the_folder_counts_for_who_asks_where_it_works(run: Run, tmp_path: Path) -> None:
    steps = (S("asks", ["import os\nx = os.getcwd()"], outputs=("x",)), S("does-not", ["x = 1"], outputs=("x",)))
    run(*steps)
    (tmp_path / "project").rename(tmp_path / "elsewhere")
    (tmp_path / "project").symlink_to("elsewhere")
    assert ran(run(*steps)[0]) == set()
    (tmp_path / "project").unlink()
    (tmp_path / "project").mkdir()
    with RunStore(tmp_path / "home") as store:
        asked = request(tmp_path / "elsewhere", compiled(*steps), home=tmp_path / "home")
        assert ran(drive(asked, LocalBackend(), store)) == {"asks"}


def test_a_file_that_changes_while_a_step_runs_makes_it_run_again(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "project" / "data.txt"
    data.write_text("old")
    change = f"import pathlib\nx = open('data.txt').read()\npathlib.Path({str(tmp_path / 'link')!r}).write_text('new')"
    # Through another name, as somebody else would: the step itself was not seen to write this file.
    (tmp_path / "link").symlink_to(data)
    first, events = run(S("reads", [change], outputs=("x",)))
    assert notes(events) == ["reads: will run again next time: data.txt changed while it ran"]
    assert value(first, "reads") == "'old'"
    again, _ = run(S("reads", [change], outputs=("x",)))
    assert value(again, "reads") == "'new'"


def test_floats_that_json_does_not_have_reach_the_step(run: Run) -> None:
    step = S("step", ["x = repr([n, l])"], outputs=("x",), parameters=("n", "l"), parameters_cell="n = 0.5\nl = []")
    given = {"n": math.nan, "l": [math.inf, -math.inf, {"": "nan"}, {"": {"": 1}}]}
    state, _ = run(step, parameters=given)
    assert value(state, "step") == repr(repr([*given.values()]))
    assert repr(state.parameters) == repr(given)


MENDED = (
    S("reads", ["x = int(open('data.txt').read())"], outputs=("x",)),
    S("follows", ["y = x + 1"], {"reads": ("x",)}, ("y",)),
    S("same", ["x = 1"], outputs=("x",)),
    S("changes", ["open('own.txt', 'a').write('more')\nw = open('data.txt').read()"], {"follows": ("y",)}, ("w",)),
    S("fails", ["z = 1 / y"], {"follows": ("y",)}, ("z",), after=("changes", "same")),
)


def test_a_resumed_run_takes_over_what_was_put_right(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "project" / "data.txt"
    data.write_text("-1")
    (tmp_path / "project" / "own.txt").write_text("")
    first, _ = run(*MENDED)
    assert first.steps["fails"].status == "failed"
    data.write_text("1")
    second, events = run(of=first.run_id)
    assert second.status == "succeeded"
    assert (value(second, "reads"), value(second, "fails")) == ("1", "0.5")
    assert notes(events) == ["reads: runs again: data.txt has changed since"]
    assert {event.step for event in events if isinstance(event, StepStarted)} == set(second.steps) - {"same"}


def test_what_the_run_itself_changed_is_no_reason_to_run_a_step_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "project" / "data.txt").write_text("-1")
    steps = (MENDED[0], S("fails", ["open('data.txt', 'w').write('7')\nz = 1 / 0"], {"reads": ("x",)}))
    first, _ = run(*steps)
    second, events = run(of=first.run_id)
    assert second.steps["fails"].status == "failed"
    assert notes(events) == []
    assert {event.step for event in events if isinstance(event, StepStarted)} == {"fails"}


def test_a_file_that_a_failed_step_added_to_is_begun_again_when_the_run_is_resumed(run: Run, tmp_path: Path) -> None:
    adds = "with open('log.txt', 'a') as file:\n    file.write('{} ')\n"
    steps = (
        S("begins", ["open('log.txt', 'w').close()\nx = 1"], outputs=("x",)),
        S("adds", [adds.format("one") + "y = 1"], {"begins": ("x",)}, outputs=("y",)),
        S("apart", ["z = open('other.txt', 'w').write('1')"], outputs=("z",)),
        S("fails", [adds.format("two") + "w = open('fixed.txt').read()"], {"adds": ("y",)}, outputs=("w",)),
        S("reads", ["v = open('log.txt').read()"], {"fails": ("w",)}, outputs=("v",)),
    )
    first, _ = run(*steps)
    assert first.steps["fails"].status == "failed"
    (tmp_path / "project" / "fixed.txt").write_text("")
    second, events = run(of=first.run_id)
    assert value(second, "reads") == "'one two '"
    assert notes(events) == ["begins: runs again: log.txt has changed since"]
    assert {event.step for event in events if isinstance(event, StepStarted)} == set(second.steps) - {"apart"}


def test_a_damaged_artifact_is_made_again_with_what_comes_of_it(run: Run, tmp_path: Path) -> None:
    makes = S("makes", ["import random\nx = [random.random() for _ in range(9)]"], outputs=("x",))
    run(makes)
    blob = next((tmp_path / "home" / "store" / "blobs").glob("*/*"))
    whole = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(whole[: len(whole) // 2] + bytes(8) + whole[len(whole) // 2 + 8 :])
    failed, _ = run(makes, S("loads", ["s = sum(x)"], {"makes": ("x",)}, ("s",)))
    assert failed.steps["makes"].status == "cached"
    assert failed.steps["loads"].failure is not None
    assert "was removed. To make it again, run the notebook again" in failed.steps["loads"].failure.message
    assert not blob.exists()
    mended, _ = run(of=failed.run_id)
    assert mended.status == "succeeded"
    assert ran(mended) == {"makes", "loads"}


def test_results_of_runs_that_write_at_the_same_time_are_not_used_again(run: Run, tmp_path: Path) -> None:
    wait = "import time, pathlib\nwhile not pathlib.Path('../go').exists():\n    time.sleep(0.05)"
    steps = (S("writes", ["open('out.txt', 'w').write('x')", wait]), S("pure", ["x = 1"], outputs=("x",)))
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run, *steps) for _ in range(2)]
        while len(list((tmp_path / "home" / "runs").glob("*/executed/writes.ipynb"))) < 2:
            time.sleep(0.05)
        (tmp_path / "go").write_text("")
        ended = [each.result() for each in both]
    said = [note for _, events in ended for note in notes(events)]
    assert len([note for note in said if "later steps may read that run's" in note]) == 2
    assert len([note for note in said if note.startswith("writes: will run again next time: run nb-")]) == 2
    assert len(said) == 4
    again, events = run(*steps)
    assert (ran(again), notes(events)) == ({"writes"}, [])
    assert ran(run(*steps)[0]) == set()


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_what_workers_read_counts_and_nothing_else_of_them(run: Run, tmp_path: Path, method: str) -> None:
    data = tmp_path / "project" / "data.txt"
    data.write_text("old")
    (tmp_path / "project" / "helper.py").write_text("import json\ndef read(name): return open(name).read()")
    work = f"""
import multiprocessing
with multiprocessing.get_context({method!r}).Pool(1) as pool:
    x = pool.map(helper.read, ['data.txt'])[0]
"""
    step = S("works", [work], outputs=("x",), replay="import sys\nsys.path.insert(0, '')\nimport helper")
    run(step)
    (tmp_path / "project" / "other.txt").write_text("")
    assert ran(run(step)[0]) == set()
    data.write_text("new")
    assert value(run(step)[0], "works") == "'new'"


def test_a_step_that_goes_on_with_a_file_follows_those_that_read_it(run: Run, tmp_path: Path) -> None:
    count = tmp_path / "project" / "count.txt"
    count.write_text("1")
    add = "n = int(open('count.txt').read()) + 1\nopen('count.txt', 'w').write(str(n))"
    steps = (
        S("before", ["s = open('count.txt').read()"], outputs=("s",)),
        S("adds", [add], outputs=("n",), after=("before",)),
        S("after", ["t = s + open('count.txt').read()"], {"before": ("s",)}, ("t",), after=("adds",)),
    )
    assert value(run(*steps)[0], "after") == "'12'"
    assert value(run(*steps)[0], "after") == "'23'"  # as the notebook, run once more
    assert ran(run(S("alone", [add]))[0]) == {"alone"}
    assert ran(run(S("alone", [add]))[0]) == set()  # what it depends on has not changed since


def test_files_in_a_folder_are_nothing_to_who_made_it(run: Run) -> None:
    steps = (
        S("makes", ["import os\nos.makedirs('out', exist_ok=True)\nopen('out/a.txt', 'w').write('a')"]),
        S("adds", ["import os\nif not os.path.isdir('out'): os.mkdir('out')\nopen('out/b.txt', 'w').write('b')"],
          after=("makes",), files=("out/b.txt",)),
    )  # fmt: skip
    run(*steps)
    assert ran(run(*steps)[0]) == set()


def test_a_result_whose_notebook_was_cut_short_is_none(run: Run, tmp_path: Path) -> None:
    step = S("step", ["x = 1"], outputs=("x",))
    run(step)
    notebook = next((tmp_path / "home" / "store" / "results").glob("*.ipynb"))
    notebook.write_bytes(notebook.read_bytes()[:100])
    again, _ = run(step)
    assert ran(again) == {"step"}
    assert ran(run(step)[0]) == set()


EMPTIES = "import os, shutil\nshutil.rmtree('w', ignore_errors=True)\nos.makedirs('w/inner')\nx = 1"
APPENDS = "with open('w/inner/log.txt', 'a') as file:\n    file.write('one ')\nx = open('w/inner/log.txt').read()"


def test_a_step_that_empties_a_folder_runs_again_when_others_have_written_there_and_one_of_them_runs(run: Run) -> None:
    empties = S("empties", [EMPTIES], outputs=("x",))
    appends = S("appends", [APPENDS], after=("empties",), outputs=("x",))
    reads = S("reads", ["x = open('w/inner/log.txt').read()"], after=("appends",), outputs=("x",))
    first, _ = run(empties, appends, reads)
    assert value(first, "reads") == "'one '"
    nothing, _ = run(empties, appends, reads)
    assert ran(nothing) == set()

    for number in range(2):  # an edit of a step that goes on from what the emptied folder has
        edited = S("appends", [APPENDS + f"\ny = {number}"], after=("empties",), outputs=("x",))
        state, _ = run(empties, edited, reads)
        assert {"empties", "appends"} <= ran(state)
        assert (value(state, "appends"), value(state, "reads")) == ("'one '", "'one '")
        assert ran(run(empties, edited, reads)[0]) == set()


def test_steps_that_add_to_a_file_run_again_from_the_first_or_not_at_all(run: Run, tmp_path: Path) -> None:
    def steps(more: str = "", begins: str = "x = open('log.txt', 'w').write('one ')") -> tuple[S, ...]:
        adds = f"with open('log.txt', 'a') as file:\n    file.write('two ')\nx = open('log.txt').read(){more}"
        return (
            S("begins", [begins], outputs=("x",)),
            S("adds", [adds], after=("begins",), outputs=("x",)),
            S("ends", ["open('later.txt', 'w').close()\nx = open('log.txt').read()"], after=("adds",), outputs=("x",)),
        )

    first, _ = run(*steps())
    assert value(first, "ends") == "'one two '"
    assert ran(run(*steps())[0]) == set()
    edited, _ = run(*steps("\ny = 1"))
    assert {"begins", "adds"} <= ran(edited)
    assert value(edited, "ends") == "'one two '"
    assert ran(run(*steps("\ny = 1"))[0]) == set()
    (tmp_path / "project" / "log.txt").write_text("somebody else's")
    assert value(run(*steps("\ny = 1"))[0], "ends") == "'one two '"

    # What a step finds when a run begins is what an earlier run left.
    looks = steps(begins="import os\nx = os.path.exists('later.txt')\nopen('log.txt', 'w').write('one ')")
    (tmp_path / "project" / "later.txt").unlink()
    assert value(run(*looks)[0], "begins") == "False"
    again, _ = run(*looks)
    assert (value(again, "begins"), value(again, "ends")) == ("True", "'one two '")
    assert ran(run(*looks)[0]) == set()


def test_a_file_of_somebody_else_in_a_folder_that_a_step_empties(run: Run, tmp_path: Path) -> None:
    steps = S("empties", [EMPTIES], outputs=("x",)), S("appends", [APPENDS], after=("empties",), outputs=("x",))
    run(*steps)
    (tmp_path / "project" / "w" / "inner" / "mine.txt").write_text("not the notebook's")
    state, _ = run(*steps)
    assert (ran(state), value(state, "appends")) == ({"empties", "appends"}, "'one '")
    assert not (tmp_path / "project" / "w" / "inner" / "mine.txt").exists()


def test_a_folder_of_its_own_that_a_step_removes_is_nothing_to_its_result(run: Run) -> None:
    code = "import tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    open(folder + '/a', 'w').close()\nx = 1"
    run(S("passing", [code], outputs=("x",)))
    assert ran(run(S("passing", [code], outputs=("x",)))[0]) == set()
