"""Happenings of a working day mixed in one pair, in a notebook with sections: what a person would count, and merge."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from diff.making import Json, code, compare, doc, md, nb, numbered

from nb2flow.diff.merge import merge

Edit = Callable[[list[Json]], Any]

LONG = (
    "features = ['hr', 'temp', 'humidity', 'weekend']\nX, y = bikes[features], bikes.rentals\ncut = int(len(X) * 0.8)"
    "\n\nmodel = RandomForestRegressor(n_estimators=200, random_state=0)\nmodel.fit(X[:cut], y[:cut])"
    "\n\nguess = model.predict(X[cut:])\nerror = np.abs(guess - y[cut:]).mean()\nprint('mean error', round(error, 1))"
)
PLAIN = nb(
    md("# Bike rentals\nHourly counts of a city's hire bikes."),
    code("import pandas as pd\nimport numpy as np\nfrom sklearn.ensemble import RandomForestRegressor"),
    md("## 1. Load"),
    code("bikes = pd.read_csv('hour.csv', parse_dates=['dteday'])\nbikes.head()"),
    code("bikes = bikes.rename(columns={'cnt': 'rentals'})\nbikes['weekend'] = bikes.weekday.isin([0, 6])"),
    md("## 2. Look"),
    code("plt.figure(figsize=(10, 4))\nbikes.groupby('hr').rentals.mean().plot()\nplt.show()"),
    code("plt.figure(figsize=(10, 4))\nbikes.groupby('mnth').rentals.mean().plot()\nplt.show()"),
    md("Rentals peak at 8 and at 17 o'clock: people ride to work."),
    md("## 3. Train"),
    code(LONG),
    code("pd.Series(model.feature_importances_, features).plot.barh()"),
    code("plt.show()"),
    md("## 4. Save"),
    code("import joblib\njoblib.dump(model, 'model.joblib')"),
)
NAMED = numbered(PLAIN)


def put(cells: list[Json], place: int, *more: Json) -> None:
    cells[place:place] = more


def change(cells: list[Json], place: int, old: str, new: str) -> None:
    assert old in cells[place]["source"]
    cells[place]["source"] = cells[place]["source"].replace(old, new)


def parts(cells: list[Json], *between: Json) -> None:
    """The long cell in three, or in two with something between."""
    first, second, third = LONG.split("\n\n")
    rest = [code(f"{second}\n\n{third}", id="p1")] if between else [code(second, id="p1"), code(third, id="p2")]
    cells[10:11] = [{**cells[10], "source": first}, *between, *rest]


def after(notebook: Json, *edits: Edit) -> Json:
    new = copy.deepcopy(notebook)
    for edit in edits:
        edit(new["cells"])
    return new


def without_ids(notebook: Json) -> Json:
    return {**notebook, "cells": [{k: v for k, v in c.items() if k != "id"} for c in notebook["cells"]]}


def month_first(cells: list[Json]) -> None:
    put(cells, 6, cells.pop(7))


def cleaning(cells: list[Json]) -> None:
    cells[9]["source"], cells[13]["source"] = "## 4. Train", "## 5. Save"
    put(cells, 9, md("## 3. Clean", id="h"), code("bikes = bikes[bikes.humidity > 0].drop_duplicates()", id="c"))


def double_quotes(cells: list[Json]) -> None:
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["source"] = cell["source"].replace("'", '"')


def fenced(cells: list[Json]) -> None:
    cells[4] = md(f"```python\n{cells[4]['source']}\n```", id=cells[4]["id"])


def function_out(cells: list[Json]) -> None:
    change(cells, 10, "np.abs(guess - y[cut:]).mean()", "mean_error(guess, y[cut:])")
    put(cells, 10, code("def mean_error(guess, truth):\n    return np.abs(guess - truth).mean()", id="f"))


def swallowed(cells: list[Json]) -> None:
    cells[11]["source"] += "\n" + cells.pop(12)["source"]


def last_section_first(cells: list[Json]) -> None:
    cells.extend([cells.pop(5) for _ in range(4)])


PAIRS: dict[str, tuple[list[Edit], dict[str, int]]] = {
    "a move, an edit and a split": (
        [parts, month_first, lambda c: change(c, 3, "head()", "sample(5)")],
        {"modified": 1, "moved": 1, "split": 1},
    ),
    "a section inserted, headings renumbered": ([cleaning], {"added": 2, "modified": 2}),
    "other quotes everywhere": ([double_quotes], {"modified": 6}),
    "two with a heading between": ([lambda c: parts(c, md("### Fit", id="h"))], {"added": 1, "split": 1}),
    "a function taken out": ([function_out], {"added": 1, "modified": 1}),
    "a line swallowed by the cell above": ([swallowed], {"merged": 1}),
    "a section moved to the end": ([last_section_first], {"moved": 4}),
    "a cell twice more": ([lambda c: put(c, 7, {**c[6], "id": "t1"}, {**c[6], "id": "t2"})], {"added": 2}),
}


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("name", PAIRS)
def test_mixed_edits_are_counted_as_a_person_counts(name: str, ids: bool) -> None:
    edits, wanted = PAIRS[name]
    old, new = NAMED, after(NAMED, *edits)
    summary = compare(old, new) if ids else compare(without_ids(old), without_ids(new))
    counts: dict[str, Any] = summary.summary._asdict()
    assert {k: v for k, v in counts.items() if v and k != "unchanged"} == wanted


def test_code_that_became_a_fenced_block_changed_its_type() -> None:
    assert compare(NAMED, after(NAMED, fenced)).summary.type_changed == 1


MERGES: dict[str, tuple[Edit, Edit]] = {
    "different lines of one cell": (
        lambda c: change(c, 10, "n_estimators=200", "n_estimators=500"),
        lambda c: change(c, 10, "0.8", "0.75"),
    ),
    "other quotes, and an edit of another line": (
        lambda c: change(c, 10, "n_estimators=200", "n_estimators=500"),
        double_quotes,
    ),
    "an edit, and a section moved": (lambda c: change(c, 7, "mnth", "season"), last_section_first),
    "an edit, and a section inserted": (lambda c: change(c, 10, "200", "500"), cleaning),
    "an edit elsewhere, and a split": (lambda c: change(c, 3, "head()", "sample(5)"), parts),
    "tags, and a cell removed": (lambda c: c[10]["metadata"].update(tags=["step:train"]), lambda c: c.pop(12)),
}


@pytest.mark.parametrize("name", MERGES)
def test_edits_that_do_not_touch_merge_without_conflict(name: str) -> None:
    """The second edit moves cells at most after the place of the first: done one after the other they give the same."""
    one, other = MERGES[name]
    merged = merge(doc(NAMED), doc(after(NAMED, one)), doc(after(NAMED, other)))
    assert not merged.conflicts
    wanted = after(NAMED, one, other)["cells"]
    assert [c["source"] for c in merged.notebook["cells"]] == [c["source"] for c in wanted]
    assert len({c["id"] for c in merged.notebook["cells"]}) == len(wanted)


def test_a_part_edited_in_a_cell_that_the_other_side_split_is_never_lost() -> None:
    edit: Edit = lambda c: change(c, 10, "n_estimators=200", "n_estimators=500")  # noqa: E731
    merged = merge(doc(NAMED), doc(after(NAMED, parts)), doc(after(NAMED, edit)))
    assert merged.conflicts
    assert any("n_estimators=500" in c["source"] for c in merged.notebook["cells"])
