"""The sample notebooks in a cluster: every cell gives what it gives here, output by output.

One of them, or all: `NB2FLOW_TEST_SAMPLES=all` (some minutes more).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import notebooks
import pytest
from cluster.conftest import NEEDS_GPU, Machine

from nb2flow.app import history
from nb2flow.app.compare import judge
from nb2flow.app.kept import load
from nb2flow.app.verify import outputs_of

SAMPLES = Path(__file__).parents[2] / "sample_notebooks"
ALL = sorted(path.name for path in SAMPLES.glob("*.ipynb"))
CHOSEN = [
    pytest.param(name, marks=pytest.mark.own_cluster if name == NEEDS_GPU else ())
    for name in (ALL if os.environ.get("NB2FLOW_TEST_SAMPLES") == "all" else ["bike_hire_report.ipynb"])
]


@pytest.mark.parametrize("sample", CHOSEN, indirect=True)
def test_a_sample_gives_what_it_gives_here(machine: Callable[..., Machine], sample: str) -> None:
    compare(machine("laptop"), sample, "kubernetes")


def test_what_a_step_shows_and_keeps_comes_back_from_a_pod(machine: Callable[..., Machine]) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", ("step:fit", "model, error = {'w': [1.0]}, 0.25"))
    document = json.loads((laptop.folder / "nb.ipynb").read_text())
    document["cells"][0]["metadata"]["tags"] += ["metric:error", "artifact:model"]
    (laptop.folder / "nb.ipynb").write_text(json.dumps(document))
    done = laptop.value("run", "nb.ipynb", "--engine", "kubernetes")
    assert done["metrics"] == [{"name": "error", "step": "fit", "value": "0.25"}]
    assert load(done["run"], "model", folder=laptop.folder) == {"w": [1.0]}


def compare(laptop: Machine, sample: str, engine: str) -> None:
    """Run the sample twice here, to know what differs by itself, and once by the engine."""
    shutil.copytree(SAMPLES, laptop.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    engines = ((), (), ("--engine", engine))
    runs = [laptop.value("run", sample, "--no-cache", *words)["run"] for words in engines]
    first, second, there = (outputs_of(history.find(laptop.folder, run_id)) for run_id in runs)
    verdicts = [judge(n, c, "its step", [first[c], second[c]], there.get(c)) for n, c in enumerate(first)]
    assert [v for v in verdicts if v.verdict not in ("equal", "nondeterministic")] == []
    assert sum(v.verdict == "equal" for v in verdicts) > len(verdicts) / 2
