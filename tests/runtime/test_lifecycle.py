"""A step begins, loads, saves: with an engine's context, by hand, twice, and when something is missing."""

from __future__ import annotations

import json
import stat

import pytest
from runtime.stepping import Steps


def test_variables_and_absence_travel_with_an_engine(steps: Steps) -> None:
    steps.run("load", "a = [1, 2]\nb = 'text'", save=["a", "b", "gone"])
    printed = steps.run(
        "use",
        "print(a, b, 'gone' in globals(), '_nb2flow' in globals())",
        load={"load": ["a", "b", "gone"]},
        setup="gone = 'a replayed value'",
    )
    assert printed == "[1, 2] text False False"
    outputs = steps.manifest("load")["outputs"]
    assert outputs["gone"] == {"absent": True}
    assert outputs["a"]["type"] == "list"
    assert outputs["a"]["preview"] == "list of 2: 1, 2"


def test_the_notebook_sees_a_clean_process(steps: Steps) -> None:
    printed = steps.run(
        "load",
        "import os, sys\n"
        "print('NB2FLOW_CONTEXT' in os.environ, 'PYTHONPATH' in os.environ,"
        " any('steps' in p for p in sys.path), os.getcwd() == HOME)",
        setup=f"HOME = {str(steps.home)!r}",
    )
    assert printed == "False False False True"


def test_other_entries_of_pythonpath_stay(steps: Steps) -> None:
    code = "import os, sys; print(os.environ['PYTHONPATH'], '/nowhere' in sys.path)"
    path = steps.runtime / "load.py"
    path.write_text(steps.script("load", code, [], {}, [], ""))
    environment = steps.environment("load")
    environment["PYTHONPATH"] += ":/nowhere"
    assert steps.execute(path, environment).stdout.strip() == "/nowhere True"


def test_by_hand_artifacts_lie_beside_the_runtime(by_hand: Steps) -> None:
    by_hand.run("load", "a = {'k': 1}", save=["a"])
    assert by_hand.run("use", "print(a)", load={"load": ["a"]}) == "{'k': 1}"
    assert (by_hand.runtime / "artifacts" / "load.json").is_file()
    assert (by_hand.runtime / "artifacts" / ".gitignore").read_text() == "*\n"


def test_by_hand_a_missing_step_is_named_with_its_notebook(by_hand: Steps) -> None:
    (by_hand.runtime / "01-load.ipynb").write_text("{}")
    error = by_hand.run("train", "pass", load={"load": ["a"]}, fails=True)
    assert error.endswith("step 'train' needs what step 'load' saved: run 01-load.ipynb first\n")
    assert "During handling" not in error
    problems = by_hand.manifest("train")["problems"]
    assert [p["kind"] for p in problems] == ["missing-input"]


def test_with_an_engine_a_missing_manifest_is_named(steps: Steps) -> None:
    steps.run("load", "a = 1", save=["a"])
    steps.manifests["load"].unlink()
    error = steps.run("train", "pass", load={"load": ["a"]}, fails=True)
    assert "step 'train' needs what step 'load' saved: run step 'load' first" in error


def test_a_variable_that_was_not_saved_is_named(steps: Steps) -> None:
    steps.run("load", "a = 1", save=["a"])
    error = steps.run("train", "pass", load={"load": ["b"]}, fails=True)
    assert "step 'train' needs 'b', which step 'load' did not save" in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "has version 99 and this runtime reads version 1"),
        ({"python": "2.7"}, "was saved by Python 2.7 and this kernel is Python"),
    ],
)
def test_a_manifest_for_another_kernel_is_refused(steps: Steps, change: dict[str, object], message: str) -> None:
    steps.run("load", "a = 1", save=["a"])
    steps.manifests["load"].write_text(json.dumps({**steps.manifest("load"), **change}))
    assert message in steps.run("train", "pass", load={"load": ["a"]}, fails=True)


def test_a_manifest_that_is_no_json_is_refused(steps: Steps) -> None:
    steps.run("load", "a = 1", save=["a"])
    steps.manifests["load"].write_text("{")
    assert "its manifest is damaged" in steps.run("train", "pass", load={"load": ["a"]}, fails=True)


def test_a_blob_that_is_missing_or_damaged_is_refused(steps: Steps) -> None:
    steps.run("load", "a = list(range(1000))\nb = 2", save=["a", "b"])
    whole = steps.blob("load", "a").read_bytes()
    steps.blob("load", "a").write_bytes(whole[:-64])
    assert "is damaged (it has" in steps.run("cut", "pass", load={"load": ["a"]}, fails=True)
    steps.blob("load", "a").write_bytes(whole[:-300] + b"\0" + whole[-299:])
    assert "is damaged (its checksum is wrong) and was removed" in steps.run(
        "flip", "pass", load={"load": ["a"]}, fails=True
    )
    assert "is no longer in" in steps.run("lost", "pass", load={"load": ["a"]}, fails=True)
    assert steps.run("other", "print(b)", load={"load": ["b"]}) == "2"
    assert steps.manifest("lost")["problems"][0]["name"] == "a"


def test_a_context_of_another_version_is_refused(steps: Steps) -> None:
    path = steps.runtime / "load.py"
    path.write_text(steps.script("load", "pass", [], {}, [], ""))
    environment = steps.environment("load")
    context = steps.folder / "load.context.json"
    context.write_text(json.dumps({**json.loads(context.read_text()), "version": 2}))
    done = steps.execute(path, environment)
    assert done.returncode != 0
    assert "the engine's context file has version 2 (this runtime reads version 1)" in done.stderr


def test_the_same_work_gives_the_same_bytes(steps: Steps) -> None:
    code = "import collections\na = {'x': [1, 2.5], 'y': collections.OrderedDict(z=None)}"
    steps.run("load", code, save=["a"])
    first, blob = steps.manifests["load"].read_bytes(), steps.blob("load", "a")
    written = blob.stat().st_mtime_ns
    steps.run("load", code, save=["a"])
    assert steps.manifests["load"].read_bytes() == first
    assert blob.stat().st_mtime_ns == written
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600
    assert not [p for p in (steps.store / "blobs").rglob("*") if p.name.startswith(".new-")]


def test_one_process_can_run_a_step_twice(steps: Steps) -> None:
    steps.run("load", "a = [1]\nn = 0", save=["a", "n"])
    again = """
a.append(2)
import nb2flow_runtime
nb2flow_runtime.save(["a"])
nb2flow_runtime.start("use", home="../project")
nb2flow_runtime.load({"load": ["a", "n"]})
print(a, n)
a.append(3)
"""
    assert steps.run("use", again, save=["a"], load={"load": ["a", "n"]}) == "[1] 0"
    assert steps.run("last", "print(a)", load={"use": ["a"]}) == "[1, 3]"


def test_loading_without_starting_says_what_to_do(steps: Steps) -> None:
    path = steps.runtime / "load.py"
    path.write_text("import nb2flow_runtime\nnb2flow_runtime.load({})")
    done = steps.execute(path, steps.environment("load"))
    assert "this step was not started: run the first cell of its notebook first" in done.stderr


def test_a_consumer_does_not_load_what_it_does_not_name(steps: Steps) -> None:
    steps.run("load", "a = 1\nclass Loud:\n    def __setstate__(self, s): print('loaded')\nb = Loud()", save=["a", "b"])
    assert steps.run("use", "print(a, 'b' in globals())", load={"load": ["a", "b"][:1]}) == "1 False"


def test_a_full_disk_ends_in_one_message(steps: Steps) -> None:
    steps.store.write_text("a file where a folder should be")
    error = steps.run("load", "a = 1", save=["a"], fails=True)
    assert "step 'load' cannot write a to" in error


def test_state_that_cannot_be_carried_is_refused(steps: Steps) -> None:
    error = steps.run("load", "pass", save=["process:history"], fails=True)
    assert "'process:history' (resource): this state of the process cannot be carried" in error


def test_variables_called_like_resources_travel(steps: Steps) -> None:
    code = "config = {'rate': 1}\ncwd = 'mine'\nenviron = 3\nsyspath = 4"
    names = ["config", "cwd", "environ", "syspath"]
    steps.run("load", code, save=names)
    assert steps.run("use", "print(config, cwd, environ, syspath)", load={"load": names}) == "{'rate': 1} mine 3 4"


def test_metrics_are_told_and_artifacts_kept_and_neither_is_a_reason_to_fail(steps: Steps) -> None:
    code = "import numpy as np\nerror = np.float64(0.25)\nmodel = {'w': [1.0]}\nlines = (line for line in 'ab')"
    kept = {"metrics": ["error", "nowhere"], "artifacts": ["model", "lines", "nowhere"]}
    steps.run("fit", code, save=["model"], kept=kept)
    document = steps.manifest("fit")
    assert list(document["outputs"]) == ["model"]
    assert document["problems"] == []
    assert document["kept"]["error"] == {"type": "numpy.float64", "preview": "0.25"}
    assert document["kept"]["model"]["blob"] == document["outputs"]["model"]["blob"]
    assert document["kept"]["lines"]["preview"].startswith("could not be kept: ")
    assert set(document["kept"]) == {"error", "model", "lines"}
