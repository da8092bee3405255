"""Running a notebook as a pipeline: from an analysed notebook to a finished run; going on with one; stopping one."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nb2flow import __version__, engine
from nb2flow.app import copies, engines, history, observed, stars
from nb2flow.app.analysis import Analysis, analyse
from nb2flow.app.compiling import compiled
from nb2flow.app.history import Found
from nb2flow.engine import RunRequest, StepBackend
from nb2flow.errors import Nb2flowError, NotebookError, UsageError, has_errors
from nb2flow.flow.first_imports import first_imports
from nb2flow.flow.model import Observations
from nb2flow.notebook import read
from nb2flow.notebook.model import Notebook
from nb2flow.plan import bind, source_digest
from nb2flow.plan.model import CompiledPlan
from nb2flow.plan.plain_values import UnclearError, from_json, from_yaml
from nb2flow.profiles import Profile, choose
from nb2flow.runs.attempt import Import
from nb2flow.runs.events import AnyEvent, CancelRequested, RunFinished
from nb2flow.runs.folders import Home, new_run_id
from nb2flow.runs.lock import is_held
from nb2flow.runs.store import RunStore
from nb2flow.runtime.bundle import runtime_digest, runtime_files

OnEvent = Callable[[AnyEvent], None]


def _ignore(event: AnyEvent) -> None:
    return None


def _say_nothing(text: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a run. `parameters` are values by name, text where they were typed; None: the setting. `run_id`
    is for those who have to know it beforehand."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    jobs: int | None = None
    only: str | None = None
    start_from: str | None = None
    use_cache: bool = True
    engine: str | None = None
    profile: str | None = None
    run_id: str | None = None


def run(analysis: Analysis, asked: Asked, on_event: OnEvent = _ignore) -> Found:
    """Run an analysed notebook to its end and return the run; a failed step is in its state, not an exception.

    `on_event` is called with each event, in this thread. Raises NotebookError (its diagnostics forbid running),
    UsageError (parameters, step names), EnvironmentFault (kernel missing, disk full, …).
    """
    return _driven(analysis, *_requested(analysis, asked)[:2], on_event)


def _driven(analysis: Analysis, request: RunRequest, backend: StepBackend, on_event: OnEvent = _ignore) -> Found:
    with RunStore(request.home) as store:
        state = engine.drive(request, backend, store, on_event=on_event, replan=_Planner(analysis).again)
    return Found(state, Home(request.home).run(request.run_id), analysis.settings)


def launch(analysis: Analysis, asked: Asked, say: Callable[[str], None] = _say_nothing) -> Found:
    """Have a pod in the cluster drive the run (or Argo), and return as soon as it does; what keeps it waiting is said.

    Raises as `run` does, and UsageError for the engine local: its steps need this machine.
    """
    request, backend, profile = _requested(analysis, asked)
    try:
        if profile is None:
            raise UsageError(
                "a run of this machine's own steps cannot be detached from it",
                hint="--detach goes with --engine kubernetes and --engine argo",
            )
        if backend.pilot is not None:
            return _driven(analysis, replace(request, leave=True), backend)
        from nb2flow.app import remote

        known = (observed.place(request.home, analysis.notebook), request.home / stars.FILE)
        return remote.launch(request, backend, profile, analysis.settings, known, say)
    finally:
        backend.close()


def _requested(analysis: Analysis, asked: Asked) -> tuple[RunRequest, StepBackend, Profile | None]:
    made = compiled(analysis)
    _refuse_unwritable(analysis.path.resolve(), analysis.settings.home)
    engine_name, profile = engines.chosen(analysis.settings, asked.engine, asked.profile)
    request = RunRequest(
        run_id=asked.run_id or new_run_id(analysis.notebook.name),
        compiled=made,
        notebook=analysis.path.resolve(),
        home=analysis.settings.home,
        kernel=analysis.notebook.kernel,
        runtime=runtime_files(),
        runtime_digest=runtime_digest(),
        environ=dict(os.environ),
        jobs=asked.jobs or (profile.jobs if profile else analysis.settings.jobs),
        parameters=bind(made.plan.parameters, asked.parameters),
        only=asked.only,
        start_from=asked.start_from,
        use_cache=asked.use_cache,
        output_limit=analysis.settings.output_limit,
        versions=versions(),
        profile=profile.name if profile else "",
        imports=_imports(analysis.notebook, made),
    )
    return request, engines.backend(engine_name, profile, request.notebook.parent), profile


def _refuse_unwritable(*paths: Path) -> None:
    """A run's records are UTF-8, and hold these paths."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            shown = str(path).encode(errors="surrogateescape").decode(errors="replace")
            raise NotebookError(
                f"the path {shown} is not written in UTF-8",
                hint="rename the file or folder, or run in a locale whose encoding is UTF-8",
            ) from None


def _imports(notebook: Notebook, made: CompiledPlan) -> tuple[Import, ...]:
    """What is loaded once for all steps."""
    return first_imports(notebook, made.sources()) if made.plan.language == "python" else ()


def resume(
    found: Found, *, jobs: int | None = None, on_event: OnEvent = _ignore, notebook: Path | None = None
) -> Found:
    """Go on with a run that failed, was interrupted or killed: by its own plan, parameters and step notebooks.

    `notebook` is where the notebook lies here, if not where it lay. Raises UsageError when it is running or has
    succeeded, PlanError when its files are gone.
    """
    settings = found.settings
    profile = _profile_of(found)
    here = notebook or Path(found.state.notebook)
    if not here.parent.is_dir():
        raise UsageError(
            f"run {found.state.run_id} cannot go on: its folder is gone, {here.parent}",
            hint="run the notebook where it lies now; what is unchanged is taken from earlier runs",
        )
    backend = engines.backend(found.state.engine, profile, here.parent)
    with RunStore(settings.home) as store:
        request = engine.resume(
            store,
            found.state.run_id,
            runtime=runtime_files(),
            runtime_digest=runtime_digest(),
            environ=dict(os.environ),
            jobs=jobs or (profile.jobs if profile else settings.jobs),
            output_limit=settings.output_limit,
        )
        imports = _imports(read(found.folder.source), request.compiled) if found.folder.source.exists() else ()
        request = replace(request, notebook=here, imports=imports)
        state = engine.drive(request, backend, store, on_event=on_event, replan=_planner_of(found, here))
    return Found(state, found.folder, settings)


def is_edited(found: Found) -> bool:
    """Whether the notebook of a run has other code now than it had then: resuming goes on with that of then."""
    try:
        then, now = (read(path) for path in (found.folder.source, Path(found.state.notebook)))
    except Nb2flowError:
        return False
    return source_digest(then) != source_digest(now)


def cancel(start: Path, name: str) -> Found:
    """Ask the process that drives the run `name` to stop it. UsageError when nobody drives it.

    Steps that go on in a cluster although nobody drives the run are stopped here.
    """
    return cancel_found(history.find(start, name))


def cancel_found(found: Found) -> Found:
    """The same for a run that was found already."""
    if copies.is_copy(found.folder):
        from nb2flow.app import remote

        return remote.cancel(found)
    with RunStore(found.settings.home) as store:
        if not is_held(found.folder.lock) and (profile := _profile_of(found)) is not None:
            _stop_in_cluster(found, profile, store)
        else:
            engine.cancel(store, found.state.run_id)
    return history.again(found)


def _stop_in_cluster(found: Found, profile: Profile, store: RunStore) -> None:
    if not engines.stop(found.state.engine, profile, found.state.run_id):
        raise UsageError(
            f"run {found.state.run_id} is {found.state.status}, and none of its steps is under way in the cluster",
            hint="there is nothing to cancel",
        )
    now = time.time()
    finished = RunFinished(at=now, status="cancelled", seconds=0.0)
    store.append(found.state.run_id, [CancelRequested(at=now, who="command"), finished])


def _profile_of(found: Found) -> Profile | None:
    """The profile with which a run was begun, as it is now; None for a run of this machine."""
    if found.state.engine == "local":
        return None
    return choose(found.settings.profiles, found.state.profile or None)


def read_parameters(path: Path) -> dict[str, Any]:
    """The parameters in a YAML or JSON file: one mapping of names to values. UsageError when it is anything else."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot read the parameters file {path}: {reason}") from error
    read, kind = (from_json, "JSON") if path.suffix.lower() == ".json" else (from_yaml, "YAML")
    try:
        value = read(text)
    except UnclearError as error:
        raise UsageError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not {kind}: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise UsageError(f"{path} must hold one mapping of parameter names to values")
    return value


def versions() -> dict[str, str]:
    """What a run is made with, for its record: nb2flow, Python, and the libraries that execute notebooks."""
    found = {"nb2flow": __version__, "python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in ("papermill", "nbclient", "jupyter-client"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class _Planner:
    """Plans again with what was observed, and keeps the observations for the next run."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def again(self, observations: Observations) -> CompiledPlan:
        """The plan that fits all that is known now."""
        self._analysis = self._analysis.refined(observations)
        observed.remember(self._analysis.settings.home, self._analysis.notebook, self._analysis.seen)
        return compiled(self._analysis)


def _planner_of(found: Found, here: Path) -> Callable[[Observations], CompiledPlan] | None:
    """How to plan a resumed run again; None when the notebook's copy of that time is gone or cannot be analysed now."""
    plan = found.state.plan
    split = plan.dialect if plan.dialect in ("headings", "cells", "whole") else None
    if not found.folder.source.is_file():
        return None
    analysis = analyse(
        here,
        split=split,
        kernel=found.state.kernel or plan.kernel,
        settings=found.settings,
        source=found.folder.source,
    )
    return None if has_errors(analysis.diagnostics) else _Planner(analysis).again
