"""What becomes of files: a pipeline leaves, shows and reads what the notebook does, whatever its steps do to files, and
so does each further run, with the cache, of what its author has changed meanwhile.

NB2FLOW_FILES=1000:200 tries other histories, from number 1000 on, 200 of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from random_files import begin, contents, history, write

from nb2flow.app.analysis import analyse
from nb2flow.app.running import Asked, run
from nb2flow.app.verify import outputs_of

FIRST, COUNT = map(int, os.environ.get("NB2FLOW_FILES", "0:10").split(":"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(FIRST, FIRST + COUNT))
@pytest.mark.parametrize(("hidden", "turns"), [(False, 4), (True, 1)], ids=["cached", "hidden"])
def test_files_are_what_the_notebook_makes_them(
    hidden: bool, turns: int, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    made = None
    for scratch, seed in enumerate(range(1000 * number, 1000 * number + 100)):
        made = history(seed, tmp_path / f"plain{scratch}", hidden=hidden, turns=turns)
        if made is not None:
            break
    assert made is not None, "no program of a hundred can be told"
    folder = tmp_path / "pipeline"
    begin(folder)
    for turn in made:
        turn.change(folder)
        monkeypatch.delenv("TRIED", raising=False)
        for name, value in turn.environ.items():
            monkeypatch.setenv(name, value)
        found = run(analyse(write(folder, turn.program)), Asked())
        assert found.state.status == "succeeded", {name: s.failure for name, s in found.state.steps.items()}
        printed = {cell: _printed(outputs) for cell, outputs in outputs_of(found).items()}
        assert (printed, contents(folder)) == turn.expected


def _printed(outputs: list[dict[str, str]]) -> str:
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")
