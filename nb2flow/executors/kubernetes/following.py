"""What is in the cluster, kept in memory: Jobs and pods of ours in a namespace (or Workflows), followed by watches.

Lists once, then watches from that version on; a watch that breaks is begun where it was, one whose version is too old
lists again. An API server that does not answer is waited for; only refusals (rights, credentials) are told at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.kubernetes.manifests import SELECTOR

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_TELL_AFTER = 15.0  # seconds without an answer after which people are told
_JOB_LABEL = "batch.kubernetes.io/job-name"
Value = dict[str, Any]


class Following:
    """Calls `changed(job name)` whenever that Job or one of its pods is new, other or gone; `told(text)` when the
    cluster stops to answer, and when it answers again. `kinds` are what is followed: what takes a Job's place, and pods
    where those are to be known, too."""

    def __init__(
        self,
        cluster: Cluster,
        changed: Callable[[str], None],
        told: Callable[[str], None],
        kinds: tuple[str, ...] = ("jobs", "pods"),
        selector: str = SELECTOR,
    ) -> None:
        self._cluster = cluster
        self._kinds = kinds
        self._selector = selector
        self._changed = changed
        self._told = told
        self._lock = threading.Lock()
        self._jobs: dict[str, Value] = {}
        self._pods: dict[str, Value] = {}
        self._gone: dict[str, list[Value]] = {}  # the last look of pods that were removed, by Job
        self._added: dict[str, Value] = {}  # since the list that is under way was asked for: it may not have them
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """List once (ClusterFault when that is refused), then follow in threads."""
        versions = {kind: self._list(kind) for kind in self._kinds}
        for kind, version in versions.items():
            thread = threading.Thread(target=self._follow, args=(kind, version), name=f"nb2flow-{kind}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop; threads that wait for the cluster end by themselves."""
        self._closing.set()

    def job(self, name: str) -> Value | None:
        """The Job of this name."""
        with self._lock:
            return self._jobs.get(name)

    def add(self, job: Value) -> None:
        """A Job that was just created: known before its watch tells."""
        with self._lock:
            name = job["metadata"]["name"]
            self._added[name] = self._jobs.setdefault(name, job)

    def pods(self, job: str) -> list[Value]:
        """The pods of a Job, those that are gone too, the newest last."""
        with self._lock:
            there = [pod for pod in self._pods.values() if _job_of(pod) == job]
            return sorted([*self._gone.get(job, ()), *there], key=lambda p: str(p["metadata"].get("creationTimestamp")))

    def is_gone(self, pod: Value) -> bool:
        """Whether this pod of `pods` is not there any more, whatever the last look at it was."""
        with self._lock:
            return any(one is pod for one in self._gone.get(_job_of(pod), ()))

    # ---- following ----

    def _list(self, kind: str) -> str:
        with self._lock:
            if kind != "pods":
                self._added = {}
        items, version = self._cluster.list(kind, self._selector)
        new = {item["metadata"]["name"]: item for item in items}
        with self._lock:
            known = self._pods if kind == "pods" else self._jobs
            if kind != "pods":
                new = {**self._added, **new}
            vanished = [value for name, value in known.items() if name not in new]
            touched = {_job_of(value) for value in (*new.values(), *vanished)}
            if kind == "pods":
                for pod in vanished:
                    self._gone.setdefault(_job_of(pod), []).append(pod)
            known.clear()
            known.update(new)
        for name in touched:
            self._changed(name)
        return version

    def _follow(self, kind: str, version: str) -> None:
        pause, failing_since, said = _FIRST_PAUSE, 0.0, False
        while not self._closing.is_set():
            try:
                if not version:
                    version = self._list(kind)
                for change in self._cluster.watch(kind, self._selector, version):
                    version = str(change["object"]["metadata"]["resourceVersion"])
                    if change["type"] != "BOOKMARK":
                        self._take(kind, change)
                    pause, failing_since, said = _FIRST_PAUSE, 0.0, self._tell_of_answer(said)
                    if self._closing.is_set():
                        return
                pause, failing_since, said = _FIRST_PAUSE, 0.0, self._tell_of_answer(said)
            except ClusterFault as fault:
                if fault.status == 410:
                    version = ""
                    continue
                now = time.monotonic()
                failing_since = failing_since or now
                refused = fault.status in (401, 403)
                if not said and (refused or now - failing_since > _TELL_AFTER):
                    said = True
                    self._told(f"{fault.message}; the steps go on there, and looking is tried again")
                self._closing.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _tell_of_answer(self, said: bool) -> bool:
        """Take back what was said, if anything was, of a cluster that does not answer."""
        if said:
            self._told("the cluster answers again")
        return False

    def _take(self, kind: str, change: Value) -> None:
        value: Value = change["object"]
        name, job = value["metadata"]["name"], _job_of(value)
        with self._lock:
            known = self._pods if kind == "pods" else self._jobs
            if change["type"] == "DELETED":
                known.pop(name, None)
                if kind == "pods":
                    self._gone.setdefault(job, []).append(value)
            else:
                known[name] = value
        self._changed(job)


def _job_of(value: Value) -> str:
    labels = value["metadata"].get("labels") or {}
    return str(labels.get(_JOB_LABEL) or value["metadata"]["name"])
