"""The pod that drives a run from inside the cluster, and its Job, as plain values. Pure.

It drives the run that it was made for, or (of an export, which is applied as often as one likes) a run of its own, that
is called after its Job: whoever sees the Job knows the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nb2flow.pods.contract import PodExit
from nb2flow.pods.spec import CONTAINER, MANAGED_BY, MANAGER, RUN, Wish, pod_template
from nb2flow.profiles import Profile

DRIVER = "nb2flow.dev/driver"
JOB_NAME = "batch.kubernetes.io/job-name"
JOB_UID = "batch.kubernetes.io/controller-uid"
OWN_NAME, OWN_UID = "NB2FLOW_JOB_NAME", "NB2FLOW_JOB_UID"  # variables of the driver of a run of its own
_ASKS = {"cpu": "100m", "memory": "512Mi"}
_TAKES = {"cpu": "1", "memory": "1Gi"}
_RETRIES = 10
_REFUSED = int(PodExit.REFUSED)
_NOT_COUNTED = {  # a pod that was evicted or deleted says nothing against the driver
    "action": "Ignore",
    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
}
_LONGEST = 40  # of a Job's name, in the name of a run


def driver_name(run_id: str, number: int) -> str:
    """The name of the Job that drives a run; `number` counts those of one run."""
    return f"nb2flow-driver-{run_id[-24:].strip('-')}-{number}"


def own_run(job: str, uid: str) -> str:
    """The run that the driver in this Job, made for no run, drives."""
    return f"{job[:_LONGEST].strip('-')}-{uid.replace('-', '')[:8]}"


def run_of(job: dict[str, Any]) -> str:
    """The run that a driver's Job drives."""
    metadata = job["metadata"]
    told = (metadata.get("labels") or {}).get(RUN)
    return str(told or own_run(str(metadata["name"]), str(metadata.get("uid", ""))))


def driver(profile: Profile, run_id: str, name: str, order: str) -> dict[str, Any]:
    """The Job that drives a run from inside the cluster: a step's pod with the rights to start such pods."""
    told = {MANAGED_BY: MANAGER, RUN: run_id, DRIVER: "true"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": told},
        "spec": driver_job(profile, told, order),
    }


def driver_job(profile: Profile, told: dict[str, str], order: str, texts: Sequence[str] = ()) -> dict[str, Any]:
    """The spec of a driver's Job; `told` are the labels of its pod. Without that of a run among them, it drives one of
    its own, with the parameters in `texts`.

    It waits most of the time, so it asks for little; what it may take in a busy moment is more.
    """
    template = pod_template(profile, Wish("", "driver", order))
    template["metadata"] = {"labels": told}
    spec = template["spec"]
    spec["serviceAccountName"] = profile.driver_account
    spec["automountServiceAccountToken"] = True
    (made,) = spec["containers"]
    made["args"] = ["--store", profile.store, "--drive", order, *(f"--parameter={text}" for text in texts)]
    made["resources"] = {"requests": dict(_ASKS), "limits": dict(_TAKES)}
    if RUN not in told:
        own = {OWN_NAME: JOB_NAME, OWN_UID: JOB_UID}
        made["env"] += [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{label}']"}}}
            for name, label in own.items()
        ]
    stop = {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [_REFUSED]}}
    return {
        "backoffLimit": _RETRIES,
        "podFailurePolicy": {"rules": [_NOT_COUNTED, stop]},
        "podReplacementPolicy": "Failed",  # never two drivers of one run side by side
        "ttlSecondsAfterFinished": profile.keep,
        "template": template,
    }
