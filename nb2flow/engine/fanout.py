"""Steps that run once for each element: their instances, once the list is known, and what they made put together.

Nothing runs here. A step whose list cannot be divided runs over the whole of it, which gives the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nb2flow.notebook import values_of, write
from nb2flow.plan.expand import collapsed, expanded, gathers, instances
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.runs.folders import RunFolder, disk_faults, replace_file
from nb2flow.runs.manifest import Manifest, Output, encode, gathered


def with_instances(
    plan: Plan, manifests: Mapping[str, Manifest], wanted: Callable[[PlanStep], bool], most: int
) -> Plan:
    """The plan with an instance for each element of the lists that finished steps have made, where these have no more
    than `most`."""
    lists: dict[str, tuple[str, ...]] = {}
    has_them = {step.name for step in plan.steps if gathers(step)}
    for step in collapsed(plan).steps:
        output = _listed(step, manifests)
        if output is None or output.elements is None or len(output.elements) > most:
            continue
        if step.name in has_them or wanted(step):
            lists[step.name] = output.elements
    return expanded(plan, lists)


def _listed(step: PlanStep, manifests: Mapping[str, Manifest]) -> Output | None:
    if step.each is None or step.each.source not in manifests:
        return None
    return manifests[step.each.source].outputs.get(step.each.name)


def told(before: Plan, after: Plan) -> tuple[str, ...]:
    """What is new in `after`, in words."""
    known = {step.name: step.each.instances for step in before.steps if step.each is not None and gathers(step)}
    return tuple(
        f"`{step.each.name}` has {step.each.instances} elements: step {step.name} runs for each"
        for step in after.steps
        if step.each is not None and gathers(step) and known.get(step.name) != step.each.instances
    )


def why_whole(step: PlanStep, manifests: Mapping[str, Manifest], *, most: int, only: str | None) -> str:
    """Why a step that could run for each element is run over the whole list; empty when it is not such a step."""
    if step.each is None or step.element is not None:
        return ""
    output = _listed(step, manifests)
    if only is not None:
        why = "it was asked for alone"
    elif output is not None and output.elements is not None and len(output.elements) > most:
        why = f"it has {len(output.elements)} elements, and this engine starts {most} at most"
    elif output is not None and output.gathers:
        why = "the list was itself put together from instances"
    else:
        why = output.undivided if output is not None and output.undivided else "its elements are not known"
    return f"runs over the whole of `{step.each.name}` at once: {why}"


def gather(folder: RunFolder, step: PlanStep, manifests: Mapping[str, Manifest], notebook: Mapping[str, Any]) -> None:
    """Write the manifest and the executed notebook of a step whose instances are all done."""
    names = instances(step)
    with disk_faults(folder.path):
        each = step.each
        assert each is not None
        kinds = {name: each.gathers[name] for name in step.outputs}
        manifest = gathered(step.name, manifests[each.source].python, kinds, [manifests[name] for name in names])
        replace_file(folder.manifest(step.name), encode(manifest))
        show(folder, step, notebook)


def show(folder: RunFolder, step: PlanStep, notebook: Mapping[str, Any]) -> None:
    """Write the executed notebook: each cell with what it gave for each element, in the order of the list."""
    documents = [values_of(folder.executed(name).read_bytes()) for name in instances(step)]
    write(folder.executed(step.name), shown(notebook, documents))


def shown(notebook: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The step notebook with each of its author's cells' outputs of all documents, one after the other."""
    result = copy.deepcopy(dict(notebook))
    outputs: dict[str, list[dict[str, Any]]] = {}
    counts: dict[str, Any] = {}
    for document in documents:
        for cell in document.get("cells", ()):
            if cell.get("cell_type") == "code":
                _append(outputs.setdefault(str(cell.get("id")), []), cell.get("outputs") or [])
                counts.setdefault(str(cell.get("id")), cell.get("execution_count"))
    for cell in result["cells"]:
        if cell.get("cell_type") == "code" and cell["metadata"].get("nb2flow", {}).get("role") == "author":
            cell["outputs"] = outputs.get(str(cell.get("id")), [])
            cell["execution_count"] = counts.get(str(cell.get("id")))
    return result


def _append(before: list[dict[str, Any]], more: Sequence[dict[str, Any]]) -> None:
    """One kernel writes a stream on, where two of them begin it twice."""
    for output in more:
        last = before[-1] if before else {}
        streams = output.get("output_type") == last.get("output_type") == "stream"
        if streams and output.get("name") == last.get("name"):
            before[-1] = {**last, "text": _text(last) + _text(output)}
        else:
            before.append(dict(output))


def _text(output: Mapping[str, Any]) -> str:
    text = output.get("text", "")
    return text if isinstance(text, str) else "".join(text)
