"""What `verify` found, as a table and as JSON. Pure; takes the verdicts as plain rows, however they came.

Rows are (cell, cell id, step, verdict, difference), with the verdicts `equal`, `differs`, `nondeterministic` (not
judged), `replayed` (set-up whose output the pipeline does not keep) and `missing` (its step did not finish).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from nb2flow.plan.shape import Shape
from nb2flow.views.runs import columns
from nb2flow.views.terminal import Terminal, stripped
from nb2flow.views.words import clipped, counted, duration

Row = tuple[int, str, str, str, str]
_COLOURS = {"equal": "green", "differs": "red", "missing": "red", "nondeterministic": "yellow", "replayed": "dim"}
_SIGNS = {
    "equal": ("✓", "+"),
    "differs": ("✗", "X"),
    "missing": ("✗", "X"),
    "nondeterministic": ("~", "~"),
    "replayed": ("–", "-"),
}


def draw(rows: Sequence[Row], terminal: Terminal, good: bool, shape: Shape | None) -> str:
    """A line for each cell, then the sum in one line, and how the steps stand to one another."""
    lines = []
    for cell, cell_id, step, verdict, difference in rows:
        sign = terminal.paint(terminal.sign(*_SIGNS[verdict]), _COLOURS[verdict])
        told = {
            "nondeterministic": "not judged: two runs of the notebook differ",
            "replayed": "not judged: set-up, run again in the steps that need it",
            "missing": "its step did not finish",
        }.get(verdict, stripped(difference))
        lines.append((f"{sign} {verdict}", f"cell {cell} [{clipped(cell_id, 20)}]", step or "set-up", told))
    told_shape = f"\n{_shape(shape)}" if shape is not None else ""
    return f"{columns(lines, terminal)}\n\n{summary(rows, terminal, good)}{told_shape}"


def summary(rows: Sequence[Row], terminal: Terminal, good: bool) -> str:
    """`equivalent: 12 cells equal, 1 not judged` or what differs."""
    counts = Counter(verdict for *_, verdict, _ in rows)
    unjudged = counts["nondeterministic"] + counts["replayed"]
    words = [f"{counted(counts['equal'], 'cell')} equal"]
    words += [f"{counts['differs']} different"] if counts["differs"] else []
    words += [f"{counts['missing']} missing"] if counts["missing"] else []
    words += [f"{unjudged} not judged"] if unjudged else []
    head = terminal.paint("equivalent", "green", "bold") if good else terminal.paint("not equivalent", "red", "bold")
    return f"{head}: {', '.join(words)}"


def _shape(shape: Shape) -> str:
    kept = counted(shape.kept, "step") + (f" of {shape.drawn} drawn" if shape.drawn != shape.kept else "")
    words = [kept, f"up to {shape.width} side by side" if shape.width > 1 else "one after the other"]
    if shape.width > 1 and shape.path > 0:
        times = f"{duration(shape.work)} of work, {duration(shape.path)} on its longest path"
        words.append(f"{times} ({shape.work / shape.path:.1f}×)")
    return "; ".join(words)


def to_value(rows: Sequence[Row], equivalent: bool | None, shape: Shape | None) -> dict[str, object]:
    """The verdicts as JSON values; the keys are stable."""
    cells = [{"cell": c, "cell_id": i, "step": s, "verdict": v, "difference": d} for c, i, s, v, d in rows]
    steps = msgspec.to_builtins(shape) if shape is not None else None
    return {"equivalent": equivalent, "cells": cells, "steps": steps}
