"""Long texts taken out of notebooks' bytes before parsing, a short stand-in for each, put back into what is written.

An edit script only asks of an image or of a line of 30 kB in an output whether it is equal to another one, and holds it
where it is not. It need not become an object in between, which is most of the work for a notebook full of new images.
Lifted are images and single lines of outputs (`long_texts.py`), whole lists of lines (`listed.py`), and all outputs of
a cell where both notebooks have the same. Two texts that are equal must both be lifted or both stay: so all is left as
it is where one of the notebooks writes the same things in another way. Images may have stand-ins of their own although
only their escapes differ: `Lifted.equal` tells; lists of lines are opened (`Lifted.opened`) when their lines are asked
for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple, NoReturn

from nb2flow.diff.document import parse
from nb2flow.diff.listed import long_arrays, long_lists, long_outputs, text_inside, texts_of_outputs, value_of
from nb2flow.diff.long_texts import (
    STEP,
    Kind,
    Stays,
    Stretch,
    Text,
    decoded,
    gaps,
    is_text,
    long_images,
    long_texts,
    read,
    related,
)
from nb2flow.diff.sameness import same
from nb2flow.diff.spacing import USUAL, Spacing
from nb2flow.errors import NotebookError

_LONG = 8192
_MUCH = 12  # times that, and outputs that both have are looked for
_IMAGE_IN_LINES = re.compile(rb'"image/(?:png|jpeg|gif)": \[')
_AROUND = {  # how stand-ins are written in JSON
    Kind.TEXT: b"%s",
    Kind.UNREAD: b"%s",
    Kind.LIST: b'"%s"',
    Kind.ARRAY: b'"%s"',
    Kind.OUTPUTS: b'["%s"]',
}
_START = attrgetter("start")
_LETTERS = "".join(kind.value for kind in Kind)


class MisreadError(NotebookError):
    """A notebook is not laid out as it seemed: both must be read without stand-ins."""


class _Source(NamedTuple):
    """What stretches of some bytes belong to: the whole file, which tells where a fault is, and its name."""

    data: bytes  # kept, so that its id stays its own
    whole: bytes
    name: str


class Lifted:
    """What was lifted out of any number of notebooks: equal texts have one stand-in, others have different ones.

    `mark` is a text that no notebook can hold: random letters and digits, made anew each time. `long` is from which
    length on texts are lifted, `step` how much of one is looked at in one go. `once` is as in `document.parse`.
    """

    def __init__(self, mark: str, long: int = _LONG, step: int = STEP, *, once: bool = False) -> None:
        self.long, self.once, self._step = long, once, step
        self._mark = b"lifted-%s-" % mark.encode()
        self._prefix = self._mark.decode()
        self._list_prefix = f"{self._prefix}L"
        self._array_prefix = f"{self._prefix}A"
        self._outputs_prefix = f"{self._prefix}O"
        self._unread_prefix = f"{self._prefix}{Kind.UNREAD.value}"
        self.holds_lists = self.holds_outputs = self.holds_unread = False
        self._lists = 0, 0
        self._sources: dict[int, _Source] = {}
        self._texts: list[Text] = []
        self._given: dict[tuple[int, int, Kind], bytes] = {}
        self._alike: dict[tuple[int, bytes, bytes], list[tuple[Text, bytes]]] = {}

    def shorten(
        self, first: Stretch, second: Stretch, names: tuple[str, str], spacing: Spacing, *, lists: bool = True
    ) -> tuple[Stretch, Stretch]:
        """Stretches of two notebooks' cells with stand-ins for their long texts, and for outputs that both have;
        `lists` says whether also for lists of lines, which `misplaced` must then be asked about."""
        self._lists = 0, 0
        if max(first[2] - first[1], second[2] - second[1]) < self.long:
            return first, second
        for side, name in zip((first, second), names, strict=True):
            self._know(side[0], name)
        if spacing.worksheets:
            self.holds_unread = True
            images = [long_images(*side, self.long) for side in (first, second)]
            return self._cut(first, images[0]), self._cut(second, images[1])
        outputs: list[list[Text]] = [[], []]
        found = [self._texts_between(side, ()) for side in (first, second)] if spacing == USUAL else []
        if not found or self._worth_more((first, second), [texts for texts, _ in found]):
            outputs = self._outputs_of_both(first, second, spacing)
            if not found:
                return self._cut(first, outputs[0]), self._cut(second, outputs[1])
            if outputs[0]:
                found = [self._texts_between(*side) for side in zip((first, second), outputs, strict=True)]
        sides, said = self._decided([texts for texts, _ in found], (first, second))
        stays = _most(found[0][1], found[1][1], said)
        if lists and stays is Stays.ALONE:
            sides = [self._with_lists(*stretch, texts) for stretch, texts in zip((first, second), sides, strict=True)]
        if stays is Stays.WITH_ALL:
            sides = outputs
        elif stays is Stays.WITH_LINES:
            sides = [[text for text in texts if text.image or text.kind is Kind.OUTPUTS] for texts in sides]
        cut = self._cut(first, sides[0]), self._cut(second, sides[1])
        if stays is not Stays.WITH_ALL and any(_IMAGE_IN_LINES.search(*stretch) for stretch in cut):  # as once written
            sides, cut = outputs, (self._cut(first, outputs[0]), self._cut(second, outputs[1]))
        self._lists = _listed(sides[0]), _listed(sides[1])
        self.holds_lists |= any(self._lists)
        return self.without_arrays(*cut, names)

    def _texts_between(self, stretch: Stretch, outputs: Sequence[Text]) -> tuple[list[Text], Stays]:
        """Outputs, and the long texts between them, in order; and what follows from other texts."""
        texts, stays = list(outputs), Stays.ALONE
        for between in gaps(stretch, outputs):
            found, said = long_texts(*between, self.long, self._step)
            texts += found
            stays = _most(stays, said)
        return sorted(texts, key=_START) if outputs else texts, stays

    def _worth_more(self, stretches: tuple[Stretch, Stretch], sides: list[list[Text]]) -> bool:
        """Whether looking for outputs that both have may pay: there is more than images and plain lines."""
        if any(text.kind is Kind.UNREAD for texts in sides for text in texts):
            return True
        rest = [
            stop - start - sum(t.size for t in texts) for (_, start, stop), texts in zip(stretches, sides, strict=True)
        ]
        return min(rest) > _MUCH * self.long

    def _outputs_of_both(self, first: Stretch, second: Stretch, spacing: Spacing) -> list[list[Text]]:
        """The long lists of outputs that both have, and as often."""
        if min(first[2] - first[1], second[2] - second[1]) < self.long:
            return [[], []]
        places = [list(long_outputs(*side, spacing, self.long)) for side in (first, second)]
        sizes = {end - at for at, end in places[0]} & {end - at for at, end in places[1]}
        if not sizes:
            return [[], []]
        sides = [
            [Text(data, at, end, kind=Kind.OUTPUTS) for at, end in found if end - at in sizes]
            for (data, _, _), found in zip((first, second), places, strict=True)
        ]
        times: dict[bytes, int] = {}
        for texts, one in zip(sides, (1, -1), strict=True):
            for stand_in in map(self._stand_in, texts):
                times[stand_in] = times.get(stand_in, 0) + one
        sides = [[text for text in texts if not times[self._stand_in(text)]] for texts in sides]
        self.holds_outputs |= bool(sides[0])
        return sides

    def _decided(self, sides: list[list[Text]], stretches: tuple[Stretch, Stretch]) -> tuple[list[list[Text]], Stays]:
        """The texts of both notebooks without those that cannot be lifted, and what follows from these. Equal ones have
        one fate."""
        if all(text.kind is not Kind.UNREAD for texts in sides for text in texts):
            return sides, Stays.ALONE
        to_read: set[bytes] = set()
        for texts, stretch, others in zip(sides, stretches[::-1], sides[::-1], strict=True):
            to_read.update(map(self._stand_in, related(texts, stretch, others)))
        stays = Stays.ALONE
        fates: dict[bytes, Text | Stays] = {}
        decided: list[list[Text]] = []
        for texts in sides:
            decided.append([])
            for text in texts:
                if text.kind is Kind.UNREAD:
                    stand_in = self._stand_in(text)
                    if stand_in not in to_read:  # it can be nothing in the other notebook: see `look_into_lines`
                        self.holds_unread = True
                        decided[-1].append(text)
                        continue
                    fate = fates.get(stand_in)
                    if fate is None:
                        fate = fates[stand_in] = read(text, self._step, usual=True)
                    if isinstance(fate, Stays):
                        stays = _most(stays, fate)
                        continue
                    text = text._replace(kind=fate.kind, checked=True)
                    self._texts[self._number(stand_in.decode())] = text
                decided[-1].append(text)
        return decided, stays

    def without_arrays(self, first: Stretch, second: Stretch, names: tuple[str, str]) -> tuple[Stretch, Stretch]:
        """Stretches with stand-ins for long lists of numbers that both have, as in the state of widgets."""
        if min(first[2] - first[1], second[2] - second[1]) < self.long:
            return first, second
        sides: list[list[Text]] = []
        for (data, start, stop), name in zip((first, second), names, strict=True):
            self._know(data, name)
            arrays = long_arrays(data, start, stop, self.long)
            sides.append([Text(data, at, end, kind=Kind.ARRAY) for at, end in arrays])
            if not sides[-1]:
                return first, second
        stand_ins = [self._stand_in(text) for text in sides[0]]
        others = [text for text in sides[1] if self._known(text) is not None]
        if not others:
            return first, second
        self.holds_lists = True
        both = {self._known(text) for text in others}
        first = self._cut(first, [text for text, known in zip(sides[0], stand_ins, strict=True) if known in both])
        return first, self._cut(second, others)

    def kept(self, data: bytes) -> str:
        """The stand-in of a value that is JSON, is not looked into and may be written."""
        self._texts.append(Text(data, 0, len(data), kind=Kind.ARRAY, checked=True))
        return f"{self._array_prefix}{len(self._texts) - 1}-"

    def outputs(self, value: Any) -> Any:
        """A list of outputs as it is in the notebook. Raises `NotebookError`."""
        return self._parsed(self._parted(value[0])[0].stretch) if self.are_outputs(value) else value

    def look_into(self, *values: Any) -> None:
        """Raises `MisreadError` if a value stands for outputs: what is in them has no stand-ins."""
        if any(map(self.are_outputs, values)):
            raise MisreadError("outputs must be looked into")

    def look_into_lines(self, *values: Any) -> None:
        """Raises `MisreadError` if a text that was not read is in these and is no single line."""
        for value in values:
            if type(value) is not str or self._unread_prefix not in value:
                continue
            for other in value.split(self._prefix)[1:]:
                text, _ = self._parted(self._prefix + other)
                if text.kind is Kind.UNREAD and not text.checked:
                    found = read(text, self._step, usual=False)
                    if isinstance(found, Stays):
                        raise MisreadError("lines must be looked into")
                    self._texts[self._number(self._prefix + other)] = found

    def are_outputs(self, value: Any) -> bool:
        """Whether a value stands for a list of outputs."""
        if type(value) is not list or len(value) != 1 or type(value[0]) is not str:
            return False
        return value[0].startswith(self._outputs_prefix)

    def _know(self, data: bytes, name: str) -> None:
        if id(data) not in self._sources:
            self._sources[id(data)] = _Source(data, data, name)

    def _parsed(self, stretch: Stretch) -> Any:
        data, start, stop = stretch
        try:
            return parse(data[start:stop], "")
        except NotebookError:
            self._refuse(data)

    def _refuse(self, data: bytes) -> NoReturn:
        """Tell what is wrong with a file, and where."""
        source = self._sources[id(data)]
        parse(source.whole, source.name)
        raise MisreadError(f"{source.name} is not laid out as it seems")

    def misplaced(self, first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> bool:
        """Whether a list of lines that was lifted last stood where lists are no texts, given the cells that were read:
        then all must be read again without."""
        for cells, lists in zip((first, second), self._lists, strict=True):
            if lists and lists != sum(map(self._is_listed, texts_of_outputs(cells))):
                return True
        return False

    def _is_listed(self, value: Any) -> bool:
        return type(value) is str and value.startswith(self._list_prefix)

    def _with_lists(self, data: bytes, start: int, stop: int, texts: list[Text]) -> list[Text]:
        """Texts of one notebook, and the long lists of lines between them; in order."""
        found = list(texts)
        for _, first, last in gaps((data, start, stop), texts):
            if last - first >= self.long:
                lists = long_lists(data, first, last, self.long)
                found += [Text(data, at, end, image, Kind.LIST) for at, end, image in lists]
        return sorted(found, key=_START)

    def _cut(self, stretch: Stretch, lifted: Sequence[Text]) -> Stretch:
        """A stretch with stand-ins in the places of texts."""
        if not lifted:
            return stretch
        data, start, stop = stretch
        view = memoryview(data)
        pieces: list[bytes | memoryview] = []
        for text in lifted:
            bracket = 1 if text.kind is Kind.LIST else 0
            pieces.append(view[start : text.start - bracket])
            pieces.append(_AROUND[text.kind] % self._stand_in(text))
            start = text.stop + bracket
        cut = b"".join([*pieces, view[start:stop]])
        self._sources[id(cut)] = self._sources[id(data)]._replace(data=cut)
        return cut, 0, len(cut)

    def opened(self, value: Any) -> Any:
        """A value as it is in the notebook, if it stands for a list. Raises `NotebookError`."""
        if type(value) is not str or not value.startswith((self._list_prefix, self._array_prefix)):
            return value
        text = self._parted(value)[0]
        if text.kind is Kind.ARRAY:
            return self._parsed(text.stretch)
        try:
            return value_of(*text.stretch)
        except NotebookError:
            self._refuse(text.data)

    def equal(self, old: Any, new: Any) -> bool:
        """Whether two values, of which at least one holds stand-ins, are the same image, written in other ways."""
        mark = self._prefix
        texts = [value for value in (old, new) if type(value) is str and mark in value]
        if not texts:
            return False
        starts = [self._parted(value) for value in texts if value.startswith(mark)]
        if len(starts) == 2:
            (text, rest), (other, others) = starts
            if text is other and mark not in rest and mark not in others:
                return rest == others
            if text.surely_differs(other):
                return False
        try:
            return same(self._whole(old), self._whole(new))
        except (ValueError, NotebookError):
            return False

    def _parted(self, stand_in: str) -> tuple[Text, str]:
        """What a stand-in stands for, and what follows it."""
        number, _, end = stand_in[len(self._mark) :].partition("-")
        return self._texts[int(number.lstrip(_LETTERS))], end

    def _number(self, stand_in: str) -> int:
        return int(stand_in[len(self._mark) :].partition("-")[0].lstrip(_LETTERS))

    def _whole(self, value: Any) -> Any:
        mark = self._prefix
        if self._is_listed(value):
            return value_of(*self._parted(value)[0].stretch)
        if type(value) is not str or mark not in value:
            return value
        first, *others = value.split(mark)
        parted = [self._parted(mark + other) for other in others]
        return first + "".join(decoded(*text.stretch) + end for text, end in parted)

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
            text = self._texts[int(number.lstrip(_LETTERS.encode()))]
            if text.kind is Kind.ARRAY:
                if not text.checked:
                    self._parsed(text.stretch)
                array: list[bytes | memoryview] = [memoryview(text.data)[text.start : text.stop]]
                if text.checked and self._mark in text.data:  # it may hold stand-ins itself
                    array = self.restore(text.data)
                pieces += [pieces.pop()[:-1], *array, rest[1:]]  # without the quotes around
            elif text.kind is not Kind.LIST:
                self._check(text)
                pieces += [memoryview(text.data)[text.start : text.stop], rest]
            elif (joined := text_inside(*text.stretch, self._step)) is not None:
                pieces += [*joined, rest]
            else:
                value = json.dumps(self.opened(f"{self._prefix}{number.decode()}-"), separators=(",", ":")).encode(
                    "ascii"
                )
                pieces += [pieces.pop()[:-1], value, rest[1:]]
        return pieces

    def _check(self, text: Text) -> None:
        """Look for what no JSON string may hold."""
        if not text.checked and not is_text(*text.stretch, self._step):
            self._refuse(text.data)

    def _stand_in(self, text: Text) -> bytes:
        known = self._known(text)
        if known is None:
            known = b"%s%s%d-" % (self._mark, text.kind.value.encode(), len(self._texts))
            self._texts.append(text)
            self._alike.setdefault(text.ends, []).append((text, known))
            self._given[id(text.data), text.start, text.kind] = known
        return known

    def _known(self, text: Text) -> bytes | None:
        """The stand-in of an equal text, if there was one."""
        place = id(text.data), text.start, text.kind
        if place not in self._given:
            known = next((known for other, known in self._alike.get(text.ends, ()) if text.is_same(other)), None)
            if known is None:
                return None
            self._given[place] = known
        return self._given[place]


def _most(*stays: Stays) -> Stays:
    return max(stays, key=lambda s: s.value)


def _listed(texts: Sequence[Text]) -> int:
    return sum(text.kind is Kind.LIST for text in texts)
