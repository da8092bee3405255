"""The image of a notebook, built by a real builder, runs a step of it as a pod would."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import notebooks
import pytest
from engine.pipelines import S
from executors.staged import Staged

from nb2flow.app import image as use
from nb2flow.app.analysis import analyse

TAG = "localhost/nb2flow-test-image:1"
CODE = """\
import os, sys, yaml, helper
print(helper.twice(yaml.safe_load('21')), os.getuid(), sys.prefix, os.environ['PATH'][:17])"""


def buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def base() -> str:
    name = os.environ.get("NB2FLOW_TEST_BASE")
    if not name or shutil.which("buildah") is None:
        pytest.fail("needed are buildah and, in NB2FLOW_TEST_BASE, an image of this Python's version with venv and pip")
    return name


@pytest.fixture
def container() -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for name in made:
        buildah("rm", name)
    subprocess.run(["buildah", "rmi", TAG], capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.image
def test_the_image_that_is_built_runs_a_step(tmp_path: Path, base: str, container: list[str]) -> None:
    path = notebooks.save(tmp_path / "nb.ipynb", ("step:use", CODE))
    helper = tmp_path / "helper.py"
    helper.write_text("def twice(x):\n    return 2 * x\n")
    options = shlex.split(os.environ.get("NB2FLOW_TEST_BUILD_OPTIONS", ""))
    said: list[str] = []
    made = use.recipe(analyse(path), base=base)
    assert use.build(made, TAG, said.append, builder="buildah", options=options) == "buildah"

    again: list[str] = []
    use.build(use.recipe(analyse(path), base=base), TAG, again.append, builder="buildah", options=options)
    steps = sum(line.startswith("STEP ") for line in again)
    assert sum("Using cache" in line for line in again) >= steps - 2, "\n".join(again)

    staged = Staged(tmp_path / "project", str(tmp_path / "store"), S("use", [CODE]), files={"helper.py": helper})
    task = staged.stage("use").task
    for place in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
        place.chmod(0o777 if place.is_dir() else 0o666)
    container.append(buildah("from", "--pull-never", TAG))
    mount = ["-v", f"{tmp_path / 'store'}:/store"]
    out = buildah("run", *mount, container[0], "--", "nb2flow-step", "--store", "/store", "--task", task)
    assert "step use succeeded" in out
    assert staged.text("use", "use-c0") == "42 1000 /opt/notebook /opt/notebook/bin\n"
