"""Parameters given for a run, bound to the types of their defaults.

Pure. Text (from `-p name=value`) is read by the default's type; values from a file keep their types but must fit. What
comes out are plain JSON values, the only ones that papermill writes into a notebook faithfully.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nb2flow.errors import UsageError
from nb2flow.flow.model import Parameter
from nb2flow.notebook.names import nearest
from nb2flow.plan.plain_values import Unclear, UnclearError, from_json, from_yaml

_SWITCHES = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


def bind(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, typed; only those that were given, in the order of the notebook's parameters.

    Raises UsageError for a name that is no parameter and for a value that does not fit its default's type.
    """
    known = {p.name: p for p in parameters}
    for name in given:
        if name not in known:
            _unknown(name, list(known))
    return {name: _bound(parameter, given[name]) for name, parameter in known.items() if name in given}


def default_text(parameter: Parameter) -> str:
    """The parameter's default as the text that stands for it where only text can be given: `bind_texts` knows it again.

    A default that is no plain value, such as a call, is told by its source.
    """
    if isinstance(parameter.default, str):
        return parameter.default
    if parameter.type == "any":
        return parameter.source.strip()
    return json.dumps(parameter.default, ensure_ascii=False)


def bind_texts(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """As `bind`, for an engine that always gives each parameter a text: one that says the default leaves it alone, so
    that the notebook's own value holds (which may be none that JSON knows, such as a tuple)."""
    defaults = {p.name: default_text(p) for p in parameters}
    return bind(parameters, {name: text for name, text in given.items() if defaults.get(name) != text})


def _unknown(name: str, known: list[str]) -> None:
    near = nearest(name, known)
    if near:
        hint = f"did you mean {near!r}?"
    elif known:
        hint = "the parameters are " + ", ".join(known)
    else:
        hint = "the notebook has no parameters: tag a cell `parameters`"
    raise UsageError(f"there is no parameter {name!r}", hint=hint)


def _bound(parameter: Parameter, value: Any) -> Any:
    try:
        bound = _READERS[parameter.type](value)
        _check_plain(bound)
    except ValueError as error:
        source = " ".join(parameter.source.split())
        about = f"parameter {parameter.name!r}: {error}"
        hint = f"its default is {source[:80]}" if source else ""
        raise UsageError(about, hint=hint) from error
    return bound


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Unclear):
        raise ValueError(value.why())
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise ValueError(f"{_shown(value)} is not a whole number")


def _float(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError(f"{_shown(value)} is not a number")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _SWITCHES:
        return _SWITCHES[value.strip().lower()]
    raise ValueError(f"{_shown(value)} is neither true nor false")


def _str(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise ValueError(f"{_shown(value)} is not text (in a file, put it in quotes)")


def _list(value: Any) -> list[Any]:
    found = _structure(value) if isinstance(value, str) else value
    if not isinstance(found, list):
        raise ValueError(f"{_shown(value)} is not a list (write it as JSON, such as [1, 2])")
    return found


def _dict(value: Any) -> dict[str, Any]:
    found = _structure(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError(f'{_shown(value)} is not a mapping (write it as JSON, such as {{"a": 1}})')
    return found


def _any(value: Any) -> Any:
    """Text as a YAML value, where that is a plain one; otherwise the text itself."""
    if not isinstance(value, str):
        return value
    try:
        found = _structure(value)
        if not isinstance(found, list | dict):
            _check_plain(found)
    except ValueError:
        return value
    return found


def _structure(text: str) -> Any:
    """JSON, or else YAML."""
    try:
        return from_json(text)
    except UnclearError:
        raise
    except (ValueError, RecursionError):
        pass
    try:
        return from_yaml(text)
    except UnclearError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_shown(text)} is neither JSON nor YAML") from error


def _check_plain(value: Any, depth: int = 0) -> None:
    """Only what JSON has: papermill would write anything else, or a key that is no text, as something different."""
    if depth > 50:
        raise ValueError("the value is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {_shown(key)} is not text (only text can be a key of a parameter)")
            if isinstance(key, Unclear):
                raise ValueError(key.why())
            _check_plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth + 1)
    elif isinstance(value, Unclear):
        raise ValueError(value.why())
    elif isinstance(value, str):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError("the text is not valid Unicode")
    elif value is not None and not isinstance(value, bool | int | float):
        raise ValueError(f"{_shown(value)} is of a kind that a parameter cannot have; put it in quotes")
    elif isinstance(value, float) and math.isnan(value) and depth:
        raise ValueError("NaN inside a list or mapping cannot be given as a parameter")


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": _str,
    "list": _list,
    "dict": _dict,
    "none": _any,
    "any": _any,
}
