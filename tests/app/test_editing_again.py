"""What an editor asks twice is answered from memory, and only that; near names are those that difflib finds."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nb2flow import notebook
from nb2flow.app.editing import _build, analyse_edited, document_of
from nb2flow.flow.checks import _nearest
from nb2flow.flow.model import Observations, Outside


def _document(path: Path, second: str, **metadata: Any) -> Any:
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {"tags": [f"step:s{n}"]}, "source": source}
        for n, source in enumerate(["import random\nx = random.random()", second])
    ]
    return document_of({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, path)


def test_the_same_notebook_is_not_analysed_again_and_a_changed_one_is(tmp_path: Path) -> None:
    (tmp_path / "nb2flow.toml").write_text("")
    path = tmp_path / "n.ipynb"
    first = analyse_edited(_document(path, "print(x)"), path, split=None)
    changed = analyse_edited(_document(path, "print(2)"), path, split=None)
    again = analyse_edited(_document(path, "print(x)"), path, split=None)
    assert again.flow is first.flow
    assert [(e.source, e.target) for e in first.flow.edges] == [("s0", "s1")]
    assert changed.flow.edges == ()


def test_what_is_known_of_modules_is_part_of_what_is_compared(tmp_path: Path) -> None:
    document = _document(tmp_path / "n.ipynb", "from mine import *\nprint(b)")
    layout, seen = notebook.lay_out(document, None), Observations()
    for names, missing in ((frozenset("a"), ["NB302"]), (frozenset("ab"), [])):
        found = _build(tmp_path / "n.ipynb", document, layout, outside=Outside(stars={"mine": names}), observed=seen)
        assert [d.code for d in found.diagnostics if d.code == "NB302"] == missing


@given(st.text("abc_", max_size=8), st.lists(st.text("abc_", max_size=8), max_size=12))
def test_the_nearest_name_is_the_one_that_difflib_gives(name: str, known: list[str]) -> None:
    found = difflib.get_close_matches(name, known, 1, 0.75)
    assert _nearest(name, known) == (found[0] if found else "")
