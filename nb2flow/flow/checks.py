"""Diagnostics of the code: what the analysis found wrong, or could not tell, as values with a place and a hint."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
from collections.abc import Sequence
from functools import lru_cache

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.flow.effects import HISTORY, PACKAGES, Unit, is_resource
from nb2flow.flow.graph import Conflict, Graph, Node
from nb2flow.flow.interpret import Analysis
from nb2flow.flow.model import Edge, Parameter, Site
from nb2flow.flow.syntax import ParsedCell, parse_cell
from nb2flow.notebook.model import Cell, Layout, Notebook
from nb2flow.notebook.settings import cell_settings

_ALIKE = 0.75  # of 1: what two names must share for one to be taken for a slip of the other


def check_code(notebook: Notebook, layout: Layout, analysis: Analysis) -> list[Diagnostic]:
    """Syntax, names, star imports, input, barriers."""
    found = [_syntax(parsed) for parsed in analysis.parsed.values() if parsed.fault is not None]
    found += _names(notebook, layout, analysis)
    barriers: dict[str, list[Unit]] = {}
    for unit in analysis.units:
        cell = notebook.cells[unit.cell]
        if unit.asks:
            found.append(
                Diagnostic(
                    "NB306",
                    Severity.ERROR,
                    "this cell asks a person for input, and nobody is there when a pipeline runs",
                    place(cell, unit.asks, "input"),
                    "give the value a name in the parameters cell, or put `skip` on this cell",
                )
            )
        if unit.defines_unknown:
            found.append(
                Diagnostic(
                    "NB305",
                    Severity.WARNING,
                    f"which names `from {unit.defines_unknown} import *` brings could not be found out here",
                    place(cell, unit.statement.line, "import"),
                    "names that nothing else defines are taken to come from it; import what you use by name",
                )
            )
        if unit.barrier:
            barriers.setdefault(unit.barrier, []).append(unit)
        if PACKAGES in unit.writes:
            found.append(
                Diagnostic(
                    "NB309",
                    Severity.INFO,
                    "packages are installed here: every later step waits for this one",
                    place(cell, unit.statement.line),
                    "put what the notebook needs into its environment instead",
                )
            )
    for why, units in barriers.items():
        first = units[0]
        effect = "read" if all(u.barrier_reads_only for u in units) else "read or changed"
        more = f" (and in {len(units) - 1} more statements)" if len(units) > 1 else ""
        found.append(
            Diagnostic(
                "NB402",
                Severity.INFO,
                f"anything may be {effect} here{more}: {why}",
                place(notebook.cells[first.cell], first.statement.line),
                "the step gets all earlier state and keeps its place in the order; name what it uses to change that",
            )
        )
    return found


def _syntax(parsed: ParsedCell) -> Diagnostic:
    assert parsed.fault is not None
    fault = parsed.fault
    lines = parsed.cell.source.split("\n")
    text = lines[fault.line - 1] if fault.line <= len(lines) else ""
    column = min(fault.column, len(text))
    hint = "correct the line, or put `skip` on the cell if it is not part of the pipeline"
    if re.match(r"\s*print\s+[^(=]", text):
        hint = "this is Python 2; write `print(…)`"
    if re.match(r"(<<<<<<<|=======|>>>>>>>)(\s|$)", text):
        hint = "these are marks of a merge: keep the lines that are right, and remove the marks"
    spot = Place(parsed.cell.index, parsed.cell.id, fault.line, column, min(column + 1, max(len(text), 1)), text)
    return Diagnostic("NB301", Severity.ERROR, f"this cell cannot be parsed: {fault.message}", spot, hint)


def _names(notebook: Notebook, layout: Layout, analysis: Analysis) -> list[Diagnostic]:
    writers: dict[str, list[int]] = {}
    for unit in analysis.units:
        for name in unit.writes:
            if not is_resource(name):
                writers.setdefault(name, []).append(unit.cell)
    skipped = _skipped_names(notebook, layout)
    found: list[Diagnostic] = []
    told: set[str] = set()
    for unit in analysis.units:
        cell = notebook.cells[unit.cell]
        tolerated = "raises-exception" in cell.tags
        for missing in unit.unresolved.values():
            name = missing.name
            if name in told or tolerated:
                continue
            below = [c for c in writers.get(name, []) if c > unit.cell or c == unit.cell]
            certain = missing.certain
            severity = Severity.ERROR if certain else Severity.WARNING
            spot = place(cell, missing.line, name, missing.column)
            told.add(name)
            if name in skipped:
                message = f"`{name}` is defined only in cell {skipped[name]}, which is tagged `skip`"
                found.append(
                    Diagnostic(
                        "NB304",
                        severity,
                        message,
                        spot,
                        f"take `skip` off cell {skipped[name]}, or define `{name}` elsewhere",
                    )
                )
            elif below:
                message = f"`{name}` is used here, but defined only further down (cell {below[0]})"
                hint = "run from top to bottom the notebook fails here: move the definition up"
                found.append(Diagnostic("NB303", severity, message, spot, hint))
            elif certain or not _guarded(unit):
                near = _nearest(name, [*writers, *dir(builtins)])
                hint = f"did you mean `{near}`?" if near else "define it in an earlier cell or in the parameters cell"
                found.append(Diagnostic("NB302", severity, f"nothing defines `{name}`", spot, hint))
    return found


def _nearest(name: str, known: list[str]) -> str:
    """The known name that is most like this one; empty when none is like it."""
    size = len(name)
    found = [(_likeness(name, k), k) for k in known if min(size, len(k)) * 2 >= _ALIKE * (size + len(k))]
    likeness, best = max(found, default=(0.0, ""))
    return best if likeness >= _ALIKE else ""


@lru_cache(maxsize=32768)
def _likeness(name: str, other: str) -> float:
    """How much two names are alike; 0 when that is less than matters. Kept, because an editor's names come again."""
    matcher = difflib.SequenceMatcher(None, other, name)
    return matcher.ratio() if matcher.quick_ratio() >= _ALIKE else 0.0


def _guarded(unit: Unit) -> bool:
    return "try:" in unit.statement.source


def _skipped_names(notebook: Notebook, layout: Layout) -> dict[str, int]:
    from nb2flow.flow.scopes import bound_names

    names: dict[str, int] = {}
    for index in layout.skipped:
        for statement in parse_cell(notebook.cells[index]).statements:
            for name in bound_names([statement.node]):
                names.setdefault(name, index)
    return names


def check_parameters(
    notebook: Notebook, layout: Layout, parameters: tuple[Parameter, ...], *, replayable: bool
) -> list[Diagnostic]:
    """The parameters cell: literals only, nothing but bindings."""
    if layout.parameters is None:
        return []
    cell = notebook.cells[layout.parameters]
    found = []
    for p in (p for p in parameters if p.type == "any"):
        spot = place(cell, p.line, p.name)
        others = sorted({other.name for other in parameters} & _names_in(p.source) - {p.name})
        if others:
            said = f"`{p.name}` is computed from {_and(others)}: it does not follow when a run is given another value"
            hint = "compute it in the next cell, which runs after parameters are set"
            found.append(Diagnostic("NB311", Severity.WARNING, said, spot, hint))
        else:
            said = f"the default of `{p.name}` is not a literal: its type cannot be checked"
            hint = "write the default as a number, text, list or dict"
            found.append(Diagnostic("NB308", Severity.INFO, said, spot, hint))
    if not replayable:
        found.append(
            Diagnostic(
                "NB307",
                Severity.WARNING,
                "the parameters cell does more than bind values: it runs once, in a step of its own, before the others",
                place(cell, 1),
                "keep only `name = value` lines in it and move the rest to the next cell",
            )
        )
    return found


def _names_in(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression.strip(), mode="eval")) if isinstance(node, ast.Name)}


def _and(names: Sequence[str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def check_kept(notebook: Notebook, graph: Graph) -> list[Diagnostic]:
    """Metrics and artifacts that their step neither makes nor uses: there would be nothing to show, or to keep."""
    found: list[Diagnostic] = []
    for node in graph.nodes:
        options = node.group.options
        wanted = dict.fromkeys((*options.metrics, *options.artifacts))
        missing = [name for name in wanted if name not in _held(graph, node)] if wanted else []
        if any(u.barrier or u.defines_unknown for u in node.units):
            continue
        for name in missing:
            makers = [n.group.name for n in graph.nodes if any(name in u.writes for u in n.units)]
            near = _nearest(name, [n for u in graph.analysis.units for n in u.writes if not is_resource(n)])
            hint = f"did you mean `{near}`?" if near else "remove the tag, or give a name that the step binds"
            if makers:
                hint = f"step '{makers[-1]}' makes it: put the tag there"
            message = f"step '{node.group.name}' neither makes nor uses `{name}`: there is nothing to show or to keep"
            found.append(Diagnostic("NB310", Severity.WARNING, message, _asked_for(notebook, node, name), hint))
    return found


def _held(graph: Graph, node: Node) -> set[str]:
    replayed = {name for version in node.replay for name in graph.analysis.units[version].writes}
    return {*node.ends, *node.inputs, *replayed}


def _asked_for(notebook: Notebook, node: Node, name: str) -> Place:
    """Where a cell of the step asks for it."""
    for index in node.group.cells:
        for setting in cell_settings(notebook.cells[index]).settings:
            if setting.key in ("metric", "artifact") and setting.value == name:
                return setting.place
    return Place()


def merged(notebook: Notebook, conflict: Conflict, names: list[str]) -> Diagnostic:
    """Why steps were merged."""
    cell = notebook.cells[conflict.site.cell]
    if is_resource(conflict.name):
        subject = f"{conflict.what} is used in cell {conflict.used.cell}"
    else:
        subject = f"`{conflict.name}` holds {conflict.what} and is used in cell {conflict.used.cell}"
    what = f"{subject}: {_list(names)} run as one step"
    hint = f"make it anew in the step that uses it, or keep all cells that use `{conflict.name}` in one step"
    if conflict.name == HISTORY:
        hint = "give the value a name instead of `_` or `Out[…]`"
    return Diagnostic("NB401", Severity.WARNING, what, place(cell, conflict.site.line, conflict.name), hint)


_MOST_NAMED = 4


def _list(names: list[str]) -> str:
    quoted = [f"'{n}'" for n in names]
    if len(quoted) > _MOST_NAMED:
        return f"the {len(quoted)} steps from {quoted[0]} to {quoted[-1]}"
    return ", ".join(quoted[:-1]) + " and " + quoted[-1] if len(quoted) > 1 else quoted[0]


def find_cycle(names: list[str], edges: list[Edge]) -> list[str]:
    """A cycle among the steps, as names in order (the first one again at the end); empty when there is none."""
    from graphlib import CycleError, TopologicalSorter

    sorter: TopologicalSorter[str] = TopologicalSorter({n: set() for n in names})
    for edge in edges:
        sorter.add(edge.target, edge.source)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def cycle(notebook: Notebook, path: list[str], site: Site | None) -> Diagnostic:
    """The diagnostic for a cycle."""
    text = " → ".join(path)
    spot = place(notebook.cells[site.cell], site.line) if site else Place()
    return Diagnostic(
        "NB403",
        Severity.ERROR,
        f"the steps wait for each other: {text}",
        spot,
        "remove one of the `after:` tags among them",
    )


def place(cell: Cell, line: int, name: str = "", column: int | None = None) -> Place:
    """A place in a cell, with the columns of `name` on that line where it stands there."""
    lines = cell.source.split("\n")
    text = lines[line - 1] if 1 <= line <= len(lines) else ""
    end: int | None = None
    if name:
        if column is not None and text[column : column + len(name)] == name:
            end = column + len(name)
        else:
            match = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)
            column, end = match.span() if match else (None, None)
    return Place(cell.index, cell.id, line, column, end, text)
