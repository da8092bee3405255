"""Tells listeners that a run has changed, whoever drives it: the server, the command line, a process that has died.

Looks at the run logs of the known projects (their size and time first, their content only when these are new) and at
the locks of runs that go on. What it says is "look again": what has changed is for the listener to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nb2flow.app import detached
from nb2flow.config import Settings
from nb2flow.errors import Nb2flowError
from nb2flow.runs.folders import Home
from nb2flow.runs.lock import is_driven
from nb2flow.server.projects import Projects

SCHEMA = "urn:nb2flow:run-changed:v1"
EVERY = 0.5  # seconds between looks
_NEWEST = 200

Tell = Callable[[str, str], None]


@dataclass(slots=True)
class _Seen:
    look: tuple[int, ...] = ()
    last: dict[str, int] = field(default_factory=dict)
    going: set[str] = field(default_factory=set)


class Watcher:
    """Looks when `look` is called; never from two threads at a time."""

    def __init__(self, projects: Projects, tell: Tell) -> None:
        self._projects = projects
        self._tell = tell
        self._seen: dict[Path, _Seen] = {}

    def look(self) -> None:
        """Tell about each run that has changed since the last look, with its status."""
        detached.reap()
        for settings in self._projects.all():
            first = settings.home not in self._seen
            seen = self._seen.setdefault(settings.home, _Seen())
            try:
                self._look_at(settings, seen, told=not first)
            except Nb2flowError:
                continue  # whoever asks for these runs is told

    def _look_at(self, settings: Settings, seen: _Seen, *, told: bool) -> None:
        home = Home(settings.home)
        dead = {run for run in seen.going if not is_driven(home.run(run))}
        look = _look(home)
        changed: set[str] = set()
        if look != seen.look:
            heads = self._projects.heads(settings)
            last = {run: end for run, (_, end) in heads.items()}
            changed = {run for run, end in last.items() if seen.last.get(run) != end}
            for run in seen.last.keys() - last.keys():
                self._tell(run, "deleted")
            seen.look, seen.last = look, last
        newest = [run for run in list(seen.last)[-_NEWEST:] if run in changed] if not told else list(changed)
        for run in {*newest, *(dead & seen.last.keys())}:
            status = self._projects.listed(settings, run).found.state.status
            (seen.going.add if status in ("created", "running") else seen.going.discard)(run)
            if told:
                self._tell(run, status)
        seen.going -= dead


def _look(home: Home) -> tuple[int, ...]:
    found: list[int] = []
    for path in (home.database, home.database.with_name(home.database.name + "-wal")):
        try:
            status = path.stat()
        except OSError:
            found += [0, 0]
        else:
            found += [status.st_mtime_ns, status.st_size]
    return tuple(found)
