"""Why a variable cannot be carried, in words that name the variable, the part of it that is to blame, and a way out."""

from __future__ import annotations

from collections import deque
from typing import Any, Iterator

from .faults import CannotCarry, UncarryableError
from .preview import type_name

MOST_PARTS = 20_000  # looked at in search of the part to blame
HINT = "Keep the cells that use it in one step, or recreate it in the step that needs it."


def unpicklable(name: str, value: Any, culprit: Any, error: BaseException) -> dict[str, str]:
    """The problem of a variable that pickle refuses."""
    reason = str(error)
    if isinstance(error, RecursionError):
        return _problem(name, "unpicklable", value, "it is nested too deeply to be saved")
    if not isinstance(error, UncarryableError):
        reason = f"cannot be saved ({reason or type(error).__name__})"
    if culprit is None or culprit is value:
        return _problem(name, "unpicklable", value, f"it {reason}")
    path = part_of(name, value, culprit)
    where = f"its part {path}" if path else "a part of it"
    return _problem(name, "unpicklable", value, f"{where} ({type_name(culprit)}) {reason}")


def unloadable(name: str, value: Any, error: BaseException) -> dict[str, str]:
    """The problem of a variable that is saved without complaint and cannot be loaded."""
    return _problem(name, "unloadable", value, f"it can be saved but not loaded again ({_short(error)})")


def cannot_carry(step: str, problems: list[dict[str, str]]) -> CannotCarry:
    """The exception for all problems of a step."""
    lines = ["'{name}' ({type}): {error}.".format(**problem) for problem in problems]
    if len(lines) == 1:
        return CannotCarry(f"step '{step}' cannot hand on {lines[0]} {HINT}", problems)
    head = f"step '{step}' cannot hand on {len(lines)} variables:"
    return CannotCarry("\n".join([head, *("  " + line for line in lines), HINT.replace(" it ", " them ", 1)]), problems)


def _problem(name: str, kind: str, value: Any, error: str) -> dict[str, str]:
    return {"name": name, "kind": kind, "type": type_name(value), "error": error}


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]


def part_of(name: str, value: Any, culprit: Any) -> str:
    """Where `culprit` is within `value`, as an expression such as `model.layers[2].lock`; empty when not found."""
    waiting = deque([(name, value)])
    seen = {id(value)}
    while waiting and len(seen) < MOST_PARTS:
        path, thing = waiting.popleft()
        for suffix, part in _parts(thing):
            if part is culprit:
                return path + suffix
            if id(part) not in seen and type(part) not in (str, bytes, int, float, bool, type(None)):
                seen.add(id(part))
                waiting.append((path + suffix, part))
    return ""


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    kind = type(thing)
    if kind is dict:
        for key, item in list(thing.items()):
            yield f"[{key!r}]" if type(key) in (str, int, float, bool, bytes) else f"[{type_name(key)}]", item
    elif kind in (list, tuple):
        for index, item in enumerate(thing):
            yield f"[{index}]", item
    elif kind in (set, frozenset):
        for item in list(thing):
            yield "{…}", item
    elif not isinstance(thing, type):
        yield from _attributes(thing)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Attributes that are stored, without running properties or `__getattr__`."""
    try:
        own = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        own = {}
    for key, item in list(own.items()):
        yield f".{key}", item
    for base in type(thing).__mro__:
        slots = vars(base).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else tuple(slots):
            try:
                yield f".{slot}", object.__getattribute__(thing, slot)
            except AttributeError:
                continue
    if type(thing).__name__ == "function" and callable(thing):
        yield from _closed_over(thing)
    if type(thing).__name__ in ("method", "builtin_function_or_method", "partial"):
        for attribute in ("__self__", "func", "args", "keywords"):
            part = getattr(thing, attribute, None)
            if part is not None:
                yield f".{attribute}", part


def _closed_over(function: Any) -> Iterator[tuple[str, Any]]:
    code = getattr(function, "__code__", None)
    for free, closed in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or ()):
        yield f".<{free}>", closed
        try:
            yield f".<{free}>", closed.cell_contents
        except ValueError:
            continue
