"""Reading and writing notebook documents: bad input ends in one clear refusal, odd input is read as far as harmless."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.errors import EnvironmentFault, NotebookError
from nb2flow.notebook import read, reads, values_of, write, writes

CODE: dict[str, Any] = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [], "execution_count": None}
TEXT = {"cell_type": "markdown", "metadata": {}, "source": "# Title"}


def data(*cells: Any, **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}).encode()


REFUSED = {
    "empty file": (b"", "NB104", "it is empty"),
    "not JSON": (b"x = 1\ny = 2\n", "NB104", "line 1, column 1"),
    "cut off": (data(CODE)[:-20], "NB104", "not JSON"),
    "not text": (b"\x89PNG\r\n\x1a\n\xff\xfe", "NB104", "UTF-8"),
    "merge conflict": (b'{\n<<<<<<< HEAD\n"a": 1\n}', "NB104", "not JSON"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "NB104", "not JSON"),
    "too deep": (b"[" * 200_000, "NB104", "JSON"),
    "long number": (b'{"nbformat": ' + b"4" * 5000 + b"}", "NB104", "JSON"),
    "a list": (b"[1, 2]", "NB105", "it is a list"),
    "a text": (b'"notebook"', "NB105", "it is a text"),
    "null": (b"null", "NB105", "it is a null"),
    "no cells": (b'{"nbformat": 4, "metadata": {}}', "NB105", "no list of cells"),
    "cells no list": (b'{"nbformat": 4, "cells": {}}', "NB105", "are a mapping, not a list"),
    "format no number": (data(CODE, nbformat="4"), "NB105", "'4', not a number"),
    "cell no object": (data(CODE, "x"), "NB105", "cell 1 is a text"),
    "source no text": (data({**CODE, "source": {"a": 1}}), "NB105", "the source of cell 0 is a mapping"),
    "format 5": (data(CODE, nbformat=5), "NB106", "notebook format 5"),
    "format 5, no cells": (b'{"nbformat": 5, "blocks": []}', "NB106", "notebook format 5"),
    "format 0": (data(CODE, nbformat=0), "NB106", "notebook format 0"),
    "broken format 3": (
        b'{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": 1}]}]}',
        "NB105",
        "cannot be upgraded",
    ),
    "no cells at all": (data(), "NB108", "has no cells"),
    "text only": (data(TEXT, TEXT), "NB109", "has no code cells: all 2 are text"),
    "empty code only": (data({**CODE, "source": " \n"}), "NB109", "all of its code cells are empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_documents_are_refused_with_one_diagnostic(case: str) -> None:
    content, code, words = REFUSED[case]
    with pytest.raises(NotebookError) as caught:
        reads(content, "demo")
    assert words in caught.value.message
    assert "demo.ipynb" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_hints_say_what_to_do() -> None:
    with pytest.raises(NotebookError) as caught:
        reads(REFUSED["merge conflict"][0], "demo")
    assert "merge conflicts" in caught.value.hint
    with pytest.raises(NotebookError) as caught:
        reads(REFUSED["LFS pointer"][0], "demo")
    assert "git lfs pull" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "code", "words", "hint"),
    [
        ("trian.ipynb", "NB101", "there is no file", "train.ipynb"),
        ("nowhere/at/all.ipynb", "NB101", "there is no file", "check the path"),
        ("train.ipynb/x.ipynb", "NB101", "there is no file", "check the path"),
        ("folder", "NB102", "is a folder", "inner.ipynb"),
        ("pipe", "NB102", "not a regular file", "name a notebook"),
        ("null\0byte", "NB103", "cannot be read", "check the path"),
        ("n" * 5000, "NB103", "cannot be read", "check the path"),
    ],
)
def test_bad_paths_are_refused(tmp_path: Path, name: str, code: str, words: str, hint: str) -> None:
    (tmp_path / "train.ipynb").write_bytes(data(CODE))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner.ipynb").write_bytes(data(CODE))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotebookError) as caught:
        read(tmp_path / name)
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.diagnostics[0].code == code


def test_scripts_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("x = 1\n")
    with pytest.raises(NotebookError) as caught:
        read(tmp_path / "train.py")
    assert "jupytext" in caught.value.hint


def test_a_notebook_is_read() -> None:
    spec = {"kernelspec": {"name": "conda-env", "language": "python"}}
    tagged = {**CODE, "id": "abc", "source": ["x = 1\n", "y = 2"], "metadata": {"tags": ["step:load", "step:load"]}}
    notebook = reads(data(TEXT, tagged, metadata=spec), "demo")
    assert (notebook.name, notebook.language, notebook.kernel) == ("demo", "python", "conda-env")
    assert [(c.index, c.kind, c.id) for c in notebook.cells] == [(0, "markdown", "cell-0"), (1, "code", "abc")]
    assert notebook.cells[1].source == "x = 1\ny = 2"
    assert notebook.cells[1].tags == ("step:load",)
    assert notebook.diagnostics == ()


def test_harmless_oddities_are_read_and_told() -> None:
    cells = [
        {"cell_type": "code", "source": "x = 1", "metadata": None},
        {"cell_type": "code", "source": None, "metadata": {"tags": "step:a"}},
        {"cell_type": "mystery", "source": "text", "metadata": [1]},
        {"cell_type": ["code"], "metadata": {"tags": ["fine", 3, None]}},
        {**CODE, "source": "half \ud83d a pair"},
    ]
    notebook = reads(b"\xef\xbb\xbf" + data(*cells, metadata=7), "demo")
    assert [c.kind for c in notebook.cells] == ["code", "code", "raw", "raw", "code"]
    assert notebook.cells[3].tags == ("fine",)
    assert notebook.cells[4].source == "half � a pair"
    told = " | ".join(d.message for d in notebook.diagnostics)
    for words in (
        "the notebook's metadata",
        "tags of cell 1",
        "'mystery'",
        "metadata of cell 2",
        "not text",
        "Unicode",
    ):
        assert words in told
    assert {d.code for d in notebook.diagnostics} == {"NB110"}


def test_a_missing_format_number_is_told() -> None:
    notebook = reads(json.dumps({"cells": [CODE]}).encode(), "demo")
    assert [d.code for d in notebook.diagnostics] == ["NB110"]


def test_not_a_number_and_utf16_are_read() -> None:
    cell = {**CODE, "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"x": float("nan")}}]}
    assert reads(data(cell), "demo").cells[0].source == "x = 1"
    assert reads(data(CODE).decode().encode("utf-16"), "demo").cells[0].source == "x = 1"


def test_integers_beyond_64_bits_are_kept() -> None:
    long = {"all": [2**70 + 1, -(2**70), 2**64, 2**63]}
    cell = {**CODE, "metadata": long, "outputs": [{"output_type": "display_data", "metadata": {}, "data": long}]}
    notebook = reads(data(cell), "demo")
    assert notebook.cells[0].metadata == long
    again = values_of(writes(notebook.raw))["cells"][0]
    assert (again["metadata"], again["outputs"][0]["data"]) == (long, long)
    assert {type(n) for n in again["metadata"]["all"]} == {int}


def test_ids_are_made_and_kept_apart() -> None:
    cells = [CODE, {**CODE, "id": "cell-0"}, {**CODE, "id": "a"}, {**CODE, "id": "a"}, {**CODE, "id": "not an id"}]
    notebook = reads(data(*cells), "demo")
    assert [c.id for c in notebook.cells] == ["cell-0-2", "cell-0", "a", "a-2", "cell-4"]
    assert [d.place.cell for d in notebook.diagnostics] == [3]
    assert reads(data(*cells), "demo") == notebook


def test_format_3_is_upgraded_and_told() -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["Loading"], "metadata": {}},
                    {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": [], "metadata": {}},
                ],
            }
        ],
    }
    notebook = reads(json.dumps(old).encode(), "old")
    assert [(c.id, c.kind, c.source) for c in notebook.cells] == [
        ("cell-0", "markdown", "## Loading"),
        ("cell-1", "code", "x = 1"),
    ]
    assert [(d.code, d.severity.value) for d in notebook.diagnostics] == [("NB107", "info")]
    assert "format 3" in notebook.diagnostics[0].message


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ("python", "python3")),
        ({"kernelspec": {"name": "ir", "language": "R"}}, ("R", "ir")),
        ({"kernelspec": {"name": "ir"}}, ("R", "ir")),
        ({"kernelspec": {"name": "julia-1.9"}}, ("julia", "julia-1.9")),
        ({"language_info": {"name": "IPython"}}, ("python", "python3")),
        ({"kernelspec": {"name": "irkutsk"}}, ("python", "irkutsk")),
        ({"kernelspec": "x", "language_info": 3}, ("python", "python3")),
    ],
)
def test_language_and_kernel(metadata: dict[str, Any], expected: tuple[str, str]) -> None:
    notebook = reads(data(CODE, metadata=metadata), "demo")
    assert (notebook.language, notebook.kernel) == expected


def test_writing_is_deterministic_valid_and_atomic(tmp_path: Path) -> None:
    document = json.loads(data({**CODE, "id": "a", "source": "x = 'é'\nprint(x)"}, {**TEXT, "id": "b"}))
    path = tmp_path / "out.ipynb"
    write(path, document)
    assert path.read_bytes() == writes(document) == writes(dict(reversed(document.items())))
    assert path.read_bytes().endswith(b"}\n")
    assert "é".encode() in path.read_bytes()
    nbformat.validate(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    assert [p.name for p in tmp_path.iterdir()] == ["out.ipynb"]
    with pytest.raises(EnvironmentFault, match="cannot write"):
        write(tmp_path / "missing" / "out.ipynb", document)


@given(st.deferred(lambda: json_values))
def test_notebooks_are_laid_out_as_python_would(value: Any) -> None:
    document = {"cells": [], "metadata": {"é": value}, "nbformat": 4, "nbformat_minor": 5}
    assert writes(document).decode() == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    document["metadata"] = {"no number": [float("nan"), float("inf")]}
    assert writes(document).decode() == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_half_a_surrogate_pair_can_be_written() -> None:
    document = {"cells": [], "metadata": {"x": "\ud83d"}, "nbformat": 4, "nbformat_minor": 5}
    assert json.loads(writes(document)) == document


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "nbformat", "metadata", "source", "cell_type", "tags", "worksheets", "id", "x"]),
            inner,
        )
    ),
    max_leaves=25,
)


@given(json_values, st.sampled_from([3, 4, 5, None]), st.lists(json_values, max_size=4))
def test_any_json_is_read_or_refused(value: Any, version: int | None, cells: list[Any]) -> None:
    for document in (value, {"nbformat": version, "metadata": value, "cells": cells}):
        try:
            notebook = reads(json.dumps(document).encode(), "any")
        except NotebookError as error:
            assert error.message
            assert len(error.diagnostics) == 1
        else:
            ids = [c.id for c in notebook.cells]
            assert len(set(ids)) == len(ids)
            assert [c.index for c in notebook.cells] == list(range(len(ids)))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(NotebookError):
        reads(content, "any")


def test_reading_loads_no_heavy_library() -> None:
    code = (
        "import sys; from nb2flow.notebook import reads, lay_out, writes\n"
        'lay_out(reads(b\'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1"}]}\', \'x\'))\n'
        "print(*[m for m in ('nbformat', 'jsonschema', 'yaml', 'msgspec', 'IPython', 'rapidfuzz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
