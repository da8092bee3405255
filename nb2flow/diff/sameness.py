"""Whether two JSON values are the same, as JSON sees it. Python's `==` takes 1, 1.0 and true for one value."""

from __future__ import annotations

from typing import Any

_TEXT = {str}


def same(a: Any, b: Any) -> bool:
    """Whether two JSON values are the same: 1, 1.0 and true are three values; the order of members does not matter."""
    return a is b or (bool(a == b) and _same_types(a, b))


def _same_types(a: Any, b: Any) -> bool:
    """Whether equal values have equal types all through. Equal strings do: texts and lists of lines are passed by."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is dict:
        for key, value in a.items():
            if type(value) is not str and value and not _same_types(value, b[key]):
                return False
            if not value and type(value) is not type(b[key]):
                return False
    elif kind is list and a and set(map(type, a)) != _TEXT:
        for x, y in zip(a, b, strict=True):
            if not _same_types(x, y):
                return False
    return True
