"""How long an editor waits for the flow of a notebook of 200 cells while 20 editors type: `python editors.py`.

A real Jupyter server in a process of its own. Each editor has a notebook of its own and types like a person whose
client waits for 250 ms of rest before it asks: a pause of 0.5 to 1.5 s between requests, an edit at a random cell (a
number changes, a line is added or taken away, and at times the cell cannot be parsed for one request). Times are what
the client sees, from sending to the whole answer. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from jupyter_server_process import Jupyter, edited, serving


def document(cells: int) -> list[dict[str, Any]]:
    """A notebook of this many cells: every fifth a heading, the others assignments, functions, loops and calls."""
    made: list[dict[str, Any]] = []
    before = "0"
    for k in range(cells):
        if k % 5 == 0:
            made.append({"cell_type": "markdown", "id": f"c{k}", "metadata": {}, "source": f"## Part {k}"})
            continue
        source = (
            f"rows_{k} = [x * {k} for x in range(100)]\ntotal_{k} = sum(rows_{k}) + {before}\n"
            f"def scaled_{k}(a, b=2):\n    c = a + b\n    return c * total_{k}\n"
            f"print(scaled_{k}(3))\nfor i in range(10):\n    total_{k} += i\n"
        )
        before = f"total_{k}"
        made.append({"cell_type": "code", "id": f"c{k}", "metadata": {}, "source": source})
    return edited({"cells": made})


class Editor(threading.Thread):
    """One person at work."""

    def __init__(self, server: Jupyter, number: int, cells: int, until: float) -> None:
        super().__init__()
        self.server, self.number, self.until = server, number, until
        self.chance = random.Random(number)
        self.cells = document(cells)
        self.times: list[float] = []
        self.failed: list[str] = []

    def run(self) -> None:
        """Edit and ask until the time is over."""
        revision = 0
        while time.monotonic() < self.until:
            time.sleep(self.chance.uniform(0.5, 1.5))
            revision += 1
            body = {
                "path": f"n{self.number}.ipynb", "client": f"editor-{self.number}", "revision": revision,
                "cells": self._edited(), "metadata": {},
            }  # fmt: skip
            began = time.perf_counter()
            answer = self.server.post("/analyse", body)
            self.times.append(time.perf_counter() - began)
            if answer.status != 200 or answer.json["flow"] is None:
                self.failed.append(f"{answer.status}")

    def _edited(self) -> list[dict[str, Any]]:
        cell = self.chance.choice([c for c in self.cells if c["kind"] == "code"])
        what = self.chance.random()
        if what < 0.5:
            cell["source"] = cell["source"].replace("range(1", "range(11", 1)
        elif what < 0.75:
            cell["source"] += f"extra_{self.number} = {self.chance.random()}\n"
        else:
            lines = cell["source"].splitlines(keepends=True)
            cell["source"] = "".join(lines[:-1]) or "pass\n"
        if self.chance.random() < 0.15:
            broken = [dict(c) for c in self.cells]
            broken[self.cells.index(cell)]["source"] = cell["source"] + "print(\n"
            return broken
        return self.cells


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--editors", type=int, default=20)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        root.mkdir()
        with serving(root) as server:
            warm = Editor(server, 0, asked.cells, time.monotonic() + 3)
            warm.start()
            warm.join()
            until = time.monotonic() + asked.seconds
            editors = [Editor(server, n, asked.cells, until) for n in range(1, asked.editors + 1)]
            for editor in editors:
                editor.start()
            for editor in editors:
                editor.join()
    times = sorted(t for e in editors for t in e.times)
    found = {
        "editors": asked.editors, "cells": asked.cells, "processors": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1), "requests": len(times), "failed": sum(len(e.failed) for e in editors),
        "ms": {
            "median": round(1000 * statistics.median(times), 1),
            "p95": round(1000 * times[int(len(times) * 0.95)], 1),
            "most": round(1000 * times[-1], 1),
        },
        "ms_alone": round(1000 * statistics.median(warm.times[1:] or warm.times), 1),
    }  # fmt: skip
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
