"""What has become of the steps of a run so far: which are done, which failed, which were undone since. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from nb2flow.engine.guard import Finished, may_have_failed_by_order
from nb2flow.engine.request import predecessors
from nb2flow.plan.model import Plan
from nb2flow.runs.manifest import Manifest, Observed


class Outcomes(Mapping[str, Finished]):
    """The steps that are done, by their names, as it is at any time; the others are kept beside."""

    def __init__(self) -> None:
        self._done: dict[str, Finished] = {}
        self._failed: dict[str, Finished] = {}  # with what was seen of them: they may have run too early
        self._undone: dict[str, Finished] = {}  # what ran too early, and was put back when it is told to have ended
        self.manifests: Mapping[str, Manifest] = _Manifests(self)

    def __getitem__(self, name: str) -> Finished:
        return self._done[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._done)

    def __len__(self) -> int:
        return len(self._done)

    def add(self, name: str, finished: Finished) -> None:
        """The step is done."""
        self._done[name] = finished

    def drop(self, name: str) -> None:
        """The step turns out not to be done."""
        self._done.pop(name, None)

    def fail(self, name: str, seen: Finished) -> None:
        """The step failed, and this was seen of it until then."""
        self._failed[name] = seen

    def seen(self, plan: Plan) -> dict[str, Finished]:
        """All that the plan has to fit: what is done, what what was undone did before others ran, and what failed if
        that may come of the order."""
        failed = {name: one for name, one in self._failed.items() if may_have_failed_by_order(plan, name, one, self)}
        return {**self._undone, **self._done, **failed}

    def ran_after(self, changes: Mapping[str, float], steps: Iterable[str]) -> frozenset[str]:
        """Those of the steps that were run in this run and saw one of these changes (path -> Unix time)."""
        ran = (name for name in steps if name in self._done and self._done[name].began)
        return frozenset(name for name in ran if self._done[name].saw(changes))

    def undo(self, name: str, changes: Mapping[str, float], now: float) -> None:
        """What the step has changed (path -> Unix time) is put back now. What runs on may have seen it, and the guard
        is to hear of that."""
        if changes:
            seen = self._done.get(name) or Finished(Manifest(observed=Observed(writes=tuple(changes))))
            self._undone[name] = Finished(seen.manifest, seen.began or min(changes.values()), now)

    def keep(self, steps: Collection[str]) -> None:
        """Of all others nothing is known any more."""
        self._done = {name: self._done[name] for name in steps if name in self._done}
        self._failed = {name: self._failed[name] for name in steps if name in self._failed}


def kept(
    plan: Plan,
    keys: Mapping[str, str],
    before: Mapping[str, str],
    again: Collection[str],
    stays: Callable[[str], bool],
) -> tuple[str, ...]:
    """The steps that stay as they are under another plan, whose keys were these `before`: all that they build on does,
    too, and they are not to be run `again`."""
    found: dict[str, None] = {}
    for step in plan.steps:
        name = step.name
        same = before.get(name) == keys[name] and name not in again and stays(name)
        if same and all(source in found for source in predecessors(step)):
            found[name] = None
    return tuple(found)


class _Manifests(Mapping[str, Manifest]):
    """What finished steps said of themselves, by their names, as it is at any time."""

    def __init__(self, finished: Mapping[str, Finished]) -> None:
        self._finished = finished

    def __getitem__(self, name: str) -> Manifest:
        return self._finished[name].manifest

    def __iter__(self) -> Iterator[str]:
        return iter(self._finished)

    def __len__(self) -> int:
        return len(self._finished)
