"""From a notebook that was understood to its plan."""

from __future__ import annotations

import shlex

from nb2flow import plan
from nb2flow.app.analysis import Analysis
from nb2flow.errors import NotebookError, has_errors
from nb2flow.plan.model import CompiledPlan
from nb2flow.runtime.bundle import runtime_digest


def compiled(analysis: Analysis) -> CompiledPlan:
    """The plan of an analysed notebook. NotebookError, with the diagnostics, when some of them are errors."""
    if has_errors(analysis.diagnostics):
        errors = tuple(d for d in analysis.diagnostics if d.severity == "error")
        raise NotebookError(
            f"{analysis.path} has {'an error' if len(errors) == 1 else f'{len(errors)} errors'}: nothing was run",
            hint=f"`nb2flow check {shlex.quote(str(analysis.path))}` shows everything",
            diagnostics=errors,
        )
    return plan.compile_plan(analysis.flow, analysis.notebook, runtime_digest=runtime_digest())
