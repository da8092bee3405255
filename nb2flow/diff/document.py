"""Reading notebooks for comparison: bytes in, a `Document` out, whatever state the file is in.

This file knows how damaged or old a notebook may be and hides it: everything behind it sees a list of cells with string
sources. It must not know what a difference is. What cannot be a notebook at all is refused with one sentence; what can
be read with a guess is read, and the guess is written down as a warning.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from nb2flow.diff.upgrade import upgrade_worksheets
from nb2flow.errors import NotebookError
from nb2flow.integers import holds_long_integers

SMALL = 1_250_000  # bytes that the standard library has parsed before the fast parser would even be imported
_MARKER = rb"(?m)^(<{7}|>{7}|\|{7}|={7})(\s.*)?$"


class Cell(NamedTuple):
    """One cell. `source` has `\\n` line ends only; `raw` is the object as the (upgraded) file has it."""

    number: int
    type: str
    source: str
    id: str | None
    raw: dict[str, Any]


_cell = tuple.__new__  # half of the time that the class takes to make one


class Document(NamedTuple):
    """One version of a notebook.

    `json` is the parsed file, untouched; `notebook` is the same object, or its version-4 form where the file is older;
    `carriage_returns` says whether any source had `\\r` in it (they are gone from `Cell.source`).
    """

    name: str
    json: Any
    notebook: dict[str, Any]
    cells: tuple[Cell, ...]
    format: tuple[int, int]
    warnings: tuple[str, ...]
    carriage_returns: bool

    @property
    def metadata(self) -> dict[str, Any]:
        """The notebook's metadata; empty when the file has none or something else in its place."""
        found = self.notebook.get("metadata")
        return found if isinstance(found, dict) else {}


def joined(value: Any) -> str:
    """A multi-line string as the format stores it (string, or list of strings) as one string."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        try:
            return "".join(value)
        except TypeError:
            return "".join(v if isinstance(v, str) else _dump(v) for v in value)
    return "" if value is None else _dump(value)


def metadata_of(cell: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a cell or an output; empty when there is none that can be read."""
    found = cell.get("metadata")
    return found if isinstance(found, dict) else {}


def empty(name: str) -> Document:
    """The notebook that is not there: what an added file is compared with."""
    nothing: dict[str, Any] = {}
    return Document(name, nothing, nothing, (), (0, 0), (), False)


def parse(data: bytes, name: str, *, exact: bool = True, once: bool = False) -> Any:
    """Any JSON value from a file's bytes; raises `NotebookError` with the place of the fault.

    Integers beyond 64 bits are kept exactly, unless that is not asked for: telling what differs does not need it.
    `once` is for a process that compares two versions and ends: a small file is not worth importing the fast parser.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = _recode(data, name)
    elif data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if once and len(data) <= SMALL and not holds_long_integers(data):
        return _parse_leniently(data, name)
    import orjson  # with what it imports, a fifth of the time that comparing two small files takes

    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _parse_leniently(data, name)
    return json.loads(data) if exact and holds_long_integers(data) else value


def reads(data: bytes, name: str, *, exact: bool = True, once: bool = False) -> Document:
    """A notebook from a file's bytes; an empty file is an empty notebook. Raises `NotebookError`."""
    if not data or data.isspace():
        return empty(name)._replace(warnings=("the file is empty",))
    return document(parse(data, name, exact=exact, once=once), name)


def document(value: Any, name: str) -> Document:
    """A notebook from parsed JSON. Raises `NotebookError` where it is no notebook."""
    if not isinstance(value, dict):
        raise NotebookError(
            f"{name} is JSON, but no notebook: it holds {_kind(value)} where a notebook is an object with cells",
            hint="give the path of an .ipynb file",
        )
    warnings: list[str] = []
    notebook: dict[str, Any] = value
    first = _is_first_version(value)
    version = (1, 0) if first else _version(value, warnings)
    if first:
        notebook = upgrade_worksheets(value)
    elif not isinstance(value.get("cells"), list):
        notebook = _without_cells(value, name, version, warnings)
    if "metadata" in value and not isinstance(value["metadata"], dict):
        warnings.append(f"the notebook's metadata is {_kind(value['metadata'])}, not an object: not compared in detail")
    cells, carriage_returns = _cells(notebook["cells"], warnings)
    return Document(name, value, notebook, cells, version, tuple(warnings), carriage_returns)


def _is_first_version(value: dict[str, Any]) -> bool:
    """Whether it has version 1's cells, `code` or `text` being their sources; that version did not say its number."""
    cells = value.get("cells")
    return (
        value.get("nbformat", 1) == 1
        and isinstance(cells, list)
        and len(cells) > 0
        and all(isinstance(c, dict) and "source" not in c and ("code" in c or "text" in c) for c in cells)
    )


def _without_cells(value: dict[str, Any], name: str, version: tuple[int, int], warnings: list[str]) -> dict[str, Any]:
    if isinstance(value.get("worksheets"), list) or (version[0] == 1 and "nbformat" in value):
        return upgrade_worksheets(value)
    if "nbformat" in value or "cells" in value:
        warnings.append("the notebook has no list of cells: read as having none")
        return {**value, "cells": []}
    raise NotebookError(
        f"{name} is JSON, but no notebook: it has neither cells nor nbformat", hint="give the path of an .ipynb file"
    )


def _cells(values: list[Any], warnings: list[str]) -> tuple[tuple[Cell, ...], bool]:
    """The cells, and whether any source had a carriage return. Most cells are in order and go the short way."""
    cells: list[Cell] = []
    carriage_returns = False
    for index, value in enumerate(values):
        if type(value) is not dict:
            warnings.append(f"cell {index + 1} is {_kind(value)}, not an object: shown as raw text")
            value = {"cell_type": "raw", "source": _dump(value)}
        get = value.get
        kind, source, identity = get("cell_type"), get("source", ""), get("id")
        if type(source) is list:
            try:
                source = "".join(source)
            except TypeError:
                source = joined(source)
        elif type(source) is not str:
            warnings.append(f"cell {index + 1} has {_kind(source)} as its source")
            source = joined(source)
        if "\r" in source:
            carriage_returns = True
            source = source.replace("\r\n", "\n").replace("\r", "\n")
        if kind == "code":
            if type(get("outputs")) is not list:
                said = "no outputs" if "outputs" not in value else f"{_kind(value['outputs'])} as its outputs"
                warnings.append(f"cell {index + 1} has {said}: read as an empty list")
        elif kind != "markdown" and kind != "raw":
            warnings.append(f"cell {index + 1} has the type {_dump(kind)}, which the notebook format does not know")
            kind = kind if isinstance(kind, str) else "unknown"
        cells.append(_cell(Cell, (index, kind, source, identity if type(identity) is str else None, value)))
    return tuple(cells), carriage_returns


def _version(value: dict[str, Any], warnings: list[str]) -> tuple[int, int]:
    major, minor = value.get("nbformat", 1 if "worksheets" not in value else 3), value.get("nbformat_minor", 0)
    if "nbformat" not in value and "cells" in value:
        warnings.append("the notebook does not say its format version: read as version 4")
        major = 4
    if isinstance(major, bool) or not isinstance(major, int) or isinstance(minor, bool) or not isinstance(minor, int):
        warnings.append(f"format version {_dump(major)}.{_dump(minor)} is not a pair of numbers: read as version 4")
        return 4, 0
    if major > 4:
        warnings.append(f"format version {major}.{minor} is newer than what is known here (4.5): read as version 4")
    return major, minor


def _parse_leniently(data: bytes, name: str) -> Any:
    """The standard library's parser knows NaN, lone surrogates and very deep nesting apart from plain faults."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise NotebookError(
            f"{name} is not UTF-8 text (byte {fault.start} is 0x{data[fault.start]:02x})",
            hint="is it a notebook, or a compressed or binary file?",
        ) from None
    try:
        return json.loads(text)
    except RecursionError:
        raise NotebookError(f"{name} is nested too deeply to be a notebook") from None
    except ValueError as fault:
        marker = re.search(_MARKER, data)
        if marker is not None:
            line = data.count(b"\n", 0, marker.start()) + 1
            raise NotebookError(
                f"{name} has git's conflict markers in it (line {line}), so it is no JSON any more",
                hint="merge it again with `nb2flow merge BASE LOCAL REMOTE`, or `nb2flow git enable` before merging",
            ) from None
        if isinstance(fault, json.JSONDecodeError):
            cut = fault.pos >= len(text.rstrip()) or fault.msg.startswith("Unterminated string")
            what = "the file ends in the middle" if cut else fault.msg
            raise NotebookError(f"{name} is no JSON: {what} (line {fault.lineno}, column {fault.colno})") from None
        raise NotebookError(f"{name} is no JSON that can be read: {fault}") from None


def _recode(data: bytes, name: str) -> bytes:
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError:
        raise NotebookError(f"{name} starts like UTF-16 text, but is not") from None


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
