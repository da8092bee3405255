"""How a Workflow is followed and stopped when the API server refuses, or Argo tells less than usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.pipelines import S
from executors.api_server import ApiServer
from executors.contract import Begun, Laid, World
from executors.test_jobs import notes, wait

from nb2flow.engine.request import ancestors
from nb2flow.errors import EnvironmentFault
from nb2flow.executors.argo import sight
from nb2flow.executors.argo.backend import ArgoBackend
from nb2flow.executors.pods.store import StoreFault
from nb2flow.pods.contract import EndedDocument, Progress, TaskFolder, encode
from nb2flow.pods.spec import OneRun
from nb2flow.profiles import Profile
from nb2flow.runs.events import Failure


@pytest.fixture
def world(tmp_path: Path, server: ApiServer) -> Iterator[World]:
    (tmp_path / "store").mkdir()
    profile = Profile("test", image="i", store=str(tmp_path / "store"))

    made: list[OneRun] = []

    def make(plan: Any, profile: Profile, place: str, run: OneRun) -> dict[str, Any]:
        made.append(run)
        return workflow(run.name, *run.steps)

    backend = ArgoBackend(profile, {}, make)
    world = World(backend, tmp_path)
    world.made = made  # type: ignore[attr-defined]
    yield world
    backend.close()


def workflow(name: str, *steps: str, **status: Any) -> dict[str, Any]:
    tasks = [
        {"name": step, "template": "one", "arguments": {"parameters": [{"name": "step", "value": step}]}}
        for step in steps or "a"
    ]
    dag = {"name": "all", "dag": {"tasks": tasks}}
    return {"metadata": {"name": name}, "spec": {"templates": [dag]}, "status": status}


def begin(world: World, server: ApiServer, **status: Any) -> tuple[Begun, str]:
    """Step a of a Workflow that stands like this."""
    laid, folder = followed(world, server, **status)
    return laid.start("a"), folder


def followed(world: World, server: ApiServer, **status: Any) -> tuple[Laid, str]:
    laid = Laid(world, S("a", ["x = 1"]))
    name = f"nb2flow-{laid.request.run_id}-1"
    if nodes := status.get("nodes"):  # the cluster's own names hold that of the Workflow
        status["nodes"] = {
            f"{name}-{number}": {**node, "children": [f"{name}-{n}" for n in node.get("children", ())]}
            for number, node in nodes.items()
        }
    server.put("workflows", workflow(name, **status))
    assert world.backend.pilot is not None
    world.backend.pilot.adopt(laid.request.run_id)
    return laid, f"runs/{laid.request.run_id}/{name}"


FAILED = EndedDocument(pod="a-pod", failure=Failure(kind="error", message="1 / 0"), seconds=1.5)


def say(world: World, folder: str, ended: EndedDocument, *told: str) -> None:
    """What the pod of step a leaves in the store."""
    store, place = world.backend._store, TaskFolder(f"{folder}/a")  # type: ignore[attr-defined]
    store.write(place.ended, encode(ended))
    if told:
        store.write(place.progress, encode(Progress(pod=ended.pod, notes=told, ticks=len(told))))


def test_a_success_counts_before_argo_sees_it(world: World, server: ApiServer) -> None:
    begun, folder = begin(world, server, phase="Running", nodes={"n": NODE, "p": TRY})
    say(world, folder, EndedDocument(pod="a-pod"))
    assert begun.end().failure is None


def test_a_failure_counts_when_argo_has_seen_it(world: World, server: ApiServer) -> None:
    """The pod may be lost after its word; then another one takes its place, and this one's word is gone."""
    begun, folder = begin(world, server, phase="Running", nodes={"n": NODE, "p": TRY})
    say(world, folder, FAILED, "seen")
    wait(lambda: "seen" in notes(begun), "its word is looked at")
    say(world, folder, EndedDocument(pod="another"))
    assert begun.end().failure is None


def test_who_may_not_create_workflows_hears_it_before_anything_begins(world: World, server: ApiServer) -> None:
    server.refuse = lambda method, path: 403 if method == "POST" else 0
    with pytest.raises(EnvironmentFault, match="no right to create") as refused:
        world.backend.prepare()
    assert "cluster manifests --argo" in refused.value.hint
    assert server.names("workflows") == []


def test_a_node_that_falls_silent_is_told(world: World, server: ApiServer) -> None:
    laid, folder = followed(world, server, phase="Running", nodes={"17": {**NODE, "children": ["18"]}, "18": TRY})
    containers = [{"name": name, "ready": True} for name in ("main", "wait")]
    status = {"phase": "Running", "containerStatuses": containers, "conditions": [{"type": "Ready", "status": "False"}]}
    name = folder.rpartition("/")[2] + "-one-18"
    server.put("pods", {"metadata": {"name": name}, "spec": {"nodeName": "node7"}, "status": status})
    begun = laid.start("a")
    wait(lambda: notes(begun), "it is told")
    assert "node node7 does not answer the cluster" in notes(begun)[0]


def test_a_pod_whose_containers_do_not_begin_is_told(
    world: World, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "_USUAL", 0.0)
    said = 'MountVolume.SetUp failed for volume "exec-sa-token" : secret "a.service-account-token" not found'
    server.put("events", {"metadata": {"name": "e"}, "message": said})
    pending = {**TRY, "phase": "Pending", "message": "PodInitializing"}
    begun, _ = begin(world, server, phase="Running", nodes={"n": NODE, "p": pending})
    wait(lambda: notes(begun), "it is told")
    assert "there is no Secret a.service-account-token in the namespace" in notes(begun)[0]
    assert "service-account.name: a" in notes(begun)[0]


def test_who_may_not_look_at_pods_is_told_the_rest(world: World, server: ApiServer) -> None:
    server.refuse = lambda method, path: 403 if path.endswith("/pods") else 0
    begun, folder = begin(world, server, phase="Running", nodes={"n": NODE, "p": TRY})
    wait(lambda: [path for _, path in server.requests if path.endswith("/pods")], "pods are asked for")
    lost = {"n": {**NODE, "phase": "Error"}, "p": {**TRY, "phase": "Error"}}
    server.put("workflows", workflow(folder.rpartition("/")[2], phase="Failed", nodes=lost))
    failure = begun.end().failure
    assert failure is not None
    assert "the cluster lost its pod" in failure.message


def test_a_part_of_a_large_graph_that_argo_leaves_out_becomes_another_workflow(world: World, server: ApiServer) -> None:
    """c, in a later part, needs only b; Argo leaves the part out, since a failed in an earlier one."""
    laid = Laid(
        world,
        S("a", ["1 / 0"]),
        S("b", ["x = 1"], outputs=("x",)),
        S("c", ["x"], {"b": ("x",)}),
        S("d", ["1"], after=("a",)),
    )
    pilot = world.backend.pilot
    assert pilot is not None
    tasks = [laid.space.task(step, 1, "k", ancestors(laid.plan, step.name)) for step in laid.plan.steps]
    pilot.undertake(laid.plan, tasks, 4)
    (first,) = server.names("workflows")
    a, b = laid.start("a"), laid.start("b")
    store, place = world.backend._store, f"runs/{laid.request.run_id}"  # type: ignore[attr-defined]
    store.write(TaskFolder(f"{place}/{first}/b").manifest, b"{}")
    for step, ended in (("a", FAILED), ("b", EndedDocument(pod="b-pod"))):
        store.write(TaskFolder(f"{place}/{first}/{step}").ended, encode(ended))
    nodes = {
        "n-a": {"displayName": "a", "type": "Pod", "phase": "Failed", "outputs": {"exitCode": "10"}},
        "n-b": {"displayName": "b", "type": "Pod", "phase": "Succeeded", "outputs": {"exitCode": "0"}},
    }
    server.put("workflows", workflow(first, *"abcd", phase="Running", nodes=nodes))
    assert (a.end().failure, b.end().failure) == (FAILED.failure, None)
    c = laid.start("c")
    server.put("workflows", workflow(first, *"abcd", phase="Failed", nodes=nodes))  # nothing at all of c and d
    second = wait(lambda: [name for name in server.names("workflows") if name != first], "another one is there")
    assert [made.steps for made in world.made] == [{"a", "b", "c", "d"}, {"c"}]  # type: ignore[attr-defined]
    assert "another Workflow goes on with the rest" in notes(c)[0]
    done = {"n-c": {**nodes["n-b"], "displayName": "c"}}
    assert store.read(TaskFolder(f"{place}/{second[0]}/b").manifest) == b"{}"
    store.write(TaskFolder(f"{place}/{second[0]}/c").ended, encode(EndedDocument(pod="c-pod")))
    server.put("workflows", workflow(second[0], "c", phase="Succeeded", nodes=done))
    assert c.end().failure is None


def test_a_workflow_of_which_argo_runs_nothing_is_not_made_again(world: World, server: ApiServer) -> None:
    laid = Laid(world, S("a", ["x = 1"]))
    assert world.backend.pilot is not None
    world.backend.pilot.undertake(laid.plan, [laid.space.task(laid.plan.step("a"), 1, "k", ())], 1)
    begun = laid.start("a")
    server.put("workflows", workflow(server.names("workflows")[0], phase="Failed", message="invalid spec"))
    failure = begun.end().failure
    assert failure is not None
    assert failure.message == "Argo did not run the step: invalid spec"
    assert len(server.names("workflows")) == 1


def test_a_step_is_cancelled_when_the_workflow_is_stopped(world: World, server: ApiServer) -> None:
    begun, _ = begin(world, server, phase="Running")
    refused = server.refuse_once("PATCH")
    begun.attempt.cancel()
    failure = begun.end().failure
    assert failure is not None
    assert (failure.kind, len(refused)) == ("cancelled", 1)
    assert server.one("workflows")["spec"]["shutdown"] == "Stop"
    assert [note for note in notes(begun) if note.endswith("it is tried again")]


def test_a_workflow_that_another_one_replaces_is_stopped_by_a_server_that_comes_back(
    world: World,
    server: ApiServer,
) -> None:
    begun, _ = begin(world, server, phase="Running")
    refused = server.refuse_once("PATCH")
    plan = Laid(world, S("a", ["x = 2"])).plan
    assert world.backend.pilot is not None
    world.backend.pilot.undertake(plan, [begun.task], 1)
    assert len(refused) == 1
    first, second = sorted(server.names("workflows"))
    assert (first[:-1], second[-1]) == (second[:-1], "2")


NODE = {"displayName": "a", "type": "Retry", "phase": "Running", "children": ["p"]}
TRY = {"displayName": "a(0)", "type": "Pod", "phase": "Running", "templateName": "one"}
HIDDEN = {"phase": "Running", "offloadNodeStatusVersion": "1"}


def test_where_the_states_of_nodes_are_hidden_a_step_ends_when_it_says_so(
    world: World,
    server: ApiServer,
) -> None:
    begun, folder = begin(world, server, **HIDDEN)
    say(world, folder, FAILED)
    assert begun.end().failure == FAILED.failure


def test_where_they_are_hidden_the_word_of_a_try_is_not_that_of_the_next(world: World, server: ApiServer) -> None:
    laid, folder = followed(world, server, **HIDDEN)
    say(world, folder, FAILED)
    assert laid.start("a").end().failure == FAILED.failure
    second = laid.start("a", 2)
    wait(lambda: notes(second), "it is looked at")
    say(world, folder, EndedDocument(pod="a-pod"))  # names of pods may be cut, so that they are the same
    assert second.end().failure is None


def test_where_they_are_hidden_a_step_that_never_says_it_ends_with_the_workflow(
    world: World,
    server: ApiServer,
) -> None:
    begun, folder = begin(world, server, **HIDDEN)
    wait(lambda: notes(begun), "it is looked at")
    server.put("workflows", workflow(folder.rpartition("/")[2], **{**HIDDEN, "phase": "Failed"}))
    failure = begun.end().failure
    assert failure is not None
    assert "Argo did not run the step: Failed" in failure.message


@pytest.mark.parametrize("hidden", [False, True])
def test_a_failure_that_the_store_does_not_give_at_first_is_told_in_the_end(
    world: World, server: ApiServer, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    begun, folder = begin(world, server, **(HIDDEN if hidden else {"phase": "Running"}))
    store, refused = world.backend._store, []  # type: ignore[attr-defined]
    read = store.read

    def unsteady(path: str) -> bytes | None:
        if path.endswith("executed.ipynb") and not refused:
            refused.append(path)
            raise StoreFault("503", again=True)
        found: bytes | None = read(path)
        return found

    monkeypatch.setattr(store, "read", unsteady)
    say(world, folder, FAILED)
    if not hidden:
        failed = {"displayName": "a", "type": "Pod", "phase": "Failed", "outputs": {"exitCode": "10"}}
        server.put("workflows", workflow(folder.rpartition("/")[2], phase="Failed", nodes={"n": failed}))
    assert begun.end().failure == FAILED.failure
    assert refused
