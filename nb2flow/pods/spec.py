"""The pod of a step, as plain values. Pure.

Pods keep to the Pod Security level "restricted" and need nothing of the API server. A manifest holds names and sizes:
no code, no value of a variable, no secret (those are references).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nb2flow.notebook.model import StepOptions
from nb2flow.pods.contract import SCRATCH, STORE_PREFIX
from nb2flow.profiles import Profile

MANAGER = "nb2flow"
MANAGED_BY = "app.kubernetes.io/managed-by"
RUN = "nb2flow.dev/run"
STEP = "nb2flow.dev/step"
ELEMENT = "nb2flow.dev/element"
QUEUE = "kueue.x-k8s.io/queue-name"
CONTAINER = "step"
NO_OPTIONS = StepOptions()


@dataclass(frozen=True, slots=True)
class Wish:
    """A pod that is wanted: for which step of which run, with which options, for the task at which path. `arguments`
    are further ones of the command."""

    run_id: str
    step: str
    task: str
    options: StepOptions = NO_OPTIONS
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OneRun:
    """A run that we begin as a Workflow: its id, the Workflow's name, the folder of the store for results, which steps
    are left to run and how many at once. Its parameters are in its tasks. `elements` are those that are left, of steps
    whose list is known."""

    run_id: str
    name: str
    folder: str
    steps: Collection[str]
    jobs: int
    elements: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def pod_template(profile: Profile, wish: Wish) -> dict[str, Any]:
    """The pod of a step: metadata and spec, as a Job holds it."""
    metadata: dict[str, Any] = {"labels": {**dict(wish.options.labels), **labels(wish)}}
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
        "args": ["--store", profile.store, "--task", wish.task, *wish.arguments],
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


def labels(wish: Wish) -> dict[str, str]:
    """What tells whose pod (or Job) it is; of the instance `count[3]` it is step `count` and element `3`."""
    step, _, rest = wish.step.partition("[")
    element = {ELEMENT: rest.rstrip("]")} if rest else {}
    return {MANAGED_BY: MANAGER, RUN: wish.run_id, STEP: step, **element}


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
