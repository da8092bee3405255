"""The graph as text for other tools: Mermaid (GitHub and JupyterLab draw it) and Graphviz DOT. Pure.

Names in a notebook are its author's: node ids are ours (`s1`, `s2` …), and every label is quoted for its language.
"""

from __future__ import annotations

from nb2flow.views.graph import Graph, Node

_MERMAID_STATUS = {
    "succeeded": "stroke:#1a7f37",
    "cached": "stroke:#0969da",
    "failed": "stroke:#cf222e,stroke-width:2px",
    "running": "stroke:#0a7ea4",
    "retrying": "stroke:#9a6700",
    "cancelled": "stroke:#9a6700",
    "skipped": "stroke-dasharray:4 3",
    "waiting": "stroke-dasharray:4 3",
}


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart, top to bottom; newline at the end."""
    ids = _ids(graph)
    lines = ["flowchart TD"]
    lines += [f'    {ids[n.name]}["{_mermaid_text(_words(n, "<br/>"))}"]' for n in graph.nodes]
    for link in graph.links:
        arrow = "-->" if link.carries else "-.->"
        text = _mermaid_text(link.text())
        label = f'|"{text}"|' if text else ""
        lines.append(f"    {ids[link.source]} {arrow}{label} {ids[link.target]}")
    for status in sorted({n.status for n in graph.nodes if n.status}):
        lines.append(f"    classDef {status} {_MERMAID_STATUS[status]}")
        lines.append(f"    class {','.join(ids[n.name] for n in graph.nodes if n.status == status)} {status}")
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """The graph in Graphviz's language; newline at the end."""
    ids = _ids(graph)
    lines = [
        f"digraph {_quoted(graph.title)} {{",
        '    node [shape=box, style=rounded, fontname="sans-serif"];',
        '    edge [fontname="sans-serif", fontsize=10];',
    ]
    lines += [f"    {ids[n.name]} [label={_quoted(_words(n, chr(10)))}];" for n in graph.nodes]
    for link in graph.links:
        style = "" if link.carries else ", style=dashed"
        lines.append(f"    {ids[link.source]} -> {ids[link.target]} [label={_quoted(link.text())}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _ids(graph: Graph) -> dict[str, str]:
    return {n.name: f"s{i}" for i, n in enumerate(graph.nodes, 1)}


def _words(node: Node, newline: str) -> str:
    return newline.join(filter(None, [node.name, node.detail, node.note]))


def _mermaid_text(text: str) -> str:
    breaks = text.split("<br/>")
    return "<br/>".join(
        "".join(c if c.isalnum() or c in " _-.,:;()+/·=–" else f"#{ord(c)};" for c in part) for part in breaks
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
