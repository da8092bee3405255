"""Cells that are in another place: what is left on both sides, compared across gaps.

Only cells that can be recognised count as moved: equal content that occurs once, a believed id, much the same text or
all of it with more around it, or standing next to a moved cell on both sides. It adds pairs; it never takes one back.
"""

from __future__ import annotations

from collections.abc import Sequence

from nb2flow.diff.align import Pair, Sides, candidates

_SAME = 0.6  # a cell that was moved and edited
_WHOLE = 0.5  # one that holds all that the other says
_BESIDE = 0.4  # the same next to another moved cell
_KNOWN = 0.2  # the same with a believed id
_DENSE = 3600
_FEWEST_WORDS = 7  # two imports from one module share most of theirs


def find_moves(sides: Sides, pairs: Sequence[Pair], busy_a: set[int], busy_b: set[int]) -> list[Pair]:
    """All pairs, old and new, sorted."""
    found = dict(pairs)
    used_b = set(found.values()) | busy_b
    rows = [i for i in range(len(sides.a)) if i not in found and i not in busy_a]
    columns = [j for j in range(len(sides.b)) if j not in used_b]
    if rows and columns:
        free_a, free_b = set(rows), set(columns)
        scored = _score(sides, rows, columns)
        scored.sort(key=lambda s: (-s[0], abs(s[1] - s[2]), s[1], s[2]))
        for _, i, j in scored:
            if i in free_a and j in free_b:
                _take(found, free_a, free_b, i, j)
        _extend(sides, found, free_a, free_b)
    return sorted(found.items())


def _take(found: dict[int, int], free_a: set[int], free_b: set[int], i: int, j: int) -> None:
    found[i] = j
    free_a.discard(i)
    free_b.discard(j)


def _score(sides: Sides, rows: Sequence[int], columns: Sequence[int]) -> list[tuple[float, int, int]]:
    """Pairs that are good enough by themselves, with how good."""
    if len(rows) * len(columns) <= _DENSE:
        scores = zip(rows, sides.rows(rows, columns, _WHOLE), strict=True)
        likely = [(i, columns[c], v) for i, row in scores for c, v in row.items()]
    else:
        pairs = [(i, j) for i, j, _ in candidates(sides, rows, columns, _KNOWN)]
        likely = [(i, j, sides.likeness(i, j, _WHOLE)) for i, j in pairs]
    scored: list[tuple[float, int, int]] = []
    for i, j, value in likely:
        known = sides.same_id(i, j)
        least = 0.45 + 0.55 * _KNOWN if known else _SAME
        if (value >= least or sides.holds(i, j)) and (known or _recognisable(sides, i, j)):
            scored.append((value * sides.text_a(i).weight, i, j))
    return scored


def _recognisable(sides: Sides, i: int, j: int) -> bool:
    """Whether the contents alone can show that this is one cell."""
    if sides.equal(i, j):
        return sides.single(i, j) and not sides.text_a(i).blank
    return min(len(sides.text_a(i).words), len(sides.text_b(j).words)) >= _FEWEST_WORDS


def _extend(sides: Sides, found: dict[int, int], free_a: set[int], free_b: set[int]) -> None:
    """A block moves as a whole: its small and its edited cells go with the neighbour that was recognised."""
    waiting = sorted(found.items())
    while waiting:
        i, j = waiting.pop()
        for step in (-1, 1):
            x, y = i + step, j + step
            if x in free_a and y in free_b and sides.likeness(x, y, _BESIDE, sides.headed(x, y)) >= _BESIDE:
                _take(found, free_a, free_b, x, y)
                waiting.append((x, y))
