"""Which cells run together: the author's steps, set-up of its own where it has to run, and merged neighbours.

A group is a stretch of code cells in document order. Every code cell that is not skipped (and is not the parameters
cell) belongs to exactly one group, so that each cell's output appears exactly once in the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nb2flow.flow.interpret import Analysis
from nb2flow.notebook.model import Layout, Notebook, StepOptions

MAX_NAME = 50


@dataclass(frozen=True, slots=True)
class Group:
    """A step in the making. `drawn` are the names of the author's steps in it; empty for set-up that runs alone."""

    name: str
    title: str
    cells: tuple[int, ...]
    options: StepOptions = field(default_factory=StepOptions)
    after: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    setup: bool = False


def draw(notebook: Notebook, layout: Layout, analysis: Analysis) -> list[Group]:
    """The author's steps, with set-up cells in groups of their own (`settle` joins them to a step where it may)."""
    owner = {c: s for s in layout.steps for c in s.cells}
    parameters_run = layout.parameters is not None and not parameters_replayable(layout, analysis)
    groups: list[Group] = []
    pending: list[int] = []
    taken = {s.name for s in layout.steps}
    seen: set[str] = set()

    def flush() -> None:
        if pending:
            name, n = "setup", 2
            while name in taken:
                name, n = f"setup-{n}", n + 1
            taken.add(name)
            groups.append(Group(name, "Set-up", tuple(pending), setup=True))
            pending.clear()

    for cell in notebook.code:
        if cell.index in layout.skipped or (cell.index == layout.parameters and not parameters_run):
            continue
        step = owner.get(cell.index)
        if step is None:
            pending.append(cell.index)
        elif step.name not in seen:
            flush()
            seen.add(step.name)
            groups.append(Group(step.name, step.title, step.cells, step.options, step.after, (step.name,)))
        elif pending:
            # Set-up between the cells of one step runs there: the cells above it run before it, the others after.
            groups[-1] = replace(groups[-1], cells=tuple(sorted((*groups[-1].cells, *pending))))
            pending.clear()
    flush()
    return groups


def parameters_replayable(layout: Layout, analysis: Analysis) -> bool:
    """Whether the parameters cell does nothing but bind values: then each step runs it for itself."""
    if layout.parameters is None:
        return False
    return all(analysis.units[u].replayable for u in analysis.by_cell.get(layout.parameters, []))


def settle(groups: list[Group], analysis: Analysis, feeds: dict[str, set[str]]) -> list[Group] | None:
    """Join set-up to a neighbouring step where that costs nothing; None when nothing is left to join.

    `feeds` maps a group's name to the groups that come after it because of what it made or did.
    """
    for k, group in enumerate(groups):
        if not group.setup or len(groups) == 1:
            continue
        pure = all(analysis.units[u].replayable for c in group.cells for u in analysis.by_cell.get(c, []))
        following = groups[k + 1] if k + 1 < len(groups) else None
        target = following or groups[k - 1]
        others = feeds.get(group.name, set()) - {target.name}
        if target.options.each is not None:
            continue  # it would run once for each element
        if pure or (not others and following is not None) or following is None:
            cells = tuple(sorted((*group.cells, *target.cells)))
            joined = replace(target, cells=cells)
            rest = [g for g in groups if g is not group]
            rest[rest.index(target)] = joined
            return rest
    return None


def merge(groups: list[Group], first: int, last: int, why: str) -> list[Group]:
    """Groups first…last (inclusive, document order) as one."""
    parts = groups[first : last + 1]
    named = [g for g in parts if not g.setup] or parts
    first_name, last_name = (named[0].drawn or (named[0].name,))[0], (named[-1].drawn or (named[-1].name,))[-1]
    name = named[0].name if len(named) == 1 else f"{first_name}-to-{last_name}"
    if len(name) > MAX_NAME:
        name = f"{first_name[: MAX_NAME // 2 - 2].rstrip('-')}-to-{last_name[: MAX_NAME // 2 - 2].rstrip('-')}"
    taken = {g.name for g in groups} - {g.name for g in parts}
    while name in taken:
        name += "-2"
    drawn = tuple(d for g in parts for d in g.drawn)
    after = tuple(dict.fromkeys(a for g in parts for a in g.after if a not in drawn))
    notes = tuple(dict.fromkeys(n for g in parts for n in g.notes))
    joined = Group(
        name,
        " + ".join(g.title for g in named)[:120],
        tuple(c for g in parts for c in g.cells),
        join_options([g.options for g in named]),
        after,
        drawn,
        (*notes, why),
    )
    return [*groups[:first], joined, *groups[last + 1 :]]


def join_options(options: list[StepOptions]) -> StepOptions:
    """What a merged step asks for: the most that any of its parts asks for."""
    first = options[0]
    for other in options[1:]:
        first = replace(
            first,
            gpu=max(first.gpu, other.gpu),
            gpu_resource=other.gpu_resource if other.gpu > first.gpu else first.gpu_resource,
            cpu=first.cpu or other.cpu,
            memory=first.memory or other.memory,
            disk=first.disk or other.disk,
            image=first.image or other.image,
            node=tuple(dict.fromkeys((*first.node, *other.node))),
            retries=max(first.retries, other.retries),
            timeout=None if first.timeout is None or other.timeout is None else first.timeout + other.timeout,
            cache=first.cache and other.cache,
            env=tuple(dict((*first.env, *other.env)).items()),
            secrets=tuple(dict.fromkeys((*first.secrets, *other.secrets))),
            each=first.each or other.each,
            gather=first.gather or other.gather,
            metrics=tuple(dict.fromkeys((*first.metrics, *other.metrics))),
            artifacts=tuple(dict.fromkeys((*first.artifacts, *other.artifacts))),
        )
    return first
