"""What the cluster says about Jobs and pods, turned into words and decisions. Pure: plain JSON values in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nb2flow.pods.contract import PodExit
from nb2flow.pods.spec import CONTAINER
from nb2flow.runs.events import Failure

Value = Mapping[str, Any]

_AT_ONCE = ("InvalidImageName", "ErrImageNeverPull")
_NOT_LET_IN = ("unauthorized", "authentication", "denied", "forbidden", "no basic auth")
_NO_ANSWER = ("failed to do request", "dial tcp", "no such host", "connection refused", "i/o timeout")
_AFTER_A_WHILE = ("ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not run yet, in words. `patience`: seconds after which to give up (None: it may still come)."""

    text: str
    hint: str = ""
    patience: float | None = None


def job_state(job: Value) -> str:
    """`active`, `succeeded` or `failed`."""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition.get("status") == "True":
            if condition["type"] in ("Complete", "SuccessCriteriaMet"):
                return "succeeded"
            if condition["type"] in ("Failed", "FailureTarget"):
                return "failed"
    return "active"


def is_going(job: Value) -> bool:
    """Whether the Job is being deleted."""
    return bool(job.get("metadata", {}).get("deletionTimestamp"))


def exit_code(pod: Value) -> int | None:
    """What the step's container ended with; None while it has not ended, or when it was lost."""
    ended = _terminated(pod)
    return int(ended["exitCode"]) if ended is not None and "exitCode" in ended else None


def said_the_end(pod: Value) -> bool:
    """Whether the step's own process ended the pod and left word of it in the store."""
    return exit_code(pod) in (PodExit.SUCCEEDED, PodExit.STEP_FAILED, PodExit.REFUSED)


def is_over(pod: Value) -> bool:
    """Whether the pod will not run any more."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed") or _terminated(pod) is not None


def trouble(pod: Value) -> Trouble | None:
    """Why the pod is not running, if there is something to tell."""
    status = pod.get("status", {})
    if status.get("phase") == "Running" and _is_out_of_sight(pod):
        node = pod.get("spec", {}).get("nodeName") or "its node"
        return Trouble(
            f"node {node} does not answer the cluster; the step may go on there, so no other pod takes its place yet",
            f"if the node is gone for good, remove it (`kubectl delete node {node}`): the step then runs elsewhere",
        )
    if status.get("phase") != "Pending":
        return None
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("status") == "False":
            text = str(condition.get("message") or condition.get("reason") or "no node can take it")
            return Trouble(f"waits for a node: {_first_sentence(text)}", _scheduling_hint(text))
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
        image = str(container.get("image") or _image(pod))
        if reason in ("InvalidImageName", "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"):
            patience = 0.0 if reason in _AT_ONCE else 120.0
            said = message.replace(image, "")  # which may be called anything
            return Trouble(f"cannot pull the image {image}: {_pull_reason(reason, said)}", _pull_hint(said), patience)
        if reason in _AFTER_A_WHILE:
            hint = "create it in this namespace; `nb2flow cluster check` lists what is missing"
            return Trouble(f"its container cannot be made: {message or reason}", hint, 30.0)
    return None


def _is_out_of_sight(pod: Value) -> bool:
    """Whether the cluster, and not the pod's own container, says that the pod is not ready: its node is silent."""
    status = pod.get("status", {})
    ready = {c["type"]: c.get("status") for c in status.get("conditions") or ()}
    containers = status.get("containerStatuses") or ()
    return ready.get("Ready") == "False" and bool(containers) and all(c.get("ready") for c in containers)


def lost(pod: Value) -> str:
    """In words, how the pod went: evicted, deleted, its node gone, killed."""
    status = pod.get("status", {})
    ended = _terminated(pod) or {}
    node = pod.get("spec", {}).get("nodeName") or "its node"
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionTarget" and condition.get("status") == "True":
            return f"{condition.get('reason', 'disrupted')}: {_first_sentence(str(condition.get('message', '')))}"
    if status.get("reason") == "NodeLost" or ended.get("reason") == "ContainerStatusUnknown":
        return f"{node} does not answer any more"
    if status.get("reason"):
        return f"{status['reason']}: {_first_sentence(str(status.get('message', '')))}"
    code = ended.get("exitCode")
    if code == PodExit.PLATFORM:
        return "the step's process could not use the store or the disk (its log in the cluster says more)"
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return "somebody deleted it"
    if code in (PodExit.STOPPED, 137):
        return f"it was killed on {node}"
    return f"its container ended with exit code {code}" if code is not None else f"it vanished from {node}"


def final(pod: Value, asked_memory: str) -> Failure | None:
    """The failure that this pod's end means for good, where another pod would end in the same way."""
    ended = _terminated(pod)
    if ended is None:
        return None
    if ended.get("reason") == "OOMKilled":
        return Failure(
            kind="kernel-died",
            message=f"out of memory: the pod was killed at its limit of {asked_memory}",
            hint="give the step more with `memory:` (for example `memory:8Gi`)",
        )
    if ended.get("reason") in ("StartError", "ContainerCannotRun") or ended.get("exitCode") in (126, 127):
        return Failure(
            kind="engine",
            message=f"the image {_image(pod)} cannot run a step: {_first_sentence(str(ended.get('message', '')))}",
            hint="nb2flow must be installed in the image, with `nb2flow-step` on its PATH",
        )
    return None


def given_up(pods: Sequence[Value], job: Value) -> Failure:
    """The failure of a Job that the cluster has given up."""
    said = ""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] in ("Failed", "FailureTarget"):
            said = str(condition.get("message", ""))
    how = lost(pods[-1]) if pods else said or "the cluster gave it up"
    count = f"{len(pods)} pods" if len(pods) > 1 else "its pod"
    return Failure(
        kind="engine",
        message=f"the cluster lost {count} of this step; the last: {how}",
        hint="`nb2flow resume` starts the step again; finished steps are kept",
    )


def missing_pod(messages: Sequence[str]) -> Trouble | None:
    """Why a Job has no pod, from its events: quota, admission."""
    for message in messages:
        if "exceeded quota" in message:
            found = re.search(r"exceeded quota: (.*)", message)
            return Trouble(
                f"the namespace's quota is used up: {found[1] if found else message}", "it starts when there is room"
            )
        if account := missing_account(message):
            return account
        if "forbidden" in message or "denied" in message:
            text = message.partition("Error creating: ")[2] or message
            return Trouble(f"the cluster refuses its pod: {text}", "`nb2flow cluster check` says what is missing", 60.0)
    return None


def missing_account(message: str) -> Trouble | None:
    """That the pod's own account does not exist, if that is what the message says."""
    account = re.search(r'serviceaccount "?([a-z0-9.-]+)"? not found', message)
    if account is None:
        return None
    hint = "`nb2flow cluster manifests` prints it with the least rights, for whoever administers the namespace"
    return Trouble(f"there is no service account {account[1]} in the namespace", hint, 5.0)


def unmounted(messages: Sequence[str]) -> Trouble | None:
    """Why the containers of a pod that has its node do not begin, from its events: volumes that cannot be had."""
    said = next((message for message in reversed(messages) if message.startswith(("MountVolume", "Attach"))), "")
    missing = re.search(r'(secret|configmap) "([^"]+)" not found', said)
    if not said or missing is None:
        return Trouble(f"a volume of its pod cannot be had yet: {_first_sentence(said)}") if said else None
    kind, name = {"secret": "Secret", "configmap": "ConfigMap"}[missing[1]], missing[2]
    account = name.removesuffix(".service-account-token")
    if account == name:
        return Trouble(f"there is no {kind} {name} in the namespace, which its pod mounts", "create it", 120.0)
    hint = "create it, of the type kubernetes.io/service-account-token and with the annotation "
    hint += f"kubernetes.io/service-account.name: {account}"
    return Trouble(f"there is no Secret {name} in the namespace, with the token of Argo's own containers", hint, 120.0)


def last_words(pod: Value) -> str:
    """What the container left as its last message; only a check leaves one."""
    return str((_terminated(pod) or {}).get("message", "")).strip()


def _terminated(pod: Value) -> Value | None:
    for container in pod.get("status", {}).get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            ended: Value | None = (container.get("state") or {}).get("terminated")
            return ended
    return None


def _image(pod: Value) -> str:
    for container in pod.get("spec", {}).get("containers") or ():
        return str(container.get("image", ""))
    return ""


def _first_sentence(text: str) -> str:
    """Enough of a message that may go on about preemption for lines."""
    return re.split(r"(?<=[a-z\]\)])\. (?=preemption:|no new claims|[A-Z])", " ".join(text.split()), maxsplit=1)[
        0
    ].rstrip(". ")


def _scheduling_hint(text: str) -> str:
    if "untolerated taint" in text:
        return "the profile's `tolerations` let pods onto such nodes"
    if "node affinity/selector" in text or "didn't match Pod's node" in text:
        return "no node has the labels that `node:` or the profile asks for"
    return "ask for less, or add nodes; it starts when there is room" if "Insufficient" in text else ""


def _pull_reason(reason: str, message: str) -> str:
    low = message.lower()
    if any(word in low for word in _NOT_LET_IN):  # before the next: registries do not tell strangers what they hold
        return "the registry does not let the cluster in" + (", or has no such image" if "not exist" in low else "")
    if "not found" in low or "manifest unknown" in low or "not exist" in low:
        return "there is no such image"
    if any(word in low for word in _NO_ANSWER):
        return f"the registry cannot be reached from the cluster ({message.rpartition(': ')[2].strip()})"
    if reason == "ErrImageNeverPull":
        return "it is not on the node, and pull_policy says never to pull"
    return "its name is not one" if reason == "InvalidImageName" else (_first_sentence(message) or reason)


def _pull_hint(message: str) -> str:
    if any(word in message.lower() for word in _NOT_LET_IN):
        return "the profile's `pull_secrets` must name a Secret of the namespace with the registry's credentials"
    if any(word in message.lower() for word in _NO_ANSWER):
        return "is the registry's name in `image` right, and may the cluster's nodes reach it?"
    return "correct `image` in the profile or the step's `image:` tag"
