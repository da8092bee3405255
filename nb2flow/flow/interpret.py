"""Runs a whole notebook abstractly: cells become units with their effects, in document order.

This is the first of the two halves of the analysis and knows nothing of steps: how the cells are grouped is the second
half's concern (`graph`), so that merging steps never means analysing again.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from nb2flow.flow import instances, known, magics, replay, scopes
from nb2flow.flow import statements as _statements  # noqa: F401  (registers the interpreters of statements)
from nb2flow.flow.dispatch import execute
from nb2flow.flow.effects import CONFIG, CONFIGURATION, HISTORY, Unit
from nb2flow.flow.machine import MAX_NODES, Machine, Place
from nb2flow.flow.model import Observations, Outside
from nb2flow.flow.scopes import root_name
from nb2flow.flow.syntax import ParsedCell, Statement, parse_cell
from nb2flow.flow.values import Val
from nb2flow.notebook.model import Cell, Layout, Notebook

_NEVER_NONE = (
    ast.BinOp,
    ast.Compare,
    ast.Dict,
    ast.DictComp,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.Lambda,
    ast.List,
    ast.ListComp,
    ast.Set,
    ast.SetComp,
    ast.Tuple,
    ast.UnaryOp,
)


@dataclass(slots=True)
class Analysis:
    """All units, which cell each belongs to, and the cells that cannot be parsed."""

    units: list[Unit] = field(default_factory=list)
    parsed: dict[int, ParsedCell] = field(default_factory=dict)
    by_cell: dict[int, list[int]] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    seeded: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()  # what may be seeded, too: by functions that nobody has looked into


class _Asked(NamedTuple):
    """All that decides what running a cell does, but for what ran before it."""

    cell: Cell
    parameters: bool
    ends: frozenset[str] | None  # the ids of the cells of the step that ends with it


class _Border(NamedTuple):
    """What was known before a cell."""

    place: Place
    kinds: replay.Kinds


class Interpreter:
    """Runs notebooks abstractly. With `keep`, what it ran last is remembered: it goes on from the first cell that
    differs. What comes out is what a new interpreter would give; the analysis that it gave before is used up.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._machine: Machine | None = None
        self._key: tuple[object, ...] = ()
        self._asked: list[_Asked] = []
        self._borders: list[_Border] = []  # before each cell
        self._parsed: list[ParsedCell] = []
        self._kinds = replay.Kinds()
        self._changed: list[tuple[Unit, bool, str]] = []  # what the steps, and not the code, made of units

    def analyse(self, notebook: Notebook, layout: Layout, outside: Outside, observed: Observations) -> Analysis:
        """Interpret every code cell that is not skipped."""
        machine, begins = self._machine_for(notebook, layout, outside, observed)
        self._machine = None  # should anything go wrong now, nothing of it is used again
        result = Analysis()
        for k, asked in enumerate(self._asked):
            if k >= begins:
                self._run(machine, asked, observed)
            result.parsed[asked.cell.index] = self._parsed[k]
        result.units = list(machine.units)
        starts = [*[border.place.units for border in self._borders], len(machine.units)]
        for asked, (first, end) in zip(self._asked, pairwise(starts), strict=True):
            result.by_cell[asked.cell.index] = list(range(first, end))
        result.parameters = machine.parameters
        if self._keep:
            self._machine = machine
            if machine.spent > MAX_NODES:  # how far calls could be followed might then depend on what was asked before
                self.forget()
        self._classify(result, layout, outside)
        return result

    def _run(self, machine: Machine, asked: _Asked, observed: Observations) -> None:
        place = machine.place()
        self._borders.append(_Border(place, self._kinds))
        parsed = _parse(asked.cell, machine)
        self._parsed.append(parsed)
        _run_cell(machine, parsed)
        if asked.parameters:
            units = machine.units[place.units :]
            machine.parameters = frozenset(n for u in units for n in u.writes if n.isidentifier())
        if asked.ends is not None:
            _run_observed(machine, parsed, asked.ends, observed)
        for unit in machine.units[place.units :]:
            self._kinds = self._kinds.sort(unit)

    def _classify(self, result: Analysis, layout: Layout, outside: Outside) -> None:
        of_parameters = result.by_cell.get(layout.parameters, []) if layout.parameters is not None else []
        lists = {s.options.each for s in layout.steps} - {None} if layout.dialect != "whole" else set()
        held = [u for u in result.units if not lists.isdisjoint(u.writes)] if lists else []
        self._changed = [(u, u.fixed, u.kind) for u in (*held, *(result.units[p] for p in of_parameters))]
        for unit in held:  # a list that a step runs for is an artifact, so that its elements are known
            unit.fixed = True
        seeded = {s for u in result.units for s in u.seeds}
        result.seeded = frozenset(
            seeded.union(n for u in result.units if u.observed for n in u.writes if n[:4] == "rng:")
        )
        if outside.seeding:  # it may seed where it is imported, whoever uses it and before anything is seen
            result.seeded |= {known.PY, known.NP}
        result.watched = result.seeded | (frozenset((known.TORCH,)) if outside.seeding else frozenset())
        replay.classify(result.units, of_parameters)

    def forget(self) -> None:
        """Remember nothing. What was remembered is taken apart: it is full of cycles."""
        if self._machine is not None and self._borders:
            self._machine.resume(self._borders[0].place)
        self._machine = None

    def _machine_for(
        self, notebook: Notebook, layout: Layout, outside: Outside, observed: Observations
    ) -> tuple[Machine, int]:
        """The machine, and the number of cells that it has run as they are asked for now."""
        skipped = set(layout.skipped)
        ends = _observed_ends(notebook, layout)
        asked = [
            _Asked(cell, cell.index == layout.parameters, ends.get(cell.index))
            for cell in notebook.code
            if cell.index not in skipped
        ]
        key = (
            outside,
            observed,
            any("__annotations__" in cell.source for cell in notebook.code),
            any("cache_info" in cell.source for cell in notebook.code),
            _varying(notebook, skipped),
            any("flags" in c.source for c in notebook.code) and any("decimal" in c.source for c in notebook.code),
        )
        before, self._asked = self._asked, asked
        machine, begins = self._machine, 0
        if machine is not None and key == self._key:
            while begins < min(len(before), len(asked)) and before[begins] == asked[begins]:
                begins += 1
        for unit, fixed, kind in self._changed:
            unit.fixed, unit.kind = fixed, kind
        if machine is None or not begins:
            self.forget()
            machine = Machine(
                outside=outside, keeps_annotations=key[2], asks_caches=key[3], varying=key[4], asks_flags=key[5]
            )
            self._kinds, begins = replay.Kinds(), 0
            if self._keep:
                machine.keep_trail()
        elif begins < len(before):
            self._kinds = self._borders[begins].kinds
            machine.resume(self._borders[begins].place)
        del self._borders[begins:], self._parsed[begins:]
        self._key = key
        return machine, begins


def _varying(notebook: Notebook, skipped: set[int]) -> frozenset[str]:
    """Names of a notebook that compiles functions which are bound more than once, or of which parts are set."""
    cells = [cell for cell in notebook.code if cell.index not in skipped]
    if not any("numba" in cell.source for cell in cells):
        return frozenset()
    bound: Counter[str] = Counter()
    for statement in (s.node for cell in cells for s in parse_cell(cell).statements):
        often = 2 if isinstance(statement, ast.For | ast.While | ast.AugAssign) else 1
        bound.update(dict.fromkeys(scopes.bound_names([statement]), often))
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                bound.update(dict.fromkeys(node.names, 2))
            elif isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
                bound.update({root_name(node): 2})
    return frozenset(name for name, times in bound.items() if times > 1)


def _run_cell(m: Machine, parsed: ParsedCell) -> None:
    inner = parsed.magics[-1] if parsed.magics else None
    whole = Statement(ast.Pass(lineno=1, col_offset=0), 1, parsed.cell.source.count("\n") + 1, parsed.cell.source)
    if parsed.opaque and inner is not None:
        with_unit = _begin(m, parsed, whole)
        m.line = inner.line
        magics.cell_magic(m, inner)
        _display(m, None)
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
        instances.finalize_parts(m, statement.node)
        if statement.displays and last:
            _display(m, statement.node)
        if last:
            _capture(m, parsed)
        m.end()


def _display(m: Machine, node: ast.stmt | None) -> None:
    """`_` becomes what the cell ends with, unless that is None: then it stays what it was."""
    m.use_resource(HISTORY, writes=True, fresh=True)
    value = node.value if isinstance(node, ast.Expr) else None
    constant = isinstance(value, ast.Constant) and value.value is not None
    m.unit.shows_perhaps = not (constant or isinstance(value, _NEVER_NONE))


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


def _observed_ends(notebook: Notebook, layout: Layout) -> dict[int, frozenset[str]]:
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
    return {g[-1]: frozenset(ids[c] for c in g) for g in groups if g}


def _run_observed(m: Machine, parsed: ParsedCell, ids: frozenset[str], observed: Observations) -> None:
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
        for name in CONFIGURATION if resource == CONFIG else (resource,):
            m.use_resource(name, writes=True, text="seen in an earlier run")
    unit.keeps_settings = CONFIG in changes  # perhaps: a library may have put them back
    for path in reads:
        m.use_file(path, writes=False, reads=True)
    for path in writes:
        m.use_file(path, writes=True, reads=False)
    m.end()
