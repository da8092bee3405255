"""Runs that Argo drives. Where no controller looks after the tests' namespace, all but the refusals are skipped."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

import notebooks
import pytest
import yaml
from cluster.conftest import Gate, Machine, needed, restart_api_server, wait
from cluster.test_holding import FAILS_IN_B, look_into
from cluster.test_samples import CHOSEN, compare
from executors import s3

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes.cluster import ARGO, Cluster
from nb2flow.executors.pods.store import Store
from nb2flow.pods.spec import RUN, STEP
from nb2flow.profiles import Profile
from nb2flow.runs.events import StepFailed, StepStarted, StepSucceeded

ENGINE = ("--engine", "argo")


def workflows(cluster: Cluster, run_id: str) -> list[Any]:
    return cluster.list("workflows", f"{RUN}={run_id}")[0]


def pods(cluster: Cluster, run_id: str) -> Counter[str]:
    """How many pods each step had."""
    there = cluster.list("pods", f"{STEP},{RUN}={run_id}")[0]
    return Counter(pod["metadata"]["labels"][STEP] for pod in there)


def phases(workflow: Any, name: str) -> list[str]:
    return [n["phase"] for n in workflow["status"]["nodes"].values() if n["displayName"] == name]


def cells(middle: str = "", tag: str = "step:b") -> tuple[tuple[str, str], ...]:
    first, last = "x = int(open('numbers.txt').read())", "print('got', y * 2)"
    return ("step:a", first), (tag, f"{middle}\ny = x + 1"), ("step:c", last)


def run_of(laptop: Machine) -> str:
    return str(laptop.value("runs")[0]["run"])


def begun(laptop: Machine, notebook: tuple[tuple[str, str], ...]) -> tuple[subprocess.Popen[str], str]:
    """A run of this notebook that goes on beside the test, and its id."""
    notebooks.save(laptop.folder / "nb.ipynb", *notebook)
    running = laptop.begin("run", "nb.ipynb", *ENGINE)
    wait(lambda: laptop.value("runs"), "the run is there")
    return running, run_of(laptop)


def begun_until_b_waits(laptop: Machine, gate: Gate) -> tuple[subprocess.Popen[str], str]:
    """As `begun`, with step b in the cell that waits for the gate."""
    running, run_id = begun(laptop, cells(gate.code))
    wait(lambda: laptop.state(run_id).steps["b"].cell, "b is in its cell")
    return running, run_id


def test_argo_goes_through_a_notebook_and_its_results_serve_other_engines(laptop: Machine, argo: Cluster) -> None:
    notebooks.save(laptop.folder / "nb.ipynb", ("parameters", "more = 1"), *cells("print('secret-looking')"))
    done = laptop.value("run", "nb.ipynb", *ENGINE, "-p", "more=2")
    run_id = done["run"]
    assert {step["status"] for step in done["steps"]} == {"succeeded"}
    assert "got 42" in laptop.do("logs", run_id, "c")
    assert pods(argo, run_id) == {"a": 1, "b": 1, "c": 1}
    # The run is over with the last step's word; Argo sees some seconds later that its pod has ended.
    wait(lambda: workflows(argo, run_id)[0]["status"]["phase"] == "Succeeded", "Argo is done")
    (workflow,) = workflows(argo, run_id)
    assert "secret-looking" not in json.dumps(workflow)
    for engine in ("argo", "kubernetes"):
        again = laptop.value("run", "nb.ipynb", "--engine", engine, "-p", "more=2")
        assert {step["status"] for step in again["steps"]} == {"cached"}
        assert workflows(argo, again["run"]) == []


@pytest.mark.parametrize("sample", CHOSEN, indirect=True)
def test_a_sample_gives_what_it_gives_here(laptop: Machine, sample: str) -> None:
    compare(laptop, sample, "argo")


def test_a_failure_is_told_with_its_place_and_resuming_runs_what_is_left(
    laptop: Machine, argo: Cluster, gate: Gate
) -> None:
    asks = gate.code.replace("while True:", "for _ in range(1):").replace("time.sleep(0.2)", "raise")
    notebooks.save(laptop.folder / "nb.ipynb", *cells(asks))
    said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    assert "HTTPError" in said
    run_id = run_of(laptop)
    (failed,) = [e for e in laptop.events(run_id) if isinstance(e, StepFailed)]
    assert (failed.step, failed.failure.kind, failed.failure.cell_id) == ("b", "error", "c1")
    assert pods(argo, run_id) == {"a": 1, "b": 1}
    gate.open()
    done = laptop.value("resume", run_id)
    assert {step["status"] for step in done["steps"]} == {"succeeded"}
    assert pods(argo, run_id) == {"a": 1, "b": 2, "c": 1}
    assert len(workflows(argo, run_id)) == 2


def test_a_notebook_is_tried_again_as_often_as_it_says(laptop: Machine, argo: Cluster, gate: Gate) -> None:
    asks = gate.code.replace("while True:", "for _ in range(1):").replace("time.sleep(0.2)", "raise")
    running, run_id = begun(laptop, cells(asks, "step:b retries:1"))
    (failed,) = wait(lambda: [e for e in laptop.events(run_id) if isinstance(e, StepFailed)], "the first try failed")
    assert failed.will_retry
    gate.open()
    assert running.wait(240) == ExitCode.OK
    running.communicate()
    assert [e.attempt for e in laptop.events(run_id) if isinstance(e, StepStarted) and e.step == "b"] == [1, 2]
    assert len(workflows(argo, run_id)) == 1


def test_a_pod_that_is_lost_is_replaced(laptop: Machine, argo: Cluster, gate: Gate) -> None:
    running, run_id = begun_until_b_waits(laptop, gate)
    # Argo makes a pod that goes before it has seen it run anew, under the same name, and tells nothing.
    wait(lambda: "Running" in phases(workflows(argo, run_id)[0], "b(0)"), "Argo has seen that b runs")
    (pod,) = argo.list("pods", f"{RUN}={run_id},{STEP}=b")[0]
    argo.delete("pods", pod["metadata"]["name"], grace=1)
    wait(lambda: any("was lost" in note for note in laptop.state(run_id).steps["b"].notes), "the loss is told")
    gate.open()
    assert running.wait(240) == ExitCode.OK
    running.communicate()
    assert [e for e in laptop.events(run_id) if isinstance(e, StepFailed)] == []


def test_memory_that_runs_out_is_told_and_not_tried_again(laptop: Machine, argo: Cluster) -> None:
    notebooks.save(laptop.folder / "nb.ipynb", ("step:big memory:400Mi", "x = bytearray(900_000_000)"))
    said = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    assert "out of memory" in said
    assert pods(argo, run_of(laptop)) == {"big": 1}


@pytest.mark.parametrize("how", ["detach", "kill"])
def test_argo_needs_nobody_of_ours(laptop: Machine, argo: Cluster, gate: Gate, how: str) -> None:
    if how == "detach":
        notebooks.save(laptop.folder / "nb.ipynb", *cells(gate.code))
        laptop.do("run", "nb.ipynb", *ENGINE, "--detach")
        run_id = run_of(laptop)
    else:
        running, run_id = begun(laptop, cells(gate.code))
        wait(lambda: laptop.state(run_id).steps["b"].status == "running", "b runs")
        running.send_signal(signal.SIGKILL)
        running.communicate()
    gate.open()
    wait(lambda: workflows(argo, run_id)[0].get("status", {}).get("phase") == "Succeeded", "Argo is done", 240)
    seen = laptop.value("attach", run_id)
    assert {step["status"] for step in seen["steps"]} == {"succeeded"}
    assert "got 42" in laptop.do("logs", run_id, "c")
    assert pods(argo, run_id) == {"a": 1, "b": 1, "c": 1}
    assert Counter(e.step for e in laptop.events(run_id) if isinstance(e, StepSucceeded)) == {"a": 1, "b": 1, "c": 1}
    assert len(workflows(argo, run_id)) == 1


@pytest.mark.own_cluster
def test_a_controller_that_is_restarted_loses_nothing(
    laptop: Machine, argo: Cluster, gate: Gate, inside: Callable[..., str]
) -> None:
    running, run_id = begun_until_b_waits(laptop, gate)
    inside("pkill", "-x", "workflow-contro")  # names of processes have 15 characters
    gate.open()
    pod = f"{RUN}={run_id},{STEP}=b"
    wait(lambda: argo.list("pods", pod)[0][0]["status"]["phase"] == "Succeeded", "b has ended, and nobody sees it")
    subprocess.run([needed("NB2FLOW_TEST_ARGO"), argo.namespace], check=True, capture_output=True)
    assert running.wait(240) == ExitCode.OK
    running.communicate()
    assert pods(argo, run_id) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.own_cluster
def test_an_api_server_that_is_restarted_is_waited_for(
    laptop: Machine, argo: Cluster, gate: Gate, inside: Callable[..., str]
) -> None:
    running, run_id = begun_until_b_waits(laptop, gate)
    restart_api_server(inside)
    gate.open()
    said, also = running.communicate(timeout=240)
    assert running.returncode == ExitCode.OK, said + also
    assert pods(argo, run_id) == {"a": 1, "b": 1, "c": 1}


def test_a_store_that_is_slow_and_says_503_loses_nothing_and_no_step_runs_twice(
    machine: Callable[..., Machine], controlled: Cluster, endpoint: str
) -> None:
    unruly = s3.Unruly(endpoint, every=4, delay=0.1, host=needed("NB2FLOW_TEST_HOST"))
    laptop = machine("laptop", argo_executor="workflow", store_endpoint=unruly.endpoint)
    laptop.environ |= s3.environ(unruly.endpoint)
    notebooks.save(laptop.folder / "nb.ipynb", *cells())
    try:
        done = laptop.value("run", "nb.ipynb", *ENGINE)
        assert {step["status"] for step in done["steps"]} == {"succeeded"}
        assert "got 42" in laptop.do("logs", done["run"], "c")
    finally:
        unruly.close()
    assert unruly.refused > 10
    assert pods(controlled, done["run"]) == {"a": 1, "b": 1, "c": 1}


def test_a_step_is_held_where_it_failed(laptop: Machine, argo: Cluster) -> None:
    notebooks.save(laptop.folder / "nb.ipynb", *FAILS_IN_B)
    laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    look_into(laptop, argo)
    assert pods(argo, run_of(laptop))["a"] == 1  # what the step needs is taken from the run


def test_a_schedule_begins_a_workflow_when_its_time_has_come(
    laptop: Machine, argo: Cluster, own_store: Profile
) -> None:
    notebooks.save(laptop.folder / "nightly.ipynb", *cells())
    laptop.do("convert", "nightly.ipynb", "--to", "argo", "--schedule", "* * * * *", "-o", "cron.yaml")
    path = f"{ARGO}/namespaces/{argo.namespace}/cronworkflows"
    argo.request("POST", path, {}, yaml.safe_load((laptop.folder / "cron.yaml").read_text()))

    def newest() -> Any:
        return next(iter(argo.list("workflows", "workflows.argoproj.io/cron-workflow=nightly")[0]), None)

    try:
        wait(newest, "the next minute has come")
    finally:  # what it has begun goes on
        argo.request("DELETE", f"{path}/nightly", {"propagationPolicy": "Orphan"})
    wait(lambda: newest().get("status", {}).get("phase") == "Succeeded", "Argo is done", 240)
    metadata = newest()["metadata"]
    executed = Store(own_store.store).read(f"runs/{metadata['name']}-{metadata['uid']}/c/executed.ipynb")
    assert "got 42" in (executed or b"").decode()


def test_cancelling_stops_the_workflow(laptop: Machine, argo: Cluster, gate: Gate) -> None:
    notebooks.save(laptop.folder / "nb.ipynb", *cells(gate.code))
    laptop.do("run", "nb.ipynb", *ENGINE, "--detach")
    run_id = run_of(laptop)
    laptop.do("cancel", run_id)
    wait(lambda: workflows(argo, run_id)[0].get("status", {}).get("phase") == "Failed", "Argo has stopped")
    assert laptop.state(run_id).status == "cancelled"


def test_what_keeps_a_step_waiting_is_told(laptop: Machine, argo: Cluster) -> None:
    running, run_id = begun(laptop, (("step:big gpu:7", "x = 1"),))
    notes = wait(lambda: laptop.state(run_id).steps["big"].notes, "the trouble is told")
    assert "waits for a node" in notes[0]
    assert "nvidia.com/gpu" in notes[0]
    laptop.do("cancel", run_id)
    running.communicate(timeout=120)
    assert laptop.state(run_id).status == "cancelled"


def test_a_workflow_that_nobody_moves_is_told(machine: Callable[..., Machine], argo: Cluster) -> None:
    """In a namespace of its own, which no controller looks after."""
    name = f"{argo.namespace}-unmoved"
    argo.request("POST", "api/v1/namespaces", {}, {"metadata": {"name": name}})
    try:
        laptop = machine("laptop", namespace=name)
        running, run_id = begun(laptop, (("step:a", "x = 1"),))
        notes = wait(lambda: laptop.state(run_id).steps["a"].notes, "it is told")
        assert "nobody moves the Workflow" in notes[0]
        assert name in notes[0]
        laptop.do("cancel", run_id)
        running.communicate(timeout=120)
    finally:
        argo.request("DELETE", f"api/v1/namespaces/{name}")
