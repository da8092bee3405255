"""A plan in which a step that runs for each element has its instances, once the list is known. Pure.

The instances of `train` are steps `train[0]`, `train[1]` …, which share its notebook; `train` itself stays and puts
together what they made. Edges are between the author's steps and stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from nb2flow.plan.model import Element, Plan, PlanStep


def expanded(plan: Plan, lists: Mapping[str, Sequence[str]]) -> Plan:
    """The plan with an instance for each element, for every step named in `lists` (with its elements' blobs)."""
    steps: list[PlanStep] = []
    for step in collapsed(plan).steps:
        if step.each is None or step.name not in lists:
            steps.append(step)
            continue
        blobs = lists[step.name]
        instances = [
            msgspec.structs.replace(
                step,
                name=instance(step.name, index),
                title=f"{step.title} [{index}]",
                element=Element(of=step.name, index=index, blob=blob),
            )
            for index, blob in enumerate(blobs)
        ]
        each = msgspec.structs.replace(step.each, instances=len(blobs))
        after = (*step.after, *(i.name for i in instances))
        steps += [*instances, msgspec.structs.replace(step, each=each, after=after)]
    return msgspec.structs.replace(plan, steps=tuple(steps))


def collapsed(plan: Plan) -> Plan:
    """The plan as the author drew it: without instances."""
    if not any(step.element is not None or gathers(step) for step in plan.steps):
        return plan
    steps = tuple(_whole(step) for step in plan.steps if step.element is None)
    return msgspec.structs.replace(plan, steps=steps)


def instance(step: str, index: int) -> str:
    """The name of an instance."""
    return f"{step}[{index}]"


def author_step(name: str) -> str:
    """The step that the author wrote of which `name` is an instance, or which it is itself."""
    return name.partition("[")[0]


def instances(step: PlanStep) -> tuple[str, ...]:
    """The names of the step's instances, in the order of the list."""
    count = step.each.instances if step.each and step.element is None else None
    return tuple(instance(step.name, index) for index in range(count or 0))


def gathers(step: PlanStep) -> bool:
    """Whether the step runs nothing and puts together what its instances made."""
    return step.element is None and step.each is not None and step.each.instances is not None


def _whole(step: PlanStep) -> PlanStep:
    if not gathers(step) or step.each is None:
        return step
    each = msgspec.structs.replace(step.each, instances=None)
    own = set(instances(step))
    return msgspec.structs.replace(step, each=each, after=tuple(name for name in step.after if name not in own))
