"""What the benchmarks of runs share: the cost of a process with all it starts, sides that take turns, a table.

A cost is wall and CPU seconds. The CPU of a whole process tree is exact: a meter process adopts what is orphaned
(Linux's child subreaper), waits for all of it and reads RUSAGE_CHILDREN. Ratios are medians over the turns, each turn
comparing measurements made right after one another, because the machine is never quite the same a minute later.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
NB2FLOW = [sys.executable, "-m", "nb2flow"]
_PR_SET_CHILD_SUBREAPER = 36


class PeerError(Exception):
    """A measured program did not do its work: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU seconds."""

    wall: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall - other.wall, self.cpu - other.cpu)

    def __truediv__(self, number: float) -> Cost:
        return Cost(self.wall / number, self.cpu / number)


def environment() -> dict[str, str]:
    """The environment of everything measured: ours, with this repository on the import path and threads kept to one."""
    others = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p != str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *others]), "PYTHONWARNINGS": "ignore"}


def process(command: Sequence[str], folder: Path, allowed: Sequence[int] = (0,)) -> Cost:
    """The cost of a process and of all its descendants. PeerError, with its last words, unless it ends as `allowed`."""
    sys.stdout.flush()  # else the fork would have it to write again
    reading, writing = os.pipe()
    meter = os.fork()
    if meter == 0:
        os.close(reading)
        _be_meter(command, folder, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = json.loads(pipe.read() or b'{"status": null, "words": "the meter died"}')
    os.waitpid(meter, 0)
    if told["status"] not in allowed:
        raise PeerError(f"{' '.join(command)}\nended with {told['status']}:\n{told['words']}")
    return Cost(told["wall"], told["cpu"])


def _be_meter(command: Sequence[str], folder: Path, descriptor: int) -> NoReturn:
    """In a fork: run the command, wait for all that it started, tell the costs, and leave."""
    told: dict[str, object] = {"status": None, "words": ""}
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True)
        wall = time.perf_counter() - began
        try:
            while True:
                os.wait()
        except ChildProcessError:
            pass
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        told = {"status": done.returncode, "words": words, "wall": wall, "cpu": used.ru_utime + used.ru_stime}
    except OSError as error:
        told["words"] = str(error)
    finally:
        os.write(descriptor, json.dumps(told).encode())
        os._exit(0)


class Worker:
    """A process of `step_worker.py`, ready to measure one thing again and again."""

    def __init__(self, *arguments: str) -> None:
        script = str(Path(__file__).with_name("step_worker.py"))
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker; kernels are talkative
        self._process = subprocess.Popen(
            [sys.executable, script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env=environment(),
            text=True,
        )
        self._answer()  # it is ready

    def __call__(self) -> Cost:
        """Measure once more."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return Cost(**self._answer())

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._words.seek(0)
            raise PeerError(f"step_worker.py ended early:\n{self._words.read().decode(errors='replace')[-3000:]}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._words.close()


Sides = Mapping[str, Callable[[], Cost]]


def take_turns(repeat: int, sides: Sides) -> dict[str, list[Cost]]:
    """Measure all sides `repeat` times, A B A B …, after one round that is not counted where there are several."""
    if repeat > 1:
        for measure in sides.values():
            measure()
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(repeat):
        for name, measure in sides.items():
            found[name].append(measure())
    return found


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each kind of second."""
    return Cost(statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs))


class Table:
    """Rows of a benchmark: printed as they come, and kept for `--json`."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._rows: list[dict[str, object]] = []

    def head(self) -> None:
        """What the columns are."""
        self._print(f"{'':58} {'wall s':>8} {'CPU s':>8} {'wall':>7} {'CPU':>7}  goal")

    def cost(self, what: str, costs: Sequence[Cost], goal: str = "") -> None:
        """A measurement by itself."""
        self._keep(what, costs, None, goal)

    def ratio(self, what: str, ours: Sequence[Cost], theirs: Sequence[Cost], goal: str = "") -> None:
        """A measurement of ours with its ratios to the peer's of the same turns: median over the turns."""
        turns = list(zip(ours, theirs, strict=True))
        self._keep(what, ours, [(o.wall / t.wall, o.cpu / t.cpu) for o, t in turns], goal)

    def _keep(self, what: str, costs: Sequence[Cost], ratios: list[tuple[float, float]] | None, goal: str) -> None:
        middle = median(costs)
        row: dict[str, object] = {"what": what, "turns": len(costs), "wall_s": middle.wall, "cpu_s": middle.cpu}
        told = ""
        if ratios is not None:
            wall, cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
            row |= {"wall_ratio": wall, "cpu_ratio": cpu, "wall_ratios": [r[0] for r in ratios]}
            told = f"{wall:6.2f}× {cpu:6.2f}×"
        self._rows.append(row | {"goal": goal})
        self._print(f"{what:58} {middle.wall:8.3f} {middle.cpu:8.3f} {told:16} {goal}".rstrip())

    def _print(self, line: str) -> None:
        if not self._as_json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def close(self) -> None:
        """With `--json`: everything as one document, seconds and ratios unrounded."""
        if self._as_json:
            machine = {"processors": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()}
            sys.stdout.write(json.dumps({"machine": machine, "rows": self._rows}, indent=1, ensure_ascii=False) + "\n")
