"""Three versions of a text made into one, line by line, as version control does.

Lines that only one side changed are taken from that side; where both changed the same or neighbouring lines in
different ways, the strategy decides, and `inline` writes both between marks. Texts in, text out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from nb2flow.diff.text import blocks

Strategy = Literal["inline", "use-base", "use-local", "use-remote", "union"]


class Labels(NamedTuple):
    """What the marks of a conflict call the versions."""

    base: str = "base"
    local: str = "local"
    remote: str = "remote"


class Merged(NamedTuple):
    """The text, and how many stretches of it both sides changed differently."""

    text: str
    conflicts: int


def merge_text(base: str, local: str, remote: str, strategy: Strategy, labels: Labels) -> Merged:
    """One text of three."""
    if local == remote or remote == base:
        return Merged(local, 0)
    if local == base:
        return Merged(remote, 0)
    a, left, right = base.split("\n"), local.split("\n"), remote.split("\n")
    lines: list[str] = []
    conflicts = 0
    for old, mine, theirs in _stretches(a, left, right):
        if mine == theirs or theirs == old:
            lines += mine
        elif mine == old:
            lines += theirs
        else:
            conflicts += 1
            lines += resolve(old, mine, theirs, strategy, labels)
    return Merged("\n".join(lines), conflicts)


def resolve(
    old: Sequence[str], mine: Sequence[str], theirs: Sequence[str], strategy: Strategy, labels: Labels
) -> list[str]:
    """The lines that stand for a conflict; common first and last lines stay outside the marks."""
    if strategy == "use-base":
        return list(old)
    if strategy == "use-local":
        return list(mine)
    if strategy == "use-remote":
        return list(theirs)
    start = 0
    while start < min(len(mine), len(theirs)) and mine[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(mine), len(theirs)) - start and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    left, right = mine[start : len(mine) - end], theirs[start : len(theirs) - end]
    if strategy == "union":
        middle = [*left, *right]
    else:
        middle = [f"<<<<<<< {labels.local}", *left, "=======", *right, f">>>>>>> {labels.remote}"]
    return [*mine[:start], *middle, *mine[len(mine) - end :]]


def _stretches(a: list[str], left: list[str], right: list[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The three texts cut where a line of the base is unchanged on both sides."""
    in_left, in_right = _places(a, left), _places(a, right)
    i = j = k = 0
    for place in [p for p in range(len(a)) if p in in_left and p in in_right] + [len(a)]:
        x, y = (in_left[place], in_right[place]) if place < len(a) else (len(left), len(right))
        if i < place or j < x or k < y:
            yield a[i:place], left[j:x], right[k:y]
        if place < len(a):
            line = a[place : place + 1]
            yield line, line, line
        i, j, k = place + 1, x + 1, y + 1


def _places(a: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Where the unchanged lines of the base are in a version."""
    found: dict[int, int] = {}
    for block in blocks(a, other):
        if block.tag == "equal":
            found.update(zip(range(block.a0, block.a1), range(block.b0, block.b1), strict=True))
    return found
