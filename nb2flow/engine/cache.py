"""May the result of an earlier run stand for running the step again? Only when nothing it depended on has changed.

The content key covers code, parameters and the code before it. It cannot cover what the outside world did, so beside
the key a result is used only if: its artifacts exist; the artifacts it had loaded are the very ones that its
predecessors have now (one may have given something else although its code is the same); every file it read or
imported, and every file it wrote, has the digest it had then, and what else of the world it asked for is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from nb2flow.engine.world import CHANGING, World
from nb2flow.plan.model import Plan, PlanStep
from nb2flow.runs.manifest import Manifest, Observed
from nb2flow.runs.results import Depended, ResultStore, StepResult
from nb2flow.runs.state import StepState

# What `state` steps hand on besides what is named as an input.
PROCESS_STATE = ("process:cwd", "process:environ", "process:syspath")


class ResultCache:
    """Results of earlier runs for the steps of a notebook in its `world`."""

    def __init__(self, results: ResultStore, world: World) -> None:
        self._results = results
        self._world = world

    def find(
        self,
        step: PlanStep,
        key: str,
        manifests: Mapping[str, Manifest],
        *,
        any_result: bool = False,
        last: Callable[[], Mapping[str, str]] = dict,
    ) -> StepResult | None:
        """A result of `step` that is right to use, given the manifests of the steps before it.

        With `any_result`, results that may not stand for a new execution (`cache:off`) count too. `last` is what
        `left_if_nothing_runs` says, asked only where it matters.
        """
        result = self._results.get(key)
        if result is None or (result.not_reusable and not any_result):
            return None
        if not step.options.cache and not any_result:
            return None
        if result.inputs != inputs_of(step, manifests):
            return None
        return result if self._world.is_as_it_was(step, result.world, last) else None

    def left_if_nothing_runs(self, plan: Plan, keys: Mapping[str, str]) -> Mapping[str, str]:
        """How each file that the plan's steps make was left by the last that wrote it, if each step has a result that
        is right to use as long as the others have, too; else nothing.

        A step that begins a file, or empties a folder, would have to run again as soon as later ones have written
        there. But where none of those runs either, all files are as the whole run left them. Not so what a step found
        when the run began: that is another thing by now.
        """
        results = {step.name: self._results.get(keys[step.name]) for step in plan.steps}
        found = {name: result for name, result in results.items() if result is not None}
        if len(found) < len(results):
            return {}
        manifests = {name: result.read_manifest() for name, result in found.items()}
        left = _made([(manifests[step.name].observed, found[step.name].world) for step in plan.steps])
        stands = all(self.find(s, keys[s.name], manifests, last=lambda: left) is not None for s in plan.steps)
        return left if stands else {}

    def changed_since(self, step: PlanStep, then: StepState, ended: float | None) -> str:
        """What has changed of that on which the result depends that `step` had in a run, since that run `ended`; empty
        when nothing has, or nobody knows. With None: at any time since the step itself did."""
        result = self._results.get(then.key)
        if result is None or then.ended_at is None:
            return ""
        return self._world.changed_since(step, result.world, ended or then.ended_at)

    def not_as_left(self, plan: Plan, steps: Mapping[str, StepState]) -> frozenset[str]:
        """Files that finished steps of a run wrote and that are not as the last of them left them."""
        left: dict[str, str] = {}
        for name in (step.name for step in plan.steps if steps[step.name].status in ("succeeded", "cached")):
            result = self._results.get(steps[name].key)
            left |= result.world.written if result is not None else {}
        return self._world.not_as_left(left)

    def written(self, then: StepState) -> frozenset[str]:
        """What a finished step of a run wrote, as far as it is known."""
        result = self._results.get(then.key)
        return frozenset(result.world.written if result is not None else ())

    def keep(
        self,
        step: PlanStep,
        key: str,
        run_id: str,
        seconds: float,
        manifest: Path,
        executed: Path,
        manifests: Mapping[str, Manifest],
        began: float | None = None,
        why_not: str = "",
    ) -> str:
        """Keep the result of a step that began then and has just finished. Returns why it will not be used again, or
        nothing; `why_not` is what the caller has against it."""
        raw = manifest.read_bytes() if manifest.exists() else None
        known = msgspec.json.decode(raw, type=Manifest) if raw is not None else Manifest(step=step.name)
        world = self._world.of(step, known.observed, began)
        why_not = why_not or _why_not_reusable(step, known if raw is not None else None, world.seen)
        result = StepResult(
            key=key,
            run_id=run_id,
            step=step.name,
            seconds=seconds,
            manifest=msgspec.Raw(raw if raw is not None else msgspec.json.encode(known)),
            executed=f"{key}-{run_id.rsplit('-', 1)[-1]}.ipynb",
            inputs=inputs_of(step, manifests),
            not_reusable=why_not,
            world=world,
        )
        self._results.put(result, executed)
        return why_not


def _made(steps: Iterable[tuple[Observed, Depended]]) -> dict[str, str]:
    """Files that were written before anybody asked for them, with how they were left in the end, given what each step
    was seen to do and what its result depends on, in the plan's order."""
    made: dict[str, str] = {}
    found_there: set[str] = set()
    emptied: tuple[str, ...] = ()
    for observed, world in steps:
        asked = {*observed.reads, *observed.looked, *world.seen, *world.looked}
        found_there |= {path for path in asked if path not in made and not path.startswith(emptied)}
        made |= {path: how for path, how in world.written.items() if path not in found_there}
        emptied = (*emptied, *(path for path in world.written if path.endswith("/")))
    return made


def inputs_of(step: PlanStep, manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """What `step` loads: each name that exists, with the digest of its blob.

    Who made it is not told: names of steps are nothing to those who load from them, as in their keys. A name is loaded
    from one step only; the process's state is from each of several, which are told apart by their place.
    """
    wanted = {name: (source, name) for source, names in step.inputs.items() for name in names}
    wanted |= {f"{at}:{name}": (source, name) for at, source in enumerate(step.state) for name in PROCESS_STATE}
    if step.element is not None and step.each is not None:  # which element it is stands in the key
        wanted.pop(step.each.name, None)
    found = {}
    for told, (source, name) in sorted(wanted.items()):
        manifest = manifests.get(source)
        output = manifest.outputs.get(name) if manifest is not None else None
        if output is not None:
            found[told] = output.identity
    return found


def _why_not_reusable(step: PlanStep, manifest: Manifest | None, seen: Mapping[str, str]) -> str:
    if not step.options.cache:
        return "cache:off"
    if manifest is None:
        return "its files could not be observed"
    if manifest.observed.truncated:
        return "it touched more files than are kept track of"
    if manifest.observed.subprocess:
        return "it ran other programs, and nb2flow cannot see what those read"
    changing = [path for path, digest in seen.items() if digest == CHANGING]
    if changing:
        more = f" and {len(changing) - 1} more" if len(changing) > 1 else ""
        return f"{changing[0]}{more} changed while it ran"
    return ""
