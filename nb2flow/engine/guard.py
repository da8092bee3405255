"""Was the plan right? Compares what finished steps were seen to do with what the plan says they do. Pure.

The analysis behind a plan can miss what only execution shows: a file written behind a library's back, a changed working
directory, a value that cannot be pickled. What is found is given back as `Observations`, from which a better plan is
made; results that came about in the wrong order are named, so that they are made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from nb2flow.flow.model import Observations
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import Manifest


@dataclass(frozen=True)
class Finished:
    """A step that ended, well or badly: its manifest and when it ran (Unix time; None: taken from an earlier run)."""

    manifest: Manifest
    began: float | None = None
    ended: float | None = None

    @cached_property
    def reads(self) -> frozenset[str]:
        """Paths that it read, and those that it only looked for; that a folder is there is seldom its maker's doing."""
        observed = self.manifest.observed
        return frozenset((*observed.reads, *(path for path in observed.looked if not path.endswith("/"))))

    @cached_property
    def writes(self) -> frozenset[str]:
        """Paths that it changed, and (ending in `/`, as the runtime names a listing) the folders they lie in."""
        paths = {*self.manifest.observed.writes, *self.manifest.observed.deleted}
        return frozenset(paths | {f"{path.rpartition('/')[0] or '.'}/" for path in paths})

    @cached_property
    def emptied(self) -> tuple[str, ...]:
        """Folders (ending in `/`) that it removed with all that lay in them, whatever that was."""
        return tuple(path for path in self.manifest.observed.deleted if path.endswith("/"))

    def changes(self, path: str) -> bool:
        """Whether it wrote or removed what lies there."""
        return path in self.writes or path.startswith(self.emptied)

    def saw(self, changes: Mapping[str, float]) -> bool:
        """Whether it touched, or listed the folder of, one of these paths after it was changed at that time."""
        return any(
            (self.ended is None or self.ended > at)
            and (path in self.reads or self.changes(path) or f"{path.rpartition('/')[0] or '.'}/" in self.reads)
            for path, at in changes.items()
        )

    @property
    def shows_something(self) -> bool:
        """Whether anything was seen of it that could be new to a plan."""
        return bool(self.manifest.problems or self.manifest.observed.changed or self.reads or self.writes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plan did not know, in words too, and the steps whose results cannot be trusted for it."""

    observations: Observations
    because: tuple[str, ...]
    again: frozenset[str]


def judge(plan: Plan, finished: Mapping[str, Finished]) -> Verdict | None:
    """What the finished steps show that the plan does not know; None when the plan was right so far.

    It is asked after each step, so those of which nothing was seen cost next to nothing.
    """
    found = _Findings(plan)
    order = []
    for place, step in enumerate(plan.steps):
        if (one := finished.get(step.name)) is not None:
            order.append(step)
            if one.manifest.problems:
                _check_problems(found, step, one.manifest)
            if one.manifest.observed.changed:
                _check_changes(found, plan, place, finished)
    before = _Order(plan)
    for path, steps in sorted(_shared_files(order, finished).items()):
        for place, earlier in enumerate(steps):
            for later in steps[place + 1 :]:
                if not before(earlier.name, later.name):
                    _check_file(found, path, earlier.name, later.name, finished)
    return found.verdict()


def may_have_failed_by_order(plan: Plan, step: str, failed: Finished, finished: Mapping[str, Finished]) -> bool:
    """Whether `step` looked at what one before it in the notebook wrote only later, or at what one after it had changed
    already, or had itself changed what one before it read then."""
    places = {planned.name: place for place, planned in enumerate(plan.steps)}
    for name, other in finished.items():
        is_before = places.get(name, -1) < places[step]
        if _ended_before(other, failed) if is_before else _ended_before(failed, other):
            continue
        if any(map(other.changes, failed.reads)) or (is_before and any(map(failed.changes, other.reads))):
            return True
    return False


class _Findings:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.uncarryable: set[tuple[str, str]] = set()
        self.changes: set[tuple[str, str]] = set()
        self.reads: set[tuple[str, str]] = set()
        self.writes: set[tuple[str, str]] = set()
        self.because: dict[str, None] = {}
        self.again: set[str] = set()

    def add(self, kind: set[tuple[str, str]], step: str, name: str, why: str) -> None:
        """Steps are named by their first author cell: a refined plan may name or cut steps otherwise."""
        cells = next((planned.cells for planned in self._plan.steps if planned.name == step), ())
        kind.add((cells[0] if cells else step, name))
        self.because[why] = None

    def verdict(self) -> Verdict | None:
        if not self.because:
            return None
        observations = Observations(
            uncarryable=frozenset(self.uncarryable),
            changes=frozenset(self.changes),
            reads=frozenset(self.reads),
            writes=frozenset(self.writes),
        )
        return Verdict(observations, tuple(self.because), frozenset(self.again))


def _check_problems(found: _Findings, step: PlanStep, manifest: Manifest) -> None:
    for problem in manifest.problems:
        if problem.kind == "missing-input":
            continue
        source = source_of(step, problem.name) if problem.kind == "unloadable" else None
        maker = source or step.name  # what a step makes is loaded once to see that it can be
        verb = "saved by" if problem.kind == "unpicklable" else "loaded from"
        found.add(found.uncarryable, maker, problem.name, f"{problem.name} cannot be {verb} step {maker}")


def source_of(step: PlanStep, name: str) -> str | None:
    """The step from which `step` loads `name`."""
    for source, names in step.inputs.items():
        if name in names:
            return source
    return None


def with_sources(failure: Failure, name: str, plan: Plan, manifest: Manifest) -> Failure:
    """Name, for each variable that cannot be carried, the step that made it."""
    kinds = {problem.name: problem.kind for problem in manifest.problems}
    step = plan.step(name)
    variables = tuple(
        (variable, name if kinds.get(variable) == "unpicklable" else source_of(step, variable) or name)
        for variable, _ in failure.variables
    )
    return msgspec.structs.replace(failure, variables=variables)


def _check_changes(found: _Findings, plan: Plan, place: int, finished: Mapping[str, Finished]) -> None:
    step = plan.steps[place]
    for resource in finished[step.name].manifest.observed.changed:
        if resource in step.changes:
            continue
        random = resource.startswith("rng:")
        if not (_draws_what_matters(plan, step, resource, finished) if random else place + 1 < len(plan.steps)):
            continue
        why = f"step {step.name} changed {resource}, which the plan did not foresee"
        found.add(found.changes, step.name, resource, why)


def _draws_what_matters(plan: Plan, drawing: PlanStep, stream: str, finished: Mapping[str, Finished]) -> bool:
    """Whether random numbers that a step drew unforeseen depend on others, or others on them: they are seeded in what
    all steps replay (then no step says that it changes the stream) or before it, or were drawn elsewhere, too."""
    if stream not in plan.watch:
        return False
    saying = [step for step in plan.steps if stream in step.changes]
    before = plan.steps[: plan.places[drawing.name]]
    return (
        not saying
        or any(step in before for step in saying)
        or any(_changed(finished, step.name, stream) for step in plan.steps if step is not drawing)
    )


def _changed(finished: Mapping[str, Finished], step: str, resource: str) -> bool:
    return step in finished and resource in finished[step].manifest.observed.changed


def _shared_files(steps: Sequence[PlanStep], finished: Mapping[str, Finished]) -> dict[str, list[PlanStep]]:
    """Files that one step wrote and at least one other touched, with those steps in document order."""
    touched: dict[str, list[PlanStep]] = {}
    written: set[str] = set()
    read: set[str] = set()
    emptied = {step.name: finished[step.name].emptied for step in steps if finished[step.name].emptied}
    for step in steps:
        writes, reads = finished[step.name].writes, finished[step.name].reads
        if writes or reads:
            written |= writes
            read |= reads
            for path in writes | reads:
                touched.setdefault(path, []).append(step)
    for path in touched if emptied else ():
        inside = [name for name, folders in emptied.items() if path.startswith(folders)]
        if inside:
            written.add(path)
            touched[path] = [step for step in steps if step in touched[path] or step.name in inside]
    # That two steps make files in one folder is no matter unless a step lists it.
    told = {path for path in written if not path.endswith("/") or path in read}
    return {path: those for path, those in touched.items() if path in told and len(those) > 1}


def _check_file(found: _Findings, path: str, earlier: str, later: str, finished: Mapping[str, Finished]) -> None:
    """Two steps that no path of the plan connects must not touch the same file, unless both only read it."""
    first, second = finished[earlier], finished[later]
    earlier_writes, later_writes = first.changes(path), second.changes(path)
    listed = path in first.reads or path in second.reads
    if not (earlier_writes or later_writes) or (path.endswith("/") and not listed):
        return
    verbs = "writes" if earlier_writes else "reads", "writes" if later_writes else "reads"
    why = f"step {earlier} {verbs[0]} {path}, which step {later} {verbs[1]}"
    found.add(found.writes if earlier_writes else found.reads, earlier, path, why)
    found.add(found.writes if later_writes else found.reads, later, path, why)
    if not _ended_before(first, second):
        found.again.add(later)
        if path in first.reads:
            found.again.add(earlier)


def _ended_before(first: Finished, second: Finished) -> bool:
    if first.ended is None or second.began is None:
        return first.ended is None  # taken from an earlier run, before anything here began
    return first.ended <= second.began


class _Order:
    """Which step the plan has before which: `order(a, b)` is whether a path leads from `a` to `b`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._before: dict[str, set[str]] = {}

    @cached_property
    def _direct(self) -> dict[str, set[str]]:
        return {step.name: {*step.after, *step.inputs, *step.state} for step in self._plan.steps}

    def __call__(self, earlier: str, later: str) -> bool:
        if later not in self._before:
            reached: set[str] = set()
            waiting = [later]
            while waiting:
                fresh = self._direct.get(waiting.pop(), set()) - reached
                reached |= fresh
                waiting.extend(fresh)
            self._before[later] = reached
        return earlier in self._before[later]
