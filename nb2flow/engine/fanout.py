"""Steps that run once for each element: their instances, once the list is known, and what they made put together.

Nothing runs here. A step whose list cannot be divided runs over the whole of it, which gives the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from nb2flow.notebook import values_of, write
from nb2flow.plan.expand import collapsed, expanded, gathers, instances
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.runs.folders import RunFolder, disk_faults, replace_file
from nb2flow.runs.manifest import Manifest, Observed, Output


def with_instances(plan: Plan, manifests: Mapping[str, Manifest], wanted: Callable[[PlanStep], bool]) -> Plan:
    """The plan with an instance for each element of the lists that finished steps have made."""
    lists: dict[str, tuple[str, ...]] = {}
    has_them = {step.name for step in plan.steps if gathers(step)}
    for step in collapsed(plan).steps:
        output = _listed(step, manifests)
        if output is not None and output.elements is not None and (step.name in has_them or wanted(step)):
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


def why_whole(step: PlanStep, manifests: Mapping[str, Manifest], *, here: bool, only: str | None) -> str:
    """Why a step that could run for each element is run over the whole list; empty when it is not such a step."""
    if step.each is None or step.element is not None:
        return ""
    output = _listed(step, manifests)
    if not here:
        why = "this engine does not start instances"
    elif only is not None:
        why = "it was asked for alone"
    elif output is not None and output.gathers:
        why = "the list was itself put together from instances"
    else:
        why = output.undivided if output is not None and output.undivided else "its elements are not known"
    return f"runs over the whole of `{step.each.name}` at once: {why}"


def gather(folder: RunFolder, step: PlanStep, manifests: Mapping[str, Manifest], notebook: Mapping[str, Any]) -> None:
    """Write the manifest and the executed notebook of a step whose instances are all done."""
    names = instances(step)
    with disk_faults(folder.path):
        manifest = _together(step, [manifests[name] for name in names], manifests)
        written = {"problems": [], "version": manifest.version, **msgspec.to_builtins(manifest)}
        replace_file(folder.manifest(step.name), msgspec.json.encode(written, order="deterministic"))
        show(folder, step, notebook)


def show(folder: RunFolder, step: PlanStep, notebook: Mapping[str, Any]) -> None:
    """Write the executed notebook: each cell with what it gave for each element, in the order of the list."""
    documents = [values_of(folder.executed(name).read_bytes()) for name in instances(step)]
    write(folder.executed(step.name), shown(notebook, documents))


def _together(step: PlanStep, made: Sequence[Manifest], manifests: Mapping[str, Manifest]) -> Manifest:
    each = step.each
    assert each is not None
    outputs = {}
    for name in step.outputs:
        parts = [manifest.outputs[name] for manifest in made]
        outputs[name] = Output(
            type=each.gathers[name],
            size=sum(part.size for part in parts),
            preview=f"collected by {len(parts)} instances",
            parts=tuple(part.blob for part in parts),
            gathers=each.gathers[name],
        )
    return Manifest(
        step=step.name,
        python=manifests[each.source].python,
        outputs=outputs,
        observed=_all_seen(m.observed for m in made),
    )


def _all_seen(seen: Any) -> Observed:
    """What any of them touched. Warnings are told by the instances."""
    found = list(seen)
    return Observed(
        reads=tuple(sorted({path for one in found for path in one.reads})),
        writes=tuple(sorted({path for one in found for path in one.writes})),
        deleted=tuple(sorted({path for one in found for path in one.deleted})),
        modules=tuple(sorted({path for one in found for path in one.modules})),
        subprocess=any(one.subprocess for one in found),
        network=any(one.network for one in found),
        truncated=any(one.truncated for one in found),
    )


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
