"""What every backend whose steps run in a cluster has in common: the border around an attempt.

Attempts that are under way are looked at whenever something of theirs changes, and every second; all that waits for the
network happens in a few threads of its own, and whatever goes wrong there is told as the failure of its attempt. How an
attempt is begun, what its state in the cluster means and how it is stopped, a backend says itself (Jobs: `backend`;
Workflows: `nb2flow.executors.argo`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.kubernetes.attempt import Attempt
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.kubernetes.crew import Crew
from nb2flow.executors.kubernetes.following import Following
from nb2flow.executors.pods.profiled import check_profile, fingerprint, store_of
from nb2flow.executors.pods.staging import Stager
from nb2flow.executors.pods.store import StoreFault
from nb2flow.profiles import Profile
from nb2flow.runs.attempt import Report, StepTask
from nb2flow.runs.events import Failure

THREADS = 8
POLL_EVERY = 1.0  # seconds between looks at progress
PATIENCE = 180.0  # seconds for a cluster that does not answer while something is to begin
AGAIN_AFTER = 2.0  # seconds until it is asked again
_LEAVE_AFTER = 5.0  # seconds that a cluster or a store which hangs keeps us
_Result = TypeVar("_Result")


def patiently(do: Callable[[], _Result]) -> _Result:
    """Do it, again for a while where the cluster does not answer. ClusterFault."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return do()
        except ClusterFault as fault:
            if not fault.again or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_AFTER)


class ClusterBackend:
    """`files` are files below the notebook's folder that travel, by relative path. Subclasses say `_look_at`, `_cancel`
    and `_grown`, and begin `_following` before any attempt has a `job`."""

    secrets_here = False
    goes_on_alone = True

    def __init__(self, profile: Profile, files: Mapping[str, Path], environ: Mapping[str, str] | None = None) -> None:
        check_profile(profile)
        self.profile = profile
        self._files = files
        self._store = store_of(profile, environ)
        self._cluster: Cluster | None = None
        self._following: Following | None = None
        self._stager: Stager | None = None
        self._crew = Crew(THREADS, "nb2flow-cluster")
        self._lock = threading.Lock()
        self._attempts: set[Attempt] = set()
        self._asked: set[Attempt] = set()  # that are about to be looked at
        self._closing = threading.Event()

    @property
    def cluster(self) -> Cluster:
        """The cluster. EnvironmentFault when there is no usable configuration."""
        if self._cluster is None:
            self._cluster = Cluster(self.profile.context, self.profile.namespace)
        return self._cluster

    def fingerprint(self, kernel: str) -> str:
        """What stands for the kernel in content keys: the same, whoever starts the pods."""
        return fingerprint(self.profile, kernel, self._files)

    def holds(self, digests: frozenset[str], home: Path) -> bool:
        """Whether these artifacts are in the profile's store; what lies here is of no use to a pod."""
        return self._store.has(digests)

    def close(self) -> None:
        """Let go. What is under way in the cluster goes on; whoever resumes the run finds it."""
        self._closing.set()
        self._crew.close(_LEAVE_AFTER)
        if self._following is not None:
            self._following.close()
        if self._stager is not None:
            self._stager.close()
            self._stager = None

    # ---- what a backend says ----

    def _look_at(self, attempt: Attempt) -> None:
        """See how the attempt stands in the cluster, and tell. Its lock is held; it has a job and has not ended."""
        raise NotImplementedError

    def _cancel(self, attempt: Attempt, kill: bool) -> None:
        raise NotImplementedError

    def _grown(self) -> dict[str, str]:
        """What lies in the store for attempts that are under way: stamps by path. StoreFault."""
        raise NotImplementedError

    def _said_the_end(self, attempt: Attempt) -> None:
        """The step has said in the store that it ended; the cluster may not know it yet."""

    # ---- attempts ----

    def _attempt(self, task: StepTask, report: Callable[[Report], None]) -> Attempt:
        """A new one, that is under way until it ends."""
        attempt = Attempt(task, report, self._cancel)
        attempt.before_end = lambda: self._let_go(attempt)
        with self._lock:
            self._attempts.add(attempt)
        return attempt

    def _let_go(self, attempt: Attempt) -> None:
        with self._lock:
            self._attempts.discard(attempt)

    def _follow(self, following: Following) -> None:
        """Keep in mind what is in the cluster, and look at progress, until the end."""
        following.begin()
        self._following = following
        threading.Thread(target=self._poll, name="nb2flow-progress", daemon=True).start()

    def _changed(self, job: str) -> None:
        """The job, or a pod of it, is not what it was: look at its attempts, soon."""
        with self._lock:
            attempts = [a for a in self._attempts if a.job == job]
        for attempt in attempts:
            self._ask(attempt)

    def _ask(self, attempt: Attempt) -> None:
        """Have the attempt looked at, soon."""
        with self._lock:
            if attempt in self._asked:
                return
            self._asked.add(attempt)
        self._submit(self._look, attempt)

    def _look(self, attempt: Attempt) -> None:
        with self._lock:
            self._asked.discard(attempt)
        with attempt.lock:
            if not attempt.ended and attempt.job:
                self._look_at(attempt)

    def _tell_all(self, text: str) -> None:
        with self._lock:
            attempts = list(self._attempts)
        for attempt in attempts:
            attempt.note(text)

    # ---- progress ----

    def _poll(self) -> None:
        answers: SimpleQueue[dict[str, str]] = SimpleQueue()
        asking = False
        while not self._closing.wait(POLL_EVERY):
            if not asking:
                asking = True
                threading.Thread(target=self._ask_store, args=(answers,), name="nb2flow-store", daemon=True).start()
            found: dict[str, str] = {}
            with contextlib.suppress(Empty):  # a store that hangs keeps nobody from looking at the cluster
                found = answers.get(timeout=POLL_EVERY)
                asking = False
            with self._lock:
                attempts = [a for a in self._attempts if a.job and a not in self._asked]
                self._asked.update(attempts)
            for attempt in attempts:
                self._submit(self._poll_one, attempt, found)

    def _ask_store(self, answers: SimpleQueue[dict[str, str]]) -> None:
        found: dict[str, str] = {}
        try:
            with contextlib.suppress(StoreFault):  # asked again later
                found = self._grown()
        finally:
            answers.put(found)

    def _poll_one(self, attempt: Attempt, found: Mapping[str, str]) -> None:
        try:
            if not attempt.ended and attempt.cancelling is None and attempt.fetch_grown(self._store, found):
                self._said_the_end(attempt)
        finally:
            self._look(attempt)

    # ---- the border ----

    def _submit(self, work: Callable[..., None], attempt: Attempt, *more: Any) -> None:
        if not self._closing.is_set():
            self._crew.submit(self._guarded, work, attempt, *more)

    def _guarded(self, work: Callable[..., None], attempt: Attempt, *more: Any) -> None:
        """Whatever goes wrong with one attempt is told as that attempt's failure."""
        try:
            if not self._closing.is_set():
                work(attempt, *more)
        except (StoreFault, ClusterFault) as fault:
            if attempt.job and fault.again:
                attempt.note(f"{fault.message}; it is tried again")
            else:
                attempt.end(Failure(kind="engine", message=fault.message, hint=fault.hint))
        except EnvironmentFault as fault:
            attempt.end(Failure(kind="engine", message=fault.message, hint=fault.hint))
        except Exception as error:  # noqa: BLE001 - the border
            if self._closing.is_set():  # it was left behind, and what it worked with is gone
                return
            attempt.end(Failure(kind="engine", message=f"{type(error).__name__}: {error}"))
