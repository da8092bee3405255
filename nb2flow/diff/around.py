"""What two notebooks have around their cells, read no further than it differs.

The state of widgets in a notebook's metadata can be most of a file, and a version changes little of it. Members of the
metadata that both have, byte for byte, are left out of both; those that only the first has are named and not read; long
ones that only the second has are checked and stay as they are written. So the result serves for telling what differs
only.
Source of the form of widgets: https://ipywidgets.readthedocs.io/en/stable/embedding.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct, field

Objects = tuple[dict[str, Any], dict[str, Any]]

_SHORT = 1024
_DEEPEST = 8
_WIDGETS, _STATE = "widgets", "application/vnd.jupyter.widget-state+json"


class _Notebook(Struct, forbid_unknown_fields=True):
    metadata: dict[str, Raw]
    nbformat: Raw
    nbformat_minor: Raw
    cells: Raw


class _State(Struct, forbid_unknown_fields=True):
    state: dict[str, Raw]
    version_major: Raw
    version_minor: Raw


class _Widgets(Struct, forbid_unknown_fields=True):
    models: _State = field(name=_STATE)


class Readers(NamedTuple):
    """What makes a value of JSON that must be read, and of JSON, free of faults, that will only be written."""

    loads: Callable[[bytes], Any]
    keeps: Callable[[bytes], Any]


_members = msgspec.json.Decoder(dict[str, Raw])
_notebook, _widgets = msgspec.json.Decoder(_Notebook), msgspec.json.Decoder(_Widgets)


def parse_differing(first: bytes, second: bytes, read: Readers) -> Objects:
    """Two notebooks, given without their cells. Raises `ValueError` where one has other members than usual, or is no
    JSON."""
    old, new = _notebook.decode(first), _notebook.decode(second)
    metadata = _differing(old.metadata, new.metadata, read)
    a, b = (
        {name: read.loads(bytes(getattr(side, name))) for name in ("cells", "nbformat", "nbformat_minor")}
        for side in (old, new)
    )
    return {**a, "metadata": metadata[0]}, {**b, "metadata": metadata[1]}


def _differing(old: dict[str, Raw], new: dict[str, Raw], read: Readers, depth: int = 0, short: int = _SHORT) -> Objects:
    a: dict[str, Any] = {}
    b: dict[str, Any] = {}
    for key, value in old.items():
        other = new.get(key)
        if other is None:
            a[key] = None
        elif value != other:
            a[key], b[key] = _both(key, value, other, read, depth)
    for key, value in new.items():
        if key not in old:
            b[key] = read.loads(bytes(value)) if len(value) < short else _kept(value, read)
    return a, b


def _both(key: str, value: Raw, other: Raw, read: Readers, depth: int) -> tuple[Any, Any]:
    if len(value) + len(other) > _SHORT and depth < _DEEPEST and _is_object(value) and _is_object(other):
        if key == _WIDGETS and not depth:
            try:
                return _of_widgets(_widgets.decode(value).models, _widgets.decode(other).models, read)
            except msgspec.ValidationError:
                pass
        return _differing(_members.decode(value), _members.decode(other), read, depth + 1)
    return read.loads(bytes(value)), read.loads(bytes(other))


def _of_widgets(old: _State, new: _State, read: Readers) -> Objects:
    """The same in one go for what is as it usually is: there may be thousands of models, and reading goes through all
    of it once a level."""
    models = _differing(old.state, new.state, read, len((_WIDGETS, _STATE, "state")), short=0)
    a, b = (
        {
            "state": its,
            "version_major": read.loads(bytes(side.version_major)),
            "version_minor": read.loads(bytes(side.version_minor)),
        }
        for side, its in zip((old, new), models, strict=True)
    )
    return {_STATE: a}, {_STATE: b}


def _is_object(value: Raw) -> bool:
    return bytes(memoryview(value)[:1]) == b"{"


def _kept(value: Raw, read: Readers) -> Any:
    data = bytes(value)
    if not data.isascii():
        data.decode("utf-8")  # the rest of what JSON asks for was looked at on the way to it
    return read.keeps(data)
