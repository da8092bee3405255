"""What `nb2flow diff --flow` says would run again, beside what the next run does: real kernels, a real cache."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import notebooks
import pytest

Invoke = Callable[..., Any]
CELLS = {
    "load": "import os\nrows = list(range(50))\nlimit = rows[-1] // 4\nos.environ['UNIT'] = 'mm'",
    "clean": "labels = [row % 2 for row in rows]\nprint(len(labels))",
    "train": "model = sum(rows) / limit\nprint(model)",
    "report": "print(model, sum(labels), os.environ['UNIT'])",
}


def write(path: Path, cells: dict[str, str]) -> None:
    """A notebook of these steps."""
    notebooks.save(path, *((f"step:{name}", source) for name, source in cells.items()))


@pytest.mark.slow
def test_what_would_run_again_is_what_runs_again(invoke: Invoke, here: Path) -> None:
    changed = {**CELLS, "train": "model = sum(rows) * limit\nprint(model)"}
    new_names = {"clean": "tidy", "load": "read"}  # the second also changes state of the process
    renamed = {new_names.get(name, name): source for name, source in changed.items()}
    edited = {**renamed, "report": "print(os.environ['UNIT'], sum(labels), model)"}
    write(here / "a.ipynb", CELLS)
    assert invoke("run", "a.ipynb").code == 0
    steps = []
    for before, after in pairwise([CELLS, changed, renamed, edited]):
        write(here / "old.ipynb", before)
        write(here / "a.ipynb", after)
        told = json.loads(invoke("diff", "--flow", "--json", "old.ipynb", "a.ipynb").out)
        result = invoke("run", "a.ipynb")
        assert result.code == 0, result.out + result.err
        started = set(re.findall(r"▶ (\S+) started", result.out))
        assert {again["step"] for again in told["run_again"]} == started
        assert set(told["cached"]) == set(after) - started
        steps.append(started)
    assert steps == [{"train", "report"}, {"read", "tidy"}, {"report"}]
