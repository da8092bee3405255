"""Runs that a pod in the cluster drives: begun with `--detach`, watched from anywhere, lost by nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest
from cluster.conftest import Gate, grant, wait

from nb2flow.app import history
from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes import manifests
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.pods.spec import RUN, STEP
from nb2flow.profiles import Profile
from nb2flow.runs.folders import Home
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore


def cells(middle: str = "") -> tuple[tuple[str, str], ...]:
    """Three steps; read from a file, so that nothing is simply done again in the steps that need it."""
    first, last = "x = int(open('numbers.txt').read())", "print('got', y * 2)"
    return ("step:a", first), ("step:b", f"{middle}\ny = x + 1"), ("step:c", last)


class Machine:
    """A folder with a profile, and the command line in it."""

    def __init__(self, folder: Path, profile: Profile, **changes: Any) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "numbers.txt").write_text("20")
        names = ("image", "store", "namespace", "store_secret", "store_endpoint", "pull_policy", "cpu", "memory")
        given = {name: getattr(profile, name) for name in names} | changes
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        (folder / "nb2flow.toml").write_text(f"[profiles.default]\n{lines}\n")

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nb2flow", *words]
        environ = os.environ | {"COLUMNS": "100"}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environ, stdout=pipe, stderr=pipe, text=True)

    def do(self, *words: str, code: ExitCode = ExitCode.OK) -> str:
        done = self.begin(*words)
        out, err = done.communicate(timeout=240)
        assert done.returncode == code, out + err
        return out if code is ExitCode.OK else " ".join((out + err).split())

    def value(self, *words: str) -> Any:
        return json.loads(self.do(*words, "--json"))

    def detached(self, *words: str) -> str:
        return str(self.value("run", "nb.ipynb", "--engine", "kubernetes", "--detach", *words)["run"])

    def state(self, run_id: str) -> RunState:
        """As `show` would say it."""
        return history.find(self.folder, run_id).state

    def events(self, run_id: str) -> list[Any]:
        with RunStore(self.folder / ".nb2flow") as store:
            return [event for _, event in store.events(run_id)]


@pytest.fixture
def machine(tmp_path: Path, own_store: Profile, cluster: Cluster) -> Callable[..., Machine]:
    """Makes machines that share a store; the namespace has what `cluster manifests` prints."""
    grant(cluster, "nb2flow")
    return lambda name, **changes: Machine(tmp_path / name, own_store, **changes)


def drivers(cluster: Cluster, run_id: str) -> list[Any]:
    return cluster.list("pods", f"{manifests.DRIVER}=true,{RUN}={run_id}")[0]


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
    gate.open()
    said, _ = watching.communicate(timeout=60)
    assert watching.returncode == ExitCode.INTERRUPTED
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
    assert not [
        job for job in cluster.list("jobs", f"{manifests.DRIVER}=true")[0] if not job["status"].get("succeeded")
    ]
