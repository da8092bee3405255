"""Runs in processes of their own, which go on when the one that asked for them has gone.

The order lies in the run's folder, beside the notebook's content as it was given; so a run that began is all on disk,
and whoever looks at the project sees it. What goes wrong before the run has its first event is left as a value in a
file. The process gets the environment of the one that asks, without what belongs to Jupyter alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from nb2flow import config, notebook
from nb2flow.app import copies, engines, history, refusals
from nb2flow.app.analysis import Analysis, analyse
from nb2flow.app.compiling import compiled
from nb2flow.app.editing import document_of
from nb2flow.app.history import Found
from nb2flow.app.refusals import raise_refusal
from nb2flow.app.running import Asked, resume, run
from nb2flow.config import Settings
from nb2flow.errors import EnvironmentFault, Nb2flowError, UsageError
from nb2flow.plan import bind
from nb2flow.runs.folders import Home, RunFolder, disk_faults, new_run_id, replace_file
from nb2flow.runs.lock import is_held
from nb2flow.runs.portable import portable, restored
from nb2flow.runs.store import RunStore

_JUPYTERS_OWN = ("JUPYTERHUB_", "JPY_", "JUPYTER_SERVER_", "CONFIGPROXY_")
_SECRETS = ("JUPYTER_TOKEN",)
PATIENCE = 60.0  # seconds that a new run may take until its first event
_LOOK_EVERY = 0.05


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. `notebook` is the path that it has (or had); its content lies in the run's folder."""

    notebook: str
    parameters: dict[str, Any] = {}
    only: str | None = None
    start_from: str | None = None
    use_cache: bool = True
    split: str | None = None
    kernel: str | None = None
    jobs: int | None = None
    engine: str | None = None
    profile: str | None = None


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has begun: its id and the SHA-256 of the notebook's file in its folder."""

    run_id: str
    content_hash: str


def start(order: Order, content: Mapping[str, Any], settings: Settings | None = None) -> Launched:
    """Run this content as the notebook at `order.notebook`; returns when the run has its first event.

    Raises what `run` raises: NotebookError for a notebook with errors, UsageError for parameters and steps,
    EnvironmentFault for a kernel that is missing, a full disk, …
    """
    path = Path(order.notebook)
    settings = settings or config.find(path)
    document = document_of(content, path)
    run_id = new_run_id(document.name)
    home = Home(settings.home)
    folder = home.run(run_id)
    home.create()
    data = notebook.writes(content)
    with disk_faults(folder.path):
        folder.create()
        replace_file(folder.source, data)
        replace_file(folder.order, msgspec.json.encode(order))
    try:
        _refuse_early(order, folder, settings)
        _spawn(folder, "run")
        _wait_for_event(folder, settings, run_id, after=0)
    except Nb2flowError:
        _take_back(folder, settings, run_id)
        raise
    return Launched(run_id=run_id, content_hash=hashlib.sha256(data).hexdigest())


def go_on(found: Found) -> Launched:
    """Resume a run; returns when a process drives it. Raises as `resume` does."""
    run_id = found.state.run_id
    if is_held(found.folder.lock):
        raise UsageError(f"{run_id} is running: there is nothing to resume")
    if found.state.status == "succeeded":
        raise UsageError(f"{run_id} has succeeded: there is nothing to resume")
    if copies.is_copy(found.folder):
        from nb2flow.app import remote

        remote.go_on(found, None, lambda text: None)
        return _launched(found)
    last = max((number for number, _ in history.events(found)), default=0)
    with disk_faults(found.folder.path):
        found.folder.refusal.unlink(missing_ok=True)
    _spawn(found.folder, "resume")
    _wait_for_event(found.folder, found.settings, run_id, after=last)
    return _launched(found)


def _launched(found: Found) -> Launched:
    data = found.folder.source.read_bytes() if found.folder.source.is_file() else b""
    return Launched(run_id=found.state.run_id, content_hash=hashlib.sha256(data).hexdigest())


def again(found: Found, *, only: str | None = None, start_from: str | None = None) -> Launched:
    """Run the notebook of a run once more, with its parameters: from a step on, or one step alone."""
    state = found.state
    found.step(only or start_from or "")
    try:
        content = msgspec.json.decode(found.folder.source.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise EnvironmentFault(
            f"the copy of the notebook that {state.run_id} ran is gone: {found.folder.source}",
            hint="run the notebook itself",
        ) from error
    split = state.plan.dialect if state.plan.dialect in ("headings", "cells", "whole") else None
    order = Order(
        notebook=state.notebook,
        parameters=portable(state.parameters),
        only=only,
        start_from=start_from,
        split=split,
        kernel=state.kernel or None,
        engine=state.engine,
        profile=state.profile or None,
    )
    return start(order, content, found.settings)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of an environment a run may have: all but Jupyter's own variables, which hold its tokens."""
    return {k: v for k, v in environ.items() if not k.startswith(_JUPYTERS_OWN) and k not in _SECRETS}


def _refuse_early(order: Order, folder: RunFolder, settings: Settings) -> None:
    """What can be told without a process of its own is told at once."""
    if order.only and order.start_from:
        raise UsageError("a run starts from a step, or is one step alone: not both")
    engines.chosen(settings, order.engine, order.profile)
    made = compiled(_analysis(order, folder, settings))
    bind(made.plan.parameters, restored(order.parameters))


def _analysis(order: Order, folder: RunFolder, settings: Settings) -> Analysis:
    path = Path(order.notebook)
    return analyse(path, split=order.split, kernel=order.kernel, settings=settings, source=folder.source)


def _spawn(folder: RunFolder, what: str) -> None:
    """The process that drives the run: in a session of its own, so that no terminal and no server takes it along."""
    with disk_faults(folder.driver_log), folder.driver_log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nb2flow.app.detached", what, str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.path,  # `-m` puts it first on the import path: nothing there is anybody's module
            env=environment(os.environ),
            start_new_session=True,
        )
    _children.append(process)


_children: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Let go of driving processes that have ended, so that none stays behind as a zombie."""
    _children[:] = [child for child in _children if child.poll() is None]


def _wait_for_event(folder: RunFolder, settings: Settings, run_id: str, *, after: int) -> None:
    child = _children[-1]
    deadline = time.monotonic() + PATIENCE
    with RunStore(settings.home) as store:
        while time.monotonic() < deadline:
            if store.events(run_id, after):
                return
            ended = child.poll() is not None
            raise_refusal(folder)
            if ended and not store.events(run_id, after):
                raise EnvironmentFault(
                    f"the process that was to run {run_id} ended with {child.returncode} before it began",
                    hint=f"its output is in {folder.driver_log}",
                )
            time.sleep(_LOOK_EVERY)
    child.terminate()
    raise EnvironmentFault(f"{run_id} has not begun within {PATIENCE:g} s", hint="is this machine very busy?")


def _take_back(folder: RunFolder, settings: Settings, run_id: str) -> None:
    """Leave nothing of a run that did not begin."""
    with RunStore(settings.home) as store:
        if not store.events(run_id):
            shutil.rmtree(folder.path, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Drive the run in a folder to its end (`run` or `resume`, then the folder). Returns the exit code."""
    what, place = arguments
    path = Path(place)
    home, run_id = path.parent.parent, path.name
    folder = Home(home).run(run_id)
    try:
        order = msgspec.json.decode(folder.order.read_bytes(), type=Order) if what == "run" else None
        if order is not None:
            settings = _settings_of(Path(order.notebook), home)
            asked = Asked(
                restored(order.parameters),
                order.jobs,
                order.only,
                order.start_from,
                use_cache=order.use_cache,
                engine=order.engine,
                profile=order.profile,
                run_id=run_id,
            )
            run(_analysis(order, folder, settings), asked)
        else:
            with RunStore(home) as store:
                state = store.state(run_id)
            resume(Found(state, folder, _settings_of(Path(state.notebook), home)))
    except Nb2flowError as error:
        refusals.leave(folder, error)
        return error.exit_code
    return 0


def _settings_of(path: Path, home: Path) -> Settings:
    """The settings of the notebook's project; the home is the one that the run lies in, whatever they say now."""
    return dataclasses.replace(config.find(path), home=home)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
