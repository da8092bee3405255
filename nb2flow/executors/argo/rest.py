"""What of a run is left for a Workflow, and what it builds on. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from nb2flow.plan.expand import author_step, gathers, instance, instances
from nb2flow.plan.model import Plan
from nb2flow.runs.attempt import StepTask


def left_of_lists(plan: Plan, tasks: Sequence[StepTask], done: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The elements that are left of each step whose list is known."""
    asked = {task.step for task in tasks}
    known = [step for step in plan.steps if gathers(step) and step.name in asked]
    return {s.name: tuple(number for number, name in enumerate(instances(s)) if name not in done) for s in known}


def opened(tasks: Sequence[StepTask], left: dict[str, tuple[int, ...]]) -> set[str]:
    """The steps, and the instances of steps, that are not done."""
    return {task.step for task in tasks} | {instance(s, number) for s in left for number in left[s]}


def as_written(task: StepTask) -> StepTask:
    """The task of a step as the author wrote it, which builds on none of its instances."""
    return replace(task, before=tuple(step for step in task.before if author_step(step) != task.step))


def built_on(plan: Plan, tasks: Sequence[StepTask]) -> set[str]:
    """The steps that these build on, with their instances."""
    before = {step for task in tasks for step in task.before}
    return before | {name for step in plan.steps if step.name in before for name in instances(step)}


def going_on(tasks: Sequence[StepTask], done: Collection[str], failed: Collection[str]) -> list[StepTask]:
    """The tasks that can still be done: neither failed themselves, nor after what did."""
    lost = {author_step(step) for step in failed}
    before = {task.step: {author_step(step) for step in task.before} for task in tasks}
    return [
        task for task in tasks if task.step not in done and task.step not in failed and not before[task.step] & lost
    ]
