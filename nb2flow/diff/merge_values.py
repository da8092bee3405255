"""Three versions of a JSON value made into one: metadata, attachments, and whatever else a cell carries.

Objects merge member by member and lists of tags as sets; other values are taken from the side that changed them. Where
both did, differently, the caller is told and the side that the strategy names wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nb2flow.diff.edits import digest
from nb2flow.diff.merge_text import Strategy
from nb2flow.diff.noise import MISSING
from nb2flow.diff.sameness import same

Report = Callable[[tuple[str, ...], Any, Any, Any], bool]


def merge_members(
    base: Mapping[str, Any],
    local: Mapping[str, Any],
    remote: Mapping[str, Any],
    strategy: Strategy,
    report: Report,
    path: tuple[str, ...] = (),
) -> dict[str, Any]:
    """One object of three. `report` is called with path and the three values where both sides changed one, and
    answers whether that matters; if not, either value will do."""
    merged: dict[str, Any] = {}
    keys = [*local, *(k for k in remote if k not in local)]
    for key in keys:
        value = merge_value(
            base.get(key, MISSING), local.get(key, MISSING), remote.get(key, MISSING), strategy, report, (*path, key)
        )
        if value is not MISSING:
            merged[key] = value
    return merged


def merge_value(base: Any, local: Any, remote: Any, strategy: Strategy, report: Report, path: tuple[str, ...]) -> Any:
    """One value of three; `MISSING` stands for none."""
    if _equal(local, remote) or _equal(remote, base):
        return local
    if _equal(local, base):
        return remote
    if isinstance(local, dict) and isinstance(remote, dict):
        old = base if isinstance(base, dict) else {}
        return merge_members(old, local, remote, strategy, report, path)
    if path[-1] == "tags" and _names(local) and _names(remote):
        return merge_names(base if _names(base) else [], local, remote)
    if not report(path, base, local, remote):
        return either(local, remote)
    return pick(base, local, remote, strategy)


def in_order(merged: dict[str, Any], local: Mapping[str, Any], remote: Mapping[str, Any]) -> dict[str, Any]:
    """The members as the local side has them in its file, then those of the remote side."""
    return {key: merged[key] for key in dict.fromkeys([*local, *remote, *merged]) if key in merged}


def pick(base: Any, local: Any, remote: Any, strategy: Strategy) -> Any:
    """The side that a strategy names; the local one where it names none."""
    return {"use-base": base, "use-remote": remote}.get(strategy, local)


def merge_names(base: list[Any], local: list[Any], remote: list[Any]) -> list[Any]:
    """A list of names that both sides added to and removed from: in the base's order, then as names sort."""
    gone = {n for n in base if n not in local or n not in remote}
    kept = [n for n in base if n not in gone]
    new = {n for n in [*local, *remote] if n not in base}
    return kept + sorted(new, key=str)


def either(local: Any, remote: Any) -> Any:
    """One of two values that mean the same to people, whichever side they are on."""
    return max((v for v in (local, remote) if v is not MISSING), key=digest)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _equal(a: Any, b: Any) -> bool:
    return a is b or (a is not MISSING and b is not MISSING and same(a, b))
