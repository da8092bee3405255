"""How alike two cells are, as a number from 0 to 1.

Cells are compared by their words (names, numbers, words of prose), because punctuation makes unrelated code look alike.
Words are interned to single characters, so that one C call compares two cells. It knows texts only: no positions, no
ids, no notebook. The weights were set on real histories whose cell ids say which cells belong together (see
`benchmarks/diff/README.md`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from math import log2
from typing import Any, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Indel, Postfix, Prefix

_WORD = re.compile(r"\w+")
_BETWEEN_WORDS = bytes(byte if chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(128)) * 2
_HEADING = re.compile(r"#{1,6} .*\w.*")
_FIRST_CODE, _LAST_CODE = 1, 0x10FFFF
_MOST_WORDS = 4000
_SHORT = 200
_FEW = 8
_CONTAINED = 0.5  # a heading that got a paragraph below it is the same cell
_ROUNDING = 1e-6
_LONG_LINE, _MANY_WORDS = 40, 6
_CHARACTERS = 0.5  # letters alone say half as much as words


class Text(NamedTuple):
    """A cell's source, prepared: `words` has one character for each word, `stripped` no white space around it,
    `weight` grows with its logarithm, `heading` is what the function says."""

    source: str
    stripped: str
    words: str
    weight: float
    heading: str

    @property
    def blank(self) -> bool:
        """Whether there is nothing to recognise it by."""
        return not self.stripped


class Lexicon:
    """Words seen so far, each with a character of its own; prepared texts are kept."""

    def __init__(self) -> None:
        # very many words share the last character, which costs precision only
        codes = chain(map(chr, range(_FIRST_CODE, _LAST_CODE)), repeat(chr(_LAST_CODE)))
        self._codes: defaultdict[str, str] = defaultdict(codes.__next__)
        self._texts: dict[str, Text] = {}

    def text(self, source: str) -> Text:
        """The source, prepared for `similarity`."""
        known = self._texts.get(source)
        if known is None:
            words = "".join(map(self._codes.__getitem__, _words(source)))
            stripped = source.strip()
            known = Text(source, stripped, words, weight(source), heading(stripped))
            self._texts[source] = known
        return known

    def similarity(self, a: str, b: str, cutoff: float = 0.0, headed: bool = True) -> float:
        """`similarity` of two sources; it need not prepare them, which takes longest, where their words are alike."""
        if a not in self._texts and b not in self._texts:
            found = float(Indel.normalized_similarity(_words(a), _words(b), score_cutoff=max(cutoff, _CONTAINED)))
            if found:
                return found
        return similarity(self.text(a), self.text(b), cutoff, headed)


def words_of(text: str) -> list[str]:
    """The words of a text: letters, digits and underscores in a row."""
    if text.isascii():  # five times as quick
        return text.encode("ascii").translate(_BETWEEN_WORDS).decode("ascii").split()
    return _WORD.findall(text)


def _words(source: str) -> list[str]:
    return words_of(source)[:_MOST_WORDS]


def weight(source: str) -> float:
    """How much it matters to keep a cell in its place: many lines outweigh few, but not three other cells."""
    return 4.0 + log2(2 + len(source))


def similarity(a: Text, b: Text, cutoff: float = 0.0, headed: bool = True) -> float:
    """How alike two sources are; below `cutoff` it may answer 0. `headed` says whether equal headings tell anything."""
    if a.source == b.source:
        return 1.0
    small, large = (a, b) if len(a.words) <= len(b.words) else (b, a)
    shortest, longest = len(small.words), len(large.words)
    found = 0.0
    if shortest and 2 * shortest >= cutoff * (shortest + longest):
        found = float(Indel.normalized_similarity(a.words, b.words, score_cutoff=cutoff))
    if found < _CONTAINED and (_contained(a, b) or (headed and a.heading == b.heading != "")):
        found = _CONTAINED
    if found < _CHARACTERS and a.stripped and b.stripped and max(len(a.source), len(b.source)) <= _SHORT:
        found = max(found, _CHARACTERS * float(Indel.normalized_similarity(a.source, b.source)))
    return found if found >= cutoff else 0.0


class Choices:
    """Several prepared texts, ordered so that one source is compared with all of them quickly."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self._words = [t.words for t in texts]
        self._short = {k: t.source for k, t in enumerate(texts) if t.stripped and len(t.source) <= _SHORT}
        self._sources: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        self._starts: dict[str, list[int]] = {}
        for k, text in enumerate(texts):
            self._sources.setdefault(text.source, []).append(k)
            for end in {text.words[:1], text.words[-1:]}:
                self._ends.setdefault(end, []).append(k)
            self._starts.setdefault(text.stripped[:4], []).append(k)
        self._headings = single_headings([text.heading for text in texts])

    @property
    def headed(self) -> bool:
        """Whether any of them begins with a heading of its own."""
        return bool(self._headings)

    def similarities(self, text: Text, cutoff: float, headed: bool = True) -> dict[int, float]:
        """`similarity` of one source with each of these, by index, where it reaches the cutoff (more than 0).

        The comparisons that decide most pairs run in two C calls; whether one text contains another is asked only of
        those that begin or end alike.
        """
        equal = dict.fromkeys(self._sources.get(text.source, ()), 1.0)
        if text.blank:
            return equal
        found: dict[int, float] = {}
        words = text.words
        if words:
            found = {k: score for _, score, k in _extract(words, self._words, cutoff)}
        if cutoff <= _CONTAINED:
            ends = {words[:1], words[-1:]} - {""}
            likely = {k for end in ends for k in self._ends.get(end, ())}
            likely.update(self._starts.get(text.stripped[:4], ()))
            starts, stops = words.startswith, words.endswith
            for k in likely:
                other = self._words[k]
                if not (starts(other) or stops(other) or other.startswith(words) or other.endswith(words)):
                    continue  # which needs no more calls for most
                if found.get(k, 0.0) < _CONTAINED and _contained(text, self._texts[k]):
                    found[k] = _CONTAINED
            alike = self._headings.get(text.heading) if headed else None
            if alike is not None and found.get(alike, 0.0) < _CONTAINED:
                found[alike] = _CONTAINED
        if len(text.source) <= _SHORT and cutoff < _CHARACTERS:
            for _, score, k in _extract(text.source, self._short, cutoff / _CHARACTERS - _ROUNDING):
                value = _CHARACTERS * score
                if value >= cutoff and value > found.get(k, 0.0):
                    found[k] = value
        found.update(equal)
        return found


def _extract(query: str, choices: Any, cutoff: float) -> list[tuple[str, float, int]]:
    if len(choices) <= _FEW:  # the first call of `extract` takes as long as fifty of these
        score = Indel.normalized_similarity
        items = choices.items() if isinstance(choices, dict) else enumerate(choices)
        found = [(text, float(score(query, text, score_cutoff=cutoff)), k) for k, text in items]
        return [row for row in found if row[1]]
    return process.extract(query, choices, scorer=Indel.normalized_similarity, score_cutoff=cutoff, limit=None)


def _contained(a: Text, b: Text) -> bool:
    """Whether the larger text begins with the lines of the smaller one, or has its words (more than one) at an end."""
    small, large = (a, b) if len(a.words) <= len(b.words) else (b, a)
    if len(small.stripped) >= 4 and large.stripped.startswith(f"{small.stripped}\n"):
        return True
    if len(small.words) < 2 or len(small.stripped) < 8:
        return False
    return large.words.startswith(small.words) or large.words.endswith(small.words)


def held(a: Text, b: Text) -> bool:
    """Whether the larger text has all words (more than one) of the smaller one somewhere, in one piece."""
    small, large = (a, b) if len(a.words) <= len(b.words) else (b, a)
    return len(small.words) >= 2 and len(small.stripped) >= 8 and small.words in large.words


def heading(stripped: str) -> str:
    """The heading (or comment) that a text begins with, or a first line with much in it: what is below it may have been
    written anew."""
    if stripped[:1] == "#":
        found = _HEADING.match(stripped)
        return found[0] if found else ""
    end = stripped.find("\n")
    return stripped[:end] if end >= _LONG_LINE and len(words_of(stripped[:end])) >= _MANY_WORDS else ""


def single_headings(headings: Iterable[str]) -> dict[str, int]:
    """Where each heading is that only one of some texts has; one that several have (`# Solution`) tells nothing."""
    found: dict[str, int] = {}
    for k, said in enumerate(headings):
        if said:
            found[said] = -1 if said in found else k
    return {said: k for said, k in found.items() if k >= 0}


def ends_alike(a: str, b: str) -> bool:
    """Whether two texts begin and end alike for most of their length: surely similar, and quick to see."""
    shortest, longest = min(len(a), len(b)), max(len(a), len(b))
    if 4 * shortest < 3 * longest:
        return False
    head = Prefix.similarity(a, b)
    return 4 * (head + min(Postfix.similarity(a, b), shortest - head)) >= 3 * longest


def rare_words(texts: Sequence[Text], most: int = 8) -> dict[str, list[int]]:
    """Which texts hold each word, for words that at most `most` texts hold (the others tell nothing)."""
    found: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        for word in set(text.words):
            found.setdefault(word, []).append(index)
    return {word: places for word, places in found.items() if len(places) <= most}
