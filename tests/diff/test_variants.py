"""More pairs in the manner of `test_what_a_person_says`: the same happenings, mixed, in another notebook."""

from __future__ import annotations

from typing import Any

import pytest
from diff.making import Json, code, compare, doc, md, nb, numbered

from nb2flow.diff.merge import merge

SOURCES = [
    "import csv\nimport pathlib",
    "path = pathlib.Path('sales.csv')\nrows = list(csv.reader(path.open()))",
    "header, *body = rows\nprint(header)",
    "totals = {}\nfor region, amount in body:\n    totals[region] = totals.get(region, 0) + float(amount)",
    "best = max(totals, key=totals.get)\nbest",
    "print(f'{best}: {totals[best]:.2f}')",
]
PLAIN = nb(md("# Sales by region\n\nWe read the file and sum the amounts."), *map(code, SOURCES))
NAMED = numbered(PLAIN)
LONG = "a1 = load('x')\na1 = a1.dropna()\n\nb2 = a1.groupby('k').sum()\nb2 = b2.sort_values('v')\n\nplot(b2)\nsave(b2)"


def counted(notebook: Json) -> Json:
    """With ids that say nothing but the place."""
    return with_cells(notebook, [{**c, "id": f"cell-{k}"} for k, c in enumerate(notebook["cells"])])


def with_cells(notebook: Json, cells: list[Json]) -> Json:
    """The notebook with other cells."""
    return {**notebook, "cells": cells}


def edited(notebook: Json, place: int, old: str, new: str) -> Json:
    """One cell's source changed."""
    cells = list(notebook["cells"])
    assert old in cells[place]["source"]
    cells[place] = {**cells[place], "source": cells[place]["source"].replace(old, new)}
    return with_cells(notebook, cells)


def moved(notebook: Json, start: int, number: int, place: int) -> Json:
    """So many cells taken out, and put in before what is then at a place."""
    cells = list(notebook["cells"])
    block = cells[start : start + number]
    del cells[start : start + number]
    cells[place:place] = block
    return with_cells(notebook, cells)


def put(notebook: Json, place: int, *new: Json) -> Json:
    """New cells."""
    return with_cells(notebook, [*notebook["cells"][:place], *new, *notebook["cells"][place:]])


def without(notebook: Json, place: int) -> Json:
    """A cell less."""
    return with_cells(notebook, [c for k, c in enumerate(notebook["cells"]) if k != place])


def in_parts(notebook: Json, more: str = "") -> Json:
    """The long cell, which is the fourth, in three."""
    first, second, third = LONG.split("\n\n")
    cells = notebook["cells"]
    parts = [{**cells[3], "source": first}, code(second + more, id="p2"), code(third, id="p3")]
    return with_cells(notebook, [*cells[:3], *parts, *cells[4:]])


SUMS = """def sums(rows, column=1):
    found = {}
    for row in rows:
        found[row[0]] = found.get(row[0], 0) + float(row[column])
    return found"""
LARGEST = """def largest(rows, column=1, number=3):
    found = sorted(rows, key=lambda row: float(row[column]))
    return found[-number:]"""
SUMS_EDITED = """def sums(rows, column=1):
    found = Counter()
    for row in rows:
        found.update({row[0]: float(row[column])})
    return found"""
LARGEST_EDITED = """def most(rows, column=1, number=3):
    found = sorted(rows, key=lambda row: -float(row[column]))
    return found[:number]"""
WITH_LONG = numbered(put(PLAIN, 3, code(LONG)))
CASES: dict[str, tuple[Json, Json, dict[str, int]]] = {
    "a cell moved up": (NAMED, moved(NAMED, 6, 1, 2), {"moved": 1}),
    "neighbours swapped": (NAMED, moved(NAMED, 5, 1, 6), {"moved": 1}),
    "a block moved and one of it edited, no ids": (
        PLAIN,
        edited(moved(PLAIN, 4, 2, 1), 1, "float", "int"),
        {"moved": 2, "moved_modified": 1},
    ),
    "everything the other way round": (NAMED, with_cells(NAMED, NAMED["cells"][::-1]), {"moved": 6}),
    "one in three, a part edited": (WITH_LONG, in_parts(WITH_LONG, "\nprint(b2)"), {"split": 1}),
    "three in one, one of them edited before": (in_parts(WITH_LONG, "\nprint(b2)"), WITH_LONG, {"merged": 1}),
    "a variable renamed everywhere": (
        NAMED,
        with_cells(NAMED, [{**c, "source": c["source"].replace("totals", "sums")} for c in NAMED["cells"]]),
        {"modified": 3},
    ),
    "first cell removed, ids count places": (counted(PLAIN), counted(without(PLAIN, 0)), {"removed": 1}),
    "two inserted, ids count places": (
        counted(PLAIN),
        counted(put(PLAIN, 3, md("## Cleaning"), code("body = [r for r in body if r]"))),
        {"added": 2},
    ),
    "all ids new and an edit": (NAMED, edited(numbered(PLAIN, "z"), 5, "best =", "top = best ="), {"modified": 1}),
    "one removed at the end, another added at the start": (
        NAMED,
        put(without(NAMED, 6), 1, code("import logging\nlog = logging.getLogger(__name__)", id="new")),
        {"added": 1, "removed": 1},
    ),
    "a cell doubled": (NAMED, put(NAMED, 4, {**NAMED["cells"][3], "id": "twin"}), {"added": 1}),
    "what is below a heading written anew, and a cell added": (
        put(PLAIN, 3, md("## Cleaning\n\nRows without an amount are dropped.")),
        put(PLAIN, 3, md("## Cleaning\n\nNothing to do yet: who made this file has checked it."), code("len(body)")),
        {"modified": 1, "added": 1},
    ),
    "two cells that are a little alike changed places, both edited": (
        put(PLAIN, 3, code(SUMS), code(LARGEST)),
        put(PLAIN, 3, code(LARGEST_EDITED), code(SUMS_EDITED)),
        {"modified": 1, "moved": 1, "moved_modified": 1},
    ),
    "an empty cell filled": (put(PLAIN, 4, code("")), put(PLAIN, 4, code("print(len(body))")), {"modified": 1}),
    "an import went, another came elsewhere": (
        put(PLAIN, 1, code("from sales.format import Currency")),
        put(PLAIN, 7, code("from sales.format import table\n\ntable(totals)")),
        {"added": 1, "removed": 1},
    ),
    "a heading got a paragraph": (NAMED, edited(NAMED, 0, "amounts.", "amounts.\n\nTaxes left out."), {"modified": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_are_what_a_person_counts(name: str) -> None:
    old, new, wanted = CASES[name]
    summary: dict[str, Any] = compare(old, new).summary._asdict()
    assert {k: v for k, v in summary.items() if v and k != "unchanged"} == wanted


def test_a_move_and_an_edit_of_one_cell_merge_into_one() -> None:
    merged = merge(doc(NAMED), doc(moved(NAMED, 6, 1, 2)), doc(edited(NAMED, 6, ".2f", ".1f")))
    assert not merged.conflicts
    assert [c["id"] for c in merged.notebook["cells"]] == [c["id"] for c in moved(NAMED, 6, 1, 2)["cells"]]
    assert ".1f" in merged.notebook["cells"][2]["source"]
