"""What is started before a run is understood: when it is, and that the run then uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebooks import save

from nb2flow.app import ahead
from nb2flow.app.analysis import analyse
from nb2flow.app.running import Asked, run
from nb2flow.executors import forkservers, zygotes

CELLS = (("step:make", "x = 1"), ("step:show", "print(x)"))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a notebook; nothing that a test starts ahead is left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nb2flow.toml").write_text("")
    yield save(tmp_path / "a.ipynb", *CELLS)
    forkservers._drop()
    zygotes._drop()


def started() -> tuple[bool, bool]:
    """Whether a fork server and a zygote wait for somebody."""
    return bool(forkservers._ahead), bool(zygotes._ahead)


def test_a_run_takes_what_was_started_for_it(project: Path) -> None:
    ahead.expect_run(["a.ipynb"])
    assert started() == (True, False)  # what kernels find beside the run's files is not there yet
    assert run(analyse(project), Asked()).state.status == "succeeded"
    assert started() == (False, False)
    ahead.expect_run(["a.ipynb", "--no-cache"])
    assert started() == (True, True)
    assert run(analyse(project), Asked(use_cache=False)).state.status == "succeeded"
    assert started() == (False, False)


def test_where_nothing_has_to_run_nothing_is_started(project: Path) -> None:
    run(analyse(project), Asked())
    save(project, *CELLS, "# A text")
    ahead.expect_run(["a.ipynb"])
    assert started() == (False, False)
    save(project, CELLS[0], ("step:show", "print(x + 1)"))
    ahead.expect_run(["a.ipynb"])
    assert started() == (True, True)


@pytest.mark.parametrize(
    "arguments",
    [[], ["b.ipynb"], ["a.ipynb", "--engine=kubernetes"], ["a.ipynb", "--kernel", "ir"], ["a.ipynb", "-h"]],
    ids=str,
)
def test_nothing_is_started_for_runs_elsewhere_or_none(arguments: list[str]) -> None:
    ahead.expect_run(arguments)
    assert started() == (False, False)


@pytest.mark.parametrize("text", ["", "[]", '{"cells": 3}', '{"cells": [{}], "metadata": {}}', "\ud800"], ids=repr)
def test_a_broken_notebook_is_left_to_who_reads_it(project: Path, text: str) -> None:
    project.write_bytes(text.encode(errors="surrogatepass"))
    ahead.expect_run(["a.ipynb"])
    assert started() == (False, False)


def test_a_project_that_runs_elsewhere_starts_nothing(project: Path) -> None:
    project.with_name("nb2flow.toml").write_text('engine = "argo"\n')
    ahead.expect_run(["a.ipynb"])
    assert started() == (False, False)
