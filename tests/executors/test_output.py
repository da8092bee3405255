"""What is kept of output, and how failures are read: without kernels."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.executors.cells import Stopped
from nb2flow.executors.failure import explain
from nb2flow.executors.output import OutputKeeper, beginning_of_stream
from nb2flow.executors.record import encode


def stream(name: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": ""}


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=5)), max_size=30))
def test_joining_loses_and_reorders_nothing(pieces: list[tuple[str, str]]) -> None:
    keeper, outputs = OutputKeeper(1000), list[Any]()
    for name, text in pieces:
        keeper.add_text(outputs, 0, name, text, stream)
    assert keeper.end(0) == ""
    assert "".join(o["text"] for o in outputs) == "".join(text for _, text in pieces)
    for name in ("stdout", "stderr"):
        mine = "".join(o["text"] for o in outputs if o["name"] == name)
        assert mine == "".join(text for n, text in pieces if n == name)
    assert all(a["name"] != b["name"] for a, b in pairwise(outputs))


def test_a_million_pieces_are_joined_once() -> None:
    keeper, outputs = OutputKeeper(10_000_000), list[Any]()
    for _ in range(1_000_000):
        keeper.add_text(outputs, 0, "stdout", "a", stream)
    assert outputs[0]["text"] == ""  # nothing is joined before somebody looks
    keeper.close()
    assert len(outputs[0]["text"]) == 1_000_000


def test_what_is_over_the_limit_is_counted_and_said_once() -> None:
    keeper, outputs = OutputKeeper(10), list[Any]()
    keeper.add_text(outputs, 3, "stdout", "x" * 25, stream)
    assert keeper.drops(3, "stream", 100)
    assert not keeper.drops(4, "stream", 100)
    assert keeper.end(3).startswith("115 bytes of printed text left out: the limit for each cell is 10 bytes")
    assert keeper.end(3) == ""
    assert outputs[0]["text"] == "x" * 10


def test_displayed_objects_have_ten_times_the_room_and_errors_all_of_it() -> None:
    keeper = OutputKeeper(10)
    assert not keeper.drops(0, "display_data", 100)
    assert keeper.drops(0, "execute_result", 1)
    assert not keeper.drops(0, "error", 1000)
    assert keeper.end(0).startswith("1 displayed objects left out")


def test_cleared_output_makes_room() -> None:
    keeper, outputs = OutputKeeper(10), list[Any]()
    keeper.add_text(outputs, 0, "stdout", "x" * 10, stream)
    keeper.cleared(0)
    outputs.clear()
    keeper.add_text(outputs, 0, "stdout", "y" * 10, stream)
    assert keeper.end(0) == ""
    assert outputs[0]["text"] == "y" * 10


@given(st.text(max_size=40), st.integers(0, 300), st.booleans())
def test_the_beginning_of_a_message_is_the_beginning_of_its_text(text: str, most: int, compact: bool) -> None:
    content = {"name": "stderr", "text": text}
    encoded = json.dumps(content, separators=(",", ":")) if compact else json.dumps(content)
    name, beginning, rest = beginning_of_stream(memoryview(encoded.encode()), most)
    assert name == "stderr"
    assert text.encode("utf-16", "surrogatepass").startswith(beginning.encode("utf-16", "surrogatepass"))
    assert (rest == 0) == (beginning == text)


def test_the_executed_notebook_is_written_as_jupyter_writes_it() -> None:
    cell = {
        "cell_type": "code",
        "source": "a\nb",
        "outputs": [
            {"output_type": "stream", "name": "stdout", "text": "1\n2"},
            {"output_type": "display_data", "data": {"text/plain": "x\ny", "image/png": "aa\nbb", "a/json": {"k": 1}}},
            {"output_type": "error", "traceback": ["t\nu"]},
        ],
    }
    written = json.loads(encode({"cells": [cell], "nbformat": 4}))["cells"][0]
    assert written["source"] == ["a\n", "b"]
    assert written["outputs"][0]["text"] == ["1\n", "2"]
    assert written["outputs"][1]["data"] == {"text/plain": ["x\n", "y"], "image/png": "aa\nbb", "a/json": {"k": 1}}
    assert written["outputs"][2]["traceback"] == ["t\nu"]
    assert json.loads(encode({"cells": [{"cell_type": "raw", "source": "half \ud800"}]}))["cells"][0]["source"]


NEW = (
    "\x1b[0;36mCell\x1b[0m \x1b[0;32mIn[5], line 3\x1b[0m\n\x1b[0;32m----> 3\x1b[0m f(0)\n"
    "\x1b[0;36mCell\x1b[0m \x1b[0;32mIn[2], line 9\x1b[0m, in f\n"
)
IPYTHON_8_0 = "Input \x1b[0;32mIn [5]\x1b[0m, in <cell line: 3>()\n      1 def f(x):\n----> 3 f(0)\n"
IPYTHON_7 = (
    "\x1b[0;32m<ipython-input-5-0a1b2c3d>\x1b[0m in \x1b[0;36m<module>\x1b[0m\n      2 x\n"
    "\x1b[0;32m----> 3\x1b[0m f(0)\n"
)
IPYKERNEL_6 = (
    "\x1b[0;32m/tmp/ipykernel_12/345.py\x1b[0m in \x1b[0;36m<module>\x1b[0m\n      2 x\n\x1b[0;32m----> 3\x1b[0m f(0)\n"
)


@pytest.mark.parametrize("traceback", [NEW, IPYTHON_8_0, IPYTHON_7, IPYKERNEL_6])
def test_the_line_is_found_in_tracebacks_of_all_versions_of_ipython(traceback: str) -> None:
    failure = explain(failed(traceback), Stopped("error", 0), None, None)
    assert (failure.line, failure.source_line, failure.cell_id, failure.cell_index) == (3, "f(0)", "original", 11)


@pytest.mark.parametrize("traceback", ["", "Cell In[2], line 9", "no place at all"])
def test_a_traceback_without_this_cell_gives_no_line(traceback: str) -> None:
    assert explain(failed(traceback), Stopped("error", 0), None, None).line is None


REPLAY = [
    {"cell": 1, "first": 2, "id": "one", "last": 3, "line": 1},
    {"cell": 2, "first": 6, "id": "two", "last": 7, "line": 2},
]


@pytest.mark.parametrize(
    ("number", "shown", "place"),
    [
        (2, "y = x[5]", ("two", 2, 2, "y = x[5]")),
        (2, "x = [1]", ("one", 1, 2, "x = [1]")),
        (6, "y = x[5]", ("two", 2, 2, "y = x[5]")),  # a shell that could not be told the author's numbers
    ],
)
def test_a_replayed_line_that_fails_is_told_as_the_authors(
    number: int, shown: str, place: tuple[str, int, int, str]
) -> None:
    document = failed(f"Cell In[5], line {number}\n      1 import x\n----> {number} {shown}\n")
    cell = document["cells"][0]
    cell["source"] = "# from cell 1, line 1\nimport x\nx = [1]\n\n# from cell 2, line 2\ny = x[5]\nz = 1"
    cell["metadata"] = {"nb2flow": {"role": "replay", "lines": REPLAY}}
    failure = explain(document, Stopped("error", 0), None, None)
    assert (failure.cell_id, failure.cell_index, failure.line, failure.source_line) == place


def test_a_group_of_exceptions_has_its_name_and_line() -> None:
    document = failed("")
    printed = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/lib/IPython/core/interactiveshell.py", line 3823, in run_code\n'
        '  |   File "/tmp/ipykernel_15026/4116903634.py", line 3, in <module>\n'
        "  | ExceptionGroup: two (1 sub-exception)\n    +------------------------------------\n"
    )
    document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stderr", "text": printed}]
    failure = explain(document, Stopped("error", 0, "ExceptionGroup", "two (1 sub-exception)"), None, None)
    assert (failure.message, failure.line) == ("ExceptionGroup: two (1 sub-exception)", 3)
    assert "interactiveshell" in failure.traceback[0]


def failed(traceback: str) -> dict[str, Any]:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": [traceback]}
    marks = {"nb2flow": {"role": "author", "cell": 11, "id": "original"}}
    cell = {
        "cell_type": "code",
        "id": "here",
        "execution_count": 5,
        "source": "a\nb\nf(0)",
        "metadata": marks,
        "outputs": [error],
    }
    return {"cells": [cell]}


def test_the_manifest_tells_what_cannot_be_carried(tmp_path: Path) -> None:
    manifest = tmp_path / "m.json"
    manifest.write_text(json.dumps({"problems": [{"name": "gen", "kind": "unpicklable", "error": "a generator"}]}))
    document = failed("")
    document["cells"][0]["metadata"] = {"nb2flow": {"role": "save"}}
    failure = explain(document, Stopped("error", 0), None, manifest)
    assert (failure.kind, failure.variables) == ("cannot-carry", (("gen", ""),))
    manifest.write_text("damaged")
    assert explain(document, Stopped("error", 0), None, manifest).kind == "engine"
