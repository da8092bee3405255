"""Runs a whole notebook abstractly: cells become units with their effects, in document order.

This is the first of the two halves of the analysis and knows nothing of steps: how the cells are grouped is the second
half's concern (`graph`), so that merging steps never means analysing again.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from nb2flow.flow import magics, replay
from nb2flow.flow import statements as _statements  # noqa: F401  (registers the interpreters of statements)
from nb2flow.flow.dispatch import execute
from nb2flow.flow.effects import HISTORY, Unit
from nb2flow.flow.machine import Machine
from nb2flow.flow.model import Observations, Outside
from nb2flow.flow.syntax import ParsedCell, Statement, parse_cell
from nb2flow.flow.values import Val
from nb2flow.notebook.model import Cell, Layout, Notebook


@dataclass(slots=True)
class Analysis:
    """All units, which cell each belongs to, and the cells that cannot be parsed."""

    units: list[Unit] = field(default_factory=list)
    parsed: dict[int, ParsedCell] = field(default_factory=dict)
    by_cell: dict[int, list[int]] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    seeded: frozenset[str] = frozenset()


def analyse(notebook: Notebook, layout: Layout, outside: Outside, observed: Observations) -> Analysis:
    """Interpret every code cell that is not skipped."""
    result = Analysis()
    machine = Machine(outside=outside, units=result.units)
    machine.keeps_annotations = any("__annotations__" in cell.source for cell in notebook.code)
    machine.asks_caches = any("cache_info" in cell.source for cell in notebook.code)
    skipped = set(layout.skipped)
    ends = _observed_ends(notebook, layout)
    for cell in notebook.code:
        if cell.index in skipped:
            continue
        parsed = result.parsed[cell.index] = _parse(cell, machine)
        first = len(result.units)
        _run_cell(machine, parsed)
        if cell.index == layout.parameters:
            names = frozenset(n for u in result.units[first:] for n in u.writes if n.isidentifier())
            result.parameters = machine.parameters = names
        if cell.index in ends:
            _run_observed(machine, parsed, ends[cell.index], observed)
        result.by_cell[cell.index] = list(range(first, len(result.units)))
    lists = {s.options.each for s in layout.steps} - {None}
    for unit in result.units:  # a list that a step runs for is an artifact, so that its elements are known
        unit.fixed = unit.fixed or (layout.dialect != "whole" and not lists.isdisjoint(unit.writes))
    result.seeded = frozenset(s for u in result.units for s in u.seeds)
    replay.classify(result.units, result.by_cell.get(layout.parameters, []) if layout.parameters is not None else [])
    return result


def _run_cell(m: Machine, parsed: ParsedCell) -> None:
    inner = parsed.magics[-1] if parsed.magics else None
    whole = Statement(ast.Pass(lineno=1, col_offset=0), 1, parsed.cell.source.count("\n") + 1, parsed.cell.source)
    if parsed.opaque and inner is not None:
        with_unit = _begin(m, parsed, whole)
        m.line = inner.line
        magics.cell_magic(m, inner)
        m.use_resource(HISTORY, writes=True, fresh=True)
        _capture(m, parsed)
        with_unit.kind = "compute"
        m.end()
        return
    timed = next((magic for magic in parsed.magics if magic.name == "timeit"), None)
    if timed is not None:
        _begin(m, parsed, whole)
        magics.run_timed(m, timed, [s.node for s in parsed.statements])
        m.end()
        return
    for k, statement in enumerate(parsed.statements):
        last = k == len(parsed.statements) - 1
        _begin(m, parsed, statement)
        execute(m, [statement.node])
        if statement.displays and last:
            m.use_resource(HISTORY, writes=True, fresh=True)
        if last:
            _capture(m, parsed)
        m.end()


def _begin(m: Machine, parsed: ParsedCell, statement: Statement) -> Unit:
    unit = Unit(len(m.units), parsed.cell.index, statement)
    unit.fixed = "raises-exception" in parsed.cell.tags
    m.begin(unit)
    return unit


def _capture(m: Machine, parsed: ParsedCell) -> None:
    for magic in parsed.magics:
        if magic.name == "capture":
            name = magics.capture_name(magic.args)
            if name:
                m.unit.fixed = True
                m.line = magic.line
                m.write_name(name, Val(frozenset({m.alloc("data", "captured output", site=magic.line)})))


def _parse(cell: Cell, m: Machine) -> ParsedCell:
    """A cell of one line may call a magic without its `%` (`pwd`, `cd data`): IPython tries that before Python."""
    spoken = magics.without_percent(cell.source)
    if spoken is None or spoken in m.names:
        return parse_cell(cell)
    return replace(parse_cell(replace(cell, source="%" + cell.source.strip())), cell=cell)


def _observed_ends(notebook: Notebook, layout: Layout) -> dict[int, set[str]]:
    """Last code cell of each drawn step -> ids of the step's cells (observations name a step by its first cell)."""
    groups = [s.cells for s in layout.steps]
    drawn = {c for g in groups for c in g}
    ids = {c.index: c.id for c in notebook.cells}
    run: list[int] = []
    for cell in notebook.code:
        if cell.index in drawn or cell.index in layout.skipped or cell.index == layout.parameters:
            if run:
                groups = [*groups, tuple(run)]
            run = []
        else:
            run.append(cell.index)
    if run:
        groups = [*groups, tuple(run)]
    return {g[-1]: {ids[c] for c in g} for g in groups if g}


def _run_observed(m: Machine, parsed: ParsedCell, ids: set[str], observed: Observations) -> None:
    """What earlier runs saw this step do, as one more unit at its end."""
    changes = sorted(r for c, r in observed.changes if c in ids)
    reads = sorted(p for c, p in observed.reads if c in ids)
    writes = sorted(p for c, p in observed.writes if c in ids)
    if not (changes or reads or writes):
        return
    end = parsed.cell.source.count("\n") + 1
    unit = _begin(m, parsed, Statement(ast.Pass(lineno=end, col_offset=0), end, end, ""))
    unit.observed = True
    for resource in changes:
        m.use_resource(resource, writes=True, text="seen in an earlier run")
    for path in reads:
        m.use_file(path, writes=False, reads=True)
    for path in writes:
        m.use_file(path, writes=True, reads=False)
    m.end()
