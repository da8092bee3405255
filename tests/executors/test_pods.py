"""The pod's entry point against a store: a folder here, a server that speaks S3 in `test_pods_s3`."""

from __future__ import annotations

import json
import shutil
import signal
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from engine.pipelines import S
from executors.staged import Staged
from jupyter_client.blocking.client import BlockingKernelClient

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.pods.profiled import fingerprint
from nb2flow.notebook.model import StepOptions
from nb2flow.pods.contract import PodExit, blob_path
from nb2flow.profiles import Profile


def test_steps_hand_on_values_and_files_through_the_store_alone(tmp_path: Path) -> None:
    data = tmp_path / "elsewhere" / "numbers.csv"
    data.parent.mkdir()
    data.write_text("1,2,3")
    staged = Staged(
        tmp_path / "project",
        str(tmp_path / "store"),
        S("load", ["x = open('data/numbers.csv').read()", "import os; os.makedirs('made/empty')"], outputs=("x",)),
        S(
            "change",
            ["_ = open('made/y.txt', 'w').write(x * 2)", "os_ = __import__('os'); os_.remove('data/numbers.csv')"],
            {"load": ("x",)},
        ),
        S(
            "look",
            ["import os; sorted(os.listdir('made')), os.listdir('data'), open('made/y.txt').read()"],
            after=("change", "load"),
        ),
        files={"data/numbers.csv": data},
    )
    for name in ("load", "change"):
        code, said = staged.run(name)
        assert code == PodExit.SUCCEEDED, said
        assert "1,2,3" not in said
    assert staged.manifest("change")["removed"] == ["data/numbers.csv"]
    assert list(staged.manifest("change")["files"]) == ["data/", "made/y.txt"]
    code, said = staged.run("look")
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("look", "look-c0") == "(['empty', 'y.txt'], [], '1,2,31,2,3')"
    ended, progress = staged.ended("load"), staged.progress("load")
    assert ended is not None and ended.failure is None
    assert progress is not None and progress.cell is not None
    assert (progress.cell.number, progress.cell.total) == (2, 2)


def test_a_notebook_that_fails_is_told_apart_from_a_platform_that_fails(tmp_path: Path) -> None:
    staged = Staged(tmp_path / "p", str(tmp_path / "store"), S("wrong", ["import no_such_module"]))
    code, said = staged.run("wrong")
    assert code == PodExit.STEP_FAILED
    assert "no_such_module" not in said
    ended = staged.ended("wrong")
    assert ended is not None and ended.failure is not None
    assert (ended.failure.kind, ended.failure.ename) == ("error", "ModuleNotFoundError")
    assert all(f"`nb2flow {command} NOTEBOOK`" in ended.failure.hint for command in ("env", "image build"))
    assert staged.ended("wrong")

    process = Staged(tmp_path / "q", str(tmp_path / "nothing"), S("a", ["1"])).start("a")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == PodExit.PLATFORM
    assert "there is no task" in said


def test_local_modules_travel_by_content_and_lie_in_the_step_s_folder(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("import os\nwhere = os.path.dirname(__file__)\n")
    staged = Staged(
        tmp_path / "project",
        str(tmp_path / "store"),
        S("use", ["import os\nfrom lib import part\n(part.where == os.path.join(os.getcwd(), 'lib'))"]),
        files={"lib/part.py": tmp_path / "part.py"},
    )
    code, said = staged.run("use")
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("use", "use-c0") == "True"
    assert "lib/part.py" in staged.manifest("use")["observed"]["modules"]  # what the cache compares


def test_a_step_that_succeeded_is_not_run_again_by_another_pod(tmp_path: Path) -> None:
    staged = Staged(tmp_path / "p", str(tmp_path / "store"), S("a", ["import time\nprint(time.time_ns())"]))
    assert staged.run("a")[0] == PodExit.SUCCEEDED
    first = staged.text("a", "a-c0")
    code, said = staged.run("a")
    assert code == PodExit.SUCCEEDED
    assert "nothing to do" in said
    assert staged.text("a", "a-c0") == first


def test_an_artifact_that_was_damaged_is_not_loaded(tmp_path: Path) -> None:
    staged = Staged(
        tmp_path / "p", str(tmp_path / "store"), S("a", ["x = 1"], outputs=("x",)), S("b", ["x"], {"a": ("x",)})
    )
    assert staged.run("a")[0] == PodExit.SUCCEEDED
    blob = tmp_path / "store" / blob_path(staged.manifest("a")["outputs"]["x"]["blob"])
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    code, said = staged.run("b")
    assert code == PodExit.PLATFORM
    assert "damaged" in said


def test_a_task_of_another_version_and_a_kernel_that_is_not_there_are_refused(tmp_path: Path) -> None:
    staged = Staged(tmp_path / "p", str(tmp_path / "store"), S("a", ["1"]))
    place = staged.stage("a")
    task = staged.store.read(place.task)
    assert task is not None
    staged.store.write(place.task, task.replace(b'"version":3', b'"version":99'))
    process = staged.start("a")
    process.communicate(timeout=60)
    assert process.returncode == PodExit.REFUSED
    ended = staged.ended("a")
    assert ended is not None and ended.failure is not None
    assert "version 99" in ended.failure.message

    code, said = staged.run("a", kernel="fortran", language="fortran")
    assert code == PodExit.REFUSED
    assert "'fortran' is not installed" in said


def test_a_pod_that_is_stopped_leaves_its_notebook_and_does_not_say_that_the_step_ended(tmp_path: Path) -> None:
    staged = Staged(
        tmp_path / "p",
        str(tmp_path / "store"),
        S("slow", ["print('began', flush=True)", "import time; time.sleep(60)"]),
    )
    staged.stage("slow")
    process = staged.start("slow")
    while (progress := staged.progress("slow")) is None or progress.cell is None or progress.cell.number < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == PodExit.STOPPED
    assert staged.ended("slow") is None
    assert staged.text("slow", "slow-c0") == "began\n"


def test_the_kernel_sees_the_steps_environment_and_nothing_of_the_store(tmp_path: Path) -> None:
    code_cell = "import os; sorted(k for k in os.environ if k.startswith(('NB2FLOW', 'COLOUR', 'TOKEN', 'KUBERNETES')))"
    step = S("a", [code_cell], options=StepOptions(env=(("COLOUR", "red"),), secrets=("TOKEN",)))
    staged = Staged(tmp_path / "p", str(tmp_path / "store"), step)
    given = {"TOKEN": "t", "NB2FLOW_STORE_AWS_ACCESS_KEY_ID": "k", "KUBERNETES_PORT": "1"}
    code, said = staged.run("a", given)
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("a", "a-c0") == "['COLOUR', 'TOKEN']"
    assert b'"t"' not in (staged.store.read(staged.place("a").task) or b"")


def test_an_instance_loads_its_own_element_and_what_instances_collected_is_put_together(tmp_path: Path) -> None:
    staged = Staged(
        tmp_path / "here",
        str(tmp_path / "store"),
        S("list", ["x = [1, 2, 3]"], outputs=("x",)),
        S("one", ["x = [2]"], outputs=("x",)),  # as the list is saved by element
        S("use", ["y = []", "for i in x:\n    y.append(i * 10)", "print(x, y)"], {"list": ("x",)}, outputs=("y",)),
        S("total", ["print(y)"], {"use": ("y",)}),
    )
    for name in ("list", "one"):
        assert staged.run(name)[0] == PodExit.SUCCEEDED
    element = {"step": "use[1]", "source": "list", "name": "x", "gathers": {"y": "list"}}
    element["blob"] = staged.manifest("one")["outputs"]["x"]["blob"]
    Path(staged.store.url, blob_path(staged.manifest("list")["outputs"]["x"]["blob"])).unlink()  # it needs no other
    context = {"version": 1, "element": element}
    code, said = staged.run("use", context=context)
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("use", "use-c2") == "[2] [20]\n"
    made = staged.manifest("use")
    blob = made["outputs"]["y"]["blob"]
    made["outputs"]["y"] = {"type": "list", "gathers": "list", "parts": [blob, blob]}
    staged.store.write(staged.place("use").manifest, json.dumps(made).encode())
    code, said = staged.run("total")
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("total", "total-c0") == "[20, 20]\n"


def wheel(folder: Path, name: str, version: str, code: str) -> None:
    """A wheel of one module."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def test_requirements_are_installed_by_the_first_pod_and_found_by_those_after_it(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(wheels, "travelling", "1.0", "where = __file__")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"--no-index\n--find-links {wheels}\ntravelling==1.0\n")
    files, url = {"lock.txt": lock}, str(tmp_path / "store")
    first, second = (
        ["import travelling\n'packages' in travelling.where"],
        ["from importlib import metadata\nmetadata.version('travelling')"],
    )
    staged = Staged(tmp_path / "p", url, S("a", first), S("b", second), files=files, requirements="lock.txt")
    code, said = staged.run("a")
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("a", "a-c0") == "True"
    progress = staged.progress("a")
    assert progress is not None and "installs the packages of lock.txt" in progress.notes[0]
    shutil.rmtree(wheels)
    code, said = staged.run("b")
    assert code == PodExit.SUCCEEDED, said
    assert staged.text("b", "b-c0") == "'1.0'"
    progress = staged.progress("b")
    assert progress is not None and progress.notes == ()


def test_results_with_other_requirements_are_others(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    profile = Profile("default", image="i", store="s", requirements="lock.txt")
    found = {fingerprint(replace(profile, requirements=""), "python3", {})}
    for text in ("travelling==1.0", "travelling==2.0"):
        lock.write_text(text)
        found.add(fingerprint(profile, "python3", {"lock.txt": lock}))
    assert len(found) == 3
    with pytest.raises(EnvironmentFault, match=r"lock\.txt installed, which does not travel"):
        fingerprint(profile, "python3", {})


def test_requirements_that_cannot_be_installed_are_told(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"--no-index\n--find-links {tmp_path}\nno-such-package==1.0\n")
    staged = Staged(
        tmp_path / "p", str(tmp_path / "store"), S("a", ["1"]), files={"lock.txt": lock}, requirements="lock.txt"
    )
    code, said = staged.run("a")
    assert code == PodExit.REFUSED, said
    ended = staged.ended("a")
    assert ended is not None and ended.failure is not None
    assert "no-such-package==1.0" in ended.failure.message
    assert "--index-url" in ended.failure.hint


def test_the_kernel_of_a_step_that_failed_is_kept_as_the_failure_left_it(tmp_path: Path) -> None:
    staged = Staged(tmp_path / "p", str(tmp_path / "store"), S("a", ["kept = 41", "kept += 1; 1 / 0"]))
    place = staged.stage("a")
    process = staged.start("a", more=("--hold", "600"))
    try:
        deadline = time.monotonic() + 60
        while (held := staged.store.read(place.held)) is None:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        assert "ZeroDivisionError" in (staged.store.read(place.executed) or b"").decode()
        assert staged.ended("a") is None
        connection = tmp_path / "connection.json"
        connection.write_bytes(held)
        client = BlockingKernelClient(connection_file=str(connection))
        client.load_connection_file()
        client.start_channels()
        try:
            reply = client.execute("", user_expressions={"kept": "kept"}, reply=True, timeout=60)
            assert reply["content"]["user_expressions"]["kept"]["data"]["text/plain"] == "42"
        finally:
            client.stop_channels()
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == PodExit.STEP_FAILED, said
    ended = staged.ended("a")
    assert ended is not None and ended.failure is not None and ended.failure.ename == "ZeroDivisionError"
