"""What the engine itself costs: plans of many steps that end at once, on a backend that starts nothing.

`python benchmarks/run/schedule.py [--steps 500 1000 2000]`. All that a run keeps is kept (events, manifests, executed
notebooks, results for the cache); the steps' own time is nothing. CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import notebooks

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nb2flow.engine import drive
from nb2flow.executors.local import LocalBackend
from nb2flow.runs.attempt import Ended, Report, StepTask
from nb2flow.runs.store import RunStore

EXECUTED = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Begun:
    """An attempt that is over."""

    def cancel(self, *, kill: bool = False) -> None:
        """Nothing is left to cancel."""


class Instant(LocalBackend):
    """Says of each step that it is done."""

    def prepare(self) -> None:
        """Nothing is needed."""

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Begun:  # type: ignore[override]
        """Leave what a step without outputs leaves."""
        Path(task.manifest).write_text(json.dumps({"version": 1, "step": task.step, "status": "done"}))
        Path(task.executed).write_text(EXECUTED)
        report(Ended(None))
        return Begun()


def measure(folder: Path, steps: int) -> tuple[float, float]:
    """CPU seconds of the run, and of analysing and compiling before it."""
    path = notebooks.write(folder / "many.ipynb", notebooks.wide(steps, 0.0))
    began = time.process_time()
    request = notebooks.request(path, jobs=8)
    planned = time.process_time()
    with RunStore(request.home) as store:
        state = drive(request, Instant(), store)
    if state.status != "succeeded":
        raise SystemExit(f"the run {state.status}")
    return time.process_time() - planned, planned - began


def main() -> None:
    """One row for each number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[500, 1000, 2000])
    for steps in parser.parse_args().steps:
        with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as folder:
            run, before = measure(Path(folder), steps)
        sys.stdout.write(
            f"{steps:6} steps  run {run:6.2f} s  {run / steps * 1000:5.2f} ms a step  plan {before:5.2f} s\n"
        )


if __name__ == "__main__":
    main()
