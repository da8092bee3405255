"""How steps are followed as Jobs when the API server refuses, forgets or tells late, and what pods come to then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.pipelines import S
from executors.api_server import ApiServer
from executors.contract import Begun, Laid, World

from nb2flow.executors.base import Noted
from nb2flow.executors.kubernetes.backend import KubernetesBackend
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.pods.contract import EndedDocument, encode, folder_of
from nb2flow.profiles import Profile

TASK = "nb2flow.dev/task"


@pytest.fixture
def world(tmp_path: Path, server: ApiServer) -> Iterator[World]:
    (tmp_path / "store").mkdir()
    backend = KubernetesBackend(Profile("test", image="i", store=str(tmp_path / "store"), pod_retries=0), {})
    yield World(backend, tmp_path)
    backend.close()


def wait(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return found


def begin(world: World, server: ApiServer) -> Begun:
    begun = Laid(world, S("a", ["x = 1"])).start("a")
    wait(lambda: server.names("jobs"), "its Job is there")
    wait(lambda: begun.attempt.job, "it follows its Job")  # type: ignore[attr-defined]
    return begun


def notes(begun: Begun) -> list[str]:
    return [report.text for report in begun.reports if isinstance(report, Noted)]


def pod(server: ApiServer, name: str, phase: str = "Running", **status: Any) -> None:
    labels = {"batch.kubernetes.io/job-name": server.one("jobs")["metadata"]["name"]}
    metadata = {"name": name, "labels": labels, "creationTimestamp": f"2026-01-01T00:00:0{len(name)}Z"}
    server.put("pods", {"metadata": metadata, "spec": {"nodeName": "node1"}, "status": {"phase": phase, **status}})


def complete(world: World, server: ApiServer) -> None:
    """The Job's pod says that it succeeded, and the cluster that the Job did."""
    job = server.one("jobs")
    store = world.backend._store  # type: ignore[attr-defined]
    store.write(folder_of(job["metadata"]["annotations"][TASK]).ended, encode(EndedDocument(pod="a-pod")))
    server.put("jobs", {**job, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})


def test_a_step_is_cancelled_when_the_cluster_has_heard_of_it(world: World, server: ApiServer) -> None:
    """A run that is over while its Jobs go on would be paid for by somebody who believes that it stopped."""
    begun = begin(world, server)
    refused = server.refuse_once("DELETE")
    begun.attempt.cancel()
    failure = begun.end().failure
    assert len(refused) == 1
    assert failure is not None
    assert failure.kind == "cancelled"
    assert server.names("jobs") == []
    assert [note for note in notes(begun) if note.endswith("it is tried again")]


def test_a_job_that_was_given_up_is_deleted_before_that_is_told(world: World, server: ApiServer) -> None:
    begun = begin(world, server)
    refused = server.refuse_once("DELETE")
    killed = {"name": "step", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    pod(server, "a", "Failed", containerStatuses=[killed])
    failure = begun.end().failure
    assert failure is not None
    assert "out of memory" in failure.message
    assert refused
    assert server.names("jobs") == []


def test_a_job_made_while_all_are_listed_is_not_taken_for_deleted(world: World, server: ApiServer) -> None:
    world.backend.prepare()
    listed, go_on = threading.Event(), threading.Event()

    def hold(kind: str) -> None:
        if kind == "jobs" and not listed.is_set():
            listed.set()
            go_on.wait(60)

    server.on_list = hold
    server.forget()  # so that all is listed anew
    assert listed.wait(60)
    begun = begin(world, server)
    before = server.watches["jobs"]
    go_on.set()
    wait(lambda: server.watches["jobs"] > before, "they are followed again")
    waits = {"type": "PodScheduled", "status": "False", "message": "no room"}
    pod(server, "a", "Pending", conditions=[waits])
    assert wait(lambda: notes(begun), "it was looked at since") == ["waits for a node: no room"]
    complete(world, server)
    assert begun.end().failure is None


def test_what_is_no_change_ends_no_watch_for_good(world: World, server: ApiServer) -> None:
    begun = begin(world, server)
    server.garbage["jobs"] = [b"<html>a proxy is tired</html>"]
    wait(lambda: not server.garbage, "it was sent")
    server.remove("jobs", server.one("jobs")["metadata"]["name"])
    failure = begun.end().failure
    assert failure is not None
    assert "was deleted again and again" in failure.message


def test_a_pod_that_is_gone_at_once_is_told(world: World, server: ApiServer) -> None:
    """Where somebody deletes it by force, its end is never seen."""
    begun = begin(world, server)
    pod(server, "a")
    pod(server, "ab")
    server.remove("pods", "a")
    told = wait(lambda: notes(begun), "it is told")
    assert told == ["pod a was lost (it vanished from node1): another one takes its place"]
    complete(world, server)
    assert begun.end().failure is None


def test_a_step_waits_even_where_its_user_may_not_read_why(world: World, server: ApiServer) -> None:
    server.refuse = lambda method, path: 403 if path.endswith("/events") else 0
    begun = begin(world, server)
    asked = ("GET", "/api/v1/namespaces/n/events")
    wait(lambda: asked in server.requests, "it is asked why there is no pod")
    complete(world, server)
    assert begun.end().failure is None


def test_what_is_no_api_server_is_told_as_that(server: ApiServer) -> None:
    server.page = b"<html>Please log in</html>"
    with pytest.raises(ClusterFault, match="is no Kubernetes API: <html>Please log in"):
        Cluster().list("jobs")
