"""The drawings of a graph: snapshots of each format, and laws that hold for any graph."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from builders import DIAMOND, flow_of, plan_of, run_of
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.notebook.model import StepOptions
from nb2flow.views import markup, rails, svg
from nb2flow.views.graph import Graph, Link, Node, of_flow, of_run, reduced, to_value
from nb2flow.views.terminal import Terminal
from nb2flow.views.words import shortened

Snapshot = Callable[[str, str], None]
WIDE = (
    *(f"load -> model-{i}: features, labels, holdout_set, scaler" for i in range(8)),
    *(f"model-{i} -> best: score_{i}" for i in range(8)),
    "best -> report: winner",
    "load -> report: df",
    "report -> publish",
)
OPTIONS = {"fit-a": StepOptions(gpu=1, memory="4Gi", timeout=600.0)}
STATUSES = {"load": "cached", "fit-a": "succeeded", "fit-b": "failed", "fit-c": "running", "best": "skipped"}


def diamond() -> Graph:
    return of_flow(flow_of(*DIAMOND, "report -> publish", "lone", options=OPTIONS))


def started() -> Graph:
    return of_run(run_of(plan_of(flow_of(*DIAMOND)), STATUSES))


@pytest.mark.parametrize(
    ("name", "graph", "terminal"),
    [
        ("diamond.txt", diamond(), Terminal()),
        ("diamond-colour.txt", diamond(), Terminal(color=True)),
        ("diamond-ascii.txt", diamond(), Terminal(unicode=False)),
        ("wide.txt", of_flow(flow_of(*WIDE)), Terminal()),
        ("started.txt", started(), Terminal()),
    ],
)
def test_rails(name: str, graph: Graph, terminal: Terminal, snapshot: Snapshot) -> None:
    snapshot(name, rails.draw(graph, terminal) + "\n")


def test_rails_fit_eighty_columns_with_twenty_steps() -> None:
    arrows = [f"step-number-{i} -> step-number-{i + 1}: a_rather_long_name_{i}, other, third" for i in range(19)]
    arrows += [f"step-number-0 -> step-number-{i}: everything_from_the_start, scaler" for i in range(2, 20)]
    drawn = rails.draw(of_flow(flow_of(*arrows)), Terminal(80)).splitlines()
    assert len(drawn) <= 40
    assert max(map(len, drawn)) <= 80


def test_steps_that_have_nothing_to_do_with_each_other_take_two_columns() -> None:
    graph = of_flow(flow_of(*(f"a-rather-long-name-of-step-{i}" for i in range(30))))
    assert {row.column for row in rails.rails(graph)} == {0, 2}
    assert max(map(len, rails.draw(graph, Terminal(40)).splitlines())) <= 40


@pytest.mark.parametrize("name", ["diamond", "started"])
def test_markup_and_svg(name: str, snapshot: Snapshot) -> None:
    graph = {"diamond": diamond, "started": started}[name]()
    snapshot(f"{name}.mmd", markup.mermaid(graph))
    snapshot(f"{name}.dot", markup.dot(graph))
    snapshot(f"{name}.svg", svg.draw(graph))
    snapshot(f"{name}.json", json.dumps(to_value(graph), indent=2, ensure_ascii=False) + "\n")


def test_hostile_names_stay_text() -> None:
    evil = '"]; <script>alert(1)</script> & \\ `x` |y|'
    graph = Graph(evil, (Node("a", evil, evil), Node("b", evil)), (Link("a", "b", (evil,), "", (evil,)),))
    document = ET.fromstring(svg.draw(graph))
    assert not [e for e in document.iter() if e.tag.endswith("script")]
    assert "<script" not in markup.mermaid(graph)
    assert markup.mermaid(graph).count("\n") == 4
    dot = markup.dot(graph).replace("\\\\", "").replace('\\"', "")
    assert all(line.count('"') % 2 == 0 for line in dot.splitlines())


def test_an_empty_graph_can_be_drawn() -> None:
    graph = Graph("empty", (), ())
    assert rails.draw(graph, Terminal()) == ""
    ET.fromstring(svg.draw(graph))
    assert markup.mermaid(graph) == "flowchart TD\n"


@pytest.mark.parametrize(
    ("names", "limit", "expected"),
    [
        (["df"], 24, "df"),
        (["df", "labels"], 24, "df, labels"),
        (["df", "labels", "a", "b", "c"], 14, "df, labels, +3"),
        (["a_very_long_name_indeed"], 5, "a_very_long_name_indeed"),
        ([], 5, ""),
    ],
)
def test_shortened(names: list[str], limit: int, expected: str) -> None:
    assert shortened(names, limit) == expected


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    pairs = draw(st.sets(st.sampled_from([(a, b) for a in range(count) for b in range(a + 1, count)] or [(0, 0)])))
    nodes = tuple(Node(f"s{i}", f"S{i}") for i in range(count))
    return Graph("g", nodes, tuple(Link(f"s{a}", f"s{b}", ("x",)) for a, b in sorted(pairs) if a != b))


def reach(pairs: set[tuple[str, str]], names: list[str]) -> set[tuple[str, str]]:
    closed = set(pairs)
    for middle, a, b in itertools.product(names, names, names):  # middle varies slowest: Warshall
        if (a, middle) in closed and (middle, b) in closed:
            closed.add((a, b))
    return closed


@given(graphs())
def test_the_reduction_orders_the_same_steps_with_no_edge_to_spare(graph: Graph) -> None:
    names = [n.name for n in graph.nodes]
    full = {(k.source, k.target) for k in graph.links}
    small = {(parent, child) for child, parents in reduced(graph).items() for parent in parents}
    assert small <= full
    assert reach(small, names) == reach(full, names)
    assert all(edge not in reach(small - {edge}, names) for edge in small)


@given(graphs())
def test_rails_lead_to_exactly_the_parents(graph: Graph) -> None:
    """Following the lines up from a node reaches its parents in the reduction, and no other node."""
    rows = [r.text for r in rails.rails(graph)]
    width = max(map(len, rows)) + 2
    grid = [r.ljust(width) for r in rows]
    nodes = [r.column for r in rails.rails(graph)]
    for number, node in enumerate(graph.nodes):
        found = {graph.nodes[above].name for above in sources(grid, nodes, number)}
        assert found == set(reduced(graph)[node.name]), "\n".join(rows)


def sources(grid: list[str], nodes: list[int], number: int) -> set[int]:
    """The rows of the nodes that lines lead to from the node in row `number`, going left, right and up."""
    column, row = nodes[number], grid[number]
    joined = []
    for step in (-1, 1):
        x = column + step
        while 0 <= x < len(row) and row[x] in "─┼┴│├╰┤╯":
            if row[x] in "┼┴├╰┤╯":
                joined.append(x)
            if row[x] in "├╰┤╯":
                break
            x += step
    above = grid[number - 1][column] if number else " "
    if above in "●│├┤┼":
        joined.append(column)
    return {up(grid, nodes, number - 1, x) for x in joined}


def up(grid: list[str], nodes: list[int], y: int, x: int) -> int:
    while nodes[y] != x:
        assert grid[y][x] in "│├┤┼", (y, x, grid[y][x])
        y -= 1
    return y


@given(graphs())
def test_svg_is_well_formed_and_names_every_step(graph: Graph) -> None:
    drawn = svg.draw(graph)
    assert {n.name for n in graph.nodes} <= {e.text for e in ET.fromstring(drawn).iter() if e.text}
    assert drawn == svg.draw(graph)
