"""The notebook itself as the reference: one kernel from top to bottom, driven by nbclient and none of our code."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from nb2flow.app.analysis import Analysis
from nb2flow.app.compare import CellVerdict, Outputs, judge


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
