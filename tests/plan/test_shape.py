"""What a plan lets run side by side."""

from __future__ import annotations

from typing import Any

from nb2flow.plan.model import Plan, PlanStep
from nb2flow.plan.shape import Shape, shape


def plan_of(example: Any, **after: tuple[str, ...]) -> Plan:
    steps = [
        PlanStep(name=n, title=n, notebook=f"{n}.ipynb", cells=(), first_number=1, code="", after=a)
        for n, a in after.items()
    ]
    plan = example.compile().plan
    return Plan(**{f: getattr(plan, f) for f in plan.__struct_fields__} | {"steps": tuple(steps)})


def test_a_diamond_is_two_wide_and_its_longest_path_goes_through_the_slower_side(example: Any) -> None:
    plan = plan_of(example, a=(), b=("a",), c=("a",), d=("b", "c"))
    found = shape(plan, 6, {"a": 1.0, "b": 2.0, "c": 5.0, "d": None})
    assert found == Shape(drawn=6, kept=4, width=2, work=8.0, path=6.0)


def test_a_plan_without_steps_has_no_width(example: Any) -> None:
    assert shape(plan_of(example), 1, {}) == Shape(drawn=1, kept=0, width=0, work=0.0, path=0.0)
