"""How alike two cells are, as a number from 0 to 1.

Cells are compared by their words (names, numbers, words of prose), because punctuation makes unrelated code look alike.
Words are interned to single characters, so that one C call compares two cells. It knows texts only: no positions, no
ids, no notebook. The weights were set on real histories whose cell ids say which cells belong together (see
`benchmarks/diff/README.md`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log2
from typing import Any, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Indel

_WORD = re.compile(r"\w+")
_FIRST_CODE = 1
_MOST_WORDS = 4000
_SHORT = 200
_CONTAINED = 0.5  # a heading that got a paragraph below it is the same cell
_ROUNDING = 1e-6
_CHARACTERS = 0.5  # letters alone say half as much as words


class Text(NamedTuple):
    """A cell's source, prepared: `words` has one character for each word, `weight` grows with its logarithm."""

    source: str
    words: str
    weight: float

    @property
    def blank(self) -> bool:
        """Whether there is nothing to recognise it by."""
        return not self.source or self.source.isspace()


class Lexicon:
    """Words seen so far, each with a character of its own; prepared texts are kept."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._texts: dict[str, Text] = {}

    def text(self, source: str) -> Text:
        """The source, prepared for `similarity`."""
        known = self._texts.get(source)
        if known is None:
            codes = self._codes
            words = _WORD.findall(source)[:_MOST_WORDS]
            for word in words:
                if word not in codes:
                    codes[word] = _code(len(codes))
            known = Text(source, "".join([codes[w] for w in words]), weight(source))
            self._texts[source] = known
        return known


def _code(number: int) -> str:
    """A character for the n-th word; very many words share the last ones, which costs precision only."""
    return chr(min(_FIRST_CODE + number, 0x10FFFF))


def weight(source: str) -> float:
    """How much it matters to keep a cell in its place: many lines outweigh few, but not three other cells."""
    return 4.0 + log2(2 + len(source))


def similarity(a: Text, b: Text, cutoff: float = 0.0) -> float:
    """How alike two sources are; below `cutoff` it may answer 0."""
    if a.source == b.source:
        return 1.0
    small, large = (a, b) if len(a.words) <= len(b.words) else (b, a)
    shortest, longest = len(small.words), len(large.words)
    found = 0.0
    if shortest and 2 * shortest >= cutoff * (shortest + longest):
        found = float(Indel.normalized_similarity(a.words, b.words, score_cutoff=cutoff))
    if found < _CONTAINED and small.source and _contains(small, large):
        found = _CONTAINED
    if found < _CHARACTERS and len(a.source) <= _SHORT and len(b.source) <= _SHORT:
        found = max(found, _CHARACTERS * float(Indel.normalized_similarity(a.source, b.source)))
    return found if found >= cutoff else 0.0


def similarities(text: Text, others: Sequence[Text], cutoff: float) -> dict[int, float]:
    """`similarity` of one source with each of others, by index, where it reaches the cutoff (more than 0).

    The comparisons that decide most pairs run in two C calls; the few that may be alike in another way are asked one by
    one.
    """
    found: dict[int, float] = {}
    if text.words:
        found = {k: score for _, score, k in _extract(text.words, [t.words for t in others], cutoff)}
    likely = {k for k, score in found.items() if score < _CONTAINED}
    first, last, start = text.words[:1], text.words[-1:], text.source.lstrip()[:4]
    for k, other in enumerate(others):
        if other.source == text.source:
            found[k] = 1.0
        elif k not in found and other.source:
            words = other.words
            if (first and (words[:1] == first or words[-1:] == last)) or other.source.lstrip()[:4] == start:
                likely.add(k)
    if len(text.source) <= _SHORT and cutoff < _CHARACTERS:
        short = {k: t.source for k, t in enumerate(others) if len(t.source) <= _SHORT}
        likely.update(k for _, _, k in _extract(text.source, short, cutoff / _CHARACTERS - _ROUNDING))
    for k in likely:
        value = similarity(text, others[k], cutoff)
        if value:
            found[k] = value
    return found


def _extract(query: str, choices: Any, cutoff: float) -> list[tuple[str, float, int]]:
    return process.extract(query, choices, scorer=Indel.normalized_similarity, score_cutoff=cutoff, limit=None)


def _contains(small: Text, large: Text) -> bool:
    """Whether the larger text begins with the lines of the smaller one, or has its words (more than one) at an end."""
    begun = small.source.strip()
    if len(begun) >= 4 and large.source.lstrip().startswith(f"{begun}\n"):
        return True
    if len(small.words) < 2 or len(begun) < 8:
        return False
    return large.words.startswith(small.words) or large.words.endswith(small.words)


def ends_alike(a: str, b: str) -> bool:
    """Whether two texts begin and end alike for most of their length: surely similar, and quick to see."""
    shortest, longest = min(len(a), len(b)), max(len(a), len(b))
    if 4 * shortest < 3 * longest:
        return False
    head = _common_start(a, b, shortest)
    if 4 * head >= 3 * longest:
        return True
    a, b = a[::-1], b[::-1]
    return 4 * (head + _common_start(a, b, shortest - head)) >= 3 * longest


def _common_start(a: str, b: str, most: int) -> int:
    """How many characters two texts have in common at the start, found by halving."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def rare_words(texts: Sequence[Text], most: int = 8) -> dict[str, list[int]]:
    """Which texts hold each word, for words that at most `most` texts hold (the others tell nothing)."""
    found: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        for word in set(text.words):
            found.setdefault(word, []).append(index)
    return {word: places for word, places in found.items() if len(places) <= most}
