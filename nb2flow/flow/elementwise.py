"""Steps that run once for each element of a list: may they? Proven from the code, or refused with the reason.

A step tagged `each:files` holds loops over `files`, each of which only collects: into lists and dicts that the step
itself begins empty. If no pass of a loop can see what another pass did, then the passes of a one-element list, one
after the other, give what the passes of the whole list give. That is what is proven here: each loop is interpreted
again with its collecting taken out, and what it then writes it must not read. docs/decisions/each-element-by-itself.md
has the argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from nb2flow.errors import Diagnostic, Severity
from nb2flow.flow import known_modules
from nb2flow.flow.checks import place
from nb2flow.flow.each_form import LIST, Fault, Read, alone, read_step
from nb2flow.flow.effects import Unit, is_resource
from nb2flow.flow.graph import Graph, Node
from nb2flow.flow.interpret import Analysis, Interpreter
from nb2flow.flow.model import Each, Observations, Outside
from nb2flow.notebook.model import Layout, Notebook

_DRAWING = frozenset({"matplotlib", "seaborn", "plotly", "bokeh", "altair"})


def check(
    notebook: Notebook, layout: Layout, graph: Graph, outside: Outside
) -> tuple[dict[str, Each], list[Diagnostic]]:
    """The steps that run for each element (by name), and why others that are tagged so do not."""
    found: list[Diagnostic] = []
    result: dict[str, Each] = {}
    for node in graph.nodes:
        if node.group.options.each is None or layout.dialect == "whole":
            continue
        why = _runs_whole(node, layout, graph)
        if why:
            found.append(_told(notebook, node, why))
            continue
        read = _step(node, graph.analysis)
        _follow(notebook, layout, outside, read)
        read.faults += _borders(node, read)
        found += [_refused(notebook, fault) for fault in read.faults]
        if not read.faults:
            source = graph.nodes[node.inputs[read.name][0]].group.name
            result[node.group.name] = Each(read.name, source, tuple(sorted(read.kinds.items())))
    found += _gathers(notebook, layout, graph, result)
    return result, found


def _runs_whole(node: Node, layout: Layout, graph: Graph) -> str:
    """Why the step is run over the whole list at once, which gives the same; empty when it need not be."""
    drawn = next((s.cells for s in layout.steps if s.name == node.group.name), None)
    if drawn != node.group.cells:
        return "it was merged with another"
    ids = {graph.ids[c] for c in node.group.cells}
    seen = {name for cell, name in graph.observed.changes | graph.observed.writes if cell in ids}
    return f"its elements met in an earlier run, in {', '.join(sorted(seen)[:3])}" if seen else ""


def _told(notebook: Notebook, node: Node, why: str) -> Diagnostic:
    name, each = node.group.name, node.group.options.each
    message = f"step {name} runs once over the whole of `{each}` and not for each element: {why}"
    return Diagnostic(
        "NB405",
        Severity.WARNING,
        message,
        place(notebook.cells[node.group.cells[0]], 1),
        "the results are the same; nothing need be done",
    )


def _refused(notebook: Notebook, fault: Fault) -> Diagnostic:
    return Diagnostic(
        "NB404", Severity.ERROR, fault.what, place(notebook.cells[fault.cell], max(1, fault.line)), fault.hint
    )


def _step(node: Node, analysis: Analysis) -> Read:
    cells = [analysis.parsed[cell] for cell in node.group.cells if cell in analysis.parsed]
    return read_step(str(node.group.options.each), cells)


# ---- the effects ----


def _follow(notebook: Notebook, layout: Layout, outside: Outside, read: Read) -> None:
    """Interpret the notebook with the step's loops in isolation (other steps as they are), and look at what they do."""
    sources = {cell: alone(read, code, _prefix(cell)) for cell, (_, code) in read.loops.items()}
    cells = tuple(replace(c, source=sources.get(c.index, c.source)) for c in notebook.cells)
    analysis = Interpreter(keep=False).analyse(replace(notebook, cells=cells), layout, outside, Observations())
    for cell, (line, _) in sorted(read.loops.items()):
        unit = analysis.units[analysis.by_cell[cell][-1]]
        read.faults += [Fault(cell, line, what, hint) for what, hint in _effects(unit, read, analysis.seeded)]


def _prefix(cell: int) -> str:
    """Of the names that the loop in this cell binds."""
    return f"nb2flow_each_{cell}_"


def _effects(unit: Unit, read: Read, seeded: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What this loop, its collecting taken out, does that another pass of it could notice.

    A stream that nobody seeds gives other numbers each time, in whatever order: as between steps, it is nothing to see.
    """
    if unit.barrier or unit.defines_unknown or unit.asks:
        what = unit.barrier or "what is done here"
        yield f"{what}: that passes of the loop keep apart cannot be shown", "put it into another step"
        return
    for name in sorted(n for n in unit.writes if is_resource(n) and (n in seeded or not n.startswith("rng:"))):
        what = f"each pass of the loop changes {name}, which the next one would find changed"
        hint = "draw from a generator that each pass makes for itself (`random.Random(…)`)" if "rng:" in name else ""
        yield what, hint or "do that in another step"
    if any(use.writes for use in unit.files):
        yield "the loop writes files, and that no two elements write one cannot be shown", "write them in a later step"
    if unit.attributes & known_modules.PLOT_ATTRIBUTES or (unit.uses | unit.modules) & _DRAWING:
        yield "the loop draws, and figures are shown when the whole cell ends", "draw in a later step"
    known = {n for n in unit.reads if not (n == read.name and n in unit.carried)} | unit.unresolved.keys()
    prefix = _prefix(unit.cell)
    new = {n for n in unit.writes if n.startswith(prefix)}
    bound = {n.removeprefix(prefix) for n in new}
    read.left |= bound | unit.writes.keys() - {read.name}
    passed_on = (read.left | new | read.kinds.keys() | {read.name}) & known - {LIST}
    passed_on |= bound & unit.writes.keys()  # a function that is called binds it as well
    for name in sorted({n.removeprefix(prefix) for n in passed_on if not is_resource(n)}):
        by = re.sub(prefix, "", unit.mutates.get(name) or unit.mutates.get(prefix + name) or "")
        what = f"a pass of the loop may see what an earlier one left in `{name}`" + (f" (`{by}`)" if by else "")
        yield what, f"bind `{name}` anew in each pass, or put a copy in its place"


def _borders(node: Node, read: Read) -> Iterator[Fault]:
    """The list comes from a step, and nothing leaves but what is collected."""
    cell = node.group.cells[0]
    if read.name not in node.inputs:
        what = f"`{read.name}` is made by no step above this one"
        yield Fault(cell, 1, what, f"make `{read.name}` in a cell above, or correct the tag")
    for name in sorted(node.outputs - read.kinds.keys()):
        if name == read.name:
            what = f"the loop may change elements of `{name}`, which are used further down"
            yield Fault(cell, 1, what, "collect what is new in a list of its own")
        else:
            what = f"`{name}` is used further down, and each element has one of its own"
            yield Fault(cell, 1, what, "collect it: in a list that begins empty in this step")


def _gathers(notebook: Notebook, layout: Layout, graph: Graph, found: Mapping[str, Each]) -> Iterator[Diagnostic]:
    """`gather` says that a step uses what others collected: it must."""
    if layout.dialect == "whole":
        return
    tagged = {n.group.name for n in graph.nodes if n.group.options.each}
    for node in graph.nodes:
        sources = {graph.nodes[s].group.name for s, _ in node.inputs.values()}
        if node.group.options.gather and not sources & tagged and node.group.name not in tagged:
            yield Diagnostic(
                "NB406",
                Severity.WARNING,
                f"step {node.group.name} is tagged `gather` and uses nothing that a step with `each:` collected",
                place(notebook.cells[node.group.cells[0]], 1),
                "remove the tag, or use what was collected",
            )
