"""Reading two versions at once: cells that both files begin or end with, byte for byte, are counted and not parsed.

Most versions differ in a few cells, and most of a large file is outputs: then what is left to parse is small. It
works for the layout that notebooks are written in (`nbformat`, JupyterLab, VS Code: one space for each level); any
other file, or one with something out of order in the common part, is read whole. Cells that were not parsed stand in
the documents as `UNREAD`: equal to each other and to nothing else. So the result serves for telling what differs, not
for writing a notebook, a page or a patch with digests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nb2flow.diff.document import SMALL, Document, document, parse, reads
from nb2flow.errors import NotebookError
from nb2flow.integers import holds_long_integers

if TYPE_CHECKING:
    from nb2flow.diff.lifting import Lifted, Stretch

UNREAD: dict[str, Any] = {"cell_type": "raw", "source": ""}
_UNREAD_WITH_ID = {**UNREAD, "id": "unread"}

_OPENING = b'{\n "cells": ['
_FIRST = b"\n  {\n   "
_BETWEEN = b"\n  },\n  {\n   "  # no text of a JSON string can look like this: line ends are escaped in those
_LAST = b"\n  }\n ]"
_END_OF_CELL = len(b"\n  }")
_COMMA = len(b",")
_STEP = 1 << 15
_FIRST_STEP = 1 << 11
_NEAR = 4  # cells before and after the place where the same cell is looked for


class _Common(NamedTuple):
    """What is shared, in bytes: cells before `start`, cells after `stop` (from the end of the list of cells), and how
    many cells these are and how many of them have ids."""

    start: int
    stop: int
    head: int
    tail: int
    ids_before: int
    ids_after: int


class _Parser(NamedTuple):
    """How what is not common is parsed."""

    exact: bool
    once: bool


_NOTHING = _Common(len(_OPENING), 0, 0, 0, 0, 0)


def reads_both(
    first: bytes,
    second: bytes,
    names: tuple[str, str],
    *,
    exact: bool = False,
    once: bool = False,
    lifted: Lifted | None = None,
) -> tuple[Document, Document]:
    """Two versions from their files' bytes. Raises `NotebookError` as `reads` does; `exact` and `once` are as there.

    With `lifted`, long texts of outputs have stand-ins, for who puts them back into what is written.
    """
    ends = [_end_of_cells(data) for data in (first, second)]
    if min(ends) > 0:
        common = _common(first, second, ends[0], ends[1])
        if common is not None or lifted is not None:
            try:
                return _rest(first, second, ends, common or _NOTHING, names, _Parser(exact, once), lifted)
            except NotebookError:
                pass  # the whole file tells what is wrong and where
    options = _Parser(exact, once)._asdict()
    return reads(first, names[0], **options), reads(second, names[1], **options)


def _end_of_cells(data: bytes) -> int:
    """Where the last cell has its closing brace's end; -1 for a file in another layout."""
    if not data.startswith(_OPENING + _FIRST):
        return -1
    found = data.rfind(_LAST)
    return found + _END_OF_CELL if found > 0 else -1


def _common(a: bytes, b: bytes, end_a: int, end_b: int) -> _Common | None:
    """The cells that both begin and end with; None when there are none, or not all of them are plain."""
    most = min(end_a, end_b)
    same = _common_start(a, b, most)
    border = a.rfind(_BETWEEN, 0, same)
    start = border + _END_OF_CELL + _COMMA if border > 0 else len(_OPENING)
    tail_start = -1
    if same < most:  # otherwise all cells of one are the first cells of the other, and the last ones need no search
        reach = _common_end(a, b, end_a, end_b, most - max(border, len(_OPENING)))
        tail_start = a.find(_BETWEEN, end_a - reach, end_a)
    head = _plain_cells(a, 0, border) if border > 0 else (0, 0)
    tail = _plain_cells(a, tail_start, end_a) if tail_start > 0 else (0, 0)
    if head is None or tail is None or not (head[0] or tail[0]):
        return None
    stop = end_a - tail_start - _END_OF_CELL if tail_start > 0 else 0
    if (start + stop) * 4 < most:  # cutting the rest out would cost more than it saves
        return None
    return _Common(start, stop, head[0], tail[0], head[1], tail[1])


def _plain_cells(data: bytes, start: int, stop: int) -> tuple[int, int] | None:
    """How many cells there are in a stretch and how many have ids; None when some lack what a cell has."""

    def count(key: bytes) -> int:
        return data.count(b'\n   "' + key, start, stop)

    cells = data.count(_BETWEEN, start, stop) + (start == 0)
    if cells != count(b'cell_type": "') or cells != count(b'source": ') or cells != count(b'metadata": {'):
        return None
    return (cells, count(b'id": "')) if count(b'cell_type": "code"') == count(b'outputs": [') else None


def _rest(
    first: bytes,
    second: bytes,
    ends: list[int],
    common: _Common,
    names: tuple[str, str],
    parser: _Parser,
    lifted: Lifted | None,
) -> tuple[Document, Document]:
    """Both versions, with what is not common parsed."""
    a, b = ((data, common.start, end - common.stop) for data, end in zip((first, second), ends, strict=True))
    if lifted is not None:
        a, b = lifted.shorten(a, b, names)
    cells_a, cells_b = _cells(*a), _cells(*b)
    read_a = _read(a, cells_a, {}, parser)
    read_b = _read(b, cells_b, {j: read_a[i] for j, i in _twins(a[0], cells_a, b[0], cells_b)}, parser)
    documents = []
    for data, end, cells, name in zip((first, second), ends, (read_a, read_b), names, strict=True):
        notebook = parse(_OPENING + data[end:], name, **parser._asdict())
        notebook["cells"] = [*_unread(common.head, common.ids_before), *cells, *_unread(common.tail, common.ids_after)]
        documents.append(document(notebook, name))
    return documents[0], documents[1]


def _cells(data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    """Where cells begin and end in a stretch of them."""
    places: list[tuple[int, int]] = []
    if start >= stop:
        return places
    while (border := data.find(_BETWEEN, start, stop)) >= 0:
        places.append((start, border + _END_OF_CELL))
        start = border + _END_OF_CELL + _COMMA
    return [*places, (start, stop)]


def _twins(
    first: bytes, cells_a: list[tuple[int, int]], second: bytes, cells_b: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Cells of the second file, each with one of the first that is the same, byte for byte, and nearby."""
    shift = least = 0
    n = len(cells_a)
    for j, (other, other_stop) in enumerate(cells_b):
        size = other_stop - other
        for i in range(max(least, j + shift - _NEAR), min(n, j + shift + _NEAR + 1)):
            start, stop = cells_a[i]
            if stop - start == size and first[start:stop] == second[other:other_stop]:
                yield j, i
                shift, least = i - j, i + 1
                break


def _read(
    stretch: Stretch, cells: list[tuple[int, int]], known: dict[int, dict[str, Any]], parser: _Parser
) -> list[dict[str, Any]]:
    """The cells of one file, parsed one by one, but for those that are known."""
    load = _loader(stretch, parser)
    view = memoryview(stretch[0])
    read: list[dict[str, Any]] = []
    try:
        for k, (start, stop) in enumerate(cells):
            cell = known[k] if k in known else load(view[start:stop])
            if type(cell) is not dict or "cell_type" not in cell:
                raise NotebookError("this is no cell")
            read.append(cell)
    except (ValueError, RecursionError):
        raise NotebookError("these are no cells") from None
    return read


def _loader(stretch: Stretch, parser: _Parser) -> Callable[[memoryview], Any]:
    """What parses cells: the fast parser, unless there are integers that are too long for it, or little to parse."""
    small = parser.once and stretch[2] - stretch[1] <= SMALL
    if (small or parser.exact) and (parser.exact if holds_long_integers(*stretch) else small):
        return _loads_slowly
    import orjson  # see `document.parse`

    return orjson.loads


def _loads_slowly(data: memoryview) -> Any:
    return json.loads(str(data, "utf-8"))


def _unread(cells: int, ids: int) -> list[dict[str, Any]]:
    return [_UNREAD_WITH_ID] * ids + [UNREAD] * (cells - ids)


def _common_start(a: bytes, b: bytes, most: int) -> int:
    """How many bytes two files have in common at the start, at most so many."""
    low, step = 0, _FIRST_STEP
    while low < most and a[low : low + step] == b[low : low + step]:
        low, step = low + step, min(2 * step, _STEP)
    high = min(low + step, most)
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return min(low, most)


def _common_end(a: bytes, b: bytes, end_a: int, end_b: int, most: int) -> int:
    """The same before two places, seen backwards."""
    low = 0
    while (
        low < most
        and a[end_a - low - min(_STEP, most - low) : end_a - low]
        == (b[end_b - low - min(_STEP, most - low) : end_b - low])
    ):
        low += min(_STEP, most - low)
    high = min(low + _STEP, most)
    while low < high:
        middle = (low + high + 1) // 2
        if a[end_a - middle : end_a - low] == b[end_b - middle : end_b - low]:
            low = middle
        else:
            high = middle - 1
    return low
