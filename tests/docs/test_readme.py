"""What the README shows is what happens: its commands are run, in order, and their output compared with the page's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs.pages import ROOT, blocks

LEFT_OUT = "…"
ANALYSIS = ("check", "graph", "why")
FAILS = "neighbours=5000"


def transcripts() -> list[tuple[list[str], list[str]]]:
    """Each `nb2flow` command of the README with the lines shown below it."""
    found: list[tuple[list[str], list[str]]] = []
    for block in blocks((ROOT / "README.md").read_text()):
        shown: list[str] | None = None
        for line in block.text.splitlines() if block.kind == "console" else ():
            if line.startswith("$ "):
                words, shown = shlex.split(line[2:], comments=True), []
                if words[0] == "nb2flow":
                    found.append((words[1:], shown))
            elif shown is not None:
                shown.append(line)
    return found


def outcome(words: list[str], folder: Path) -> tuple[int, list[str]]:
    """Run the command as the README's author did; its exit code and what it printed."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("NB2FLOW_")}
    environ |= {"COLUMNS": "90", "NB2FLOW_HOME": str(folder / "runs"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "nb2flow", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.rstrip("\n").splitlines()


def settled(line: str) -> str:
    """The line without what differs from run to run: clock, ids, durations."""
    line = re.sub(r"^\d\d:\d\d:\d\d", "CLOCK", line)
    line = re.sub(r"-[a-z2-7]{8}\b", "-ID", line)
    return re.sub(r"\b(\d+ m )?\d+(\.\d+)? s\b", "TIME", line).rstrip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the samples in it, as the README's commands name them."""
    ignored = shutil.ignore_patterns(".nb2flow", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "sample_notebooks", tmp_path / "sample_notebooks", ignore=ignored)
    return tmp_path


def test_the_readme_begins_with_its_two_commands_and_a_picture() -> None:
    text = (ROOT / "README.md").read_text()
    first = blocks(text)[0].text
    assert re.findall(r"^\$ (make \w+)", first, re.M) == ["make demo", "make test"]
    picture = re.search(r'<img src="([^"]+)"', text)
    assert picture is not None
    assert text.index(picture[0]) < text.index("## ")
    assert "nb2flow" in (ROOT / picture[1]).read_text() or "wine_quality" in (ROOT / picture[1]).read_text()


def test_what_the_readme_shows_of_the_analysis_is_what_it_says(folder: Path) -> None:
    shown = [(words, lines) for words, lines in transcripts() if words[0] in ANALYSIS]
    assert {words[0] for words, _ in shown} == set(ANALYSIS)
    for words, lines in shown:
        assert outcome(words, folder) == (0, lines), " ".join(words)


@pytest.mark.slow
def test_what_the_readme_shows_of_runs_happens(folder: Path) -> None:
    for words, lines in transcripts():
        code, printed = outcome(words, folder)
        assert code == (5 if FAILS in words else 0), " ".join(words)
        happened = {settled(line) for line in printed}
        missing = [line for line in lines if line != LEFT_OUT and settled(line) not in happened]
        assert not missing, " ".join(words)
