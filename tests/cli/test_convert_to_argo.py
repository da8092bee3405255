"""convert --to argo, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest
import yaml

from nb2flow.errors import ExitCode

Invoke = Callable[..., Any]


@pytest.fixture
def project(here: Path) -> Path:
    path = notebooks.save(here / "small.ipynb", *notebooks.PIPELINE)
    settings = f'[profiles.default]\nimage = "registry/step:1"\nstore = "{here}/.store"\n'
    (here / "nb2flow.toml").write_text(settings)
    return path


def test_a_manifest_in_a_file_and_printed(invoke: Invoke, here: Path, project: Path) -> None:
    written = invoke("convert", project.name, "--to", "argo", "-o", "made/workflow.yaml")
    assert written.code == 0
    assert "kubectl create -f made/workflow.yaml" in written.out
    text = (here / "made" / "workflow.yaml").read_text()
    assert yaml.safe_load(text)["kind"] == "Workflow"
    assert len(list((here / ".store" / "plans").glob("*/*.json"))) == 5
    assert invoke("convert", project.name, "--to", "argo", "-o", "-", "--no-upload").out == text


def test_a_schedule(invoke: Invoke, here: Path, project: Path) -> None:
    words = ("convert", project.name, "--to", "argo", "-o", "-", "--no-upload")
    made = yaml.safe_load(invoke(*words, "--schedule", "0 3 * * *", "--timezone", "Europe/Berlin").out)
    assert (made["kind"], made["spec"]["timezone"]) == ("CronWorkflow", "Europe/Berlin")
    assert yaml.safe_load(invoke(*words, "--kind", "template").out)["kind"] == "WorkflowTemplate"
    assert not (here / ".store").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "argo", "--schedule", "daily"], "'daily' is no schedule"),
        (["--to", "argo", "--timezone", "UTC"], "--timezone needs --schedule"),
        (["--to", "argo", "--schedule", "@daily", "--kind", "template"], "leave --kind out"),
        (["--to", "argo", "--profile", "nowhere"], "there is no profile 'nowhere'"),
        (["--schedule", "@daily"], "--schedule is for --to argo"),
        (["--no-upload"], "--no-upload is for --to argo"),
    ],
)
def test_what_does_not_go_together(invoke: Invoke, here: Path, project: Path, words: list[str], said: str) -> None:
    result = invoke("convert", project.name, "-o", "out", *words)
    assert result.code == ExitCode.USAGE
    assert said in result.err
    assert not (here / "out").exists() and not (here / ".store").exists()


def test_a_folder_is_no_file(invoke: Invoke, here: Path, project: Path) -> None:
    (here / "out").mkdir()
    result = invoke("convert", project.name, "--to", "argo", "-o", "out")
    assert result.code == ExitCode.USAGE
    assert "-o out/workflow.yaml" in result.err
