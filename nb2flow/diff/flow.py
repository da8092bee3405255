"""What a change of the notebook means for its pipeline: `compare_flows(old, new)`.

Two flows and their steps' content keys go in, a value comes out: steps added, removed and renamed, edges gained and
lost with what they carry, options, and which steps would run again and why. It analyses no code and matches no cells
itself; the caller says which cells are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from nb2flow.flow.model import Edge, Flow, Step
from nb2flow.notebook.model import StepOptions


class StepKey(NamedTuple):
    """What decides whether a step runs again: `content` covers everything, `code` its own cells only."""

    content: str
    code: str


class EdgeChange(NamedTuple):
    """An edge gained or lost, or one that carries more or less. Steps have their new names."""

    source: str
    target: str
    gained: bool | None
    carries: tuple[str, ...]
    no_longer: tuple[str, ...] = ()


class OptionChange(NamedTuple):
    """An option of a step, written as the tags that ask for it; empty where a side does not."""

    step: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class Again(NamedTuple):
    """A step that would run again, and why."""

    step: str
    why: str


class FlowDiff(NamedTuple):
    """Everything that changed between two flows. Without keys, nothing is said about running again (both empty)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    edges: tuple[EdgeChange, ...]
    options: tuple[OptionChange, ...]
    again: tuple[Again, ...]
    cached: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything would be different about the pipeline or its next run."""
        return any(self[:6])


def compare_flows(
    old: Flow,
    new: Flow,
    same_cells: Mapping[int, int],
    old_keys: Mapping[str, StepKey] | None = None,
    new_keys: Mapping[str, StepKey] | None = None,
) -> FlowDiff:
    """The difference of two flows. `same_cells` maps cell numbers of the old notebook to those of the new one; keys are
    by step name and must be made for the same parameters and the same kernel."""
    before, after = {s.name: s for s in old.steps}, {s.name: s for s in new.steps}
    renamed = _renamed(before, after, same_cells)
    now = {name: renamed.get(name, name) for name in before}
    added = tuple(n for n in after if n not in before and n not in renamed.values())
    removed = tuple(n for n in before if n not in after and n not in renamed)
    kept = [(before[n], after[now[n]]) for n in before if now[n] in after and n not in removed]
    options = tuple(c for a, b in kept for c in _options(b.name, a.options, b.options))
    again: tuple[Again, ...] = ()
    cached: tuple[str, ...] = ()
    if old_keys is not None and new_keys is not None:
        again, cached = _again(new, old_keys, new_keys, {b: a for a, b in renamed.items()})
    return FlowDiff(
        added, removed, tuple(renamed.items()), tuple(_edges(old, new, now, removed)), options, again, cached
    )


def _renamed(before: Mapping[str, Step], after: Mapping[str, Step], same: Mapping[int, int]) -> dict[str, str]:
    """Steps whose name went while most of their cells are now in one step with a new name."""
    found: dict[str, str] = {}
    for name, step in before.items():
        if name in after:
            continue
        cells = {same[c] for c in step.cells if c in same}
        for other in after.values():
            shared = len(cells & set(other.cells))
            if other.name not in before and other.name not in found.values() and 2 * shared > len(step.cells):
                found[name] = other.name
                break
    return found


def _edges(old: Flow, new: Flow, now: Mapping[str, str], removed: tuple[str, ...]) -> Iterator[EdgeChange]:
    def place(edge: Edge) -> tuple[str, str]:
        return now.get(edge.source, edge.source), now.get(edge.target, edge.target)

    before = {place(e): e for e in old.edges}
    after = {(e.source, e.target): e for e in new.edges}
    for ends, edge in after.items():
        if ends not in before:
            yield EdgeChange(*ends, True, edge.carries)
            continue
        was, carries = before[ends].carries, edge.carries
        more = tuple(c for c in carries if c not in was)
        less = tuple(c for c in was if c not in carries)
        if more or less:
            yield EdgeChange(*ends, None, more, less)
    for ends, edge in before.items():
        gone_anyway = edge.source in removed or edge.target in removed
        if ends not in after and not gone_anyway:
            yield EdgeChange(*ends, False, edge.carries)


def _options(step: str, old: StepOptions, new: StepOptions) -> Iterator[OptionChange]:
    if (old.gpu, old.gpu_resource) != (new.gpu, new.gpu_resource):
        yield OptionChange(step, _gpu(old), _gpu(new))
    plain = StepOptions()
    for field in fields(StepOptions):
        if field.name in ("gpu", "gpu_resource"):
            continue
        first, second = getattr(old, field.name), getattr(new, field.name)
        if first == second:
            continue
        default = getattr(plain, field.name)
        if isinstance(first, tuple) and isinstance(second, tuple):
            gone = tuple(_tag(field.name, v) for v in first if v not in second)
            come = tuple(_tag(field.name, v) for v in second if v not in first)
            yield OptionChange(step, gone, come)
        else:
            sides = [() if v == default else (_tag(field.name, v),) for v in (first, second)]
            yield OptionChange(step, *sides)


def _gpu(options: StepOptions) -> tuple[str, ...]:
    if not options.gpu:
        return ()
    usual = options.gpu_resource == StepOptions().gpu_resource
    return (f"gpu:{options.gpu}" if usual else f"gpu:{options.gpu_resource}:{options.gpu}",)


_TAGS = {
    "secrets": "secret",
    "metrics": "metric",
    "artifacts": "artifact",
    "labels": "label",
    "annotations": "annotation",
}


def _tag(name: str, value: Any) -> str:
    if name == "gather":
        return "gather"
    if name == "cache":
        return "cache:on" if value else "cache:off"
    if name == "timeout":
        return f"timeout:{value:g}s"
    written = "=".join(str(v) for v in value) if isinstance(value, tuple) else str(value)
    return f"{_TAGS.get(name, name)}:{written}"


def _again(
    new: Flow, old_keys: Mapping[str, StepKey], new_keys: Mapping[str, StepKey], was: Mapping[str, str]
) -> tuple[tuple[Again, ...], tuple[str, ...]]:
    """Steps in the order of the flow: those that run again with the nearest reason, and those that need not."""
    known = {key.content for key in old_keys.values()}
    again: dict[str, str] = {}
    cached: list[str] = []
    for step in new.steps:
        key = new_keys.get(step.name)
        if key is None:
            continue
        if not step.options.cache:
            again[step.name] = "cache:off"
        elif key.content in known:
            cached.append(step.name)
        else:
            again[step.name] = _why(
                step, new, key, old_keys.get(was.get(step.name, step.name)), step.name in was, again
            )
    return tuple(Again(n, w) for n, w in again.items()), tuple(cached)


def _why(step: Step, flow: Flow, key: StepKey, old: StepKey | None, renamed: bool, again: Mapping[str, str]) -> str:
    if old is None:
        return "new"
    if key.code != old.code:
        return "its code changed"
    before = [name for name in flow.before(step.name) if name in again]
    if before:
        return f"after {', '.join(before)}"
    return "its name changed" if renamed else "what it loads, saves or is set up with changed"
