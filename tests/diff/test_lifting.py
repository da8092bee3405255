"""A script is the same whatever was lifted out of the notebooks' bytes before parsing, and holds the same texts."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from diff.making import code, pairs
from diff.test_laws import law
from diff.test_shared import notebook, script, written
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.diff.document import reads
from nb2flow.diff.lifting import Lifted
from nb2flow.diff.script import edit_script
from nb2flow.errors import NotebookError

Json = dict[str, Any]


def restored(data: list[bytes], lifted: Lifted) -> Any:
    """The script that is made with stand-ins, with the texts in their places."""
    return orjson.loads(b"".join(lifted.restore(script(data, lifted))))


@given(pairs)
@law(150)
def test_a_script_is_the_same_when_long_texts_were_lifted(pair: tuple[Json, Json]) -> None:
    data = [written({"cells": n["cells"], **n}) for n in pair]
    lifted = Lifted("0a1b", long=12, step=10)
    assert restored(data, lifted) == orjson.loads(script(data, None))


BASE64 = "iVBORw0KGgo" * 10_000


@pytest.mark.parametrize(
    ("value", "lifts"),
    [
        ({"image/png": BASE64}, True),
        ({"image/png": "iVBORw0KGgo\n" * 10_000}, True),
        ({"image/png": ["iVBORw0KGgo\n"] * 10_000}, True),
        ({"application/javascript": ["line();\n"] * 5_000}, True),
        ({"text/html": "line\n" * 5_000}, False),
        ({"text/html": ["<script>\n", 'a = "b";\t' * 5_000 + "\n", "</script>"]}, True),
        ({"text/html": ["a\nb" * 5_000]}, True),
        ({"text/html": ["a\u2028b" * 5_000]}, True),
        ({"text/html": ["line\n"] * 5_000}, True),
        ({"text/plain": ['h\u00e9 "quoted"\n'] * 5_000}, True),
        ({"text/plain": ["ends in a backslash\\"] * 5_000}, True),
        ({"text/latex": ["line\n"] * 5_000}, False),
        ({"text/html": ["line\n"] * 5_000 + [1]}, True),
        ({"image/svg+xml": ["<g>\n" + "x" * 19_000]}, True),
        ({"image/svg+xml": '<g id="g">\n' * 5_000}, True),
        ({"image/svg+xml": ['<g id="g">\n'] * 5_000}, True),
        ({"application/json": {"values": [1.5] * 5_000}}, False),
    ],
)
def test_only_long_texts_that_nobody_looks_into_are_lifted(value: Json, lifts: bool) -> None:
    def cell(data: Json) -> Json:
        output = {"data": data, "metadata": {}, "output_type": "display_data"}
        return {**code("show()"), "outputs": [output], "id": "one"}

    data = [written(notebook([cell(v)])) for v in ({"text/plain": "x"}, value)]
    lifted = Lifted("0a1b", long=1_024)
    short = script(data, lifted)
    assert (len(short) < 2_000) is lifts
    assert b"".join(lifted.restore(short)) == script(data, None)


@pytest.mark.parametrize(
    "text", ["one line" * 5_000, "line\n" * 5_000, ("line " * 5_000 + "\n") * 3, "h\u00e9" * 9_000]
)
@pytest.mark.parametrize("kind", ["image/png", "text/html", "text/plain", "image/svg+xml"])
def test_a_long_text_written_in_another_way_is_no_change(text: str, kind: str) -> None:
    ways: list[Any] = [text, text.splitlines(True), [text], [text[:9_000], text[9_000:]]]
    outputs = [{"data": {kind: way}, "metadata": {}, "output_type": "display_data"} for way in ways]
    files = [written(notebook([{**code("show()"), "outputs": [o], "id": "one"}])) for o in outputs]
    files.append(files[0].replace(b"line", b"l\\u0069ne"))
    for one in files:
        for other in files:
            assert script([one, other], Lifted("0a1b", long=1_024)) == b"[]"


@pytest.mark.parametrize("damage", [b'"', b"\\", b"\t", b"\\x", b"\xff"])
def test_a_long_text_that_is_no_json_is_a_fault_at_its_place(damage: bytes) -> None:
    output = {"data": {"image/png": BASE64}, "metadata": {}, "output_type": "display_data"}
    whole = written(notebook([{**code("show()"), "outputs": [output], "id": "one"}]))
    middle = whole.index(b"iVBOR") + 40_000
    broken = whole[:middle] + damage + whole[middle:]
    with pytest.raises(NotebookError) as lifted:
        mark = Lifted("0a1b", long=1_024)
        mark.restore(script([whole.replace(b"show", b"draw"), broken], mark))
    with pytest.raises(NotebookError) as plain:
        reads(broken, "b")
    assert lifted.value.message == plain.value.message


LINES = ["line\n"] * 5_000


@pytest.mark.parametrize(
    "cell",
    [
        {**code("x"), "outputs": [{"output_type": "stream", "name": "stdout", "text": LINES}]},
        {**code("x"), "outputs": [{"name": "stdout", "text": LINES}]},
        {**code("x"), "outputs": [{"output_type": "display_data", "metadata": {"text/html": LINES}, "data": {}}]},
        {**code("x"), "outputs": [{"output_type": "error", "traceback": LINES, "data": {"text/html": LINES}}]},
        {**code("x"), "outputs": [{"output_type": "display_data", "data": {"text/html": {"text/html": LINES}}}]},
        {**code("x"), "others": [{"output_type": "display_data", "data": {"text/html": LINES}}]},
        {**code("x"), "cell_type": "markdown", "outputs": [{"output_type": "stream", "text": LINES}]},
        {**code("x"), "metadata": {"deep": {"er": {"text/html": LINES}}}},
    ],
)
def test_a_list_of_lines_counts_as_a_text_only_where_it_is_one(cell: Json) -> None:
    changed = orjson.loads(orjson.dumps(cell).replace(b"line", b"LINE", 1))
    gone = orjson.loads(orjson.dumps(cell).replace(b'"line\\n",', b"", 100))
    for one, other in ((cell, changed), (changed, gone), (code("y"), cell), (cell, code("y"))):
        data = [written(notebook([c])) for c in (one, other)]
        lifted = Lifted("0a1b", long=1_024)
        assert restored(data, lifted) == orjson.loads(script(data, None))


@pytest.mark.parametrize("damage", [b'"', b"\\", b"\t", b"\\x", b"\xff", b"\n", b'", "x', b'",\n'])
def test_a_long_list_that_is_no_json_is_a_fault_at_its_place(damage: bytes) -> None:
    output = {"data": {"text/html": LINES}, "metadata": {}, "output_type": "display_data"}
    whole = written(notebook([{**code("show()"), "outputs": [output], "id": "one"}]))
    middle = whole.index(b'"line') + 40_003
    data = [written(notebook([code("show()")])), whole[:middle] + damage + whole[middle:]]
    lifted = Lifted("0a1b", long=1_024)
    try:
        plain = script(data, None)
    except NotebookError as fault:
        with pytest.raises(NotebookError) as found:
            lifted.restore(script(data, lifted))
        assert found.value.message == fault.message
    else:
        assert restored(data, lifted) == orjson.loads(plain)


NUMBERS = [[k / 7, -k] for k in range(1_000)]
OTHERS = [float(k) for k in range(2_000)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"x": NUMBERS, "name": "a"}, {"x": NUMBERS, "name": "b"}),
        ({"x": NUMBERS, "y": OTHERS}, {"x": OTHERS, "y": NUMBERS}),
        ({"x": NUMBERS}, {"x": NUMBERS, "y": NUMBERS}),
        ({"x": NUMBERS, "y": NUMBERS}, {"z": NUMBERS}),
        ({"x": [NUMBERS, OTHERS], "y": OTHERS}, {"x": [OTHERS, NUMBERS], "y": OTHERS, "z": 2.5}),
        ({"x": NUMBERS, "y": [1, "a"]}, {"x": NUMBERS, "y": ["a"]}),
    ],
)
def test_long_lists_of_numbers_that_both_have_are_lifted(old: Json, new: Json) -> None:
    def file(state: Json) -> bytes:
        bundle = {"application/vnd.plotly.v1+json": {"data": [state, {"type": "scatter"}]}}
        output = {"data": bundle, "metadata": {}, "output_type": "display_data"}
        return written(notebook([{**code("show()"), "outputs": [output], "id": "one"}]))

    data = [file(old), file(new)]
    lifted = Lifted("0a1b", long=1_024)
    edits = script(data, lifted)
    assert lifted.holds_lists
    assert len(edits) < 1_000 or old["x"] != new.get("x")
    assert orjson.loads(b"".join(lifted.restore(edits))) == orjson.loads(script(data, None))


@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud800"', b"123456789012345678901234567890", b"1.50"])
@pytest.mark.parametrize("added", [True, False])
def test_what_only_the_lenient_parser_reads_may_stand_in_a_long_list(odd: bytes, added: bool) -> None:
    output = {"data": {"text/html": LINES}, "metadata": {}, "output_type": "display_data"}
    whole = written(notebook([{**code("show()"), "outputs": [output], "id": "one"}]))
    middle = whole.index(b'"line') + 40 * len(b'       "line\\n",\n')
    middle = whole.index(b'"line', middle)
    strange = whole[:middle] + odd + b",\n       " + whole[middle:]
    data = [written(notebook([code("show()")])) if added else whole.replace(b"line", b"LINE", 1), strange]
    lifted = Lifted("0a1b", long=1_024)
    short = json.dumps(edit_script(data[0], data[1], ("a", "b"), lifted)).encode()
    plain = json.dumps(edit_script(data[0], data[1], ("a", "b")))
    assert json.dumps(json.loads(b"".join(lifted.restore(short)))) == plain


IMAGE = "iVBORw0KGgo\n" * 2_000


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (IMAGE, IMAGE[:-1], True),
        (IMAGE, IMAGE.replace("\n", "\\u000a", 3), False),
        (IMAGE, IMAGE.replace("\n", "\\u000b", 3), True),
        (IMAGE, IMAGE + "A", True),
        (IMAGE + "\u00e9", IMAGE + "\\u00e9", False),
    ],
)
@pytest.mark.parametrize("mime", ["image/png", "image/svg+xml"])
def test_images_are_compared_whatever_their_escapes(mime: str, old: str, new: str, changed: bool) -> None:
    def file(image: str) -> bytes:
        output = {"data": {mime: image}, "metadata": {}, "output_type": "display_data"}
        return written(notebook([{**code("show()"), "outputs": [output], "id": "one"}])).replace(b"\\\\u", b"\\u")

    lifted = Lifted("0a1b", long=1_024)
    data = [file(old), file(new)]
    edits = b"".join(lifted.restore(script(data, lifted)))
    assert (edits != b"[]") is changed
    assert orjson.loads(edits) == orjson.loads(script(data, None))


@pytest.mark.parametrize("fault", [b"\\x", b"\x01", b"\xff"])
def test_an_image_that_is_no_text_is_refused(fault: bytes) -> None:
    def cell(image: str) -> Json:
        output = {"data": {"image/png": image}, "metadata": {}, "output_type": "display_data"}
        return {**code("show()"), "outputs": [output], "id": "one"}

    data = [written(notebook([cell(image)])) for image in ("x", IMAGE)]
    lifted = Lifted("0a1b", long=1_024)
    with pytest.raises(NotebookError, match="b is "):
        lifted.restore(script([data[0], data[1].replace(b"KGgo", fault, 1)], lifted))


TABLE = [f"<td>{k % 10}</td>\n" for k in range(2_000)]
DRAWN = ['<script>draw("%s");</script>\n' % ("\u00e9 <>" * 3_000)]


def shown(source: str, *outputs: list[str]) -> Json:
    results = [{"data": {"text/html": lines}, "metadata": {}, "output_type": "display_data"} for lines in outputs]
    return {**code(source), "outputs": results}


@pytest.mark.parametrize(
    ("old", "new", "lifts"),
    [
        ([("a", TABLE), ("b", DRAWN), ("c", TABLE * 6)], [("a2", TABLE), ("b2", DRAWN), ("c2", TABLE * 6)], True),
        ([("x = 1", TABLE * 8), ("y", DRAWN)], [("y", DRAWN), ("x = 1", TABLE * 8), ("z", TABLE)], True),
        ([("one", TABLE * 8), ("two", DRAWN * 2)], [("one", DRAWN * 2), ("two", TABLE * 8)], True),
        ([("one", TABLE * 8), ("two", TABLE * 8)], [("one", TABLE * 8), ("two", TABLE * 8 + ["x"])], False),
        ([("one", TABLE * 8)], [("one", TABLE * 8), ("two", TABLE * 8)], False),
        ([("one", TABLE * 8), ("gone", DRAWN)], [("new", DRAWN), ("one!", TABLE * 8)], True),
    ],
)
def test_outputs_that_both_have_are_not_parsed(old: list[Any], new: list[Any], lifts: bool) -> None:
    """They may stand elsewhere, and then they are after all."""
    for indent in (1, 2):
        data = [
            json.dumps(
                {"cells": [shown(*c) for c in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=indent
            ).encode()
            for cells in (old, new)
        ]
        lifted = Lifted("0a1b", long=1_024)
        assert restored(data, lifted) == orjson.loads(script(data, None))
        assert lifted.holds_outputs is lifts


@pytest.mark.parametrize("end", [b'}],\n   "x": [\n    {\n    }\n   ]', b"}]"])
def test_outputs_that_end_where_nobody_ends_them_are_read(end: bytes) -> None:
    """A file that was written by hand may close a list in the middle of a line."""
    files = []
    for source, size in (("a = 1", 9_000), ("a = 2", 9_000), ("b", 12_000)):
        cell = b'{\n   "cell_type": "code",\n   "execution_count": null,\n   "metadata": {},\n   "outputs": [\n    {\n'
        cell += b'     "output_type": "stream",\n     "name": "stdout",\n     "text": "%s"%s' % (b"x\\n" * size, end)
        cell += b',\n   "source": "%s"\n  }' % source.encode()
        cells = b",\n  ".join([cell, cell.replace(source.encode(), b"c")])
        files.append(b'{\n "cells": [\n  %s\n ],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 4\n}\n' % cells)
    for one in files:
        for other in files:
            assert restored([one, other], Lifted("0a1b", long=1_024)) == orjson.loads(script([one, other], None))


@pytest.mark.parametrize("old", ["<b>", "\u00e9", "a\\u0062c", DRAWN[0][:-1]])
@pytest.mark.parametrize(
    "spell", [(b"<", b"\\u003c"), (b"/", b"\\/"), (b"\xc3\xa9", b"\\u00e9"), (b"draw", b"dr\\u0061w")]
)
def test_a_long_line_is_compared_whatever_its_escapes(old: str, spell: tuple[bytes, bytes]) -> None:
    """One that could not be any text of the other notebook is not looked into."""
    lines = [[old * 1_000 + "\n", "end"], DRAWN, [DRAWN[0], "more"], ["x"]]
    files = [written(notebook([shown("show()", way), shown("x", *([way] if way is DRAWN else []))])) for way in lines]
    files += [data.replace(*spell) for data in files]
    for one in files:
        for other in files:
            assert restored([one, other], Lifted("0a1b", long=1_024)) == orjson.loads(script([one, other], None))


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_images_of_version_3_are_lifted(line_end: bytes) -> None:
    def file(*images: Json, metadata: Json | None = None) -> bytes:
        cells = [
            {
                "cell_type": "code",
                "collapsed": False,
                "input": [f"show({k})"],
                "language": "python",
                "metadata": {"a": metadata or {}},
                "outputs": [{"metadata": {}, "output_type": "display_data", "png": image, "text": ["x"]}],
            }
            for k, image in enumerate(images)
        ]
        sheets = [{"cells": cells, "metadata": {}}]
        whole = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}
        return written(whole).replace(b"\n", line_end)

    lines = "iVBORw0KGgo\n" * 2_000
    files = [
        file(BASE64, lines, BASE64[1:]),
        file(lines, BASE64, BASE64[1:] + "="),
        file(lines[:-1], BASE64),
        file(lines.split("\n"), BASE64, lines),
        file(BASE64, lines, metadata={"png": lines}),
        file(BASE64, lines, metadata={"png": lines + "one\nmore"}),
    ]
    files.append(file(lines, BASE64[1:]).replace(b"VBOR", b"\\u0056BOR"))
    lifted = Lifted("0a1b", long=1_024)
    assert len(script(files[:2], lifted)) < 2_000
    for one in files:
        for other in files:
            assert restored([one, other], Lifted("0a1b", long=1_024)) == orjson.loads(script([one, other], None))
    for broken in (b'V"BOR', b"V\xffBOR", b"V\\BOR", b"V\nBOR"):
        data = [files[0], files[1].replace(b"VBOR", broken, 2_001)]
        said = []
        for ours in (None, Lifted("0a1b", long=1_024)):
            with pytest.raises(NotebookError) as fault:
                edits = script(data, ours)
                if ours is not None:
                    ours.restore(edits)
            said.append(fault.value.message)
        assert said[0] == said[1]


@pytest.mark.parametrize("before", [True, False])
def test_metadata_that_is_the_same_is_not_parsed(before: bool) -> None:
    state = {f"model{k}": {"model_name": "FloatModel", "state": {"value": k}} for k in range(400)}

    def file(source: str, state: Json) -> bytes:
        rest = {"metadata": {"widgets": state}, "nbformat": 4, "nbformat_minor": 5}
        cells = {"cells": [code("x"), code(source)]}
        return written({**rest, **cells} if before else {**cells, **rest})

    changed = {**state, "model7": 1, "model8": {"model_name": "other", "state": {"value": 8}}}
    usual = {"state": state, "version_major": 2, "version_minor": 0}
    states = [
        state,
        changed,
        {"application/vnd.jupyter.widget-state+json": usual},
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": changed, "version_minor": 1}},
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": {**state, "model\u00e9": "\u00e9" * 5_000}}},
        {
            "application/vnd.jupyter.widget-state+json": {
                **usual,
                "state": {"model1": 2**64 - 1, "model2": float("nan")},
            }
        },
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": [1]}},
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": {**state, "numbers": {"x": NUMBERS}}}},
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": {"others": {"x": NUMBERS, "name": "a"}}}},
        {"application/vnd.jupyter.widget-state+json": {**usual, "state": {f"new{k}": [k % 3] for k in range(99)}}},
    ]
    data = [file("a", state), *(file("b", its) for its in states)]
    for one in data:
        for other in data:
            assert restored([one, other], Lifted("0a1b", long=1_024)) == orjson.loads(script([one, other], None))


@pytest.mark.parametrize(
    "damage", [b'"', b"\\", b"\t", b"\\x", b"\xff", b"\n", b'", "x', b'",\n', b"\\ud800", b"\xc3\xa9"]
)
def test_a_fault_in_metadata_that_was_added_is_told_at_its_place(damage: bytes) -> None:
    data = [written({**notebook([code("x")]), "metadata": its}) for its in ({}, {"notes": "abcd" * 20_000})]
    middle = data[1].index(b"abcd") + 40_002
    data[1] = data[1][:middle] + damage + data[1][middle:]
    try:
        plain = json.loads(json.dumps(edit_script(data[0], data[1], ("a", "b"))))
    except NotebookError as fault:
        with pytest.raises(NotebookError) as found:
            edit_script(data[0], data[1], ("a", "b"), Lifted("0a1b", long=1_024))
        assert found.value.message == fault.message
        return
    lifted = Lifted("0a1b", long=1_024)
    short = json.dumps(edit_script(data[0], data[1], ("a", "b"), lifted)).encode()
    assert json.loads(b"".join(lifted.restore(short))) == plain


def test_metadata_that_is_nested_too_deeply_is_told() -> None:
    data = [written({**notebook([code("x")]), "metadata": {"notes": its}}) for its in ("short", "DEEP")]
    data[1] = data[1].replace(b'"DEEP"', b"[" * 50_000 + b"]" * 50_000)
    for pair in (data, data[::-1]):
        with pytest.raises(NotebookError, match="nested too deeply"):
            edit_script(pair[0], pair[1], ("a", "b"), Lifted("0a1b", long=1_024))


@pytest.mark.parametrize("spell", [b"\\n", b"\\u2028", b"\\u000a", b"\\\\n", b"\xe2\x80\xa8"])
def test_lines_that_were_not_read_are_counted_where_they_are_compared(spell: bytes) -> None:
    """Nothing like the long text is in the other version, so it is not looked into until the lines around it are."""
    long = "<a>" + 'x = "1";\t' * 2_000 + "SPELL" + "y" * 20_000
    ways = [[["first\n", long + "\n", "last"]], [["first\n", "last, edited"]], [["first\n", long, "last\n", "more"]]]
    files = [written(notebook([shown("show()", *way)])).replace(b"SPELL", spell) for way in ways]
    for one in files:
        for other in files:
            assert restored([one, other], Lifted("0a1b", long=1_024)) == orjson.loads(script([one, other], None))


@given(pairs, st.sampled_from([6, 12, 40]), st.sampled_from([1, 2]))
@law(100)
def test_a_script_is_the_same_when_outputs_were_lifted(pair: tuple[Json, Json], long: int, times: int) -> None:
    data = [written({"cells": n["cells"] * times, **{k: v for k, v in n.items() if k != "cells"}}) for n in pair]
    assert restored(data, Lifted("0a1b", long=long, step=10)) == orjson.loads(script(data, None))


@pytest.mark.parametrize("spell", [b"<abc", b"\\u003cabc"])
def test_a_line_that_is_long_for_its_escapes_only_is_the_short_one(spell: bytes) -> None:
    text = "<abcdefgh" + "<" * 1_800
    short = written(notebook([shown("show()", [text])])).replace(b"<abc", spell)
    long = short.replace(b"<", b"\\u003c")
    assert script([short, long], None) == b"[]"
    for data in ([short, long], [long, short]):
        assert restored(data, Lifted("0a1b", long=1_024)) == []
