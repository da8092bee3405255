"""What Argo reports of a Workflow, understood. The histories in `workflows/` were recorded from Argo's own controller
(4.1, by tests/cluster/recording.py), change by change."""

from __future__ import annotations

import base64
import copy
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from nb2flow.executors.argo import status
from nb2flow.executors.argo.status import Look, Standing, Try
from nb2flow.plan.expand import author_step
from nb2flow.pods import elements
from nb2flow.pods.contract import PodExit

HISTORIES = Path(__file__).parent / "workflows"
MEMORY = "2Gi"
NO = Standing("")


def history(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HISTORIES / f"{name}.json").read_bytes())
    return found


def story(looks: list[dict[str, Any]]) -> list[str]:
    """All that whoever follows every step of the Workflow from its beginning is told."""
    told: dict[str, int] = {}
    ended: set[str] = set()
    said: list[str] = []

    def tell(text: str) -> None:
        if text not in said:
            said.append(text)

    for workflow in looks:
        standings = status.standings(workflow)
        for step in followed(workflow):
            if step in ended:
                continue
            standing = standings.get(step)
            if standing is None and not status.is_over(workflow):
                continue
            found = status.look(standing, workflow, told.get(step, 0), MEMORY)
            for lost in found.lost:
                tell(f"{step}: {lost}")
            if found.trouble is not None:
                tell(f"{step}: {found.trouble.text}")
            if found.said:
                assert standing is not None
                pod = [p for p in standing.tries if p.said_the_end][told.get(step, 0)]
                told[step] = status.told_after(standing, told.get(step, 0))
                said.append(f"{step}: ended with {0 if pod.phase == 'Succeeded' else pod.exit_code}")
                if pod.phase == "Succeeded" or step not in status.promising(workflow):
                    ended.add(step)
            elif found.failure is not None:
                ended.add(step)
                said.append(f"{step}: {found.failure.kind}: {found.failure.message}")
    assert ended == set(followed(looks[-1])), "each step is told to its end"
    return said


def followed(workflow: dict[str, Any]) -> list[str]:
    """The steps whose end is waited for: of a step that was expanded, its instances, once Argo has come to them."""
    there = status.standings(workflow)
    instances = [name for name in there if author_step(name) != name]
    expanded = {author_step(name) for name in instances} | {name for name in there if there[name].phase == "Skipped"}
    return [step for step in status.steps_of(workflow) if step not in expanded] + sorted(instances)


@pytest.mark.parametrize("name", sorted(path.stem for path in HISTORIES.glob("*.json")))
def test_a_history_is_told_step_by_step(name: str) -> None:
    expected = (HISTORIES / f"{name}.txt").read_text().splitlines()
    assert story(history(name)) == expected


@pytest.mark.parametrize("name", sorted(path.stem for path in HISTORIES.glob("*.json")))
def test_whoever_comes_late_is_told_the_same_ends(name: str) -> None:
    """From the last state alone, but for what was passing."""
    looks = history(name)
    late = story([looks[-1]] * 3)  # an attempt for each try
    assert sorted(late) == sorted(line for line in story(looks) if "waits" not in line)


def test_a_large_workflow_is_packed() -> None:
    (*_, last) = history("succeeded")
    packed = copy.deepcopy(last)
    compress = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = compress.compress(json.dumps(packed["status"].pop("nodes")).encode()) + compress.flush()
    packed["status"]["compressedNodes"] = base64.b64encode(data).decode()
    assert status.standings(packed) == status.standings(last)
    packed["status"]["compressedNodes"] = "damaged"
    assert status.standings(packed) == {}


def test_a_try_whose_words_were_replaced_by_the_next_is_known_as_such() -> None:
    (*_, last) = history("tried-again")
    standing = status.standings(last)["b"]
    assert [pod.exit_code for pod in standing.tries] == [PodExit.STEP_FAILED, PodExit.SUCCEEDED]
    assert status.look(standing, last, 0, MEMORY) == Look(said=True, replaced=True)
    assert status.look(standing, last, 1, MEMORY) == Look(said=True)
    assert status.told_after(standing, 0) == 1


def test_a_workflow_that_somebody_stopped_says_so() -> None:
    (*_, last) = history("stopped")
    assert status.stopped(last) == "Stop"
    found = status.look(status.standings(last).get("b"), last, 0, MEMORY)
    assert found.failure is not None
    assert "somebody stopped the Workflow" in found.failure.message
    assert "nb2flow resume" in found.failure.hint
    assert status.standings(last)["a"].phase == "Failed"
    assert status.promising(last) == {"a"}, "its pod had succeeded before"


def test_a_workflow_that_nobody_has_seen_is_not_moved() -> None:
    first = history("succeeded")[0]
    assert not status.is_moved(first)
    assert status.standings(first) == {}
    assert not status.is_over(first)


def test_a_step_that_argo_has_not_given_up_yet_has_failed_all_the_same() -> None:
    """Argo waits for the time between two tries before it looks whether there is to be another one."""
    states = [w for w in history("failed") if "b" in status.standings(w)]
    waiting = next(w for w in states if status.standings(w)["b"].message.startswith("Backoff"))
    assert status.promising(waiting) == {"a"}
    again = next(w for w in history("tried-again") if status.standings(w).get("b", NO).message.startswith("Backoff"))
    assert status.promising(again) == {"a", "b", "c"}


def test_what_may_still_succeed_is_what_neither_failed_nor_waits_for_that() -> None:
    (*_, last) = history("failed")
    assert status.promising(last) == {"a"}
    going = copy.deepcopy(last)
    going["status"]["phase"] = "Running"
    assert status.promising(going) == {"a"}
    assert status.promising(history("succeeded")[0]) == {"a", "b", "c"}


def test_a_quota_that_is_used_up_is_told_as_that() -> None:
    state = next(
        w for w in history("waiting") if any(n["type"] == "Pod" for n in w["status"].get("nodes", {}).values())
    )
    for node in state["status"]["nodes"].values():
        if node["type"] == "Pod":
            quota = "exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9"
            node |= {"phase": "Pending", "message": f'pods "x" is forbidden: {quota}'}
    ((step, standing),) = status.standings(state).items()
    found = status.look(standing, state, 0, MEMORY).trouble
    assert found is not None, step
    assert found.text.startswith("the namespace's quota is used up: team, requested: pods=1")
    assert "when there is room" in found.hint
    assert found.patience is None


def test_of_a_step_that_runs_for_each_element_the_instances_are_promising_one_by_one() -> None:
    looks = history("element-failed")
    started = next(w for w in looks if status.standings(w))
    assert status.promising(started) == {"names", "count", "total"}, "its list is not known yet"
    known = next(w for w in looks if "count[0]" in status.standings(w))
    assert status.promising(known) == {"names", "count[0]", "count[1]", "count[2]", "total"}
    assert status.promising(looks[-1]) == {"names", "count[0]", "count[2]"}
    going = copy.deepcopy(looks[-1])
    going["status"]["phase"] = "Running"
    assert status.promising(going) == {"names", "count[0]", "count[2]"}, "what gathers them waits in vain"


def test_what_is_left_of_a_list_is_told_by_the_graph() -> None:
    first = history("elements-left")[0]
    assert status.standings(first) == {}
    assert status.promising(first) == {"count[1]", "total"}


def test_an_empty_list_keeps_nothing_from_going_on() -> None:
    looks = history("no-elements")
    waiting = next(w for w in looks if "count" in status.standings(w))
    assert status.standings(waiting)["count"].phase == "Skipped"
    assert status.promising(waiting) == {"names", "total"}


def test_a_list_that_is_not_divided_is_the_step_itself() -> None:
    (*_, last) = history("undivided")
    assert status.standings(last).keys() == {"names", "count", "total"}
    going = copy.deepcopy(last)
    going["status"]["phase"] = "Running"
    assert status.promising(going) == {"names", "count", "total"}


def test_a_list_that_was_not_told_is_an_error_of_its_step() -> None:
    """It cannot be, and were it taken for an empty one, elements would be missing in silence."""
    assert elements.listed(elements.NONE_SAID) is None
    assert elements.listed('["all"]') is None
    assert elements.listed("[0, 1]") == (0, 1)
    with pytest.raises(ValueError):
        json.loads(elements.NONE_SAID)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('serviceaccounts "flow" not found', "no service account flow in the namespace, which Argo's own containers"),
        (
            'pods "x" is forbidden: error looking up service account n/steps: serviceaccount "steps" not found',
            "there is no service account steps in the namespace",
        ),
        ('pods "x" is forbidden: failed quota: q: must specify limits.cpu', "must specify limits.cpu"),
    ],
)
def test_a_pod_that_the_cluster_refuses_is_told_with_the_reason(said: str, words: str) -> None:
    workflow = copy.deepcopy(history("failed")[-1])
    standing = Standing("Running", tries=(Try("pod", "Error", said),))
    failure = status.look(standing, workflow, 0, MEMORY).failure
    assert failure is not None
    assert words in failure.message


def test_why_argo_did_not_hear_of_a_success_is_told() -> None:
    workflow = copy.deepcopy(history("succeeded")[-1])
    assert status.unheard(workflow, {"a", "b"}) == ""
    pods = [node for node in workflow["status"]["nodes"].values() if node["displayName"] == "b(0)"]
    pods[0] |= {"phase": "Error", "message": "wait: workflowtaskresults.argoproj.io is forbidden: no"}
    assert status.unheard(workflow, {"a"}) == ""
    assert "needs the right to create and patch workflowtaskresults" in status.unheard(workflow, {"a", "b"})
