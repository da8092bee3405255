"""What `verify` found, as a table and as JSON. Pure; takes the verdicts as plain rows, however they came.

Rows are (cell, cell id, step, verdict, difference), with the verdicts `equal`, `differs`, `nondeterministic` (not
judged), `replayed` (set-up whose output the pipeline does not keep) and `missing` (its step did not finish).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nb2flow.views.runs import columns
from nb2flow.views.terminal import Terminal, stripped
from nb2flow.views.words import clipped, counted

Row = tuple[int, str, str, str, str]
_COLOURS = {"equal": "green", "differs": "red", "missing": "red", "nondeterministic": "yellow", "replayed": "dim"}
_SIGNS = {
    "equal": ("✓", "+"),
    "differs": ("✗", "X"),
    "missing": ("✗", "X"),
    "nondeterministic": ("~", "~"),
    "replayed": ("–", "-"),
}


def is_equivalent(rows: Sequence[Row]) -> bool:
    """Whether no deterministic cell differs or is missing."""
    return all(verdict not in ("differs", "missing") for *_, verdict, _ in rows)


def draw(rows: Sequence[Row], terminal: Terminal) -> str:
    """A line for each cell, then the sum in one line."""
    lines = []
    for cell, cell_id, step, verdict, difference in rows:
        sign = terminal.paint(terminal.sign(*_SIGNS[verdict]), _COLOURS[verdict])
        told = {
            "nondeterministic": "not judged: two runs of the notebook differ",
            "replayed": "not judged: set-up, run again in the steps that need it",
            "missing": "its step did not finish",
        }.get(verdict, stripped(difference))
        lines.append((f"{sign} {verdict}", f"cell {cell} [{clipped(cell_id, 20)}]", step or "set-up", told))
    return f"{columns(lines, terminal)}\n\n{summary(rows, terminal)}"


def summary(rows: Sequence[Row], terminal: Terminal) -> str:
    """`equivalent: 12 cells equal, 1 not judged` or what differs."""
    counts = Counter(verdict for *_, verdict, _ in rows)
    unjudged = counts["nondeterministic"] + counts["replayed"]
    words = [f"{counted(counts['equal'], 'cell')} equal"]
    words += [f"{counts['differs']} different"] if counts["differs"] else []
    words += [f"{counts['missing']} missing"] if counts["missing"] else []
    words += [f"{unjudged} not judged"] if unjudged else []
    good = is_equivalent(rows)
    head = terminal.paint("equivalent", "green", "bold") if good else terminal.paint("not equivalent", "red", "bold")
    return f"{head}: {', '.join(words)}"


def to_value(rows: Sequence[Row]) -> dict[str, object]:
    """The verdicts as JSON values; the keys are stable."""
    cells = [{"cell": c, "cell_id": i, "step": s, "verdict": v, "difference": d} for c, i, s, v, d in rows]
    return {"equivalent": is_equivalent(rows), "cells": cells}
