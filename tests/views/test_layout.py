"""The picture's geometry: boxes and labels keep clear of each other, lines join the boxes that they should."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nb2flow.views.layout import Box, Line, Placed, place


@st.composite
def drawings(draw: st.DrawFn) -> tuple[tuple[Box, ...], tuple[Line, ...]]:
    count = draw(st.integers(1, 10))
    boxes = tuple(Box(f"s{i}", draw(st.integers(60, 200)), 44.0) for i in range(count))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    labels = st.sampled_from([(0.0, 0.0), (60.0, 16.0)])
    return boxes, tuple(Line(f"s{a}", f"s{b}", draw(labels)) for a, b in sorted(chosen))


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return abs(a[0] - b[0]) * 2 < a[2] + b[2] - 1 and abs(a[1] - b[1]) * 2 < a[3] + b[3] - 1


def rectangles(
    boxes: tuple[Box, ...], lines: tuple[Line, ...], placed: Placed
) -> list[tuple[float, float, float, float]]:
    found = [(*at, b.width, b.height) for b, at in zip(boxes, placed.centres, strict=True)]
    return found + [(*at, *k.label) for k, at in zip(lines, placed.labels, strict=True) if at is not None]


@given(drawings())
def test_boxes_and_labels_stand_apart_inside_the_picture(drawing: tuple[tuple[Box, ...], tuple[Line, ...]]) -> None:
    boxes, lines = drawing
    placed = place(boxes, lines)
    all_of_them = rectangles(boxes, lines, placed)
    assert not [pair for pair in itertools.combinations(all_of_them, 2) if overlap(*pair)]
    for x, y, width, height in all_of_them:
        assert x - width / 2 >= 0 and x + width / 2 <= placed.width
        assert y - height / 2 >= 0 and y + height / 2 <= placed.height
    assert placed == place(boxes, lines)


@given(drawings())
def test_lines_run_down_from_their_source_to_their_target(drawing: tuple[tuple[Box, ...], tuple[Line, ...]]) -> None:
    boxes, lines = drawing
    placed = place(boxes, lines)
    at = {b.name: (b, centre) for b, centre in zip(boxes, placed.centres, strict=True)}
    for line, path in zip(lines, placed.paths, strict=True):
        for name, (x, y), side in ((line.source, path[0], 0.5), (line.target, path[-1], -0.5)):
            box, (cx, cy) = at[name]
            assert abs(x - cx) <= box.width / 2 + 0.2
            assert abs(y - (cy + side * box.height)) <= 0.2
