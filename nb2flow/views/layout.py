"""Where boxes, lines and labels stand in a drawing. The layered layout is graphlay's (MIT or Apache-2.0): it is
deterministic, has no dependencies and wheels for Linux (glibc 2.17 on), macOS and Windows, and routes edges too.

This file alone knows graphlay; it is imported only when a picture is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]

_OPTIONS = {
    "direction": "topbottom",
    "spacing": {"layer_gap": 56.0, "node_gap": 24.0, "dummy_gap": 22.0, "isolated_gap": 24.0},
    "routing": {"merge_edges": "both", "port_sides": "facing_only"},
}
_LARGE = 300  # boxes and lines: from here on a good drawing would take seconds


@dataclass(frozen=True, slots=True)
class Box:
    """A node to be placed: its size in pixels."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge to be drawn: its ends, and the size in pixels of the room for its label (0, 0: none)."""

    source: str
    target: str
    label: Point = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Placed:
    """The drawing: box centres, each line's points from border to border, label centres (None: no room was asked)."""

    width: float
    height: float
    centres: tuple[Point, ...]
    paths: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


def place(boxes: tuple[Box, ...], lines: tuple[Line, ...], margin: float = 16.0) -> Placed:
    """Place boxes in layers from top to bottom and route lines between them. The same input gives the same drawing.

    A line that asks for room for its label is laid out as two, with an invisible box between them that keeps the room.
    """
    import graphlay

    if not boxes:
        return Placed(2 * margin, 2 * margin, (), (), ())
    index = {b.name: i for i, b in enumerate(boxes)}
    nodes = [_node(b.width, b.height) for b in boxes]
    edges: list[dict[str, Any]] = []
    rooms: list[int | None] = []
    for line in lines:
        source, target = index[line.source], index[line.target]
        if line.label[0]:
            rooms.append(len(nodes))
            nodes.append(_node(*line.label))
            edges += [_edge(source, len(nodes) - 1), _edge(len(nodes) - 1, target)]
        else:
            rooms.append(None)
            edges.append(_edge(source, target))
    effort = "balanced" if len(nodes) + len(edges) <= _LARGE else "fast"
    raw = graphlay.layout({"nodes": nodes, "edges": edges}, options=_OPTIONS | {"effort": effort}).to_dict()
    low, high = raw["bounds"]["min"], raw["bounds"]["max"]

    def moved(point: dict[str, float]) -> Point:
        return (round(point["x"] - low["x"] + margin, 1), round(point["y"] - low["y"] + margin, 1))

    centres = [moved(n["center"]) for n in raw["nodes"]]
    drawn = iter(tuple(moved(p) for p in e["points"]) for e in raw["edges"])
    return Placed(
        round(high["x"] - low["x"] + 2 * margin, 1),
        round(high["y"] - low["y"] + 2 * margin, 1),
        tuple(centres[: len(boxes)]),
        tuple(next(drawn) if room is None else next(drawn) + next(drawn) for room in rooms),
        tuple(None if room is None else centres[room] for room in rooms),
    )


def _node(width: float, height: float) -> dict[str, Any]:
    return {"size": {"width": width, "height": height}, "shape": "box"}


def _edge(source: int, target: int) -> dict[str, Any]:
    return {"source": source, "target": target, "weight": 1.0}
