"""Long texts in a notebook's bytes that stand on one line: where they are, and whether they can be lifted.

Images and single lines of outputs, in the layout of `shared.py`. A text is a stretch of a notebook's bytes; here they
are found, compared and checked, without making objects of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import orjson

from nb2flow.diff.common import common_start

_LINE = re.compile(rb' {5,}("[^"\\]{1,80}": )?"')  # in an output; sources stand further left
_OLD_IMAGE = re.compile(rb' {7,}"(?:png|jpeg)": "')
_OLD_END = re.compile(rb'",?\r?\Z')
_END = re.compile(rb'(\\n)?"(,?)\Z')
_IMAGES = (b"image/png", b"image/jpeg", b"image/gif")
_DRAWING = b"image/svg+xml"
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e"
_ALL_LINE_ENDS = f"{_LINE_ENDS}\x85\u2028\u2029"
_ENDS = 64
STEP = 1 << 14  # bytes that fit a processor's cache
_ESCAPE = len(rb"\u000")  # what may be before the last digit of one
_LONGEST_ESCAPE = len(rb"\ud83d\ude00")  # of one character
_SPELLINGS = (rb"\u", rb"\/")  # of what could be written in another way
_START = 64
_TELLING = 8
_MANY = 100
_WORTH = 4  # looking through so many bytes takes as long as reading one

Stretch = tuple[bytes, int, int]


class Stays(Enum):
    """What follows from a text that is not lifted: nothing, that no lines may be, or that nothing may be."""

    ALONE = 0
    WITH_LINES = 1
    WITH_ALL = 2


class Kind(Enum):
    """What a stretch is: the inside of a JSON string or of a list of lines, a whole list or any other value, or a list
    of a cell's outputs; `UNREAD` is a text that may be written otherwise than usual. The letter is in its stand-in."""

    TEXT = ""
    UNREAD = "U"
    LIST = "L"
    ARRAY = "A"
    OUTPUTS = "O"

    __hash__ = object.__hash__  # that of `Enum` is written in Python


class Text(NamedTuple):
    """A stretch of a notebook; `checked` says whether it was looked for what no JSON string may hold."""

    data: bytes
    start: int
    stop: int
    image: bool = False
    kind: Kind = Kind.TEXT
    checked: bool = False

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.stop - self.start

    @property
    def stretch(self) -> Stretch:
        """The stretch alone."""
        return self[:3]

    @property
    def ends(self) -> tuple[int, bytes, bytes]:
        """Its size, and how it begins and ends."""
        data, start, stop = self[:3]
        size = min(stop - start, _ENDS)
        return stop - start, data[start : start + size], data[stop - size : stop]

    def is_same(self, other: Text) -> bool:
        """Whether another text of this size has the same bytes, and stands for the same kind of value."""
        data, start, stop = self[:3]
        shift = other.start - start
        if data is other.data and not shift:
            return self.kind is other.kind
        return self.kind is other.kind and all(
            data[k : min(k + STEP, stop)] == other.data[k + shift : min(k + STEP, stop) + shift]
            for k in range(start, stop, STEP)
        )

    def surely_differs(self, other: Text) -> bool:
        """Whether it is another text, as can be seen where the bytes begin to differ: no escape is there, nor, in a
        list, the end of a line."""
        if self.kind is not other.kind or self is other:
            return False
        listed = self.kind is Kind.LIST
        if not listed and all(t.data.find(b"\\", t.start, t.stop) < 0 for t in (self, other)):
            return True  # without escapes a text is written in one way only
        most = min(self.stop - self.start, other.stop - other.start)
        k = common_start(self.data, other.data, self.start, other.start, most)
        if k == most:
            return False
        for data, start in ((self.data, self.start), (other.data, other.start)):
            near = data[start + max(0, k - _ESCAPE) : start + k + 1]
            if b"\\u" in near or b"\\" in near[-2:] or (listed and b'"' in near):
                return False
        return True


def long_texts(data: bytes, start: int, stop: int, long: int, step: int) -> tuple[list[Text], Stays]:
    """The texts in a stretch that can be lifted, and what follows from the others; read in steps of so many bytes."""
    found: list[Text] = []
    stays = Stays.ALONE
    for line, end in _long_lines(data, start, stop, long):
        text = _text(data, line, end, long, step)
        if isinstance(text, Text):
            found.append(text)
        else:
            stays = max(stays, text, key=lambda s: s.value)
    return found, stays


def long_images(data: bytes, start: int, stop: int, long: int) -> list[Text]:
    """The images in a stretch of a notebook of version 3, which gives them shorter names."""
    found: list[Text] = []
    for line, end in _long_lines(data, start, stop, long):
        opened = _OLD_IMAGE.match(data, line, end)
        closed = _OLD_END.search(data, max(end - len(b'",\r'), line), end)
        if opened is None or closed is None:
            continue
        first, last = opened.end(), closed.start()
        if last - first >= long and data.find(b'"', first, last) < 0 and data[last - 1 : last] != b"\\":
            found.append(Text(data, first, last, image=True, kind=Kind.UNREAD))
    return found


def _long_lines(data: bytes, start: int, stop: int, long: int) -> Iterator[tuple[int, int]]:
    """Where lines begin and end that are longer than that, and some that are not."""
    place = start
    while place < stop:
        end = data.rfind(b"\n", place, min(place + long, stop))
        if end < 0:  # a long line
            end = data.find(b"\n", place, stop)
            end = stop if end < 0 else end
            yield place, end
        place = end + 1


def _text(data: bytes, line: int, end: int, long: int, step: int) -> Text | Stays:
    """The text on a line, without quotes and the line end that it may close with, if it can be lifted."""
    opened = _LINE.match(data, line, end)
    if opened is None:
        return Stays.ALONE
    key = opened[1]
    mime = b"" if key is None else key[1:-3]
    image = mime in _IMAGES or mime == _DRAWING
    closed = _END.search(data, max(end - 4, opened.end()), end)
    if closed is None:
        return Stays.WITH_ALL
    start, stop = opened.end(), closed.start()
    if stop - start < long:
        return Stays.ALONE
    if data[stop - 1 : stop] == b"\\":  # not the end after all
        return Stays.WITH_ALL
    if not image and (key is not None or (closed[1] is None and closed[2])):
        return Stays.WITH_LINES  # several lines in one string, or one line in several
    if mime == _DRAWING:
        return Text(data, start, stop, image, checked=True) if is_text(data, start, stop, step) else Stays.WITH_ALL
    if (image or data.find(b"\\", start, stop) < 0) and data.find(b'"', start, stop) >= 0:
        return Stays.WITH_ALL  # it does not end here
    if image or is_plain(data, start, stop, step):
        return Text(data, start, stop, image)
    return Text(data, start, stop, kind=Kind.UNREAD)


def is_plain(data: bytes, start: int, stop: int, step: int) -> bool:
    """Whether a stretch is ASCII without escapes; it is read piece by piece, as long as they fit the cache."""
    if data.find(b"\\", start, stop) >= 0:
        return False
    return all(data[k : min(k + step, stop)].isascii() for k in range(start, stop, step))


def read(text: Text, step: int, usual: bool) -> Text | Stays:
    """An unread text as one line of a text, or what follows from it being none; `usual` says whether it must be written
    as it always is, to be compared with others."""
    for piece in _pieces(*text.stretch, step):
        try:
            value = orjson.loads(piece)
        except orjson.JSONDecodeError:
            return Stays.WITH_ALL
        plain = value.isascii()
        if usual and plain and orjson.dumps(value) != piece:
            return Stays.WITH_ALL
        if usual and not plain:
            return Stays.ALONE
        if any(mark in value for mark in (_LINE_ENDS if plain else _ALL_LINE_ENDS)):
            return Stays.WITH_LINES if plain else Stays.ALONE
    return text._replace(kind=Kind.TEXT if usual else Kind.UNREAD, checked=True)


def gaps(stretch: Stretch, texts: Sequence[Text]) -> Iterator[Stretch]:
    """What is between texts of a stretch."""
    data, start, stop = stretch
    for text in texts:
        yield data, start, text.start
        start = text.stop
    yield data, start, stop


def related(texts: Sequence[Text], stretch: Stretch, others: Sequence[Text]) -> list[Text]:
    """Those of a notebook's unread texts that could be in another one's stretch, where `others` were found, in another
    spelling, or as others of its texts."""
    data, start, stop = stretch
    compared = [other for other in others if other.kind is not Kind.OUTPUTS]
    unread = [text for text in texts if text.kind is Kind.UNREAD and text.size <= _LONGEST_ESCAPE * (stop - start)]
    if not unread:
        return []
    rest = list(gaps(stretch, others))
    worth = sum(text.size for text in unread) > _WORTH * sum(last - at for _, at, last in rest)
    if not worth or len(unread) * len(compared) > _MANY:
        return unread
    if any(data.find(spelling, *at) >= 0 for spelling in _SPELLINGS for _, *at in rest):
        return unread  # anything may be written in another way there
    return [
        text
        for text in unread
        if not all(text.surely_differs(other) for other in compared)
        or (opening := _start(text)) is None
        or any(data.find(opening, *at) >= 0 for _, *at in rest)
    ]


def _start(text: Text) -> bytes | None:
    """How a text begins, up to the first line end, as it is usually written; None if that cannot be said."""
    data, first, stop = text.stretch
    piece = data[first : min(first + _START, stop)]
    escape = piece.find(b"\\", max(0, len(piece) - _ESCAPE - 1))
    try:
        value = orjson.loads(b'"%s"' % (piece if escape < 0 else piece[:escape]))
    except orjson.JSONDecodeError:
        return None
    line = value.splitlines()[0] if value else ""
    return orjson.dumps(line)[1:-1] if len(line) >= _TELLING else None


def is_text(data: bytes, start: int, stop: int, step: int) -> bool:
    """Whether a stretch is the inside of a JSON string."""
    try:
        for piece in _pieces(data, start, stop, step):
            orjson.loads(piece)
    except orjson.JSONDecodeError:
        return False
    return True


def _pieces(data: bytes, start: int, stop: int, step: int) -> Iterator[bytes]:
    """The inside of a JSON string as several JSON strings, none of which ends in an escape."""
    view = memoryview(data)
    while start < stop:
        end = min(start + step, stop)
        if end < stop and data.find(b"\\", end - 6, end) >= 0:
            end = max(data.rfind(b" ", start, end) + 1, data.rfind(b"\\n", start, end) + 2)
            if end <= start + 1:
                end = stop
        yield b"".join((b'"', view[start:end], b'"'))
        start = end


def decoded(data: bytes, start: int, stop: int) -> Any:
    """The text that such a stretch stands for. Raises `ValueError`."""
    return orjson.loads(b"".join((b'"', memoryview(data)[start:stop], b'"')))
