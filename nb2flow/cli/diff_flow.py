"""`nbdiff --flow`: both versions analysed as `nb2flow check` would, their flows compared, the change told in words."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nb2flow.app.analysis import Analysis, analyse
from nb2flow.app.compiling import compiled
from nb2flow.cli.diff_output import dumps, load, raise_last
from nb2flow.cli.diff_sources import Pair, Version, parsable
from nb2flow.diff.flow import FlowDiff, StepKey, compare_flows
from nb2flow.diff.match import match
from nb2flow.diff.show.flow_text import render, to_json
from nb2flow.errors import NotebookError, PlanError
from nb2flow.flow.model import Flow
from nb2flow.plan.keys import step_keys

_NO_FLOW = Flow("", "python", "", "nb2flow", (), ())


def show_flow(pairs: Sequence[Pair], options: argparse.Namespace) -> bool:
    """Write the comparison of all pairs; returns whether any pipeline changed."""
    if options.json:
        found = [(pair, *_compare(pair)) for pair in pairs]
        values = [to_json(diff, pair.base.name, pair.remote.name) for pair, diff, _ in found]
        sys.stdout.flush()
        sys.stdout.buffer.write(dumps(values[0] if len(values) == 1 else values))
        sys.stdout.buffer.flush()
        return any(diff.changed for _, diff, _ in found)
    faults: list[NotebookError] = []
    changed = False
    for pair in pairs:
        try:
            diff, notes = _compare(pair)
        except NotebookError as fault:  # the others are told all the same
            faults.append(fault)
            continue
        changed |= diff.changed
        sys.stdout.write(f"--- {pair.base.name}\n+++ {pair.remote.name}\n")
        for line in [*render(diff), *notes]:
            sys.stdout.write(f"{line}\n")
    raise_last(faults)
    return changed


def _compare(pair: Pair) -> tuple[FlowDiff, list[str]]:
    matching = match(load(pair.base).cells, load(pair.remote).cells)
    with tempfile.TemporaryDirectory(prefix="nb2flow-diff-") as folder:
        old, new = (
            _analyse(v, Path(folder) / f"{side}.ipynb") for side, v in zip("ab", (pair.base, pair.remote), strict=True)
        )
    same = dict(matching.pairs)
    for split in matching.splits:
        same[split.one] = split.parts[0]
    for merge in matching.merges:
        same.update(dict.fromkeys(merge.parts, merge.one))
    keys = [_keys(side) for side in (old, new)]
    flows = [_NO_FLOW if side is None else side.flow for side in (old, new)]
    diff = compare_flows(flows[0], flows[1], same, keys[0], keys[1])
    notes = [
        f"{version.name} has errors (nb2flow check): what would run again cannot be told"
        for version, key in zip((pair.base, pair.remote), keys, strict=True)
        if key is None
    ]
    return diff, notes


def _analyse(version: Version, copy: Path) -> Analysis | None:
    """A version's analysis, from a copy of its bytes; None for a file that is not there."""
    if version.data is None:
        return None
    copy.write_bytes(parsable(version))
    return analyse(Path(Path(version.path).name), source=copy)


def _keys(analysis: Analysis | None) -> dict[str, StepKey] | None:
    """The content keys of the steps as if run now with the defaults, or None where no plan can be made."""
    if analysis is None:
        return {}
    try:
        plan = compiled(analysis).plan
    except (NotebookError, PlanError):
        return None
    contents = step_keys(plan, {}, "the same kernel")
    sources = {s.name: "\0".join(analysis.notebook.cells[c].source for c in s.cells) for s in analysis.flow.steps}
    return {step.name: StepKey(contents[step.name], sources.get(step.name, "")) for step in plan.steps}
