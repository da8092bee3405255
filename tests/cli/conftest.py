"""`invoke`: the command line called in this process, in a folder of its own, as `main` would be by the entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from nb2flow.cli.main import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Invoke = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, with no settings from outside."""
    for name in ("NB2FLOW_HOME", "NB2FLOW_JOBS", "NB2FLOW_DEBUG", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def invoke(here: Path, capsys: pytest.CaptureFixture[str]) -> Invoke:
    def call(*arguments: str | Path) -> Result:
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Result(int(code), captured.out, captured.err)

    return call
