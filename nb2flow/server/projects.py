"""The projects below the server's root and their runs, whoever started them.

A run lives in its project's `.nb2flow` folder. Which projects there are is learnt from requests and by looking through
the folders below the root, now and then and no further than a bound, so that runs of the command line are seen too.
States of runs are folded from their events once and kept until the next event. Thread-safe.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from nb2flow import config
from nb2flow.app import history
from nb2flow.app.history import Found
from nb2flow.config import Settings
from nb2flow.errors import Nb2flowError, UsageError
from nb2flow.runs.folders import Home, RunFolder, checked_label
from nb2flow.runs.lock import is_driven
from nb2flow.runs.state import RunState, apply, fold
from nb2flow.runs.store import RunStore
from nb2flow.server.places import MissingError

_DEPTH = 5
_MOST_FOLDERS = 3000
_LOOK_AGAIN = 30.0
_MOST_STATES = 1000
_PASSED_BY = ("node_modules", "__pycache__", "site-packages")


@dataclass(frozen=True, slots=True)
class Listed:
    """A run of a project as it stands, with the number of its last event."""

    found: Found
    last: int


class Projects:
    """All projects that are known."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._settings: dict[Path, Settings] = {}
        self._states: OrderedDict[tuple[Path, str], tuple[int, RunState]] = OrderedDict()
        self._guard = threading.Lock()
        self._looked = 0.0

    def of(self, file: Path) -> Settings:
        """The settings of the project of a notebook or folder, which is known from now on."""
        settings = config.find(file)
        with self._guard:
            self._settings[settings.home] = settings
        return settings

    def all(self) -> list[Settings]:
        """The settings of all projects that have runs."""
        self._look()
        with self._guard:
            known = list(self._settings.values())
        return [s for s in known if Home(s.home).database.is_file()]

    def known(self) -> list[Settings]:
        """The same without looking for new ones."""
        with self._guard:
            return list(self._settings.values())

    def find(self, run_id: str) -> Found:
        """The run of this id, in whatever project. MissingError when there is none."""
        checked_label(run_id, "run")
        for again in (False, True):
            if again:
                self._look(force=True)
            for settings in self.known():
                try:
                    return self.listed(settings, run_id).found
                except UsageError:
                    continue
        raise MissingError(f"there is no run '{run_id}'", hint="it was deleted, or is of another project")

    def heads(self, settings: Settings) -> dict[str, tuple[int, int]]:
        """For each run of a project the numbers of its first and last event."""
        with RunStore(settings.home) as store:
            return store.heads()

    def listed(self, settings: Settings, run_id: str) -> Listed:
        """A run of a project as it stands. UsageError when the project has none of this id."""
        key = (settings.home, run_id)
        with self._guard:
            last, state = self._states.get(key, (0, None))
        with RunStore(settings.home) as store:
            news = store.events(run_id, last)
        if state is None and not news:
            raise UsageError(f"there is no run '{run_id}'")
        if state is None:
            state = fold(event for _, event in news)
        else:
            for _, event in news:
                state = apply(state, event)
        last = news[-1][0] if news else last
        with self._guard:
            self._states[key] = (last, state)
            self._states.move_to_end(key)
            while len(self._states) > _MOST_STATES:
                self._states.popitem(last=False)
        folder = Home(settings.home).run(run_id)
        return Listed(history.Found(_as_it_is(state, folder), folder, settings), last)

    def forget(self, run_id: str) -> None:
        """A run has been deleted."""
        with self._guard:
            for key in [k for k in self._states if k[1] == run_id]:
                del self._states[key]

    def _look(self, *, force: bool = False) -> None:
        now = time.monotonic()
        with self._guard:
            if self._root is None or (self._looked and not force and now - self._looked < _LOOK_AGAIN):
                return
            self._looked = now
        for folder in _with_runs(self._root):
            try:
                self.of(folder)
            except Nb2flowError:
                continue  # a settings file that cannot be read is told when its project is asked for


def _with_runs(root: Path) -> list[Path]:
    """Folders at and below `root` that hold a `.nb2flow` with runs, nearest first."""
    found, todo, seen = [], [(root, 0)], 0
    while todo and seen < _MOST_FOLDERS:
        folder, depth = todo.pop(0)
        seen += 1
        if (folder / config.HOME / "runs.db").is_file():
            found.append(folder)
        if depth >= _DEPTH:
            continue
        try:
            with os.scandir(folder) as entries:
                below = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
        except OSError:
            continue
        todo += [(folder / n, depth + 1) for n in below if not n.startswith(".") and n not in _PASSED_BY]
    return found


def _as_it_is(state: RunState, folder: RunFolder) -> RunState:
    """A run that says it goes on though nobody drives it was interrupted."""
    if state.status in ("created", "running") and not is_driven(folder):
        return replace(state, status="interrupted")
    return state
