"""Nodes that fall silent: Argo goes on saying that their pods run, so now and then the pods are looked at."""

from __future__ import annotations

import threading
import time

from nb2flow.executors.kubernetes import words
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.kubernetes.words import Trouble, Value

_EVERY = 10.0  # seconds from one question for all pods of a run to the next


class Sight:
    """The pods of the runs of this cluster that `selector` finds."""

    def __init__(self, cluster: Cluster, selector: str) -> None:
        self._cluster = cluster
        self._selector = selector
        self._lock = threading.Lock()
        self._asked = 0.0
        self._may_ask = True
        self._pods: dict[str, Value] = {}

    def trouble(self, pod: str) -> Trouble | None:
        """What there is to tell of a pod that runs, as far as Argo knows."""
        now = time.monotonic()
        with self._lock:
            is_due = self._may_ask and now - self._asked > _EVERY
            if is_due:
                self._asked = now
        if is_due:
            self._ask()
        found = self._pods.get(pod)
        return words.trouble(found) if found is not None else None

    def _ask(self) -> None:
        try:
            pods, _ = self._cluster.list("pods", self._selector)
        except ClusterFault as fault:  # who may not list pods does without
            self._may_ask = fault.again
            return
        self._pods = {pod["metadata"]["name"]: pod for pod in pods}
