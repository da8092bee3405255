"""What it costs to save variables and to have them back, beside one `write()` of the same bytes and beside pickle.

`python benchmarks/run/artifacts.py [--repeat 5] [--json]`. Everything happens in this process with the runtime's own
code: finding out what variables share, pickling, hashing, writing. Nothing is synchronised to the disk, on either side.
"""

from __future__ import annotations

import argparse
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import Cost, Table, take_turns

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nb2flow.runtime import blob, groups
from nb2flow.runtime.carrier import restore, without_garbage_collection


def values() -> dict[str, Callable[[], Any]]:
    """What is saved, by what it is called in the table."""
    random = np.random.default_rng(0)
    return {
        "an array of 64 MB": lambda: random.normal(size=8_000_000),
        "an array of 512 MB": lambda: random.normal(size=64_000_000),
        "a table of 56 MB": lambda: pd.DataFrame({f"c{n}": random.normal(size=700_000) for n in range(10)}),
        "500,000 texts": lambda: [f"text {n}" for n in range(500_000)],
        "100,000 records": lambda: [{"id": n, "name": f"n{n}", "value": n / 2} for n in range(100_000)],
    }


def cost(work: Callable[[], Any]) -> Cost:
    """What doing it costs; threads count."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    kept = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.perf_counter() - wall
    del kept
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def pickled(value: Any) -> list[memoryview]:
    """The bytes of a value as pickle makes them, large buffers apart."""
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps({"value": value}, 5, buffer_callback=buffers.append)
    return [memoryview(stream), *(buffer.raw() for buffer in buffers)]


def write(path: Path, pieces: list[memoryview]) -> None:
    """Write these bytes, and nothing else."""
    with path.open("wb", buffering=0) as file:
        for piece in pieces:
            while len(piece):
                piece = piece[file.write(piece) :]


def save(store: Path, value: Any) -> str:
    """Save one variable as a step does; returns the name of the blob."""
    with without_garbage_collection():
        (group,), problems = groups.pickle_groups({"value": value})
    assert not problems
    return blob.write_blob(store, {"names": group.names, "needs": group.needs}, group.stream, group.buffers)[0]


def load(store: Path, name: str) -> Any:
    """The variable, before anybody touches it."""
    with without_garbage_collection():
        opened = blob.read_blob(store, name)
        return restore(opened.stream, opened.buffers)


def measure(table: Table, what: str, value: Any, folder: Path, repeat: int) -> None:
    """The rows of one value. Each turn has files of its own."""
    numbers = count()
    pieces = pickled(value)
    name = save(folder / "kept", value)
    sides: dict[str, Callable[[], Cost]] = {
        "write": lambda: cost(lambda: write(folder / "raw", pieces)),
        "pickle": lambda: cost(lambda: pickled(value)),
        "save": lambda: cost(lambda: save(folder / f"store-{next(numbers)}", value)),
        "load": lambda: cost(lambda: load(folder / "kept", name)),
    }
    found: dict[str, list[Cost]] = {side: [] for side in sides}
    for _ in range(repeat):
        for side, costs in take_turns(1, sides).items():
            found[side] += costs
        for path in (folder / "raw", *folder.glob("store-*/blobs/*/*")):
            path.unlink()
    table.cost(f"write() of {what}", found["write"])
    table.cost(f"pickling {what}", found["pickle"])
    table.ratio(f"saving {what}, hash included, beside write()", found["save"], found["write"], "≤ 3× CPU for arrays")
    table.ratio(
        "the same beside pickling and writing",
        found["save"],
        [Cost(p.wall + w.wall, p.cpu + w.cpu) for p, w in zip(found["pickle"], found["write"], strict=True)],
    )
    table.cost(f"loading {what}", found["load"], "≤ 0.005 s for arrays")


def main() -> None:
    """A few rows for each kind of value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = Table(as_json=options.json)
    table.head()
    for what, make in values().items():
        with tempfile.TemporaryDirectory(prefix="nb2flow-benchmark-") as folder:
            measure(table, what, make(), Path(folder), options.repeat)
    table.close()


if __name__ == "__main__":
    main()
