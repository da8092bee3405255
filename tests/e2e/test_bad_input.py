"""What cannot work ends in one message that says what, where and what to do: never in a traceback of ours.

Each case is one command line in a process of its own. What is wrong with a file is tried with every command in
`tests/cli`; here it is `run`, to the very end, with real kernels where it gets that far.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import notebooks
import pytest

from nb2flow.errors import ExitCode

Nb2flow = Callable[..., Any]


@dataclass(frozen=True)
class Bad:
    """A notebook (bytes, or cells), the exit code, words of the message, more of the command line."""

    content: bytes
    code: ExitCode
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ()


def cells(*given: notebooks.Cell, **more: Any) -> bytes:
    return json.dumps(notebooks.document(*given, **more)).encode()


R = {"kernel": "ir", "language": "R"}
PARAMETER = ("parameters", "count = 3")
BAD: dict[str, Bad] = {
    "not JSON": Bad(b"hello", ExitCode.NOTEBOOK, ("bad.ipynb", "not JSON")),
    "no notebook": Bad(b'{"a": 1}', ExitCode.NOTEBOOK, ("bad.ipynb", "not a notebook")),
    "format 5": Bad(cells("x = 1", version=5), ExitCode.NOTEBOOK, ("format 5", "reads formats 1 to 4")),
    "empty": Bad(cells(), ExitCode.NOTEBOOK, ("no cells",)),
    "Markdown only": Bad(cells("# only words"), ExitCode.NOTEBOOK, ("no code",)),
    "no source": Bad(cells("", ""), ExitCode.NOTEBOOK, ("no code",)),
    "kernel": Bad(
        cells("x = 1", kernel="nowhere"), ExitCode.ENVIRONMENT, ("kernel 'nowhere' is not installed", "python3")
    ),
    "kernel asked for": Bad(cells("x = 1"), ExitCode.ENVIRONMENT, ("'nowhere'",), ("--kernel", "nowhere")),
    "R": Bad(cells("x <- 1", **R), ExitCode.ENVIRONMENT, ("'ir' is not installed",)),
    "syntax": Bad(cells("x = 1", "y = (2\n"), ExitCode.NOTEBOOK, ("NB301", "cell 1", "line 1")),
    "undefined": Bad(cells("print(nowhere)"), ExitCode.NOTEBOOK, ("NB302", "`nowhere`", "cell 0")),
    "parameter": Bad(
        cells(PARAMETER, "print(count)"), ExitCode.USAGE, ("cuont", "did you mean 'count'"), ("-p", "cuont=4")
    ),
    "its type": Bad(cells(PARAMETER, "print(count)"), ExitCode.USAGE, ("count", "whole number"), ("-p", "count=x")),
    "no parameters": Bad(cells("print(1)"), ExitCode.USAGE, ("count",), ("-p", "count=4")),
    "step": Bad(cells(("step:a", "x = 1")), ExitCode.USAGE, ("no step called 'b'", "the steps are a"), ("--only", "b")),
    "kernel dies": Bad(
        cells("# # Text", "import os", "print('last words', flush=True)\nos._exit(1)"),
        ExitCode.RUN,
        ("kernel", "died", "exit status 1", "cell 2"),
    ),
    "timeout": Bad(
        cells(("step:slow timeout:2s", "import time\nwhile True:\n    time.sleep(0.1)")),
        ExitCode.RUN,
        ("slow", "2 s", "cell 0"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_one_message(nb2flow: Nb2flow, tmp_path: Path, name: str) -> None:
    bad = BAD[name]
    path = tmp_path / "bad.ipynb"
    path.write_bytes(bad.content)
    done = nb2flow("run", "bad.ipynb", *bad.arguments)
    text = done.out + done.err
    assert done.code == bad.code, text
    assert "Traceback" not in done.err  # the notebook's own may be shown, where the failed step is
    assert "fault of nb2flow" not in text
    assert all(words in " ".join(text.split()) for words in bad.words), text
    if bad.code != ExitCode.RUN:
        assert done.out == ""
        assert len(re.findall(r"^NB\d+ error", text, re.M)) <= 1, text
        assert len(re.findall(r"^error:", text, re.M)) <= 1, text
        assert len(text.splitlines()) <= 10, text
    assert path.read_bytes() == bad.content


@pytest.mark.parametrize("name", ["missing.ipynb", "."])
def test_what_is_not_a_file(nb2flow: Nb2flow, tmp_path: Path, name: str) -> None:
    done = nb2flow("run", name)
    assert done.code == ExitCode.NOTEBOOK
    assert done.out == ""
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 3, done.err
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_not_utf8(nb2flow: Nb2flow, tmp_path: Path) -> None:
    name = os.fsdecode(b"gr\xf6sse.ipynb")
    (tmp_path / name).write_bytes(cells("print(1)"))
    done = nb2flow("run", name)
    assert done.code == ExitCode.NOTEBOOK, done.err
    assert "is not written in UTF-8" in done.err


def test_an_old_format_is_upgraded_and_said(nb2flow: Nb2flow, tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": "print(6 * 7)", "outputs": [], "language": "python", "collapsed": False}
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}]}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    before = path.read_bytes()
    done = nb2flow("run", "old.ipynb")
    assert done.code == 0, done.out + done.err
    assert "NB107" in done.err
    assert nb2flow("logs").out.endswith("42\n")
    assert path.read_bytes() == before


def test_an_r_notebook_is_planned_as_one_step(nb2flow: Nb2flow, tmp_path: Path) -> None:
    (tmp_path / "r.ipynb").write_bytes(cells(("step:a", "x <- 1"), ("step:b", "x"), **R))
    assert [s["name"] for s in nb2flow("graph", "r.ipynb", "--format", "json").json["steps"]] == ["main"]
    assert "NB243" in nb2flow("check", "r.ipynb").out


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a notebook and little more (needs root, which containers of CI have)."""
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("command", [("run", "full/nb.ipynb"), ("convert", "full/nb.ipynb", "-o", "full/out")])
def test_a_full_disk(nb2flow: Nb2flow, full_disk: Path, command: tuple[str, ...]) -> None:
    (full_disk / "nb.ipynb").write_bytes(cells("print(1)", "print('2')"))
    done = nb2flow(*command)
    assert done.code == ExitCode.ENVIRONMENT, done.out + done.err
    assert "Traceback" not in done.err
    assert "full" in done.err
    assert done.err.count("error:") == 1


def test_a_folder_that_takes_no_files(nb2flow: Nb2flow, tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_bytes(cells("print(1)"))
    (tmp_path / "file").touch()
    for target, code in (
        ("file", ExitCode.PLAN),
        ("file/out", ExitCode.ENVIRONMENT),
        ("/proc/x", ExitCode.ENVIRONMENT),
    ):
        done = nb2flow("convert", "nb.ipynb", "-o", target)
        assert done.code == code, done.err
        assert "Traceback" not in done.err
        assert target in done.err


@pytest.mark.slow
def test_a_gigabyte_on_standard_output_is_bounded_and_said(nb2flow: Nb2flow, tmp_path: Path) -> None:
    (tmp_path / "loud.ipynb").write_bytes(
        cells(
            ("step:loud", "line = 'x' * 1023\nfor _ in range(1_000_000):\n    print(line)"), ("step:after", "print(1)")
        )
    )
    done = nb2flow("run", "loud.ipynb")
    assert done.code == 0, done.err
    assert "left out" in done.out
    assert "limit" in done.out
    kept = sum(p.stat().st_size for p in (tmp_path / ".nb2flow").rglob("*") if p.is_file())
    assert kept < 50_000_000
