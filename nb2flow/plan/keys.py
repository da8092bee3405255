"""Content keys: when two keys are equal, a finished step's result may stand for the other's.

Pure. `code_digest` covers all in a step notebook that can change its result, and nothing else: not outputs, text, file
names or cell metadata. `step_keys` adds what only a run knows: the parameters' values, the kernel, and the keys of the
steps before. Digests are BLAKE2b over canonical JSON, so that they are the same on every machine.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from nb2flow.errors import PlanError
from nb2flow.flow.model import Flow, Parameter, Step
from nb2flow.notebook.model import Notebook
from nb2flow.plan.cells import replayed, wants_parameters
from nb2flow.plan.expand import instances
from nb2flow.plan.model import Plan, PlanStep

_ASKS_FOR_NUMBERS = re.compile(
    r"\b(In|Out|_ih|_oh|_i?\d+|execution_count|get_ipython)\b|%\s*(hist|recall|rerun|rep|macro|save|edit|notebook)"
)


def digest(*parts: Any) -> str:
    """64 hexadecimal digits of the parts' JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.blake2b(text.encode("ascii"), digest_size=32).hexdigest()


def source_digest(notebook: Notebook) -> str:
    """The digest of a notebook's code, tags and settings: equal for two notebooks that mean the same pipeline."""
    cells = [
        [c.kind, c.id, c.source, list(c.tags), c.metadata.get("nb2flow")] if c.kind == "code" else [c.kind, c.source]
        for c in notebook.cells
    ]
    settings = [notebook.metadata.get("nb2flow"), notebook.metadata.get("kubeflow_notebook")]
    return digest("source", notebook.language, notebook.kernel, settings, cells)


def code_digest(
    flow: Flow,
    notebook: Notebook,
    step: Step,
    inputs: Mapping[str, tuple[str, ...]],
    number: int,
    runtime: str,
    splits: tuple[str, ...] = (),
) -> str:
    """The digest of everything in the step notebook that can change its result.

    A parameters cell of plain literals counts through the values of the parameters that the step reads (see
    `step_keys`), any other by its source. The execution number counts only where the code can ask for it.
    """
    parameters = None
    if wants_parameters(flow, step) and flow.parameters_cell is not None:
        source = notebook.cells[flow.parameters_cell].source
        literals = literal_names(source)
        by_value = bool(step.parameters) and literals is not None and {p.name for p in flow.parameters} >= {*literals}
        parameters = "by value" if by_value else source
    replay = [r.source for r in replayed(step)]
    cells = [notebook.cells[i] for i in step.cells]
    author = [[c.source, "raises-exception" in c.tags] for c in cells]
    asks = any(_ASKS_FOR_NUMBERS.search(source) for source in (*replay, *(c.source for c in cells)))
    wanted = sorted(sorted(names) for names in inputs.values())
    environment = [sorted(step.options.env), sorted(step.options.secrets)]
    frame = [parameters, replay, author, wanted, sorted(step.outputs), len(step.state), number if asks else None]
    frame += [sorted(splits)] if splits else []
    return digest("code", runtime, flow.language, environment, frame)


def literal_names(source: str) -> tuple[str, ...] | None:
    """The names that the source binds if it is but `name = literal` statements and texts, each name once; else None."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        name = _literal_target(statement)
        if name is None or name in names:
            return None
        names.append(name)
    return tuple(names)


def _literal_target(statement: ast.stmt) -> str | None:
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign) and _is_plain(statement.annotation):
        target = statement.target
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(target, ast.Name):
        return None
    try:
        ast.literal_eval(statement.value or "")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return target.id


def _is_plain(annotation: ast.expr) -> bool:
    """An annotation is evaluated too: only names and subscripts of them are free of effects."""
    return all(isinstance(n, ast.Name | ast.Subscript | ast.Load | ast.Constant) for n in ast.walk(annotation))


def step_keys(plan: Plan, parameters: Mapping[str, Any], kernel: str) -> dict[str, str]:
    """The content key of each step of the plan.

    `parameters` are the bound values that a run was given (others have their defaults); `kernel` is the fingerprint of
    the interpreter and its settings. A step's name is in its own key, so that no two steps share a result, but not in
    the keys of those after it, so that a new name costs one step; so is what it shows and keeps for people. Raises
    PlanError when the plan's steps are not in an order in which they can run.
    """
    values = {p.name: _value(p, parameters) for p in plan.parameters}
    contents: dict[str, str] = {}
    keys: dict[str, str] = {}
    for step in plan.steps:
        contents[step.name] = _content(step, contents, values, kernel)
        name = step.name if step.element is None else step.element.of  # the place in the list is nothing to an element
        kept = [sorted(step.options.metrics), sorted(step.options.artifacts)]
        keys[step.name] = digest("step", name, contents[step.name], *(kept if any(kept) else ()))
    return keys


def _content(step: PlanStep, contents: Mapping[str, str], values: Mapping[str, Any], kernel: str) -> str:
    unknown = [s for s in (*step.after, *step.inputs, *step.state) if s not in contents]
    if unknown:
        raise PlanError(f"step {step.name!r} comes after {unknown[0]!r}, which is not an earlier step of the plan")
    given = [[name, values.get(name)] for name in sorted(step.parameters)]
    inputs, after, own = dict(step.inputs), set(step.after) - {*instances(step)}, []
    if step.element is not None and step.each is not None:  # what made the list is nothing to an element either
        source, listed = step.each.source, step.each.name
        own = [step.element.blob]
        inputs[source] = tuple(name for name in inputs.get(source, ()) if name != listed)
        if not inputs[source]:
            del inputs[source]
            after.discard(source)
    loaded = sorted([contents[source], sorted(names)] for source, names in inputs.items())
    state = [contents[source] for source in step.state]
    before = sorted({contents[source] for source in after})
    image = [step.options.image] if step.options.image else []
    return digest("content", step.code, kernel, given, loaded, state, before, *image, *own)


def _value(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    if parameter.name in given:
        return ["is", given[parameter.name]]
    if parameter.type in ("any", "list", "dict"):  # the source tells a tuple from a list, and what is no JSON value
        return ["default", parameter.source]
    return ["is", parameter.default]
