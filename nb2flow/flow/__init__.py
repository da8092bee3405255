"""The flow room: from cells to a graph of steps that is equivalent to running the notebook from top to bottom.

Pure standard library (IPython's transformer apart, for cells with magics); no I/O; no run status. The notebook is
interpreted abstractly once (`interpret`: units with effects); then the units are grouped into steps and needs become
edges (`graph`); what cannot cross a border merges the steps on its two sides, and the second half is done again.
"""

from __future__ import annotations

from nb2flow.errors import Diagnostic
from nb2flow.flow import assemble, checks, elementwise, groups
from nb2flow.flow.codes import CODES
from nb2flow.flow.graph import Conflict, Graph
from nb2flow.flow.groups import Group
from nb2flow.flow.interpret import Analysis, Interpreter
from nb2flow.flow.model import Flow, Observations, Outside
from nb2flow.flow.parameters import find_parameters
from nb2flow.flow.scripts import run_files
from nb2flow.flow.stars import star_modules
from nb2flow.notebook.model import Layout, Notebook

__all__ = ["CODES", "Interpreter", "build", "run_files", "star_modules"]


def build(
    notebook: Notebook,
    layout: Layout,
    *,
    outside: Outside | None = None,
    observed: Observations | None = None,
    interpreter: Interpreter | None = None,
) -> Flow:
    """The flow of a notebook laid out in steps.

    `outside` tells what star imports and `%run` bring in; `observed` is what earlier runs showed; an `interpreter` that
    ran an earlier state of the notebook goes on from the first cell that differs, with the same result. Problems are in
    the flow's `diagnostics` (with those of the notebook and the layout), sorted by cell and line; nothing is raised.
    """
    if layout.dialect == "whole" and notebook.language != "python":
        return assemble.whole(notebook, layout)
    observed, outside = observed or Observations(), outside or Outside()
    analysis = (interpreter or Interpreter(keep=False)).analyse(notebook, layout, outside, observed)
    ids = {c.index: c.id for c in notebook.cells}
    drawn = groups.draw(notebook, layout, analysis)
    found: list[Diagnostic] = []
    graph, drawn = _legal(notebook, analysis, drawn, observed, ids, found)
    parsed = analysis.parsed.get(layout.parameters) if layout.parameters is not None else None
    parameters = find_parameters(parsed)
    replayable = groups.parameters_replayable(layout, analysis)
    found += checks.check_code(notebook, layout, analysis)
    found += checks.check_parameters(notebook, layout, parameters, replayable=replayable)
    found += checks.check_kept(notebook, graph)
    each, refused = elementwise.check(notebook, layout, graph, outside)
    found = [*notebook.diagnostics, *layout.diagnostics, *found, *refused]
    return assemble.flow(notebook, layout, graph, parameters, found, each)


def _legal(
    notebook: Notebook,
    analysis: Analysis,
    drawn: list[Group],
    observed: Observations,
    ids: dict[int, str],
    found: list[Diagnostic],
) -> tuple[Graph, list[Group]]:
    """Settle set-up and merge steps until nothing has to cross a border that it cannot cross."""
    while True:
        graph = Graph(analysis, drawn, observed, ids)
        if graph.conflicts:
            for conflict in _apart(graph.conflicts):
                drawn = _merge(notebook, drawn, conflict, found)
            continue
        settled = groups.settle(drawn, analysis, graph.feeds())
        if settled is None:
            return graph, drawn
        drawn = settled


def _apart(conflicts: list[Conflict]) -> list[Conflict]:
    """The narrowest conflicts that have no group in common, the last first: merging one moves no other."""
    chosen: list[Conflict] = []
    taken: set[int] = set()
    for conflict in sorted(conflicts, key=lambda c: (c.last - c.first, c.first, c.name, c.what)):
        between = range(conflict.first, conflict.last + 1)
        if taken.isdisjoint(between):
            taken.update(between)
            chosen.append(conflict)
    return sorted(chosen, key=lambda c: -c.first)


def _merge(notebook: Notebook, drawn: list[Group], conflict: Conflict, found: list[Diagnostic]) -> list[Group]:
    names = [d for g in drawn[conflict.first : conflict.last + 1] for d in (g.drawn or (g.name,))]
    diagnostic = checks.merged(notebook, conflict, names)
    found.append(diagnostic)
    return groups.merge(drawn, conflict.first, conflict.last, diagnostic.message)
