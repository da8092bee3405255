"""Runs that are, and were: found by id, read from the event log, with the files they left."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb2flow import config
from nb2flow.app import copies
from nb2flow.app.analysis import unknown_step
from nb2flow.config import Settings
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.runs.events import AnyEvent
from nb2flow.runs.folders import Home, RunFolder, disk_faults
from nb2flow.runs.lock import RunLock
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore, RunSummary

GOING = ("created", "running")


@dataclass(frozen=True, slots=True)
class Found:
    """A run: its state now, its folder and the settings of its project. `stale`: why that may be an older state, of a
    run that is driven elsewhere; empty when it is not."""

    state: RunState
    folder: RunFolder
    settings: Settings
    stale: str = ""

    def step(self, name: str) -> str:
        """`name` if the run has such a step; UsageError with a guess otherwise."""
        if name in self.state.steps:
            return name
        raise unknown_step(name, list(self.state.steps))

    def executed(self, step: str) -> Path:
        """The executed notebook of a step. UsageError when the step has not run."""
        path = self.folder.executed(self.step(step))
        if not path.is_file():
            status = self.state.steps[step].status
            raise UsageError(f"step '{step}' has no executed notebook: it is {status}", hint="`nb2flow show` says why")
        return path

    def notebook(self, step: str) -> dict[str, Any] | None:
        """The executed notebook of a step as JSON values; None when there is none (or only half of one)."""
        return _json(self.folder.executed(step))

    def log(self, step: str) -> str:
        """What the kernel's process printed outside of cells."""
        try:
            return self.folder.log(step).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def source(self, step: str, cell_id: str) -> str:
        """The source of an author's cell, as the step has it or, where it is only replayed there, the notebook."""
        planned = self.folder.steps / self.state.plan.step(step).notebook
        for document in (_json(planned), self.notebook(step), _json(self.folder.source)):
            for cell in (document or {}).get("cells", ()):
                if isinstance(cell, dict) and cell_id and cell.get("id") == cell_id:
                    source = cell.get("source", "")
                    return source if isinstance(source, str) else "".join(source)
        return ""


def settings_at(start: Path) -> Settings:
    """The settings for a command that is typed in folder `start` (or that names a notebook there)."""
    return config.find(start) if start.is_file() else config.find_home(start)


@contextlib.contextmanager
def store_of(settings: Settings) -> Iterator[RunStore]:
    """The project's run store, closed at the end."""
    with RunStore(settings.home) as store:
        yield store


def summaries(start: Path) -> list[RunSummary]:
    """One line for each run of the project at `start`, the newest first."""
    with store_of(settings_at(start)) as store:
        return store.runs()


def states(start: Path, limit: int) -> list[RunState]:
    """The newest `limit` runs of the project at `start`, in full."""
    settings = settings_at(start)
    with store_of(settings) as store:
        shown = store.runs()[:limit]
    for summary in shown:
        if summary.status in GOING:
            _bring(settings, summary.run_id)
    with store_of(settings) as store:
        return [store.state(s.run_id) for s in shown]


def find(start: Path, name: str) -> Found:
    """The run that `name` means (an id, its beginning, or `last`). UsageError when there is none."""
    settings = settings_at(start)
    with store_of(settings) as store:
        run_id = store.find(name)
        found = Found(store.state(run_id), Home(settings.home).run(run_id), settings)
    return again(found) if found.state.status in GOING else found


def exactly(settings: Settings, run_id: str) -> Found:
    """The run with just this id. UsageError when the project has none."""
    with store_of(settings) as store:
        return Found(store.state(run_id), Home(settings.home).run(run_id), settings)


def delete(found: Found) -> None:
    """Delete a run that has ended: its events and its folder; results of its steps stay for later runs to take.

    UsageError when somebody drives it, EnvironmentFault when its files cannot be deleted.
    """
    run_id = found.state.run_id
    lock = RunLock(found.folder.lock)
    if found.folder.path.is_dir():
        lock.acquire(run_id)
    try:
        with store_of(found.settings) as store:
            store.delete(run_id)
        with disk_faults(found.folder.path):
            if found.folder.path.is_dir():
                shutil.rmtree(found.folder.path)
    finally:
        lock.release()


def events(found: Found, since: int = 0) -> list[tuple[int, AnyEvent]]:
    """The run's events with numbers above `since`, each with its number."""
    with store_of(found.settings) as store:
        return store.events(found.state.run_id, since)


def again(found: Found) -> Found:
    """The same run as it stands now."""
    stale = _bring(found.settings, found.state.run_id)
    with store_of(found.settings) as store:
        return Found(store.state(found.state.run_id), found.folder, found.settings, stale)


def _bring(settings: Settings, run_id: str) -> str:
    """Bring the copy of a run that is driven elsewhere up to date; returns why that was not possible."""
    try:
        if copies.is_copy(Home(settings.home).run(run_id)):
            copies.bring(settings, run_id)
    except (EnvironmentFault, UsageError) as fault:
        return fault.message
    return ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
