"""May the result of an earlier run stand for running the step again? Only when nothing it depended on has changed.

The content key covers code, parameters and the code before it. It cannot cover what the outside world did, so beside
the key a result is used only if: its artifacts exist; the artifacts it had loaded are the very ones that its
predecessors have now (one may have given something else although its code is the same); every file it read or
imported, and every file it wrote, has the digest it had then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from nb2flow.plan.model import PlanStep
from nb2flow.runs.files import ABSENT, FileDigests
from nb2flow.runs.manifest import Manifest
from nb2flow.runs.results import ResultStore, StepResult

# What `state` steps hand on besides what is named as an input.
PROCESS_STATE = ("process:cwd", "process:environ", "process:syspath")


class ResultCache:
    """Results of earlier runs for the steps of the notebook that lies in `folder`."""

    def __init__(self, results: ResultStore, digests: FileDigests, folder: Path) -> None:
        self._results = results
        self._digests = digests
        self._folder = folder

    def find(
        self, step: PlanStep, key: str, manifests: Mapping[str, Manifest], *, any_result: bool = False
    ) -> StepResult | None:
        """A result of `step` that is right to use, given the manifests of the steps before it.

        With `any_result`, results that may not stand for a new execution (`cache:off`) count too.
        """
        result = self._results.get(key)
        if result is None or (result.not_reusable and not any_result):
            return None
        if not step.options.cache and not any_result:
            return None
        if result.inputs != inputs_of(step, manifests):
            return None
        unchanged = all(
            self._digest(path) == digest for files in (result.seen, result.written) for path, digest in files.items()
        )
        return result if unchanged else None

    def keep(
        self,
        step: PlanStep,
        key: str,
        run_id: str,
        seconds: float,
        manifest: Path,
        executed: Path,
        manifests: Mapping[str, Manifest],
    ) -> str:
        """Keep the result of a step that has just finished. Returns why it will not be used again, or nothing."""
        raw = manifest.read_bytes() if manifest.exists() else None
        known = msgspec.json.decode(raw, type=Manifest) if raw is not None else Manifest(step=step.name)
        why_not = _why_not_reusable(step, known if raw is not None else None)
        observed = known.observed
        written = set(observed.writes) | set(observed.deleted)
        seen = (set(observed.reads) | set(observed.modules) | set(step.files)) - written
        result = StepResult(
            key=key,
            run_id=run_id,
            step=step.name,
            seconds=seconds,
            manifest=msgspec.Raw(raw if raw is not None else msgspec.json.encode(known)),
            executed=f"{key}-{run_id.rsplit('-', 1)[-1]}.ipynb",
            inputs=inputs_of(step, manifests),
            seen=self._digests_of(seen),
            written=self._digests_of(written),
            not_reusable=why_not,
        )
        self._results.put(result, executed)
        return why_not

    def _digests_of(self, paths: Iterable[str]) -> dict[str, str]:
        return {path: self._digest(path) for path in sorted(paths)}

    def _digest(self, path: str) -> str:
        try:
            return self._digests.digest(self._folder / path)
        except ValueError:  # a null character in a path that some code tried to open
            return ABSENT


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


def _why_not_reusable(step: PlanStep, manifest: Manifest | None) -> str:
    if not step.options.cache:
        return "cache:off"
    if manifest is None:
        return "its files could not be observed"
    if manifest.observed.truncated:
        return "it touched more files than are kept track of"
    if manifest.observed.subprocess:
        return "it ran other programs, and nb2flow cannot see what those read"
    return ""
