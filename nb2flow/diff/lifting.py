"""Long texts taken out of notebooks' bytes before parsing, a short stand-in for each, put back into what is written.

An edit script only asks of an image or of a line of 30 kB in an output whether it is equal to another one, and holds it
where it is not. It need not become an object in between, which is most of the work for a notebook full of new images.
Lifted are images, and single lines of outputs, in the layout of `shared.py`. Two texts that are equal must both be
lifted or both stay: so all is left as it is where one of the notebooks writes the same things in another way. Images
may have stand-ins of their own although only their escapes differ: `Lifted.equal` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import orjson

from nb2flow.diff.common import common_start
from nb2flow.diff.document import parse

_LONG = 8192
_STEP = 1 << 15
_LINE = re.compile(rb' {5,}("[^"\\]{1,80}": )?"')  # in an output; sources stand further left
_END = re.compile(rb'(\\n)?"(,?)\Z')
_IMAGES = (b"image/png", b"image/jpeg", b"image/gif")
_IMAGE_IN_LINES = re.compile(rb'"image/(?:png|jpeg|gif)": \[')
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e"
_ENDS = 64
_ESCAPE = len(rb"\u000")  # what may be before the last digit of one

Stretch = tuple[bytes, int, int]


class _Stays(Enum):
    """What follows from a text that is not lifted: nothing, that no lines may be, or that nothing may be."""

    ALONE = 0
    WITH_LINES = 1
    WITH_ALL = 2


class _Text(NamedTuple):
    data: bytes
    start: int
    stop: int
    image: bool


class Lifted:
    """What was lifted out of any number of notebooks: equal texts have one stand-in, others have different ones.

    `mark` is a text that no notebook can hold: random letters and digits, made anew each time. `long` is from which
    length on texts are lifted, `step` how much of one is looked at in one go.
    """

    def __init__(self, mark: str, long: int = _LONG, step: int = _STEP) -> None:
        self.long, self._step = long, step
        self._mark = b"lifted-%s-" % mark.encode()
        self._names: dict[int, str] = {}
        self._texts: list[tuple[_Text, bytes]] = []
        self._alike: dict[tuple[int, bytes, bytes], list[tuple[_Text, bytes]]] = {}

    def shorten(self, first: Stretch, second: Stretch, names: tuple[str, str]) -> tuple[Stretch, Stretch]:
        """Stretches of two notebooks' bytes with stand-ins for their long texts."""
        if max(first[2] - first[1], second[2] - second[1]) < self.long:
            return first, second
        sides: list[list[_Text]] = []
        stays = _Stays.ALONE
        for (data, start, stop), name in zip((first, second), names, strict=True):
            self._names[id(data)] = name
            texts, said = self._find(data, start, stop)
            stays = max(stays, said, key=lambda s: s.value)
            sides.append(texts)
        if stays is not _Stays.WITH_ALL:
            lifted = [[text for text in texts if text.image or stays is _Stays.ALONE] for texts in sides]
            cut = self._cut(first, lifted[0]), self._cut(second, lifted[1])
            if not any(_IMAGE_IN_LINES.search(*stretch) for stretch in cut):  # as they were written once
                return cut
        return first, second

    def _cut(self, stretch: Stretch, texts: list[_Text]) -> Stretch:
        if not texts:
            return stretch
        data, start, stop = stretch
        view = memoryview(data)
        pieces: list[bytes | memoryview] = []
        for text in texts:
            pieces += [view[start : text.start], self._stand_in(text)]
            start = text.stop
        cut = b"".join([*pieces, view[start:stop]])
        return cut, 0, len(cut)

    def equal(self, old: Any, new: Any) -> bool:
        """Whether two stand-ins stand for the same image, written with other escapes."""
        if type(old) is not str or type(new) is not str:
            return False
        mark = self._mark.decode()
        if not (old.startswith(mark) and new.startswith(mark)):
            return False
        number, _, end = old.removeprefix(mark).partition("-")
        other_number, _, other_end = new.removeprefix(mark).partition("-")
        if number == other_number:  # only the line end that follows differs
            return False
        a, start, stop, _ = self._texts[int(number)][0]
        b, other, other_stop, _ = self._texts[int(other_number)][0]
        most = min(stop - start, other_stop - other)
        k = common_start(a, b, start, other, most)
        near = max(0, k - _ESCAPE)
        if k < most and b"\\" not in a[start + near : start + k + 1] and b"\\" not in b[other + near : other + k + 1]:
            return False  # what differs first is no part of an escape
        try:
            return bool(_decoded(a, start, stop) + end == _decoded(b, other, other_stop) + other_end)
        except orjson.JSONDecodeError:
            return False

    def restore(self, written: bytes) -> list[bytes | memoryview]:
        """JSON that was written with stand-ins, with the texts in their places; in pieces, to be written one by one.

        Raises `NotebookError` where a text is none. Those that are not written, of images that went, are not looked at.
        """
        if not self._texts:
            return [written]
        first, *others = written.split(self._mark)
        pieces: list[bytes | memoryview] = [first]
        for other in others:
            number, _, rest = other.partition(b"-")
            text = self._texts[int(number)][0]
            self._check(text)
            pieces += [memoryview(text.data)[text.start : text.stop], rest]
        return pieces

    def _check(self, text: _Text) -> None:
        """Look for what no JSON string may hold."""
        data, start, stop, image = text
        if not image and data.find(b"\\", start, stop) >= 0:
            return  # it was looked at already
        try:
            for piece in _pieces(data, start, stop, self._step):
                orjson.loads(piece)
        except orjson.JSONDecodeError:
            parse(data, self._names[id(data)])

    def _find(self, data: bytes, start: int, stop: int) -> tuple[list[_Text], _Stays]:
        """The texts that can be lifted, and what follows from the others."""
        found: list[_Text] = []
        stays = _Stays.ALONE
        place = start
        while place < stop:
            end = data.rfind(b"\n", place, min(place + self.long, stop))
            if end < 0:  # a long line
                end = data.find(b"\n", place, stop)
                end = stop if end < 0 else end
                text = _text(data, place, end, self.long, self._step)
                if isinstance(text, _Text):
                    found.append(text)
                else:
                    stays = max(stays, text, key=lambda s: s.value)
            place = end + 1
        return found, stays

    def _stand_in(self, text: _Text) -> bytes:
        data, start, stop, _ = text
        alike = self._alike.setdefault((stop - start, data[start : start + _ENDS], data[stop - _ENDS : stop]), [])
        for (other, at, end, _), known in alike:
            if all(
                data[start + k : min(start + k + _STEP, stop)] == other[at + k : min(at + k + _STEP, end)]
                for k in range(0, stop - start, _STEP)
            ):
                return known
        added = text, b"%s%d-" % (self._mark, len(self._texts))
        alike.append(added)
        self._texts.append(added)
        return added[1]


def _text(data: bytes, line: int, end: int, long: int, step: int) -> _Text | _Stays:
    """The text on a line, without quotes and the line end that it may close with, if it can be lifted."""
    opened = _LINE.match(data, line, end)
    if opened is None:
        return _Stays.ALONE
    key = opened[1]
    image = key is not None and key[1:-3] in _IMAGES
    closed = _END.search(data, max(end - 4, opened.end()), end)
    if closed is None:
        return _Stays.WITH_ALL
    start, stop = opened.end(), closed.start()
    if stop - start < long:
        return _Stays.ALONE
    if data[stop - 1 : stop] == b"\\":  # not the end after all
        return _Stays.WITH_ALL
    if not image and (key is not None or (closed[1] is None and closed[2])):
        return _Stays.WITH_LINES  # several lines in one string, or one line in several
    if (image or data.find(b"\\", start, stop) < 0) and data.find(b'"', start, stop) >= 0:
        return _Stays.WITH_ALL  # it does not end here
    return (None if image else _kind(data, start, stop, step)) or _Text(data, start, stop, image)


def _kind(data: bytes, start: int, stop: int, step: int) -> _Stays | None:
    """Why a stretch cannot be lifted; None if it is the inside of a JSON string, written as it always is.

    It is read piece by piece, which is quick as long as the pieces fit the processor's cache.
    """
    if data.find(b"\\", start, stop) < 0:
        plain = all(data[k : min(k + step, stop)].isascii() for k in range(start, stop, step))
        return None if plain else _Stays.ALONE  # `Lifted.restore` looks for what else no string may hold
    for piece in _pieces(data, start, stop, step):
        try:
            text = orjson.loads(piece)
        except orjson.JSONDecodeError:
            return _Stays.WITH_ALL
        if type(text) is not str or (text.isascii() and orjson.dumps(text) != piece):
            return _Stays.WITH_ALL
        if not text.isascii():
            return _Stays.ALONE
        if any(mark in text for mark in _LINE_ENDS):
            return _Stays.WITH_LINES
    return None


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


def _decoded(data: bytes, start: int, stop: int) -> Any:
    return orjson.loads(b"".join((b'"', memoryview(data)[start:stop], b'"')))
