"""Locks: what is pinned, why, and what is told of an environment that contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from nb2flow.environment import lock
from nb2flow.environment.model import Distribution, Installed, Pin

MARKERS = {
    "python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "os_name": "posix",
    "platform_machine": "x86_64", "platform_system": "Linux", "platform_release": "6", "platform_version": "1",
    "platform_python_implementation": "CPython", "implementation_name": "cpython", "implementation_version": "3.11.7",
}  # fmt: skip


def having(**requires: tuple[str, ...]) -> Installed:
    """An environment of these distributions, all of version 1.0."""
    found = {name.replace("_", "-"): Distribution(name, "1.0", lines) for name, lines in requires.items()}
    return Installed("python", "3.11.7", MARKERS, found)


def names(roots: tuple[str, ...], installed: Installed) -> list[str]:
    return [pin.name for pin in lock.pinned(roots, installed)[0]]


def test_all_that_is_required_is_pinned_and_nothing_else() -> None:
    installed = having(a=("b>=0.5",), b=("c_d",), c_d=(), other=())
    pins, lacks = lock.pinned(["a"], installed)
    assert [p.line for p in pins] == ["a==1.0", "b==1.0", "c-d==1.0"]
    assert [p.by for p in pins] == [(), ("a",), ("b",)]
    assert lacks == ()


def test_markers_are_those_of_the_interpreter_that_was_asked() -> None:
    installed = having(a=("b; python_version < '3.10'", "c; sys_platform == 'linux'"), b=(), c=())
    assert names(("a",), installed) == ["a", "c"]
    older = replace(installed, markers={**MARKERS, "python_version": "3.9", "sys_platform": "darwin"})
    assert names(("a",), older) == ["a", "b"]


def test_extras_bring_what_they_add_even_when_the_distribution_was_met_without_them() -> None:
    installed = having(
        a=("b", "c"), b=(), c=("b[fast]",), d=(), e=("b[unknown]",),
    )  # fmt: skip
    changed = replace(installed, distributions={**installed.distributions, "b": Distribution(
        "b", "1.0", ("d; extra == 'fast'", "e; extra == 'slow'")
    )})  # fmt: skip
    assert names(("a",), changed) == ["a", "b", "c", "d"]


def test_circles_end() -> None:
    assert names(("a",), having(a=("b",), b=("a",))) == ["a", "b"]


def test_what_is_required_and_not_there_or_of_another_version_is_told() -> None:
    pins, lacks = lock.pinned(["a"], having(a=("b>=2", "gone<3", "not a requirement"), b=()))
    assert [p.line for p in pins] == ["a==1.0", "b==1.0"]
    assert [(x.by, x.requirement, x.version) for x in lacks] == [("a", "b>=2", "1.0"), ("a", "gone<3", "")]


def test_a_pin_of_a_url_is_a_direct_reference() -> None:
    installed = having(a=())
    where = "git+https://example.org/a@0123456789abcdef"
    there = replace(installed, distributions={"a": Distribution("a", "1.0", url=where)})
    (pin,), _ = lock.pinned(["a"], there)
    assert pin.line == f"a @ {where}"
    assert lock.is_sound(pin)


@pytest.mark.parametrize(
    "pin", [Pin("a", "1.0\n--index-url=x"), Pin("a", "x y"), Pin("a b", "1"), Pin("a", "1", "https://x/\n-r y")]
)
def test_metadata_cannot_put_lines_into_a_lock(pin: Pin) -> None:
    assert not lock.is_sound(pin)


def test_the_oldest_release_that_takes_all() -> None:
    found = {"a": Distribution("a", "1", python=">=3.9"), "b": Distribution("b", "1", python=">=3.11.5,!=3.11.6")}
    installed = Installed("python", "3.11.7", MARKERS, found)
    assert lock.oldest_python([Pin("a", "1")], installed) == "3.11.0"
    assert lock.oldest_python([Pin("a", "1"), Pin("b", "1")], installed) == "3.11.5"


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4).map(tuple), min_size=1
    ),
    st.permutations("abcdefgh"),
)
def test_a_lock_is_closed_and_does_not_depend_on_order(requires: dict[str, tuple[str, ...]], order: list[str]) -> None:
    installed = having(**requires)
    roots = [name for name in order if name in requires][:2]
    pins, lacks = lock.pinned(roots, installed)
    pinned = {p.name for p in pins}
    lacking = {(x.by, Requirement(x.requirement).name) for x in lacks}
    for name in pinned:
        for wanted in requires[name]:
            assert (wanted in pinned) != ((name, wanted) in lacking)
    assert set(roots) <= pinned
    turned = replace(installed, distributions=dict(reversed(installed.distributions.items())))
    assert lock.text(lock.pinned(roots[::-1], turned)[0], "x") == lock.text(pins, "x")
    for pin in pins:  # each is there for a reason
        assert pin.name in roots or pin.by
