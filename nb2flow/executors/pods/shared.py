"""A step of a run that goes through its plan without us: the task is staged before the run, the run is a folder.

Of an exported workflow the task is one for all runs. What an engine would do around a step happens here, in its pod:
parameters come as text and are bound, the manifests of earlier steps are those of this run, a step that runs for each
element is made the instance that the pod is for, what instances made is put together, and what the step was seen to do
is held against the plan. No engine can plan again, so a step that shows the plan to be wrong fails, rather than let
later ones run on wrong state. A run that we began has its parameters in its tasks, and we judge its results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from nb2flow.engine.guard import Finished, judge
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.plan import loads
from nb2flow.plan.expand import author_step, instance
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.plan.parameters import bind_texts
from nb2flow.pods import elements
from nb2flow.pods.contract import ANY_RUN, ListElement, PodTask, TaskFolder, folder_of, plan_path
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import Manifest, encode, gathered, read_manifest
from nb2flow.runs.portable import portable

_AT_ONCE = 16  # manifests that are read side by side


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is staged, and which run it is done for: the folder of the run, its parameters as text, which
    element of a list (empty: the step is none of that kind), and where the elements of lists are to be told."""

    task: str
    folder: str
    texts: Mapping[str, str]
    element: str = ""
    told_in: str = ""


class SharedTask:
    """The task at a place, as one step of a run."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folder = place.folder.rstrip("/")
        self._step = PurePosixPath(place.task).stem
        self._plan: Plan | None = None
        self._is_foreign = False  # nobody of ours will take over the results
        self.documents: dict[str, bytes] = {}  # manifests of earlier steps that were read, or put together, by step

    @property
    def results(self) -> TaskFolder:
        """Where this run has the step's results."""
        number = elements.number(self._place.element)
        return self._of(self._step if number is None else instance(self._step, number))

    def of_run(self, store: Store, task: PodTask) -> PodTask:
        """The task as this run's. EnvironmentFault for a parameter that does not fit, StoreFault for what is not in the
        store."""
        plan = self._read_plan(store)
        self._is_foreign = task.run_id == ANY_RUN
        try:
            bound = portable(bind_texts(plan.parameters, self._place.texts))
        except UsageError as fault:
            raise EnvironmentFault(fault.message, hint=fault.hint) from fault
        step = plan.step(task.step)
        task = msgspec.structs.replace(
            task,
            run_id=PurePosixPath(self._folder).name if self._is_foreign else task.run_id,
            parameters=task.parameters | {name: value for name, value in bound.items() if name in step.parameters},
            manifests={name: f"{self._folder}/{path}" for name, path in task.manifests.items()},
        )
        return self._with_gathered(store, plan, self._as_instance(store, step, task))

    def tell_elements(self, store: Store, manifest: Manifest) -> None:
        """Say for which elements of what this step made others run, where that is asked for. OSError, StoreFault."""
        if not self._place.told_in:
            return
        folder = Path(self._place.told_in)
        folder.mkdir(parents=True, exist_ok=True)
        for step in self._read_plan(store).steps:
            if step.each is not None and step.each.source == self._step:
                text = elements.said(manifest.outputs.get(step.each.name))
                Path(elements.file(str(folder), step.name)).write_text(text)

    def unforeseen(self, step: str, manifest: Path) -> Failure | None:
        """What the step did and the plan does not know, as its failure."""
        found = read_manifest(manifest)
        if not self._is_foreign or self._plan is None or found is None:
            return None
        verdict = judge(self._plan, {author_step(step): Finished(found)})
        if verdict is None:
            return None
        return Failure(
            kind="engine",
            message=f"the plan does not hold: {'; '.join(verdict.because)}",
            hint="`nb2flow run` the notebook once: what it shows is remembered; then convert it again",
        )

    # ---- lists, by element ----

    def _as_instance(self, store: Store, step: PlanStep, task: PodTask) -> PodTask:
        """The task of the one element that this pod is for."""
        number = elements.number(self._place.element)
        if number is None or step.each is None:
            return task
        blobs = self._blobs(store, step)
        if blobs is None or number >= len(blobs):
            raise EnvironmentFault(
                f"step {step.name} is to run for element {number} of `{step.each.name}`, which has none of that number",
                hint="step " + step.each.source + " has run again since; start the workflow anew",
            )
        name = instance(step.name, number)
        own = ListElement(
            step=name, source=step.each.source, name=step.each.name, blob=blobs[number], gathers=step.each.gathers
        )
        return msgspec.structs.replace(task, step=name, element=own)

    def _with_gathered(self, store: Store, plan: Plan, task: PodTask) -> PodTask:
        """The task with the instances of earlier steps; what these made is put together where nobody has done it."""
        by_element = {step.name: step for step in plan.steps if step.each is not None}
        manifests: dict[str, str] = {}
        for name, path in task.manifests.items():
            blobs = self._blobs(store, by_element[name]) if name in by_element else None
            # What lies there already may be of an earlier list, in a workflow that was told to do all of it again.
            if blobs is not None and (self._is_foreign or store.read(path) is None):
                names = [instance(name, number) for number in range(len(blobs))]
                parts = dict(zip(names, self._read_all(store, names), strict=True))
                self.documents |= parts
                self.documents[name] = self._gathered(store, by_element[name], list(parts.values()))
                manifests |= {part: self._of(part).manifest for part in names}
            manifests[name] = path
        return msgspec.structs.replace(task, manifests=manifests)

    def _gathered(self, store: Store, step: PlanStep, parts: Sequence[bytes]) -> bytes:
        assert step.each is not None
        made = [msgspec.json.decode(data, type=Manifest) for data in parts]
        kinds = {name: step.each.gathers[name] for name in step.outputs}
        python = self._manifest(store, step.each.source).python
        return encode(gathered(step.name, python, kinds, made))

    def _blobs(self, store: Store, step: PlanStep) -> tuple[str, ...] | None:
        """The elements of the list that the step runs for, one by one; None where it runs over the whole."""
        assert step.each is not None
        return elements.divided(self._manifest(store, step.each.source).outputs.get(step.each.name))

    # ---- what lies in the store ----

    def _of(self, name: str) -> TaskFolder:
        return TaskFolder(f"{self._folder}/{name}")

    def _manifest(self, store: Store, step: str) -> Manifest:
        (data,) = self._read_all(store, [step])
        return msgspec.json.decode(data, type=Manifest)

    def _read_all(self, store: Store, names: Sequence[str]) -> list[bytes]:
        """The manifests of these steps of the run. StoreFault when one is not there."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(store.read, [self._of(name).manifest for name in names]))
        for name, data in zip(names, found, strict=True):
            if data is None:
                raise StoreFault(
                    f"the manifest of step {name} is not in the store {store.url}", hint="run that step first"
                )
        return [data for data in found if data is not None]

    def _read_plan(self, store: Store) -> Plan:
        if self._plan is None:
            path = plan_path(folder_of(self._place.task).path)
            data = store.read(path)
            if data is None:
                raise StoreFault(f"there is no plan {path} in the store {store.url}", hint="convert the notebook again")
            self._plan = loads(data)
        return self._plan
