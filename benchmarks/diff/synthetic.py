"""Made-up pairs of notebooks for the goal table: many cells, large images, tables."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

Cell = dict[str, Any]


class Case(NamedTuple):
    """A named pair; `bearable` says whether nbdime answers within a minute."""

    name: str
    make: Callable[[], tuple[bytes, bytes]]
    goal: str
    bearable: bool = True


def cells(number: int, ids: bool, seed: int = 0) -> list[Cell]:
    """So many cells, most unlike each other, some repeated as they are in real notebooks."""
    chance = random.Random(seed)
    found: list[Cell] = []
    for k in range(number):
        if k % 10 == 9:
            source = chance.choice(["df.head()", "plt.show()", ""])
        else:
            names = [f"name_{chance.randrange(5000)}" for _ in range(6)]
            source = f"{names[0]} = {names[1]}.{names[2]}({k})\nprint({names[3]}, {names[4]})\n# step {names[5]}"
        cell: Cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": k, "source": source}
        if ids:
            cell["id"] = f"{chance.getrandbits(32):08x}"
        found.append(cell)
    return found


def notebook(found: list[Cell]) -> bytes:
    """The file."""
    minor = 5 if any("id" in c for c in found) else 4
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": minor}, indent=1).encode()


def identical(number: int) -> Callable[[], tuple[bytes, bytes]]:
    """The same cells in files of which one ends in a line end more."""
    return lambda: (notebook(cells(number, False)), notebook(cells(number, False)) + b"\n")


def edited(number: int, ids: bool, fresh_ids: bool = False) -> Callable[[], tuple[bytes, bytes]]:
    """One cell in fifty edited, a few removed, added and moved; all ids replaced if so wanted."""

    def make() -> tuple[bytes, bytes]:
        a, b = cells(number, ids), cells(number, ids)
        chance = random.Random(1)
        for k in range(0, number, 50):
            b[k] = {**b[k], "source": b[k]["source"] + "\nmore = 1"}
        for _ in range(number // 200):
            b.insert(chance.randrange(len(b)), b.pop(chance.randrange(len(b))))
            del b[chance.randrange(len(b))]
            b.insert(chance.randrange(len(b)), {**b[0], "id": "new"} if ids else {**b[0], "source": "added = 1"})
        if fresh_ids:
            b = [{**c, "id": f"{chance.getrandbits(32):08x}"} for c in b]
        return notebook(a), notebook(b)

    return make


def rewritten(number: int) -> Callable[[], tuple[bytes, bytes]]:
    """Every cell edited a little, no ids: the hardest case."""

    def make() -> tuple[bytes, bytes]:
        a = cells(number, False)
        return notebook(a), notebook([{**c, "source": c["source"].replace("name_", "column_", 1) + "\n"} for c in a])

    return make


def images(megabytes: int) -> tuple[bytes, bytes]:
    """Outputs of so many megabytes, of which one differs."""
    chance = random.Random(2)
    found = cells(50, True)
    for cell in found:
        data = b64encode(b"\x89PNG\r\n\x1a\n" + chance.randbytes(megabytes * 750_000 // 50)).decode()
        output = {"output_type": "display_data", "data": {"image/png": data, "text/plain": "<Figure>"}, "metadata": {}}
        cell["outputs"] = [output]
    other = json.loads(json.dumps(found))
    other[7]["outputs"][0]["data"]["image/png"] = found[8]["outputs"][0]["data"]["image/png"]
    other[3]["source"] += "\nx = 1"
    return notebook(found), notebook(other)


def table(rows: int) -> tuple[bytes, bytes]:
    """One table with all values changed."""

    def version(factor: int) -> bytes:
        body = "".join(
            f"<tr><th>{k}</th>{''.join(f'<td>{factor * k * c}</td>' for c in range(1, 7))}</tr>" for k in range(rows)
        )
        head = "<tr><th></th>" + "".join(f"<th>c{c}</th>" for c in range(6)) + "</tr>"
        html = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        output = {"output_type": "execute_result", "execution_count": 1, "data": {"text/html": html}, "metadata": {}}
        return notebook([{**cells(1, False)[0], "outputs": [output]}])

    return version(3), version(7)


CASES = [
    Case("1,000 cells, no ids, identical", identical(1000), "≤ 0.05 s"),
    Case("1,000 cells, no ids, one in fifty edited", edited(1000, False), "≤ 0.05 s"),
    Case("1,000 cells, ids, one in fifty edited", edited(1000, True), "≤ 0.05 s"),
    Case("1,000 cells, no ids, every cell edited", rewritten(1000), ""),
    Case("5,000 cells, no ids, identical", identical(5000), "≤ 0.2 s, ≤ 150 MiB", bearable=False),
    Case("5,000 cells, no ids, one in fifty edited", edited(5000, False), "≤ 0.2 s, ≤ 150 MiB", bearable=False),
    Case("5,000 cells, ids, one in fifty edited", edited(5000, True), "≤ 0.2 s, ≤ 150 MiB"),
    Case(
        "5,000 cells, all ids new, one in fifty edited", edited(5000, True, True), "≤ 0.2 s, ≤ 150 MiB", bearable=False
    ),
    Case("5,000 cells, no ids, every cell edited", rewritten(5000), "", bearable=False),
    Case("20 MB of images", lambda: images(20), "≤ 0.15 s"),
    Case("a table of 60 rows, all values changed", lambda: table(60), ""),
]
