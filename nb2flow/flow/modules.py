"""Modules that the notebook itself writes: importing one reads its file, and a module once imported is not its file.

Pure; knows units, not steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nb2flow.flow.effects import Unit


def written(units: Sequence[Unit]) -> dict[str, list[tuple[str, int]]]:
    """Name of a module that the notebook itself writes -> (path, unit that writes it)."""
    found: dict[str, list[tuple[str, int]]] = {}
    for unit in units:
        for use in unit.files:
            if use.writes and use.path and (use.path.endswith(".py") or "/" in use.path):
                name = use.path.split("/")[0].removesuffix(".py")
                found.setdefault(name, []).append((use.path, unit.index))
    return found


def outdated(units: Sequence[Unit], files: dict[str, list[tuple[str, int]]]) -> Iterator[tuple[str, Unit, Unit]]:
    """(module, unit that imports it, unit that uses it after its file was written anew): these need one kernel."""
    for name, places in files.items():
        writers = [w for path, w in places if path.endswith(".py")]
        users = [u for u in units if name in u.modules or name in u.uses] if writers else []
        late = [w for w in writers if users and w > users[0].index]
        if late and users[-1].index > late[0]:
            yield name, users[0], users[-1]
