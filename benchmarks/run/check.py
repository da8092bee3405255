"""What analysing costs: `check` and `convert` of notebooks with a thousand cells, beside Kale's converter.

`python benchmarks/run/check.py [--kale-python PYTHON] [--cells 1000] [--repeat 3] [--json]`. PYTHON is the interpreter
of an environment with Kale 2.3 and nothing of ours: `python3 -m venv DIR && DIR/bin/pip install kubeflow-kale==2.3.0`,
then `--kale-python DIR/bin/python`. Whole processes are measured, start-up included. Each tool sees the same file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import notebooks
from measure import NB2FLOW, Cost, PeerError, Table, process, take_turns

# Kale has no `__main__`: what its `kale` script calls.
_KALE = "from kale.cli import main; main()"
_CHECK_MAY_END = (0, 3)  # 3: problems were found, which costs the same


def compare(table: Table, what: str, path: Path, options: argparse.Namespace, *, kale: bool) -> None:
    """`check` and `convert` of one notebook, and Kale's conversion of it."""
    folder = path.parent
    sides: dict[str, Callable[[], Cost]] = {
        "check": partial(process, [*NB2FLOW, "check", str(path)], folder, _CHECK_MAY_END),
        "convert": partial(process, [*NB2FLOW, "convert", str(path), "-o", f"{path.stem}-steps"], folder),
    }
    if kale and options.kale_python:
        command: Sequence[str] = [options.kale_python, "-c", _KALE, "--nb", str(path)]
        sides["kale"] = partial(process, command, folder)
    found = take_turns(options.repeat, sides)
    goal = "check: < 1 s of CPU"
    if "kale" not in found:
        table.cost(f"nb2flow check, {what}", found["check"], goal)
        table.cost(f"nb2flow convert, {what}", found["convert"])
        return
    table.cost(f"Kale, {what}", found["kale"])
    table.ratio(f"nb2flow check, {what}", found["check"], found["kale"], goal)
    table.ratio(f"nb2flow convert, {what}", found["convert"], found["kale"])


def main() -> int:
    """Measure all three notebooks; 1 when a measured program failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kale-python", metavar="PYTHON", help="python of an environment with Kale")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3, help="turns (Kale takes half a minute for each)")
    parser.add_argument("--json", action="store_true", help="one JSON document, with every turn's ratio")
    options = parser.parse_args()
    size = options.cells
    cases = {
        f"{size} constants": (notebooks.constants(size), True),
        f"{size} realistic cells": (notebooks.realistic(size, magics=False), True),
        f"{size} realistic cells with magics": (notebooks.realistic(size, magics=True), False),
    }
    table = Table(as_json=options.json)
    table.head()
    with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as scratch:
        for what, (cells, kale) in cases.items():
            path = notebooks.write(Path(scratch) / f"{what.replace(' ', '-')}.ipynb", cells)
            try:
                compare(table, what, path, options, kale=kale)
            except PeerError as error:
                sys.stderr.write(f"{what}: {error}\n")
                return 1
    table.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
