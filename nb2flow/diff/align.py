"""Which cells of two versions are the same cell, in order: anchors first, then the gaps between them.

Content decides and position breaks ties; an id is a hint that is believed as far as the cells that are equal anyway
bear it out. It works on prepared texts and integers and returns index pairs; what a pair means (modified, moved) is
said elsewhere. Unique equal cells pin the alignment, so the quadratic step only ever sees small gaps.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import LCSseq

from nb2flow.diff.document import Cell
from nb2flow.diff.similarity import (
    Choices,
    Lexicon,
    Text,
    ends_alike,
    heading,
    held,
    rare_words,
    single_headings,
    weight,
)

Pair = tuple[int, int]

ALIKE = 0.4  # in a gap, with others to choose from
NEIGHBOUR = 0.06  # a match right after another match is likelier
RATHER = 0.25  # how much more like another cell one must be for that to matter
RETYPED = 0.7  # a cell whose type differs must be nearly the same text
_DENSE = 3600  # cell pairs that are all compared
_POSITIONAL = re.compile(r"\D*\d{1,5}")


class Sides:
    """Both versions' cells with everything the matching asks of them, computed once and kept."""

    def __init__(self, a: Sequence[Cell], b: Sequence[Cell]) -> None:
        self.a, self.b = a, b
        codes: dict[tuple[str, str], int] = {}
        self.keys_a = [codes.setdefault((c.type, c.source), len(codes)) for c in a]
        self.keys_b = [codes.setdefault((c.type, c.source), len(codes)) for c in b]
        self.times_a, self.times_b = _times(self.keys_a, len(codes)), _times(self.keys_b, len(codes))
        self._lexicon = Lexicon()
        self._headings: set[str] | None = None
        self.trust = 0.0

    def text_a(self, i: int) -> Text:
        """Base cell `i`, prepared."""
        return self._lexicon.text(self.a[i].source)

    def text_b(self, j: int) -> Text:
        """Remote cell `j`, prepared."""
        return self._lexicon.text(self.b[j].source)

    def equal(self, i: int, j: int) -> bool:
        """Whether type and source are the same."""
        return self.keys_a[i] == self.keys_b[j]

    def single(self, i: int, j: int) -> bool:
        """Whether base cell `i` and remote cell `j` have equal content that occurs nowhere else."""
        key = self.keys_a[i]
        return key == self.keys_b[j] and self.times_a[key] == 1 and self.times_b[key] == 1

    def same_id(self, i: int, j: int) -> bool:
        """Whether both have the same id and ids are to be believed here."""
        found = self.a[i].id
        return found is not None and found == self.b[j].id and self.trust >= 0.5

    def likeness(self, i: int, j: int, cutoff: float, headed: bool = True) -> float:
        """How likely the two are one cell: similarity (`headed`: headings count), and what the id adds; 0 below the
        cutoff."""
        if self.keys_a[i] == self.keys_b[j]:
            return 1.1 if self.same_id(i, j) else 1.0
        known = self.same_id(i, j)
        retyped = self.a[i].type != self.b[j].type
        least = 0.0 if known else max(cutoff, RETYPED) if retyped else cutoff
        found = self._lexicon.similarity(self.a[i].source, self.b[j].source, least, headed)
        return 0.45 + 0.55 * found if known else found

    def headed(self, i: int, j: int) -> bool:
        """Whether both begin with a heading that no other cell of either version has."""
        said = heading(self.a[i].source.strip())
        if not said or said != heading(self.b[j].source.strip()):
            return False
        if self._headings is None:
            first, second = (single_headings(heading(c.source.strip()) for c in side) for side in (self.a, self.b))
            self._headings = first.keys() & second.keys()
        return said in self._headings

    def holds(self, i: int, j: int) -> bool:
        """Whether all that one of two cells of a type says stands, in one piece, in the other."""
        return self.a[i].type == self.b[j].type and held(self.text_a(i), self.text_b(j))

    def rows(self, rows: Sequence[int], columns: Sequence[int], cutoff: float) -> Iterator[dict[int, float]]:
        """For each of some base cells its `likeness` to each of some remote cells, by position in `columns`, where it
        is not 0."""
        texts = Choices([self.text_b(j) for j in columns])
        headed = set(single_headings([self.text_a(i).heading for i in rows]).values()) if texts.headed else set()
        equal: dict[int, list[int]] = {}
        named: dict[str | None, list[int]] = {}
        for c, j in enumerate(columns):
            equal.setdefault(self.keys_b[j], []).append(c)
            if self.trust >= 0.5 and self.b[j].id is not None:
                named.setdefault(self.b[j].id, []).append(c)
        for r, i in enumerate(rows):
            kind = self.a[i].type
            found = {
                c: value
                for c, value in texts.similarities(self.text_a(i), cutoff, r in headed).items()
                if value >= RETYPED or self.b[columns[c]].type == kind
            }
            found.update(dict.fromkeys(equal.get(self.keys_a[i], ()), 1.0))
            for c in named.get(self.a[i].id, ()):
                found[c] = self.likeness(i, columns[c], cutoff)
            yield found


def _times(keys: Sequence[int], most: int) -> list[int]:
    """How often each key occurs (`Counter` takes long the first time)."""
    found = [0] * most
    for key in keys:
        found[key] += 1
    return found


def believe_ids(sides: Sides, anchors: Sequence[Pair], identical: int) -> float:
    """How far ids can be believed, 0 to 1: as often as cells that are equal anyway have the same one.

    `identical` cells around these were found to be the same, ids and all; that says nothing for ids that count places.
    """
    both = agree = 0
    for i, j in anchors:
        first, second = sides.a[i].id, sides.b[j].id
        if first is not None and second is not None:
            both += 1
            agree += first == second
    ids = {c.id for c in sides.a if c.id is not None}
    if _mostly_positional(ids):
        return agree / both if both >= 3 else 0.0
    if both + identical >= 3 or (both and agree == 0):
        return (agree + identical) / (both + identical)
    return 0.0 if ids.isdisjoint(c.id for c in sides.b) else 1.0


def _mostly_positional(ids: set[str]) -> bool:
    """Whether more than half of some ids count places."""
    found, others = 0, 0
    for identity in ids:
        if _POSITIONAL.fullmatch(identity):
            found += 1
        else:
            others += 1
            if others * 2 >= len(ids):  # the rest need not be looked at
                return False
    return found > others


def rising(pairs: Sequence[Pair]) -> bool:
    """Whether pairs keep their order on both sides."""
    last_i = last_j = -1
    for i, j in pairs:
        if i <= last_i or j <= last_j:
            return False
        last_i, last_j = i, j
    return True


def heaviest_chain(pairs: Sequence[tuple[int, int, float]]) -> list[Pair]:
    """The pairs that rise on both sides with the greatest total weight. `pairs` are sorted by the first index, and for
    one first index by falling second index, so that no index is taken twice."""
    ends = [(i, j) for i, j, _ in pairs]
    if rising(ends):
        return ends
    columns = sorted({j for _, j, _ in pairs})
    best: list[tuple[float, int]] = [(0.0, -1)] * (len(columns) + 1)
    before: list[int] = []
    champion = (0.0, -1)
    for number, (_, j, worth) in enumerate(pairs):
        column = bisect_left(columns, j) + 1
        found, k = (0.0, -1), column - 1
        while k > 0:
            if best[k] > found:  # `max` would be called a hundred thousand times
                found = best[k]
            k &= k - 1
        before.append(found[1])
        total = (found[0] + worth, number)
        if total > champion:
            champion = total
        while column <= len(columns):
            if total > best[column]:
                best[column] = total
            column += column & -column
    chain: list[Pair] = []
    number = champion[1]
    while number >= 0:
        chain.append(pairs[number][:2])
        number = before[number]
    return chain[::-1]


def anchors(sides: Sides) -> tuple[list[Pair], list[Pair]]:
    """Equal cells that are certain: the chain that stays in order, and unique cells that left it."""
    a, b = sides.keys_a, sides.keys_b
    start, n, m = 0, len(a), len(b)
    while start < n and start < m and a[start] == b[start] and _certain(sides, start, start):
        start += 1
    end = 0
    while end < n - start and end < m - start and a[n - 1 - end] == b[m - 1 - end]:
        if not _certain(sides, n - 1 - end, m - 1 - end):
            break
        end += 1
    place = {key: j for j, key in enumerate(b[start : m - end], start)}
    unique = [
        (i, place[key])
        for i, key in enumerate(a[start : n - end], start)
        if key in place and sides.times_a[key] == 1 == sides.times_b[key]
    ]
    unique = [pair for pair in unique if sides.a[pair[0]].source.strip()]
    chain, strays = unique, []
    if not rising(unique):
        chain = heaviest_chain([(i, j, weight(sides.a[i].source)) for i, j in unique])
        kept = set(chain)
        strays = [pair for pair in unique if pair not in kept]
    head = [(k, k) for k in range(start)]
    tail = [(n - k, m - k) for k in range(end, 0, -1)]
    return head + chain + tail, strays


def _certain(sides: Sides, i: int, j: int) -> bool:
    """Repeated content (an empty cell, `plt.show()`) counts as the same cell at once only if no id contradicts."""
    first, second = sides.a[i].id, sides.b[j].id
    return first is None or second is None or first == second or sides.single(i, j)


def gaps(chain: Sequence[Pair], n: int, m: int) -> Iterator[tuple[int, int, int, int]]:
    """The stretches `(a0, a1, b0, b1)` between the pairs of a chain where both sides have cells."""
    last_i = last_j = -1
    for i, j in [*chain, (n, m)]:
        if i - last_i > 1 and j - last_j > 1:
            yield last_i + 1, i, last_j + 1, j
        last_i, last_j = i, j


def fill(sides: Sides, rows: Sequence[int], columns: Sequence[int], least: float = ALIKE) -> list[Pair]:
    """Pairs, in order on both sides, among the free cells of one gap."""
    if not rows or not columns:
        return []
    if len(rows) == 1 == len(columns):
        i, j = rows[0], columns[0]
        sure = sides.a[i].type == sides.b[j].type and ends_alike(sides.a[i].source, sides.b[j].source)
        return [(i, j)] if sure or sides.likeness(i, j, least) else []
    if len(rows) * len(columns) <= _DENSE:
        return _fill_densely(sides, rows, columns, least)
    pairs = _common(sides, rows, columns)
    if not pairs:
        pairs = heaviest_chain(candidates(sides, rows, columns, least))
        if not pairs:
            return []
    found: list[Pair] = []
    place_i = {i: k for k, i in enumerate(rows)}
    place_j = {j: k for k, j in enumerate(columns)}
    chain = [(place_i[i], place_j[j]) for i, j in pairs]
    for a0, a1, b0, b1 in gaps(chain, len(rows), len(columns)):
        found += fill(sides, rows[a0:a1], columns[b0:b1], least)
    return sorted(pairs + found)


def _common(sides: Sides, rows: Sequence[int], columns: Sequence[int]) -> list[Pair]:
    """Equal cells of a large gap: a longest common subsequence, empty cells left for later."""
    pairs: list[Pair] = []
    a = [sides.keys_a[i] for i in rows]
    b = [sides.keys_b[j] for j in columns]
    for block in LCSseq.opcodes(a, b).as_matching_blocks():
        pairs += [(rows[block.a + k], columns[block.b + k]) for k in range(block.size)]
    return pairs


def _fill_densely(sides: Sides, rows: Sequence[int], columns: Sequence[int], least: float) -> list[Pair]:
    """Dynamic programming over all pairs of a small gap: greatest total of likeness times weight.

    Two cells that are both much more like others are no pair: of two that changed places, one was moved.
    """
    n, m = len(rows), len(columns)
    weights_b = [sides.text_b(j).weight for j in columns]
    totals = [[0.0] * (m + 1)]
    met: list[set[int]] = [set()]
    table = list(sides.rows(rows, columns, least))
    most_b = [0.0] * m
    for row in table:
        for c, value in row.items():
            if value > most_b[c]:
                most_b[c] = value
    for r, (i, row) in enumerate(zip(rows, table, strict=True), 1):
        above, met_above, here = totals[-1], met[-1], set()
        rather = max(row.values()) - RATHER if len(row) > 1 else 0.0
        current = above.copy()
        weight_a = sides.text_a(i).weight if row else 0.0
        for c in sorted(row):
            if row[c] < rather and row[c] < most_b[c] - RATHER:
                continue
            worth = row[c] + NEIGHBOUR if c in met_above or (r == 1 and c == 0) else row[c]
            total = above[c] + worth * min(weight_a, weights_b[c])
            k = c + 1
            if total > current[k]:
                here.add(k)
                while k <= m and current[k] < total:  # totals never fall from left to right
                    current[k] = total
                    k += 1
        totals.append(current)
        met.append(here)
    pairs: list[Pair] = []
    r, c = n, m
    while r and c:
        if c in met[r]:
            r, c = r - 1, c - 1
            pairs.append((rows[r], columns[c]))
        elif totals[r - 1][c] >= totals[r][c - 1]:
            r -= 1
        else:
            c -= 1
    return pairs[::-1]


def candidates(sides: Sides, rows: Sequence[int], columns: Sequence[int], least: float) -> list[tuple[int, int, float]]:
    """Likely pairs of a large gap, found by rare words, ids and position, as `(i, j, worth)` sorted for a chain."""
    words = rare_words([sides.text_b(j) for j in columns])
    by_id = {sides.b[j].id: k for k, j in enumerate(columns) if sides.b[j].id is not None}
    found: list[tuple[int, int, float]] = []
    for r, i in enumerate(rows):
        text = sides.text_a(i)
        votes = Counter(k for word in set(text.words) for k in words.get(word, ()))
        middle = r * len(columns) // len(rows)
        # the order of a set of words differs from process to process: as many votes are told apart by place
        likely = set(sorted(votes, key=lambda k: (-votes[k], abs(k - middle), k))[:6])
        likely.update(range(max(0, middle - 1), min(len(columns), middle + 2)))
        if sides.a[i].id in by_id:
            likely.add(by_id[sides.a[i].id])
        for k in sorted(likely, reverse=True):
            value = sides.likeness(i, columns[k], least, sides.headed(i, columns[k]))
            if value:
                found.append((i, columns[k], value * text.weight))
    return found
