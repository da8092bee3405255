"""What the engine itself costs: plans of many steps that end at once, on a backend that starts nothing.

`python benchmarks/run/schedule.py [--steps 500 1000 2000] [--peers-python PYTHON]`. First the scheduler alone (the
machine that decides and the log on disk) beside those of Dask and luigi, where PYTHON has them; then whole runs, in
which all is kept that a run keeps (events, manifests, executed notebooks, results for the cache). The steps' own time
is nothing. CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import notebooks
from schedule_peer import CHAIN

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nb2flow.engine import drive
from nb2flow.engine.machine import Machine
from nb2flow.engine.signals import AttemptEnded, Command, Record, StartAttempt, StepOrder, Treatment
from nb2flow.executors.local import LocalBackend
from nb2flow.runs.attempt import Ended, Report, StepTask
from nb2flow.runs.store import RunStore

TASKS = 10_000
PEERS_TASKS = {"dask": 2000, "luigi": 500}

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


def scheduler(folder: Path, tasks: int) -> float:
    """CPU seconds of chains of ten tasks: each start and each end decided by the machine and kept in the log, what
    happened together in one transaction."""
    orders = [
        StepOrder(f"step{n}", (f"step{n - 1}",) if n % CHAIN else (), "0" * 64, treatment=Treatment.FRESH)
        for n in range(tasks)
    ]
    with RunStore(folder / ".nb2flow") as store:
        store.home.create()
        began = time.process_time()
        machine = Machine(orders, jobs=8)
        commands: list[Command] = machine.begin(time.time())
        while commands:
            store.append("benchmark", [c.event for c in commands if isinstance(c, Record)])
            started = [c for c in commands if isinstance(c, StartAttempt)]
            commands = [
                c for one in started for c in machine.handle(AttemptEnded(one.step, one.attempt, 0.0), time.time())
            ]
        spent = time.process_time() - began
    if machine.finished != "succeeded":
        raise SystemExit(f"the run {machine.finished}")
    return spent


def peer(python: str, name: str) -> float:
    """CPU seconds that a task costs with another tool."""
    command = [python, str(Path(__file__).with_name("schedule_peer.py")), name, str(PEERS_TASKS[name])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) / PEERS_TASKS[name]


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
    parser.add_argument("--peers-python", metavar="PYTHON", help="one that has distributed and luigi")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as folder:
        ours = scheduler(Path(folder), TASKS) / TASKS
    sys.stdout.write(f"{TASKS:6} tasks  scheduler and log {ours * 1e6:5.1f} µs a task: {1 / ours:,.0f} a second\n")
    for name in PEERS_TASKS if options.peers_python else ():
        theirs = peer(options.peers_python, name)
        sys.stdout.write(f"{name:>6}        {theirs * 1e6:5.0f} µs a task: {theirs / ours:.0f}x\n")
    for steps in options.steps:
        with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as folder:
            run, before = measure(Path(folder), steps)
        sys.stdout.write(
            f"{steps:6} steps  run {run:6.2f} s  {run / steps * 1000:5.2f} ms a step  plan {before:5.2f} s\n"
        )


if __name__ == "__main__":
    main()
