"""Notebooks run through a local backend, for tests of it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from nb2flow.engine.ports import Ended, Report, StepTask
from nb2flow.executors.local import LocalBackend


class Runner:
    """Runs notebooks through one backend and collects what is reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = LocalBackend()
        self.count = 0

    def start(self, *cells: str, **options: Any) -> tuple[Any, list[Report], threading.Event, Path]:
        self.count += 1
        name = f"step {self.count} {{a}} 'b'"  # papermill reads braces in paths as parameters
        spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
        document = new_notebook(cells=[new_code_cell(c) for c in cells], metadata={"kernelspec": spec})
        nbformat.write(document, self.folder / f"{name}.ipynb")
        executed = self.folder / f"{name}-out.ipynb"
        values: dict[str, Any] = {"environ": dict(os.environ), "cwd": str(self.folder), "kernel": "python3", **options}
        task = StepTask(
            run_id="r",
            step="s",
            attempt=1,
            notebook=str(self.folder / f"{name}.ipynb"),
            executed=str(executed),
            manifest=str(self.folder / "manifest.json"),
            log=str(self.folder / f"{name}.log"),
            language="python",
            runtime=str(self.folder),
            **values,
        )
        reports: list[Report] = []
        ended = threading.Event()

        def hear(report: Report) -> None:
            reports.append(report)
            if isinstance(report, Ended):
                ended.set()

        return self.backend.start(task, hear), reports, ended, executed

    def run(self, *cells: str, **options: Any) -> tuple[list[Report], dict[str, Any]]:
        _, reports, ended, executed = self.start(*cells, **options)
        assert ended.wait(120)
        return reports, json.loads(executed.read_bytes()) if executed.exists() else {}


def printed(document: dict[str, Any], cell: int = 0) -> str:
    """What a cell of an executed notebook wrote."""
    return "".join("".join(output.get("text", [])) for output in document["cells"][cell]["outputs"])
