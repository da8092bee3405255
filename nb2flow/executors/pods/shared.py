"""A step of a run that goes through its plan without us: the task is staged before the run, the run is a folder.

Of an exported workflow the task is one for all runs. What an engine would do around a step happens here, in its pod:
parameters come as text and are bound, the manifests of earlier steps are those of this run, and what the step was seen
to do is held against the plan. No engine can plan again, so a step that shows the plan to be wrong fails, rather than
let later ones run on wrong state. A run that we began has its parameters in its tasks, and we judge its results.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from nb2flow.engine.guard import Finished, judge
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.plan import loads
from nb2flow.plan.model import Plan
from nb2flow.plan.parameters import bind_texts
from nb2flow.pods.contract import ANY_RUN, PodTask, TaskFolder, folder_of, plan_path
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import read_manifest


class SharedTask:
    """The task at `path` as one step of the run in `folder`; `texts` are the parameters' values."""

    def __init__(self, path: str, folder: str, texts: Mapping[str, str]) -> None:
        self._path = path
        self._folder = folder.rstrip("/")
        self._texts = texts
        self._plan: Plan | None = None

    @property
    def results(self) -> TaskFolder:
        """Where this run has the step's results."""
        return TaskFolder(f"{self._folder}/{PurePosixPath(self._path).stem}")

    def of_run(self, store: Store, task: PodTask) -> PodTask:
        """The task as this run's. EnvironmentFault for a parameter that does not fit, StoreFault without the plan."""
        path = plan_path(folder_of(self._path).path)
        data = store.read(path)
        if data is None:
            raise StoreFault(f"there is no plan {path} in the store {store.url}", hint="convert the notebook again")
        plan = loads(data)
        self._plan = plan if self._is_foreign(task) else None
        try:
            bound = bind_texts(plan.parameters, self._texts)
        except UsageError as fault:
            raise EnvironmentFault(fault.message, hint=fault.hint) from fault
        read = plan.step(task.step).parameters
        return msgspec.structs.replace(
            task,
            run_id=PurePosixPath(self._folder).name if self._is_foreign(task) else task.run_id,
            parameters=task.parameters | {name: value for name, value in bound.items() if name in read},
            manifests={step: f"{self._folder}/{path}" for step, path in task.manifests.items()},
        )

    @staticmethod
    def _is_foreign(task: PodTask) -> bool:
        """Whether nobody of ours will take over the results."""
        return task.run_id == ANY_RUN

    def unforeseen(self, step: str, manifest: Path) -> Failure | None:
        """What the step did and the plan does not know, as its failure."""
        found = read_manifest(manifest)
        if self._plan is None or found is None:
            return None
        verdict = judge(self._plan, {step: Finished(found)})
        if verdict is None:
            return None
        return Failure(
            kind="engine",
            message=f"the plan does not hold: {'; '.join(verdict.because)}",
            hint="`nb2flow run` the notebook once: what it shows is remembered; then convert it again",
        )
