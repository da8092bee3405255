"""What a step costs in a cluster beside a bare Job of an empty container, how fast steps are submitted, a wide run.

`python benchmarks/cluster/overhead.py [--turns 7] [--wide 100] [--only NAME ...]`, with the variables that the tests of
the cluster take (`tests/cluster/README.md`). Makes a namespace of its own and removes it.

A turn runs one after the other: a bare Job whose container ends at once, a Job that runs the step's notebook with
papermill and nothing of ours, and a step of ours. The notebook's own time is what the second takes longer than the
first. All three have the same image, resources and security settings; each is timed from here, from its order until
its end is known. `--only argo` does the same with Workflows of `--chain` steps in a row, where a controller of Argo is;
what is told is the time of one step of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from engine.pipelines import S, compiled, request  # noqa: E402
from executors import s3  # noqa: E402

from nb2flow import engine  # noqa: E402
from nb2flow.executors.argo.backend import ArgoBackend  # noqa: E402
from nb2flow.executors.kubernetes import words  # noqa: E402
from nb2flow.executors.kubernetes.backend import KubernetesBackend  # noqa: E402
from nb2flow.executors.kubernetes.cluster import Cluster  # noqa: E402
from nb2flow.exports import argo  # noqa: E402
from nb2flow.pods.spec import Wish, pod_template  # noqa: E402
from nb2flow.profiles import Profile  # noqa: E402
from nb2flow.runs.events import StepStarted, StepSucceeded  # noqa: E402
from nb2flow.runs.store import RunStore  # noqa: E402

NAMESPACE = "nb2flow-benchmark"
CELLS = ["x = 1", "y = x + 1", "print(y)"]
PAPERMILL = """
import json, os, papermill
cells = [{"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
         for i, text in enumerate(%r)]
spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
os.chdir("/scratch")
with open("in.ipynb", "w") as file:
    json.dump({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}, file)
papermill.execute_notebook("in.ipynb", "out.ipynb", progress_bar=False)
"""


@contextmanager
def place() -> Iterator[tuple[Cluster, Profile]]:
    """A namespace with a store that pods can reach."""
    host = os.environ["NB2FLOW_TEST_HOST"]
    cluster = Cluster(namespace=NAMESPACE)
    path = f"api/v1/namespaces/{NAMESPACE}"
    with tempfile.TemporaryDirectory() as folder, s3.serving(Path(folder), host) as endpoint:
        Path(folder, "bucket").mkdir()
        os.environ.update(s3.environ(endpoint))
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        cluster.request("POST", "api/v1/namespaces", {}, {"metadata": {"name": NAMESPACE, "labels": labels}})
        try:
            keys = {"AWS_ACCESS_KEY_ID": s3.KEY, "AWS_SECRET_ACCESS_KEY": s3.SECRET, "AWS_REGION": "us-east-1"}
            secret = {"metadata": {"name": "store"}, "stringData": keys}
            cluster.request("POST", f"{path}/secrets", {}, secret)
            yield (
                cluster,
                Profile(
                    "benchmark",
                    image=os.environ["NB2FLOW_TEST_IMAGE"],
                    store="s3://bucket/nb2flow",
                    namespace=NAMESPACE,
                    store_secret="store",
                    store_endpoint=endpoint,
                    pull_policy="IfNotPresent",
                    cpu="1",
                    memory="700Mi",
                ),
            )
        finally:
            cluster.request("DELETE", path)


def pod(profile: Profile, command: list[str]) -> dict[str, Any]:
    """The pod of a step, with another command and no way to the store."""
    template = pod_template(profile, Wish("bare", "bare", ""))
    (container,) = template["spec"]["containers"]
    container |= {"command": command, "args": []}
    container.pop("envFrom", None)
    return template


def bare(cluster: Cluster, profile: Profile, name: str, command: list[str]) -> float:
    """Seconds from the order of a Job of this command until the cluster says that it is complete."""
    template = pod(profile, command)
    labels = {"benchmark": name}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {"backoffLimit": 0, "template": {**template, "metadata": {"labels": labels}}},
    }
    return until_done(cluster, "jobs", job, words.job_state)


def bare_workflow(cluster: Cluster, profile: Profile, name: str, command: list[str], chain: int) -> float:
    """Seconds from the order of a Workflow that runs this command so often, one after the other, until Argo says that
    it has succeeded."""
    spec = pod(profile, command)["spec"]
    container = {key: value for key, value in spec["containers"][0].items() if key != "name"}
    ours = argo.workflow(compiled(S("a", CELLS)).plan, profile, "")["spec"]
    kept = ("podSpecPatch", "securityContext", "automountServiceAccountToken", "executor")
    tasks = [{"name": f"s{i}", "template": "it"} | ({"dependencies": [f"s{i - 1}"]} if i else {}) for i in range(chain)]
    templates = [
        {"name": "all", "dag": {"tasks": tasks}},
        {"name": "it", "container": container, "volumes": spec["volumes"]},
    ]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "labels": {"benchmark": name}},
        "spec": {key: ours[key] for key in kept} | {"entrypoint": "all", "templates": templates},
    }
    return until_done(cluster, "workflows", workflow, lambda w: w.get("status", {}).get("phase", "").lower())


def until_done(cluster: Cluster, kind: str, manifest: dict[str, Any], state: Callable[[Any], str]) -> float:
    """Seconds from the order until it has succeeded."""
    name = manifest["metadata"]["name"]
    began = time.perf_counter()
    version = str(cluster.create(kind, manifest)["metadata"]["resourceVersion"])
    while True:
        for change in cluster.watch(kind, f"benchmark={name}", version):
            version = str(change["object"]["metadata"]["resourceVersion"])
            found = state(change["object"]) if change["type"] != "BOOKMARK" else ""
            if found in ("failed", "error"):
                raise SystemExit(f"{name} failed")
            if found == "succeeded":
                return time.perf_counter() - began


class Driven:
    """A run of these steps by the engine, with what happened when."""

    def __init__(self, backend: KubernetesBackend | ArgoBackend, *steps: S, jobs: int = 100) -> None:
        self.created: list[float] = []
        self.steps: dict[str, list[float]] = {}
        create = backend.cluster.create

        def noted(kind: str, manifest: Mapping[str, Any]) -> Any:
            made = create(kind, manifest)
            self.created.append(time.perf_counter())
            return made

        backend.cluster.create = noted  # type: ignore[method-assign]
        with tempfile.TemporaryDirectory() as folder:
            asked = request(Path(folder), compiled(*steps), jobs=jobs, use_cache=False)
            self.began = time.perf_counter()
            with RunStore(asked.home) as kept:
                self.state = engine.drive(asked, backend, kept, on_event=self._hear)
        self.seconds = time.perf_counter() - self.began
        if self.state.status != "succeeded":
            raise SystemExit(f"a run {self.state.status}: {self.state}")

    def _hear(self, event: Any) -> None:
        if isinstance(event, StepStarted | StepSucceeded):
            self.steps.setdefault(event.step, []).append(event.at)


def per_step(cluster: Cluster, profile: Profile, options: argparse.Namespace) -> None:
    """The overhead of one step, as a Job."""

    def ours() -> float:
        load, step = S("a", CELLS[:1], outputs=("x",)), S("b", CELLS, {"a": ("x",)}, outputs=("y",))
        first, last = Driven(KubernetesBackend(profile, {}), load, step).steps["b"]
        return last - first

    in_turns("Job", lambda name, command: bare(cluster, profile, name, command), ours, options.turns)


def by_argo(cluster: Cluster, profile: Profile, options: argparse.Namespace) -> None:
    """The overhead of a step that Argo runs, from the engine's order on: staging, Workflow, pods, results."""
    chain = options.chain
    steps = []
    for i in range(chain):
        loads = {f"s{i - 1}": (f"y{i - 1}",)} if i else {}
        steps.append(S(f"s{i}", [*CELLS, f"y{i} = y"], loads, outputs=(f"y{i}",)))

    def bare_step(name: str, command: list[str]) -> float:
        return bare_workflow(cluster, profile, name, command, chain) / chain

    def ours() -> float:
        told = Driven(argo_backend(profile), *steps).steps
        return (told[steps[-1].name][-1] - told["s0"][0]) / chain

    in_turns(f"step of {chain} in a Workflow", bare_step, ours, options.turns)


def argo_backend(profile: Profile) -> ArgoBackend:
    return ArgoBackend(profile, {}, lambda plan, p, tasks, run: argo.workflow(plan, p, tasks, run=run))


def with_argo(cluster: Cluster, profile: Profile) -> Profile:
    """The profile, in a namespace that has a controller of Argo, and a token for its containers."""
    subprocess.run([os.environ["NB2FLOW_TEST_ARGO"], NAMESPACE], check=True, stdout=subprocess.DEVNULL)
    metadata = {
        "name": "workflow.service-account-token",
        "annotations": {"kubernetes.io/service-account.name": "workflow"},
    }
    token = {"metadata": metadata, "type": "kubernetes.io/service-account-token"}
    cluster.request("POST", f"api/v1/namespaces/{NAMESPACE}/secrets", {}, token)
    return replace(profile, argo_executor="workflow")


def in_turns(kind: str, run: Callable[[str, list[str]], float], ours: Callable[[], float], turns: int) -> None:
    """Run bare, with papermill alone, and ours, one after the other; print what each takes."""
    found: dict[str, list[float]] = {"bare": [], "papermill": [], "ours": []}
    for turn in range(turns + 1):
        seconds = {
            "bare": run(f"bare-{turn}", ["/bin/true"]),
            "papermill": run(f"papermill-{turn}", ["python3", "-c", PAPERMILL % CELLS]),
            "ours": ours(),
        }
        if turn:  # the first warms the node's caches
            for name, taken in seconds.items():
                found[name].append(taken)
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    each = zip(found["ours"], found["papermill"], found["bare"], strict=True)
    ratios = [(ours - (paper - empty)) / empty for ours, paper, empty in each]
    print(f"{f'a bare {kind}, an empty container':60}{medians['bare']:6.2f} s")
    print(f"{f'a {kind} that runs the notebook (papermill)':60}{medians['papermill']:6.2f} s")
    print(f"{'a step of ours':60}{medians['ours']:6.2f} s")
    print(f"without the notebook's own time, beside the bare {kind}: {statistics.median(ratios):.2f}x (goal: 1.25x)")
    print(json.dumps({name: [round(s, 2) for s in seconds] for name, seconds in found.items()}))


def fan(count: int) -> list[S]:
    """So many steps between one that all load from and one that loads from all."""
    many = [S(f"step-{i:03d}", [f"y{i} = x + {i}"], {"first": ("x",)}, outputs=(f"y{i}",)) for i in range(count)]
    loads = {step.name: step.outputs for step in many}
    last = S("last", [f"print(sum([{', '.join(n for (n,) in loads.values())}]))"], loads)
    return [S("first", ["x = 1"], outputs=("x",)), *many, last]


def wide(cluster: Cluster, profile: Profile, options: argparse.Namespace) -> None:
    """Many steps at once between one that they load from and one that loads from all."""
    small = KubernetesBackend(replace(profile, cpu="200m", memory="300Mi"), {})
    run = Driven(small, *fan(options.wide), jobs=options.wide)
    submitted = run.created[options.wide] - run.created[1]
    from_start = run.created[options.wide] + (time.time() - time.perf_counter()) - run.steps["step-000"][0]
    print(f"{options.wide} steps as Jobs, one before and one after: all of it {run.seconds:.0f} s")
    print(f"{options.wide} steps submitted in {from_start:.2f} s (goal: 2 s); first to last Job {submitted:.2f} s")


def wide_by_argo(cluster: Cluster, profile: Profile, options: argparse.Namespace) -> None:
    """The same as one Workflow."""
    backend = argo_backend(replace(profile, cpu="200m", memory="300Mi"))
    run = Driven(backend, *fan(options.wide), jobs=options.wide)
    from_start = run.created[0] + (time.time() - time.perf_counter()) - run.steps["first"][0]
    print(f"{options.wide} steps by Argo, one before and one after: all of it {run.seconds:.0f} s")
    print(f"{options.wide + 2} steps submitted in {from_start:.2f} s (goal: 2 s)")


def submission(backend: KubernetesBackend | ArgoBackend, count: int, objects: int) -> float:
    """Seconds from the first step's start until so many objects are there for `count` steps, which no node takes."""
    created: list[float] = []
    started: list[float] = []
    create = backend.cluster.create

    def noted(kind: str, manifest: Mapping[str, Any]) -> Any:
        made = create(kind, manifest)
        created.append(time.time())
        return made

    def hear(event: Any) -> None:
        if isinstance(event, StepStarted):
            started.append(event.at)

    def go(folder: str) -> None:
        steps = [S(f"s{i:03d}", [f"x = {i}"]) for i in range(count)]
        asked = request(Path(folder), compiled(*steps), jobs=count, use_cache=False)
        with RunStore(asked.home) as kept:
            engine.drive(asked, backend, kept, on_event=hear)

    backend.cluster.create = noted  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        threading.Thread(target=go, args=(folder,), daemon=True).start()  # it waits for nodes until we leave
        while len(created) < objects or not started:
            time.sleep(0.01)
        backend.close()
    return created[-1] - min(started)


def submit(cluster: Cluster, profile: Profile, options: argparse.Namespace) -> None:
    """How fast many steps are submitted, as Jobs and, where a controller of Argo was asked for, as a Workflow."""
    for turn in range(options.turns):
        nowhere = replace(profile, node={"nb2flow.dev/no": "such-node"}, store=f"{profile.store}/submit-{turn}")
        told = [f"as Jobs {submission(KubernetesBackend(nowhere, {}), options.wide, options.wide):.2f} s"]
        if profile.argo_executor:
            told.append(f"as a Workflow {submission(argo_backend(nowhere), options.wide, 1):.2f} s")
        print(f"{options.wide} steps submitted {', '.join(told)} (goal: 2 s)", flush=True)


MEASURED: dict[str, Callable[[Cluster, Profile, argparse.Namespace], None]] = {
    "per-step": per_step,
    "argo": by_argo,
    "submit": submit,
    "wide": wide,
    "wide-argo": wide_by_argo,
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--wide", type=int, default=100)
    parser.add_argument("--chain", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(MEASURED), default=["per-step", "wide"])
    options = parser.parse_args()
    with place() as (cluster, profile):
        if any("argo" in name for name in options.only):
            profile = with_argo(cluster, profile)
        for name in options.only:
            MEASURED[name](cluster, profile, options)


if __name__ == "__main__":
    main()
