"""Lists by element: what a step that runs for each element loads, what it may leave, and how that is put together.

A list is saved whole and, where its elements share nothing with each other or with other variables, each in a list of
its own. What the instances collected is put together when it is loaded: lists one after the other, dicts as if all had
been written into one.
"""

from __future__ import annotations

import types
from typing import Any, Iterable, Mapping

from . import groups
from .session import Session
from .shell import namespace

MOST = 10_000  # elements; beyond that one kernel for each is no plan

_NO_DATA = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_KINDS = {"list": list, "dict": dict}


def split(name: str, value: Any, together: list[str]) -> tuple[list[groups.Group], str]:
    """Each element, in a list of its own, under the list's name; or why it cannot be divided."""
    if type(value) not in (list, tuple):
        return [], f"it is a {type(value).__name__} and no list"
    if len(value) > MOST:
        return [], f"it has {len(value)} elements, and one kernel for each is meant for {MOST} at most"
    if len(together) > 1:
        others = ", ".join(f"`{other}`" for other in together if other != name)
        return [], f"it shares objects with {others}"
    found, wrong = groups.pickle_groups({str(index): element for index, element in enumerate(value)})
    if wrong or any(len(group.names) > 1 for group in found):
        return [], "its elements share objects with each other"
    made = []
    for element in value:
        alone, wrong = groups.pickle_groups({name: [element]})
        if wrong:
            return [], "an element cannot be saved by itself"
        made.extend(alone)
    return made, ""


def variables() -> dict[str, Any]:
    """The variables that there are now, but modules, functions and classes, which no instance has for itself."""
    return {
        name: value
        for name, value in namespace().items()
        if not name.startswith("_") and not isinstance(value, _NO_DATA) and name not in ("In", "Out")
    }


def not_gathered(session: Session, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """What an instance cannot leave: something else than what it collects, or what shares objects with its inputs."""
    kinds: dict[str, str] = (session.element or {}).get("gathers", {})
    problems = []
    for name, value in values.items():
        if type(value) is not _KINDS.get(kinds.get(name, "")):
            problems.append(
                _problem(name, value, "is not the {} that was begun".format(kinds.get(name, "list or dict")))
            )
    before = {f"{name} ": value for name, value in session.before.items()}  # no variable's name, but it tells which
    if problems or not before:
        return problems
    found, _ = groups.pickle_groups({**before, **values})
    for group in found:
        others = [name for name in group.names if name in before]
        for name in group.names:
            if others and name in values:
                error = f"shares objects with `{others[0].strip()}`, of which each instance has a copy: collect a copy"
                problems.append(_problem(name, values[name], error))
    return problems


def _problem(name: str, value: Any, error: str) -> dict[str, str]:
    return {"name": name, "kind": "unpicklable", "type": type(value).__name__, "error": error}


def put_together(kind: str, parts: Iterable[Any]) -> Any:
    """What all instances collected, in the order of the list."""
    if kind == "dict":
        whole: dict[Any, Any] = {}
        for part in parts:
            whole.update(part)
        return whole
    return [item for part in parts for item in part]
