"""The command line as a user has it: a process of its own in a folder of its own, with real kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SETTINGS = ("NB2FLOW_HOME", "NB2FLOW_JOBS", "NB2FLOW_DEBUG", "FORCE_COLOR", "NO_COLOR", "JUPYTER_PATH")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def statuses(self) -> dict[str, str]:
        """Step -> status, of a run shown as JSON."""
        return {s["step"]: s["status"] for s in self.json["steps"]}


Nb2flow = Callable[..., Done]


@pytest.fixture
def environ() -> dict[str, str]:
    """This process's environment without settings from outside; what a test adds to it the commands see."""
    return {k: v for k, v in os.environ.items() if k not in SETTINGS} | {"COLUMNS": "100"}


@pytest.fixture
def begin(tmp_path: Path, environ: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start a command in the test's folder, its output to be read while it runs."""

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nb2flow", *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


@pytest.fixture
def nb2flow(begin: Callable[..., subprocess.Popen[str]]) -> Nb2flow:
    """Run a command to its end in the test's folder."""

    def call(*arguments: str | Path) -> Done:
        process = begin(*arguments)
        out, err = process.communicate(timeout=300)
        return Done(process.returncode, out, err)

    return call
