"""Long texts taken out of notebooks' bytes before parsing, a short stand-in for each, put back into what is written.

An edit script only asks of an image or of a line of 30 kB in an output whether it is equal to another one, and holds it
where it is not. It need not become an object in between, which is most of the work for a notebook full of new images.
Lifted are images, single lines of outputs, and whole lists of lines (`listed.py`), in the layout of `shared.py`. Two
texts that are equal must both be lifted or both stay: so all is left as it is where one of the notebooks writes the
same things in another way. Images may have stand-ins of their own although only their escapes differ: `Lifted.equal`
tells; lists of lines are opened (`Lifted.opened`) when their lines are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import orjson

from nb2flow.diff.common import common_start
from nb2flow.diff.document import parse
from nb2flow.diff.listed import long_arrays, long_lists, text_inside, texts_of_outputs, value_of
from nb2flow.diff.sameness import same
from nb2flow.errors import NotebookError

_LONG = 8192
_STEP = 1 << 14
_LINE = re.compile(rb' {5,}("[^"\\]{1,80}": )?"')  # in an output; sources stand further left
_END = re.compile(rb'(\\n)?"(,?)\Z')
_IMAGES = (b"image/png", b"image/jpeg", b"image/gif")
_DRAWING = b"image/svg+xml"
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
    """A stretch of a notebook: the inside of a JSON string, or, `listed`, that of a list of lines, or, `array`, a whole
    list of anything. `checked` says whether it was looked for what no JSON string may hold."""

    data: bytes
    start: int
    stop: int
    image: bool
    listed: bool = False
    checked: bool = False
    array: bool = False

    @property
    def ends(self) -> tuple[int, bytes, bytes]:
        """Its size, and how it begins and ends."""
        data, start, stop = self[:3]
        size = min(stop - start, _ENDS)
        return stop - start, data[start : start + size], data[stop - size : stop]

    def is_same(self, other: _Text) -> bool:
        """Whether another text of this size has the same bytes, and stands for the same kind of value."""
        data, start, stop = self[:3]
        shift = other.start - start
        return (self.listed, self.array) == (other.listed, other.array) and all(
            data[k : min(k + _STEP, stop)] == other.data[k + shift : min(k + _STEP, stop) + shift]
            for k in range(start, stop, _STEP)
        )

    def surely_differs(self, other: _Text) -> bool:
        """Whether it is another text, as can be seen where the bytes begin to differ: no escape is there, nor, in a
        list, the end of a line."""
        if self.listed != other.listed or self is other:
            return False
        if not self.listed and all(t.data.find(b"\\", t.start, t.stop) < 0 for t in (self, other)):
            return True  # without escapes a text is written in one way only
        most = min(self.stop - self.start, other.stop - other.start)
        k = common_start(self.data, other.data, self.start, other.start, most)
        if k == most:
            return False
        for data, start in ((self.data, self.start), (other.data, other.start)):
            near = data[start + max(0, k - _ESCAPE) : start + k + 1]
            if b"\\u" in near or b"\\" in near[-2:] or (self.listed and b'"' in near):
                return False
        return True


class Lifted:
    """What was lifted out of any number of notebooks: equal texts have one stand-in, others have different ones.

    `mark` is a text that no notebook can hold: random letters and digits, made anew each time. `long` is from which
    length on texts are lifted, `step` how much of one is looked at in one go.
    """

    def __init__(self, mark: str, long: int = _LONG, step: int = _STEP) -> None:
        self.long, self._step = long, step
        self._mark = b"lifted-%s-" % mark.encode()
        self._prefix = self._mark.decode()
        self._list_prefix = f"{self._prefix}L"
        self._array_prefix = f"{self._prefix}A"
        self.holds_lists = False
        self._lists = 0, 0
        self._names: dict[int, str] = {}
        self._texts: list[_Text] = []
        self._alike: dict[tuple[int, bytes, bytes], list[tuple[_Text, bytes]]] = {}

    def shorten(
        self, first: Stretch, second: Stretch, names: tuple[str, str], *, lists: bool = True
    ) -> tuple[Stretch, Stretch]:
        """Stretches of two notebooks' bytes with stand-ins for their long texts; `lists` says whether also for lists of
        lines, which `misplaced` must then be asked about."""
        self._lists = 0, 0
        if max(first[2] - first[1], second[2] - second[1]) < self.long:
            return first, second
        sides: list[list[_Text]] = []
        stays = _Stays.ALONE
        for (data, start, stop), name in zip((first, second), names, strict=True):
            self._names[id(data)] = name
            texts, said = self._find(data, start, stop)
            stays = max(stays, said, key=lambda s: s.value)
            sides.append(texts)
        if lists and stays is _Stays.ALONE:
            sides = [self._with_lists(*stretch, texts) for stretch, texts in zip((first, second), sides, strict=True)]
        if stays is not _Stays.WITH_ALL:
            lifted = [[text for text in texts if text.image or stays is _Stays.ALONE] for texts in sides]
            cut = (
                self._cut(first, [(text, self._stand_in(text)) for text in lifted[0]]),
                self._cut(second, [(text, self._stand_in(text)) for text in lifted[1]]),
            )
            if not any(_IMAGE_IN_LINES.search(*stretch) for stretch in cut):  # as they were written once
                self._lists = _listed(lifted[0]), _listed(lifted[1])
                self.holds_lists |= any(self._lists)
                first, second = cut
        return self.without_arrays(first, second, names)

    def without_arrays(self, first: Stretch, second: Stretch, names: tuple[str, str]) -> tuple[Stretch, Stretch]:
        """Stretches with stand-ins for long lists of numbers that both have, as in the state of widgets."""
        if min(first[2] - first[1], second[2] - second[1]) < self.long:
            return first, second
        sides: list[list[_Text]] = []
        for (data, start, stop), name in zip((first, second), names, strict=True):
            self._names[id(data)] = name
            arrays = long_arrays(data, start, stop, self.long)
            sides.append([_Text(data, at, end, False, array=True) for at, end in arrays])
            if not sides[-1]:
                return first, second
        lifted = [(text, self._stand_in(text)) for text in sides[0]]
        others = [(text, known) for text in sides[1] if (known := self._known(text)) is not None]
        if not others:
            return first, second
        self.holds_lists = True
        both = {known for _, known in others}
        return self._cut(first, [pair for pair in lifted if pair[1] in both]), self._cut(second, others)

    def misplaced(self, first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> bool:
        """Whether a list of lines that was lifted last stood where lists are no texts, given the cells that were read:
        then all must be read again without."""
        for cells, lists in zip((first, second), self._lists, strict=True):
            if lists and lists != sum(map(self._is_listed, texts_of_outputs(cells))):
                return True
        return False

    def _is_listed(self, value: Any) -> bool:
        return type(value) is str and value.startswith(self._list_prefix)

    def _with_lists(self, data: bytes, start: int, stop: int, texts: list[_Text]) -> list[_Text]:
        """Texts of one notebook, and the long lists of lines between them; in order."""
        found: list[_Text] = []
        for text in [*texts, None]:
            end = stop if text is None else text.start
            if end - start >= self.long:
                lists = long_lists(data, start, end, self.long)
                found += [_Text(data, first, last, image, listed=True) for first, last, image in lists]
            if text is not None:
                found.append(text)
                start = text.stop
        return found

    def _cut(self, stretch: Stretch, lifted: Sequence[tuple[_Text, bytes]]) -> Stretch:
        """A stretch with stand-ins in the places of texts."""
        if not lifted:
            return stretch
        data, start, stop = stretch
        view = memoryview(data)
        pieces: list[bytes | memoryview] = []
        for text, stand_in in lifted:
            bracket = 1 if text.listed else 0
            pieces.append(view[start : text.start - bracket])
            pieces.append(b'"%s"' % stand_in if text.listed or text.array else stand_in)
            start = text.stop + bracket
        cut = b"".join([*pieces, view[start:stop]])
        return cut, 0, len(cut)

    def opened(self, value: Any) -> Any:
        """A value as it is in the notebook, if it stands for a list. Raises `NotebookError`."""
        if type(value) is not str or not value.startswith((self._list_prefix, self._array_prefix)):
            return value
        text = self._parted(value)[0]
        if text.array:
            return parse(text.data[text.start : text.stop], self._names[id(text.data)])
        try:
            return value_of(*text[:3])
        except NotebookError:  # the whole file tells where
            parse(text.data, self._names[id(text.data)])
            raise

    def equal(self, old: Any, new: Any) -> bool:
        """Whether two values, of which at least one holds stand-ins, are the same image, written in other ways."""
        mark = self._prefix
        texts = [value for value in (old, new) if type(value) is str and mark in value]
        if not texts:
            return False
        starts = [self._parted(value)[0] for value in texts if value.startswith(mark)]
        if len(starts) == 2 and starts[0].surely_differs(starts[1]):
            return False
        try:
            return same(self._whole(old), self._whole(new))
        except (ValueError, NotebookError):
            return False

    def _parted(self, stand_in: str) -> tuple[_Text, str]:
        """What a stand-in stands for, and what follows it."""
        number, _, end = stand_in[len(self._mark) :].partition("-")
        return self._texts[int(number.lstrip("LA"))], end

    def _whole(self, value: Any) -> Any:
        mark = self._prefix
        if self._is_listed(value):
            return value_of(*self._parted(value)[0][:3])
        if type(value) is not str or mark not in value:
            return value
        first, *others = value.split(mark)
        parted = [self._parted(mark + other) for other in others]
        return first + "".join(_decoded(*text[:3]) + end for text, end in parted)

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
            text = self._texts[int(number.lstrip(b"LA"))]
            if text.array:
                parse(text.data[text.start : text.stop], self._names[id(text.data)])
                array = memoryview(text.data)[text.start : text.stop]
                pieces += [pieces.pop()[:-1], array, rest[1:]]  # without the quotes around
            elif not text.listed:
                self._check(text)
                pieces += [memoryview(text.data)[text.start : text.stop], rest]
            elif (joined := text_inside(*text[:3], self._step)) is not None:
                pieces += [*joined, rest]
            else:
                value = json.dumps(self.opened(f"{self._prefix}{number.decode()}-"), separators=(",", ":")).encode(
                    "ascii"
                )
                pieces += [pieces.pop()[:-1], value, rest[1:]]
        return pieces

    def _check(self, text: _Text) -> None:
        """Look for what no JSON string may hold."""
        if not text.checked and not _is_text(text.data, text.start, text.stop, self._step):
            parse(text.data, self._names[id(text.data)])

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
        known = self._known(text)
        if known is None:
            kind = b"L" if text.listed else b"A" if text.array else b""
            known = b"%s%s%d-" % (self._mark, kind, len(self._texts))
            self._texts.append(text)
            self._alike.setdefault(text.ends, []).append((text, known))
        return known

    def _known(self, text: _Text) -> bytes | None:
        """The stand-in of an equal text, if there was one."""
        return next((known for other, known in self._alike.get(text.ends, ()) if text.is_same(other)), None)


def _listed(texts: Sequence[_Text]) -> int:
    return sum(text.listed for text in texts)


def _text(data: bytes, line: int, end: int, long: int, step: int) -> _Text | _Stays:
    """The text on a line, without quotes and the line end that it may close with, if it can be lifted."""
    opened = _LINE.match(data, line, end)
    if opened is None:
        return _Stays.ALONE
    key = opened[1]
    mime = b"" if key is None else key[1:-3]
    image = mime in _IMAGES or mime == _DRAWING
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
    if mime == _DRAWING:
        return _Text(data, start, stop, image, checked=True) if _is_text(data, start, stop, step) else _Stays.WITH_ALL
    if (image or data.find(b"\\", start, stop) < 0) and data.find(b'"', start, stop) >= 0:
        return _Stays.WITH_ALL  # it does not end here
    escapes = not image and data.find(b"\\", start, stop) >= 0
    stays = None if image else _kind(data, start, stop, step)
    return stays or _Text(data, start, stop, image, checked=escapes)


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


def _is_text(data: bytes, start: int, stop: int, step: int) -> bool:
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


def _decoded(data: bytes, start: int, stop: int) -> Any:
    return orjson.loads(b"".join((b'"', memoryview(data)[start:stop], b'"')))
