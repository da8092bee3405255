"""A plan for a cluster that has nothing but Kubernetes: the Job, or CronJob, of a driver that runs its steps as Jobs.

Jobs cannot wait for each other, so something must start them in turn: the driver of a detached run, which begins one of
its own each time that it is started. Plan, step notebooks and files lie in the store. Pure.
"""

from __future__ import annotations

from typing import Any

from nb2flow.exports.manifest import LONGEST_NAME, NOTEBOOK, PLAN, Schedule, to_yaml
from nb2flow.notebook.names import dns_label
from nb2flow.plan.model import Plan
from nb2flow.plan.parameters import default_text
from nb2flow.pods.driver import DRIVER, driver_job
from nb2flow.pods.spec import MANAGED_BY, MANAGER
from nb2flow.profiles import Profile

ABOUT = "the driver of a notebook's pipeline; its plan and code lie in the store."


def manifest(plan: Plan, profile: Profile, order: str, *, schedule: Schedule | None = None) -> dict[str, Any]:
    """The manifest. `order` is the path in the store of what the driver is to do. UsageError for a schedule that is
    none."""
    name = dns_label(plan.name, LONGEST_NAME) or "notebook"
    told = {MANAGED_BY: MANAGER, DRIVER: "true", NOTEBOOK: name}
    texts = [f"{p.name}={default_text(p)}".replace("$(", "$$(") for p in plan.parameters]  # no variables of Kubernetes
    job = driver_job(profile, told, order, texts)
    metadata: dict[str, Any] = {"name": name} if schedule else {"generateName": f"{name}-"}
    if profile.namespace:
        metadata["namespace"] = profile.namespace
    metadata |= {"labels": told, "annotations": {PLAN: order}}
    if schedule is None:
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job}
    spec: dict[str, Any] = {"schedule": schedule.fields()}
    if schedule.timezone:
        spec["timeZone"] = schedule.timezone
    spec |= {"concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 300}
    spec["jobTemplate"] = {"metadata": {"labels": told}, "spec": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def text(made: dict[str, Any]) -> str:
    """The manifest as YAML."""
    return to_yaml(made, ABOUT)
