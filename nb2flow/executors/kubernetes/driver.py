"""The Job that drives a run from inside the cluster, seen from outside: begun, looked for, stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nb2flow.errors import UsageError
from nb2flow.executors.kubernetes import words
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.pods.driver import DRIVER, JOB_NAME, driver_name, run_of
from nb2flow.pods.driver import driver as driver_manifest
from nb2flow.pods.spec import RUN
from nb2flow.profiles import Profile

_GONE = "its driver is not in the cluster any more"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run's driver stands: `job` is its Job's name (empty: there is none); whether it may still do something;
    whether its pod runs; what is wrong, in words, with a hint; `final`: it will not get better by waiting."""

    job: str = ""
    going: bool = False
    running: bool = False
    trouble: str = ""
    hint: str = ""
    patience: float | None = None


def begin(
    cluster: Cluster, profile: Profile, run_id: str, prepare: Callable[[str], str], is_done: Callable[[str], bool]
) -> str:
    """Create a driver's Job; `prepare` is told its name before and returns the path of its order. Returns the name.

    `is_done` says of a driver that the cluster calls active whether it has told the run's end. It does nothing more
    then, and how long the cluster takes to notice (on a node that does not answer: for ever) keeps nobody waiting.
    UsageError when there is a driver already, ClusterFault when it is refused.
    """
    there = _jobs(cluster, run_id)
    pods, _ = cluster.list("pods", _selector(run_id))  # those whose Job was deleted, too
    active = {str(job["metadata"]["name"]) for job in there if words.job_state(job) == "active"}
    active |= {str(pod["metadata"]["labels"][JOB_NAME]) for pod in pods if not words.is_over(pod)}
    if not all(map(is_done, sorted(active))):
        raise _driven(run_id)
    names = active | {str(job["metadata"]["name"]) for job in there}
    name = driver_name(run_id, max(map(_number, names), default=0) + 1)
    try:
        cluster.create("jobs", driver_manifest(profile, run_id, name, prepare(name)))
    except ClusterFault as fault:
        if fault.status == 409:
            raise _driven(run_id) from fault
        raise
    return name


def standing(cluster: Cluster, run_id: str, memory: str = "1Gi") -> Standing:
    """Where the newest driver of the run stands."""
    there = sorted(_jobs(cluster, run_id), key=lambda job: _number(str(job["metadata"]["name"])))
    selector = f"{JOB_NAME}={there[-1]['metadata']['name']}" if there else _selector(run_id)
    pods, _ = cluster.list("pods", selector)
    pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
    job = there[-1] if there else None
    name = str(job["metadata"]["name"]) if job else ""
    if job is None or words.is_going(job):
        if any(not words.is_over(pod) for pod in pods):  # it may still have something to tell
            return Standing(name, True, trouble="somebody deleted its Job, and its pod is about to end")
        return Standing(name, trouble=words.given_up(pods, job).message if job else _GONE)
    if words.job_state(job) == "failed":
        return Standing(name, trouble=words.given_up(pods, job).message)
    if words.job_state(job) == "succeeded":
        return Standing(name)
    if pods and (final := words.final(pods[-1], memory)) is not None:
        return Standing(name, True, trouble=final.message, hint=final.hint, patience=0.0)
    found = words.trouble(pods[-1]) if pods else words.missing_pod(_events(cluster, name))
    running = bool(pods) and pods[-1].get("status", {}).get("phase") == "Running"
    if found is None:
        return Standing(name, True, running)
    return Standing(name, True, running, found.text, found.hint, found.patience)


def remove(cluster: Cluster, name: str) -> None:
    """Delete a driver's Job."""
    cluster.delete("jobs", name, grace=0)


def _jobs(cluster: Cluster, run_id: str) -> list[Any]:
    found, _ = cluster.list("jobs", f"{DRIVER}=true")  # those of exports have no label for their run
    return [job for job in found if run_of(job) == run_id]


def _selector(run_id: str) -> str:
    return f"{DRIVER}=true,{RUN}={run_id}"


def _events(cluster: Cluster, name: str) -> list[str]:
    found, _ = cluster.list("events", fields=f"involvedObject.name={name}")
    return [str(event.get("message", "")) for event in found]


def _number(name: str) -> int:
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() and name.startswith("nb2flow-driver-") else 0  # an export's is the first


def _driven(run_id: str) -> UsageError:
    return UsageError(f"run {run_id} is driven in the cluster already", hint=f"`nb2flow attach {run_id}` shows it")
