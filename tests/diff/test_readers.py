"""Who reads what `nbdiff` prints: a pipe that is closed early, a pager."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from diff.conftest import FIRST
from diff.making import code, dump, nb

from nb2flow.cli.diff_pager import page


def test_a_reader_that_leaves_early_gives_the_exit_code_of_a_broken_pipe(tmp_path: Path) -> None:
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(FIRST))
    b.write_bytes(dump(nb(code("\n".join(f"line_{k} = {k}" for k in range(50_000))))))
    command = [sys.executable, "-m", "nb2flow.cli.diff", str(a), str(b)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"---")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("command", ["less '", "no-such-pager", "cat", " "])
def test_without_a_pager_that_can_be_started_lines_are_written(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBDIFF_PAGER", command)
    page(iter(["one", "two"]))
    assert capsys.readouterr().out == "one\ntwo\n"


def test_the_pager_gets_the_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "read"
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.readline())"
    monkeypatch.setenv("NBDIFF_PAGER", shlex.join([sys.executable, "-c", program, str(place)]))
    page(iter(["größe", "two"]))
    assert place.read_text(encoding="utf-8") == "größe\n"
