"""What is asked of the cluster, as plain values: the Job of a step and its pod; rights. Pure.

Pods keep to the Pod Security level "restricted" and need nothing of the API server. A manifest holds names and sizes:
no code, no value of a variable, no secret (those are references).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from nb2flow.executors.pods.contract import SCRATCH, STORE_PREFIX, PodExit, PodTask, encode
from nb2flow.notebook.model import StepOptions
from nb2flow.profiles import Profile

MANAGER = "nb2flow"
MANAGED_BY = "app.kubernetes.io/managed-by"
RUN = "nb2flow.dev/run"
STEP = "nb2flow.dev/step"
IDENTITY = "nb2flow.dev/identity"
TASK = "nb2flow.dev/task"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
CONTAINER = "step"
_QUEUE = "kueue.x-k8s.io/queue-name"
NO_OPTIONS = StepOptions()
_LONGEST_STEP = 30  # of a Job's name, so that names of pods stay below 63 characters


@dataclass(frozen=True, slots=True)
class Wish:
    """A pod that is wanted: for which step of which run, with which options, for the task at which path."""

    run_id: str
    step: str
    task: str
    options: StepOptions = NO_OPTIONS


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
    return f"nb2flow-{step[:_LONGEST_STEP].strip('-')}-{identity[:12]}-{number}"


def job(profile: Profile, wish: Wish, name: str, identity: str) -> dict[str, Any]:
    """The Job. A pod that the platform lost is replaced; one whose notebook failed, or that refused, is not."""
    labels = {**_labels(wish), IDENTITY: identity}
    if profile.queue:
        labels[_QUEUE] = profile.queue
    final = [int(PodExit.STEP_FAILED), int(PodExit.REFUSED)]
    stop = {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": final}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": {TASK: wish.task}},
        "spec": {
            "backoffLimit": profile.pod_retries,
            "podFailurePolicy": {"rules": [stop]},
            "podReplacementPolicy": "Failed",  # never two pods of one step side by side
            "ttlSecondsAfterFinished": profile.keep,
            "template": pod_template(profile, wish),
        },
    }


def pod_template(profile: Profile, wish: Wish) -> dict[str, Any]:
    """The pod of a step: metadata and spec, as a Job (or a Workflow's template) holds it."""
    labels = {**dict(wish.options.labels), **_labels(wish)}
    metadata: dict[str, Any] = {"labels": labels}
    if wish.options.annotations:
        metadata["annotations"] = dict(wish.options.annotations)
    return {"metadata": metadata, "spec": pod_spec(profile, wish)}


def pod_spec(profile: Profile, wish: Wish) -> dict[str, Any]:
    """The pod's spec: one container, a scratch volume, the profile's volumes."""
    options = wish.options
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": _pod_security(profile),
        "containers": [container(profile, wish)],
        "volumes": volumes(profile, options),
    }
    node = {**profile.node, **(profile.gpu_node if options.gpu else {}), **dict(options.node)}
    tolerations = [*profile.tolerations, *(profile.gpu_tolerations if options.gpu else ())]
    if node:
        spec["nodeSelector"] = node
    if tolerations:
        spec["tolerations"] = [dict(t) for t in tolerations]
    if profile.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in profile.pull_secrets]
    if profile.service_account:
        spec["serviceAccountName"] = profile.service_account
    return spec


def container(profile: Profile, wish: Wish) -> dict[str, Any]:
    """The container that runs the step."""
    made: dict[str, Any] = {
        "name": CONTAINER,
        "image": wish.options.image or profile.image,
        "command": list(profile.command),
        "args": ["--store", profile.store, "--task", wish.task],
        "env": _variables(profile, wish.options),
        "resources": resources(profile, wish.options),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": SCRATCH},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            *(
                {"name": f"volume-{i}", "mountPath": v.path} | _read_only(v.read_only)
                for i, v in enumerate(profile.volumes)
            ),
        ],
    }
    if profile.store_secret:
        made["envFrom"] = [{"prefix": STORE_PREFIX, "secretRef": {"name": profile.store_secret}}]
    if profile.pull_policy:
        made["imagePullPolicy"] = profile.pull_policy
    return made


def resources(profile: Profile, options: StepOptions) -> dict[str, Any]:
    """Requests and limits: the same, so that what a pod gets does not depend on its neighbours."""
    asked = {"cpu": options.cpu or profile.cpu, "memory": options.memory or profile.memory}
    if options.disk or profile.disk:
        asked["ephemeral-storage"] = options.disk or profile.disk
    if options.gpu:
        asked[options.gpu_resource] = str(options.gpu)
    return {"requests": asked, "limits": dict(asked)}


def volumes(profile: Profile, options: StepOptions) -> list[dict[str, Any]]:
    """The volumes that `container` mounts."""
    disk = options.disk or profile.disk
    scratch: dict[str, Any] = {"sizeLimit": disk} if disk else {}
    claims = [
        {"name": f"volume-{i}", "persistentVolumeClaim": {"claimName": v.claim} | _read_only(v.read_only)}
        for i, v in enumerate(profile.volumes)
    ]
    return [{"name": "scratch", "emptyDir": scratch}, {"name": "tmp", "emptyDir": {}}, *claims]


def _read_only(yes: bool) -> dict[str, Any]:
    return {"readOnly": True} if yes else {}


def _labels(wish: Wish) -> dict[str, str]:
    return {MANAGED_BY: MANAGER, RUN: wish.run_id, STEP: wish.step}


def _variables(profile: Profile, options: StepOptions) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"name": "HOME", "value": SCRATCH}, {"name": "NB2FLOW_SCRATCH", "value": SCRATCH}]
    if profile.store_endpoint:
        made.append({"name": f"{STORE_PREFIX}AWS_ENDPOINT_URL", "value": profile.store_endpoint})
    secret = {"name": profile.secrets}
    made += [{"name": name, "valueFrom": {"secretKeyRef": {**secret, "key": name}}} for name in options.secrets]
    return made


def _pod_security(profile: Profile) -> dict[str, Any]:
    made: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if profile.user:
        made |= {"runAsUser": profile.user, "runAsGroup": profile.user, "fsGroup": profile.user}
    return made


# ---- rights ----

VERBS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("batch", "jobs"): ("create", "delete", "get", "list", "watch"),
    ("", "pods"): ("get", "list", "watch"),
    ("", "events"): ("list",),
}


def rights(namespace: str, subject: str) -> list[dict[str, Any]]:
    """A Role with the least that is needed to run steps, and its binding to the service account `subject`."""
    labels = {MANAGED_BY: MANAGER}
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        for (group, resource), verbs in VERBS.items()
    ]
    api = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": subject, "namespace": namespace, "labels": labels},
        },
        {
            "apiVersion": f"{api}/v1",
            "kind": "Role",
            "metadata": {"name": "nb2flow", "namespace": namespace, "labels": labels},
            "rules": rules,
        },
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "nb2flow", "namespace": namespace, "labels": labels},
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "nb2flow"},
            "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": namespace}],
        },
    ]
