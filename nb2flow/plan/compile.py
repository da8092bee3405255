"""The flow frozen: `compile_plan` makes the plan and its step notebooks of a flow and its notebook.

Pure and deterministic: the same flow and notebook give the same bytes on every machine and in every run. It decides
nothing about order or state; that was done in the flow.
"""

from __future__ import annotations

from typing import Any

from nb2flow.errors import PlanError
from nb2flow.flow.model import Edge, Flow, Step
from nb2flow.notebook.model import Notebook
from nb2flow.notebook.settings import cell_settings
from nb2flow.plan.cells import split_names, step_notebook, whole_notebook
from nb2flow.plan.keys import code_digest, source_digest
from nb2flow.plan.model import CompiledPlan, Plan, PlanEach, PlanEdge, PlanStep
from nb2flow.plan.words import why


def compile_plan(flow: Flow, notebook: Notebook, *, runtime_digest: str, home: str = "..") -> CompiledPlan:
    """The plan and its step notebooks.

    `home` is the folder of the notebook relative to the one that the step notebooks will lie in; it matters only to a
    person who runs them by hand and is in no key. Raises PlanError when the flow has no steps or is not in order.
    """
    if not flow.steps:
        raise PlanError(f"{flow.notebook} has no steps", hint="`nb2flow check` tells why")
    numbers = _execution_numbers(flow, notebook)
    width = max(2, len(str(len(flow.steps))))
    steps: list[PlanStep] = []
    notebooks: dict[str, dict[str, Any]] = {}
    for place, step in enumerate(flow.steps, 1):
        file = f"{place:0{width}d}-{step.name}.ipynb"
        planned = _step(flow, notebook, step, file, numbers[step.name], runtime_digest)
        steps.append(planned)
        if flow.language == "python":
            notebooks[file] = step_notebook(flow, notebook, step, planned.inputs, planned.first_number, home)
        else:
            notebooks[file] = whole_notebook(flow, notebook, step)
    plan = Plan(
        name=flow.notebook,
        source=f"{flow.notebook}.ipynb",
        source_digest=source_digest(notebook),
        language=flow.language,
        kernel=flow.kernel,
        dialect=flow.dialect,
        parameters=flow.parameters,
        steps=tuple(steps),
        edges=tuple(_edge(e) for e in flow.edges),
        watch=flow.watch,
    )
    return CompiledPlan(plan=plan, notebooks=notebooks)


def _execution_numbers(flow: Flow, notebook: Notebook) -> dict[str, int]:
    """For each step, the execution count of its first cell when the notebook runs from top to bottom.

    Empty cells are not run and have none, nor have cells tagged `skip`: the reference is the notebook without them.
    """
    counts: dict[int, int] = {}
    count = 1
    for cell in notebook.cells:
        if cell.kind == "code":
            counts[cell.index] = count
            count += bool(cell.source.strip()) and cell_settings(cell).find("skip") is None
    return {s.name: counts.get(s.cells[0], 1) if s.cells else 1 for s in flow.steps}


def _step(flow: Flow, notebook: Notebook, step: Step, file: str, number: int, runtime_digest: str) -> PlanStep:
    order = {s.name: i for i, s in enumerate(flow.steps)}
    wanted: dict[str, list[str]] = {}
    for item in step.inputs:
        wanted.setdefault(item.source, []).append(item.name)
    for source in (*wanted, *step.state):
        if order.get(source, len(order)) >= order[step.name]:
            raise PlanError(f"step {step.name!r} needs something of {source!r}, which is not an earlier step")
    inputs = {source: tuple(wanted[source]) for source in sorted(wanted, key=order.__getitem__)}
    splits, each = split_names(flow, step), step.each
    return PlanStep(
        name=step.name,
        title=step.title,
        notebook=file,
        cells=tuple(notebook.cells[i].id for i in step.cells),
        first_number=number,
        code=code_digest(flow, notebook, step, inputs, number, runtime_digest, splits),
        after=flow.before(step.name),
        inputs=inputs,
        state=step.state,
        outputs=step.outputs,
        changes=step.changes,
        parameters=step.parameters,
        options=step.options,
        files=step.files,
        notes=step.notes,
        splits=splits,
        each=PlanEach(name=each.name, source=each.source, gathers=dict(each.gathers)) if each else None,
    )


def _edge(edge: Edge) -> PlanEdge:
    sentences = tuple(dict.fromkeys(why(r) for r in edge.reasons))
    return PlanEdge(source=edge.source, target=edge.target, carries=edge.carries, why=sentences)
