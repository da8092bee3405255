"""The matching of two versions' cells: which stayed, moved, were split or merged, and which are new or gone.

One pass of certainties (equal cells), one of likelihoods (gaps), then what is left is offered to splits, merges and
moves, and at last every pair is weighed again to say which cells stayed and which moved. It returns indexes only. The
order of the steps is the design: each sees only what the steps before it, which are surer, have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nb2flow.diff.align import Pair, Sides, anchors, believe_ids, fill, gaps, heaviest_chain, rising
from nb2flow.diff.document import Cell
from nb2flow.diff.moves import find_moves
from nb2flow.diff.sameness import same
from nb2flow.diff.similarity import ends_alike, weight
from nb2flow.diff.splits import find_splits

_EDITED = 0.8  # as much as a cell that is the same does an edited one say about what stayed
_LAST_RESORT = 0.2  # one cell for one cell between matched neighbours
_OF_SEVERAL = 0.28  # one for the likeliest of several there
_SEVERAL = 12


class Split(NamedTuple):
    """One cell that became several (`one` in the base), or, as a merge, several that became `one` in the remote."""

    one: int
    parts: tuple[int, ...]


class Matching(NamedTuple):
    """All that two versions share: `pairs` in order of the base, those in `moved` out of order; every cell that no
    field names was removed or added. The first `head` and the last `tail` pairs are identical in everything."""

    pairs: tuple[Pair, ...]
    moved: frozenset[Pair]
    splits: tuple[Split, ...]
    merges: tuple[Split, ...]
    head: int = 0
    tail: int = 0


def match(a: Sequence[Cell], b: Sequence[Cell]) -> Matching:
    """Match the cells of two versions. Identical cells at both ends are set aside before anything is weighed."""
    n, m = len(a), len(b)
    head = 0
    while head < n and head < m and same(a[head].raw, b[head].raw):
        head += 1
    tail = 0
    while tail < n - head and tail < m - head and same(a[n - 1 - tail].raw, b[m - 1 - tail].raw):
        tail += 1
    named = sum(1 for k in range(head) if a[k].id) + sum(1 for k in range(tail) if a[n - 1 - k].id)
    found = _match(a[head : n - tail], b[head : m - tail], named)
    if not head and not tail:
        return found

    def shifted(splits: Sequence[Split]) -> tuple[Split, ...]:
        return tuple(Split(s.one + head, tuple(k + head for k in s.parts)) for s in splits)

    middle = [(i + head, j + head) for i, j in found.pairs]
    ends = [(n - k, m - k) for k in range(tail, 0, -1)]
    moved = frozenset((i + head, j + head) for i, j in found.moved)
    pairs = (*((k, k) for k in range(head)), *middle, *ends)
    return Matching(pairs, moved, shifted(found.splits), shifted(found.merges), head, tail)


def _match(a: Sequence[Cell], b: Sequence[Cell], identical: int) -> Matching:
    if not a or not b:
        return Matching((), frozenset(), (), ())
    if _plainly_in_place(a, b):
        return Matching(tuple((k, k) for k in range(len(a))), frozenset(), (), ())
    sides = Sides(a, b)
    chain, strays = anchors(sides)
    if len(chain) == len(a) == len(b):
        return Matching(tuple(chain), frozenset(), (), ())
    sides.trust = believe_ids(sides, chain + strays, identical)
    taken_a, taken_b = {i for i, _ in strays}, {j for _, j in strays}
    found = list(chain)
    for a0, a1, b0, b1 in gaps(chain, len(a), len(b)):
        rows = [i for i in range(a0, a1) if i not in taken_a]
        columns = [j for j in range(b0, b1) if j not in taken_b]
        found += fill(sides, rows, columns)
    pairs = sorted(found + strays)
    pairs, splits, merges = _split_and_merge(sides, pairs)
    busy_a = {i for s in merges for i in s.parts} | {s.one for s in splits}
    busy_b = {j for s in splits for j in s.parts} | {s.one for s in merges}
    if len(pairs) + len(busy_a) < len(a) and len(pairs) + len(busy_b) < len(b):
        pairs = find_moves(sides, pairs, busy_a, busy_b)
    chain = _in_order(sides, pairs, splits, merges)
    pairs = _last_resort(sides, pairs, chain, busy_a, busy_b)
    stayed = set(_in_order(sides, pairs, splits, merges))
    return Matching(tuple(pairs), frozenset(p for p in pairs if p not in stayed), tuple(splits), tuple(merges))


def _plainly_in_place(a: Sequence[Cell], b: Sequence[Cell]) -> bool:
    """Whether it needs no weighing that each cell stayed: one was edited a little, or only outputs changed."""
    if len(a) != len(b):
        return False
    if len(a) == 1 and a[0].type == b[0].type and ends_alike(a[0].source, b[0].source):
        return True
    return all(x.source == y.source and x.type == y.type and x.id == y.id for x, y in zip(a, b, strict=True))


def _split_and_merge(sides: Sides, pairs: list[Pair]) -> tuple[list[Pair], list[Split], list[Split]]:
    """Splits, then merges; a pair that turns out to be one part of either is a pair no longer."""
    if len(pairs) == len(sides.a) == len(sides.b):
        return pairs, [], []
    forward = dict(pairs)
    texts_a, texts_b = [c.source for c in sides.a], [c.source for c in sides.b]
    kinds_a, kinds_b = [c.type for c in sides.a], [c.type for c in sides.b]
    keys_a, keys_b = sides.keys_a, sides.keys_b
    keep = {i: j for i, j in pairs if keys_a[i] == keys_b[j]}
    splits: list[Split] = []
    if len(pairs) < len(sides.b):  # a split leaves parts that are paired with nothing
        splits = [Split(*s) for s in find_splits(texts_a, kinds_a, texts_b, kinds_b, forward, keep)]
    for split in splits:
        forward.pop(split.one, None)
    gone = {j for s in splits for j in s.parts}
    backward = {j: i for i, j in forward.items()}
    fixed = {j: i for i, j in keep.items()}
    fixed.update((j, -1) for j in gone)
    busy = {s.one for s in splits}
    if len(pairs) == len(sides.a):
        return sorted(forward.items()), splits, []
    merges = [
        Split(*s) for s in find_splits(texts_b, kinds_b, texts_a, kinds_a, backward, fixed, busy) if s[0] not in gone
    ]
    for merge in merges:
        backward.pop(merge.one, None)
    return sorted((i, j) for j, i in backward.items()), splits, merges


def _in_order(sides: Sides, pairs: Sequence[Pair], splits: Sequence[Split], merges: Sequence[Split]) -> list[Pair]:
    """The pairs that stayed: the heaviest that keep their order, splits and merges weighing in."""
    others = [(s.one, s.parts[0]) for s in splits] + [(s.parts[0], s.one) for s in merges]
    if rising(sorted([*pairs, *others])):
        return list(pairs)
    every = [(i, j, weight(sides.a[i].source) * (1.0 if sides.equal(i, j) else _EDITED)) for i, j in pairs]
    every += [(s.one, s.parts[0], weight(sides.a[s.one].source)) for s in splits]
    every += [(s.parts[0], s.one, weight(sides.b[s.one].source)) for s in merges]
    chain = set(heaviest_chain(sorted(every)))
    return [p for p in pairs if p in chain]


def _last_resort(
    sides: Sides, pairs: list[Pair], chain: Sequence[Pair], busy_a: set[int], busy_b: set[int]
) -> list[Pair]:
    """One unmatched cell against one, or several, between matched neighbours: modified, unless they have nothing in
    common. Cells of another type that came or went there say nothing against it."""
    used_a, used_b = {i for i, _ in pairs} | busy_a, {j for _, j in pairs} | busy_b
    more: list[Pair] = []
    for a0, a1, b0, b1 in gaps(chain, len(sides.a), len(sides.b)):
        rows = [i for i in range(a0, a1) if i not in used_a]
        columns = [j for j in range(b0, b1) if j not in used_b]
        if len(rows) == 1 == len(columns):
            more += _between_neighbours(sides, rows, columns)
            continue
        for kind in sorted({sides.a[i].type for i in rows} & {sides.b[j].type for j in columns}):
            some = [i for i in rows if sides.a[i].type == kind]
            more += _between_neighbours(sides, some, [j for j in columns if sides.b[j].type == kind])
    return sorted(pairs + more)


def _between_neighbours(sides: Sides, rows: Sequence[int], columns: Sequence[int]) -> list[Pair]:
    """At most one pair, and only if one side has but one cell; an empty one may have been filled."""
    if len(rows) == 1 == len(columns):
        i, j = rows[0], columns[0]
        likely = sides.likeness(i, j, _LAST_RESORT) or _filled(sides, i, j) or sides.holds(i, j)
        return [(i, j)] if likely else []
    if len(rows) > 1 < len(columns) or len(rows) * len(columns) > _SEVERAL:
        return []
    value, i, j = max((sides.likeness(i, j, _OF_SEVERAL), -i, -j) for i in rows for j in columns)
    return [(-i, -j)] if value else []


def _filled(sides: Sides, i: int, j: int) -> bool:
    """Whether only one of two cells of a type has a text."""
    first, second = sides.a[i], sides.b[j]
    return first.type == second.type and (not first.source.strip() or not second.source.strip())
