"""What running costs, with papermill beside it in the same run: one step, a chain of twenty, a rerun, eight at once.

`python benchmarks/run/steps.py [--repeat 5] [--only NAME ...] [--work SECONDS] [--json]`. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import notebooks
from measure import NB2FLOW, Cost, PeerError, Table, Worker, process, take_turns

STEPS = 20
BRANCHES = 8
SECONDS = 2.0


def one_step(table: Table, folder: Path, options: argparse.Namespace, library: str = "") -> None:
    """One trivial step: our executor (with inputs and outputs) beside `papermill.execute_notebook` of its cells."""
    pipeline, bare = notebooks.one_step(library)
    ours = Worker("ours", str(notebooks.write(folder / "pipeline.ipynb", pipeline)), "second")
    stock = Worker("papermill", str(notebooks.write(folder / "bare.ipynb", bare)), str(folder / "executed.ipynb"))
    found = take_turns(max(10, 2 * options.repeat), {"stock": stock, "ours": ours})
    for worker in (ours, stock):
        worker.close()
    what = f" with {library}" if library else ""
    table.cost(f"papermill.execute_notebook, 3 trivial cells{what}", found["stock"])
    goal = "≤ 0.11× wall" if library else "≤ 0.2× wall"
    table.ratio(f"a trivial step of ours{what}, one attempt", found["ours"], found["stock"], goal)


def linear(table: Table, folder: Path, options: argparse.Namespace) -> None:
    """A chain of twenty steps as a whole, beside one papermill run of the same notebook; what one more step costs."""
    chain = notebooks.write(folder / "chain.ipynb", notebooks.linear(STEPS, options.work))
    short = notebooks.write(folder / "short.ipynb", notebooks.linear(1, options.work))
    papermill = [sys.executable, "-m", "papermill", "--no-progress-bar", str(chain), "executed.ipynb"]
    sides = {
        "papermill": partial(process, papermill, folder),
        "ours": partial(process, [*NB2FLOW, "run", "--no-cache", str(chain)], folder),
        "one": partial(process, [*NB2FLOW, "run", "--no-cache", str(short)], folder),
    }
    found = take_turns(options.repeat, sides)
    named = f"{STEPS} linear steps" + (f" of {options.work:g} s" if options.work else "")
    table.cost(f"one papermill run of {named}", found["papermill"])
    table.ratio(f"nb2flow run of {named}", found["ours"], found["papermill"], "≤ 1.2× wall")
    table.cost("nb2flow run of one trivial step, the whole command", found["one"])
    pairs = zip(found["ours"], found["one"], strict=True)
    spared = options.work * (STEPS - 1)
    one_more = [(o - s - Cost(spared, 0.0)) / (STEPS - 1) for o, s in pairs]
    table.cost("what one more step costs within a run", one_more)


def rerun(table: Table, folder: Path, options: argparse.Namespace) -> None:
    """A finished pipeline once more, with nothing changed: no kernel, no papermill."""
    chain = notebooks.write(folder / "chain.ipynb", notebooks.linear(STEPS, 0.0))
    again = [*NB2FLOW, "run", str(chain)]
    process(again, folder)
    first = partial(process, [*NB2FLOW, "run", "--no-cache", str(chain)], folder)
    found = take_turns(options.repeat, {"again": partial(process, again, folder), "first": first})
    table.ratio(f"rerun of {STEPS} finished steps, beside running them", found["again"], found["first"])


def parallel(table: Table, folder: Path, options: argparse.Namespace) -> None:
    """Eight steps that each wait two seconds, at once; beside those two seconds."""
    path = notebooks.write(folder / "wide.ipynb", notebooks.wide(BRANCHES, SECONDS))
    command = [*NB2FLOW, "run", "--no-cache", "--jobs", str(BRANCHES), str(path)]
    found = take_turns(options.repeat, {"ours": partial(process, command, folder)})["ours"]
    waits = [Cost(SECONDS, SECONDS)] * len(found)
    table.ratio(f"{BRANCHES} steps of {SECONDS:g} s at once, beside {SECONDS:g} s", found, waits, "≤ 1.3× wall")


def start_up(table: Table, folder: Path, options: argparse.Namespace) -> None:
    """`nb2flow --help` beside a Python that does nothing."""
    sides = {
        "bare": partial(process, [sys.executable, "-c", "pass"], folder),
        "help": partial(process, [*NB2FLOW, "--help"], folder),
    }
    found = take_turns(max(10, 2 * options.repeat), sides)
    table.cost("python -c pass", found["bare"])
    more = [h - b for h, b in zip(found["help"], found["bare"], strict=True)]
    table.ratio("nb2flow --help", found["help"], found["bare"])
    table.cost("nb2flow --help, above python -c pass", more, "< 0.1 s of CPU")


MEASUREMENTS: dict[str, Callable[[Table, Path, argparse.Namespace], None]] = {
    "step": one_step,
    "pandas": partial(one_step, library="pandas"),
    "linear": linear,
    "rerun": rerun,
    "parallel": parallel,
    "start-up": start_up,
}


def main() -> int:
    """Measure what is asked for; 1 when a measured program failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="turns (twice as many for what is short)")
    parser.add_argument("--work", type=float, default=0.0, metavar="SECONDS", help="what a step of the chain waits")
    parser.add_argument("--only", nargs="+", choices=list(MEASUREMENTS), default=list(MEASUREMENTS))
    parser.add_argument("--json", action="store_true", help="one JSON document, with every turn's ratio")
    options = parser.parse_args()
    table = Table(as_json=options.json)
    table.head()
    numbers = count()
    with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as scratch:
        for name in options.only:
            folder = Path(scratch) / f"{next(numbers)}-{name}"
            folder.mkdir()
            try:
                MEASUREMENTS[name](table, folder, options)
            except PeerError as error:
                sys.stderr.write(f"{name}: {error}\n")
                return 1
    table.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
