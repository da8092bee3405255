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

from nb2flow.executors.argo.backend import ArgoBackend
from nb2flow.pods.contract import EndedDocument, Progress, TaskFolder, encode
from nb2flow.profiles import Profile
from nb2flow.runs.events import Failure


@pytest.fixture
def world(tmp_path: Path, server: ApiServer) -> Iterator[World]:
    (tmp_path / "store").mkdir()
    profile = Profile("test", image="i", store=str(tmp_path / "store"))

    def make(plan: Any, profile: Profile, place: str, run: Any) -> dict[str, Any]:
        return workflow(run.name)

    backend = ArgoBackend(profile, {}, make)
    yield World(backend, tmp_path)
    backend.close()


def workflow(name: str, **status: Any) -> dict[str, Any]:
    step = {"parameters": [{"name": "step", "value": "a"}]}
    dag = {"name": "all", "dag": {"tasks": [{"name": "a", "template": "one", "arguments": step}]}}
    return {"metadata": {"name": name}, "spec": {"templates": [dag]}, "status": status}


def begin(world: World, server: ApiServer, **status: Any) -> tuple[Begun, str]:
    """Step a of a Workflow that stands like this."""
    laid, folder = followed(world, server, **status)
    return laid.start("a"), folder


def followed(world: World, server: ApiServer, **status: Any) -> tuple[Laid, str]:
    laid = Laid(world, S("a", ["x = 1"]))
    name = f"nb2flow-{laid.request.run_id}-1"
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
TRY = {"displayName": "a(0)", "type": "Pod", "phase": "Running"}
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
