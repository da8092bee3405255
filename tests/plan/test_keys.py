"""Content keys: what changes them, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nb2flow.errors import PlanError
from nb2flow.flow.model import Input, Parameter
from nb2flow.notebook.model import StepOptions
from nb2flow.plan import source_digest, step_keys
from nb2flow.plan.keys import literal_names

Change = Callable[[Any], Any]


def keys(example: Any, parameters: dict[str, Any] | None = None, kernel: str = "k", **more: Any) -> dict[str, str]:
    return step_keys(example.compile(**more).plan, parameters or {}, kernel)


def with_cell(example: Any, cell_id: str, **more: Any) -> Any:
    cells = tuple(replace(c, **more) if c.id == cell_id else c for c in example.notebook.cells)
    return replace(example, notebook=replace(example.notebook, cells=cells))


def with_default(example: Any, name: str, source: str, value: Any) -> Any:
    parameters = tuple(
        replace(p, default=value, source=source) if p.name == name else p for p in example.flow.parameters
    )
    made = example.with_source("params", f"N = {source}\nname = 'its'" if name == "N" else f"N = 3\nname = {source}")
    return replace(made, flow=replace(made.flow, parameters=parameters))


CHANGES: dict[str, tuple[Change, set[str]]] = {  # a change of the notebook or flow -> the steps that must run again
    "nothing": (lambda e: e, set()),
    "code of load": (lambda e: e.with_source("load-2", "print(1)"), {"load", "fit"}),
    "code of fit": (lambda e: e.with_source("fit-1", "print(1)"), {"fit"}),
    "a blank": (lambda e: e.with_source("fit-1", "print(1) "), {"fit"}),
    "Markdown": (lambda e: e.with_source("about-load", "## Loading"), set()),
    "cell metadata": (lambda e: with_cell(e, "fit-1", metadata={"collapsed": True}), set()),
    "a tag of the author's": (lambda e: with_cell(e, "fit-1", tags=("step:fit", "mine")), set()),
    "a cell may fail": (lambda e: with_cell(e, "fit-1", tags=("step:fit", "raises-exception")), {"fit"}),
    "title and notes": (lambda e: e.with_step("fit", title="Other", notes=()), set()),
    "retries and memory": (lambda e: e.with_step("fit", options=StepOptions(memory="1Gi", env=(("K", "V"),))), set()),
    "environment": (lambda e: e.with_step("fit", options=StepOptions(env=(("K", "W"),))), {"fit"}),
    "secret": (lambda e: e.with_step("fit", options=StepOptions(env=(("K", "V"),), secrets=("S",))), {"fit"}),
    "metric": (lambda e: e.with_step("fit", options=StepOptions(env=(("K", "V"),), metrics=("m",))), {"fit"}),
    "artifact": (lambda e: e.with_step("load", options=StepOptions(artifacts=("m",))), {"load"}),
    "another output": (lambda e: e.with_step("load", outputs=("data",)), {"load", "fit"}),
    "another input": (lambda e: e.with_step("fit", inputs=(Input("data", "load"),)), {"fit"}),
    "no replay": (lambda e: e.with_step("fit", replay=()), {"fit"}),
    "no state": (lambda e: e.with_step("fit", state=()), {"fit"}),
    "default of a parameter that load reads": (lambda e: with_default(e, "N", "4", 4), {"load", "fit"}),
    "default of a parameter that nobody reads": (lambda e: with_default(e, "name", "'other'", "other"), set()),
    "a type of default": (lambda e: with_default(e, "N", "3.0", 3.0), {"load", "fit"}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_change_costs(example: Any, case: str) -> None:
    example = example.with_source("params", "N = 3\nname = 'its'")
    change, expected = CHANGES[case]
    before, after = keys(example), keys(change(example))
    assert {name for name in before if before[name] != after[name]} == expected


def test_the_run_changes_keys_too(example: Any) -> None:
    example = example.with_source("params", "N = 3\nname = 'its'")
    base = keys(example)
    assert keys(example, {"N": 3}) == base
    assert keys(example, {"name": "x"}) == base
    assert set(keys(example, {"N": 4}).values()).isdisjoint(base.values())
    assert set(keys(example, {"N": True}).values()).isdisjoint(base.values())
    assert set(keys(example, kernel="other").values()).isdisjoint(base.values())
    assert set(keys(example, runtime_digest="r2").values()).isdisjoint(base.values())
    assert keys(example, home="elsewhere") == base


def test_a_parameters_cell_with_code_counts_whole(example: Any) -> None:
    made = example.with_source("params", "N = 3\nname = str(N)")
    other = example.with_source("params", "N = 3\nname = repr(N)")
    assert set(keys(made).values()).isdisjoint(keys(other).values())


def test_a_tuple_is_no_list(example: Any) -> None:
    def with_parameter(source: str) -> Any:
        made = example.with_source("params", f"N = {source}")
        return replace(made, flow=replace(made.flow, parameters=(Parameter("N", "list", [1, 2], source, 1),)))

    assert set(keys(with_parameter("(1, 2)")).values()).isdisjoint(keys(with_parameter("[1, 2]")).values())


def test_numbers_count_where_code_asks_for_them(example: Any) -> None:
    def moved(source: str) -> bool:
        made = example.with_source("fit-1", source)
        return keys(made)["fit"] != keys(with_cell(made, "scale", tags=("skip",)))["fit"]

    assert not moved("for _ in range(3): print(_)")
    assert moved("print(Out[3])")
    assert moved("print(_3)")
    assert moved("%history -n")


def test_a_new_name_costs_one_step(example: Any) -> None:
    made = example.with_step("load", name="read").with_step(
        "fit", inputs=(Input("data", "read"), Input("rng:python", "read"))
    )
    made = made.with_step("fit", state=("read",))
    edges = (replace(made.flow.edges[0], source="read"),)
    made = replace(made, flow=replace(made.flow, edges=edges))
    before, after = keys(example), keys(made)
    assert before["load"] != after["read"]
    assert before["fit"] == after["fit"]


def test_twins_have_keys_of_their_own(example: Any) -> None:
    twin = replace(example.flow.steps[0], name="twin")
    made = replace(example, flow=replace(example.flow, steps=(*example.flow.steps, twin)))
    found = keys(made)
    assert len(set(found.values())) == 3


def test_orders_count(example: Any) -> None:
    made = example.with_step("fit", inputs=(), state=())
    assert keys(made)["fit"] != keys(replace(made, flow=replace(made.flow, edges=())))["fit"]


def test_plans_out_of_order_are_refused(example: Any) -> None:
    plan = example.compile().plan
    import msgspec

    with pytest.raises(PlanError, match="not an earlier step"):
        step_keys(msgspec.structs.replace(plan, steps=tuple(reversed(plan.steps))), {}, "k")


def test_source_digest(example: Any) -> None:
    base = source_digest(example.notebook)
    assert source_digest(with_cell(example, "fit-1", metadata={"papermill": 3}).notebook) == base
    assert source_digest(with_cell(example, "fit-1", tags=("step:b",)).notebook) != base
    assert source_digest(example.with_source("fit-1", "x").notebook) != base


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("", ()),
        ("'''about'''\nN = 3\nrate: float = .1  # why\nxs = [1, {'a': (2, -3)}]", ("N", "rate", "xs")),
        ("N = 60 * 60", None),
        ("N = 3\nN = 4", None),
        ("a = b = 1", None),
        ("a, b = 1, 2", None),
        ("import os", None),
        ("x: f() = 3", None),
        ("x[0] = 3", None),
        ("%time N = 3", None),
        ("N = f()", None),
    ],
)
def test_literal_parameters(source: str, names: tuple[str, ...] | None) -> None:
    assert literal_names(source) == names
