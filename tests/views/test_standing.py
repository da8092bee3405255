"""A step that runs for each element of a list stands as its instances do: in drawings, in words, in the report."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from builders import flow_of, plan_of, run_of

from nb2flow.plan.expand import expanded
from nb2flow.plan.model import Plan, PlanEach
from nb2flow.runs.state import RunState, StepState
from nb2flow.views.graph import of_run
from nb2flow.views.report import page
from nb2flow.views.standing import parts, progress, standing


def plan() -> Plan:
    """`rows` makes a list, `count` runs for each of its three elements, `tell` gathers."""
    made = plan_of(flow_of("rows -> count: rows", "count -> tell: sizes"))
    each = PlanEach(name="rows", source="rows", gathers={"sizes": "list"})
    steps = tuple(msgspec.structs.replace(s, each=each) if s.name == "count" else s for s in made.steps)
    return expanded(msgspec.structs.replace(made, steps=steps), {"count": ["x", "y", "z"]})


def run(of: Mapping[str, str], status: str = "running") -> RunState:
    """A run in which the instances stand so."""
    return run_of(plan(), {"rows": "succeeded", **of}, status)


@pytest.mark.parametrize(
    ("instances", "own", "status", "note"),
    [
        ("waiting waiting waiting", "waiting", "waiting", "waiting"),
        ("succeeded running waiting", "waiting", "running", "1 of 3 done"),
        ("cached failed running", "waiting", "running", "1 of 3 done, 1 failed"),
        ("succeeded failed succeeded", "skipped", "failed", "1 of 3 failed"),
        ("succeeded cancelled cancelled", "cancelled", "cancelled", "cancelled"),
        ("succeeded succeeded succeeded", "succeeded", "succeeded", "3 instances, 4.5 s"),
    ],
)
def test_a_step_stands_as_its_instances_do(instances: str, own: str, status: str, note: str) -> None:
    state = run({f"count[{i}]": s for i, s in enumerate(instances.split())} | {"count": own})
    found = standing(state, state.steps["count"])
    assert (found.status, found.note) == (status, note)
    assert [p.name for p in parts(state, "count")] == ["count[0]", "count[1]", "count[2]"]
    assert [(n.name, n.status, n.note) for n in of_run(state).nodes][1] == ("count", status, note)
    assert [n.name for n in of_run(state).nodes] == ["rows", "count", "tell"]


def test_the_report_shows_instances_within_their_step() -> None:
    state = run({"count[0]": "succeeded", "count[1]": "failed", "count[2]": "succeeded", "count": "skipped"}, "failed")
    html = page(state, {"count[1]": {"cells": []}}, "nb2flow")
    whole = html[html.index('<details class="step" id="count" open>') : html.index('id="tell"')]
    for name in ("count[0]", "count[1]", "count[2]"):
        assert f'id="{name}"' in whole
        assert html.count(f'id="{name}"') == 1


def test_steps_that_a_run_was_not_asked_for_do_not_count() -> None:
    state = run_of(plan_of(flow_of("a -> b: x", "b -> c: y")), {"b": "succeeded"}, "succeeded")
    state.steps.update({name: StepState(name, status="skipped") for name in ("a", "c")})
    assert progress(state) == (1, 1)
    state.steps["c"] = StepState("c", status="skipped", because=("b",))
    assert progress(state) == (1, 2)
