"""Carry values through blobs within one process: what `save` and `load` do, without a second process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nb2flow.runtime import groups
from nb2flow.runtime.blob import read_blob, write_blob
from nb2flow.runtime.carrier import restore


def carry(store: Path, **values: Any) -> tuple[dict[str, Any], list[set[str]]]:
    """(the values as a later step gets them, the groups they were saved in); problems fail."""
    found, problems = groups.pickle_groups(values)
    assert not problems, problems
    carried: dict[str, Any] = {}
    for group in found:
        name, _ = write_blob(store, {"names": group.names}, group.stream, group.buffers)
        blob = read_blob(store, name)
        carried.update(restore(blob.stream, blob.buffers))
    return carried, [set(group.names) for group in found]


def problems_of(**values: Any) -> dict[str, str]:
    """What is wrong with each variable that cannot be carried."""
    _, problems = groups.pickle_groups(values)
    return {problem["name"]: problem["error"] for problem in problems}
