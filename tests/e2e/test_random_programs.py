"""The promise on programs that nobody wrote: random statements over Python's objects and the state of the process give
in a pipeline what they give in the notebook, also after the author has changed something and the rest is cached.

NB2FLOW_PROGRAMS=1000:200 tries other ones, from number 1000 on, 200 of them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError
from notebooks import save
from random_program import cells, edited
from reference import compared, reference

from nb2flow.app.analysis import analyse
from nb2flow.app.compare import Outputs
from nb2flow.app.running import Asked, run
from nb2flow.app.verify import outputs_of

FIRST, COUNT = map(int, os.environ.get("NB2FLOW_PROGRAMS", "0:6").split(":"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(FIRST, FIRST + COUNT))
def test_a_random_program_is_equivalent(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore::SyntaxWarning")
    chooser = random.Random(number)
    program = cells(number, 14)
    same(tmp_path, program, _reference(tmp_path, program), number)
    for _ in range(5):
        other = edited(chooser, program)
        try:
            first = _reference(tmp_path, other)
        except CellExecutionError:  # it did not survive the change
            continue
        same(tmp_path, other, first, number)
        return


def same(folder: Path, program: list[str], first: dict[str, Outputs], number: int) -> None:
    """Assert that the pipeline gives these outputs, wherever the notebook gives them twice."""
    analysis = analyse(_notebook(folder / "pipeline", program), split="cells" if number % 2 else None)
    found = run(analysis, Asked())
    statuses = {name: (s.status, s.failure) for name, s in found.state.steps.items()}
    assert found.state.status == "succeeded", statuses
    pipeline = outputs_of(found)
    verdicts = compared(analysis, first, first, pipeline)
    if any(v.verdict == "differs" for v in verdicts):
        verdicts = compared(analysis, first, _reference(folder, program), pipeline)
    assert [v for v in verdicts if v.verdict in ("differs", "missing")] == []


def _reference(folder: Path, program: list[str]) -> dict[str, Outputs]:
    return reference(_notebook(folder / "notebook", program), ())


def _notebook(folder: Path, program: list[str]) -> Path:
    """Where steps are made by tags, two cells in three begin one."""
    folder.mkdir(exist_ok=True)
    tags = [f"step:s{k}" if k < 2 or k % 3 else "" for k in range(len(program))]
    return save(folder / "program.ipynb", *zip(tags, program, strict=True))
