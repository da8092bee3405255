"""Where boxes, lines and labels stand in a drawing. The layered layout is graphlay's (MIT or Apache-2.0): deterministic,
no dependencies, wheels for Linux (glibc 2.17 on), macOS and Windows; it routes edges and finds room for their labels.

This file alone knows graphlay; it is imported only when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]


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
    """The drawing: box centres, each line's points from border to border, label centres (None where no room was asked)."""

    width: float
    height: float
    centres: tuple[Point, ...]
    paths: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


def place(boxes: tuple[Box, ...], lines: tuple[Line, ...], margin: float = 16.0) -> Placed:
    """Place boxes in layers from top to bottom and route lines between them. The same input gives the same drawing."""
    import graphlay

    if not boxes:
        return Placed(2 * margin, 2 * margin, (), (), ())
    index = {b.name: i for i, b in enumerate(boxes)}
    request: dict[str, Any] = {
        "nodes": [{"size": {"width": b.width, "height": b.height}, "shape": "box", "key": b.name} for b in boxes],
        "edges": [_edge(index, line) for line in lines],
    }
    options = {
        "direction": "topbottom",
        "spacing": {"layer_gap": 52.0, "node_gap": 24.0, "dummy_gap": 22.0, "isolated_gap": 24.0},
        "routing": {"merge_edges": "both", "port_sides": "facing_only"},
        "labels": {"reservation": "always"},
    }
    raw = graphlay.layout(request, options=options).to_dict()
    low, high = raw["bounds"]["min"], raw["bounds"]["max"]

    def moved(point: dict[str, float]) -> Point:
        return (round(point["x"] - low["x"] + margin, 1), round(point["y"] - low["y"] + margin, 1))

    return Placed(
        round(high["x"] - low["x"] + 2 * margin, 1),
        round(high["y"] - low["y"] + 2 * margin, 1),
        tuple(moved(n["center"]) for n in raw["nodes"]),
        tuple(tuple(moved(p) for p in e["points"]) for e in raw["edges"]),
        tuple(_label(e, moved) for e in raw["edges"]),
    )


def _edge(index: dict[str, int], line: Line) -> dict[str, Any]:
    edge: dict[str, Any] = {"source": index[line.source], "target": index[line.target], "weight": 1.0}
    if line.label[0]:
        edge["label_size"] = {"width": line.label[0], "height": line.label[1]}
    return edge


def _label(edge: dict[str, Any], moved: Callable[[dict[str, float]], Point]) -> Point | None:
    anchor = edge.get("label_anchor")
    return moved(anchor) if anchor else None
