"""A step of a run that nobody of ours drives: its task is one for all runs of the plan, the run itself is a folder.

What an engine would do around a step happens here, in its pod: parameters come as text and are bound, the manifests of
earlier steps are those of this run, and what the step was seen to do is held against the plan. No engine can plan
again, so a step that shows the plan to be wrong fails, rather than let later ones run on wrong state.
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
from nb2flow.pods.contract import PodTask, TaskFolder, folder_of, plan_path
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
        self._plan = loads(data)
        try:
            bound = bind_texts(self._plan.parameters, self._texts)
        except UsageError as fault:
            raise EnvironmentFault(fault.message, hint=fault.hint) from fault
        read = self._plan.step(task.step).parameters
        return msgspec.structs.replace(
            task,
            run_id=PurePosixPath(self._folder).name,
            parameters={name: value for name, value in bound.items() if name in read},
            manifests={step: f"{self._folder}/{path}" for step, path in task.manifests.items()},
        )

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
