"""Steps that run for each element of a list, as tasks that Argo expands: `withParam` over the numbers of the elements.

The pod that makes the list says them as an output parameter, never the elements themselves. In a run of ours the list
may be known already: then the task has the numbers that are left (`withItems`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nb2flow.plan.model import PlanStep
from nb2flow.pods import elements
from nb2flow.pods.spec import ELEMENT, OneRun

_ELEMENT = "{{inputs.parameters.element}}"


class Lists:
    """Which of the steps run for each element of which list, and what that adds to tasks and templates of the graph."""

    def __init__(self, steps: Iterable[PlanStep], run: OneRun | None) -> None:
        steps = tuple(steps)
        here = {step.name for step in steps}
        self._known = dict(run.elements) if run is not None else {}
        self._sources = {
            step.name: step.each.source
            for step in steps
            if step.each is not None and step.each.source in here and step.name not in self._known
        }

    # ---- the pods ----

    def arguments(self, step: str) -> tuple[str, ...]:
        """What the step's command is told besides."""
        told = (f"--elements={elements.FOLDER}",) if self._asked_of(step) else ()
        return told + ((f"--element={_ELEMENT}",) if self._is_expanded(step) else ())

    def prepared(self, step: str, template: Mapping[str, Any]) -> dict[str, Any]:
        """The step's template, with the element that it is given and the parameters that it gives."""
        made = dict(template)
        if self._is_expanded(step):
            made["inputs"] = {"parameters": [*made["inputs"]["parameters"], {"name": "element"}]}
            labels = made["metadata"]["labels"] | {ELEMENT: _ELEMENT}
            made["metadata"] = made["metadata"] | {"labels": labels}
        if asked := self._asked_of(step):
            outputs = {"parameters": [_output(name, _from_file(name)) for name in asked]}
            first = {"inputs": made.pop("inputs"), "outputs": outputs}
            made = first | made
        return made

    # ---- the graph ----

    def given(self, step: str, homes: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What a task of the graph gives to its pod, or pods; `homes` are the parts of the graph that steps are in."""
        own = [{"name": "step", "value": step}]
        if not self._is_expanded(step):
            return {"arguments": {"parameters": own}}
        each: dict[str, Any] = {"withItems": list(self._known.get(step, ()))}
        if step in self._sources:
            source = self._sources[step]
            is_near = homes is None or homes[step] == homes[source]
            each = {"withParam": _result(source, step) if is_near else _variable(f"inputs.parameters.{_name(step)}")}
        return each | {"arguments": {"parameters": [*own, {"name": "element", "value": "{{item}}"}]}}

    def given_to_part(self, part: str, homes: Mapping[str, str]) -> dict[str, Any]:
        """What a part of the graph is given: the lists that earlier parts made."""
        given = [
            {"name": _name(step), "value": _result(homes[source], step)}
            for step, source in self._sources.items()
            if homes[step] == part != homes[source]
        ]
        return {"arguments": {"parameters": given}} if given else {}

    def passed_on_by_part(self, part: str, homes: Mapping[str, str]) -> dict[str, Any]:
        """What a part of the graph takes, and what it gives to later ones."""
        takes = [
            {"name": p["name"]} for p in self.given_to_part(part, homes).get("arguments", {}).get("parameters", ())
        ]
        gives = [
            _output(step, {"parameter": _result(source, step)})
            for step, source in self._sources.items()
            if homes[source] == part != homes[step]
        ]
        made: dict[str, Any] = {"inputs": {"parameters": takes}} if takes else {}
        return made | ({"outputs": {"parameters": gives}} if gives else {})

    def _is_expanded(self, step: str) -> bool:
        return step in self._sources or step in self._known

    def _asked_of(self, source: str) -> list[str]:
        return [step for step, its in self._sources.items() if its == source]


def _name(step: str) -> str:
    return elements.parameter(step)


def _output(step: str, value_from: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": _name(step), "valueFrom": dict(value_from)}


def _from_file(step: str) -> dict[str, Any]:
    """A pod that failed has said nothing, and that is not to hide how it failed."""
    return {"path": elements.file(elements.FOLDER, step), "default": elements.NONE_SAID}


def _result(task: str, step: str) -> str:
    return _variable(f"tasks.{task}.outputs.parameters.{_name(step)}")


def _variable(name: str) -> str:
    return f"{{{{{name}}}}}"
