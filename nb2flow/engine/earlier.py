"""What earlier runs left that this one builds on: inputs of a step that runs alone, finished steps of a resumed run."""

from __future__ import annotations

from collections.abc import Mapping

from nb2flow.engine.cache import ResultCache
from nb2flow.engine.guard import Finished
from nb2flow.engine.request import ancestors, predecessors
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


def finished_steps(
    space: Workspace, results: ResultStore, cache: ResultCache, state: RunState
) -> tuple[dict[str, Finished], dict[str, str]]:
    """The steps of a resumed run that are done and stay so, and what is to be told of others.

    Their notebook, manifest and artifacts must all be there, and what they read of the world must not have been changed
    since the run ended. The files that they wrote must be as the last of them left them: one that did not finish may
    have added to a file, and would do so again. What comes after a step that runs again has to be looked at again, too.
    """
    finished: dict[str, Finished] = {}
    remarks: dict[str, str] = {}
    anew: set[str] = set()
    touched = cache.not_as_left(state.plan, state.steps)
    for step in state.plan.steps:
        name, then = step.name, state.steps[step.name]
        if then.status not in ("succeeded", "cached") or anew & set(predecessors(step)):
            anew.add(name)
            continue
        manifest = _what_it_left(space, results, name)
        changed = cache.changed_since(step, then, state.ended_at) if manifest is not None else ""
        begun = cache.written(then) - set(manifest.observed.reads if manifest is not None else ())
        again = min(touched & begun, default="")  # who only goes on with a file would add to it once more
        changed = again or changed
        if manifest is None or again or (changed and state.ended_at is not None):
            anew.add(name)
            remarks |= {name: f"runs again: {changed} has changed since"} if changed else {}
            continue
        if changed:  # by what was running when the run was killed, perhaps
            remarks[name] = f"is kept, though {changed} has changed since: `nb2flow run` takes that into account"
        times = (then.started_at, then.ended_at) if then.status == "succeeded" else (None, None)
        finished[name] = Finished(manifest, *times)
    return finished, remarks


def touched_in_between(plan: Plan, name: str, manifest: Manifest, finished: Mapping[str, Finished]) -> bool:
    """Whether a step before `name` that was run in this run touched a file which `name` both read and wrote when this
    result was made.

    That step has then seen the file as `name` left it, and `name` would have gone on from there.
    """
    observed = manifest.observed
    changed = {*observed.writes, *observed.deleted} & {*observed.reads}
    if not changed:
        return False
    ran = [
        finished[n].manifest.observed for n in ancestors(plan, name) if n in finished and finished[n].began is not None
    ]
    return any(not changed.isdisjoint((*one.reads, *one.writes, *one.deleted)) for one in ran)


def _what_it_left(space: Workspace, results: ResultStore, name: str) -> Manifest | None:
    if not space.folder.executed(name).exists():
        return None
    try:
        manifest = space.manifest(name)
    except EnvironmentFault:
        return None
    return manifest if results.has_blobs(manifest) else None
