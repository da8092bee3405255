"""The promise, on real kernels: for every case of the corpus, each cell of the pipeline gives what the notebook gives.

The reference is one kernel from top to bottom, driven by nbclient and none of our code; reference and pipeline work in
fresh copies of the case's folder, so that what one writes the other does not see.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from corpus_case import CASES, Case
from nbclient import NotebookClient

from nb2flow.app.analysis import Analysis, analyse
from nb2flow.app.compare import CellVerdict, Outputs, judge
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


def compared(
    analysis: Analysis, first: dict[str, Outputs], second: dict[str, Outputs], pipeline: dict[str, Outputs]
) -> list[CellVerdict]:
    """The verdict on every code cell that takes part."""
    steps = {cell: s.name for s in analysis.flow.steps for cell in s.cells}
    return [
        judge(c.index, c.id, steps.get(c.index, ""), [first[c.id], second[c.id]], pipeline.get(c.id))
        for c in analysis.notebook.code
        if c.index not in analysis.layout.skipped
    ]


def reference(path: Path, skipped: tuple[int, ...]) -> dict[str, Outputs]:
    """The outputs of every code cell, by id, when one kernel runs the notebook from top to bottom."""
    document = nbformat.read(path, as_version=4)
    document.cells = [c for i, c in enumerate(document.cells) if i not in skipped]
    NotebookClient(document, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    return {c.id: c.outputs for c in document.cells if c.cell_type == "code"}
