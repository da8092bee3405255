"""What a change means for the pipeline: steps, edges, options, and what runs again."""

from __future__ import annotations

import json
from pathlib import Path

from builders import flow_of
from diff.conftest import Run
from diff.making import Json, code, dump, md, nb

from nb2flow.app.analysis import analyse
from nb2flow.app.compiling import compiled
from nb2flow.diff.flow import compare_flows
from nb2flow.diff.show.flow_text import render
from nb2flow.notebook.model import StepOptions

LOAD = code("rows = open('wines.csv').read().split()\nlimit = len(rows)", id="load", tags=["step:load"])
FIT = code("model = len(rows) / limit", id="fit", tags=["step:fit", "gpu:1"])
OTHER = code("other = max(rows)", id="other", tags=["step:other"])
REPORT = code("print(model, other)", id="report", tags=["step:report"])
NOTEBOOK = nb(LOAD, md("# Fit", id="m"), FIT, OTHER, REPORT, kernelspec={"name": "python3", "language": "python"})


def told(tmp_path: Path, nbdiff: Run, change: dict[str, Json], *flags: str) -> tuple[int, str]:
    """The exit code and text for the notebook and one in which the cells named by their ids are replaced."""
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(NOTEBOOK))
    b.write_bytes(dump({**NOTEBOOK, "cells": [change.get(c["id"], c) for c in NOTEBOOK["cells"]]}))
    status, out, err = nbdiff("--flow", *flags, a, b)
    assert err == ""
    return status, out


def test_prose_changes_no_pipeline(tmp_path: Path, nbdiff: Run) -> None:
    status, out = told(tmp_path, nbdiff, {"m": md("# Fitting", id="m")})
    assert status == 0
    assert "the pipeline is the same" in out
    assert "would stay cached: load, fit, other, report" in out


def test_an_edited_step_and_those_after_it_run_again(tmp_path: Path, nbdiff: Run) -> None:
    status, out = told(tmp_path, nbdiff, {"fit": {**FIT, "source": "model = len(rows) * limit"}})
    assert status == 1
    assert "would run again: fit (its code changed), report (after fit)" in out
    assert "would stay cached: load, other" in out


def test_options_are_told_as_tags(tmp_path: Path, nbdiff: Run) -> None:
    edited = {**FIT, "metadata": {"tags": ["step:fit", "gpu:2", "retries:3"]}}
    assert "~ fit: gpu:1 → gpu:2\n+ fit: retries:3\n" in told(tmp_path, nbdiff, {"fit": edited})[1]


def test_a_renamed_step_is_renamed(tmp_path: Path, nbdiff: Run) -> None:
    edited = {**FIT, "metadata": {"tags": ["step:train", "gpu:1"]}}
    _, out = told(tmp_path, nbdiff, {"fit": edited})
    assert "~ step fit is now called train\n" in out
    assert "+ step" not in out
    assert "train (its name changed)" in out


def test_a_step_that_loads_from_a_renamed_one_stays_cached(tmp_path: Path, nbdiff: Run) -> None:
    edited = {**OTHER, "metadata": {"tags": ["step:others"]}}
    _, out = told(tmp_path, nbdiff, {"other": edited})
    assert "would run again: others (its name changed)\n" in out
    assert "would stay cached: load, fit, report" in out


def test_edges_gained_and_lost_name_their_variables(tmp_path: Path, nbdiff: Run) -> None:
    _, out = told(tmp_path, nbdiff, {"report": {**REPORT, "source": "print(model, limit)"}})
    assert "+ edge load → report: limit\n" in out
    assert "- edge other → report: other\n" in out
    _, out = told(tmp_path, nbdiff, {"fit": {**FIT, "source": "model = len(rows)"}})
    assert "~ edge load → fit carries no longer limit\n" in out


def test_steps_added_and_removed(tmp_path: Path, nbdiff: Run) -> None:
    status, out = told(tmp_path, nbdiff, {"report": code("x = 1", id="new", tags=["step:alone"])}, "--json")
    found = json.loads(out)
    assert status == 1
    assert found["steps"] == {"added": ["alone"], "removed": ["report"], "renamed": []}
    assert found["run_again"][-1] == {"step": "alone", "why": "new"}
    assert found["run_again"][0] == {"step": "fit", "why": "what it loads, saves or is set up with changed"}


def test_errors_leave_out_what_would_run_again(tmp_path: Path, nbdiff: Run) -> None:
    _, out = told(tmp_path, nbdiff, {"fit": {**FIT, "source": "model = = 1"}})
    assert "has errors (nb2flow check)" in out
    assert "would run again:" not in out


def test_flows_alone_are_compared_without_keys() -> None:
    old = flow_of("load -> fit: df", "fit -> report: model")
    new = flow_of("load -> fit: df, labels", "load -> report: df", options={"fit": StepOptions(env=(("A", "1"),))})
    found = compare_flows(old, new, {})
    assert list(render(found)) == [
        "~ edge load → fit carries now also labels",
        "+ edge load → report: df",
        "- edge fit → report: model",
        "+ fit: env:A=1",
    ]
    assert not compare_flows(old, old, {}).changed


def test_a_parameters_cell_in_another_language_is_part_of_its_step(tmp_path: Path, nbdiff: Run) -> None:
    def write(name: str, rows: int) -> Path:
        cells = [code(f"rows <- {rows}", id="p", tags=["parameters"]), code("mean(1:rows)", id="m")]
        path = tmp_path / name
        path.write_bytes(dump(nb(*cells, kernelspec={"name": "ir", "language": "R"})))
        return path

    a = write("a.ipynb", 3)
    step = compiled(analyse(a)).notebooks["01-main.ipynb"]
    assert [c["source"] for c in step["cells"]] == ["rows <- 3", "mean(1:rows)"]
    status, out, _ = nbdiff("--flow", a, write("b.ipynb", 4))
    assert status == 1
    assert "would run again: main" in out
