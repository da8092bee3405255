"""What is asked of the cluster, as plain values: the Job of a step (its pod: `nb2flow.pods.spec`); rights. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from nb2flow.notebook.model import StepOptions
from nb2flow.pods.contract import PodExit, PodTask, encode
from nb2flow.pods.spec import CONTAINER, MANAGED_BY, MANAGER, QUEUE, Wish, container, labels, pod_template
from nb2flow.profiles import Profile

IDENTITY = "nb2flow.dev/identity"
TASK = "nb2flow.dev/task"
HELD = "nb2flow.dev/held"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
_LONGEST_STEP = 30  # of a Job's name, so that names of pods stay below 63 characters


def identity(profile: Profile, task: PodTask, options: StepOptions) -> str:
    """What a step's Job is, whoever starts it: the task without run and attempt, and the container it runs in.

    Two that are equal would do the same work, so one Job can serve both.
    """
    bare = msgspec.structs.replace(task, run_id="", attempt=1)
    asked = container(profile, Wish("", task.step, "", options))
    text = encode(bare) + json.dumps(asked, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def job_name(step: str, identity: str, number: int) -> str:
    """The name of the Job for this identity; `number` tells one from those that failed before it."""
    bare, _, rest = step.partition("[")
    element = f"-{rest.rstrip(']')}" if rest else ""
    return f"nb2flow-{bare[: _LONGEST_STEP - len(element)].strip('-')}{element}-{identity[:12]}-{number}"


def job(profile: Profile, wish: Wish, name: str, identity: str) -> dict[str, Any]:
    """The Job. A pod that the platform lost is replaced; one whose notebook failed, or that refused, is not."""
    told = {**labels(wish), IDENTITY: identity}
    if profile.queue:
        told[QUEUE] = profile.queue
    final = [int(PodExit.STEP_FAILED), int(PodExit.REFUSED)]
    stop = {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": final}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": told, "annotations": {TASK: wish.task}},
        "spec": {
            "backoffLimit": profile.pod_retries,
            "podFailurePolicy": {"rules": [stop]},
            "podReplacementPolicy": "Failed",  # never two pods of one step side by side
            "ttlSecondsAfterFinished": profile.keep,
            "template": pod_template(profile, wish),
        },
    }


def held(profile: Profile, wish: Wish, name: str, place: str, seconds: int) -> dict[str, Any]:
    """The Job that runs a step once more for somebody to look into: its results go to the folder `place`, and when it
    fails, its kernel is kept for that long."""
    again = replace(wish, arguments=(*wish.arguments, "--output", place, f"--hold={seconds}"))
    made = job(profile, again, name, "")
    del made["metadata"]["labels"][IDENTITY]  # nobody may take it for the step's own
    made["metadata"]["labels"][HELD] = "true"
    made["spec"]["backoffLimit"] = 0
    return made


# ---- rights ----

VERBS: dict[tuple[str, str], tuple[str, ...]] = {
    ("batch", "jobs"): ("create", "delete", "get", "list", "watch"),
    ("", "pods"): ("get", "list", "watch"),
    ("", "events"): ("list",),
}
ARGO_VERBS: dict[tuple[str, str], tuple[str, ...]] = {
    ("argoproj.io", "workflows"): ("create", "get", "list", "patch", "watch"),
}
EXECUTOR_VERBS: dict[tuple[str, str], tuple[str, ...]] = {
    ("argoproj.io", "workflowtaskresults"): ("create", "patch"),
}
HOLD_VERBS: dict[tuple[str, str], tuple[str, ...]] = {("", "pods/portforward"): ("create", "get")}


def rights(namespace: str, subject: str, *, argo: bool = False, hold: bool = False) -> list[dict[str, Any]]:
    """A service account `subject` with the least that is needed to run steps: the account, a Role, its binding. With
    `argo`, also what is needed to have Argo run them; with `hold`, to look into steps that failed."""
    verbs = VERBS | (ARGO_VERBS if argo else {}) | (HOLD_VERBS if hold else {})
    return [_account(namespace, subject), *_granted(namespace, "nb2flow", subject, verbs)]


def executor_rights(namespace: str, subject: str, *, own: bool) -> list[dict[str, Any]]:
    """What Argo's own containers need to tell what became of a step: a Role, bound to `subject`. With `own`,
    also that account, made for them alone, and the Secret from which Argo takes its token.

    Source: https://argo-workflows.readthedocs.io/en/latest/workflow-rbac/
    """
    granted = _granted(namespace, "nb2flow-argo-executor", subject, EXECUTOR_VERBS)
    if not own:
        return granted
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{subject}.service-account-token",
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER},
            "annotations": {"kubernetes.io/service-account.name": subject},
        },
        "type": "kubernetes.io/service-account-token",
    }
    return [_account(namespace, subject), *granted, secret]


def _account(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}},
    }


def _granted(
    namespace: str, name: str, subject: str, verbs: Mapping[tuple[str, str], tuple[str, ...]]
) -> list[dict[str, Any]]:
    api = "rbac.authorization.k8s.io"
    metadata = {"name": name, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}}
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": list(allowed)}
        for (group, resource), allowed in verbs.items()
    ]
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": namespace}],
        },
    ]
