"""Laws that hold for all notebooks and edits, looked for counter-examples by hypothesis."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from diff.making import code, compare, doc, nb, notebooks, pairs, stream, texts, triples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nb2flow.diff.document import empty
from nb2flow.diff.edits import canonical, digest, exact_edits, nbdime_edits
from nb2flow.diff.layout import join_notebook
from nb2flow.diff.match import match
from nb2flow.diff.merge import merge
from nb2flow.diff.patching import apply
from nb2flow.diff.sameness import same
from nb2flow.diff.show import terminal
from nb2flow.diff.show.document_json import to_json
from nb2flow.diff.show.page import render_page
from nb2flow.diff.text import blocks, words

Json = dict[str, Any]


def law(examples: int) -> settings:
    """So many examples, however slow the machine is just now."""
    patient = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=patient)


@given(pairs)
@law(120)
def test_a_patch_of_a_diff_gives_the_second_notebook_exactly(pair: tuple[Json, Json]) -> None:
    a, b = doc(pair[0]), doc(pair[1])
    edits = json.loads(json.dumps(exact_edits(a, b, match(a.cells, b.cells))))
    assert same(apply(a.json, edits), b.json)


@given(notebooks, st.sampled_from([1, 10**30, float("nan"), float("inf"), "\ud800", None, {"b": 1, "a": []}]))
@law(100)
def test_a_digest_is_of_the_canonical_form_whatever_is_in_it(notebook: Json, odd: Any) -> None:
    for value in (notebook, {**notebook, "metadata": {"odd": odd}}, {**notebook, "cells": [odd, odd]}, [notebook], odd):
        assert digest(value) == blake2b(canonical(value), digest_size=8).hexdigest()


@given(pairs)
@law(100)
def test_the_nbdime_form_leads_from_one_joined_notebook_to_the_other(pair: tuple[Json, Json]) -> None:
    a, b = doc(pair[0]), doc(pair[1])
    edits = nbdime_edits(a, b, match(a.cells, b.cells))
    assert same(apply(join_notebook(a.notebook), edits), join_notebook(b.notebook))


def test_outputs_that_a_change_of_type_leaves_behind_are_seen_as_each_type_has_them() -> None:
    cell = code("x", {**stream(""), "text": ["a\n", "b"]})
    a, b = doc(nb(cell)), doc(nb({**cell, "cell_type": "raw"}))
    edits = nbdime_edits(a, b, match(a.cells, b.cells))
    assert same(apply(join_notebook(a.notebook), edits), join_notebook(b.notebook))


@given(notebooks)
@law(100)
def test_a_notebook_does_not_differ_from_itself(notebook: Json) -> None:
    found = compare(notebook, notebook)
    assert not found.changed
    assert not found.noise
    a, b = doc(notebook), doc(notebook)
    assert exact_edits(a, b, match(a.cells, b.cells)) == []


@given(pairs)
@law(100)
def test_every_cell_is_told_exactly_once(pair: tuple[Json, Json]) -> None:
    found = compare(*pair)
    assert sorted(c.number for change in found.cells for c in change.base) == list(range(len(pair[0]["cells"])))
    assert [c.number for change in found.cells for c in change.remote] == list(range(len(pair[1]["cells"])))
    first_eight = sum(found.summary[:8]) + 0
    assert first_eight == len(found.cells)


@given(pairs)
@law(100)
def test_every_form_can_be_written(pair: tuple[Json, Json]) -> None:
    found = compare(*pair)
    assert "\n".join(terminal.render(found, terminal.Style(terminal.COLOURS))).count("\x1b[0m") > 0
    assert render_page([found]).endswith("</html>\n")
    json.dumps(to_json(found, None))


@given(notebooks, notebooks)
@law(100)
def test_merging_with_no_change_on_one_side_gives_the_other_side(base: Json, other: Json) -> None:
    assert merge(doc(base), doc(other), doc(base)).notebook == other
    assert merge(doc(base), doc(base), doc(other)).notebook == other
    assert merge(doc(base), doc(other), doc(other)).notebook == other


@given(triples)
@law(120)
def test_a_merge_does_not_depend_on_who_is_local(triple: tuple[Json, Json, Json]) -> None:
    base, left, right = (doc(n) for n in triple)
    one, other = merge(base, left, right), merge(base, right, left)
    assert bool(one.conflicts) == bool(other.conflicts)
    assert sorted(_contents(one.notebook)) == sorted(_contents(other.notebook))
    if not one.conflicts:
        assert same(join_notebook(one.notebook), join_notebook(other.notebook))


def _contents(notebook: Json) -> list[str]:
    """Each cell's lines, sorted, so that the two halves of a conflict may stand either way."""
    found = []
    for cell in notebook.get("cells", []):
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        found.append("\n".join(sorted(source.split("\n"))))
    return found


@given(triples)
@law(120)
def test_a_merge_has_unique_ids_and_only_cells(triple: tuple[Json, Json, Json]) -> None:
    base, left, right = (doc(n) for n in triple)
    cells = merge(base, left, right).notebook["cells"]
    if not any(same(left.json, x.json) or same(right.json, x.json) for x in (base,)) and not same(
        left.json, right.json
    ):
        ids = [c["id"] for c in cells]
        assert len(set(ids)) == len(ids)


@given(notebooks)
@law(50)
def test_everything_of_an_added_notebook_is_added(notebook: Json) -> None:
    found = compare(b"", notebook)
    assert found.summary.added == len(notebook["cells"])
    assert match(empty("x").cells, doc(notebook).cells).pairs == ()


@given(texts, texts)
@law(100)
def test_blocks_cover_both_texts(a: Any, b: Any) -> None:
    first, second = ("".join(t).splitlines(True) for t in (a, b))
    found = blocks(first, second)
    assert [x for block in found for x in first[block.a0 : block.a1]] == first
    assert [x for block in found for x in second[block.b0 : block.b1]] == second
    assert all(first[k.a0 : k.a1] == second[k.b0 : k.b1] for k in found if k.tag == "equal")


@given(texts, texts)
@law(100)
def test_words_hold_the_whole_line(a: Any, b: Any) -> None:
    first, second = "".join(a), "".join(b)
    left, right = words(first, second)
    assert ("".join(s.text for s in left), "".join(s.text for s in right)) == (first, second)


def test_an_id_given_to_a_cell_without_one_is_replaced_for_nbdime_which_makes_one_up() -> None:
    a, b = doc(nb(code("x = 1"))), doc(nb(code("x = 1", id="one")))
    edits = nbdime_edits(a, b, match(a.cells, b.cells))
    assert edits[0]["diff"][0]["diff"] == [{"op": "replace", "key": "id", "value": "one"}]
    assert same(apply(a.json, edits), b.json)
    older = doc(nb(code("x = 1"), minor=4))
    assert nbdime_edits(older, b, match(older.cells, b.cells))[0]["diff"][0]["diff"][0]["op"] == "add"


def test_lines_that_nbdime_doubles_in_version_2_are_in_the_script() -> None:
    cell = {"cell_type": "code", "language": "python", "outputs": [], "input": ["x = 1\n", "y = 2"]}
    old, new = (doc({"nbformat": v, "metadata": {}, "worksheets": [{"cells": [cell]}]}) for v in (3, 2))
    edits = nbdime_edits(old, new, match(old.cells, new.cells))
    assert [c["source"] for c in apply(old.notebook, edits)["cells"]] == ["x = 1\n\ny = 2"]
