"""How much of a notebook's work a plan lets run side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from nb2flow.plan.model import Plan


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """`drawn` steps in the notebook, `kept` of them as steps of the plan (the others were merged, or are set-up).

    `width` is how many run at once at most when all take equally long; `work` is the time of all steps, and `path` that
    of the longest chain of steps which wait for one another, in seconds: no number of processors makes it shorter.
    """

    drawn: int
    kept: int
    width: int
    work: float
    path: float


def shape(plan: Plan, drawn: int, seconds: Mapping[str, float | None]) -> Shape:
    """The shape of a plan whose steps took that long."""
    level: dict[str, int] = {}
    ends: dict[str, float] = {}
    for step in plan.steps:  # each stands behind those that it waits for
        level[step.name] = 1 + max((level[s] for s in step.after), default=-1)
        ends[step.name] = (seconds.get(step.name) or 0.0) + max((ends[s] for s in step.after), default=0.0)
    levels = list(level.values())
    return Shape(
        drawn=drawn,
        kept=len(plan.steps),
        width=max(map(levels.count, levels), default=0),
        work=sum(seconds.get(s.name) or 0.0 for s in plan.steps),
        path=max(ends.values(), default=0.0),
    )
