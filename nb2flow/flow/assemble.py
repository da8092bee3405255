"""The graph as a `Flow`: names instead of numbers, replayed statements as source, reasons in a readable order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from nb2flow.errors import Diagnostic
from nb2flow.flow import checks, drawing, library
from nb2flow.flow.effects import AT_START, CONFIG, HISTORY, PLOT, Unit, is_resource
from nb2flow.flow.graph import Graph, Node, replay_order
from nb2flow.flow.model import Each, Edge, Flow, Input, Parameter, Reason, Replay, Step
from nb2flow.notebook.model import Layout, Notebook

_ORDER = {"variable": 0, "resource": 1, "file": 2, "order": 3, "state": 4}


def whole(notebook: Notebook, layout: Layout) -> Flow:
    """A notebook in a language that is not analysed: the steps as drawn, one after the other."""
    steps = tuple(Step(s.name, s.title, s.cells, s.options) for s in layout.steps)
    edges = tuple(
        Edge(a.name, b.name, (Reason("state", "everything", text=f"{notebook.language} is not analysed"),))
        for a, b in pairwise(steps)
    )
    found = _sorted([*notebook.diagnostics, *layout.diagnostics])
    return Flow(
        notebook.name,
        notebook.language,
        notebook.kernel,
        layout.dialect,
        steps,
        edges,
        parameters_cell=layout.parameters,
        diagnostics=found,
    )


def flow(
    notebook: Notebook,
    layout: Layout,
    graph: Graph,
    parameters: tuple[Parameter, ...],
    found: list[Diagnostic],
    each: Mapping[str, Each],
) -> Flow:
    """The finished flow. An `after:` that makes a cycle becomes a diagnostic."""
    names = [n.group.name for n in graph.nodes]
    edges = _edges(graph, names)
    order = _document_order(names, edges)
    path = checks.find_cycle(names, edges)
    if path:
        found.append(checks.cycle(notebook, path, None))
    known = frozenset(p.name for p in parameters)
    steps = [_step(notebook, graph, k, names, known, layout.parameters) for k in range(len(names))]
    steps = [replace(step, each=each.get(step.name)) for step in steps]
    watch = tuple(sorted(s for s in graph.analysis.watched if s.startswith("rng:")))
    return Flow(
        notebook.name,
        notebook.language,
        notebook.kernel,
        layout.dialect,
        tuple(steps[k] for k in order),
        tuple(edges),
        parameters,
        layout.parameters,
        _sorted(found),
        watch,
    )


def _document_order(names: list[str], edges: list[Edge]) -> list[int]:
    """Steps in document order, except where an `after:` points downwards: then the smallest change that is an order."""
    before: dict[str, set[str]] = {n: set() for n in names}
    for edge in edges:
        before[edge.target].add(edge.source)
    done: list[int] = []
    left = list(range(len(names)))
    while left:
        given = {names[k] for k in done}
        ready = next((k for k in left if before[names[k]] <= given), left[0])
        done.append(ready)
        left.remove(ready)
    return done


def _edges(graph: Graph, names: list[str]) -> list[Edge]:
    edges: list[Edge] = []
    for k, node in enumerate(graph.nodes):
        reasons: dict[int, list[Reason]] = {}
        for source, reason in node.inputs.values():
            reasons.setdefault(source, []).append(_public(reason))
        for source, more in node.orders.items():
            reasons.setdefault(source, []).extend(more)
        for source in sorted(reasons):
            unique = dict.fromkeys(sorted(reasons[source], key=lambda r: (_ORDER[r.kind], r.name)))
            edges.append(Edge(names[source], names[k], tuple(unique)))
    return edges


def _public(reason: Reason) -> Reason:
    if reason.name == PLOT:
        return Reason(reason.kind, CONFIG, reason.defined, reason.used, reason.text or "plot configuration")
    return reason


def _resource(name: str) -> str:
    return CONFIG if name == PLOT else name


def _carried_as(graph: Graph, source: int, name: str) -> str:
    """What a step calls it when it hands it on: of a class only what it keeps goes, as `class:NAME`."""
    return f"class:{name}" if (source, name) in graph.kept else _resource(name)


def _step(
    notebook: Notebook, graph: Graph, k: int, names: list[str], known: frozenset[str], parameters_cell: int | None
) -> Step:
    node = graph.nodes[k]
    wanted = sorted({(source, _carried_as(graph, source, name)) for name, (source, _) in node.inputs.items()})
    inputs = tuple(Input(n, names[s]) for s, n in wanted)
    state = tuple(dict.fromkeys(names[s] for s, n in wanted if n in AT_START))
    files = sorted({f.path for f in node.files if f.reads and f.path and "{" not in f.path})
    own = {n for u in node.units if u.cell == parameters_cell for n in u.writes}
    return Step(
        name=node.group.name,
        title=node.group.title,
        cells=node.group.cells,
        options=node.group.options,
        replay=tuple(_replays(notebook, graph, node)),
        inputs=inputs,
        outputs=tuple(sorted({_carried_as(graph, k, n) for n in node.outputs})),
        changes=tuple(sorted({_resource(n) for u in _changing(node) for n in u.writes if is_resource(n)} - {HISTORY})),
        state=state,
        parameters=tuple(sorted((node.parameters | own) & known)),
        files=tuple(files),
        notes=node.group.notes,
    )


def _changing(node: Node) -> list[Unit]:
    """The statements whose changes of resources are foreseen when the step is seen to have changed one.

    What an import does is told from what the step does while it runs, and later steps import, too. Where code that
    nobody has looked into runs beside statements that later steps run again, it may have changed the same thing.
    """
    unknown = any(not u.replayable and not all(map(library.is_quiet, u.uses)) for u in node.units)
    return [u for u in node.units if not u.replayable or (u.kind != "import" and not unknown)]


def _replays(notebook: Notebook, graph: Graph, node: Node) -> list[Replay]:
    """Replayed statements in their original order; the parameters cell as a whole, with all that it reads before it."""
    units = replay_order(graph.analysis, _with_parameters(graph, node.replay))
    replays: list[Replay] = []
    drawn = drawing.first_figure(graph.analysis.units)
    if drawn is not None and not (
        node.units and drawn.index < node.units[0].index and drawing.draws([*node.units, *units])
    ):
        drawn = None
    for unit in units:
        cell = notebook.cells[unit.cell]
        if unit.kind == "parameters":
            last = cell.source.count("\n") + 1
            whole_cell = Replay(cell.index, cell.id, 1, last, cell.source, "parameters")
            if whole_cell not in replays:
                replays.append(whole_cell)
            continue
        if drawn is not None and unit.index > drawn.index:
            replays.append(drawing.as_replay(notebook, drawn))
            drawn = None
        statement = unit.statement
        replays.append(Replay(cell.index, cell.id, statement.line, statement.end_line, statement.source, unit.kind))  # type: ignore[arg-type]
    if drawn is not None:
        replays.append(drawing.as_replay(notebook, drawn))
    if replays and not _needs_before(graph, node):
        replays.sort(key=lambda r: r.kind != "parameters")  # the parameters first, where a reader looks for them
    return replays


def _with_parameters(graph: Graph, replay: set[int]) -> set[int]:
    """One statement of the parameters cell brings all of them, and what they read."""
    units = graph.analysis.units
    if not any(units[v].kind == "parameters" for v in replay):
        return replay
    cell = next(units[v].cell for v in replay if units[v].kind == "parameters")
    todo = list(graph.analysis.by_cell.get(cell, []))
    result = set(replay)
    while todo:
        version = todo.pop()
        result.add(version)
        todo.extend(
            r.version for r in units[version].reads.values() if r.version is not None and r.version not in result
        )
    return result


def _needs_before(graph: Graph, node: Node) -> bool:
    """Whether the parameters cell uses imports or names from cells above it."""
    units = graph.analysis.units
    inside = [u for u in units if u.kind == "parameters"]
    cells = {u.cell for u in inside}
    return any(r.version is not None and units[r.version].cell not in cells for u in inside for r in u.reads.values())


def _sorted(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    unique = dict.fromkeys(found)
    return tuple(
        sorted(unique, key=lambda d: (d.place.cell if d.place.cell is not None else -1, d.place.line or 0, d.code))
    )
