"""When a run may get another driver: as soon as the one before it has nothing more to tell, and not before."""

from __future__ import annotations

from typing import Any, cast

import pytest

from nb2flow.errors import UsageError
from nb2flow.executors.kubernetes import driver
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.pods.driver import driver_name, own_run
from nb2flow.profiles import Profile

RUN = "wine-20260101-aaaa2222"
FIRST, SECOND = (driver_name(RUN, number) for number in (1, 2))
PROFILE = Profile("test", image="i", store="s3://b")


class Fake:
    """A namespace with these Jobs and pods; what is created is kept."""

    def __init__(self, jobs: list[Any], pods: list[Any]) -> None:
        self.there = {"jobs": jobs, "pods": pods, "events": []}
        self.created: list[str] = []

    def list(self, kind: str, selector: str = "", fields: str = "") -> tuple[list[Any], str]:
        return self.there[kind], "1"

    def create(self, kind: str, manifest: Any) -> Any:
        self.created.append(manifest["metadata"]["name"])
        return manifest


def job(name: str, condition: str = "", **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": condition, "status": "True"}] if condition else []
    return {
        "metadata": {"name": name, "labels": {"nb2flow.dev/run": RUN}, **metadata},
        "status": {"conditions": conditions},
    }


def pod(name: str, phase: str) -> dict[str, Any]:
    labels = {"batch.kubernetes.io/job-name": name}
    return {"metadata": {"name": f"{name}-x", "labels": labels}, "status": {"phase": phase}}


def begun(jobs: list[Any], pods: list[Any], done: set[str]) -> list[str]:
    fake = Fake(jobs, pods)
    name = driver.begin(cast(Cluster, fake), PROFILE, RUN, lambda name: f"order/{name}", done.__contains__)
    assert fake.created == [name]
    return fake.created


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_driver_that_has_told_the_end_keeps_nobody_waiting(phase: str) -> None:
    """Its pod may be about to end, or hang on a node that does not answer."""
    assert begun([job(FIRST)], [pod(FIRST, phase)], {FIRST}) == [SECOND]


@pytest.mark.parametrize(
    ("jobs", "pods"),
    [
        ([job(FIRST)], []),  # about to begin
        ([job(FIRST)], [pod(FIRST, "Running")]),
        ([job(FIRST)], [pod(FIRST, "Failed")]),  # another pod takes its place
        ([job(FIRST, deletionTimestamp="now")], [pod(FIRST, "Running")]),
        ([], [pod(FIRST, "Running")]),  # its Job was deleted
    ],
)
def test_a_driver_that_may_still_do_something_is_the_only_one(jobs: list[Any], pods: list[Any]) -> None:
    with pytest.raises(UsageError, match="is driven in the cluster already"):
        begun(jobs, pods, set())


def test_a_driver_that_failed_has_a_successor() -> None:
    assert begun([job(FIRST, "Failed")], [pod(FIRST, "Failed")], set()) == [SECOND]


def test_a_second_one_that_has_not_begun_counts() -> None:
    with pytest.raises(UsageError):
        begun([job(FIRST), job(SECOND)], [pod(FIRST, "Running")], {FIRST})


def standing(jobs: list[Any], pods: list[Any]) -> driver.Standing:
    return driver.standing(cast(Cluster, Fake(jobs, pods)), RUN)


@pytest.mark.parametrize("jobs", [[], [job(FIRST, deletionTimestamp="now")]], ids=["deleted", "being deleted"])
def test_a_pod_outlives_its_job_and_may_still_tell(jobs: list[Any]) -> None:
    assert standing(jobs, [pod(FIRST, "Running")]).going
    assert not standing(jobs, [pod(FIRST, "Failed")]).going
    assert not standing(jobs, []).going


def test_the_newest_driver_counts() -> None:
    where = standing([job(SECOND), job(FIRST, "Complete")], [pod(SECOND, "Running")])
    assert (where.job, where.going, where.running) == (SECOND, True, True)


def test_the_driver_that_an_export_made_is_that_of_its_own_run_and_may_have_a_successor() -> None:
    of_export = {"metadata": {"name": "wine-x7k2p", "uid": "1234abcd-0", "labels": {}}, "status": {}}
    run = own_run("wine-x7k2p", "1234abcd-0")
    fake = Fake([of_export, job(FIRST)], [pod("wine-x7k2p", "Running")])
    assert driver.standing(cast(Cluster, fake), run) == driver.Standing("wine-x7k2p", True, True)
    name = driver.begin(cast(Cluster, fake), PROFILE, run, lambda name: f"order/{name}", {"wine-x7k2p"}.__contains__)
    assert name == driver_name(run, 1)
