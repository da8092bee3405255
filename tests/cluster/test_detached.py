"""Runs that a pod in the cluster drives: begun with `--detach`, watched from anywhere, lost by nobody."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import notebooks
import yaml
from cluster.conftest import Gate, Machine, wait

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.pods.driver import DRIVER, run_of
from nb2flow.pods.spec import RUN, STEP
from nb2flow.runs.folders import Home


def cells(middle: str = "") -> tuple[tuple[str, str], ...]:
    """Three steps; read from a file, so that nothing is simply done again in the steps that need it."""
    first, last = "x = int(open('numbers.txt').read())", "print('got', y * 2)"
    return ("step:a", first), ("step:b", f"{middle}\ny = x + 1"), ("step:c", last)


def drivers(cluster: Cluster, run_id: str) -> list[Any]:
    return cluster.list("pods", f"{DRIVER}=true,{RUN}={run_id}")[0]


def ran(cluster: Cluster, run_id: str) -> Counter[str]:
    """How many pods each step had."""
    there = cluster.list("pods", f"{STEP},{RUN}={run_id}")[0]
    return Counter(pod["metadata"]["labels"][STEP] for pod in there)


def test_the_machine_may_leave_and_another_one_sees_the_run(machine: Callable[..., Machine], cluster: Cluster) -> None:
    laptop, other = machine("laptop"), machine("other")
    notebooks.save(laptop.folder / "nb.ipynb", *cells())
    run_id = laptop.detached()
    seen = other.value("attach", run_id)
    assert seen["status"] == "succeeded"
    assert ran(cluster, run_id) == {"a": 1, "b": 1, "c": 1}
    assert laptop.value("runs")[0]["status"] == "succeeded"
    assert "got 42" in laptop.do("logs", run_id, "c")
    assert laptop.events(run_id) == other.events(run_id)
    assert "got 42" in Home(other.folder / ".nb2flow").run(run_id).executed("c").read_text()
    # What was done there counts for later runs here.
    again = laptop.value("run", "nb.ipynb", "--engine", "kubernetes")
    assert {step["status"] for step in again["steps"]} == {"cached"}
    (driver,) = drivers(cluster, run_id)
    assert driver["spec"]["serviceAccountName"] == "nb2flow"
    assert "got 42" not in json.dumps(driver)


def test_a_driver_that_is_lost_is_replaced_and_no_step_runs_twice(
    machine: Callable[..., Machine], cluster: Cluster, gate: Gate
) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *cells(gate.code))
    run_id = laptop.detached()
    watching = laptop.begin("attach", run_id)
    wait(lambda: ran(cluster, run_id)["b"], "step b has a pod")
    (driver,) = drivers(cluster, run_id)
    cluster.delete("pods", driver["metadata"]["name"], grace=5)
    wait(
        lambda: len({pod["metadata"]["name"] for pod in drivers(cluster, run_id)} - {driver["metadata"]["name"]}), "new"
    )
    watching.send_signal(signal.SIGINT)
    said, also = watching.communicate(timeout=120)
    gate.open()
    assert watching.returncode == ExitCode.INTERRUPTED, said + also
    assert f"run {run_id} goes on: nb2flow attach {run_id} shows it again" in said
    assert laptop.value("attach", run_id)["status"] == "succeeded"
    assert ran(cluster, run_id) == {"a": 1, "b": 1, "c": 1}
    assert sum(event.__struct_config__.tag == "run-started" for event in laptop.events(run_id)) == 2
    assert "which was begun before" in laptop.do("logs", run_id)


def test_a_detached_run_is_cancelled_and_resumed_there(
    machine: Callable[..., Machine], cluster: Cluster, gate: Gate
) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *cells(gate.code))
    run_id = laptop.detached()
    wait(lambda: laptop.state(run_id).steps["b"].cell, "step b has begun")
    assert "is cancelled" in laptop.do("cancel", run_id)
    gate.open()
    assert laptop.value("resume", run_id)["status"] == "succeeded"
    assert ran(cluster, run_id)["a"] == 1  # what was done is kept
    assert laptop.state(run_id).steps["a"].attempt == 1


def test_a_driver_without_an_account_is_told_and_leaves_nothing(
    machine: Callable[..., Machine], cluster: Cluster
) -> None:
    laptop = machine("laptop", driver_account="nowhere")
    notebooks.save(laptop.folder / "nb.ipynb", ("step:a", "x = 20"))
    words = ("run", "nb.ipynb", "--engine", "kubernetes", "--detach")
    said = laptop.do(*words, code=ExitCode.ENVIRONMENT)
    assert "there is no service account nowhere" in said
    assert "nb2flow cluster manifests" in said
    assert laptop.value("runs") == []
    assert not [job for job in cluster.list("jobs", f"{DRIVER}=true")[0] if not job["status"].get("succeeded")]


def test_a_converted_notebook_drives_itself_each_time_it_is_applied(
    machine: Callable[..., Machine], cluster: Cluster
) -> None:
    laptop, other = machine("laptop"), machine("other")
    notebooks.save(laptop.folder / "nb.ipynb", ("parameters", "more = 1"), *cells("z = more"))
    said = laptop.do("convert", "nb.ipynb", "--to", "kubernetes", "-o", "job.yaml")
    assert "wrote a Job that drives 3 steps" in said
    text = (laptop.folder / "job.yaml").read_text()
    for given, expected in (("more=1", "got 42"), ("more=11", "got 42")):
        made = cluster.create("jobs", yaml.safe_load(text.replace("more=1", given)))
        run_id = run_of(made)
        wait(lambda: ran(cluster, run_id), "its first step has a pod")  # noqa: B023
        seen = other.value("attach", run_id)
        assert seen["status"] == "succeeded"
        assert expected in other.do("logs", run_id, "c")
        assert ran(cluster, run_id) == {"a": 1, "b": 1, "c": 1}
        assert other.state(run_id).parameters == ({} if given == "more=1" else {"more": 11})


def test_a_schedule_begins_a_run_when_its_time_has_come(machine: Callable[..., Machine], cluster: Cluster) -> None:
    laptop, other = machine("laptop"), machine("other")
    notebooks.save(laptop.folder / "nightly.ipynb", *cells())
    laptop.do("convert", "nightly.ipynb", "--to", "kubernetes", "--schedule", "* * * * *", "-o", "cron.yaml")
    path = f"apis/batch/v1/namespaces/{cluster.namespace}/cronjobs"
    cluster.request("POST", path, {}, yaml.safe_load((laptop.folder / "cron.yaml").read_text()))

    def begun() -> list[Any]:
        return [job for job in cluster.list("jobs", f"{DRIVER}=true")[0] if "nightly-" in job["metadata"]["name"]]

    try:
        wait(begun, "the next minute has come")
    finally:  # what it has begun goes on
        cluster.request("DELETE", f"{path}/nightly", {"propagationPolicy": "Orphan"})
    run_id = run_of(begun()[0])
    wait(lambda: ran(cluster, run_id), "its first step has a pod")
    assert other.value("attach", run_id)["status"] == "succeeded"
    assert "got 42" in other.do("logs", run_id, "c")
    assert ran(cluster, run_id) == {"a": 1, "b": 1, "c": 1}
