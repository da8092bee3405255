"""Plans as Jobs and CronJobs of a driver: golden files, and what holds for each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from exports.test_argo import FULL, PLAIN, diamond

from nb2flow.errors import UsageError
from nb2flow.exports import kubernetes
from nb2flow.exports.manifest import Schedule
from nb2flow.flow.model import Parameter
from nb2flow.pods.driver import own_run, run_of
from nb2flow.pods.spec import RUN

GOLDEN = Path(__file__).parent / "golden" / "kubernetes"
ORDER = "plans/0123/order.json"
NIGHTLY = Schedule("0 3 * * *", "Europe/Berlin")


def compare(name: str, manifest: dict[str, Any]) -> None:
    path, text = GOLDEN / name, kubernetes.text(manifest)
    assert yaml.safe_load(text) == manifest
    if os.environ.get("NB2FLOW_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_a_job() -> None:
    compare("job.yaml", kubernetes.manifest(diamond(), PLAIN, ORDER))


def test_a_cron_job() -> None:
    made = kubernetes.manifest(diamond(), FULL, ORDER, schedule=NIGHTLY)
    compare("cron-job.yaml", made)
    assert made["spec"]["jobTemplate"]["spec"] == kubernetes.manifest(diamond(), FULL, ORDER)["spec"]
    with pytest.raises(UsageError, match="is no schedule"):
        kubernetes.manifest(diamond(), FULL, ORDER, schedule=Schedule("now and then"))


def test_a_default_is_no_variable_of_kubernetes() -> None:
    import msgspec

    plan = msgspec.structs.replace(diamond(), parameters=(Parameter("home", "str", "$(HOME)", "'$(HOME)'", 1),))
    (container,) = kubernetes.manifest(plan, PLAIN, ORDER)["spec"]["template"]["spec"]["containers"]
    assert "--parameter=home=$$(HOME)" in container["args"]


def test_each_job_drives_a_run_of_its_own() -> None:
    made = kubernetes.manifest(diamond(), PLAIN, ORDER)
    assert RUN not in made["metadata"]["labels"]
    assert RUN not in made["spec"]["template"]["metadata"]["labels"]
    jobs = [{"metadata": {"name": "sample-x1", "uid": uid}} for uid in ("0000-1111-22", "0000-2222-22")]
    assert [run_of(job) for job in jobs] == ["sample-x1-00001111", "sample-x1-00002222"]
    assert run_of({"metadata": {"name": "any", "labels": {RUN: "own-run"}}}) == "own-run"
    assert own_run("x" * 63, "0-1") == f"{'x' * 40}-01"
