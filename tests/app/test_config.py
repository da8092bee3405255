"""Where a project begins and what its settings are."""

from __future__ import annotations

from pathlib import Path

import pytest

from nb2flow import config
from nb2flow.errors import UsageError


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "work" / "deep"
    folder.mkdir(parents=True)
    return folder


def test_without_a_project_the_notebooks_folder_counts(deep: Path) -> None:
    found = config.find(deep / "a.ipynb", {})
    assert (found.root, found.home) == (deep, deep / ".nb2flow")
    assert found.jobs >= 1
    assert found.engine == "local"


@pytest.mark.parametrize("marker", ["nb2flow.toml", "pyproject.toml", ".nb2flow/", ".git/", ".git"])
def test_the_nearest_folder_that_says_so_is_the_project(deep: Path, marker: str) -> None:
    project = deep.parents[1]
    (project.parent / ".git").mkdir(exist_ok=True)
    if marker.endswith("/"):
        (project / marker).mkdir()
    else:
        (project / marker).write_text("[tool.nb2flow]\n" if marker == "pyproject.toml" else "")
    assert config.find(deep / "a.ipynb", {}).root == project


def test_another_tools_pyproject_is_passed_over(deep: Path) -> None:
    (deep / "pyproject.toml").write_text("[tool.ruff]\n")
    (deep.parents[1] / ".git").mkdir()
    assert config.find(deep, {}).root == deep.parents[1]


def test_settings_from_a_file_and_the_environment(deep: Path) -> None:
    (deep / "nb2flow.toml").write_text('home = "../kept"\njobs = 3\noutput_limit = 5_000\n')
    found = config.find(deep, {})
    assert (found.home, found.jobs, found.output_limit) == (deep.parent / "kept", 3, 5000)
    found = config.find(deep, {"NB2FLOW_HOME": str(deep / "other"), "NB2FLOW_JOBS": "7"})
    assert (found.home, found.jobs, found.output_limit) == (deep / "other", 7, 5000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jbos = 3", "unknown setting 'jbos'"),
        ("jobs = 0", "at least 1"),
        ("jobs = true", "at least 1"),
        ("jobs = 'x'", "at least 1"),
        ("engine = 'argoo'", "unknown engine"),
        ("jobs =", "not TOML"),
        ("[profiles.x]\nargo_on_exit = 'a/b/c'", "must be like NAME/TEMPLATE"),
        ("[profiles.x]\nservice_account = 'a/b'", "not a name that Kubernetes takes"),
    ],
)
def test_wrong_settings(deep: Path, text: str, words: str) -> None:
    (deep / "nb2flow.toml").write_text(text)
    with pytest.raises(UsageError, match=words):
        config.find(deep, {})


def test_runs_right_below_are_found(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / ".nb2flow").mkdir(parents=True)
    (tmp_path / "a" / ".nb2flow" / "runs.db").touch()
    assert config.find_home(tmp_path, {}).root == tmp_path / "a"
    (tmp_path / "b" / ".nb2flow" / "runs.db").touch()
    assert config.find_home(tmp_path, {}).root == tmp_path
