"""Diagnostics, reasons, failures, progress and tables as text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from builders import DIAMOND, FAILURE, flow_of, plan_of, run_of
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.flow.model import Edge, Reason, Site
from nb2flow.plan.shape import Shape
from nb2flow.runs.events import (
    AnyEvent,
    CancelRequested,
    CellStarted,
    Failure,
    RunCreated,
    RunFinished,
    RunReplanned,
    StepCached,
    StepCancelled,
    StepFailed,
    StepNoted,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from nb2flow.views import diagnostics, failure, progress, runs, verify, why
from nb2flow.views.terminal import Terminal, colours_only, stripped
from nb2flow.views.words import ago, clipped, duration, size

Snapshot = Callable[[str, str], None]
NOW = 1_700_000_015.0
STATE = run_of(
    plan_of(flow_of(*DIAMOND)),
    {"load": "cached", "fit-a": "succeeded", "fit-b": "failed", "fit-c": "running", "best": "skipped"},
    parameters={"alpha": 0.5},
)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_diagnostics(snapshot: Snapshot) -> None:
    found = [
        Diagnostic(
            "NB203",
            Severity.WARNING,
            "`stpe:load` looks like `step:load`",
            Place(4, "ab", None, 0, 4, "stpe:load"),
            "write it",
        ),
        Diagnostic(
            "NB301",
            Severity.ERROR,
            "nothing defines `dff`",
            Place(7, "cd", 2, 9, 12, "x = len([dff])"),
            "did you mean `df`?",
        ),
        Diagnostic(
            "NB301", Severity.ERROR, "far right", Place(8, "ef", 1, 95, 98, "\tlong = [" + "element, " * 10 + "dff]")
        ),
        Diagnostic("NB101", Severity.INFO, "the notebook has no step tags: headings make the steps"),
    ]
    text = "\n".join(diagnostics.draw(d, Terminal()) for d in found) + "\n" + diagnostics.summary(found, 5) + "\n"
    snapshot("diagnostics.txt", text)
    snapshot("diagnostics.json", json.dumps([diagnostics.to_value(d) for d in found], indent=2) + "\n")


@given(st.text("ab \té漢", max_size=120), st.integers(0, 130), st.integers(0, 130), st.integers(40, 100))
def test_a_caret_stands_under_the_column(text: str, column: int, length: int, width: int) -> None:
    if column >= len(text) or not text[column].strip():
        return
    end = min(len(text), column + 1 + length)
    shown = diagnostics.draw(
        Diagnostic("NB1", Severity.ERROR, "m", Place(0, None, 1, column, end, text)), Terminal(width)
    ).splitlines()
    caret = shown[2].index("^")
    assert shown[1][caret] == text[column]


def line_at(site: Site) -> str:
    return {2: "df = pd.read_csv('wine.csv')", 4: "df.head()"}.get(site.cell, "x = 1")


def test_why(snapshot: Snapshot) -> None:
    flow = flow_of(*DIAMOND)
    reasons = (
        Reason("resource", "rng:numpy", Site(2, 3), Site(4, 1)),
        Reason("file", "out.csv", Site(2, 4), Site(4, 2), "may be written"),
        Reason("order", "load", text="tag after:load"),
        Reason("state", "x", text="exec() may change anything"),
    )
    mixed = dataclasses.replace(flow, edges=(*flow.edges, Edge("load", "report", reasons)))
    asked = [
        why.draw(flow, "load", "fit-a", line_at, Terminal()),
        why.draw(flow, "report", "load", line_at, Terminal()),
        why.draw(flow, "fit-a", "fit-b", line_at, Terminal()),
        why.draw(mixed, "load", "report", line_at, Terminal()),
    ]
    snapshot("why.txt", "\n\n".join(asked) + "\n")
    snapshot("why.json", json.dumps(why.to_value(flow, "fit-a", "report"), indent=2) + "\n")
    assert why.to_value(flow, "fit-a", "fit-b")["independent"] is True


def test_failure(snapshot: Snapshot) -> None:
    source = "rows = load()\nmodel.fit(rows)\nprint('fitted')\n"
    text = failure.draw("fit-b", FAILURE, Terminal(), source=source, executed="runs/x/executed/fit-b.ipynb")
    snapshot("failure.txt", text + "\n")
    assert "\x1b[31mValueError" in failure.draw("fit-b", FAILURE, Terminal(color=True))


def test_of_a_long_traceback_the_beginning_and_the_end_are_shown() -> None:
    frames = ("head", *(f"frame {n}" for n in range(3000)), "RecursionError: " + "x" * 9000)
    deep = msgspec.structs.replace(FAILURE, traceback=frames)
    text = failure.draw("fit-b", deep, Terminal())
    assert "frame 3\n" in text and "frame 2990\n" in text and "left out" in text
    assert len(text.splitlines()) < 100 and max(map(len, text.splitlines())) < 500


def test_an_exception_without_words_is_its_name() -> None:
    assert failure.headline(Failure(kind="error", message="MemoryError", ename="MemoryError")) == "MemoryError"


def test_text_from_a_notebook_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;title\x07\x1b[2Jx\x1b[31mred\x1b[0m\x1b[?25l\r\x08\x9b5A"
    assert colours_only(evil) == "x\x1b[31mred\x1b[0m\r5A".replace("\r", "")
    assert stripped(evil) == "xred5A"


def test_run_views(snapshot: Snapshot) -> None:
    ended = dataclasses.replace(STATE, status="failed", ended_at=1_700_000_012.0, replanned=("x changed",))
    parts = [
        progress.draw(STATE, NOW, Terminal()),
        runs.draw(STATE, NOW, Terminal(), ".nb2flow/runs/sample-abcd2345"),
        runs.draw(ended, NOW, Terminal(), ".nb2flow/runs/sample-abcd2345"),
        runs.last_words(ended, Terminal(), ".nb2flow/runs/sample-abcd2345/executed"),
        runs.table([STATE, ended], NOW + 900, Terminal()),
    ]
    snapshot("runs.txt", "\n\n-----\n\n".join(parts) + "\n")
    snapshot("run.json", json.dumps(runs.to_value(STATE, "folder"), indent=2) + "\n")


def test_live_rows_fit_the_height() -> None:
    plan = plan_of(flow_of(*(f"s{i} -> s{i + 1}: x" for i in range(40))))
    state = run_of(plan, {f"s{i}": "succeeded" for i in range(20)} | {"s20": "running", "s21": "failed"})
    drawn = progress.draw(state, NOW, Terminal(), height=12).splitlines()
    assert len(drawn) <= 12
    assert any("s20" in line for line in drawn)
    assert any("s21" in line for line in drawn)


def test_a_line_for_each_event(snapshot: Snapshot) -> None:
    at = 1_700_000_000.0
    events: list[AnyEvent] = [
        RunCreated(at=at, run_id="w-1", notebook="w.ipynb", plan={}),
        StepStarted(at=at, step="load", attempt=1, key="k"),
        CellStarted(at=at, step="load", attempt=1, cell_id="c", number=1, total=2),
        StepNoted(at=at, step="load", text="10 MB of output left out"),
        StepSucceeded(at=at, step="load", attempt=1, key="k", seconds=1.25),
        StepCached(at=at, step="fit", key="k", run_id="w-0"),
        StepFailed(at=at, step="a", attempt=1, failure=FAILURE, seconds=2.0, will_retry=True, delay=1.0),
        StepStarted(at=at, step="a", attempt=2, key="k"),
        StepFailed(at=at, step="a", attempt=2, failure=FAILURE, seconds=2.0),
        StepSkipped(at=at, step="b", because=("a",)),
        StepSkipped(at=at, step="c"),
        StepCancelled(at=at, step="d"),
        RunReplanned(at=at, plan={}, because=("step load changed rng:numpy",)),
        CancelRequested(at=at, who="ctrl-c"),
        RunFinished(at=at, status="failed", seconds=75.0),
    ]
    lines = [progress.line(e, Terminal()) for e in events]
    assert lines[2] is None
    snapshot("events.txt", "\n".join(line for line in lines if line is not None) + "\n")


def test_verify_table(snapshot: Snapshot) -> None:
    rows: list[verify.Row] = [
        (1, "a", "", "replayed", ""),
        (2, "b", "load", "equal", ""),
        (4, "c", "fit", "nondeterministic", ""),
        (6, "d", "fit", "differs", "stdout: line 2: notebook '1', pipeline '2'"),
        (8, "e", "plot", "missing", ""),
    ]
    wide = Shape(drawn=4, kept=3, width=2, work=75.0, path=50.0)
    line = Shape(drawn=3, kept=3, width=1, work=75.0, path=75.0)
    told = verify.draw(rows, Terminal(), False, wide) + "\n\n" + verify.draw(rows[:3], Terminal(), True, line)
    snapshot("verify.txt", told + "\n")
    assert verify.to_value(rows, False, wide)["steps"] == {
        "drawn": 4,
        "kept": 3,
        "width": 2,
        "work": 75.0,
        "path": 50.0,
    }
    assert verify.to_value([], None, None) == {"equivalent": None, "cells": [], "steps": None}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 m 00 s"),
        (185, "3 m 05 s"),
        (7800, "2 h 10 m"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_words() -> None:
    assert [ago(x) for x in (3, 60, 5400, 3 * 86400)] == ["just now", "1 minute ago", "2 hours ago", "3 days ago"]
    assert [size(x) for x in (812, 1234, 34_000_000, 2_500_000_000_000)] == ["812 B", "1.2 kB", "34 MB", "2500 GB"]
    assert [clipped("abcdef", n) for n in (6, 4, 1, 0)] == ["abcdef", "abc…", "…", ""]


def test_views_touch_no_files() -> None:
    """`views` does no I/O: none of its modules opens, reads or writes anything."""
    import nb2flow.views

    for module in Path(nb2flow.views.__path__[0]).glob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert not [
            w
            for w in (
                "open(",
                ".read_text",
                ".write_",
                "print(",
                "import os\n",
                "import pathlib",
                "from pathlib import Path\n",
            )
            if w in text
        ], module
