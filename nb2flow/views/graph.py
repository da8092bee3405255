"""The graph that all drawings share: steps, what flows between them, and (when there is a run) how each step fared.

Only this file knows how to make a drawable graph out of a flow or out of a run's plan; the renderers (rails, SVG,
Mermaid, DOT, JSON) know neither flows nor runs. Pure values in, pure values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nb2flow.flow.model import ANY_FILE, Edge, Flow, Reason, Step
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.expand import collapsed
from nb2flow.plan.model import Plan, PlanEdge, PlanStep
from nb2flow.runs.state import RunState, StepState
from nb2flow.views.standing import standing
from nb2flow.views.words import counted, shortened


@dataclass(frozen=True, slots=True)
class Node:
    """A step as drawn: `detail` is one short line (cells, options), `note` how it fared; `status` is a StepStatus."""

    name: str
    title: str
    detail: str = ""
    status: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as drawn: `carries` are the names that flow, `label` words where none do, `why` in full."""

    source: str
    target: str
    carries: tuple[str, ...] = ()
    label: str = ""
    why: tuple[str, ...] = ()

    def text(self, limit: int = 24) -> str:
        """The edge's label in at most about `limit` characters: `df, labels, +3`."""
        return shortened(self.carries, limit) if self.carries else self.label


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in document order (a valid order to run them in) and links between them."""

    title: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def into(self, name: str) -> tuple[Link, ...]:
        """The links that end at step `name`, by the order of their sources."""
        place = {n.name: i for i, n in enumerate(self.nodes)}
        return tuple(sorted((k for k in self.links if k.target == name), key=lambda k: place[k.source]))


def options_text(options: StepOptions) -> str:
    """The options that matter to a reader of the graph, in the tag language: `gpu:1 memory:4Gi retries:1`."""
    words = []
    if options.gpu:
        words.append(
            f"gpu:{options.gpu}"
            if options.gpu_resource == "nvidia.com/gpu"
            else f"gpu:{options.gpu_resource}:{options.gpu}"
        )
    words += [f"{name}:{value}" for name in ("cpu", "memory", "disk") if (value := getattr(options, name))]
    if options.retries:
        words.append(f"retries:{options.retries}")
    if options.timeout:
        words.append(f"timeout:{options.timeout:g}s")
    if not options.cache:
        words.append("cache:off")
    if options.each:
        words.append(f"each:{options.each}")
    return " ".join(words)


def of_flow(flow: Flow) -> Graph:
    """The graph of a flow."""
    nodes = tuple(Node(s.name, s.title, _detail(s, len(s.cells))) for s in flow.steps)
    links = tuple(
        Link(e.source, e.target, e.carries, _label(e.reasons), tuple(reason_words(r) for r in e.reasons))
        for e in flow.edges
    )
    return Graph(flow.notebook, nodes, links)


def of_plan(plan: Plan) -> Graph:
    """The graph of a plan."""
    nodes = tuple(Node(s.name, s.title, _detail(s, len(s.cells))) for s in plan.steps)
    return Graph(plan.name, nodes, tuple(map(_plan_link, plan.edges)))


def of_run(state: RunState) -> Graph:
    """The graph of a run's plan with the status of each step. The instances of a step are told at that step."""
    plain = of_plan(collapsed(state.plan))
    nodes = []
    for node in plain.nodes:
        stands = standing(state, state.steps.get(node.name, StepState(node.name)))
        nodes.append(Node(node.name, node.title, node.detail, stands.status, stands.note))
    return Graph(f"{plain.title}: run {state.run_id}", tuple(nodes), plain.links)


def reduced(graph: Graph) -> dict[str, tuple[str, ...]]:
    """For each step the steps it directly follows once edges implied by longer paths are left out."""
    parents: dict[str, set[str]] = {n.name: set() for n in graph.nodes}
    for link in graph.links:
        parents[link.target].add(link.source)
    above: dict[str, set[str]] = {}
    for node in graph.nodes:
        above[node.name] = set().union(*(above[p] | {p} for p in parents[node.name] if p in above))
    place = {n.name: i for i, n in enumerate(graph.nodes)}
    result = {}
    for name, sources in parents.items():
        implied = set().union(*(above[p] for p in sources)) if sources else set()
        result[name] = tuple(sorted(sources - implied, key=place.__getitem__))
    return result


def reason_words(reason: Reason) -> str:
    """One reason in words, without source lines: `df: defined in cell 3, used in cell 7`."""
    if reason.kind == "order":
        return reason.text or f"after:{reason.name} asks for this order"
    if reason.kind == "state":
        return reason.text or f"{reason.name}: state that cannot be told apart"
    noun = {"variable": "", "resource": "resource ", "file": "file "}[reason.kind] if reason.name != ANY_FILE else ""
    made, used = {"variable": ("defined", "used"), "resource": ("changed", "used"), "file": ("written", "used")}[
        reason.kind
    ]
    parts = []
    if reason.defined is not None:
        parts.append(f"{made} in cell {reason.defined.cell}")
    if reason.used is not None:
        parts.append(f"{used} in cell {reason.used.cell}")
    words = f"{noun}{reason.name}" + (": " + ", ".join(parts) if parts else "")
    return f"{words} ({reason.text})" if reason.text else words


def to_value(graph: Graph) -> dict[str, object]:
    """The graph as plain JSON values. Keys are stable: `title`, `steps` and `edges`."""
    steps: list[Mapping[str, object]] = []
    for node in graph.nodes:
        step: dict[str, object] = {"name": node.name, "title": node.title, "detail": node.detail}
        if node.status is not None:
            step |= {"status": node.status, "note": node.note}
        steps.append(step)
    edges = [
        {"source": k.source, "target": k.target, "carries": list(k.carries), "label": k.text(), "why": list(k.why)}
        for k in graph.links
    ]
    return {"title": graph.title, "steps": steps, "edges": edges}


def _detail(step: Step | PlanStep, cells: int) -> str:
    options = options_text(step.options)
    return counted(cells, "cell") + (f" · {options}" if options else "")


def edge_label(edge: Edge) -> str:
    """The text on an edge in a drawing: the names that flow, else what else makes the order."""
    return Link(edge.source, edge.target, edge.carries, _label(edge.reasons)).text()


def _label(reasons: tuple[Reason, ...]) -> str:
    files = [r.name for r in reasons if r.kind == "file"]
    if files:
        return shortened(files, 24)
    return "order" if all(r.kind == "order" for r in reasons) else "state"


def _plan_link(edge: PlanEdge) -> Link:
    return Link(edge.source, edge.target, edge.carries, "" if edge.carries else "order", edge.why)


def edge_between(flow: Flow, source: str, target: str) -> Edge | None:
    """The direct edge from `source` to `target`, if there is one."""
    return next((e for e in flow.edges if e.source == source and e.target == target), None)
