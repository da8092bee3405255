"""The promise, on real kernels: for every case of the corpus, each cell of the pipeline gives what the notebook gives.

Reference and pipeline work in fresh copies of the case's folder, so that what one writes the other does not see.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_case import CASES, Case
from reference import compared, reference

from nb2flow.app.analysis import analyse
from nb2flow.app.running import Asked, run
from nb2flow.app.verify import outputs_of

SAMPLES = Path(__file__).parents[2] / "sample_notebooks"
QUICK = frozenset(
    [
        "alias",
        "dataclass",
        "deleted-name",
        "import-path",
        "numpy-seed-chain",
        "parameters",
        "plot-settings",
        "started-generator",
    ]
)
RUNNING = [pytest.param(c, id=c.name, marks=() if c.name in QUICK else pytest.mark.slow) for c in CASES if c.runs]


Copy = Callable[[Path], Path]  # copies a notebook's folder to a new one and returns the notebook's path there


@pytest.mark.parametrize("case", RUNNING)
def test_the_pipeline_gives_what_the_notebook_gives(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    check(case.copy, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.ipynb")))
def test_samples_are_equivalent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(target: Path) -> Path:
        shutil.copytree(SAMPLES, target, ignore=shutil.ignore_patterns(".nb2flow"))
        return target / f"{name}.ipynb"

    monkeypatch.setenv("PYTHONHASHSEED", "0")
    check(copy, tmp_path)


def check(copy: Copy, folder: Path) -> None:
    """Run the pipeline in one copy and the notebook in another; every deterministic cell must give the same."""
    analysis = analyse(copy(folder / "pipeline" / "project"))
    found = run(analysis, Asked(use_cache=False))
    statuses = {name: (s.status, s.failure) for name, s in found.state.steps.items()}
    assert found.state.status == "succeeded", statuses
    pipeline = outputs_of(found)

    skipped = analysis.layout.skipped
    first = reference(copy(folder / "first" / "project"), skipped)
    verdicts = compared(analysis, first, first, pipeline)
    if any(v.verdict == "differs" for v in verdicts):
        verdicts = compared(analysis, first, reference(copy(folder / "second" / "project"), skipped), pipeline)
    assert [v for v in verdicts if v.verdict in ("differs", "missing")] == []
    assert any(v.verdict == "equal" and first[v.cell_id] for v in verdicts), "the notebook shows nothing"
