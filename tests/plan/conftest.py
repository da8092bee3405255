"""One small pipeline by hand: a notebook, its flow (as the flow room would say it) and its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from nb2flow.flow.model import Edge, Flow, Input, Parameter, Reason, Replay, Site, Step
from nb2flow.notebook import reads
from nb2flow.notebook.model import Notebook, StepOptions
from nb2flow.plan import compile_plan
from nb2flow.plan.model import CompiledPlan

CELLS: list[tuple[str, str, list[str], str]] = [
    ("title", "markdown", [], "# Demo"),
    ("imports", "code", ["setup"], "import random\nimport json"),
    ("params", "code", ["parameters"], "N = 3\nname = 'it''s'"),
    ("about-load", "markdown", [], "## Load\nwith a picture"),
    ("load-1", "code", ["step:load"], "random.seed(N)\ndata = [random.random() for _ in range(N)]\ndata"),
    ("load-2", "code", ["mine"], "print(len(data))"),
    ("scale", "code", ["setup"], "def scale(x):\n    return 2 * x"),
    ("about-fit", "markdown", [], "## Fit"),
    (
        "fit-1",
        "code",
        ["step:fit", "after:load"],
        "total = scale(sum(data))\nmore = random.random()\nprint(total, more)",
    ),
    ("end", "markdown", [], "The end."),
]


@dataclass(frozen=True)
class Example:
    """A notebook with its flow; `compile` freezes them."""

    notebook: Notebook
    flow: Flow

    def compile(self, **more: Any) -> CompiledPlan:
        return compile_plan(self.flow, self.notebook, **{"runtime_digest": "r1", **more})

    def with_source(self, cell_id: str, source: str) -> Example:
        """The same with another source in one cell."""
        cells = tuple(replace(c, source=source) if c.id == cell_id else c for c in self.notebook.cells)
        return replace(self, notebook=replace(self.notebook, cells=cells))

    def with_step(self, step: str, /, **more: Any) -> Example:
        """The same with one step changed."""
        steps = tuple(replace(s, **more) if s.name == step else s for s in self.flow.steps)
        return replace(self, flow=replace(self.flow, steps=steps))


def document(cells: list[tuple[str, str, list[str], str]]) -> dict[str, Any]:
    made = []
    for cell_id, kind, tags, source in cells:
        cell: dict[str, Any] = {"cell_type": kind, "id": cell_id, "metadata": {"tags": tags} if tags else {}}
        cell["source"] = source
        if kind == "code":
            cell |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}], "execution_count": 9}
            cell["metadata"]["papermill"] = {"duration": 1.5}
        made.append(cell)
    made[3]["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}


@pytest.fixture(scope="session")
def make_example() -> Callable[[], Example]:
    """Makes the example anew."""
    return example_of


def example_of() -> Example:
    notebook = reads(json.dumps(document(CELLS)).encode(), "demo")
    imports = Replay(1, "imports", 1, 1, "import random", "import")
    load = Step(
        "load",
        "Load",
        (4, 5),
        replay=(Replay(2, "params", 1, 2, "N = 3\nname = 'it''s'", "parameters"), imports),
        outputs=("data", "rng:python"),
        parameters=("N",),
    )
    fit = Step(
        "fit",
        "Fit",
        (8,),
        StepOptions(retries=2, env=(("K", "V"),)),
        replay=(imports, Replay(6, "scale", 1, 2, "def scale(x):\n    return 2 * x", "definition")),
        inputs=(Input("data", "load"), Input("rng:python", "load")),
        state=("load",),
        notes=("kept in order: both use Python's random numbers",),
    )
    reasons = (
        Reason("variable", "data", Site(4, 2), Site(8, 1)),
        Reason("resource", "rng:python", Site(4, 1), Site(8, 2)),
        Reason("order", "load"),
    )
    parameters = (Parameter("N", "int", 3, "3", 1), Parameter("name", "str", "its", "'its'", 2))
    flow = Flow(
        notebook="demo",
        language="python",
        kernel="python3",
        dialect="nb2flow",
        steps=(load, fit),
        edges=(Edge("load", "fit", reasons),),
        parameters=parameters,
        parameters_cell=2,
        watch=("rng:python",),
    )
    return Example(notebook, flow)


@pytest.fixture
def example() -> Example:
    """The example."""
    return example_of()
