"""`env` and `image`, as typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest

Invoke = Callable[..., Any]


@pytest.fixture
def notebook(here: Path) -> Path:
    (here / "helper.py").write_text("import yaml\n")
    (here / "data.csv").write_text("1,2\n")
    return notebooks.save(
        here / "nb.ipynb",
        ("setup", "import json\nimport helper"),
        (
            "step:load",
            "from rich.table import Table\nwith open('data.csv') as f:\n    text = f.read()\ntable = helper.yaml",
        ),
        ("step:count", "n = len(json.dumps([1]))"),
    )


def test_a_table_by_step_and_what_to_type_next(invoke: Invoke, notebook: Path) -> None:
    result = invoke("env", notebook)
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert ["STEP", "NEEDS", "FROM"] in lines
    assert ["load", "helper", "local", "module", "helper.py"] in lines
    assert any(line[-2:-1] == ["rich"] and line[-1].startswith("rich==") for line in lines)
    assert any("yaml" in line and "pyyaml==" in " ".join(line) and line[-1] == "helper.py" for line in lines)
    assert ["data.csv", "file,", "4", "B"] in lines
    assert ["standard", "library:", "json"] in lines
    assert f"nb2flow image build {notebook}" in result.out


def test_nothing_but_the_standard_library(invoke: Invoke, here: Path) -> None:
    path = notebooks.save(here / "plain.ipynb", ("step:a", "import json, os"))
    result = invoke("env", path)
    assert result.code == 0
    assert "nothing but the standard library (json, os)" in result.out


def test_a_module_that_is_missing_is_told_and_no_lock_is_written(invoke: Invoke, here: Path) -> None:
    path = notebooks.save(here / "bad.ipynb", ("step:a", "import sklearn_of_nobody"))
    result = invoke("env", path)
    assert result.code == 6
    assert "NB501" in result.out
    assert "pip install sklearn-of-nobody" in result.out
    result = invoke("env", path, "--lock", "-o", here / "lock.txt")
    assert result.code == 6
    assert not (here / "lock.txt").exists()
    assert "NB501" in result.err
    result = invoke("env", path, "--lock", "-o", here / "lock.txt", "--without", "sklearn_of_nobody")
    assert result.code == 0
    assert "ipykernel==" in (here / "lock.txt").read_text()


def test_pip_takes_the_lock_and_finds_all_of_it_installed(invoke: Invoke, notebook: Path, here: Path) -> None:
    assert invoke("env", notebook, "--lock", "-o", here / "lock.txt").code == 0
    text = (here / "lock.txt").read_text()
    assert text == invoke("env", notebook, "--lock").out
    assert str(here) not in text
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--quiet", "--report", "-"]
    command += ["--disable-pip-version-check", "-r", str(here / "lock.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["install"] == []  # each pin is met, and nothing that they require is lacking


def test_json(invoke: Invoke, notebook: Path) -> None:
    value = json.loads(invoke("env", notebook, "--json").out)
    assert set(value) == {"notebook", "kernel", "python", "program", "steps", "lock", "problems"}
    (load, count) = value["steps"]
    assert {"module": "json", "kind": "stdlib"}.items() <= next(
        n for n in count["needs"] if n["module"] == "json"
    ).items()
    assert {"rich", "helper", "yaml"} <= {n["module"] for n in load["needs"]}
    assert load["files"] == [{"path": "data.csv", "size": 4, "travels": True}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["env", "nb.ipynb", "-o", "x"], "--lock"),
        (["env", "nb.ipynb", "--lock", "--json"], "exclude each other"),
        (["image", "show", "nb.ipynb", "--tag", "a:b"], "image build"),
        (["image", "build", "nb.ipynb", "-o", "x"], "image show"),
        (["image", "build", "nb.ipynb"], "needs a name"),
        (["image", "build", "nb.ipynb", "--tag", "a b\nRUN x"], "no name of an image"),
        (["image", "show", "nb.ipynb", "--profile", "gone"], "no profile 'gone'"),
        (["image", "show", "nb.ipynb", "--base", "x\nRUN y"], "no name of an image"),
    ],
)
def test_what_makes_no_sense_is_told(invoke: Invoke, notebook: Path, arguments: list[str], words: str) -> None:
    result = invoke(*arguments)
    assert result.code == 2
    assert words in result.err + result.out


def test_the_image_s_files_are_the_same_bytes_each_time(invoke: Invoke, notebook: Path, here: Path) -> None:
    for folder in ("one", "two"):
        assert invoke("image", "show", notebook, "-o", here / folder).code == 0
    made = {path.name: path.read_bytes() for path in (here / "one").iterdir()}
    assert {path.name: path.read_bytes() for path in (here / "two").iterdir()} == made
    assert invoke("image", "show", notebook).out.strip() == made["Containerfile"].decode().strip()
    (wheel,) = (name for name in made if name.endswith(".whl"))
    assert set(made) == {"Containerfile", "requirements.txt", "requirements-nb2flow.txt", wheel}
    assert str(here).encode() not in b"".join(made.values())
    assert b"pyyaml==" in made["requirements.txt"]
    assert b"papermill==" in made["requirements-nb2flow.txt"]
    assert b"nbconvert" not in made["requirements-nb2flow.txt"]


def test_the_wheel_in_the_image_s_files_is_one(invoke: Invoke, notebook: Path, here: Path) -> None:
    assert invoke("image", "show", notebook, "-o", here / "files").code == 0
    (wheel,) = (here / "files").glob("*.whl")
    target = here / "target"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*command, "--target", target, wheel], check=True)
    environ = {**os.environ, "PYTHONPATH": str(target)}
    program = "import nb2flow, nb2flow.executors.pods.step as s; print(nb2flow.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(target))
    assert (target / "bin" / "nb2flow-step").is_file()
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name]


def test_the_profile_says_base_and_name(invoke: Invoke, notebook: Path, here: Path) -> None:
    (here / "nb2flow.toml").write_text('[profiles.default]\nimage = "r/x:1"\nstore = "s3://b/p"\nbase = "r/base:2"\n')
    assert "\nFROM r/base:2\n" in invoke("image", "show", notebook).out
    assert "\nFROM r/other\n" in invoke("image", "show", notebook, "--base", "r/other").out


def test_without_a_builder_each_is_named_with_what_it_lacks(
    invoke: Invoke, notebook: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = here / "tools"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    result = invoke("image", "build", notebook, "--tag", "a:b", "--kernel", "python3")
    assert result.code == 6
    assert "docker does not work (Cannot connect to the Docker daemon)" in result.err
    assert "podman is not installed" in result.err
    assert "image show" in result.err


def test_a_build_that_fails_ends_with_what_the_builder_said(
    invoke: Invoke, notebook: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = here / "tools"
    tools.mkdir()
    podman = tools / "podman"
    podman.write_text('#!/bin/sh\n[ "$1" = info ] && exit 0\necho "$@"\necho "no space left" >&2\nexit 3\n')
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    result = invoke("image", "build", notebook, "--tag", "a:b", "--builder", "podman", "--", "--no-cache")
    assert result.code == 6
    assert "--tag a:b --no-cache" in result.err
    assert "podman could not build the image: no space left" in result.err
