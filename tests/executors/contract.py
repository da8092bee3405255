"""What every `StepBackend` must do, whatever it runs steps on: one suite, made for each of them.

A module that runs it defines a fixture `world` that gives a `World`, and imports the tests from here.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.pipelines import S, compiled, request

from nb2flow.engine import StepBackend
from nb2flow.engine.request import ancestors
from nb2flow.engine.workspace import Workspace
from nb2flow.executors.base import Attempt, CellBegan, Ended, Report
from nb2flow.notebook.model import StepOptions
from nb2flow.runs.manifest import read_manifest

PATIENCE = 180.0


@dataclass
class World:
    """A backend and a folder in which plans are laid out."""

    backend: StepBackend
    folder: Path
    count: int = 0


@dataclass
class Begun:
    """One attempt that was started, with all that is reported of it."""

    attempt: Attempt
    task: Any
    reports: list[Report] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    in_last_cell: threading.Event = field(default_factory=threading.Event)

    def hear(self, report: Report) -> None:
        self.reports.append(report)
        if isinstance(report, CellBegan):
            self.began.set()
            if report.number == report.total:
                self.in_last_cell.set()
        if isinstance(report, Ended):
            self.over.set()

    def end(self) -> Ended:
        assert self.over.wait(PATIENCE), self.reports
        last = self.reports[-1]
        assert isinstance(last, Ended)
        assert [type(r) for r in self.reports].count(Ended) == 1
        return last


class Laid:
    """A plan laid out in a run folder, whose steps are started one by one."""

    def __init__(self, world: World, *steps: S) -> None:
        world.count += 1
        self.world = world
        place = world.folder / f"plan-{world.count}"
        place.mkdir()
        self.request = request(place, compiled(*steps))
        self.space = Workspace(self.request)
        self.space.home.create()
        self.space.folder.create()
        self.space.lay_out(self.request.compiled)
        self.plan = self.request.compiled.plan

    def start(self, name: str, attempt: int = 1) -> Begun:
        before = ancestors(self.plan, name)
        task = self.space.task(self.plan.step(name), attempt, f"{self.request.run_id}-{name}", before)
        self.world.backend.prepare()
        begun = Begun(None, task)  # type: ignore[arg-type]
        begun.attempt = self.world.backend.start(task, begun.hear)
        return begun

    def text(self, name: str, cell_id: str) -> str:
        document = json.loads(self.space.folder.executed(name).read_bytes())
        cell = next(c for c in document["cells"] if c["id"] == cell_id)
        return "".join("".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell["outputs"])


def test_values_go_from_step_to_step_and_cells_are_told(world: World) -> None:
    laid = Laid(
        world,
        S("load", ["x = list(range(1000))", "y = 'kept'"], outputs=("x", "y")),
        S("use", ["len(x), y"], {"load": ("x", "y")}),
    )
    first = laid.start("load")
    assert first.end().failure is None
    cells = [(r.number, r.total) for r in first.reports if isinstance(r, CellBegan)]
    assert cells[-1] == (2, 2)
    manifest = read_manifest(laid.space.folder.manifest("load"))
    assert manifest is not None
    assert world.backend.holds(manifest.blobs, laid.request.home)
    assert not world.backend.holds(frozenset({"0" * 64}), laid.request.home)
    assert laid.start("use").end().failure is None
    assert laid.text("use", "use-c0") == "(1000, 'kept')"


def test_a_cell_that_fails_is_told_with_its_place(world: World) -> None:
    laid = Laid(world, S("wrong", ["print('before')", "x = 1\n1 / 0", "never"]))
    failure = laid.start("wrong").end().failure
    assert failure is not None
    assert (failure.kind, failure.ename, failure.cell_id, failure.line) == ("error", "ZeroDivisionError", "wrong-c1", 2)
    assert laid.text("wrong", "wrong-c0") == "before\n"


def test_steps_run_side_by_side_in_environments_of_their_own(world: World) -> None:
    code = ["import os\nos.environ['MINE'] = 'x'", "print(os.environ.get('COLOUR'), sorted(os.listdir()) != 0)"]
    laid = Laid(
        world,
        S("red", code, options=StepOptions(env=(("COLOUR", "red"),))),
        S("blue", code, options=StepOptions(env=(("COLOUR", "blue"),))),
    )
    begun = {name: laid.start(name) for name in ("red", "blue")}
    for name, one in begun.items():
        assert one.end().failure is None
        assert laid.text(name, f"{name}-c1") == f"{name} True\n"


def test_a_step_is_cancelled_and_its_output_kept(world: World) -> None:
    laid = Laid(world, S("slow", ["print('began', flush=True)", "import time\ntime.sleep(300)"]))
    begun = laid.start("slow")
    assert begun.in_last_cell.wait(PATIENCE)  # the first cell is over: what it printed must not be lost
    begun.attempt.cancel()
    failure = begun.end().failure
    assert failure is not None
    assert failure.kind == "cancelled"
    assert laid.text("slow", "slow-c0") == "began\n"


def test_a_step_that_runs_too_long_is_stopped(world: World) -> None:
    step = S("slow", ["import time\ntime.sleep(300)"], options=StepOptions(timeout=20.0))
    failure = Laid(world, step).start("slow").end().failure
    assert failure is not None
    assert failure.kind == "timeout"


def test_a_kernel_that_dies_is_told(world: World) -> None:
    failure = (
        Laid(world, S("dies", ["import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"])).start("dies").end().failure
    )
    assert failure is not None
    assert failure.kind == "kernel-died"
    assert "SIGSEGV" in failure.message
