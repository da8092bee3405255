"""Three versions of one cell made into one.

Sources merge line by line; outputs follow the side that changed the source, because only they can be right; metadata
merges by key, noise without ado. A conflict is marked where it is: in the source, or in the cell's metadata under
`merge-conflicts`. Cells here are in the joined shape (`layout.join_cell`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from nb2flow.diff import noise
from nb2flow.diff.edits import digest
from nb2flow.diff.merge_text import Labels, Strategy, merge_text, resolve
from nb2flow.diff.merge_values import either, in_order, merge_members, merge_value, pick
from nb2flow.diff.noise import MISSING
from nb2flow.diff.sameness import same

OutputStrategy = Literal[
    "follow", "clear", "remove", "clear-all", "inline", "union", "use-base", "use-local", "use-remote"
]
CellDict = dict[str, Any]


class Options(NamedTuple):
    """How conflicts are treated: in sources, in everything else, in outputs; and what marks call the versions."""

    strategy: Strategy = "inline"
    sources: Strategy = "inline"
    outputs: OutputStrategy = "follow"
    labels: Labels = Labels()


Report = Callable[[str], None]
_OWN = frozenset({"source", "outputs", "execution_count", "metadata", "id", "cell_type", "attachments"})


def merge_cell(base: CellDict, local: CellDict, remote: CellDict, options: Options, report: Report) -> CellDict:
    """One cell of three; `report` is called with what each conflict is about."""
    conflicts: dict[str, Any] = {}

    def note(path: tuple[str, ...], old: Any, mine: Any, theirs: Any) -> bool:
        if path[0] == "metadata" and len(path) > 1 and path[1] in noise.CELL_KEYS:
            return False
        if not options.strategy.startswith("use-"):  # a side that was named resolves a conflict
            report("/".join(path))
        conflicts["/".join(path)] = {k: v for k, v in (("local", mine), ("remote", theirs)) if v is not MISSING}
        return True

    merged: CellDict = {}
    for key in ["cell_type", *sorted(k for k in local.keys() | remote.keys() if k not in _OWN)]:
        value = merge_value(
            base.get(key, MISSING), local.get(key, MISSING), remote.get(key, MISSING), options.strategy, note, (key,)
        )
        if value is not MISSING:
            merged[key] = value
    for key in ("metadata", "attachments"):
        if key in local or key in remote:
            old, mine, theirs = (_object(side.get(key)) for side in (base, local, remote))
            found = merge_members(old, mine, theirs, options.strategy, note, (key,))
            if found or key == "metadata" or (key in local and key in remote):
                merged[key] = found
    identity = _identity(base, local, remote)
    if identity is not None:
        merged["id"] = identity
    before, left, right = (_text(side.get("source", "")) for side in (base, local, remote))
    source = merge_text(before, left, right, options.sources, options.labels)
    merged["source"] = source.text
    for _ in range(source.conflicts if options.sources == "inline" else 0):
        report("source")
    if merged.get("cell_type") == "code":
        merged |= _merge_outputs(base, local, remote, options, report)
    if conflicts and options.strategy == "inline":
        merged["metadata"] = {**merged.get("metadata", {}), "merge-conflicts": conflicts}
    return in_order(merged, local, remote)


def conflicting(local: CellDict | None, remote: CellDict | None, options: Options) -> CellDict:
    """A cell that one side has edited and the other removed, or that both have added differently."""
    kept = local if local is not None else remote
    assert kept is not None
    mine = [] if local is None else _text(local.get("source", "")).split("\n")
    theirs = [] if remote is None else _text(remote.get("source", "")).split("\n")
    merged = {**kept, "source": "\n".join(resolve([], mine, theirs, options.sources, options.labels))}
    if merged.get("cell_type") == "code":
        merged |= {"outputs": [], "execution_count": None}
    return merged


def _merge_outputs(base: CellDict, local: CellDict, remote: CellDict, options: Options, report: Report) -> CellDict:
    """Outputs and execution count; they belong together."""
    if options.outputs == "clear-all":
        return {"outputs": [], "execution_count": None}
    edited_locally = local.get("source") != base.get("source")
    edited_remotely = remote.get("source") != base.get("source")
    sides = [_outputs(side) for side in (base, local, remote)]
    if local.get("source") == remote.get("source"):
        edited_locally = edited_remotely = False
    if edited_locally != edited_remotely:
        side = local if edited_locally else remote
        return _outputs_of(side)
    if same(sides[1], sides[2]):
        count = either(local.get("execution_count"), remote.get("execution_count"))
        return {"outputs": sides[1], "execution_count": count}
    if not edited_locally:
        if same(sides[1], sides[0]):
            return _outputs_of(remote)
        if same(sides[2], sides[0]):
            return _outputs_of(local)
    return _conflicting_outputs(base, local, remote, options, report, edited_locally)


def _conflicting_outputs(
    base: CellDict, local: CellDict, remote: CellDict, options: Options, report: Report, edited: bool
) -> CellDict:
    """Both sides have their own outputs. Of a source that both edited neither is right; of one that nobody edited,
    the later execution is as good as the other."""
    named = {"use-base": base, "use-local": local, "use-remote": remote}.get(options.outputs)
    if named is not None:
        return _outputs_of(named)
    if options.outputs in ("clear", "remove") or (edited and options.outputs == "follow"):
        return {"outputs": [], "execution_count": None}
    if options.outputs == "follow":
        return _outputs_of(max(local, remote, key=_age))
    if options.outputs == "inline":
        report("outputs")
        both = [
            _mark(f"<<<<<<< {options.labels.local}"),
            *_outputs(local),
            _mark("======="),
            *_outputs(remote),
            _mark(f">>>>>>> {options.labels.remote}"),
        ]
    else:
        both = [*_outputs(local), *(o for o in _outputs(remote) if o not in _outputs(local))]
    return {"outputs": both, "execution_count": None}


def _mark(text: str) -> CellDict:
    return {"output_type": "stream", "name": "stderr", "text": f"{text}\n"}


def _age(cell: CellDict) -> tuple[int, str]:
    count = cell.get("execution_count")
    return (count if isinstance(count, int) else 0), digest(_outputs(cell))


def _outputs(cell: CellDict) -> list[Any]:
    found = cell.get("outputs")
    return found if isinstance(found, list) else []


def _outputs_of(cell: CellDict) -> CellDict:
    return {"outputs": _outputs(cell), "execution_count": cell.get("execution_count")}


def _identity(base: CellDict, local: CellDict, remote: CellDict) -> Any:
    """One id: the side's that changed it; where both did, the base's, which nobody else has."""
    old, mine, theirs = (side.get("id") for side in (base, local, remote))
    if mine == theirs or theirs == old:
        return mine
    if mine == old:
        return theirs
    return old if old is not None else either(mine, theirs) if mine and theirs else pick(old, mine, theirs, "inline")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
