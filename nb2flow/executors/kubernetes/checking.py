"""Looks at what a run needs of a cluster, one answer for each thing: what was found, what to do where it will not do.

The last look is a real one: a Job with the profile's image that uses the store as a step would.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.kubernetes import manifests, words
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault, rights_hint
from nb2flow.executors.pods.store import Store
from nb2flow.pods.contract import PodExit
from nb2flow.pods.spec import Wish
from nb2flow.profiles import Profile

PATIENCE = 120.0  # seconds for the Job that looks from inside
_GPU = "gpu"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was looked at, whether it will do (None: could not be told, which need not be bad), what was found."""

    what: str
    ok: bool | None
    found: str
    hint: str = ""


def examine(profile: Profile, store: Store | None, *, inside: bool = True) -> Iterator[Answer]:
    """Everything, in the order in which a run would stumble over it. `inside`: start a Job that looks from there."""
    try:
        cluster = Cluster(profile.context, profile.namespace)
        version = cluster.request("GET", "version").get("gitVersion", "unknown")
    except EnvironmentFault as fault:
        yield Answer("cluster", False, fault.message, fault.hint)
        return
    yield Answer("cluster", True, f"Kubernetes {version} at {cluster.server}")
    there = _namespace(cluster)
    yield there
    if there.ok is False:
        return
    allowed = list(_rights(cluster, manifests.VERBS))
    yield from allowed
    quota = _quota(cluster)
    yield quota
    yield from _nodes(cluster)
    yield from _extensions(cluster, profile)
    reached = _store(profile, store)
    yield reached
    if inside and reached.ok and quota.ok is not False and all(answer.ok for answer in allowed):
        yield _inside(cluster, profile)


def _namespace(cluster: Cluster) -> Answer:
    name = cluster.namespace
    try:
        cluster.request("GET", f"api/v1/namespaces/{name}")
    except ClusterFault as fault:
        if fault.status == 404:
            hint = f"`kubectl create namespace {name}`, or correct `namespace` in the profile"
            return Answer("namespace", False, f"{name} does not exist", hint)
        if fault.status == 403:
            return Answer("namespace", None, f"{name} (you have no right to see whether it exists)")
        return Answer("namespace", False, fault.message, fault.hint)
    return Answer("namespace", True, name)


def _rights(cluster: Cluster, wanted: Mapping[tuple[str, str], tuple[str, ...]], extra: str = "") -> Iterator[Answer]:
    for (group, resource), verbs in wanted.items():
        missing = [verb for verb in verbs if not _may(cluster, group, resource, verb)]
        yield Answer(
            f"rights on {resource}",
            not missing,
            f"missing: {', '.join(missing)}" if missing else ", ".join(verbs),
            rights_hint(extra) if missing else "",
        )


def _may(cluster: Cluster, group: str, resource: str, verb: str) -> bool:
    attributes = {"namespace": cluster.namespace, "group": group, "resource": resource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = cluster.request("POST", "apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, review)
    except ClusterFault:
        return False
    return bool(answer.get("status", {}).get("allowed"))


def _quota(cluster: Cluster) -> Answer:
    try:
        items = cluster.request("GET", f"api/v1/namespaces/{cluster.namespace}/resourcequotas").get("items") or []
    except ClusterFault:
        return Answer("quota", None, "you have no right to see it")
    if not items:
        return Answer("quota", True, "none")
    told, full = [], []
    for item in items:
        status = item.get("status", {})
        for name, most in (status.get("hard") or {}).items():
            used = str((status.get("used") or {}).get(name, "0"))
            told.append(f"{name} {used} of {most}")
            if used == str(most):
                full.append(name)
    hint = f"{', '.join(full)}: used up; steps wait until there is room, or ask for more" if full else ""
    return Answer("quota", not full, ", ".join(told), hint)


def _nodes(cluster: Cluster) -> Iterator[Answer]:
    try:
        nodes = cluster.request("GET", "api/v1/nodes").get("items") or []
    except ClusterFault:
        yield Answer("nodes", None, "you have no right to see them")
        return
    ready = [node for node in nodes if _is_ready(node)]
    hint = "" if ready else "no node can run anything now"
    yield Answer("nodes", bool(ready), f"{len(ready)} of {len(nodes)} ready", hint)
    gpus = []
    for node in ready:
        allocatable = node.get("status", {}).get("allocatable") or {}
        has = [f"{n} × {r}" for r, n in allocatable.items() if (_GPU in r or "mig-" in r) and str(n) != "0"]
        gpus += [f"{node['metadata']['name']}: {', '.join(has)}"] if has else []
    yield Answer("GPUs", None if not gpus else True, "; ".join(gpus) or "none: steps that ask for one would wait")


def _is_ready(node: words.Value) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not node.get("spec", {}).get("unschedulable")


def _extensions(cluster: Cluster, profile: Profile) -> Iterator[Answer]:
    argo = _has(cluster, "apis/argoproj.io/v1alpha1")
    hint = "install Argo Workflows for `--engine argo` and what `convert --to argo` writes; "
    hint += "`--engine kubernetes` needs nothing of it"
    yield Answer(
        "Argo Workflows",
        True if argo else None,
        "its resources are there" if argo else "not installed",
        "" if argo else hint,
    )
    if argo:
        for answer in _rights(cluster, manifests.ARGO_VERBS, "argo"):
            yield replace(answer, ok=answer.ok or None)
    if profile.queue:
        path = f"apis/kueue.x-k8s.io/v1beta1/namespaces/{cluster.namespace}/localqueues/{profile.queue}"
        there = _has(cluster, path)
        hint = "install Kueue and make the LocalQueue, or take `queue` out of the profile"
        yield Answer(
            f"queue {profile.queue}", there, "there" if there else "not in this namespace", "" if there else hint
        )


def _has(cluster: Cluster, path: str) -> bool:
    try:
        cluster.request("GET", path)
    except ClusterFault:
        return False
    return True


def _store(profile: Profile, store: Store | None) -> Answer:
    if store is None:
        return Answer("store from here", False, "the profile names none", 'store = "s3://bucket/prefix"')
    try:
        store.examine()
    except EnvironmentFault as fault:
        return Answer("store from here", False, fault.message, fault.hint)
    return Answer("store from here", True, f"{store.url} can be written and read")


def _inside(cluster: Cluster, profile: Profile) -> Answer:
    """Run the image in a pod like a step's, and have it use the store."""
    what = "image and store, in a pod"
    if not profile.image:
        return Answer(what, False, "the profile names no image", 'image = "registry/name:tag"')
    name = f"nb2flow-check-{secrets.token_hex(4)}"
    made = manifests.job(profile, Wish("check", "check", ""), name, "0" * 32)
    made["metadata"] |= {"labels": {"app.kubernetes.io/name": "nb2flow-check"}, "annotations": {}}
    made["spec"] |= {"backoffLimit": 0, "ttlSecondsAfterFinished": 60}
    template = made["spec"]["template"]
    template["metadata"] = {"labels": {"app.kubernetes.io/name": "nb2flow-check"}}
    template["spec"]["containers"][0]["args"] = ["--store", profile.store, "--check"]
    try:
        cluster.create("jobs", made)
        return _wait(cluster, profile, name, what)
    except EnvironmentFault as fault:
        return Answer(what, False, fault.message, fault.hint)
    finally:
        cluster.delete("jobs", name, grace=0)


def _wait(cluster: Cluster, profile: Profile, name: str, what: str) -> Answer:
    deadline = time.monotonic() + PATIENCE
    last = words.Trouble("its pod was not begun in time")
    while time.monotonic() < deadline:
        pods, _ = cluster.list("pods", f"batch.kubernetes.io/job-name={name}")
        events: list[Any] = [] if pods else cluster.list("events", fields=f"involvedObject.name={name}")[0]
        found = words.trouble(pods[-1]) if pods else words.missing_pod([str(e.get("message", "")) for e in events])
        if pods and words.is_over(pods[-1]):
            return _ended(pods[-1], profile, what)
        last = found or last
        if found is not None and found.patience is not None:
            break
        time.sleep(0.5)
    return Answer(what, False, last.text, last.hint)


def _ended(pod: words.Value, profile: Profile, what: str) -> Answer:
    code = words.exit_code(pod)
    final = words.final(pod, profile.memory)
    said = words.last_words(pod)
    if code == PodExit.SUCCEEDED:
        return Answer(what, True, said or "both can be used")
    if final is not None:
        return Answer(what, False, final.message, final.hint)
    return Answer(
        what, False, said or words.lost(pod), "the pod sees the store with `store_secret`, not with what you have"
    )
