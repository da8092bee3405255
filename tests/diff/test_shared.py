"""Reading two versions at once gives what reading each of them gives; scoring a row what scoring each pair gives."""

from __future__ import annotations

import copy
import json
from typing import Any

import orjson
import pytest
from diff.making import code, pairs, texts
from diff.test_laws import law
from hypothesis import example, given
from hypothesis import strategies as st

from nb2flow.diff.changes import Scope
from nb2flow.diff.compare import describe
from nb2flow.diff.document import Document, parse, reads
from nb2flow.diff.edits import exact_edits, nbdime_edits
from nb2flow.diff.lifting import Lifted
from nb2flow.diff.match import match
from nb2flow.diff.patching import apply
from nb2flow.diff.script import edit_script
from nb2flow.diff.shared import UNREAD, reads_both
from nb2flow.diff.show import terminal
from nb2flow.diff.similarity import Choices, Lexicon, similarity
from nb2flow.errors import NotebookError
from nb2flow.integers import holds_long_integers

Json = dict[str, Any]


def written(notebook: Json) -> bytes:
    """A file as nbformat lays it out."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def written_otherwise(notebook: Json, indent: int | str) -> bytes:
    """A file in another layout, its cells last."""
    rest = {key: value for key, value in notebook.items() if key != "cells"}
    return json.dumps({**rest, "cells": notebook["cells"]}, indent=indent).encode()


def script(data: list[bytes], lifted: Lifted | None) -> bytes:
    """The edit script in nbdime's form between two files."""
    return orjson.dumps(edit_script(data[0], data[1], ("a", "b"), lifted))


def told(a: Document, b: Document) -> tuple[Any, Any, list[str]]:
    """Edits, summary and text of a comparison."""
    matching = match(a.cells, b.cells)
    found = describe(a, b, matching, Scope())
    return nbdime_edits(a, b, matching), found.summary, list(terminal.render(found, terminal.Style(terminal.PLAIN)))


def unread(document: Document) -> int:
    """How many cells were not parsed."""
    return sum(cell.raw.items() >= UNREAD.items() for cell in document.cells)


@given(pairs)
@law(150)
def test_both_ways_of_reading_tell_the_same(pair: tuple[Json, Json]) -> None:
    data = [written({"cells": n["cells"], **n}) for n in pair]
    whole = told(reads(data[0], "a"), reads(data[1], "b"))
    assert told(*reads_both(data[0], data[1], ("a", "b"))) == whole
    assert told(*reads_both(data[0], data[1], ("a", "b"), once=True)) == whole
    assert told(*reads_both(data[0], data[1], ("a", "b"), large=0)) == whole
    a, b = reads_both(data[0], data[1], ("a", "b"), exact=True, whole=True, large=0)
    assert told(a, b) == whole
    assert (a, b) == (reads(data[0], "a"), reads(data[1], "b"))
    assert apply(a.json, exact_edits(a, b, match(a.cells, b.cells))) == b.json


@given(pairs, st.sampled_from([1, 2, 4, "\t"]), st.booleans())
@law(150)
def test_files_in_other_layouts_tell_the_same(pair: tuple[Json, Json], indent: int | str, windows: bool) -> None:
    data = [written_otherwise(n, indent) for n in pair]
    data = [d.replace(b"\n", b"\r\n") for d in data] if windows else data
    whole = told(reads(data[0], "a"), reads(data[1], "b"))
    assert told(*reads_both(data[0], data[1], ("a", "b"))) == whole
    lifted = Lifted("0a1b", long=12)
    assert orjson.loads(b"".join(lifted.restore(script(data, lifted)))) == orjson.loads(script(data, None))


ODD = [b"[NaN]", b'["\\ud800"]', b"[1e999]", b"[123456789012345678901234567890]", b"\xef\xbb\xbf[1]", b'{"a":1,"a":2}']


@pytest.mark.parametrize("data", [*ODD, "[1]".encode("utf-16")])
def test_a_small_file_is_the_same_to_both_parsers(data: bytes) -> None:
    assert repr(parse(data, "x", once=True)) == repr(parse(data, "x"))


@pytest.mark.parametrize("data", [b"", b"[1,]", b'["a\nb"]', b"[\xff]", b'["\xed\xa0\x80"]', b"[1", b"[" * 10**5])
def test_a_small_file_that_is_no_json_is_refused_by_both(data: bytes) -> None:
    said = []
    for once in (False, True):
        with pytest.raises(NotebookError) as fault:
            parse(data, "x", once=once)
        said.append(fault.value.message)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "text", ["0.12345678901234567890", "18446744073709551615", "-9223372036854775808", '"x%s"' % ("1" * 40)]
)
def test_many_digits_are_no_long_integer_yet(text: str) -> None:
    assert not any(holds_long_integers(b" " * shift + b"[%s]" % text.encode()) for shift in range(4))


@given(st.integers(0, 900), st.integers(-(10**21), 10**21), st.integers(0, 7))
@law(200)
def test_a_long_integer_is_found_among_many_digits(place: int, number: int, shift: int) -> None:
    """Most digits of a table are looked at in another way than a few."""
    values = [0.1234567890123456 + k if k % 3 else 1234567 * k for k in range(900)]
    data = b" " * shift + json.dumps([*values[:place], number, *values[place:]]).encode()
    assert holds_long_integers(data) is not (-(2**63) <= number < 2**64)


def notebook(cells: list[Json]) -> Json:
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_only_what_lies_between_equal_cells_is_parsed() -> None:
    cells = [{**code(f"x{k} = {k}"), "id": f"c{k}"} for k in range(100)]
    changed = [*cells[:40], {**cells[40], "source": "y = 1"}, *cells[41:]]
    a, b = reads_both(written(notebook(cells)), written(notebook(changed)), ("a", "b"))
    assert (unread(a), unread(b)) == (99, 99)
    assert match(a.cells, b.cells).head == 40
    a, b = reads_both(written(notebook(cells)), written(notebook(cells[1:])), ("a", "b"))
    assert (len(a.cells), len(b.cells), unread(b)) == (100, 99, 98)
    a, b = reads_both(written(notebook(cells)), written({**notebook(cells), "metadata": {"x": 1}}), ("a", "b"))
    assert (unread(a), b.metadata) == (99, {"x": 1})


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("indent", [1, 2, 4, "\t"])
def test_common_cells_are_not_parsed_in_other_layouts(indent: int | str, line_end: bytes) -> None:
    cells = [{**code(f"x{k} = {k}"), "id": f"c{k}"} for k in range(40)]
    sides = [notebook(cells), {**notebook([*cells[:20], *cells[21:]]), "metadata": {"x": 1}}]
    data = [written_otherwise(side, indent).replace(b"\n", line_end) for side in sides]
    a, b = reads_both(*data, ("a", "b"))
    assert (len(a.cells), unread(a), len(b.cells), unread(b), b.metadata) == (40, 38, 39, 38, {"x": 1})


def test_common_cells_of_worksheets_are_not_parsed() -> None:
    def sheets(*inputs: str) -> Json:
        cells: list[Json] = [{"cell_type": "heading", "level": 1, "metadata": {}, "source": ["T"]}]
        cells += [{"cell_type": "code", "input": [x], "metadata": {}, "outputs": []} for x in inputs]
        return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}

    data = [written(sheets("a", "b", "c")), written(sheets("a", "x", "c"))]
    a, b = reads_both(data[0], data[1], ("a", "b"))
    assert (unread(a), unread(b), b.cells[2].source) == (3, 3, "x")
    assert told(a, b) == told(reads(data[0], "a"), reads(data[1], "b"))
    two = [d.replace(b"\n ]", b',\n  {"cells": []}\n ]') for d in data]
    assert unread(reads_both(two[0], two[1], ("a", "b"))[0]) == 0


@pytest.mark.parametrize("size", [10, 3_000])
@pytest.mark.parametrize("lacking", ["outputs", "metadata", "source", "id"])
def test_what_large_and_small_cells_lack_is_seen(lacking: str, size: int) -> None:
    """Whether the common cells are counted or looked at one by one."""
    output = {"output_type": "stream", "name": "stdout", "text": "x" * size}
    cells = [{**code(f"x{k} = {k}"), "outputs": [output], "id": f"c{k}"} for k in range(9)]
    cells[4] = {key: value for key, value in cells[4].items() if key != lacking}
    changed = [*cells[:8], {**cells[8], "source": "y"}]
    data = [written(notebook(c)) for c in (cells, changed)]
    a, b = reads_both(data[0], data[1], ("a", "b"))
    assert unread(a) == (8 if lacking == "id" else 0)
    assert sum(cell.id is not None for cell in b.cells) == (8 if lacking == "id" else 9)
    assert told(a, b) == told(reads(data[0], "a"), reads(data[1], "b"))


WIDGETS = {f"model{k}": {"model_name": "FloatModel", "state": {"value": k, "text": "x" * 300}} for k in range(60)}


@pytest.mark.parametrize(
    "change",
    [
        {"model30": {"model_name": "FloatModel", "state": {"value": -1, "text": "x" * 300}}},
        {"model30": None},
        {"model30": []},
        {"another": {"a": 1}},
        {"model0": 1, "model59": 2},
        {'with " and \\': 1},
    ],
)
def test_only_what_differs_of_widgets_is_parsed(change: Json) -> None:
    cells = [code(f"x{k} = {k}") for k in range(3)]
    state = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": WIDGETS, "version_major": 2}}}
    other = copy.deepcopy(state)
    other["widgets"]["application/vnd.jupyter.widget-state+json"]["state"] = {**WIDGETS, **change}
    data = [written({**notebook(cells), "metadata": {**m, "a": 1}}) for m in (state, other)]
    a, _ = reads_both(data[0], data[1], ("a", "b"), lifted=Lifted("0a1b", long=512))
    if len(change) == 1 and "model30" in change:
        assert len(json.dumps(a.metadata)) < 1_000
    for pair in (data, data[::-1]):
        assert script(pair, Lifted("0a1b", long=512)) == script(pair, None) != b"[]"


def test_a_name_that_stands_twice_is_what_the_last_one_says() -> None:
    """Nobody writes such a file; a part that is left out must not hide it."""
    states = {"application/vnd.jupyter.widget-state+json": {"state": {**WIDGETS, "model60": 1}, "zzz": 2}}
    a = written({**notebook([code("x")]), "metadata": {"widgets": states}})
    first = b'     "model0": {'
    for b in (
        a.replace(b' "model60": 1\n', b' "model0": 1\n'),
        a.replace(first, b'     "model60": 1,\n' + first),
        a.replace(first, b'     "model60": 2,\n' + first),
        a.replace(b'   "application', b'   "application/vnd.jupyter.widget-state+json": {},\n   "application', 1),
        a.replace(b'    "zzz"', b'    "state": {\n     "model3": 1\n    },\n    "zzz"'),
    ):
        assert a != b
        for one, other in ((a, b), (b, a)):
            assert script([one, other], Lifted("0a1b", long=512)) == script([one, other], None)


@pytest.mark.parametrize("damage", [b'   "outputs": [],\n', b'   "metadata": {},\n', b'   "cell_type": "code",\n'])
def test_a_common_part_that_lacks_something_is_read_and_warned_of(damage: bytes) -> None:
    cells = [code(f"x{k} = {k}") for k in range(9)]
    data = written(notebook(cells)).replace(damage, b"", 1)
    other = data.replace(b"x7 = 7", b"x7 = 8")
    a, b = reads_both(data, other, ("a", "b"))
    assert unread(a) == 0
    assert a.warnings == reads(data, "a").warnings
    assert told(a, b) == told(reads(data, "a"), reads(other, "b"))


def test_a_file_that_is_broken_is_refused_with_its_name() -> None:
    data = written(notebook([code(f"x{k} = {k}") for k in range(9)]))
    with pytest.raises(NotebookError, match="b is no JSON"):
        reads_both(data, data.replace(b'"x7 = 7"', b'"x7 = 8'), ("a", "b"))


@pytest.mark.parametrize("shift", range(8))
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**19, 10**30])
def test_integers_beyond_64_bits_are_kept_exactly(number: int, shift: int) -> None:
    """The fast parser makes floats of them, with which a patch, a merge or a clean would write another number."""
    data = [b"%b[%d]" % (b" " * shift, n) for n in (number, number + 1)]
    assert [parse(d, "x")[0] for d in data] == [number, number + 1]
    assert all(type(parse(d, "x")[0]) is int for d in data)
    cells = [code(f"x{k} = {k}") for k in range(9)]
    sides = [written({**notebook(cells), "metadata": {"n": n}}) for n in (number, number + 1)]
    a, b = reads_both(sides[0], sides[1], ("a", "b"), exact=True)
    assert (a.metadata["n"], b.metadata["n"]) == (number, number + 1)


def test_a_list_that_looks_like_cells_but_lies_deeper_is_read_whole() -> None:
    """Nobody writes such a file; a difference in it is told all the same."""
    inner = b'{\n   "x": 1\n  },\n  {\n   "x": %d\n  },\n  {\n   "x": 3\n  }\n ]'
    cell = b'{\n "cells": [\n  {\n   "cell_type": "code", "source": "", "outputs": [], "metadata": {"deep": [' + inner
    data = [cell % k + b'}}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}' for k in (1, 2)]
    a, b = reads_both(data[0], data[1], ("a", "b"))
    assert [c.kind for c in describe(a, b, match(a.cells, b.cells), Scope()).cells] == ["metadata"]


@given(texts, st.lists(texts, min_size=1, max_size=12), st.sampled_from([0.2, 0.4, 0.5, 0.6, 0.7]))
@example(["\n"], [["\n\n"]], 0.2)
@law(200)
def test_a_row_scores_as_its_pairs_do(one: Any, many: list[Any], cutoff: float) -> None:
    lexicon = Lexicon()
    text, others = lexicon.text("".join(one)), [lexicon.text("".join(t)) for t in many]
    singly = {k: similarity(text, other, cutoff) for k, other in enumerate(others)}
    assert Choices(others).similarities(text, cutoff) == {k: v for k, v in singly.items() if v}


def test_cells_that_are_the_same_are_parsed_once() -> None:
    cells = [{**code(f"x{k} = {k}"), "id": f"c{k}"} for k in range(30)]
    changed = [{**c, "source": "y = 1"} if k in (0, 9, 10, 29) else c for k, c in enumerate(cells)]
    new = {**code("new = 1"), "id": "n"}
    data = [written(notebook(cells)), written(notebook([*changed[:20], new, *changed[20:]]))]
    a, b = reads_both(data[0], data[1], ("a", "b"), lifted=Lifted("0a1b", long=1_024))
    same = {k + (k >= 20) for k in range(30)} - {0, 9, 10, 30}
    assert {k for k, cell in enumerate(b.cells) if any(cell.raw is other.raw for other in a.cells)} == same
