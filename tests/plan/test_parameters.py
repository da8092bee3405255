"""Binding of parameters: typed by the default, validated, refused in words."""

import datetime
import math
from typing import Any

import pytest

from nb2flow.errors import UsageError
from nb2flow.flow.model import Parameter, ParameterType
from nb2flow.plan import bind
from nb2flow.plan.parameters import bind_texts, default_text
from nb2flow.plan.plain_values import from_yaml


def parameter(kind: ParameterType, default: Any = None) -> Parameter:
    return Parameter("p", kind, default, repr(default), 1)


BOUND: list[tuple[ParameterType, Any, Any]] = [
    ("int", "5", 5),
    ("int", "-3", -3),
    ("int", " 7 ", 7),
    ("int", "1_000", 1000),
    ("int", 5, 5),
    ("float", "5", 5.0),
    ("float", "1e-3", 0.001),
    ("float", "inf", math.inf),
    ("float", 5, 5.0),
    ("bool", "true", True),
    ("bool", "Yes", True),
    ("bool", "1", True),
    ("bool", "off", False),
    ("bool", "0", False),
    ("bool", False, False),
    ("str", "5", "5"),
    ("str", "no", "no"),
    ("str", "", ""),
    ("str", 'it\'s "quoted"\n$x', 'it\'s "quoted"\n$x'),
    ("list", "[1, 'a', {b: 2}]", [1, "a", {"b": 2}]),
    ("list", '[1, "no"]', [1, "no"]),
    ("list", [1, 2], [1, 2]),
    ("dict", '{"a": [1]}', {"a": [1]}),
    ("dict", "{a: 1}", {"a": 1}),
    ("dict", {"a": None}, {"a": None}),
    ("none", "null", None),
    ("none", "5", 5),
    ("any", "text", "text"),
    ("any", "2024-01-01", "2024-01-01"),
    ("any", "a: b: c", "a: b: c"),
    ("any", "[1, 2]", [1, 2]),
    ("any", 3.5, 3.5),
]


@pytest.mark.parametrize(("kind", "given", "expected"), BOUND)
def test_values_are_typed_by_the_default(kind: ParameterType, given: Any, expected: Any) -> None:
    bound = bind((parameter(kind),), {"p": given})
    assert bound == {"p": expected}
    assert type(bound["p"]) is type(expected)


REFUSED: list[tuple[ParameterType, Any, str]] = [
    ("int", "5.0", "'5.0' is not a whole number"),
    ("int", "five", "not a whole number"),
    ("int", 5.0, "not a whole number"),
    ("int", True, "not a whole number"),
    ("int", None, "not a whole number"),
    ("int", "9" * 5000, "not a whole number"),
    ("float", "wide", "not a number"),
    ("float", True, "not a number"),
    ("float", 10**400, "not a number"),
    ("bool", "maybe", "neither true nor false"),
    ("bool", 1, "neither true nor false"),
    ("str", 5, "not text"),
    ("str", datetime.date(2024, 1, 1), "not text"),
    ("str", "half \ud83d", "not valid Unicode"),
    ("list", "1, 2", "not a list"),
    ("list", "[1, 2", "neither JSON nor YAML"),
    ("list", {"a": 1}, "not a list"),
    ("list", [datetime.date(2024, 1, 1)], "of a kind"),
    ("list", "[.nan]", "NaN"),
    ("dict", "[1]", "not a mapping"),
    ("dict", "{1: 2}", "the key 1 is not text"),
    ("any", {"a": {2: 3}}, "the key 2 is not text"),
    ("list", "[" * 3000, "JSON nor YAML"),
    # What YAML 1.1 and 1.2 read differently.
    ("list", "[NO, SE]", 'NO may be read as text or as False: write "NO", or False in plain words'),
    ("any", "[12:30]", "12:30 may be read as text or as 750"),
    ("any", "{off: 1}", "off may be read as text or as False"),
    ("list", "[010]", "010 may be read as text or as 8"),
    ("dict", "{a:1}", "'a:1' lacks a space after its colon"),
    ("dict", "{a: 1, a: 2}", "'a' stands there twice"),
    ("dict", '{"a": 1, "a": 2}', "'a' stands there twice"),
]


@pytest.mark.parametrize(("kind", "given", "words"), REFUSED)
def test_values_that_do_not_fit_are_refused(kind: ParameterType, given: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind((parameter(kind, 1),), {"p": given})
    assert "parameter 'p'" in caught.value.message
    assert words in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.hint == "its default is 1"


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("any", "12:30", "12:30"),
        ("any", "no", "no"),
        ("any", "010", "010"),
        ("any", "true", True),
        ("list", "[1e3, true, ~, 'no', x:y]", [1000.0, True, None, "no", "x:y"]),
        ("dict", "{a: 0x10, b: {c: 1_000}}", {"a": 16, "b": {"c": 1000}}),
    ],
)
def test_what_is_clear_is_read(kind: ParameterType, given: Any, value: Any) -> None:
    bound = bind((parameter(kind, 1),), {"p": given})["p"]
    assert bound == value
    assert type(bound) is type(value)


def test_words_in_a_file_go_by_the_type_of_the_default() -> None:
    given = from_yaml("switch: no\ncountry: NO\nrate: 1e-3\nwhen: 12:30\n")
    kinds: dict[str, ParameterType] = {"switch": "bool", "country": "str", "rate": "float", "when": "str"}
    known = tuple(Parameter(name, kind, 1, "1", 1) for name, kind in kinds.items())
    bound = bind(known, given)
    assert bound == {"switch": False, "country": "NO", "rate": 0.001, "when": "12:30"}
    assert {type(v) for v in bound.values()} == {bool, str, float}


@pytest.mark.parametrize(("text", "words"), [("n: 1\nn: 2", "stands there twice"), ("n: [", "expected the node")])
def test_a_file_that_is_not_clear(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_yaml(text)


def test_unknown_names() -> None:
    known = (Parameter("epochs", "int", 1, "1", 1), Parameter("rate", "float", 0.1, "0.1", 2))
    with pytest.raises(UsageError) as caught:
        bind(known, {"epoch": 3})
    assert caught.value.message == "there is no parameter 'epoch'"
    assert "'epochs'" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        bind(known, {"zzz": 3})
    assert "epochs, rate" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        bind((), {"x": 3})
    assert "no parameters" in caught.value.hint


def test_only_given_values_come_back_in_the_notebooks_order() -> None:
    known = tuple(Parameter(n, "int", 0, "0", 1) for n in "abc")
    assert list(bind(known, {"c": "1", "a": 2}).items()) == [("a", 2), ("c", 1)]


def test_a_text_that_says_the_default_leaves_it_alone() -> None:
    parameters = (
        Parameter("n", "int", 3, "3", 1),
        Parameter("name", "str", "x", "'x'", 2),
        Parameter("pair", "list", [1, 2], "(1, 2)", 3),
        Parameter("when", "any", None, "today()", 4),
        Parameter("on", "bool", True, "True", 5),
    )
    texts = {p.name: default_text(p) for p in parameters}
    assert texts == {"n": "3", "name": "x", "pair": "[1, 2]", "when": "today()", "on": "true"}
    assert bind_texts(parameters, texts) == {}
    assert bind_texts(parameters, texts | {"n": "4", "on": "false"}) == {"n": 4, "on": False}
    for text in ("", "null", "[", "x: y"):
        with pytest.raises(UsageError, match="'n'"):
            bind_texts(parameters, texts | {"n": text})
