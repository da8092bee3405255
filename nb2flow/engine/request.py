"""What a run is asked for, as a value, and what that means for each step. Reads nothing, runs nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nb2flow.engine.signals import StepOrder, Treatment
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.plan.model import CompiledPlan, Plan, PlanStep
from nb2flow.runs.attempt import Import
from nb2flow.runs.events import RunCreated
from nb2flow.runs.portable import portable

DEFAULT_OUTPUT_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to be driven.

    `notebook` is the source notebook (steps run in its folder), `home` the `.nb2flow` folder; `parameters` are the
    values that were given, bound to their types; `kernel` is the kernelspec's name; `runtime` is the runtime's files by
    name and `runtime_digest` their digest. `only` and `start_from` name a step. With `resume`, the run exists: finished
    steps are kept, and its own record of what it was asked for counts. `environ` is what kernels inherit; `profile` is
    the name of the profile that says where steps run, for the record. `leave`: as soon as a pilot has what is left to
    do, leave it alone. `imports` may be loaded before kernels begin (`flow.first_imports`).
    """

    run_id: str
    compiled: CompiledPlan
    notebook: Path
    home: Path
    kernel: str
    runtime: Mapping[str, bytes]
    runtime_digest: str
    environ: Mapping[str, str]
    jobs: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    only: str | None = None
    start_from: str | None = None
    use_cache: bool = True
    output_limit: int = DEFAULT_OUTPUT_LIMIT
    versions: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    profile: str = ""
    leave: bool = False
    imports: tuple[Import, ...] = ()


def check(request: RunRequest, *, secrets_here: bool = True) -> None:
    """Refuse what cannot be done, before anything is written. UsageError or EnvironmentFault.

    `secrets_here`: secrets are variables of our own environment.
    """
    plan = request.compiled.plan
    names = [step.name for step in plan.steps]
    for option, name in (("--only", request.only), ("--from", request.start_from)):
        if name is not None and name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else "the steps are " + ", ".join(names)
            raise UsageError(f"{option}: there is no step called '{name}'", hint=hint)
    asked = plan.steps if request.only is None else [plan.step(request.only)]
    missing = {secret: step.name for step in asked for secret in step.options.secrets if secret not in request.environ}
    if missing and secrets_here:
        named = ", ".join(f"{secret} (step {step})" for secret, step in sorted(missing.items()))
        raise EnvironmentFault(
            f"secrets that steps ask for are not set here: {named}",
            hint="a step's `secret:NAME` takes its value from the environment variable NAME of nb2flow itself",
        )


def creation(request: RunRequest, plan: Mapping[str, Any], engine: str, now: float) -> RunCreated:
    """The event with which the run begins."""
    return RunCreated(
        at=now,
        run_id=request.run_id,
        notebook=str(request.notebook),
        plan=dict(plan),
        parameters=portable(request.parameters),
        only=request.only,
        start_from=request.start_from,
        use_cache=request.use_cache,
        versions=dict(request.versions),
        engine=engine,
        kernel=request.kernel,
        profile=request.profile,
    )


def orders(
    request: RunRequest,
    plan: Plan,
    keys: Mapping[str, str],
    *,
    kept: Iterable[str] = (),
    fresh: Iterable[str] = (),
    attempts: Mapping[str, int] | None = None,
) -> list[StepOrder]:
    """The steps in the plan's order with what is to be done with each.

    `kept` are done already; `fresh` must run whatever earlier runs gave; `attempts` were made before.
    """
    kept, fresh = set(kept), set(fresh)
    if request.start_from in {step.name for step in plan.steps}:
        fresh |= _from(plan, str(request.start_from))
    needed = None if request.only is None else {request.only, *ancestors(plan, request.only)}

    def treatment(step: PlanStep) -> Treatment:
        if step.name in kept:
            return Treatment.KEPT
        if needed is not None:
            if step.name == request.only:
                return Treatment.FRESH
            return Treatment.USUAL if step.name in needed else Treatment.LEFT_OUT
        return Treatment.FRESH if step.name in fresh or not request.use_cache else Treatment.USUAL

    return [
        StepOrder(
            name=step.name,
            after=predecessors(step),
            key=keys[step.name],
            retries=step.options.retries,
            treatment=treatment(step),
            attempts=(attempts or {}).get(step.name, 0),
        )
        for step in plan.steps
    ]


def predecessors(step: PlanStep) -> tuple[str, ...]:
    """All steps that must have finished before `step`, each once."""
    return tuple(dict.fromkeys((*step.after, *step.inputs, *step.state)))


def ancestors(plan: Plan, name: str) -> list[str]:
    """All steps that `name` depends on, directly or not, in the plan's order."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        fresh = {source for source in predecessors(plan.step(waiting.pop())) if source in plan.places} - found
        found |= fresh
        waiting.extend(fresh)
    return sorted(found, key=plan.places.__getitem__)


def _from(plan: Plan, name: str) -> set[str]:
    reached = {name, *(step.name for step in plan.steps if step.element is not None and step.element.of == name)}
    for step in plan.steps:
        if reached & set(predecessors(step)):
            reached.add(step.name)
    return reached
