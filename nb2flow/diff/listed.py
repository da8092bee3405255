"""Long lists in a notebook's bytes: where they are, and the text of a list of lines without parsing it.

A list of lines is written one line each, so the text is what is left when what stands between two lines is taken out.
Only the layout of `shared.py` is known, and only the place of a list in the indentation: whether it is what it looks
like is to be seen in what is parsed around it (`texts_of_outputs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from nb2flow.diff.document import parse
from nb2flow.diff.spacing import Spacing

_IMAGES = tuple(b'      "image/%s": [' % kind for kind in (b"svg+xml", b"png", b"jpeg", b"gif"))
_TEXTS = tuple(b'      "%s": [' % kind for kind in (b"text/html", b"text/plain", b"application/javascript"))
_OPENINGS = (*_IMAGES, *_TEXTS, b'     "text": [')
_OPENED = b"[\n"
_MEMBER = b'": [\n'
_NUMBERS = re.compile(rb" *[-0-9\[\]]")
_LINES = (b'      "', b'       "')  # in a stream, in a result
_END = b"\n%s]"
_FIRST, _BETWEEN, _LAST = b'\n%s"', b'",\n%s"', b'"\n%s'
_ESCAPED_END = b'\\",\n'  # a text that ends in a backslash, or no JSON
_NO_NUMBERS = (b"N", b"I")  # NaN and Infinity, which are no JSON
_UNIT = b" "
_WIDEST = 64
_WINDOW = 1 << 13
_RESULTS = ("execute_result", "display_data")


def long_lists(data: bytes, start: int, stop: int, long: int) -> Iterator[tuple[int, int, bool]]:
    """Where lists of lines begin and end, without their brackets, and whether each is an image.

    A long list is met by looking at a line from time to time.
    """
    place = start + long
    while place < stop:
        line = data.rfind(b"\n", start, place) + 1
        if line and data.startswith(_LINES, line):
            first = data.rfind(_OPENED, start, line)
            opening = _opening(data, data.rfind(b"\n", start, first) + 1) if first > 0 else None
            if opening is not None:
                first += len(b"[")
                end = _END % (_UNIT * _depth(opening))
                last = data.find(end, first, stop)
                if last < 0:
                    return
                if last - first >= long:
                    yield first, last + len(end) - len(b"]"), opening in _IMAGES
                place = max(place, last)
        place += long


def long_arrays(data: bytes, start: int, stop: int, long: int) -> Iterator[tuple[int, int]]:
    """Where lists of numbers, or of such lists, begin and end, with their brackets; most are met.

    There is no quote among numbers: those around one of them are those of the list's name and of what follows.
    """
    place = start + long
    while place < stop:
        line = data.rfind(b"\n", start, place) + 1
        if line and _NUMBERS.match(data, line):
            member = data.rfind(b'"', start, line)
            opening = data.rfind(b"\n", start, member) + 1 if data.startswith(_MEMBER, member) else 0
            if member > 0 and opening:
                first = member + len(_MEMBER) - len(_OPENED)
                end = _END % (_UNIT * _depth(data[opening : opening + _WIDEST]))
                quote = data.find(b'"', place, stop)
                last = data.rfind(end, first, quote if quote >= 0 else stop)
                if last > place and last - first >= long:
                    if all(data.find(letter, first, last) < 0 for letter in _NO_NUMBERS):
                        yield first, last + len(end)
                    place = last
        place += long


def long_outputs(data: bytes, start: int, stop: int, spacing: Spacing, long: int) -> Iterator[tuple[int, int]]:
    """Where lists of outputs begin and end, with their brackets, in a stretch of cells."""
    inner = spacing.member[:-1]
    opening = b'%soutputs": [%s%s{' % (spacing.member, inner, spacing.unit)
    closing = b"%s%s}%s]" % (inner, spacing.unit, inner)
    while (start := _find(data, opening, start, stop)) >= 0:
        first = start + len(spacing.member) + len(b'outputs": ')
        end = _find(data, closing, first, stop)
        if end < 0:
            return
        start = end + len(closing)
        if start - first >= long:
            yield first, start


def _find(data: bytes, lines: bytes, start: int, stop: int) -> int:
    """Where lines, with the line end before them, stand in a stretch; long lines are passed by."""
    while start < stop:
        end = min(start + _WINDOW, stop)
        if data.find(b"\n", start, end) < 0:
            start = data.find(b"\n", end, stop)
            if start < 0:
                return -1
            continue
        place = data.find(lines, start, min(end + len(lines), stop))
        if place >= 0:
            return place
        start = end
    return -1


def _opening(data: bytes, line: int) -> bytes | None:
    return next((opening for opening in _OPENINGS if data.startswith(opening, line)), None)


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def text_inside(data: bytes, start: int, stop: int, step: int) -> list[bytes] | None:
    """The lines of a list, joined, as the inside of a JSON string, in pieces of about `step` bytes; None if it is
    another list, or no JSON at all."""
    depth = stop - data.rfind(b"\n", start, stop)  # one more than the bracket's
    indent = _UNIT * depth
    first, between, last = _FIRST % indent, _BETWEEN % indent, _LAST % indent[1:]
    if not data.startswith(first, start) or not data.endswith(last, start, stop):
        return None
    place, end = start + len(first), stop - len(last)
    pieces: list[bytes] = []
    while place <= end:
        border = data.find(between, place + step, end) if place + step < end else -1
        border = end if border < 0 else border
        lines = data[place:border]
        piece = lines.replace(between, b"")
        if _ESCAPED_END in lines or not _is_inside(piece):
            return None
        pieces.append(piece)
        place = border + len(between)
    return pieces


def _is_inside(piece: bytes) -> bool:
    try:
        orjson.loads(b'"%s"' % piece)
    except orjson.JSONDecodeError:
        return False
    return True


def value_of(data: bytes, start: int, stop: int) -> Any:
    """What such a list stands for: its lines joined, or itself where not all are strings. Raises `NotebookError`."""
    found = parse(b"[%s]" % data[start:stop], "a list")
    return "".join(found) if all(type(line) is str for line in found) else found


def texts_of_outputs(cells: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """The texts in all places where a list of lines counts as the joined text."""
    for cell in cells:
        outputs = cell.get("outputs")
        if cell.get("cell_type") != "code" or type(outputs) is not list:
            continue
        for output in outputs:
            if type(output) is not dict:
                continue
            kind, data = output.get("output_type"), output.get("data")
            if kind not in _RESULTS:
                if kind:
                    yield output.get("text")
            elif type(data) is dict:
                yield from data.values()
