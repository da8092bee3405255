"""check, graph, why and convert, from the command line."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest

from nb2flow.errors import ExitCode

Invoke = Callable[..., Any]


@pytest.fixture
def small(here: Path) -> Path:
    return notebooks.save(here / "small.ipynb", *notebooks.PIPELINE)


def test_check_says_all_is_well(invoke: Invoke, small: Path) -> None:
    result = invoke("check", small.name)
    assert result.code == 0
    assert result.out == "small.ipynb: no problems; 4 steps\n"


def test_check_shows_place_line_caret_and_hint(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "bad.ipynb", ("step:a", "x = 1"), ("stpe:b", "y = 2"), ("step:c", "print(\n    zz)"))
    result = invoke("check", "bad.ipynb")
    lines = result.out.splitlines()
    assert result.code == ExitCode.NOTEBOOK
    assert any(line.startswith("NB") and "cell 1 [c1]" in line for line in lines)
    name = next(i for i, line in enumerate(lines) if "cell 2 [c2] line 2" in line)
    assert lines[name + 1].index("zz") == lines[name + 2].index("^")
    assert lines[-1].startswith("bad.ipynb: ")


def test_marks_of_a_merge_are_told_and_names_with_spaces_are_quoted(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "my notes.ipynb", ("step:a", "x = 1\n<<<<<<< ours\ny = 1\n=======\ny = 2\n>>>>>>> theirs"))
    assert "marks of a merge" in invoke("check", "my notes.ipynb").out
    assert "nb2flow check 'my notes.ipynb'" in invoke("run", "my notes.ipynb").err


def test_a_link_to_nowhere_is_told_as_one(invoke: Invoke, here: Path) -> None:
    (here / "link.ipynb").symlink_to("gone.ipynb")
    assert "it is a link to gone.ipynb, which is not there" in invoke("check", "link.ipynb").out


def test_check_as_json(invoke: Invoke, here: Path, small: Path) -> None:
    notebooks.save(here / "bad.ipynb", ("step:a", "print(zz)"))
    one = json.loads(invoke("check", "bad.ipynb", "--json").out)
    assert set(one) == {"notebook", "steps", "diagnostics"}
    assert one["diagnostics"][0]["line"] == 1
    assert set(one["diagnostics"][0]) == {
        "code", "severity", "message", "hint", "cell", "cell_id", "line", "column", "end_column", "text",
    }  # fmt: skip
    two = json.loads(invoke("check", "bad.ipynb", small.name, "--json").out)
    assert [v["steps"] for v in two] == [["a"], ["load", "total", "largest", "join"]]


def test_warnings_fail_only_when_strict(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "warn.ipynb", ("step:A_B", "x = 1"), ("step:b", "print(x)"))
    found = json.loads(invoke("check", "warn.ipynb", "--json").out)["diagnostics"]
    assert {d["severity"] for d in found} == {"warning"}
    assert invoke("check", "warn.ipynb").code == 0
    assert invoke("check", "warn.ipynb", "--strict").code == ExitCode.NOTEBOOK


BAD_FILES: dict[str, bytes] = {
    "text.ipynb": b"hello",
    "object.ipynb": b"{}",
    "list.ipynb": b"[1]",
    "binary.ipynb": bytes(range(256)),
    "nothing.ipynb": b"",
    "empty.ipynb": json.dumps(notebooks.document()).encode(),
    "markdown.ipynb": json.dumps(notebooks.document("# only words")).encode(),
    "five.ipynb": json.dumps(notebooks.document("x = 1", version=5)).encode(),
}


@pytest.mark.parametrize(
    "command", [["check"], ["graph"], ["convert", "-o", "out"], ["run"], ["verify"], ["why", "a", "b"]]
)
@pytest.mark.parametrize("name", [*BAD_FILES, "missing.ipynb", "folder"])
def test_what_is_no_notebook_ends_in_one_message(invoke: Invoke, here: Path, command: list[str], name: str) -> None:
    (here / "folder").mkdir()
    if name in BAD_FILES:
        (here / name).write_bytes(BAD_FILES[name])
    result = invoke(command[0], name, *command[1:])
    text = result.out + result.err
    assert result.code == ExitCode.NOTEBOOK
    assert "Traceback" not in text
    assert "fault of nb2flow" not in text
    assert name in text
    assert len(text.splitlines()) <= 4, text
    assert sorted(p.name for p in here.iterdir()) == sorted({name, "folder"} - {"missing.ipynb"})


@pytest.mark.parametrize("kind", ["terminal", "mermaid", "svg", "dot", "json"])
def test_graph_formats(invoke: Invoke, small: Path, kind: str) -> None:
    result = invoke("graph", small.name, "--format", kind)
    assert result.code == 0
    assert "largest" in result.out
    if kind == "svg":
        ET.fromstring(result.out)
    if kind == "json":
        assert [s["name"] for s in json.loads(result.out)["steps"]] == ["load", "total", "largest", "join"]


@pytest.mark.parametrize(
    ("name", "begin"), [("g.svg", "<svg"), ("g.mmd", "flowchart"), ("g.dot", "digraph"), ("g.json", "{")]
)
def test_graph_into_a_file_by_its_ending(invoke: Invoke, here: Path, small: Path, name: str, begin: str) -> None:
    assert invoke("graph", small.name, "-o", name).code == 0
    assert (here / name).read_text().startswith(begin)
    assert invoke("graph", small.name, "-o", f"nowhere/{name}").code == ExitCode.ENVIRONMENT


def test_why(invoke: Invoke, small: Path) -> None:
    text = invoke("why", small.name, "load", "total").out
    assert "variable data" in text
    assert "total = sum(data)" in text
    assert "independent" in invoke("why", small.name, "total", "largest").out
    value = json.loads(invoke("why", small.name, "load", "total", "--json").out)
    assert value["edges"][0]["reasons"][0]["name"] == "data"
    unknown = invoke("why", small.name, "load", "totla")
    assert unknown.code == ExitCode.USAGE
    assert "did you mean 'total'?" in unknown.err


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_convert_twice_gives_the_same_bytes_and_spares_the_source(invoke: Invoke, here: Path, small: Path) -> None:
    before = small.read_bytes()
    assert invoke("convert", small.name, "-o", "out").code == 0
    first = contents(here / "out")
    assert {"01-load.ipynb", "02-total.ipynb", "03-largest.ipynb", "04-join.ipynb", "plan.yaml"} <= set(first)
    assert invoke("convert", small.name, "-o", "out").code == 0
    assert contents(here / "out") == first
    assert small.read_bytes() == before


def test_convert_again_after_a_change_leaves_nothing_stale(invoke: Invoke, here: Path, small: Path) -> None:
    assert invoke("convert", small.name, "-o", "out", "--to", "script").code == 0
    assert (here / "out" / "04-join.py").read_text().count("print(total >= largest)") == 1
    compile((here / "out" / "04-join.py").read_text(), "04-join.py", "exec")
    notebooks.save(small, *notebooks.PIPELINE[:-1])
    (here / "out" / "artifacts").mkdir()
    assert invoke("convert", small.name, "-o", "out").code == 0
    assert not (here / "out" / "04-join.ipynb").exists()
    assert not (here / "out" / "04-join.py").exists()
    assert (here / "out" / "artifacts").is_dir()


def test_convert_refuses_a_folder_in_use(invoke: Invoke, here: Path, small: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "mine.txt").write_text("mine")
    refused = invoke("convert", small.name, "-o", "out")
    assert refused.code == ExitCode.PLAN
    assert "mine.txt" in refused.err
    assert contents(here / "out") == {"mine.txt": b"mine"}
    assert invoke("convert", small.name, "-o", "out", "--force").code == 0
    assert (here / "out" / "mine.txt").read_text() == "mine"
    assert invoke("convert", small.name, "-o", "small.ipynb").code == ExitCode.PLAN


def test_convert_into_a_place_that_takes_no_files(invoke: Invoke, small: Path) -> None:
    assert invoke("convert", small.name, "-o", "/proc/nb2flow").code == ExitCode.ENVIRONMENT


def test_convert_stops_at_errors(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "bad.ipynb", ("step:a", "print(zz)"))
    result = invoke("convert", "bad.ipynb", "-o", "out")
    assert result.code == ExitCode.NOTEBOOK
    assert "zz" in result.err
    assert not (here / "out").exists()
