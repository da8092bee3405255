"""What the cluster says of a pod, in words."""

from __future__ import annotations

from typing import Any

import pytest

from nb2flow.executors.kubernetes import words

STRANGER = (
    'failed to pull and unpack image "registry/team/steps:1": failed to resolve reference "registry/team/steps:1": '
    "pull access denied, repository does not exist or may require authorization: "
    "authorization failed: no basic auth credentials"
)
MISSING = 'failed to resolve reference "registry/team/steps:1": registry/team/steps:1: not found'
SILENT = (
    'failed to pull and unpack image "registry/team/steps:1": failed to resolve reference "registry/team/steps:1": '
    'failed to do request: Head "https://registry/v2/team/steps/manifests/1": dial tcp: lookup registry: '
    "Temporary failure in name resolution"
)
BACK_OFF = 'Back-off pulling image "registry/team/steps:1": ErrImagePull: '


def pod(phase: str, state: dict[str, Any], **status: Any) -> dict[str, Any]:
    container = {"name": "step", "image": "registry/team/steps:1", "state": state, **status.pop("container", {})}
    return {"spec": {"nodeName": "node1"}, "status": {"phase": phase, "containerStatuses": [container], **status}}


@pytest.mark.parametrize(
    ("message", "text", "hint"),
    [
        (STRANGER, "does not let the cluster in, or has no such image", "`pull_secrets`"),
        (MISSING, "there is no such image", "correct `image`"),
        (
            SILENT,
            "the registry cannot be reached from the cluster (Temporary failure in name resolution)",
            "nodes reach",
        ),
        (BACK_OFF + SILENT, "cannot be reached from the cluster (Temporary failure in name resolution)", "nodes reach"),
    ],
)
def test_an_image_that_cannot_be_pulled(message: str, text: str, hint: str) -> None:
    found = words.trouble(pod("Pending", {"waiting": {"reason": "ErrImagePull", "message": message}}))
    assert found is not None
    assert text in found.text
    assert hint in found.hint


def test_an_image_may_be_called_anything() -> None:
    waiting = {"reason": "ErrImagePull", "message": MISSING.replace("team/steps", "forbidden/authentication")}
    container = {"image": "registry/forbidden/authentication:1"}
    found = words.trouble(pod("Pending", {"waiting": waiting}, container=container))
    assert found is not None
    assert "there is no such image" in found.text


@pytest.mark.parametrize(("ready", "contained"), [("True", True), ("False", False)])
def test_a_pod_that_runs_is_no_trouble(ready: str, contained: bool) -> None:
    running = pod("Running", {"running": {}}, container={"ready": contained}, conditions=[condition(ready)])
    assert words.trouble(running) is None


def test_a_pod_whose_node_is_silent_is_told() -> None:
    """The node's controller says that the pod is not ready; the container, when last heard of, was."""
    running = pod("Running", {"running": {}}, container={"ready": True}, conditions=[condition("False")])
    found = words.trouble(running)
    assert found is not None
    assert "node node1 does not answer" in found.text
    assert found.patience is None


def test_a_pod_that_its_node_had_to_give_up_is_told_in_whole_words() -> None:
    message = "Taint manager: deleting due to NoExecute taint"
    given_up = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": message}
    assert words.lost(pod("Failed", {}, conditions=[given_up])) == f"DeletionByTaintManager: {message}"


def test_what_the_scheduler_says_of_preemption_is_left_out() -> None:
    said = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available"
    )
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    found = words.trouble({"spec": {}, "status": {"phase": "Pending", "conditions": [condition]}})
    assert found is not None
    assert found.text == "waits for a node: 0/1 nodes are available: 1 Insufficient cpu"


def condition(status: str) -> dict[str, str]:
    return {"type": "Ready", "status": status}


def test_an_account_that_is_not_there_is_told_with_the_fix() -> None:
    said = 'pods "x-" is forbidden: error looking up service account ns/who: serviceaccount "who" not found'
    found = words.missing_pod([f"Error creating: {said}"])
    assert found is not None
    assert found.text == "there is no service account who in the namespace"
    assert "nb2flow cluster manifests" in found.hint


@pytest.mark.parametrize(
    ("event", "text", "hint"),
    [
        (
            'MountVolume.SetUp failed for volume "exec-sa-token" : secret "flow.service-account-token" not found',
            "there is no Secret flow.service-account-token in the namespace, with the token of Argo's own containers",
            "service-account.name: flow",
        ),
        (
            'MountVolume.SetUp failed for volume "data" : configmap "tables" not found',
            "there is no ConfigMap tables in the namespace, which its pod mounts",
            "create it",
        ),
        (
            'MountVolume.SetUp failed for volume "nfs" : exit status 32',
            'a volume of its pod cannot be had yet: MountVolume.SetUp failed for volume "nfs" : exit status 32',
            "",
        ),
    ],
)
def test_why_the_containers_of_a_pod_do_not_begin(event: str, text: str, hint: str) -> None:
    found = words.unmounted(["Successfully assigned n/p to node1", event, "Pulled"])
    assert found is not None
    assert found.text == text
    assert hint in found.hint


def test_a_pod_whose_volumes_are_there_has_no_such_trouble() -> None:
    assert words.unmounted(["Successfully assigned n/p to node1", "Pulled"]) is None
