"""Into a failed step where it failed: in the cluster, once more, with its kernel kept, and reached from this machine.

The step runs again from the task that it had, in a pod of its own whose results nobody takes over. When it fails, the
pod keeps the kernel and leaves in the store how to reach it; ports of the pod become ports of this machine.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nb2flow.app import engines
from nb2flow.app.history import Found
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.executors.kubernetes import manifests, words
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.kubernetes.forwarding import Forwarding
from nb2flow.executors.pods.profiled import store_of
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.exports.manifest import PLAN
from nb2flow.notebook.values import Misread, read_time
from nb2flow.pods.contract import EndedDocument, TaskFolder, decode_task
from nb2flow.pods.driver import JOB_NAME
from nb2flow.pods.spec import RUN, Wish
from nb2flow.runs.folders import disk_faults

LOOK_EVERY = 0.5
_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Held:
    """A kernel that is kept: the connection file of this machine, and whether its pod is still there."""

    connection: Path
    is_there: Callable[[], bool]


def seconds_of(text: str) -> int:
    """`30m` and the like. UsageError when it is no time."""
    found = read_time(text)
    if isinstance(found, Misread):
        raise UsageError(f"--hold '{text}': {found.message}", hint=found.hint or "such as 30m, or 2h")
    return int(found)


@contextmanager
def hold(found: Found, step: str, seconds: int, say: Say, wait: Callable[[float], None] = time.sleep) -> Iterator[Held]:
    """Run a step again, and keep the kernel that it leaves when it fails; the pod is deleted at the end.

    UsageError for a run that is not of a cluster, or a step that was not begun there, or does not fail this time;
    EnvironmentFault when the cluster or the store cannot be used. `wait` is called between two looks.
    """
    run_id, planned = found.state.run_id, found.state.plan.step(found.step(step))
    name, profile = engines.chosen(found.settings, found.state.engine, found.state.profile or None)
    if profile is None:
        raise UsageError(
            f"run {run_id} was made on this machine: there is no pod to hold",
            hint=f"`nb2flow debug {run_id} {step}` opens the step with its inputs, here",
        )
    store, cluster = store_of(profile), Cluster(profile.context, profile.namespace)
    task, *arguments = _of_workflow(cluster, run_id, step) if name == "argo" else (_task(store, run_id, step),)
    job = f"nb2flow-held-{step.partition('[')[0][:30].strip('-')}-{secrets.token_hex(4)}"
    place = TaskFolder(f"runs/{run_id}/_held/{job}")
    wish = Wish(run_id, step, task, planned.options, tuple(arguments))
    cluster.create("jobs", manifests.held(profile, wish, job, place.path, seconds))
    try:
        connection, pod = _wait(cluster, store, place, job, say, wait)
        with (
            Forwarding(lambda port: cluster.forward(pod, port), [connection[name] for name in _PORTS], say) as ports,
            _file(connection, ports, job) as path,
        ):
            yield Held(path, lambda: _is_there(cluster, job))
    finally:
        cluster.delete("jobs", job, grace=5)


def _task(store: Store, run_id: str, step: str) -> str:
    """The path of the task of the step's last attempt."""
    found: list[tuple[int, str]] = []
    for path in store.listing(f"runs/{run_id}"):
        if path.endswith("/task.json") and (data := store.read(path)) is not None:
            task = decode_task(data)
            if task.step == step:
                found.append((task.attempt, path))
    if not found:
        raise UsageError(f"step '{step}' of run {run_id} was not begun in the cluster", hint="`nb2flow show` says why")
    return max(found)[1]


def _of_workflow(cluster: Cluster, run_id: str, step: str) -> tuple[str, str]:
    """The path of the step's task, and the argument that names the folder of its run."""
    there, _ = cluster.list("workflows", f"{RUN}={run_id}")
    if not there:
        raise UsageError(f"the Workflow of run {run_id} is gone", hint="`nb2flow resume` makes another one")
    newest = max(there, key=lambda w: str(w["metadata"]["creationTimestamp"]))["metadata"]
    return f"{newest['annotations'][PLAN]}/{step}.json", f"--run=runs/{run_id}/{newest['name']}"


def _wait(
    cluster: Cluster, store: Store, place: TaskFolder, job: str, say: Say, wait: Callable[[float], None]
) -> tuple[dict[str, Any], str]:
    """What reaches the kernel, and its pod, when the step has failed."""
    said: set[str] = set()

    def tell(text: str) -> None:
        if text not in said:
            said.add(text)
            say(text)

    while True:
        try:
            if (data := store.read(place.held)) is not None:
                (pod,) = cluster.list("pods", f"{JOB_NAME}={job}")[0]
                return json.loads(data), str(pod["metadata"]["name"])
            if (data := store.read(place.ended)) is not None:
                raise _not_held(msgspec.json.decode(data, type=EndedDocument))
            pods, _ = cluster.list("pods", f"{JOB_NAME}={job}")
            for pod in pods:
                _tell_trouble(pod, tell)
        except (StoreFault, ClusterFault) as fault:
            if not fault.again:
                raise
            tell(f"{fault.message}; it is tried again")
        wait(LOOK_EVERY)


def _not_held(ended: EndedDocument) -> Exception:
    if ended.failure is None:
        return UsageError("the step succeeded this time: there is nothing to look into")
    if ended.failure.kind == "error":
        return EnvironmentFault("the kernel was not kept", hint="build the step image with the nb2flow that runs here")
    return EnvironmentFault(
        f"the step ended without a kernel to keep: {ended.failure.message}", hint=ended.failure.hint
    )


def _tell_trouble(pod: words.Value, tell: Say) -> None:
    if words.is_over(pod) and not words.said_the_end(pod):
        raise EnvironmentFault(f"the pod was lost ({words.lost(pod)})", hint="try again")
    final = words.final(pod, "")
    if final is not None:
        raise EnvironmentFault(final.message, hint=final.hint)
    found = words.trouble(pod)
    if found is not None:
        tell(f"{found.text} (hint: {found.hint})" if found.hint else found.text)


def _is_there(cluster: Cluster, job: str) -> bool:
    try:
        pods, _ = cluster.list("pods", f"{JOB_NAME}={job}")
    except ClusterFault as fault:
        return fault.again
    return any(not words.is_over(pod) for pod in pods)


@contextmanager
def _file(connection: dict[str, Any], ports: Forwarding, job: str) -> Iterator[Path]:
    """The connection file where Jupyter's programs look for it, readable for its owner alone."""
    from jupyter_core.paths import jupyter_runtime_dir

    path = Path(jupyter_runtime_dir()) / f"kernel-{job}.json"
    value = connection | {name: ports.local[connection[name]] for name in _PORTS} | {"ip": "127.0.0.1"}
    with disk_faults(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
