"""The graph in a terminal: a line for each step in document order, with rails at the left that show what follows what.

Rails, not boxes: a line per step stays readable at 80 columns, with 20 steps, with 8 side by side, and when pasted into
an issue. Rails show the transitive reduction; the text beside them names everything that flows.
"""

from __future__ import annotations

from dataclasses import dataclass

from nb2flow.views.graph import Graph, Link, Node, reduced
from nb2flow.views.terminal import Terminal
from nb2flow.views.words import clipped

_ASCII = str.maketrans({"│": "|", "─": "-", "├": "|", "┤": "|", "┼": "+", "┴": "'", "╰": "`", "╯": "'", "●": "o"})
_ROOM = 16  # columns beside the names
_LANE_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")


@dataclass(frozen=True, slots=True)
class Row:
    """One step's line of rails: characters, the lane each belongs to (for colour; -1: none), the column of the node.

    `below` are the rails as they go on under the node, for a second line of text.
    """

    text: str
    lanes: tuple[int, ...]
    column: int
    below: str = ""


def rails(graph: Graph) -> list[Row]:
    """The rails of each step, in document order. Lane i stands at column 2i; nodes are `●`."""
    parents = reduced(graph)
    children: dict[str, set[str]] = {n.name: set() for n in graph.nodes}
    for child, sources in parents.items():
        for source in sources:
            children[source].add(child)
    lanes: list[set[str] | None] = []  # what each lane still leads to; None: free
    rows: list[Row] = []
    sink = -1  # a lane that ended in the row above: a node right below it would look like its successor
    for node in graph.nodes:
        incoming = [i for i, ahead in enumerate(lanes) if ahead and node.name in ahead]
        ending = [i for i in incoming if lanes[i] == {node.name}]
        free = (i for i in range(len(lanes) + 2) if i != sink and (i >= len(lanes) or lanes[i] is None))
        column = ending[0] if ending else next(free)
        lanes += [None] * (column + 1 - len(lanes))
        row = _row(lanes, incoming, ending, column)
        for i in incoming:
            ahead = lanes[i]
            lanes[i] = (ahead - {node.name} or None) if ahead else None
        lanes[column] = set(children[node.name]) or None
        sink = -1 if lanes[column] else column
        while lanes and lanes[-1] is None:
            lanes.pop()
        below = "".join("│ " if ahead else "  " for ahead in lanes).rstrip()
        rows.append(Row(row.text, row.lanes, row.column, below))
    return rows


def _row(lanes: list[set[str] | None], incoming: list[int], ending: list[int], column: int) -> Row:
    low, high = min([*incoming, column]), max([*incoming, column])
    text, owner = "", []
    for i, ahead in enumerate(lanes):
        between = low < i < high
        if i == column:
            sign = "●"
        elif i in incoming:
            goes_on = i not in ending
            sign = "┼┴"[not goes_on] if between else ("├╰" if i == low else "┤╯")[not goes_on]
        elif ahead:
            sign = "│"
        else:
            sign = "─" if between else " "
        text += sign + ("─" if low <= i < high else " ")
        owner += [i if ahead or i == column else column, column if low <= i < high else -1]
    return Row(text.rstrip(), tuple(owner[: len(text.rstrip())]), 2 * column)


def draw(graph: Graph, terminal: Terminal) -> str:
    """The whole drawing: rails, step names, what flows in (or how the step fared); no trailing newline."""
    rows = rails(graph)
    width = max((len(r.text) for r in rows), default=0) + 2
    names = min(max((len(n.name) for n in graph.nodes), default=0), 28, max(terminal.width - width - _ROOM - 2, 12))
    room = max(terminal.width - width - names - 2, _ROOM)
    lines = []
    for node, row in zip(graph.nodes, rows, strict=True):
        name = clipped(node.name, names, terminal.sign("…", "~"))
        first, *more = _beside(graph, node, room, terminal)
        left = _paint(row.text, row, node, terminal) + " " * (width - len(row.text))
        lines.append(f"{left}{terminal.paint(name, 'bold')}{' ' * (names - len(name))}  {first}".rstrip())
        under = _paint(row.below, row, None, terminal) + " " * (width - len(row.below) + names + 2)
        lines += [(under + text).rstrip() for text in more]
    return "\n".join(lines)


def _beside(graph: Graph, node: Node, room: int, terminal: Terminal) -> list[str]:
    """The lines of text beside a node, at least one: each fits `room`, and every edge into the node is named."""
    if node.status is not None:
        return [clipped(node.note, room, terminal.sign("…", "..."))]
    options = node.detail.partition(" · ")[2]
    arrow = terminal.sign("← ", "<- ")
    width = room - len(arrow)
    pieces = [_piece(k, width) for k in graph.into(node.name)]
    lines: list[str] = []
    for i, piece in enumerate(pieces):
        piece = clipped(piece, width - 1, terminal.sign("…", "...")) + (";" if i + 1 < len(pieces) else "")
        if lines and len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += " " + piece
        else:
            lines.append(piece)
    marked = [(arrow if i == 0 else " " * len(arrow)) + line for i, line in enumerate(lines)]
    if options:
        tail = f"[{options}]"
        if marked and len(marked[-1]) + 2 + len(tail) <= room:
            marked[-1] += "  " + terminal.paint(tail, "dim")
        else:
            marked.append(terminal.paint(clipped(tail, room), "dim"))
    return marked or [""]


def _piece(link: Link, width: int) -> str:
    """What flows along one edge and from where, names left out until it fits."""
    source = f" ({link.source})"
    return link.text(max(min(width - len(source) - 1, 48), 1)) + source


def _paint(text: str, row: Row, node: Node | None, terminal: Terminal) -> str:
    shown = text if terminal.unicode else text.translate(_ASCII)
    out = []
    for i, sign in enumerate(shown):
        if node is not None and i == row.column and node.status is not None:
            out.append(terminal.glyph(node.status))
        elif sign == " ":
            out.append(sign)
        else:
            lane = i // 2 if node is None else max(row.lanes[i], 0)
            out.append(terminal.paint(sign, _LANE_COLOURS[lane % len(_LANE_COLOURS)]))
    return "".join(out)
