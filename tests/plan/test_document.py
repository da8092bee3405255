"""The plan's document: round trips in both formats, readable, and bad ones refused by name."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.errors import PlanError
from nb2flow.flow.model import Parameter
from nb2flow.notebook.model import StepOptions
from nb2flow.plan import dumps, from_values, loads, to_values
from nb2flow.plan.document import Format
from nb2flow.plan.model import Plan, PlanEdge, PlanStep


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_round_trip(example: Any, format: Format) -> None:
    plan = example.compile().plan
    text = dumps(plan, format)
    assert loads(text) == loads(text.encode()) == plan
    assert dumps(loads(text), format) == text
    assert from_values(to_values(plan)) == plan


def test_it_reads_well(example: Any) -> None:
    text = dumps(example.compile().plan)
    assert text.startswith("# A pipeline as nb2flow planned it")
    values = yaml.safe_load(text)
    assert next(iter(values)) == "version"
    assert values["steps"][1]["options"] == {"retries": 2, "env": [["K", "V"]]}
    assert "options" not in values["steps"][0]


BAD: list[tuple[str, str]] = [
    ("", "not a mapping with a version"),
    ("- 1", "not a mapping with a version"),
    ("name: x", "not a mapping with a version"),
    ("version: 2\nname: x", "version 2; this nb2flow knows version 1"),
    ("version: true", "version True"),
    ("version: '1'", "version '1'"),
    ("version: 1\nname: x", "missing required field"),
    ("a: b: c", "neither YAML nor JSON"),
    ('{"version": 1, "steps": 3}', "not valid"),
    ("!!python/object/apply:os.system [true]", "neither YAML nor JSON"),
    ("[" * 3000, "neither YAML nor JSON"),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=[row[1] for row in BAD])
def test_bad_documents_are_refused(text: str, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        loads(text)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(PlanError, match="UTF-8"):
        loads(b"\xff\xfe")


def test_plans_that_do_not_hold_together_are_refused(example: Any) -> None:
    values = to_values(example.compile().plan)
    for path, value, words in (
        (("steps", 1, "after"), ["nowhere"], "refers to 'nowhere'"),
        (("steps", 1, "state"), ["fit"], "refers to 'fit'"),
        (("steps", 1, "name"), "load", "two steps 'load'"),
        (("steps", 0, "notebook"), "../evil.ipynb", "not a file name"),
        (("edges", 0, "target"), "x", "no such step"),
    ):
        broken: Any = json.loads(json.dumps(values))
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(PlanError, match=words):
            from_values(broken)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
parameters = st.builds(Parameter, texts, st.sampled_from(["int", "any", "list"]), values, texts, st.integers(1, 9))
options = st.builds(
    StepOptions,
    gpu=st.integers(0, 3),
    memory=st.none() | texts,
    timeout=st.none() | st.floats(1, 9),
    cache=st.booleans(),
    env=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
)


@given(texts, options, st.lists(parameters, max_size=3), texts)
def test_any_plan_makes_the_round_trip(text: str, chosen: StepOptions, found: list[Parameter], why: str) -> None:
    step = PlanStep(
        name="a",
        title=text,
        notebook="01-a.ipynb",
        cells=("x",),
        first_number=1,
        code="0",
        options=chosen,
        notes=(text,),
    )
    other = PlanStep(
        name="b", title="", notebook="02-b.ipynb", cells=(), first_number=1, code="0", inputs={"a": (text,)}
    )
    plan = Plan(
        name=text,
        source=text,
        source_digest="0",
        language="python",
        kernel=text,
        dialect="cells",
        parameters=tuple(found),
        steps=(step, other),
        edges=(PlanEdge(source="a", target="b", why=(why,)),),
    )
    assert loads(dumps(plan, "json")) == plan
    assert loads(dumps(plan, "yaml")) == plan
    assert msgspec.convert(to_values(plan), Plan) == plan
