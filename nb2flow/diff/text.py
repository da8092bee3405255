"""Differences between two texts: lines, lines that belong together, and words inside such lines.

Returns index ranges and spans, never coloured or marked text. Unique common lines pin the alignment before anything
quadratic runs, so that two very long texts cost about what reading them costs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel, LCSseq

Tag = Literal["equal", "delete", "insert", "replace"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LARGEST = 30_000_000  # products of lengths beyond this are not searched for a common subsequence
_ALIKE = 0.4
_PAIRED = 1600
_LONG_LINE = 20_000


class Block(NamedTuple):
    """`a[a0:a1]` became `b[b0:b1]`."""

    tag: Tag
    a0: int
    a1: int
    b0: int
    b1: int


class Span(NamedTuple):
    """A stretch of one line; `changed` when the other line has something else there."""

    text: str
    changed: bool


def lines_of(text: str) -> list[str]:
    """The lines with their ends, split where JSON notebooks (and nbdime) split them."""
    return text.splitlines(True)


def blocks(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Block]:
    """The blocks that turn one sequence into the other, in order and without holes."""
    found: list[Block] = []
    i = j = 0
    for a0, a1, b0, b1 in changes(a, b):
        if i < a0:
            found.append(Block("equal", i, a0, j, b0))
        found.append(Block("insert" if a0 == a1 else "delete" if b0 == b1 else "replace", a0, a1, b0, b1))
        i, j = a1, b1
    if i < len(a):
        found.append(Block("equal", i, len(a), j, len(b)))
    return found


def changes(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int, int, int]]:
    """The stretches `(a0, a1, b0, b1)` that differ, in order; what is between them is equal."""
    n, m = len(a), len(b)
    start = end = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        start += 1
    most = min(n, m) - start
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if end == most or x != y:
            break
        end += 1
    i, j, stop, other_stop = start, start, n - end, m - end
    if i == stop or j == other_stop:
        return [(i, stop, j, other_stop)] if i < stop or j < other_stop else []
    first, second = a[i:stop], b[j:other_stop]
    if set(first).isdisjoint(second):
        return [(i, stop, j, other_stop)]
    found: list[tuple[int, int, int, int]] = []
    for x0, y0, size in _common(first, second):
        x, y = x0 + start, y0 + start
        if i < x or j < y:
            found.append((i, x, j, y))
        i, j = x + size, y + size
    if i < stop or j < other_stop:
        found.append((i, stop, j, other_stop))
    return found


def put_together(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The lines of several texts, and where the second and later ones begin."""
    lines: list[str] = []
    starts: list[int] = []
    for text in texts:
        starts.append(len(lines))
        lines += text.split("\n")
    return lines, starts[1:]


def cut(found: Sequence[Block], starts_a: Sequence[int], starts_b: Sequence[int]) -> Iterator[Block]:
    """The blocks in pieces none of which goes on where a text begins, in either sequence."""
    for tag, a0, a1, b0, b1 in found:
        if tag == "equal":
            places = {x - a0 for x in starts_a if a0 < x < a1} | {y - b0 for y in starts_b if b0 < y < b1}
            for start, stop in pairwise([0, *sorted(places), a1 - a0]):
                yield Block(tag, a0 + start, a0 + stop, b0 + start, b0 + stop)
            continue
        *early_a, last_a = pairwise([a0, *(x for x in starts_a if a0 < x < a1), a1])
        *early_b, last_b = pairwise([b0, *(y for y in starts_b if b0 < y < b1), b1])
        yield from (Block("delete", x, y, b0, b0) for x, y in early_a)
        yield Block(tag, *last_a, *(early_b or [last_b])[0])
        yield from (Block("insert", a1, a1, x, y) for x, y in [*early_b, last_b][1:])


def _common(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int, int]]:
    """Where two sequences have stretches in common that keep their order: places in both, and lengths."""
    numbers = dict(zip(a, range(len(a)), strict=True))
    strangers = len(a)  # members that only the second has; they need not be told apart
    first, second = [numbers[x] for x in a], [numbers.get(x, strangers) for x in b]
    if len(a) * len(b) <= _LARGEST:
        for block in LCSseq.opcodes(first, second).as_matching_blocks():
            if block.size:
                yield block.a, block.b, block.size
        return
    times_a, times_b = Counter(first), Counter(second)
    place = {x: j for j, x in enumerate(second) if times_b[x] == 1}
    last = -1
    for i, x in enumerate(first):  # long sequences keep their unique common members only, first come, first served
        j = place.get(x, -1)
        if times_a[x] == 1 and j > last:
            yield i, j, 1
            last = j


def pair_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """The lines of one replaced block, side by side: alike lines are paired, the others stand alone, in order."""
    n, m = len(old), len(new)
    paired: list[tuple[int, int]] = []
    if n * m <= _PAIRED:
        paired = _alike(old, new)
    elif n == m:
        paired = [(k, k) for k in range(n)]
    rows: list[tuple[int | None, int | None]] = []
    i = j = 0
    for x, y in [*paired, (n, m)]:
        rows += [(k, None) for k in range(i, x)]
        rows += [(None, k) for k in range(j, y)]
        if x < n or y < m:
            rows.append((x, y))
        i, j = x + 1, y + 1
    return rows


def _alike(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    n, m = len(old), len(new)
    if n == m == 1:
        return [(0, 0)] if _likeness(old[0], new[0]) >= _ALIKE / 2 else []
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    score: dict[tuple[int, int], float] = {}
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            value = _likeness(old[i - 1], new[j - 1])
            best[i][j] = max(best[i - 1][j], best[i][j - 1])
            if value >= _ALIKE:
                score[i, j] = best[i - 1][j - 1] + value
                best[i][j] = max(best[i][j], score[i, j])
    paired: list[tuple[int, int]] = []
    i, j = n, m
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            paired.append((i, j))
    return paired[::-1]


def _likeness(a: str, b: str) -> float:
    a, b = a.strip()[:_LONG_LINE], b.strip()[:_LONG_LINE]
    return float(Indel.normalized_similarity(a, b)) if a and b else 0.0


def words(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """Both lines as spans, those that differ marked; whole words differ, never parts of words."""
    if len(old) > _LONG_LINE or len(new) > _LONG_LINE:
        return [Span(old, True)], [Span(new, True)]
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    left: list[Span] = []
    right: list[Span] = []
    for block in _without_islands(blocks(a, b), a):
        changed = block.tag != "equal"
        _push(left, "".join(a[block.a0 : block.a1]), changed)
        _push(right, "".join(b[block.b0 : block.b1]), changed)
    return left, right


def _push(spans: list[Span], text: str, changed: bool) -> None:
    if not text:
        return
    if spans and spans[-1].changed == changed:
        text = spans.pop().text + text
    spans.append(Span(text, changed))


def _without_islands(found: list[Block], a: Sequence[str]) -> list[Block]:
    """Equal white space between two changes reads better as changed."""
    result: list[Block] = []
    for k, block in enumerate(found):
        inner = 0 < k < len(found) - 1
        if inner and block.tag == "equal" and "".join(a[block.a0 : block.a1]).isspace():
            block = block._replace(tag="replace")
        result.append(block)
    return result
