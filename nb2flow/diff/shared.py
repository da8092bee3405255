"""Reading two versions at once: cells that both files begin or end with, byte for byte, are counted and not parsed.

Most versions differ in a few cells, and most of a large file is outputs: then what is left to parse is small. It
works where both are written alike, one member a line (`spacing.py`); any other file, or one with something out of order
in the common part, is read whole. Cells that were not parsed stand in
the documents as `UNREAD`: equal to each other and to nothing else. So the result serves for telling what differs, not
for writing a notebook, a page or a patch with digests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nb2flow.diff.common import common_end, common_start
from nb2flow.diff.document import SMALL, Document, document, parse, reads
from nb2flow.diff.members import parse_objects
from nb2flow.diff.spacing import Place, Spacing, place_of_cells
from nb2flow.errors import NotebookError
from nb2flow.integers import holds_long_integers

if TYPE_CHECKING:
    from nb2flow.diff.lifting import Lifted
    from nb2flow.diff.long_texts import Stretch

UNREAD: dict[str, Any] = {"cell_type": "raw", "source": ""}
_UNREAD_WITH_ID = {**UNREAD, "id": "unread"}

_NEAR = 4  # cells before and after the place where the same cell is looked for
_LARGE = 1 << 11
_MUCH = 6  # times what is long: below it parsing all takes no longer than looking for what need not be


class _Common(NamedTuple):
    """What is shared, in bytes: the first cells, the last cells, and how many cells these are and how many of them have
    ids."""

    before: int
    after: int
    head: int
    tail: int
    ids_before: int
    ids_after: int


class _Parser(NamedTuple):
    """How what is not common is parsed."""

    exact: bool
    once: bool


_NOTHING = _Common(0, 0, 0, 0, 0, 0)


def reads_both(
    first: bytes,
    second: bytes,
    names: tuple[str, str],
    *,
    exact: bool = False,
    once: bool = False,
    lifted: Lifted | None = None,
    whole: bool = False,
    large: int = SMALL,
) -> tuple[Document, Document]:
    """Two versions from their files' bytes. Raises `NotebookError` as `reads` does; `exact` and `once` are as there.

    With `lifted`, long texts of outputs have stand-ins, for who puts them back into what is written. With `whole`, no
    cell is left unread. Cells that are the same are the same objects, if both files have more than `large` bytes.
    """
    a, b = place_of_cells(first), place_of_cells(second)
    if a is not None and b is not None and a.spacing == b.spacing:
        common = None if whole else _common(first, second, a, b)
        worth = min(len(first), len(second)) > large or lifted is not None
        if common is not None or worth:
            try:
                return _rest((first, second), (a, b), common or _NOTHING, names, _Parser(exact, once), lifted)
            except NotebookError:
                pass  # the whole file tells what is wrong and where
    options = _Parser(exact, once)._asdict()
    return reads(first, names[0], **options), reads(second, names[1], **options)


def _common(first: bytes, second: bytes, a: Place, b: Place) -> _Common | None:
    """The cells that both begin and end with; None when there are none, or not all of them are plain."""
    spacing = a.spacing
    most = min(a.stop - a.start, b.stop - b.start)
    same = common_start(first, second, a.start, b.start, most)
    border = first.rfind(spacing.between, a.start, a.start + same)
    before = border + spacing.gap - a.start if border > 0 else 0
    tail_start = -1
    if same < most:  # otherwise all cells of one are the first cells of the other, and the last ones need no search
        reach = common_end(first, second, a.stop, b.stop, most - before)
        tail_start = first.find(spacing.between, a.stop - reach, a.stop)
    head = _plain_cells(spacing, first, a.start, border) if border > 0 else (0, 0)
    tail = _plain_cells(spacing, first, tail_start + spacing.gap, a.stop) if tail_start > 0 else (0, 0)
    if head is None or tail is None or not (head[0] or tail[0]):
        return None
    after = a.stop - tail_start - spacing.closing if tail_start > 0 else 0
    if (before + after) * 4 < most:  # cutting the rest out would cost more than it saves
        return None
    return _Common(before, after, head[0], tail[0], head[1], tail[1])


def _plain_cells(spacing: Spacing, data: bytes, start: int, stop: int) -> tuple[int, int] | None:
    """How many cells there are in a stretch and how many have ids; None when some lack what a cell has."""

    def count(key: bytes) -> int:
        return data.count(spacing.member + key, start, stop)

    places = spacing.cells(data, start, stop)
    cells = len(places)
    if spacing.worksheets or stop - start > cells * _LARGE:
        ids = 0
        for place in places:
            plain = _plain(spacing, data, *place)
            if plain is None:
                return None
            ids += plain
        return cells, ids
    # for many cells counting is quicker than looking at each
    if cells == count(b'cell_type": "') == count(b'source": ') == count(b'metadata": {'):
        return (cells, count(b'id": "')) if count(b'cell_type": "code"') == count(b'outputs": [') else None
    return None


def _plain(spacing: Spacing, data: bytes, start: int, stop: int) -> bool | None:
    """Whether one cell has an id; None if it lacks what a cell has. Outputs, which are most of a large one, are not
    looked through where its members stand in the order of their names."""
    member, find = spacing.member, data.find
    kind = find(member + b'cell_type": "', start, stop)
    code = data.startswith(b'code"', kind + len(member) + len(b'cell_type": "'))
    outputs = find(member + b'outputs": [', start, stop) if code else stop
    text = member + (b'input": ' if spacing.worksheets and code else b'source": ')
    source = find(text, start, outputs) if outputs >= 0 else -1
    if source < 0:
        source = data.rfind(text, max(outputs, start), stop)
    if min(kind, outputs, source) < 0:
        return None
    if spacing.worksheets:
        return False
    if find(member + b'metadata": {', start, outputs) < 0 and find(member + b'metadata": {', outputs, stop) < 0:
        return None
    identity = member + b'id": "'
    return find(identity, start, outputs) >= 0 or find(identity, max(source, outputs), stop) >= 0


def _rest(
    files: tuple[bytes, bytes],
    places: tuple[Place, Place],
    common: _Common,
    names: tuple[str, str],
    parser: _Parser,
    lifted: Lifted | None,
) -> tuple[Document, Document]:
    """Both versions, with what is not common parsed."""
    spacing = places[0].spacing
    a, b = (
        (data, place.start + common.before, place.stop - common.after)
        for data, place in zip(files, places, strict=True)
    )
    if lifted is not None and max(a[2] - a[1], b[2] - b[1]) >= _MUCH * lifted.long:
        read_a, read_b = _both(spacing, *lifted.shorten(a, b, names, spacing), parser)
        if lifted.misplaced(read_a, read_b):
            read_a, read_b = _both(spacing, *lifted.shorten(a, b, names, spacing, lists=False), parser)
    else:
        read_a, read_b = _both(spacing, a, b, parser)
    notebooks = _outside(files, places, names, parser, lifted)
    documents = []
    for notebook, cells, name in zip(notebooks, (read_a, read_b), names, strict=True):
        found = [*_unread(common.head, common.ids_before), *cells, *_unread(common.tail, common.ids_after)]
        documents.append(document(_filled(notebook, found, spacing.worksheets), name))
    return documents[0], documents[1]


def _outside(
    files: tuple[bytes, bytes],
    places: tuple[Place, Place],
    names: tuple[str, str],
    parser: _Parser,
    lifted: Lifted | None,
) -> tuple[Any, Any]:
    """Both notebooks with empty lists of cells; for an edit script, without what both have of their metadata."""
    (first, second), (a, b) = files, places
    x, y = (first, a.stop, len(first)), (second, b.stop, len(second))
    if lifted is not None and max(x[2] - x[1], y[2] - y[1]) >= lifted.long:
        same = _same_around(files, places, names[0], parser)
        if same is not None:
            return same
        x, y = lifted.without_arrays(x, y, names)
    data, other = _joined((first, 0, a.start), x), _joined((second, 0, b.start), y)
    size = max(len(data), len(other))
    if lifted is not None and size >= lifted.long:
        try:
            if _mostly_same(x, y):
                return _parts(data, other, a.spacing.unit, parser)
            if size >= (SMALL if lifted.once else _MUCH * lifted.long):
                return _differing(data, other, parser, lifted)
        except (ValueError, RecursionError):
            pass  # written in another way, or no JSON: then it is told in what follows
    notebook = parse(data, names[0], **parser._asdict())
    return notebook, notebook if data == other else parse(other, names[1], **parser._asdict())


def _joined(first: Stretch, second: Stretch) -> bytes:
    return b"".join(memoryview(data)[start:stop] for data, start, stop in (first, second))


def _mostly_same(first: Stretch, second: Stretch) -> bool:
    """Whether two stretches are the same for most of their length, at the start and the end."""
    least, most = sorted((first[2] - first[1], second[2] - second[1]))
    if 2 * least < most:
        return False
    same = common_start(first[0], second[0], first[1], second[1], least)
    return 2 * (same + common_end(first[0], second[0], first[2], second[2], least - same)) >= most


def _parts(first: bytes, second: bytes, unit: bytes, parser: _Parser) -> tuple[Any, Any]:
    opening, closing = b'\n%s"metadata": {\n' % unit, b"\n%s}" % unit
    notebooks, objects = [], []
    for data in (first, second):
        found = data.index(opening) + len(opening) - len(b"{\n")
        stop = data.index(closing, found) + len(closing)
        objects.append(data[found:stop])
        notebooks.append(parse(b"%s{}%s" % (data[:found], data[stop:]), "", **parser._asdict()))
    metadata = parse_objects(
        objects[0], objects[1], unit, 2, lambda data: _loader((data, 0, len(data)), parser)(memoryview(data))
    )
    a, b = ({**notebook, "metadata": its} for notebook, its in zip(notebooks, metadata, strict=True))
    return a, b


def _differing(first: bytes, second: bytes, parser: _Parser, lifted: Lifted) -> tuple[Any, Any]:
    from nb2flow.diff.around import Readers, parse_differing  # importing one more parser takes its time

    def loads(part: bytes) -> Any:
        return _loader((part, 0, len(part)), parser)(memoryview(part))

    return parse_differing(first, second, Readers(loads, lifted.kept))


def _both(spacing: Spacing, a: Stretch, b: Stretch, parser: _Parser) -> tuple[list[Any], list[Any]]:
    """The cells of two stretches; those that are the same, byte for byte, are the same objects."""
    cells_a, cells_b = spacing.cells(*a), spacing.cells(*b)
    read_a = _read(a, cells_a, {}, parser)
    return read_a, _read(b, cells_b, {j: read_a[i] for j, i in _twins(a[0], cells_a, b[0], cells_b)}, parser)


def _same_around(
    files: tuple[bytes, bytes], places: tuple[Place, Place], name: str, parser: _Parser
) -> tuple[Any, Any] | None:
    """Both notebooks without their cells and, as that is the same in both, without metadata; None if it is not."""
    (first, second), (a, b) = files, places
    size, unit = len(first) - a.stop, a.spacing.unit
    if len(second) - b.stop != size or first[: a.start] != second[: b.start]:
        return None
    if common_start(first, second, a.stop, b.stop, size) < size:
        return None
    start, stop = first.find(b'\n%s"metadata": {\n' % unit, a.stop), first.rfind(b"\n%s}" % unit, a.stop)
    if start < 0 or any(first.find(b'\n%s"%s": ' % (unit, key), stop) < 0 for key in (b"nbformat", b"nbformat_minor")):
        return None
    rest = first[: a.start] + first[a.stop : start] + b'\n%s"metadata": {' % unit + first[stop:]
    notebook = parse(rest, name, **parser._asdict())
    return notebook, notebook


def _filled(notebook: Any, cells: list[Any], worksheets: bool) -> dict[str, Any]:
    """A notebook with these cells in the place of its empty list of cells."""
    sheets = notebook.get("worksheets")
    if worksheets and "cells" not in notebook and isinstance(sheets, list) and len(sheets) == 1:
        if isinstance(sheets[0], dict) and sheets[0].get("cells") == []:
            return {**notebook, "worksheets": [{**sheets[0], "cells": cells}]}
    elif not worksheets and notebook.get("cells") == []:
        return {**notebook, "cells": cells}
    raise NotebookError("there are several lists of cells")


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
