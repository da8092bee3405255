"""Generated pairs whose moves, splits and merges are known, and how well the matching finds them.

`generate(random)` gives two notebooks and the truth; `Score` counts hits, false alarms and misses over many of them.
Cells are several lines of words; ids are absent, kept, made new, or count places; a few cells are edited, added and
removed besides, as in real work.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any, NamedTuple

from diff.making import Json, code, doc, nb

from nb2flow.diff.match import match

WORDS = re.findall(
    r"\w+",
    """data frame load read clean drop rows column mean scale train test split model ridge forest fit predict score plot
    axis figure label title legend save path table join group count value index date hour city price error rate loss
    batch epoch layer tensor shape sample seed random draw image pixel filter edge signal noise window step grid""",
)


class Truth(NamedTuple):
    """What was done: base numbers of moved cells; whole to parts of splits; parts to whole of merges."""

    moved: frozenset[int]
    splits: frozenset[tuple[int, tuple[int, ...]]]
    merges: frozenset[tuple[tuple[int, ...], int]]


def line(chance: random.Random) -> str:
    """One line of code-like text."""
    a, b, c, d = (chance.choice(WORDS) for _ in range(4))
    return chance.choice(
        [
            f"{a}_{b} = {c}.{d}({chance.randrange(100)})",
            f"{a} = {b}({c}, {d})",
            f"print({a}, {b}_{c})",
            f"{a}.{b}({c}={d})",
        ]
    )


def source(chance: random.Random, least: int = 2, most: int = 9) -> str:
    """One cell's source."""
    return "\n".join(line(chance) for _ in range(chance.randint(least, most)))


def generate(chance: random.Random) -> tuple[Json, Json, Truth]:
    """Two notebooks and what lies between them."""
    size = chance.randint(12, 40)
    cells: list[dict[str, Any]] = [{"of": (k,), "source": source(chance)} for k in range(size)]
    for k in chance.sample(range(size), size // 8):
        cells[k]["source"] = chance.choice(["df.head()", "plt.show()", "", "import os"])
    base = [dict(c) for c in cells]
    moved: set[int] = set()
    for _ in range(chance.randint(0, 2)):
        moved |= _move(cells, chance, moved)
    touched = set(moved)
    for action in chance.choices(["split", "merge", "edit", "add", "remove"], k=chance.randint(1, 5)):
        _act(action, cells, chance, touched)
    ids = chance.choice(["none", "kept", "new", "places"])
    a = nb(*(code(c["source"], id=_id(ids, k, k, "a")) for k, c in enumerate(base)))
    b = nb(*(code(c["source"], id=_id(ids, c["of"][0] if c["of"] else 1000 + k, k, "b")) for k, c in enumerate(cells)))
    parts: dict[tuple[int, ...], list[int]] = {}
    for k, c in enumerate(cells):
        if c.get("part"):
            parts.setdefault(c["of"], []).append(k)
    splits = frozenset((of[0], tuple(found)) for of, found in parts.items())
    merges = frozenset((c["of"], k) for k, c in enumerate(cells) if len(c["of"]) > 1)
    return a, b, Truth(frozenset(moved), splits, merges)


def _id(kind: str, own: int, place: int, side: str) -> str | None:
    if kind == "none":
        return None
    if kind == "places":
        return f"cell-{place}"
    name = f"{own}{side}" if kind == "new" else f"{own}"
    return f"{random.Random(name).getrandbits(32):08x}"


def _move(cells: list[dict[str, Any]], chance: random.Random, moved: set[int]) -> set[int]:
    """Move a block of one to three cells, farther than it is long, so that it is the block that moved."""
    length = chance.randint(1, 3)
    start = chance.randrange(len(cells) - length)
    block = cells[start : start + length]
    if any(c["of"][0] in moved or len(c["source"]) < 20 for c in block):
        return set()
    places = [p for p in range(len(cells) - length + 1) if abs(p - start) > length + 1]
    del cells[start : start + length]
    place = chance.choice(places)
    cells[place:place] = block
    if chance.random() < 0.3:
        block[0]["source"] += "\n" + line(chance)
    return {c["of"][0] for c in block}


def _act(action: str, cells: list[dict[str, Any]], chance: random.Random, touched: set[int]) -> None:
    place = chance.randrange(len(cells) - 3)
    near = cells[max(0, place - 1) : place + 4]
    if action == "add":
        cells.insert(place, {"of": (), "source": source(chance)})
        return
    if any(not c["of"] or c["of"][0] in touched for c in near):
        return
    cell = cells[place]
    touched.update(c["of"][0] for c in near)
    lines = cell["source"].split("\n")
    if action == "remove":
        del cells[place]
    elif action == "edit":
        lines[chance.randrange(len(lines))] = line(chance)
        cell["source"] = "\n".join(lines)
    elif action == "split" and len(lines) >= 4:
        cuts = sorted(chance.sample(range(1, len(lines)), chance.randint(1, 2)))
        pieces = [lines[i:j] for i, j in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        cells[place : place + 1] = [{"of": cell["of"], "part": True, "source": "\n".join(p)} for p in pieces]
    elif action == "merge":
        parts = cells[place : place + chance.randint(2, 3)]
        if all(len(c["source"]) > 20 for c in parts):
            of = tuple(c["of"][0] for c in parts)
            cells[place : place + len(parts)] = [{"of": of, "source": "\n\n".join(c["source"] for c in parts)}]


class Score:
    """Hits, false alarms and misses for moves, splits and merges."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, a: Json, b: Json, truth: Truth) -> None:
        """Match one pair and compare with the truth."""
        found = match(doc(a).cells, doc(b).cells)
        self._count("moves", {i for i, _ in found.moved}, set(truth.moved))
        self._count("splits", {(s.one, s.parts) for s in found.splits}, set(truth.splits))
        self._count("merges", {(s.parts, s.one) for s in found.merges}, set(truth.merges))

    def _count(self, what: str, found: set[Any], true: set[Any]) -> None:
        self.counts[f"{what} right"] += len(found & true)
        self.counts[f"{what} found"] += len(found)
        self.counts[f"{what} true"] += len(true)

    def precision(self, what: str) -> float:
        """The part of what was found that is true."""
        return self.counts[f"{what} right"] / max(1, self.counts[f"{what} found"])

    def recall(self, what: str) -> float:
        """The part of what is true that was found."""
        return self.counts[f"{what} right"] / max(1, self.counts[f"{what} true"])
