"""One side of the comparison of single steps; waits for lines on standard input and measures once for each.

`step_worker.py papermill NOTEBOOK OUTPUT` calls `papermill.execute_notebook`, with everything imported beforehand.
`step_worker.py ours NOTEBOOK STEP` has our executor run one step of a pipeline whose earlier steps it ran while it got
ready: fork server up, inputs in the store. An answer is one line: {"wall": seconds, "cpu": seconds}; CPU is that of
this process and of everything started from it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
from measure import Cost

_TICKS = os.sysconf("SC_CLK_TCK")


def own_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def stock(notebook: str, output: str) -> Callable[[], Cost]:
    """papermill as it comes."""
    import papermill

    execute: Any = papermill.execute_notebook

    def measure() -> Cost:
        wall, cpu = time.perf_counter(), own_cpu()
        execute(notebook, output, progress_bar=False)
        return Cost(time.perf_counter() - wall, own_cpu() - cpu)

    return measure


def ours(notebook: str, step: str) -> Callable[[], Cost]:
    """Our executor, handed the tasks that the engine would hand it."""
    from nb2flow.engine.workspace import Workspace
    from nb2flow.executors.local import LocalBackend
    from nb2flow.runs.attempt import Ended, Report, StepTask

    request = notebooks.request(Path(notebook), jobs=1)
    made = request.compiled
    workspace = Workspace(request)
    workspace.home.create()
    workspace.folder.create()
    workspace.lay_out(made)
    backend = LocalBackend()
    backend.prepare()

    def run(task: StepTask) -> None:
        ended = threading.Event()
        failures = []

        def hear(report: Report) -> None:
            if isinstance(report, Ended):
                failures.append(report.failure)
                ended.set()

        backend.start(task, hear)
        ended.wait()
        if failures[0] is not None:
            raise SystemExit(f"the step failed: {failures[0].message}")

    tasks = {s.name: workspace.task(s, 1) for s in made.plan.steps}
    for name, task in tasks.items():
        run(task)
        if name == step:
            break
    servers = children_of(os.getpid())  # one forks our side of a step, one its kernel

    def measure() -> Cost:
        wall, cpu = time.perf_counter(), own_cpu() + sum(map(cpu_of, servers))
        run(tasks[step])
        wall = time.perf_counter() - wall
        while any(map(children_of, servers)):  # their time counts once the servers have waited for them
            time.sleep(0.001)
        return Cost(wall, own_cpu() + sum(map(cpu_of, servers)) - cpu)

    return measure


def children_of(process: int) -> list[int]:
    """The children of a process, zombies too."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def cpu_of(process: int) -> float:
    """CPU seconds (in steps of 10 ms) of another process and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def main() -> None:
    """Get ready, say so, and answer until standard input ends."""
    side, first, second = sys.argv[1:]
    measure = {"papermill": stock, "ours": ours}[side](first, second)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    answers.write("{}\n")
    answers.flush()
    for _ in sys.stdin:
        cost = measure()
        answers.write(json.dumps({"wall": cost.wall, "cpu": cost.cpu}) + "\n")
        answers.flush()
    os._exit(0)  # the fork server ends when its socket closes


if __name__ == "__main__":
    main()
