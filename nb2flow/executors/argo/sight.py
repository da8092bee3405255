"""What Argo does not say of a pod: that its node has fallen silent, or why its containers do not begin. So now and then
the cluster is asked."""

from __future__ import annotations

import threading
import time

from nb2flow.executors.kubernetes import words
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.kubernetes.words import Trouble, Value

_EVERY = 20.0  # seconds from one question to the next: for all pods of a run, or for the events of one
_USUAL = 15.0  # seconds that containers take to begin


class Sight:
    """The pods that `selector` finds. Who may not look at pods, or at events, does without."""

    def __init__(self, cluster: Cluster, selector: str) -> None:
        self._cluster = cluster
        self._selector = selector
        self._lock = threading.Lock()
        self._asked = 0.0
        self._may_ask = True
        self._pods: dict[str, Value] = {}
        self._since: dict[str, float] = {}  # when a pod was first seen waiting
        self._why: dict[str, tuple[float, Trouble | None]] = {}  # when it was asked why, and why

    def waiting(self, pod: str) -> Trouble | None:
        """Why a pod that has its node goes on waiting, once it has waited for longer than usual."""
        now = time.monotonic()
        with self._lock:
            asked, found = self._why.get(pod, (0.0, None))
            if now - self._since.setdefault(pod, now) < _USUAL or now - asked < _EVERY:
                return found
            self._why[pod] = (now, found)
        try:
            events, _ = self._cluster.list("events", fields=f"involvedObject.name={pod}")
        except ClusterFault:
            return found
        found = words.unmounted([str(event.get("message", "")) for event in events])
        self._why[pod] = (now, found)
        return found

    def running(self, pod: str) -> Trouble | None:
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
        except ClusterFault as fault:
            self._may_ask = fault.again
            return
        self._pods = {pod["metadata"]["name"]: pod for pod in pods}
