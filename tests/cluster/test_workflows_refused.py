"""What keeps a run that Argo should do from beginning or from going on: each is told in words, with what to do.

The first needs Argo's custom resources alone; for the others, a controller must look after the tests' namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import notebooks
import pytest
import yaml
from cluster.conftest import Machine, needed, wait
from cluster.test_workflows_driven import ENGINE, begun, run_of, workflows

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes.cluster import Cluster

STEPS = ("step:a", "x = int(open('numbers.txt').read())"), ("step:b", "print('got', x + 1)")


@contextmanager
def quota(cluster: Cluster, what: str, most: str) -> Iterator[None]:
    path = f"api/v1/namespaces/{cluster.namespace}/resourcequotas"
    cluster.request("POST", path, {}, {"metadata": {"name": "little"}, "spec": {"hard": {what: most}}})
    try:
        wait(lambda: cluster.request("GET", f"{path}/little").get("status", {}).get("used"), "the quota counts")
        yield
    finally:
        cluster.request("DELETE", f"{path}/little")


def told(laptop: Machine, run_id: str, step: str, words: str) -> str:
    """The note of a step that has these words in it, once it is there."""
    return str(wait(lambda: [n for n in laptop.state(run_id).steps[step].notes if words in n], f"'{words}' is told")[0])


def test_a_namespace_that_takes_no_more_workflows_is_told_before_anything_begins(
    machine: Callable[..., Machine], argo: Cluster
) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *STEPS)
    with quota(argo, "count/workflows.argoproj.io", "0"):
        said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.ENVIRONMENT)
    assert "the namespace's quota is used up" in said
    assert "Workflows that are over count for `keep` seconds" in said
    assert "started" not in said
    assert workflows(argo, run_of(laptop)) == []


@pytest.mark.parametrize(("what", "most"), [("requests.cpu", "100m"), ("pods", "0")], ids=["cpu", "pods"])
def test_a_full_quota_is_told_and_the_run_goes_on_when_there_is_room(
    laptop: Machine, argo: Cluster, what: str, most: str
) -> None:
    with quota(argo, what, most):
        running, run_id = begun(laptop, STEPS)
        note = told(laptop, run_id, "a", "quota is used up")
    assert what in note
    out, err = running.communicate(timeout=240)
    assert running.returncode == ExitCode.OK, out + err


def create_printed(laptop: Machine, cluster: Cluster, **query: str) -> list[str]:
    """Create what `cluster manifests --argo` prints for Argo's containers; returns the kinds."""
    kinds = []
    for made in yaml.safe_load_all(laptop.do("cluster", "manifests", "--argo")):
        if made["metadata"]["name"] != "nb2flow":
            group = "api/v1" if made["apiVersion"] == "v1" else f"apis/{made['apiVersion']}"
            path = f"{group}/namespaces/{cluster.namespace}/{made['kind'].lower()}s"
            cluster.request("POST", path, query, made)
            kinds.append(made["kind"])
    return kinds


def test_a_cluster_takes_what_is_printed_for_argos_containers(
    machine: Callable[..., Machine], cluster: Cluster
) -> None:
    named, unnamed = machine("named", argo_executor="printed"), machine("unnamed")
    every = ["ServiceAccount", "Role", "RoleBinding", "Secret"]
    assert create_printed(named, cluster, dryRun="All") == every
    assert create_printed(unnamed, cluster, dryRun="All") == ["Role", "RoleBinding"]


def test_an_account_that_does_not_exist_is_told(machine: Callable[..., Machine], controlled: Cluster) -> None:
    laptop = machine("laptop", argo_executor="workflow", service_account="nobody-here")
    notebooks.save(laptop.folder / "nb.ipynb", *STEPS)
    said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    assert "there is no service account nobody-here in the namespace" in said
    assert "nb2flow cluster manifests" in said


def test_an_account_of_argos_containers_that_does_not_exist_is_told(
    machine: Callable[..., Machine], controlled: Cluster
) -> None:
    laptop = machine("laptop", argo_executor="no-executor")
    notebooks.save(laptop.folder / "nb.ipynb", *STEPS)
    said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    assert "no-executor" in said
    assert "argo_executor" in said


def test_argos_containers_without_a_token_are_told(machine: Callable[..., Machine], controlled: Cluster) -> None:
    laptop = machine("laptop", argo_executor="nb2flow")  # an account that is there, without such a Secret
    running, run_id = begun(laptop, STEPS)
    note = told(laptop, run_id, "a", "nb2flow.service-account-token")
    assert "there is no Secret" in note
    laptop.do("cancel", run_id)
    running.communicate(timeout=120)


def test_argos_containers_without_rights_are_told(machine: Callable[..., Machine], controlled: Cluster) -> None:
    path = f"api/v1/namespaces/{controlled.namespace}"
    controlled.request("POST", f"{path}/serviceaccounts", {}, {"metadata": {"name": "powerless"}})
    metadata: dict[str, Any] = {"name": "powerless.service-account-token"}
    metadata |= {"annotations": {"kubernetes.io/service-account.name": "powerless"}}
    token = {"metadata": metadata, "type": "kubernetes.io/service-account-token"}
    controlled.request("POST", f"{path}/secrets", {}, token)
    laptop = machine("laptop", argo_executor="powerless")
    running, run_id = begun(laptop, STEPS)
    note = told(laptop, run_id, "b", "did not hear that a step before this one succeeded")
    assert "needs the right to create and patch workflowtaskresults" in note
    out, err = running.communicate(timeout=240)
    assert running.returncode == ExitCode.OK, out + err
    assert len(workflows(controlled, run_id)) == 2


def test_what_is_printed_for_argos_containers_is_all_that_they_need(
    machine: Callable[..., Machine], controlled: Cluster
) -> None:
    laptop = machine("laptop", argo_executor="printed")
    create_printed(laptop, controlled)
    notebooks.save(laptop.folder / "nb.ipynb", *STEPS)
    said = laptop.do("run", "nb.ipynb", *ENGINE)
    assert "workflowtaskresults" not in said
    assert "did not hear" not in said


def test_an_image_that_the_cluster_may_not_pull_is_told(machine: Callable[..., Machine], controlled: Cluster) -> None:
    image = f"{needed('NB2FLOW_TEST_HOST')}:1/no/such-image:1"
    laptop = machine("laptop", argo_executor="workflow", image=image)
    running, run_id = begun(laptop, STEPS)
    note = told(laptop, run_id, "a", "cannot pull the image")
    assert image in note
    laptop.do("cancel", run_id)
    running.communicate(timeout=120)


def test_a_bucket_that_does_not_exist_is_told_before_anything_begins(
    machine: Callable[..., Machine], argo: Cluster
) -> None:
    laptop = machine("laptop", store="s3://nowhere/prefix")
    notebooks.save(laptop.folder / "nb.ipynb", *STEPS)
    said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.ENVIRONMENT)
    assert "s3://nowhere/prefix does not exist" in said
    assert "create the bucket" in said
    assert "Traceback" not in said
    assert "started" not in said
