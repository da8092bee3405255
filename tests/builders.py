"""Small builders for the values that tests need: a flow, a plan, a run's state, written in one line each.

`flow_of("load -> fit-a: df, labels", "load -> fit-b: df")` reads as the graph it makes; steps are numbered in the order
in which they are first named. Nothing here runs or reads anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nb2flow.flow.model import Edge, Flow, Parameter, Reason, Site, Step
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.model import Plan, PlanEdge, PlanStep
from nb2flow.runs.events import Failure
from nb2flow.runs.state import RunState, StepState

DIAMOND = (
    "load -> fit-a: df, labels",
    "load -> fit-b: df, labels",
    "load -> fit-c: df, labels",
    "fit-a -> best: score_a",
    "fit-b -> best: score_b",
    "fit-c -> best: score_c",
    "best -> report: winner, table",
)


def flow_of(
    *arrows: str,
    options: Mapping[str, StepOptions] | None = None,
    parameters: tuple[Parameter, ...] = (),
    notebook: str = "sample",
) -> Flow:
    """A flow from arrows `A -> B: x, y` (variables), `A -> B` (an order), or a lone `A` (a step without edges)."""
    names: dict[str, None] = {}
    pairs: list[tuple[str, str, tuple[str, ...]]] = []
    for arrow in arrows:
        ends, _, carried = arrow.partition(":")
        parts = [p.strip() for p in ends.split("->")]
        names |= dict.fromkeys(parts)
        if len(parts) == 2:
            pairs.append((parts[0], parts[1], tuple(c.strip() for c in carried.split(",") if c.strip())))
    place = {name: 2 * i + 2 for i, name in enumerate(names)}
    edges = tuple(
        Edge(
            a,
            b,
            tuple(Reason("variable", v, Site(place[a], 1), Site(place[b], 1)) for v in carried)
            or (Reason("order", a, text=f"tag after:{a}"),),
        )
        for a, b, carried in pairs
    )
    steps = tuple(
        Step(n, n.replace("-", " ").capitalize(), (place[n],), (options or {}).get(n, StepOptions())) for n in names
    )
    return Flow(notebook, "python", "python3", "nb2flow", steps, edges, parameters)


def plan_of(flow: Flow) -> Plan:
    """A plan with the flow's steps and edges (no step notebooks behind it)."""
    steps = tuple(
        PlanStep(
            name=s.name,
            title=s.title,
            notebook=f"{i:02d}-{s.name}.ipynb",
            cells=(f"cell-{s.cells[0]}",),
            first_number=i,
            code=f"{i:064x}",
            after=flow.before(s.name),
            options=s.options,
        )
        for i, s in enumerate(flow.steps, 1)
    )
    edges = tuple(
        PlanEdge(source=e.source, target=e.target, carries=e.carries, why=tuple(r.name for r in e.reasons))
        for e in flow.edges
    )
    return Plan(
        name=flow.notebook,
        source=f"{flow.notebook}.ipynb",
        source_digest="0" * 64,
        language=flow.language,
        kernel=flow.kernel,
        dialect=flow.dialect,
        parameters=flow.parameters,
        steps=steps,
        edges=edges,
    )


FAILURE = Failure(
    kind="error",
    message="ValueError: no rows",
    ename="ValueError",
    evalue="no rows",
    cell_id="cell-4",
    cell_index=4,
    line=2,
    source_line="model.fit(rows)",
    traceback=("\x1b[31mValueError\x1b[39m: no rows <b>",),
)


def run_of(plan: Plan, statuses: Mapping[str, str], status: str = "running", **more: Any) -> RunState:
    """A run's state with these step statuses (others wait); failed steps fail with `FAILURE`."""
    steps = {s.name: _step(s.name, statuses.get(s.name, "waiting"), i) for i, s in enumerate(plan.steps)}
    values: dict[str, Any] = {
        "run_id": "sample-abcd2345",
        "notebook": "sample.ipynb",
        "plan": plan,
        "status": status,
        "steps": steps,
        "created_at": 1_700_000_000.0,
        "started_at": 1_700_000_000.5,
        "ended_at": None if status == "running" else 1_700_000_012.0,
    }
    return RunState(**(values | more))


def _step(name: str, status: str, number: int) -> StepState:
    start = 1_700_000_001.0 + number
    known: dict[str, dict[str, Any]] = {
        "running": {"cell": 2, "cells": 5, "started_at": start},
        "succeeded": {"cell": 5, "cells": 5, "started_at": start, "ended_at": start + 1.5, "seconds": 1.5},
        "failed": {
            "cell": 2,
            "cells": 5,
            "started_at": start,
            "ended_at": start + 2.0,
            "seconds": 2.0,
            "failure": FAILURE,
        },
        "cached": {"cached_from": "sample-zzzz9999"},
        "skipped": {"because": ("fit-b",)},
    }
    return StepState(name, status=status, **known.get(status, {}))  # type: ignore[arg-type]
