"""Why one step follows another, in words, with the source lines that make it so. Pure."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from nb2flow.flow.model import ANY_FILE, Flow, Reason, Site
from nb2flow.views.graph import edge_between, reason_words
from nb2flow.views.terminal import Terminal, stripped
from nb2flow.views.words import clipped

SourceLine = Callable[[Site], str]


def path_between(flow: Flow, source: str, target: str) -> tuple[str, ...]:
    """A shortest chain of steps from `source` to `target` along edges (both ends included); empty if there is none."""
    ahead: dict[str, list[str]] = {}
    for edge in flow.edges:
        ahead.setdefault(edge.source, []).append(edge.target)
    came: dict[str, str | None] = {source: None}
    queue = deque([source])
    while queue:
        here = queue.popleft()
        if here == target:
            chain = [here]
            while (before := came[chain[-1]]) is not None:
                chain.append(before)
            return tuple(reversed(chain))
        for after in ahead.get(here, ()):
            if after not in came:
                came[after] = here
                queue.append(after)
    return ()


def draw(flow: Flow, source: str, target: str, line_at: SourceLine, terminal: Terminal) -> str:
    """All reasons for the order of two steps, whichever of them comes first; or that they are independent.

    `line_at` gives the source line at a site (the text of the notebook's line, without its newline).
    """
    if not path_between(flow, source, target) and path_between(flow, target, source):
        source, target = target, source
    chain = path_between(flow, source, target)
    arrow = terminal.sign("→", "->")
    if not chain:
        return (
            f"{source} and {target} are independent: nothing flows between them and nothing asks for an order,\n"
            "so they may run at the same time."
        )
    lines = []
    if len(chain) > 2 and edge_between(flow, source, target) is None:
        lines.append(
            f"{source} and {target} have no edge of their own; the path between them is {f' {arrow} '.join(chain)}."
        )
    pairs = [(source, target)] if edge_between(flow, source, target) else list(itertools.pairwise(chain))
    for a, b in pairs:
        edge = edge_between(flow, a, b)
        lines.append(terminal.paint(f"{a} {arrow} {b}", "bold"))
        lines += [line for reason in (edge.reasons if edge else ()) for line in _reason(reason, line_at, terminal)]
    return "\n".join(lines)


def _reason(reason: Reason, line_at: SourceLine, terminal: Terminal) -> list[str]:
    if reason.kind in ("order", "state") or (reason.defined is None and reason.used is None):
        return [f"  {reason.kind}  {reason_words(reason)}"]
    verbs = {"variable": ("defined", "used"), "resource": ("changed", "used"), "file": ("written", "used")}[reason.kind]
    noun = f"{reason.kind} " if reason.name != ANY_FILE else ""
    lines = [f"  {noun}{terminal.paint(reason.name, 'bold')}" + (f" ({reason.text})" if reason.text else "")]
    for verb, site in zip(verbs, (reason.defined, reason.used), strict=True):
        if site is not None:
            where = f"{verb} in cell {site.cell} line {site.line}"
            code = clipped(
                stripped(line_at(site)).strip(), max(terminal.width - len(where) - 8, 20), terminal.sign("…", "...")
            )
            lines.append(f"    {where}  {terminal.paint(code, 'cyan')}")
    return lines


def to_value(flow: Flow, source: str, target: str) -> dict[str, object]:
    """The answer as JSON values: `path` (empty when independent) and `edges` with their reasons. Keys are stable."""
    chain = path_between(flow, source, target) or path_between(flow, target, source)
    if chain and edge_between(flow, chain[0], chain[-1]):
        chain = (chain[0], chain[-1])
    edges = []
    for a, b in itertools.pairwise(chain):
        edge = edge_between(flow, a, b)
        edges.append({"source": a, "target": b, "reasons": [_value(r) for r in (edge.reasons if edge else ())]})
    return {"source": source, "target": target, "independent": not chain, "path": list(chain), "edges": edges}


def _value(reason: Reason) -> dict[str, object]:
    def site(at: Site | None) -> dict[str, int] | None:
        return None if at is None else {"cell": at.cell, "line": at.line}

    return {
        "kind": reason.kind,
        "name": reason.name,
        "defined": site(reason.defined),
        "used": site(reason.used),
        "text": reason.text,
    }
