"""Small pipelines written by hand: a plan with its step notebooks, without reading or analysing a notebook."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nb2flow.engine import RunRequest
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.model import CompiledPlan, Plan, PlanStep
from nb2flow.runs.folders import new_run_id
from nb2flow.runtime.bundle import runtime_digest, runtime_files


@dataclass
class S:
    """One step: its cells' code, what it loads from whom, what it saves."""

    name: str
    cells: list[str]
    inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    options: StepOptions = field(default_factory=StepOptions)
    parameters: tuple[str, ...] = ()
    parameters_cell: str = ""
    files: tuple[str, ...] = ()
    replay: str = ""
    tags: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


def compiled(*steps: S, language: str = "python", **plan: Any) -> CompiledPlan:
    """A compiled plan of these steps, in this order."""
    notebooks, planned, number = {}, [], 0
    for place, s in enumerate(steps, 1):
        ids = tuple(f"{s.name}-c{i}" for i in range(len(s.cells)))
        file = f"{place:02d}-{s.name}.ipynb"
        notebooks[file] = _notebook(s, ids, number)
        number += len(s.cells)
        code = hashlib.blake2b(json.dumps([s.name, s.cells, s.replay]).encode(), digest_size=16).hexdigest()
        planned.append(
            PlanStep(
                name=s.name,
                title=s.name,
                notebook=file,
                cells=ids,
                first_number=number,
                code=code,
                after=tuple(dict.fromkeys((*s.after, *s.inputs))),
                inputs=s.inputs,
                outputs=s.outputs,
                changes=s.changes,
                options=s.options,
                parameters=s.parameters,
                files=s.files,
            )
        )
    head = {"name": "nb", "source": "nb.ipynb", "source_digest": "d", "kernel": "python3", "dialect": "nb2flow"}
    return CompiledPlan(plan=Plan(**{**head, "language": language, **plan}, steps=tuple(planned)), notebooks=notebooks)


def _notebook(s: S, ids: tuple[str, ...], number: int) -> dict[str, Any]:
    cells = []
    if s.parameters_cell:
        cells.append(_code("params", s.parameters_cell, "parameters", tags=("parameters",)))
    start = "import nb2flow_runtime as _nb2flow\n"
    cells.append(_code("start", f'{start}_nb2flow.start({s.name!r}, home="..")', "start"))
    if s.replay:
        lines = [{"first": 2, "last": 2 + s.replay.count("\n"), "cell": 7, "id": "original", "line": 4}]
        cells.append(_code("replay", "# from cell 7\n" + s.replay, "replay", lines=lines))
    loads = {source: list(names) for source, names in s.inputs.items()}
    cells.append(_code("load", f"{start}_nb2flow.load({loads!r}, number={number + 1})", "load"))
    for offset, (cell_id, source) in enumerate(zip(ids, s.cells, strict=True)):
        cells.append(_code(cell_id, source, "author", cell=number + offset, id=cell_id, tags=s.tags))
    cells.append(_code("save", f"{start}_nb2flow.save({list(s.outputs)!r})", "save"))
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


def _code(cell_id: str, source: str, role: str, tags: tuple[str, ...] = (), **marks: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {"nb2flow": {"role": role, **marks}, "tags": list(tags)},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def request(folder: Path, plan: CompiledPlan, **options: Any) -> RunRequest:
    """A request to run the plan for a notebook in `folder`."""
    notebook = folder / "nb.ipynb"
    if not notebook.exists():
        notebook.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    values: dict[str, Any] = {
        "run_id": new_run_id("nb"),
        "home": folder / ".nb2flow",
        "kernel": "python3",
        "jobs": 2,
        "environ": dict(os.environ),
        **options,
    }
    return RunRequest(
        compiled=plan, notebook=notebook, runtime=runtime_files(), runtime_digest=runtime_digest(), **values
    )
