"""Every case of the corpus: what is derived from its notebook must equal the golden files that lie beside it.

A case is a folder `tests/corpus/<name>/` with a `notebook.ipynb` and files that the notebook needs; adding one needs
no code. UPDATE_SNAPSHOTS=1 writes the golden files anew: read what changed before it is committed. That the pipelines
do what the notebooks do is tested in `tests/e2e/test_equivalence.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from corpus_case import CASES, Case

from nb2flow import plan
from nb2flow.errors import has_errors
from nb2flow.flow.model import Flow, Step
from nb2flow.plan import compile_plan
from nb2flow.plan.document import to_values
from nb2flow.views.graph import reason_words


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    analysis = case.analysis(tmp_path / case.name)
    agree(case.folder / "flow.json", json.dumps(normalised(analysis.flow), indent=1, ensure_ascii=False) + "\n")
    assert has_errors(analysis.diagnostics) == case.refused
    assert not (case.refused and (case.folder / "plan.yaml").exists())
    if case.refused:
        return
    made = compile_plan(analysis.flow, analysis.notebook, runtime_digest="runtime").plan
    steps = tuple(msgspec.structs.replace(s, code="…") for s in made.steps)  # digests tell a reader nothing
    shown = msgspec.structs.replace(made, steps=steps, source_digest="…")
    agree(case.folder / "plan.yaml", plan.dumps(shown))
    assert to_values(plan.loads(plan.dumps(shown))) == to_values(shown)


def agree(golden: Path, text: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), f"{golden} differs; look at it, then run with UPDATE_SNAPSHOTS=1"


def normalised(flow: Flow) -> dict[str, Any]:
    """What a flow says, without what is free: sets in order, sources of replayed code as places."""
    order = {s.name: i for i, s in enumerate(flow.steps)}
    edges = sorted(flow.edges, key=lambda e: (order[e.source], order[e.target]))
    return {
        "dialect": flow.dialect,
        "parameters": {p.name: [p.type, p.default] for p in flow.parameters},
        "watch": sorted(flow.watch),
        "steps": [_step(s) for s in flow.steps],
        "edges": [{"from": e.source, "to": e.target, "why": sorted(map(reason_words, e.reasons))} for e in edges],
        "diagnostics": [
            {"code": d.code, "severity": d.severity, "cell": d.place.cell, "line": d.place.line}
            for d in flow.diagnostics
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    inputs: dict[str, list[str]] = {}
    for item in step.inputs:
        inputs.setdefault(item.source, []).append(item.name)
    told = {
        "name": step.name,
        "cells": list(step.cells),
        "inputs": {source: sorted(names) for source, names in inputs.items()},
        "outputs": sorted(step.outputs),
        "replay": [[r.cell, r.line] for r in step.replay],
        "changes": sorted(step.changes),
        "state": list(step.state),
        "parameters": list(step.parameters),
        "files": sorted(step.files),
        "notes": list(step.notes),
    }
    return {key: value for key, value in told.items() if value or key in ("name", "cells")}
