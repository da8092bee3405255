"""Steps as Jobs: implements `StepBackend` for a cluster.

`start` puts the step's task into the store and creates its Job, or adopts the Job that does this work already: a Job is
named by what it does, so whoever comes back finds what was begun. The cluster itself replaces pods that it lost; this
file listens, tells, and takes the results over. Work with the network happens in a few threads of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nb2flow.engine.ports import MOST_INSTANCES
from nb2flow.errors import EnvironmentFault
from nb2flow.executors.kubernetes import manifests, words
from nb2flow.executors.kubernetes.attempt import CANCELLED, Attempt
from nb2flow.executors.kubernetes.cluster import ClusterFault
from nb2flow.executors.kubernetes.cluster_backend import AGAIN_AFTER, PATIENCE, ClusterBackend
from nb2flow.executors.kubernetes.following import Following
from nb2flow.executors.pods.profiled import stager_of
from nb2flow.pods.contract import PodTask, folder_of, task_folder
from nb2flow.pods.spec import RUN, Wish
from nb2flow.profiles import Profile
from nb2flow.runs.attempt import Report, StepTask
from nb2flow.runs.events import Failure

_STOP_GRACE = 20  # seconds for a cancelled step to leave its notebook
_WORD_PATIENCE = 60.0  # seconds for a folder of a network to show what a pod has written
_EVENTS_AFTER = 4.0  # seconds after which a Job without a pod is asked why
_EVENTS_EVERY = 5.0  # seconds from one such question to the next: many steps may wait for a quota


class KubernetesBackend(ClusterBackend):
    """Runs each step as a Job."""

    name = "kubernetes"
    most_instances = MOST_INSTANCES
    pilot = None

    def __init__(self, profile: Profile, files: Mapping[str, Path], environ: Mapping[str, str] | None = None) -> None:
        super().__init__(profile, files, environ)
        self._preparing = threading.Lock()
        self._taken: set[str] = set()  # names of Jobs whose results were taken over
        self._deleted: set[str] = set()  # names of Jobs that the cluster took our word for
        self._why: dict[str, tuple[float, words.Trouble | None]] = {}  # when it was asked why a Job has no pod, and why

    def prepare(self) -> None:
        """Begin to follow the cluster. EnvironmentFault when it, or the store, cannot be used."""
        with self._preparing:  # not the lock of what changes: the first list tells of changes
            if self._following is not None:
                return
            self._store.examine()
            self._try_out()
            self._follow(Following(self.cluster, self._changed, self._tell_all))
            self._stager = stager_of(self.profile, self._store, self._files)

    def start(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        """Begin an attempt."""
        self.prepare()
        attempt = self._attempt(task, report)
        self._submit(self._begin, attempt)
        return attempt

    def stop_run(self, run_id: str) -> int:
        """Delete all Jobs of a run that nobody drives; returns how many there were."""
        selector = f"{manifests.SELECTOR},{RUN}={run_id}"
        jobs = [job for job in self.cluster.list("jobs", selector)[0] if words.job_state(job) == "active"]
        for job in jobs:
            self.cluster.delete("jobs", job["metadata"]["name"], grace=_STOP_GRACE)
        return len(jobs)

    # ---- begin ----

    def _try_out(self) -> None:
        wish = Wish("try-out", "try-out", "try-out")
        try:
            self.cluster.try_out("jobs", manifests.job(self.profile, wish, "nb2flow-try-out", "0" * 32))
        except ClusterFault as fault:
            if fault.status != 409 and not fault.quota:  # a step waits until there is room
                raise

    def _begin(self, attempt: Attempt) -> None:
        assert self._stager is not None
        if attempt.cancelling is not None:
            attempt.end(CANCELLED)
            return
        prepared = self._stager.prepare(attempt.task)
        identity = manifests.identity(self.profile, prepared, attempt.task.options)
        try:
            name = self._job_for(attempt, prepared, identity)
        except ClusterFault as fault:
            waited = attempt.has_waited("the cluster", PATIENCE)
            if not fault.quota and (waited or not fault.again):
                raise
            attempt.note(f"{fault.message}; it is tried again")
            # Not in this thread: steps that wait must not keep those that run from being looked at.
            again = threading.Timer(AGAIN_AFTER, self._submit, (self._begin, attempt))
            again.daemon = True
            again.start()
            return
        with attempt.lock:
            attempt.job = name
            self._deleted.discard(name)  # one of this name, that was deleted, has had its day
        self._changed(name)
        if attempt.cancelling is not None:
            self._delete(attempt, kill=False)

    def _job_for(self, attempt: Attempt, prepared: PodTask, identity: str) -> str:
        """Create the Job, or adopt the one that does this work; returns its name."""
        assert self._following is not None and self._stager is not None
        for number in range(1, 10_000):
            name = manifests.job_name(attempt.task.step, identity, number)
            found = self._following.job(name)
            if found is None:
                place = task_folder(attempt.task.run_id, name)
                self._stager.write(prepared, place)
                wish = Wish(attempt.task.run_id, attempt.task.step, place.task, attempt.task.options)
                try:
                    made = self.cluster.create("jobs", manifests.job(self.profile, wish, name, identity))
                except ClusterFault as fault:
                    found = self.cluster.get("jobs", name) if fault.status == 409 else None
                    if found is None:
                        raise
                else:
                    self._following.add(made)
                    attempt.place = place
                    return name
            if self._is_usable(found, attempt.task.run_id, identity):
                self._following.add(found)
                attempt.place = folder_of(found["metadata"]["annotations"][manifests.TASK])
                attempt.note(f"goes on in Job {name}, which was begun before")
                return name
        raise EnvironmentFault(f"there are too many Jobs for step {attempt.task.step}", hint="remove old ones")

    def _is_usable(self, job: Mapping[str, Any], run_id: str, identity: str) -> bool:
        """Whether this Job does the work and its results are not known yet."""
        metadata = job["metadata"]
        if metadata.get("labels", {}).get(manifests.IDENTITY) != identity or words.is_going(job):
            return False
        if metadata["name"] in self._taken:  # it may not have been marked as complete yet
            return False
        state = words.job_state(job)
        own = metadata["labels"].get(RUN) == run_id
        return state == "active" or (state == "succeeded" and own)

    # ---- what happens ----

    def _look_at(self, attempt: Attempt) -> None:
        assert self._following is not None
        job, pods = self._following.job(attempt.job), self._following.pods(attempt.job)
        if attempt.cancelling is not None:
            self._look_at_cancelled(attempt, job, pods)
        elif job is None:
            self._look_at_vanished(attempt)
        else:
            self._look_at_job(attempt, job, pods)

    def _look_at_job(self, attempt: Attempt, job: words.Value, pods: list[Any]) -> None:
        assert self._following is not None
        state = words.job_state(job)
        if (state != "active" or any(words.said_the_end(pod) for pod in pods)) and attempt.finish(self._store):
            return
        if state == "failed":
            attempt.fetch_last(self._store)
            attempt.end(words.given_up(pods, job))
            return
        if state == "succeeded":  # its last word was in the store before its process ended
            if attempt.has_waited("its last word", _WORD_PATIENCE):
                text = f"its Job succeeded, and there is no {attempt.place.ended} in {self._store.url}"
                attempt.end(Failure(kind="engine", message=text, hint="was the store cleaned up? Run it again"))
            return
        if pods:
            final = words.final(pods[-1], attempt.task.options.memory or self.profile.memory)
            if final is not None:
                self._give_up(attempt, final)
                return
        for pod in pods:
            if (words.is_over(pod) or self._following.is_gone(pod)) and not words.said_the_end(pod):
                attempt.note(f"pod {pod['metadata']['name']} was lost ({words.lost(pod)}): another one takes its place")
        self._tell_trouble(attempt, job, pods)

    def _tell_trouble(self, attempt: Attempt, job: words.Value, pods: list[Any]) -> None:
        found = words.trouble(pods[-1]) if pods else None
        if not pods and job.get("spec", {}).get("suspend"):
            found = words.Trouble("waits in its queue")
        elif not pods and time.monotonic() - attempt.began > _EVENTS_AFTER:
            found = self._why_no_pod(attempt.job)
        if found is None:
            attempt.no_trouble()
            return
        attempt.note(f"{found.text} (hint: {found.hint})" if found.hint else found.text)
        if found.patience is not None and attempt.has_waited(found.text, found.patience):
            self._give_up(attempt, Failure(kind="engine", message=found.text, hint=found.hint))

    def _why_no_pod(self, job: str) -> words.Trouble | None:
        """What the cluster's events say of a Job without a pod. Who may not read them waits all the same."""
        asked, found = self._why.get(job, (0.0, None))
        now = time.monotonic()
        if now - asked < _EVENTS_EVERY:
            return found
        try:
            events, _ = self.cluster.list("events", fields=f"involvedObject.name={job}")
        except ClusterFault as fault:
            if fault.again:
                raise
            events = []
        found = words.missing_pod([str(event.get("message", "")) for event in events])
        self._why[job] = (now, found)
        return found

    def _look_at_vanished(self, attempt: Attempt) -> None:
        """Somebody removed the Job: what it left counts, else another one is made."""
        if attempt.finish(self._store):
            return
        attempt.lost_jobs += 1
        if attempt.lost_jobs > self.profile.pod_retries:
            attempt.end(Failure(kind="engine", message=f"Job {attempt.job} was deleted again and again"))
            return
        attempt.note(f"Job {attempt.job} was deleted by somebody: another one takes its place")
        attempt.job = ""
        self._submit(self._begin, attempt)

    def _look_at_cancelled(self, attempt: Attempt, job: words.Value | None, pods: list[Any]) -> None:
        assert attempt.cancelling is not None
        waited = time.monotonic() - attempt.cancelling
        going = job is None or words.is_going(job) or attempt.job in self._deleted
        if not going and waited > 3 * _STOP_GRACE:
            attempt.note(f"Job {attempt.job} could not be deleted: it may go on (`kubectl delete job {attempt.job}`)")
        over = job is None or (going and all(words.is_over(pod) for pod in pods))
        if over or waited > 3 * _STOP_GRACE:
            attempt.fetch_last(self._store)
            attempt.end(CANCELLED)
        elif not going and waited > AGAIN_AFTER:  # the cluster did not take our word
            self._delete(attempt, kill=False)

    def _grown(self) -> dict[str, str]:
        """One question for all steps of a run whose pods may be at work."""
        assert self._following is not None
        with self._lock:
            attempts = [a for a in self._attempts if a.job]
        at_work = [a for a in attempts if any(not words.is_over(pod) for pod in self._following.pods(a.job))]
        found: dict[str, str] = {}
        for run in {attempt.place.run for attempt in at_work}:
            found |= self._store.listing(run)
        return found

    def _said_the_end(self, attempt: Attempt) -> None:
        assert self._following is not None
        # The word of the pod is enough: that of its node may come late, or never.
        pods = {pod["metadata"]["name"] for pod in self._following.pods(attempt.job)}
        attempt.finish(self._store, lambda said: said.pod in pods)

    # ---- end ----

    def _cancel(self, attempt: Attempt, kill: bool) -> None:
        if attempt.cancelling is None:
            attempt.cancelling = time.monotonic()
        if attempt.job:
            self._submit(self._delete, attempt, kill)
        if kill:
            attempt.end(CANCELLED)

    def _delete(self, attempt: Attempt, kill: bool) -> None:
        grace = 0 if kill else _STOP_GRACE
        self.cluster.delete("jobs", attempt.job, grace=grace, propagation="Background" if kill else "Foreground")
        self._deleted.add(attempt.job)

    def _give_up(self, attempt: Attempt, failure: Failure) -> None:
        attempt.fetch_last(self._store)
        try:
            self._delete(attempt, kill=False)
        except ClusterFault as fault:
            if fault.again:  # the next look gives up anew; a Job that is left would try again in vain
                raise
        attempt.end(failure)

    def _let_go(self, attempt: Attempt) -> None:
        super()._let_go(attempt)
        with self._lock:
            self._taken.add(attempt.job)
