"""Parameters' values on their way through JSON, which has no word for some floats. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def portable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bound values as JSON holds them: a float that JSON does not have (`nan`, `inf`) becomes `{"": "nan"}`."""
    return {name: _portable(value) for name, value in values.items()}


def restored(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `portable` was given."""
    return {name: _restored(value) for name, value in values.items()}


def _portable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"": repr(value)}
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if isinstance(value, dict):
        inner = portable(value)
        return {"": inner} if set(value) == {""} else inner
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {""}:
            return restored(value[""]) if isinstance(value[""], dict) else float(value[""])
        return restored(value)
    return value
