"""Small notebooks for tests, written as (tags, source) cells; a source that begins with `#` and a space is Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = str | tuple[str, str]

PIPELINE: tuple[Cell, ...] = (
    "# A small pipeline",
    ("parameters", "count = 3\nlabel = 'x'"),
    (
        "step:load",
        "import random\nrandom.seed(1)\ndata = [random.randint(1, 9) for _ in range(count)]\nprint(len(data), label)",
    ),
    ("step:total", "total = sum(data)\ntotal"),
    ("step:largest", "largest = max(data)\nprint('largest', largest)"),
    ("step:join", "print(total >= largest)"),
)
FAILING: tuple[Cell, ...] = (
    ("step:load", "import os\ndata = [int(x) for x in '3 2 1 0'.split()]\nprint('loaded', len(data))"),
    ("step:good", "total = sum(data)\nprint(total)"),
    ("step:bad", "def ratio(x):\n    return 1 / x\n\nvalues = [ratio(v) for v in data]"),
    ("step:join", "print(total, values)"),
)


def document(*cells: Cell, kernel: str = "python3", language: str = "python", version: int = 4) -> dict[str, Any]:
    """An nbformat document with these cells; code cells have the ids c0, c1 … by their index."""
    made = []
    for index, cell in enumerate(cells):
        tags, source = cell if isinstance(cell, tuple) else ("", cell)
        kind = "markdown" if source.startswith("# ") else "code"
        value: dict[str, Any] = {"cell_type": kind, "id": f"c{index}", "metadata": {}, "source": source}
        if tags:
            value["metadata"]["tags"] = tags.split()
        if kind == "code":
            value |= {"outputs": [], "execution_count": None}
        made.append(value)
    kernelspec = {"name": kernel, "language": language, "display_name": kernel}
    metadata = {"kernelspec": kernelspec, "language_info": {"name": language}}
    return {"cells": made, "metadata": metadata, "nbformat": version, "nbformat_minor": 5}


def save(path: Path, *cells: Cell, **more: Any) -> Path:
    """Write such a notebook to `path` and return the path."""
    path.write_text(json.dumps(document(*cells, **more), indent=1), encoding="utf-8")
    return path
