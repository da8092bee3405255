"""The proof of equivalence: the notebook run whole, twice, beside the pipeline; every cell's outputs compared.

The whole runs are one-step plans of the same engine, so that kernel, hash seed and parameters are the same. Two of them
tell which cells give the same twice; only those are judged. What is drawn by chance may be the same twice by chance:
where some cells gave something else the second time, one that differs in the pipeline is looked at in further runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb2flow.app.analysis import Analysis, analyse
from nb2flow.app.compare import CellVerdict, Outputs, judge
from nb2flow.app.history import Found
from nb2flow.app.running import Asked, OnEvent, run
from nb2flow.plan.shape import Shape, shape
from nb2flow.views.notebook_html import role_of

PHASES = ("the notebook, whole", "the notebook, whole again", "the pipeline", "the notebook, once more")
MOST_WHOLE = 4


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: a verdict for each code cell, and the runs. `cells` is empty when the notebook itself failed."""

    cells: tuple[CellVerdict, ...]
    whole: Found
    pipeline: Found | None
    shape: Shape | None = None

    @property
    def equivalent(self) -> bool | None:
        """Whether every deterministic cell gave the same in the pipeline; None when the notebook itself failed."""
        if self.pipeline is None:
            return None
        return all(c.verdict not in ("differs", "missing") for c in self.cells)


def verify(
    path: Path,
    *,
    split: str | None = None,
    kernel: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    on_phase: Callable[[str], OnEvent],
) -> Verification:
    """Run the notebook whole twice and as a pipeline, without earlier results, and compare each cell's outputs.

    `on_phase` is told what begins (one of `PHASES`) and gives the function that hears the events of that run. Raises as
    `run` does. A notebook that fails when run whole gives no verdicts: its failure is in `whole`.
    """
    analysis = analyse(path, split=split, kernel=kernel)
    asked = Asked(parameters or {}, jobs, use_cache=False)
    outputs: list[Mapping[str, Outputs]] = []

    def run_whole(phase: str) -> Found:
        return run(analyse(path, split="whole", kernel=kernel), asked, on_phase(phase))

    for phase in PHASES[:2]:
        whole = run_whole(phase)
        if whole.state.status != "succeeded":
            return Verification((), whole, None)
        outputs.append(outputs_of(whole))
    pipeline = run(analysis, asked, on_phase(PHASES[2]))
    state = pipeline.state
    took = {name: step.seconds for name, step in state.steps.items()}
    verdicts = _verdicts(analysis, outputs, pipeline)
    while len(outputs) < MOST_WHOLE and {"differs", "nondeterministic"} <= {v.verdict for v in verdicts}:
        more = run_whole(PHASES[3])
        if more.state.status != "succeeded":
            break
        outputs.append(outputs_of(more))
        verdicts = _verdicts(analysis, outputs, pipeline)
    return Verification(verdicts, whole, pipeline, shape(state.plan, len(analysis.layout.steps), took))


def outputs_of(found: Found) -> dict[str, Outputs]:
    """The outputs of all the author's cells of a run, by cell id."""
    result: dict[str, Outputs] = {}
    for step in found.state.steps:
        for cell in (found.notebook(step) or {}).get("cells", ()):
            if cell.get("cell_type") == "code" and role_of(cell) in ("author", "parameters"):
                result[str(cell.get("id"))] = cell.get("outputs") or []
    return result


def _verdicts(analysis: Analysis, wholes: Sequence[Mapping[str, Outputs]], pipeline: Found) -> tuple[CellVerdict, ...]:
    made = outputs_of(pipeline)
    finished = {n for n, s in pipeline.state.steps.items() if s.status in ("succeeded", "cached", "failed")}
    steps = {cell: s.name for s in pipeline.state.plan.steps for cell in s.cells}  # it may have been planned again
    verdicts = []
    for cell in analysis.notebook.code:
        if cell.index in analysis.layout.skipped or cell.id not in wholes[0]:
            continue
        step = steps.get(cell.id, "")
        theirs = made.get(cell.id) if not step or step in finished else None
        verdicts.append(judge(cell.index, cell.id, step, [outputs.get(cell.id, ()) for outputs in wholes], theirs))
    return tuple(verdicts)
