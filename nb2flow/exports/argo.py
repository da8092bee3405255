"""A plan as a Workflow, WorkflowTemplate or CronWorkflow of Argo: plan and profile in, manifest out. Pure.

The manifest holds the graph, what pods ask for, and parameters; notebooks and code lie in the store. Steps whose pods
are alike share a template, so that a plan of hundreds of steps stays far below what an API server takes. A step that
runs for each element of a list is a task that Argo expands (`argo_lists`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Literal

from nb2flow.errors import PlanError
from nb2flow.exports.argo_lists import Lists
from nb2flow.exports.manifest import LONGEST_NAME, NOTEBOOK, PLAN, Schedule, to_yaml
from nb2flow.flow.model import Parameter
from nb2flow.notebook.model import StepOptions
from nb2flow.notebook.names import dns_label, unique
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.plan.parameters import default_text
from nb2flow.pods.contract import PodExit
from nb2flow.pods.spec import MANAGED_BY, MANAGER, QUEUE, RUN, STEP, OneRun, Wish, pod_spec
from nb2flow.profiles import Profile

Kind = Literal["Workflow", "WorkflowTemplate"]
ENTRY = "pipeline"
_ON_EXIT = "on-exit"
_USUAL_TEMPLATE = "main"
# So it is told of a pod that used up its memory, that the cluster refuses, or for which an account is missing.
_FINAL = "OOMKilled|is forbidden|^serviceaccounts"
# Else a namespace that is "restricted", or has a quota of CPUs, takes no pod with Argo's own containers in it.
_RESTRICTED = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
}
_ARGOS_OWN = {"initContainers": [{"name": "init", **_RESTRICTED}], "containers": [{"name": "wait", **_RESTRICTED}]}
ABOUT = "the graph of a notebook for Argo Workflows; its code lies in the store."
MOST_BYTES = 1_000_000  # of 1.5 MB that an API server stores; the workflow's status needs room, too
MOST_ITEMS = 200  # tasks of a graph, and templates, that Argo's own schema allows
_ANY_FOLDER = "runs/{{workflow.name}}-{{workflow.uid}}"
_THIS_STEP = "{{inputs.parameters.step}}"
_START_SLACK = 600  # seconds for a pod to pull its image and fetch inputs before its step's own timeout counts
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")


def workflow(
    plan: Plan,
    profile: Profile,
    tasks: str,
    *,
    kind: Kind = "Workflow",
    schedule: Schedule | None = None,
    run: OneRun | None = None,
) -> dict[str, Any]:
    """The manifest. `tasks` is the folder of the store with the steps' tasks; a `schedule` makes a CronWorkflow; with
    a `run`, it is a Workflow for that alone.

    PlanError for what Argo would take for its own variables, or cannot name; UsageError for a schedule that is none.
    """
    name = dns_label(plan.name, LONGEST_NAME) or "notebook"
    spec = _spec(plan, profile, tasks, name, run)
    if run is not None:
        made = _manifest("Workflow", profile, {"name": run.name}, name, tasks, spec)
        made["metadata"]["labels"][RUN] = run.run_id
    elif schedule is not None:
        made = _manifest("CronWorkflow", profile, {"name": name}, name, tasks, _cron(schedule, spec))
    elif kind == "WorkflowTemplate":
        made = _manifest(kind, profile, {"name": name}, name, tasks, spec)
    else:
        made = _manifest("Workflow", profile, {"generateName": f"{name}-"}, name, tasks, spec)
    size = len(json.dumps(made).encode())
    if size > MOST_BYTES:
        raise PlanError(
            f"the manifest of {plan.name} would have {size / 1e6:.1f} MB, more than a cluster takes",
            hint="let steps ask for the same where they can: those that do share a template",
        )
    return made


def left_out(plan: Plan) -> tuple[str, ...]:
    """What Argo cannot have as it is here, in words: parameters that cannot be set, a graph that is too large."""
    told = [
        f"parameter {p.name} cannot be set in Argo, its default holds: {why}"
        for p in plan.parameters
        if (why := _obstacle(p))
    ]
    if len(plan.steps) > MOST_ITEMS:
        told.append(f"Argo takes {MOST_ITEMS} steps in one graph: these {len(plan.steps)} run in parts, in turn")
    return tuple(told)


def text(manifest: Mapping[str, Any]) -> str:
    """The manifest as YAML."""
    return to_yaml(manifest, ABOUT)


def _manifest(
    kind: str, profile: Profile, named: Mapping[str, str], notebook: str, tasks: str, spec: dict[str, Any]
) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(named)
    if profile.namespace:
        metadata["namespace"] = profile.namespace
    metadata["labels"] = {MANAGED_BY: MANAGER, NOTEBOOK: notebook}
    metadata["annotations"] = {PLAN: tasks}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _cron(schedule: Schedule, spec: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"schedules": [schedule.fields()]}
    if schedule.timezone:
        made["timezone"] = schedule.timezone
    return made | {"concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 300, "workflowSpec": spec}


# ---- the spec of a workflow ----


def _spec(plan: Plan, profile: Profile, tasks: str, notebook: str, run: OneRun | None) -> dict[str, Any]:
    settable = [p for p in plan.parameters if run is None and not _obstacle(p)]
    steps = tuple(step for step in plan.steps if run is None or step.name in run.steps)
    place = _Place(tasks, _ANY_FOLDER if run is None else run.folder, tuple(p.name for p in settable))
    lists = Lists(steps, run)
    templates, used = _templates(steps, profile, place, lists)
    pod = pod_spec(profile, Wish("", "", ""))
    labels = {NOTEBOOK: notebook} | ({RUN: run.run_id} if run else {})
    labels |= {QUEUE: profile.queue} if profile.queue else {}
    jobs = profile.jobs if run is None else run.jobs
    patch = {key: pod[key] for key in ("enableServiceLinks", "terminationGracePeriodSeconds")} | _ARGOS_OWN
    spec: dict[str, Any] = {"entrypoint": ENTRY}
    if settable:
        spec["arguments"] = {"parameters": [{"name": p.name, "value": default_text(p)} for p in settable]}
    spec |= {"parallelism": jobs} if jobs else {}
    spec |= {
        "podMetadata": {"labels": labels},
        "podSpecPatch": json.dumps(patch, sort_keys=True),
        "podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": f"{profile.keep}s"},
        "ttlStrategy": {"secondsAfterCompletion": profile.keep},
        "securityContext": pod["securityContext"],
    }
    spec |= {key: pod[key] for key in ("imagePullSecrets", "serviceAccountName") if key in pod}
    if profile.argo_executor:  # Argo's containers get this account's token, the step's container none
        spec |= {"automountServiceAccountToken": False, "executor": {"serviceAccountName": profile.argo_executor}}
    made = [*_graphs(steps, used, lists), *templates]
    if profile.argo_on_exit and run is None:  # whoever follows a run of ours sees its end
        spec["onExit"] = _ON_EXIT
        made.append(_on_exit(profile.argo_on_exit))
    if len(made) > MOST_ITEMS:
        raise PlanError(
            f"{plan.name} needs {len(made)} kinds of pods, more than the {MOST_ITEMS} templates that Argo allows",
            hint="let steps ask for the same where they can: those that do share a template",
        )
    return spec | {"templates": made}


def _on_exit(template: str) -> dict[str, Any]:
    """What runs last, however the workflow ended: a template of the cluster's own, which finds `workflow.status`."""
    name, _, its = template.partition("/")
    reference = {"name": name, "template": its or _USUAL_TEMPLATE}
    return {"name": _ON_EXIT, "steps": [[{"name": _ON_EXIT, "templateRef": reference}]]}


def _graphs(steps: tuple[PlanStep, ...], used: Mapping[str, str], lists: Lists) -> list[dict[str, Any]]:
    """The graph; in parts, one after the other, where there are more steps than Argo allows in one. A part holds steps
    that are about as far from the beginning, so that few wait for it longer than they must."""
    there = {step.name for step in steps}
    before = {step.name: [name for name in _before(step) if name in there] for step in steps}
    tasks = {step.name: _task(step, used, before[step.name]) | lists.given(step.name) for step in steps}
    if len(tasks) <= MOST_ITEMS:
        return [{"name": ENTRY, "dag": {"failFast": False, "tasks": list(tasks.values())}}]
    depth: dict[str, int] = {}
    for step_name in TopologicalSorter(before).static_order():
        depth[step_name] = 1 + max((depth[name] for name in before[step_name]), default=0)
    order = sorted(tasks, key=depth.__getitem__)
    parts = [order[i : i + MOST_ITEMS] for i in range(0, len(order), MOST_ITEMS)]
    names = [f"{ENTRY}-{number}" for number in range(1, len(parts) + 1)]
    homes = {step: name for name, part in zip(names, parts, strict=True) for step in part}
    outer = [
        {"name": name, "template": name}
        | ({"dependencies": [names[i - 1]]} if i else {})
        | lists.given_to_part(name, homes)
        for i, name in enumerate(names)
    ]
    made = [{"name": ENTRY, "dag": {"failFast": False, "tasks": outer}}]
    for name, part in zip(names, parts, strict=True):
        inner = [_within(tasks[step], frozenset(part)) | lists.given(step, homes) for step in part]
        made.append({"name": name, **lists.passed_on_by_part(name, homes), "dag": {"failFast": False, "tasks": inner}})
    return made


def _task(step: PlanStep, used: Mapping[str, str], before: list[str]) -> dict[str, Any]:
    task: dict[str, Any] = {"name": step.name, "template": used[step.name]}
    if before:
        task["dependencies"] = before
    return task


def _before(step: PlanStep) -> list[str]:
    return list(dict.fromkeys((*step.after, *step.inputs, *step.state)))


def _within(task: Mapping[str, Any], part: frozenset[str]) -> dict[str, Any]:
    """The task with what it waits for in its own part; earlier parts are over when it begins."""
    waits = [name for name in task.get("dependencies", ()) if name in part]
    return {k: waits if k == "dependencies" else v for k, v in task.items() if k != "dependencies" or waits}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where steps find their tasks and leave their results, and which parameters the workflow has."""

    tasks: str
    folder: str
    parameters: tuple[str, ...]


def _templates(
    steps: Iterable[PlanStep], profile: Profile, place: _Place, lists: Lists
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A template for each kind of pod, and for each step the name of its template.

    The pod of a step that asks for nothing is made by `step`, others by one named after the first step that needs it.
    """
    usual = _shape(_template(StepOptions(), profile, place))
    names: dict[str, str] = {}
    made: list[dict[str, Any]] = []
    used: dict[str, str] = {}
    for step in steps:
        _refuse_variables(step)
        template = lists.prepared(step.name, _template(step.options, profile, place, lists.arguments(step.name)))
        shape = _shape(template)
        if shape not in names:
            wanted = "step" if shape == usual else f"step-{step.name}"
            names[shape] = (
                wanted if wanted == "step" else unique(wanted[:63].strip("-"), {ENTRY, _ON_EXIT, *names.values()})
            )
            made.append({"name": names[shape], **template})
        used[step.name] = names[shape]
    return made, used


def _shape(template: Mapping[str, Any]) -> str:
    return json.dumps(template, sort_keys=True)


def _template(options: StepOptions, profile: Profile, place: _Place, more: tuple[str, ...] = ()) -> dict[str, Any]:
    given = tuple(f"--parameter={name}={{{{workflow.parameters.{name}}}}}" for name in place.parameters)
    wish = Wish("", "", f"{place.tasks}/{_THIS_STEP}.json", options, (f"--run={place.folder}", *more, *given))
    pod = pod_spec(profile, wish)
    metadata: dict[str, Any] = {"labels": {**dict(options.labels), STEP: _THIS_STEP}}
    if options.annotations:
        metadata["annotations"] = dict(options.annotations)
    made: dict[str, Any] = {
        "inputs": {"parameters": [{"name": "step"}]},
        "metadata": metadata,
        "retryStrategy": _retries(profile, options),
    }
    if options.timeout is not None:
        made["activeDeadlineSeconds"] = int(options.timeout) + _START_SLACK
    made |= {key: pod[key] for key in ("nodeSelector", "tolerations") if key in pod}
    container = {key: value for key, value in pod["containers"][0].items() if key != "name"}  # Argo calls it `main`
    return made | {"container": container, "volumes": pod["volumes"]}


def _retries(profile: Profile, options: StepOptions) -> dict[str, Any]:
    """A lost pod is replaced, unless another one would be lost in the same way; an error of the notebook is tried again
    only as often as the step says."""
    final = f"asInt(lastRetry.exitCode) not in [{PodExit.STEP_FAILED:d}, {PodExit.REFUSED:d}]"
    final += f" && not (lastRetry.message matches '{_FINAL}')"
    if options.retries:
        again = f"asInt(lastRetry.exitCode) == {PodExit.STEP_FAILED:d} && asInt(retries) < {options.retries}"
        final = f"{final} || ({again})"
    return {
        "limit": profile.pod_retries + options.retries,
        "retryPolicy": "Always",
        "expression": final,
        "backoff": {"duration": "10s", "factor": 2},
    }


# ---- what Argo would misread ----


def _obstacle(parameter: Parameter) -> str:
    if not _PARAMETER.fullmatch(parameter.name):
        return "Argo takes names of ASCII letters, digits, _ and - only"
    if "{{" in default_text(parameter):
        return "Argo would take {{ in its default for a variable of its own"
    return ""


def _refuse_variables(step: PlanStep) -> None:
    options = step.options
    pairs = (*options.labels, *options.annotations, *options.node)
    said = [options.image or "", options.gpu_resource, *options.secrets, *(text for pair in pairs for text in pair)]
    said += [text or "" for text in (options.cpu, options.memory, options.disk)]
    wrong = next((text for text in said if "{{" in text), None)
    if wrong is not None:
        raise PlanError(
            f"step '{step.name}' asks for '{wrong}': Argo would take {{{{ for a variable of its own",
            hint="write it without {{",
        )
