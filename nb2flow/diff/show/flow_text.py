"""A comparison of flows in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nb2flow.diff.flow import EdgeChange, FlowDiff


def render(diff: FlowDiff) -> Iterator[str]:
    """One line for each change."""
    for old, new in diff.renamed:
        yield f"~ step {old} is now called {new}"
    for name in diff.added:
        yield f"+ step {name}"
    for name in diff.removed:
        yield f"- step {name}"
    yield from (_edge(edge) for edge in diff.edges)
    for option in diff.options:
        old_tags, new_tags = " ".join(option.old), " ".join(option.new)
        if old_tags and new_tags:
            yield f"~ {option.step}: {old_tags} → {new_tags}"
        else:
            yield f"{'+' if new_tags else '-'} {option.step}: {new_tags or old_tags}"
    if not diff.changed:
        yield "the pipeline is the same"
    if diff.again:
        yield f"would run again: {', '.join(f'{a.step} ({a.why})' for a in diff.again)}"
    if diff.cached:
        yield f"would stay cached: {', '.join(diff.cached)}"


def _edge(edge: EdgeChange) -> str:
    ends = f"edge {edge.source} → {edge.target}"
    if edge.gained is None:
        said = [f"now also {', '.join(edge.carries)}"] if edge.carries else []
        said += [f"no longer {', '.join(edge.no_longer)}"] if edge.no_longer else []
        return f"~ {ends} carries {'; '.join(said)}"
    what = f": {', '.join(edge.carries)}" if edge.carries else " (order)"
    return f"{'+' if edge.gained else '-'} {ends}{what}"


def to_json(diff: FlowDiff, base: str, remote: str) -> dict[str, Any]:
    """The comparison as a JSON object."""
    return {
        "format": "nb2flow.flow-diff",
        "version": 1,
        "base": base,
        "remote": remote,
        "changed": diff.changed,
        "steps": {
            "added": list(diff.added),
            "removed": list(diff.removed),
            "renamed": [{"old": old, "new": new} for old, new in diff.renamed],
        },
        "edges": [
            {
                "change": {True: "gained", False: "lost", None: "carries"}[e.gained],
                "source": e.source,
                "target": e.target,
                "carries": list(e.carries),
                "no_longer": list(e.no_longer),
            }
            for e in diff.edges
        ],
        "options": [{"step": o.step, "old": list(o.old), "new": list(o.new)} for o in diff.options],
        "run_again": [{"step": a.step, "why": a.why} for a in diff.again],
        "cached": list(diff.cached),
    }
