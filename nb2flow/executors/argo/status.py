"""What Argo reports of a Workflow, as what happened to the steps of a run. Pure: plain JSON values in.

A task of the graph is a node of type Retry with a pod for each try; a try that the platform lost says something else
than one whose notebook failed, and the exit code tells them apart (`PodExit`). A task that Argo has expanded has such a
node for each element of its list, which is told as the step's instance.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nb2flow.executors.kubernetes import words
from nb2flow.executors.kubernetes.words import Trouble, Value
from nb2flow.plan.expand import author_step, instance
from nb2flow.pods import elements
from nb2flow.pods.contract import PodExit
from nb2flow.runs.events import Failure

_OVER = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
_SAID = frozenset({PodExit.SUCCEEDED, PodExit.STEP_FAILED, PodExit.REFUSED})
_CODE = re.compile(r"\(exit code (\d+)\)|exit code (\d+)")
_AGAIN = re.compile(r"asInt\(retries\) < (\d+)")
_USUAL = ("", "PodInitializing", "ContainerCreating")  # what every pod that begins says
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONTAINER = ("CreateContainerConfigError", "CreateContainerError")


@dataclass(frozen=True, slots=True)
class Try:
    """One pod of a step, called `pod`. `exit_code`: what the step's process ended with, if it did."""

    pod: str
    phase: str
    message: str = ""
    exit_code: int | None = None
    host: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.phase in _OVER

    @property
    def said_the_end(self) -> bool:
        """Whether the step's own process ended it and left word of it in the store."""
        return self.phase == "Succeeded" or (self.is_over and self.exit_code in _SAID)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a step stands: Argo's word for it as a whole, and its tries, the newest last."""

    phase: str
    message: str = ""
    tries: tuple[Try, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether Argo does nothing more for the step."""
        return self.phase in _OVER

    @property
    def is_omitted(self) -> bool:
        """Whether Argo leaves it out, since a step before it did not succeed by Argo's word."""
        return self.phase == "Omitted"

    @property
    def has_succeeded(self) -> bool:
        """Whether a try did; the step as a whole may have been stopped all the same."""
        return self.phase == "Succeeded" or any(pod.phase == "Succeeded" for pod in self.tries)


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be told of an attempt: `lost`, in words, for each pod that was replaced; why it is not running;
    whether the step said how it ended (`replaced`: and another try has begun since); else, why it has ended."""

    lost: tuple[str, ...] = ()
    trouble: Trouble | None = None
    said: bool = False
    replaced: bool = False
    failure: Failure | None = None


def is_over(workflow: Value) -> bool:
    """Whether Argo has brought the Workflow to an end."""
    return str(_status(workflow).get("phase", "")) in ("Succeeded", "Failed", "Error")


def is_moved(workflow: Value) -> bool:
    """Whether a controller has taken note of the Workflow."""
    return bool(_status(workflow).get("phase"))


def stopped(workflow: Value) -> str:
    """How the Workflow was told to stop: `Stop`, `Terminate`, or nothing."""
    return str(workflow.get("spec", {}).get("shutdown", ""))


def is_hidden(workflow: Value) -> bool:
    """Whether Argo keeps the states of nodes in a database of its own, where we cannot see them."""
    return bool(_status(workflow).get("offloadNodeStatusVersion"))


def steps_of(workflow: Value) -> tuple[str, ...]:
    """The steps of the graph, in its order."""
    return tuple(_tasks(workflow))


def standings(workflow: Value) -> dict[str, Standing]:
    """Where each step, and each instance of one, stands that Argo has come to."""
    nodes = _nodes(workflow)
    tries = {child for node in nodes.values() if node.get("type") == "Retry" for child in node.get("children") or ()}
    found: dict[str, Standing] = {}
    known = set(steps_of(workflow))
    for name, node in nodes.items():
        step = _step(node.get("inputs", {})) or str(node.get("displayName", ""))
        if name in tries or step not in known or node.get("type") not in ("Retry", "Pod", "Skipped"):
            continue
        pods = [name] if node.get("type") == "Pod" else node.get("children") or ()
        made = [_try(_pod(workflow, n, nodes[n]), nodes[n]) for n in pods if nodes.get(n, {}).get("type") == "Pod"]
        number = elements.number(_given(node.get("inputs", {}), "element"))
        its_name = step if number is None else instance(step, number)
        found[its_name] = Standing(str(node.get("phase", "")), str(node.get("message", "")), tuple(made))
    return found


def promising(workflow: Value) -> frozenset[str]:
    """The steps that have succeeded, and those that may: not what failed, nor what waits for that in vain. Of a step
    that was expanded, its instances."""
    found = standings(workflow)
    if is_over(workflow) or stopped(workflow):
        return frozenset(step for step, standing in found.items() if standing.has_succeeded)
    tasks = _tasks(workflow)
    lost = {s for s, st in found.items() if _has_failed(st, _retries(workflow, tasks[author_step(s)]))}
    failed = {author_step(step) for step in lost}
    before = {step: set(task.get("dependencies") or ()) for step, task in tasks.items()}
    while more := {step for step, names in before.items() if step not in failed and names & failed}:
        failed |= more
    lists = {step: numbers for step, task in tasks.items() if (numbers := _numbers(workflow, step, task)) is not None}
    each = {instance(step, number) for step, numbers in lists.items() for number in numbers}
    return (frozenset(before) - failed - set(lists)) | (each - lost)


def unheard(workflow: Value, done: Collection[str]) -> str:
    """Why Argo did not hear of a success, in its own words: of one of the steps that are `done`."""
    there = standings(workflow)
    tries = (pod for step in done if step in there for pod in there[step].tries)
    said = next((pod.message for pod in tries if pod.is_over and pod.phase != "Succeeded" and pod.message), "")
    if "workflowtaskresults" in said and "forbidden" in said:
        said += "; its containers' account needs the right to create and patch workflowtaskresults"
    return " ".join(said.split())


def look(standing: Standing | None, workflow: Value, told: int, asked_memory: str) -> Look:
    """How the attempt stands after `told` tries of this step whose own end was told before."""
    pods = _since(standing.tries, told) if standing else ()
    lost: list[str] = []
    for number, pod in enumerate(pods, 1):
        if pod.said_the_end:
            return Look(tuple(lost), said=True, replaced=number < len(pods))
        if not pod.is_over:
            return Look(tuple(lost), trouble=_trouble(pod))
        final = words.final(_as_pod(pod), asked_memory) or _refused(pod)
        if final is not None:
            return Look(tuple(lost), failure=final)
        lost.append(f"pod {pod.pod} was lost ({_how(pod)})")
    if standing is not None and standing.phase == "Succeeded":
        return Look(tuple(lost), said=True)
    if (standing is not None and standing.is_over) or is_over(workflow):
        return Look(tuple(lost), failure=_given_up(standing, workflow, pods))
    return Look(tuple(lost))


def told_after(standing: Standing | None, told: int) -> int:
    """How many tries have been told when the one that comes after `told` has."""
    said = sum(pod.said_the_end for pod in standing.tries) if standing else 0
    return min(told + 1, said)


# ---- parts ----


def _status(workflow: Value) -> Value:
    found: Value = workflow.get("status") or {}
    return found


def _nodes(workflow: Value) -> Mapping[str, Value]:
    """The nodes by their id; of a large Workflow they are stored packed."""
    status = _status(workflow)
    packed = status.get("compressedNodes")
    if packed:
        try:
            unpacked: Mapping[str, Value] = json.loads(zlib.decompress(base64.b64decode(packed), 47))
            return unpacked
        except (binascii.Error, zlib.error, ValueError):
            return {}
    nodes: Mapping[str, Value] = status.get("nodes") or {}
    return nodes


def _tasks(workflow: Value) -> dict[str, Value]:
    tasks = [t for template in workflow["spec"]["templates"] for t in template.get("dag", {}).get("tasks", ())]
    return {step: task for task in tasks if (step := _step(task.get("arguments", {})))}


def _retries(workflow: Value, task: Value) -> int:
    """How often the step's notebook is tried again, as its template says."""
    found = (t for t in workflow["spec"]["templates"] if t.get("name") == task.get("template"))
    said = next((str(t.get("retryStrategy", {}).get("expression", "")) for t in found), "")
    number = _AGAIN.search(said)
    return int(number[1]) if number else 0


def _has_failed(standing: Standing, retries: int) -> bool:
    """Whether the step will not succeed any more. Argo waits for the time between two tries before it sees that there
    will be no other one."""
    if standing.phase == "Skipped":  # its list was empty: what comes after it goes on
        return False
    if standing.is_over or standing.has_succeeded:
        return not standing.has_succeeded
    last = standing.tries[-1] if standing.tries else None
    if last is None or not last.said_the_end:
        return False
    return last.exit_code == PodExit.REFUSED or len(standing.tries) > retries


def _numbers(workflow: Value, step: str, task: Value) -> tuple[int, ...] | None:
    """The elements that a task is for; None where it is for no such thing, or its list is not known yet."""
    if "withItems" in task:
        return elements.listed(task["withItems"])
    if "withParam" not in task:
        return None
    told = (_given(node.get("outputs") or {}, elements.parameter(step)) for node in _nodes(workflow).values())
    return next((numbers for text in told if text and (numbers := elements.listed(text)) is not None), None)


def _step(given: Value) -> str:
    return _given(given, "step")


def _given(given: Value, name: str) -> str:
    values = {p.get("name"): p.get("value") for p in given.get("parameters") or ()}
    return str(values.get(name) or "")


def _pod(workflow: Value, name: str, node: Value) -> str:
    """What the cluster calls the pod of a node of this name: Argo puts the template's name into it."""
    whole, template = workflow["metadata"]["name"], node.get("templateName")
    number = name.removeprefix(f"{whole}-")
    return f"{whole}-{template}-{number}" if template and number != name else name


def _try(name: str, node: Value) -> Try:
    message = str(node.get("message", ""))
    code = (node.get("outputs") or {}).get("exitCode")
    if code is None and (found := _CODE.search(message)):
        code = found[1] or found[2]
    phase = str(node.get("phase", ""))
    return Try(name, phase, message, int(code) if code is not None else None, str(node.get("hostNodeName", "")))


def _since(tries: Sequence[Try], told: int) -> tuple[Try, ...]:
    """The tries after `told` of those that said their end."""
    for place, pod in enumerate(tries):
        if not told:
            return tuple(tries[place:])
        told -= pod.said_the_end
    return ()


def _trouble(pod: Try) -> Trouble | None:
    if pod.phase != "Pending" or pod.message in _USUAL:
        return None
    said = " ".join(pod.message.split())
    return words.trouble(_as_pod(pod)) or words.missing_pod([said]) or Trouble(f"waits: {said}")


def _as_pod(pod: Try) -> Value:
    """The try as the cluster would tell of its pod, so that the same words are found for the same things."""
    reason, _, message = pod.message.partition(": ")
    status: dict[str, Any] = {"phase": pod.phase if pod.phase in ("Pending", "Running") else "Failed"}
    container: dict[str, Any] = {"name": "step"}
    if pod.is_over:
        ended = {"reason": "OOMKilled"} if "OOMKilled" in pod.message else {"message": pod.message}
        container["state"] = {"terminated": ended | ({} if pod.exit_code is None else {"exitCode": pod.exit_code})}
    elif reason in (*_IMAGE, *_CONTAINER):
        quoted = re.search(r'image "([^"]+)"', message)
        container |= {"state": {"waiting": {"reason": reason, "message": message}}}
        container |= {"image": quoted[1]} if quoted else {}
    else:
        told = message if reason == "Unschedulable" else pod.message
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "message": told}]
        if reason != "Unschedulable":
            status["phase"] = "Unknown"
    status["containerStatuses"] = [container] if "state" in container else []
    return {"metadata": {}, "spec": {"nodeName": pod.host}, "status": status}


def _how(pod: Try) -> str:
    """In words, how a pod was lost; Argo knows no more than its own message."""
    if pod.exit_code is None or (pod.message and not _CODE.search(pod.message)):
        return " ".join(pod.message.split()) or "Argo does not say how"
    return words.lost(_as_pod(pod))


def _refused(pod: Try) -> Failure | None:
    if executor := re.match(r'serviceaccounts "([^"]+)" not found', pod.message):
        text = f"there is no service account {executor[1]} in the namespace, which Argo's own containers are to use"
        return Failure(kind="engine", message=text, hint="create it, or correct `argo_executor` in the profile")
    if "is forbidden" not in pod.message:
        return None
    if account := words.missing_account(pod.message):
        return Failure(kind="engine", message=account.text, hint=account.hint)
    said = " ".join(pod.message.partition("is forbidden: ")[2].split())
    hint = "`nb2flow cluster check` says what is missing"
    return Failure(kind="engine", message=f"the cluster refuses the step's pod: {said}", hint=hint)


def _given_up(standing: Standing | None, workflow: Value, pods: Sequence[Try]) -> Failure:
    name = workflow["metadata"]["name"]
    again = "`nb2flow resume` makes another Workflow of what is left; finished steps are kept"
    if how := stopped(workflow):
        return Failure(kind="engine", message=f"somebody stopped the Workflow {name} in Argo ({how})", hint=again)
    if pods:
        count = f"{len(pods)} pods" if len(pods) > 1 else "its pod"
        text = f"the cluster lost {count} of this step; the last: {_how(pods[-1])}"
        return Failure(kind="engine", message=text, hint=again)
    own = standing.message if standing else ""
    said = own or str(_status(workflow).get("message", "")) or str(_status(workflow).get("phase", ""))
    return Failure(kind="engine", message=f"Argo did not run the step: {' '.join(said.split())}", hint=again)
