"""A git repository with notebooks in it; the commands run in this process or, where git calls them, in their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from diff.making import Json, code, dump, md, nb

from nb2flow.cli import diff as commands

Run = Callable[..., tuple[int, str, str]]


class Repository:
    """A git repository in a folder of its own, deaf to this machine's settings."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        root = str(Path(__file__).parents[2])
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "PYTHONPATH": root,
        }
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, check: bool = True) -> str:
        """A git command's standard output."""
        return self.run("git", *arguments, check=check).stdout

    def run(self, *command: str, check: bool = True, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """Any command, in the repository."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, check=False, input=stdin
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert not check or done.returncode == 0, err
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    def ours(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """`nb2flow git` or `nb2flow clean`, in the repository."""
        program = f"import sys; from nb2flow.cli import git; sys.exit(git.{arguments[0]}({list(arguments[1:])!r}))"
        return self.run(sys.executable, "-c", program, check=check, stdin=stdin)

    def write(self, name: str, notebook: Json) -> None:
        """A notebook in the working tree."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dump(notebook))

    def commit(self, said: str) -> None:
        """Everything, committed."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", said)


FIRST = nb(md("# Wines", id="a1"), code("x = 1\ny = 2", id="b2"), code("print(x + y)", id="c3"))
SECOND = nb(
    md("# Wines", id="a1"), code("x = 10\ny = 2", id="b2"), code("print(x + y)", id="c3"), code("z = 3", id="d4")
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits of `wines.ipynb`."""
    (tmp_path / "home").mkdir()
    found = Repository(tmp_path / "repository", tmp_path / "home")
    found.write("wines.ipynb", FIRST)
    found.commit("first")
    found.write("wines.ipynb", SECOND)
    found.commit("second")
    return found


@pytest.fixture
def nbdiff(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """`nbdiff` in this process: exit code, standard output, standard error."""

    def run(*arguments: object, command: str = "main") -> tuple[int, str, str]:
        code = getattr(commands, command)([str(a) for a in arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two versions, as files in one folder."""
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(FIRST))
    b.write_bytes(dump(SECOND))
    return a, b
