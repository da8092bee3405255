"""The graph as one self-contained SVG: the same picture in the README, on the command line and in the report.

Colours follow the reader's light or dark setting; a status is told by a sign and a word as well as by colour. Every
text from a notebook is escaped. Class names start with `nf-`, so that the picture can stand inside a page of ours.
"""

from __future__ import annotations

from html import escape

from nb2flow.views.graph import Graph, Link, Node, reduced
from nb2flow.views.layout import Box, Line, Placed, Point, place
from nb2flow.views.terminal import GLYPHS
from nb2flow.views.words import clipped

STATUS_CSS = """
.nf-s-succeeded{--nf-c:#1a7f37}.nf-s-cached{--nf-c:#0969da}.nf-s-failed{--nf-c:#cf222e}.nf-s-running{--nf-c:#0a7ea4}
.nf-s-retrying,.nf-s-cancelled,.nf-s-interrupted{--nf-c:#9a6700}
.nf-s-waiting,.nf-s-skipped,.nf-s-created{--nf-c:#6e7781}
@media (prefers-color-scheme:dark){
.nf-s-succeeded{--nf-c:#3fb950}.nf-s-cached{--nf-c:#58a6ff}.nf-s-failed{--nf-c:#ff7b72}
.nf-s-running{--nf-c:#56d4dd}.nf-s-retrying,.nf-s-cancelled,.nf-s-interrupted{--nf-c:#d29922}
.nf-s-waiting,.nf-s-skipped,.nf-s-created{--nf-c:#8b949e}}
"""

_CSS = (
    """
.nf{--nf-bg:#ffffff;--nf-box:#f6f8fa;--nf-line:#8c959f;--nf-text:#1f2328;--nf-dim:#59636e;
font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;background:var(--nf-bg)}
@media (prefers-color-scheme:dark){
.nf{--nf-bg:#0d1117;--nf-box:#161b22;--nf-line:#6e7681;--nf-text:#e6edf3;--nf-dim:#9198a1}}
.nf-bg{fill:var(--nf-bg)}.nf-box{fill:var(--nf-box);stroke:var(--nf-c,var(--nf-line));stroke-width:1.25}
.nf-step .nf-bar{fill:var(--nf-c,var(--nf-line))}.nf-name{fill:var(--nf-text);font-weight:600}
.nf-detail{fill:var(--nf-dim);font-size:11px}.nf-note{fill:var(--nf-c,var(--nf-dim));font-size:11px}
.nf-path{fill:none;stroke:var(--nf-line);stroke-width:1.25}.nf-order{stroke-dasharray:4 3}.nf-tip{fill:var(--nf-line)}
.nf-label{fill:var(--nf-dim);font-size:11px;paint-order:stroke;
stroke:var(--nf-bg);stroke-width:4px;stroke-linejoin:round}
"""
    + STATUS_CSS
)
_NARROW, _WIDE = frozenset("fijlrtI.,:;|!'()[]- "), frozenset("mwMW@%")


def draw(graph: Graph) -> str:
    """The graph as an SVG document (no XML declaration, newline at the end)."""
    links = _drawn(graph)
    labels = tuple(k.text(22) for k in links)
    ends = tuple(_own_end(k, links) for k in links)
    boxes = tuple(
        Box(n.name, max(_box_width(n), _beside(n, links, labels, ends)), 58.0 if n.status else 44.0)
        for n in graph.nodes
    )
    lines = tuple(
        Line(k.source, k.target, (_text_width(t, 11) + 8, 16.0) if t and end is None else (0.0, 0.0))
        for k, t, end in zip(links, labels, ends, strict=True)
    )
    placed = place(boxes, lines)
    anchors = [
        found if end is None else _near(path, end)
        for end, path, found in zip(ends, placed.paths, placed.labels, strict=True)
    ]
    parts = [_head(graph, placed)]
    parts += [_path(k, points) for k, points in zip(links, placed.paths, strict=True)]
    parts += [
        f'<text class="nf-label" x="{at[0]}" y="{at[1] + 4:.1f}" text-anchor="middle">{escape(text)}'
        f"<title>{escape(_about(link))}</title></text>"
        for link, text, at in zip(links, labels, anchors, strict=True)
        if at is not None and text
    ]
    parts += [_step(n, b, at) for n, b, at in zip(graph.nodes, boxes, placed.centres, strict=True)]
    return "\n".join([*parts, "</svg>", ""])


def _drawn(graph: Graph) -> tuple[Link, ...]:
    """Links worth a line: those that carry something, and orders that no longer path implies."""
    direct = reduced(graph)
    return tuple(k for k in graph.links if k.carries or k.source in direct[k.target])


def _own_end(link: Link, links: tuple[Link, ...]) -> int | None:
    """Where a line runs alone, so that its label stands clear of others': -1 above its target, 0 below its source."""
    if sum(k.target == link.target for k in links) == 1:
        return -1
    return 0 if sum(k.source == link.source for k in links) == 1 else None


def _beside(node: Node, links: tuple[Link, ...], labels: tuple[str, ...], ends: tuple[int | None, ...]) -> float:
    """The width that the labels right above and below a node need: boxes are as wide, so that labels stay apart."""
    own = [
        _text_width(text, 11) * 0.9
        for link, text, end in zip(links, labels, ends, strict=True)
        if (end == -1 and link.target == node.name) or (end == 0 and link.source == node.name)
    ]
    return round(max(own, default=0.0))


def _near(path: tuple[Point, ...], end: int) -> Point:
    """A point on a line just above its target (-1) or just below its source (0): in one row for all of a fan."""
    tip, other = (path[-1], path[-2]) if end == -1 else (path[0], path[1])
    distance = min(17.0 if end == -1 else 14.0, abs(tip[1] - other[1]) / 2)
    return (tip[0], round(tip[1] - distance if end == -1 else tip[1] + distance, 1))


def _head(graph: Graph, placed: Placed) -> str:
    words = f"{graph.title}: {len(graph.nodes)} steps, {len(graph.links)} edges"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="nf" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {placed.width:g} {placed.height:g}" width="{placed.width:g}" height="{placed.height:g}">\n'
        f"<title>{escape(words)}</title>\n<style>{_CSS}</style>\n"
        '<defs><marker id="nf-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="nf-tip" d="M0 0.8 L7.5 4 L0 7.2 z"/></marker></defs>\n'
        '<rect class="nf-bg" width="100%" height="100%" rx="6"/>'
    )


def _path(link: Link, points: tuple[Point, ...]) -> str:
    order = "" if link.carries else " nf-order"
    about = f"<title>{escape(_about(link))}</title>"
    return f'<path class="nf-path{order}" d="{_rounded(points)}" marker-end="url(#nf-tip)">{about}</path>'


def _about(link: Link) -> str:
    flows = ", ".join(link.carries) or link.label
    return "\n".join([f"{link.source} → {link.target}: {flows}", *link.why])


def _step(node: Node, box: Box, at: Point) -> str:
    x, y = at[0] - box.width / 2, at[1] - box.height / 2
    status = f" nf-s-{node.status}" if node.status else ""
    note = ""
    if node.status:
        sign = GLYPHS[node.status][0]
        words = clipped(node.note or node.status, 34)
        note = f'<text class="nf-note" x="{x + 14:.1f}" y="{y + 49:.1f}">{sign} {escape(words)}</text>'
    return (
        f'<g class="nf-step{status}" id="nf-step-{escape(node.name)}"><title>{escape(node.title or node.name)}</title>'
        f'<rect class="nf-box" x="{x:.1f}" y="{y:.1f}" width="{box.width:g}" height="{box.height:g}" rx="6"/>'
        f'<rect class="nf-bar" x="{x:.1f}" y="{y + 6:.1f}" width="4" height="{box.height - 12:g}" rx="2"/>'
        f'<text class="nf-name" x="{x + 14:.1f}" y="{y + 19:.1f}">{escape(clipped(node.name, 40))}</text>'
        f'<text class="nf-detail" x="{x + 14:.1f}" y="{y + 34:.1f}">{escape(clipped(node.detail, 44))}</text>{note}</g>'
    )


def _rounded(points: tuple[Point, ...], radius: float = 6.0) -> str:
    """A path through the points with its corners rounded."""
    if len(points) < 2:
        return ""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _toward(corner, before, radius), _toward(corner, after, radius)
        path.append(f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    path.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(path)


def _toward(origin: Point, goal: Point, distance: float) -> Point:
    dx, dy = goal[0] - origin[0], goal[1] - origin[1]
    length = (dx * dx + dy * dy) ** 0.5
    share = min(distance, length / 2) / length if length else 0.0
    return (round(origin[0] + dx * share, 1), round(origin[1] + dy * share, 1))


def _box_width(node: Node) -> float:
    note = f"  {clipped(node.note or node.status or '', 34)}" if node.status else ""
    text = max(
        _text_width(clipped(node.name, 40), 13) * 1.14, _text_width(clipped(node.detail, 44), 11), _text_width(note, 11)
    )
    return round(max(text + 28, 84.0))


def _text_width(text: str, size: float) -> float:
    """About how wide system fonts draw a text, in pixels: on the generous side, since fonts differ."""
    ems = sum(0.34 if c in _NARROW else 0.9 if c in _WIDE else 1.0 if ord(c) > 0x2E80 else 0.6 for c in text)
    return round(ems * size, 1)
