"""A run as a Workflow: implements `StepBackend` and `Pilot`.

`undertake` puts all that the steps need into the store and creates the Workflow; from then on Argo needs none of us.
`start` follows one step of it. Results are taken over as those of any pod: a success as soon as the step says it in the
store, which Argo may see ten seconds later; all else when Argo's word for the step is there, too, since another try may
take its place. Work with the network happens in a few threads of its own.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nb2flow.engine.fanout import with_instances
from nb2flow.errors import EnvironmentFault
from nb2flow.executors.argo import rest, status
from nb2flow.executors.argo.sight import Sight
from nb2flow.executors.argo.status import Standing
from nb2flow.executors.argo.tries import Tries
from nb2flow.executors.kubernetes.attempt import CANCELLED, Attempt
from nb2flow.executors.kubernetes.cluster import ARGO, ClusterFault
from nb2flow.executors.kubernetes.cluster_backend import AGAIN_AFTER, THREADS, ClusterBackend, patiently
from nb2flow.executors.kubernetes.following import Following
from nb2flow.executors.kubernetes.words import Trouble, Value
from nb2flow.executors.pods.profiled import stager_of
from nb2flow.plan.expand import author_step, collapsed
from nb2flow.plan.model import Plan
from nb2flow.pods import elements
from nb2flow.pods.contract import TaskFolder
from nb2flow.pods.spec import MANAGED_BY, MANAGER, RUN, OneRun
from nb2flow.profiles import Profile
from nb2flow.runs.attempt import Report, StepTask
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import read_manifest

TELL_UNMOVED = 15.0  # seconds without a word of a controller after which people are told
GIVE_UP_UNMOVED = 90.0
_STOP_PATIENCE = 60.0  # seconds for Argo to stop what was cancelled
_REPLACED = "this try failed, and the next one has begun since: what it said is replaced by that one"

_EMPTY = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "nb2flow-try-out"},
    "spec": {"entrypoint": "nothing", "templates": [{"name": "nothing", "suspend": {}}]},
}

Make = Callable[[Plan, Profile, str, OneRun], Mapping[str, Any]]


class ArgoBackend(ClusterBackend):
    """Has Argo run the steps. `make` makes the Workflow of a plan; it is told the tasks' folder and what is special of
    this run."""

    name = "argo"
    most_instances = elements.MOST

    def __init__(
        self, profile: Profile, files: Mapping[str, Path], make: Make, environ: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(profile, files, environ)
        self.pilot = self
        self._make = make
        self._tries = Tries()
        self._workflow = ""  # the name of the one that is followed
        self._number = 0
        self._folder = ""
        self._steps: frozenset[str] = frozenset()  # that are followed in it
        self._since = 0.0
        self._stopped: set[tuple[str, str]] = set()
        self._gave_up = False
        self._undertaken: tuple[Plan, Sequence[StepTask], int, Collection[str]] | None = None  # as it was asked for
        self._undertaking = threading.Lock()
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._sight: Sight | None = None
        self._proved: set[str] = set()  # Workflows in which steps did run to their end
        self._replaced: set[str] = set()  # Workflows whose rest became another one
        self._seen: tuple[str, dict[str, Standing]] = ("", {})

    def prepare(self) -> None:
        """See that store and Argo are there. EnvironmentFault when one cannot be used."""
        if self._stager is not None:
            return
        self._store.examine()
        try:
            self.cluster.request("GET", ARGO)
        except ClusterFault as fault:
            if fault.status != 404:
                raise
            raise EnvironmentFault(
                f"Argo Workflows is not installed in the cluster at {self.cluster.server}",
                hint="have it installed, or use --engine kubernetes, which needs nothing in the cluster",
            ) from fault
        self.cluster.try_out("workflows", _EMPTY)
        self._stager = stager_of(self.profile, self._store, self._files)

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        """Follow an attempt, once its step has been undertaken."""
        attempt = self._attempt(task, report)
        if self._has(task.step):
            self._follow_step(attempt)
        return attempt

    def close(self) -> None:
        """Let go. The Workflow goes on, unless all that it still does was given up."""
        if self._gave_up and not self._attempts:
            with contextlib.suppress(EnvironmentFault):
                self._stop(self._workflow, "Stop")
        super().close()

    def stop_run(self, run_id: str) -> int:
        """Stop all Workflows of a run that nobody watches; returns how many there were."""
        there = [w for w in self._workflows(run_id) if not status.is_over(w) and not status.stopped(w)]
        for workflow in there:
            self._stop(workflow["metadata"]["name"], "Stop")
        return len(there)

    # ---- the pilot ----

    def adopt(self, run_id: str) -> Collection[str]:
        """The steps (instances, where they are known) of the run's newest Workflow that succeeded and, while it goes
        on, those that may."""
        self.prepare()
        there = sorted(self._workflows(run_id), key=_number)
        if not there:
            return ()
        newest = there[-1]
        self._begin_to_follow(run_id, newest["metadata"]["name"], _number(newest))
        self._steps = status.promising(newest)
        return self._steps

    def undertake(self, plan: Plan, tasks: Sequence[StepTask], jobs: int, done: Collection[str] = ()) -> None:
        """Create the Workflow for the steps of these tasks, in place of an earlier one."""
        with self._undertaking:
            self._undertake(plan, tasks, jobs, done)

    def _undertake(self, plan: Plan, tasks: Sequence[StepTask], jobs: int, done: Collection[str]) -> None:
        self.prepare()
        assert self._stager is not None
        if self._workflow and not self._is_over(self._workflow):
            patiently(lambda: self._stop(self._workflow, "Stop"))
        run_id, left = tasks[0].run_id, rest.left_of_lists(plan, tasks, done)
        started = [rest.as_written(task) for task in tasks if left.get(task.step, True)]
        steps = frozenset(task.step for task in started)
        name = f"nb2flow-{run_id}-{self._number + 1}"
        folder = f"runs/{run_id}/{name}"
        done_before = rest.built_on(plan, started) - rest.opened(tasks, left)
        self._send_manifests(folder, Path(tasks[0].manifest), done_before)
        whole = collapsed(plan)
        place = self._stager.stage_plan(whole, started)
        run = OneRun(run_id=run_id, name=name, folder=folder, steps=steps, jobs=jobs, elements=left)
        manifest = self._make(whole, self.profile, place, run)
        made = patiently(lambda: self._create(manifest))
        self._begin_to_follow(run_id, name, self._number + 1)
        assert self._following is not None
        self._following.add(made)
        self._steps = steps
        self._undertaken = (plan, tasks, jobs, done)
        with self._lock:
            waiting = [a for a in self._attempts if a.job != name and self._has(a.task.step)]
        for attempt in waiting:
            self._follow_step(attempt)

    def _send_manifests(self, folder: str, beside: Path, done: Collection[str]) -> None:
        """The manifests of steps that are done, into the folder where those of this Workflow's steps will be."""

        def send(step: str) -> None:
            self._store.write(TaskFolder(f"{folder}/{step}").manifest, beside.with_name(f"{step}.json").read_bytes())

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(send, done))

    def _create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.cluster.create("workflows", manifest)
        except ClusterFault as fault:  # created before, and the answer was lost?
            found = self.cluster.get("workflows", manifest["metadata"]["name"]) if fault.status == 409 else None
            if found is None:
                raise
            return found

    def _workflows(self, run_id: str) -> list[dict[str, Any]]:
        return self.cluster.list("workflows", _selector(run_id))[0]

    def _begin_to_follow(self, run_id: str, name: str, number: int) -> None:
        with self._lock:
            self._workflow, self._number, self._since = name, number, time.monotonic()
            self._folder = f"runs/{run_id}/{name}"
        if self._following is None:
            self._sight = Sight(self.cluster, f"{RUN}={run_id}")
            self._follow(Following(self.cluster, self._changed, self._tell_all, ("workflows",), _selector(run_id)))

    # ---- what happens ----

    def _follow_step(self, attempt: Attempt) -> None:
        with attempt.lock:
            attempt.place = TaskFolder(f"{self._folder}/{attempt.task.step}")
            attempt.job = self._workflow
        self._ask(attempt)

    def _look_at(self, attempt: Attempt) -> None:
        assert self._following is not None
        workflow = self._following.job(attempt.job)
        if workflow is None:
            self._look_at_vanished(attempt)
            return
        standing = self._standing(workflow, attempt.task.step)
        if attempt.cancelling is not None:
            self._look_at_cancelled(attempt, standing, workflow)
        elif not status.is_moved(workflow):
            self._look_at_unmoved(attempt)
        elif status.is_hidden(workflow):
            attempt.note("Argo keeps how its steps stand in a database: each is told when it has said its end")
            self._look_at_hidden(attempt, workflow)
        else:
            self._look_at_step(attempt, standing, workflow)

    def _look_at_hidden(self, attempt: Attempt, workflow: Value) -> None:
        """Only the store tells: a try that failed leaves its word there until the next one's pod begins."""
        step = (attempt.job, attempt.task.step)
        with self._tries.telling(step):
            if attempt.finish(self._store, lambda said: self._tries.is_news(step, said)):
                return
        if (failure := status.look(None, workflow, 0, "").failure) is not None:
            attempt.fetch_last(self._store)
            attempt.end(failure)

    def _look_at_cancelled(self, attempt: Attempt, standing: Standing | None, workflow: Value) -> None:
        waited = time.monotonic() - (attempt.cancelling or 0.0)
        heard = status.is_over(workflow) or bool(status.stopped(workflow))
        over = status.is_over(workflow) or (heard and (standing is None or standing.is_over))
        if not heard and waited > _STOP_PATIENCE:
            attempt.note(f"the Workflow {attempt.job} could not be stopped: it may go on")
        if over or waited > _STOP_PATIENCE:
            attempt.fetch_last(self._store)
            attempt.end(CANCELLED)
        elif not heard and waited > AGAIN_AFTER:  # the cluster did not take our word
            self._stop(attempt.job, "Stop")

    def _look_at_step(self, attempt: Attempt, standing: Standing | None, workflow: Value) -> None:
        memory = attempt.task.options.memory or self.profile.memory
        step = (attempt.job, attempt.task.step)
        told = self._tries.told(step)
        found = status.look(standing, workflow, told, memory)
        for text in found.lost:
            attempt.note(text if found.failure else f"{text}: another one takes its place")
        if found.said:
            with self._tries.telling(step, status.told_after(standing, told)):
                if found.replaced:
                    attempt.end(Failure(kind="error", message=_REPLACED))
                elif not attempt.finish(self._store):
                    text = f"there is no {attempt.place.ended} in {self._store.url}"
                    attempt.end(Failure(kind="engine", message=text))
        elif (standing is None or standing.is_omitted) and found.failure and self._takes_up_the_rest(attempt, workflow):
            return
        elif found.failure is not None:
            attempt.fetch_last(self._store)
            attempt.end(found.failure)
        elif (trouble := found.trouble or self._unsaid(standing)) is None:
            attempt.no_trouble()
        else:
            text, hint = trouble.text, trouble.hint
            attempt.note(f"{text} (hint: {hint})" if hint else text)
            if trouble.patience is not None and attempt.has_waited(text, trouble.patience):
                self._gave_up = True
                attempt.end(Failure(kind="engine", message=text, hint=hint))

    def _unsaid(self, standing: Standing | None) -> Trouble | None:
        """What Argo does not say of the step's pod."""
        last = standing.tries[-1] if standing is not None and standing.tries else None
        if last is None or self._sight is None:
            return None
        if last.phase == "Running":
            return self._sight.running(last.pod)
        return self._sight.waiting(last.pod) if last.phase == "Pending" else None

    def _takes_up_the_rest(self, attempt: Attempt, workflow: Value) -> bool:
        """Argo leaves a step out though all before it are done: one of them succeeded by its own word, and Argo did not
        hear it (while the API server was away); or one that the step does not need failed in an earlier part of a large
        graph. What can still be done becomes another Workflow when this one is over."""
        if status.stopped(workflow) or self._undertaken is None or attempt.job not in self._proved:
            return False
        why = "stopped after a failure in an earlier part of the graph"
        if not self._failed:
            said = status.unheard(workflow, self._done)
            why = "did not hear that a step before this one succeeded" + (f" ({said})" if said else "")
        attempt.note(f"Argo {why}: another Workflow goes on with the rest")
        if not status.is_over(workflow):
            return True
        with self._lock:
            if attempt.job in self._replaced:
                return True
            self._replaced.add(attempt.job)
        plan, tasks, jobs, done = self._undertaken
        done = {*done, *self._done}
        try:
            left = rest.going_on(tasks, done, self._failed)
            self.undertake(self._with_lists(plan, Path(attempt.task.manifest)), left, jobs, done)
        except BaseException:
            self._replaced.discard(attempt.job)
            raise
        return True

    def _with_lists(self, plan: Plan, beside: Path) -> Plan:
        """The plan with the instances that the lists ask for which were made since."""
        sources = {step.each.source for step in plan.steps if step.each is not None}
        found = {source: read_manifest(beside.with_name(f"{source}.json")) for source in sources}
        made = {source: manifest for source, manifest in found.items() if manifest is not None}
        return with_instances(plan, made, lambda s: bool(s.each and s.each.source in self._done), self.most_instances)

    def _look_at_vanished(self, attempt: Attempt) -> None:
        if attempt.cancelling is None and attempt.finish(self._store):
            return
        attempt.fetch_last(self._store)
        attempt.end(
            CANCELLED
            if attempt.cancelling is not None
            else Failure(
                kind="engine",
                message=f"somebody deleted the Workflow {attempt.job}",
                hint="`nb2flow resume` makes another one of what is left; finished steps are kept",
            )
        )

    def _look_at_unmoved(self, attempt: Attempt) -> None:
        waited = time.monotonic() - self._since
        text = f"nobody moves the Workflow {attempt.job}: no controller of Argo looks after namespace "
        text += f"'{self.cluster.namespace}', or it is down"
        if waited > TELL_UNMOVED:
            attempt.note(text)
        if waited > GIVE_UP_UNMOVED:
            hint = "is its workflow-controller running, and for this namespace? --engine kubernetes needs none"
            self._stop(attempt.job, "Stop")  # first: whoever moves it later must not begin it
            attempt.end(Failure(kind="engine", message=text, hint=hint))

    def _is_over(self, name: str) -> bool:
        workflow = self._following.job(name) if self._following is not None else None
        return workflow is not None and status.is_over(workflow)

    def _has(self, step: str) -> bool:
        return step in self._steps or author_step(step) in self._steps

    def _standing(self, workflow: Value, step: str) -> Standing | None:
        """Of an instance that Argo did not come to, how the step stands."""
        there = self._standings(workflow)
        return there.get(step) or there.get(author_step(step))

    def _standings(self, workflow: Value) -> dict[str, Standing]:
        version = f"{workflow['metadata']['name']} {workflow['metadata'].get('resourceVersion', '')}"
        seen = self._seen
        if seen[0] != version:
            seen = (version, status.standings(workflow))
            self._seen = seen
        return seen[1]

    def _grown(self) -> dict[str, str]:
        with self._lock:
            folder = self._folder if any(a.job for a in self._attempts) else ""
        return self._store.listing(folder) if folder else {}

    def _said_the_end(self, attempt: Attempt) -> None:
        """Nothing comes after a success: each pod of the step that begins later leaves it as it is."""
        attempt.finish(self._store, lambda said: said.failure is None)

    # ---- end ----

    def _cancel(self, attempt: Attempt, kill: bool) -> None:
        """Steps are not stopped one by one: the Workflow is."""
        if attempt.cancelling is None:
            attempt.cancelling = time.monotonic()
        if attempt.job:
            self._submit(self._stop_for, attempt, "Terminate" if kill else "Stop")
        if kill or not attempt.job:
            attempt.end(CANCELLED)

    def _stop_for(self, attempt: Attempt, how: str) -> None:
        self._stop(attempt.job, how)
        self._ask(attempt)

    def _stop(self, workflow: str, how: str) -> None:
        with self._lock:
            if (workflow, how) in self._stopped:
                return
            self._stopped.add((workflow, how))
        try:
            self.cluster.patch("workflows", workflow, {"spec": {"shutdown": how}})
        except ClusterFault as fault:
            with self._lock:
                self._stopped.discard((workflow, how))
            if fault.status != 404:
                raise

    def _let_go(self, attempt: Attempt) -> None:
        super()._let_go(attempt)
        with self._lock:
            if attempt.failure is None:
                self._done.add(attempt.task.step)
                self._failed.discard(attempt.task.step)
            elif attempt.failure.kind != "cancelled":
                self._failed.add(attempt.task.step)
            if attempt.failure is None or attempt.failure.kind not in ("cancelled", "engine"):
                self._proved.add(attempt.job)


def _selector(run_id: str) -> str:
    return f"{MANAGED_BY}={MANAGER},{RUN}={run_id}"


def _number(workflow: Mapping[str, Any]) -> int:
    return int(str(workflow["metadata"]["name"]).rpartition("-")[2])
