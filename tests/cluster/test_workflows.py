"""Manifests of Argo and of Jobs, judged by the real API server: no unknown field, no wrong type, not too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import notebooks
import pytest
import yaml
from builders import flow_of, plan_of
from cluster.conftest import Machine
from executors.test_manifests import FULL as FULL_JOB
from executors.test_manifests import OPTIONS
from exports.test_argo import FULL, GOLDEN, PLAIN, TASKS, TRAIN

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes import checking, manifests
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.exports import argo
from nb2flow.pods.spec import Wish
from nb2flow.profiles import Profile

JUDGED = {"dryRun": "All", "fieldValidation": "Strict"}


def accepted(cluster: Cluster, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as the server would keep it, in the tests' namespace."""
    placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": cluster.namespace}}
    group, kind = manifest["apiVersion"], f"{manifest['kind'].lower()}s"
    return cluster.request("POST", f"apis/{group}/namespaces/{cluster.namespace}/{kind}", JUDGED, placed)


@pytest.mark.own_cluster
def test_a_cluster_without_argo_is_told(cluster: Cluster, profile: Profile) -> None:
    (found,) = (a for a in checking.examine(profile, None, inside=False) if a.what == "Argo Workflows")
    assert found.ok is None
    assert found.found == "not installed"
    assert "Argo Workflows" in found.hint and "--engine kubernetes" in found.hint


@pytest.mark.own_cluster
def test_a_run_that_argo_should_do_is_told_that_there_is_none(machine: Callable[..., Machine]) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", ("step:a", "x = 20"))
    said = laptop.do("run", "nb.ipynb", "--engine", "argo", code=ExitCode.ENVIRONMENT)
    assert "Argo Workflows is not installed in the cluster" in said
    assert "--engine kubernetes" in said


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_golden_manifest_is_accepted_as_it_is(with_argo: Cluster, path: Path) -> None:
    manifest = yaml.safe_load(path.read_bytes())
    assert accepted(with_argo, manifest)["spec"] == manifest["spec"]


@pytest.mark.parametrize("path", sorted((GOLDEN / "kubernetes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_golden_driver_is_accepted(cluster: Cluster, path: Path) -> None:
    kept, given = accepted(cluster, manifest := yaml.safe_load(path.read_bytes())), manifest["spec"]
    kept = kept["spec"]
    if manifest["kind"] == "CronJob":
        assert (kept["schedule"], kept["timeZone"]) == (given["schedule"], given["timeZone"])
        kept, given = kept["jobTemplate"]["spec"], given["jobTemplate"]["spec"]
    assert kept["template"]["spec"]["containers"][0]["args"] == given["template"]["spec"]["containers"][0]["args"]


def test_the_server_refuses_what_is_wrong_so_that_its_yes_means_something(with_argo: Cluster) -> None:
    manifest = yaml.safe_load((GOLDEN / "workflow.yaml").read_bytes())
    task = manifest["spec"]["templates"][0]["dag"]["tasks"][0]
    for name, value, words in (("dependencys", ["load"], "unknown field"), ("dependencies", "load", "must be")):
        task[name] = value
        with pytest.raises(ClusterFault, match=words):
            accepted(with_argo, manifest)
        del task[name]


def test_five_hundred_steps_are_accepted(with_argo: Cluster) -> None:
    arrows = [f"load-{i % 20:03d} -> step-number-{i:03d}: a" for i in range(480)]
    arrows += [f"load-{j:03d} -> step-number-{i:03d}" for i in range(480) for j in range(20) if j != i % 20]
    plan = plan_of(flow_of(*arrows, options={"step-number-007": TRAIN}))
    assert len(plan.steps) == 500
    for made in (argo.workflow(plan, FULL, TASKS), argo.workflow(plan, PLAIN, TASKS, kind="WorkflowTemplate")):
        kept = accepted(with_argo, made)
        assert sum(len(t.get("dag", {"tasks": ()})["tasks"]) for t in kept["spec"]["templates"]) == 503
        assert len(json.dumps(kept).encode()) < argo.MOST_BYTES


def test_the_job_of_a_step_that_asks_for_everything_is_accepted(cluster: Cluster) -> None:
    wish = Wish("run", "train", "runs/run/train/task.json", OPTIONS)
    made = manifests.job(FULL_JOB, wish, "nb2flow-train-1", "0" * 32)
    kept = accepted(cluster, made)["spec"]["template"]["spec"]
    asked = made["spec"]["template"]["spec"]
    assert kept["containers"][0]["resources"] == asked["containers"][0]["resources"]
    assert kept["tolerations"] == asked["tolerations"]


def test_the_least_rights_are_accepted(cluster: Cluster) -> None:
    for made in manifests.rights(cluster.namespace, "nb2flow-least"):
        placed = {**made, "metadata": {**made["metadata"], "name": f"{made['metadata']['name']}-judged"}}
        if made["apiVersion"] == "v1":
            cluster.request("POST", f"api/v1/namespaces/{cluster.namespace}/serviceaccounts", JUDGED, placed)
        else:
            accepted(cluster, placed)
