"""`after:` resolved: from the names that authors write to the steps that are meant, and what is wrong with them.

Knows names and places only. The notebook's order is the meaning of a notebook, so an order can only point upwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.notebook.names import nearest

Wanted = Mapping[str, Sequence[tuple[str, Place]]]


def resolve_after(
    steps: Sequence[tuple[str, str]],
    wanted: Wanted,
    aliases: Mapping[str, Sequence[str]],
    diagnostics: list[Diagnostic],
) -> dict[str, tuple[str, ...]]:
    """For each step (in document order: its name, and the name that its tags have) the earlier steps it asks to follow.

    A later part of an interleaved step follows the part before it. A name means all parts of that step further up.
    `aliases` are names of steps that another split has replaced: the steps that hold their cells now.
    """
    position = {name: i for i, (name, _) in enumerate(steps)}
    parts: dict[str, list[str]] = {}
    for name, base in steps:
        parts.setdefault(base, []).append(name)
    for name, _ in steps:
        parts.setdefault(name, [name])
    resolved: dict[str, tuple[str, ...]] = {}
    forward: list[tuple[str, str, Place]] = []
    for here, (name, base) in enumerate(steps):
        earlier = [p for p in parts[base] if position[p] < here] if parts[base][0] != name else []
        found = dict.fromkeys(earlier[-1:])
        for target, place in wanted.get(name, ()):
            if target in aliases:
                found |= dict.fromkeys(p for p in aliases[target] if position[p] < here)
                continue
            named = parts.get(target)
            if named is None:
                diagnostics.append(_nowhere(target, place, list(parts)))
                continue
            above = [p for p in named if position[p] < here]
            found |= dict.fromkeys(above)
            if not above and name in named:
                message, hint = f"step {name!r} cannot come after itself", "remove the tag"
                diagnostics.append(Diagnostic("NB213", Severity.ERROR, message, place, hint))
            elif not above:
                forward.append((name, named[0], place))
        resolved[name] = tuple(sorted(found, key=position.__getitem__))
    diagnostics += _forward(forward, resolved)
    return resolved


def _nowhere(target: str, place: Place, names: list[str]) -> Diagnostic:
    near = nearest(target, names)
    hint = f"did you mean after:{near}?" if near else "the steps are " + ", ".join(names[:8])
    return Diagnostic("NB212", Severity.ERROR, f"there is no step {target!r} to come after", place, hint)


def _forward(forward: list[tuple[str, str, Place]], resolved: Mapping[str, tuple[str, ...]]) -> list[Diagnostic]:
    """Orders that point downwards: part of a cycle, or against the notebook's order."""
    graph: dict[str, set[str]] = {name: set(before) for name, before in resolved.items()}
    for name, target, _ in forward:
        graph[name].add(target)
    found = []
    told: set[frozenset[str]] = set()
    for name, target, place in forward:
        way = _path(graph, target, name)
        if way is None:
            message = f"step {name!r} cannot come after {target!r}, which stands further down in the notebook"
            hint = "move the cells into the order in which they are to run"
            found.append(Diagnostic("NB214", Severity.ERROR, message, place, hint))
        elif frozenset(way) not in told:
            told.add(frozenset(way))
            circle = " after ".join(repr(step) for step in (name, *way))
            message = f"the orders form a cycle: {circle}"
            found.append(Diagnostic("NB215", Severity.ERROR, message, place, "remove one of these `after:` tags"))
    return found


def _path(graph: Mapping[str, set[str]], start: str, end: str) -> list[str] | None:
    """Names on a way from `start` to `end`, both included; None when there is no way."""
    ways = {start: [start]}
    queue = [start]
    for node in queue:
        if node == end:
            return ways[node]
        for neighbour in sorted(graph[node]):
            if neighbour not in ways:
                ways[neighbour] = [*ways[node], neighbour]
                queue.append(neighbour)
    return None
