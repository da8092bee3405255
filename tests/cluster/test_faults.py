"""What goes wrong in a cluster: nothing is lost, nothing runs twice, and each is told in words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster.conftest import Gate, gpus, needed, restart_api_server, wait
from engine.pipelines import S, compiled, request
from executors import s3
from executors.contract import Begun, Laid, World

from nb2flow import engine
from nb2flow.executors.base import Noted
from nb2flow.executors.kubernetes.backend import KubernetesBackend
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.notebook.model import StepOptions
from nb2flow.pods.spec import RUN, STEP
from nb2flow.profiles import Profile
from nb2flow.runs.folders import Home
from nb2flow.runs.store import RunStore


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[[Profile], World]]:
    made: list[KubernetesBackend] = []

    def make(profile: Profile) -> World:
        made.append(KubernetesBackend(profile, {}))
        place = tmp_path / f"world-{len(made)}"
        place.mkdir()
        return World(made[-1], place)

    yield make
    for backend in made:
        backend.close()


def notes(begun: Begun) -> str:
    return "\n".join(report.text for report in begun.reports if isinstance(report, Noted))


def pods(cluster: Cluster, begun: Begun) -> list[Any]:
    return cluster.list("pods", f"{RUN}={begun.task.run_id},{STEP}={begun.task.step}")[0]


def jobs(cluster: Cluster, begun: Begun) -> list[Any]:
    return cluster.list("jobs", f"{RUN}={begun.task.run_id},{STEP}={begun.task.step}")[0]


def test_a_pod_that_is_deleted_is_replaced(worlds: Any, cluster: Cluster, own_store: Profile, gate: Gate) -> None:
    laid = Laid(worlds(own_store), S("slow", ["print('began', flush=True)", gate.code, "x = 1"], outputs=("x",)))
    begun = laid.start("slow")
    assert begun.began.wait(120)
    (pod,) = pods(cluster, begun)
    cluster.delete("pods", pod["metadata"]["name"], grace=1)
    wait(lambda: f"pod {pod['metadata']['name']} was lost" in notes(begun), "the loss is told")
    gate.open()
    assert begun.end().failure is None
    assert len(jobs(cluster, begun)) == 1


def test_memory_that_runs_out_is_told_with_the_limit(worlds: Any, own_store: Profile) -> None:
    step = S("big", ["x = bytearray(900_000_000)"], options=StepOptions(memory="400Mi"))
    failure = Laid(worlds(own_store), step).start("big").end().failure
    assert failure is not None
    assert failure.kind == "kernel-died"
    assert failure.message.startswith("out of memory")
    assert "400" in failure.message
    assert "memory:" in failure.hint


def test_an_image_that_does_not_exist_is_told(worlds: Any, own_store: Profile) -> None:
    profile = replace(own_store, image="registry.local/nothing:1", pull_policy="Never")
    begun = Laid(worlds(profile), S("a", ["1"])).start("a")
    failure = begun.end().failure
    assert failure is not None
    assert "cannot pull the image registry.local/nothing:1" in failure.message


def test_an_image_without_nb2flow_is_told(worlds: Any, own_store: Profile) -> None:
    profile = replace(own_store, command=("no-such-command",))
    failure = Laid(worlds(profile), S("a", ["1"])).start("a").end().failure
    assert failure is not None
    assert "cannot run a step" in failure.message
    assert "nb2flow must be installed in the image" in failure.hint


def test_a_secret_that_does_not_exist_is_told_while_the_step_waits(worlds: Any, own_store: Profile) -> None:
    step = S("a", ["1"], options=StepOptions(secrets=("NOWHERE",)))
    begun = Laid(worlds(own_store), step).start("a")
    wait(lambda: "NOWHERE" in notes(begun), "the missing key is told")
    begun.attempt.cancel()
    begun.end()


def test_a_secret_reaches_the_step_and_no_manifest(worlds: Any, cluster: Cluster, own_store: Profile) -> None:
    step = S("a", ["import os\nlen(os.environ['TOKEN'])"], options=StepOptions(secrets=("TOKEN",)))
    laid = Laid(worlds(own_store), step)
    begun = laid.start("a")
    assert begun.end().failure is None
    assert laid.text("a", "a-c0") == "11"
    assert "very-secret" not in json.dumps(jobs(cluster, begun) + pods(cluster, begun))


@pytest.mark.parametrize("what", ["pods", "count/jobs.batch"])
def test_a_full_quota_is_told_and_the_step_runs_when_there_is_room(
    worlds: Any, cluster: Cluster, own_store: Profile, what: str
) -> None:
    path = f"api/v1/namespaces/{cluster.namespace}/resourcequotas"
    cluster.request("POST", path, {}, {"metadata": {"name": "none"}, "spec": {"hard": {what: "0"}}})
    try:
        wait(lambda: cluster.request("GET", f"{path}/none")["status"].get("hard"), "the quota counts")
        begun = Laid(worlds(own_store), S("a", ["1"])).start("a")
        wait(lambda: "quota is used up" in notes(begun), "the quota is told")
    finally:
        cluster.request("DELETE", f"{path}/none")
    assert begun.end().failure is None


@pytest.mark.own_cluster
def test_a_gpu_that_nobody_has_is_told_and_the_step_runs_when_there_is_one(
    worlds: Any, cluster: Cluster, own_store: Profile, inside: Any
) -> None:
    begun = Laid(worlds(own_store), S("a", ["1"], options=StepOptions(gpu=1))).start("a")
    wait(lambda: "Insufficient nvidia.com/gpu" in notes(begun), "the missing GPU is told")
    with gpus(inside, 1):
        assert begun.end().failure is None
    assert "GPU" in notes(begun)


def test_who_comes_back_adopts_what_was_begun(worlds: Any, cluster: Cluster, own_store: Profile, gate: Gate) -> None:
    world = worlds(own_store)
    laid = Laid(world, S("slow", [gate.code, "x = 1"], outputs=("x",)))
    first = laid.start("slow")
    assert first.began.wait(120)
    world.backend.close()
    assert not first.over.is_set()
    laid.world = worlds(own_store)
    second = laid.start("slow", attempt=2)
    wait(lambda: "which was begun before" in notes(second), "it is adopted")
    gate.open()
    assert second.end().failure is None
    assert len(jobs(cluster, second)) == 1
    third = laid.start("slow", attempt=3)  # its result was taken over: this is asked for anew
    assert third.end().failure is None
    assert len(jobs(cluster, third)) == 2


def test_a_job_that_is_deleted_is_made_again(worlds: Any, cluster: Cluster, own_store: Profile, gate: Gate) -> None:
    laid = Laid(worlds(own_store), S("slow", [gate.code]))
    begun = laid.start("slow")
    assert begun.began.wait(120)
    (job,) = jobs(cluster, begun)
    cluster.delete("jobs", job["metadata"]["name"], grace=0)
    wait(lambda: "deleted by somebody" in notes(begun), "the deletion is told")
    gate.open()
    assert begun.end().failure is None


@pytest.mark.own_cluster
def test_an_api_server_that_is_restarted_is_waited_for(worlds: Any, own_store: Profile, inside: Any) -> None:
    laid = Laid(worlds(own_store), S("slow", ["import time\ntime.sleep(6)"]), S("next", ["1"], after=("slow",)))
    begun = laid.start("slow")
    assert begun.began.wait(120)
    restart_api_server(inside)
    assert begun.end().failure is None
    assert laid.start("next").end().failure is None


def test_a_store_that_is_slow_and_says_503_loses_nothing_and_no_step_runs_twice(
    cluster: Cluster, own_store: Profile, endpoint: str, tmp_path: Path
) -> None:
    unruly = s3.Unruly(endpoint, every=4, delay=0.1, host=needed("NB2FLOW_TEST_HOST"))
    backend = KubernetesBackend(
        replace(own_store, store_endpoint=unruly.endpoint), {}, {**os.environ, **s3.environ(unruly.endpoint)}
    )
    asked = request(
        tmp_path,
        compiled(
            S("load", ["x = bytes(300_000)"], outputs=("x",)),
            S("left", ["y = len(x)"], {"load": ("x",)}, outputs=("y",)),
            S("right", ["z = len(x) + 1"], {"load": ("x",)}, outputs=("z",)),
            S("join", ["print(y, z)"], {"left": ("y",), "right": ("z",)}),
        ),
    )
    try:
        with RunStore(asked.home) as kept:
            state = engine.drive(asked, backend, kept)
    finally:
        unruly.close()
    assert state.status == "succeeded", state
    assert unruly.refused > 20
    began = [pod["metadata"]["labels"][STEP] for pod in cluster.list("pods", f"{RUN}={asked.run_id}")[0]]
    assert sorted(began) == ["join", "left", "load", "right"]
    executed = json.loads(Home(asked.home).run(asked.run_id).executed("join").read_bytes())
    assert "300000 300001" in json.dumps(executed)
