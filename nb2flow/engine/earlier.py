"""What earlier runs left that this one builds on: inputs of a step that runs alone, finished steps of a resumed run."""

from __future__ import annotations

from collections.abc import Mapping

from nb2flow.engine.cache import ResultCache
from nb2flow.engine.request import ancestors
from nb2flow.engine.workspace import Workspace
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.plan.model import Plan
from nb2flow.runs.manifest import Manifest
from nb2flow.runs.results import ResultStore
from nb2flow.runs.state import RunState


def refuse_if_inputs_are_missing(cache: ResultCache, plan: Plan, keys: Mapping[str, str], only: str) -> None:
    """UsageError unless every step before `only` has a result that is right to use."""
    manifests: dict[str, Manifest] = {}
    missing = []
    for name in ancestors(plan, only):
        result = cache.find(plan.step(name), keys[name], manifests, any_result=True)
        if result is None:
            missing.append(name)
        else:
            manifests[name] = result.read_manifest()
    if missing:
        raise UsageError(
            f"step {only} cannot run alone: {', '.join(missing)} must have run before, unchanged since",
            hint=f"run the whole notebook, or begin with `--from {missing[0]}`",
        )


def finished_steps(space: Workspace, results: ResultStore, state: RunState) -> dict[str, Manifest]:
    """The steps of a resumed run that are done and whose notebook, manifest and artifacts are all there."""
    finished = {}
    for name, step in state.steps.items():
        if step.status not in ("succeeded", "cached") or not space.folder.executed(name).exists():
            continue
        try:
            manifest = space.manifest(name)
        except EnvironmentFault:
            continue
        if results.has_blobs(manifest):
            finished[name] = manifest
    return finished
