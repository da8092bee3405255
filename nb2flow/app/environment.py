"""What a notebook needs to run elsewhere: its code read, its local modules followed, the kernel's environment asked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from nb2flow.app.analysis import Analysis
from nb2flow.app.engines import travelling
from nb2flow.app.interpreter import ask_kernel
from nb2flow.environment import lock, resolve
from nb2flow.environment.model import DataFile, Environment, Installed
from nb2flow.environment.sources import Read, Sources
from nb2flow.errors import Diagnostic, EnvironmentFault, NotebookError, Severity, UsageError
from nb2flow.profiles import Profile

_LARGEST_SOURCE = 2_000_000


def environment(
    analysis: Analysis, profile: Profile | None = None, *, whole: bool = False, without: Collection[str] = ()
) -> Environment:
    """What the notebook needs, by step, with a lock; `whole`: locked is all that the kernel's environment has. The
    notebook can do `without` these modules.

    What is wrong is in the result's `problems`. NotebookError for another language than Python, EnvironmentFault when
    the kernel's environment cannot be asked.
    """
    return examined(analysis, profile, whole=whole, without=without)[0]


def examined(
    analysis: Analysis, profile: Profile | None = None, *, whole: bool = False, without: Collection[str] = ()
) -> tuple[Environment, Installed]:
    """What the notebook needs, and what the kernel's interpreter answered."""
    if analysis.notebook.language != "python":
        raise NotebookError(
            f"{analysis.path} is in {analysis.notebook.language}: what it needs can be told for Python alone",
            hint="make its image by hand; docs/how-to/build-the-image-of-a-notebook.md says what must be in it",
        )
    folder = analysis.path.resolve().parent
    code = resolve.code_of(analysis.flow, analysis.notebook)
    sources = Sources(_reader(folder), (".", *code.paths), code.written)
    reached = resolve.followed(code, sources)
    installed = ask_kernel(analysis.notebook.kernel, resolve.asked(reached), folder)
    found = resolve.environment(
        analysis.flow,
        analysis.notebook,
        code,
        reached,
        _named_from(installed, folder),
        files=_files(analysis, profile or Profile("")),
        whole=whole,
        without=without,
    )
    return found, installed


def locked(found: Environment) -> str:
    """The lock as a requirements file. EnvironmentFault when a module is missing that the notebook needs."""
    missing = missing_of(found)
    if missing:
        raise EnvironmentFault(
            f"the lock of {found.notebook} would lack what the notebook imports",
            hint="install it in the kernel's environment; or `--without MODULE` where the notebook does without",
            diagnostics=missing,
        )
    return lock.text(found.lock, f"What {found.notebook} needs, for Python {found.python}; nb2flow env wrote this.")


def missing_of(found: Environment) -> tuple[Diagnostic, ...]:
    """What of the problems keeps the notebook from running."""
    return tuple(d for d in found.problems if d.severity is Severity.ERROR)


def _named_from(installed: Installed, folder: Path) -> Installed:
    """Places of modules as the notebook's folder has them: only those outside it keep their whole path."""
    near = {module: os.path.relpath(place, folder) for module, place in installed.elsewhere.items()}
    kept = {m: p if not p.startswith("..") else installed.elsewhere[m] for m, p in near.items()}
    return dataclasses.replace(installed, elsewhere=kept)


def _reader(folder: Path) -> Read:
    def read(path: str) -> str | None:
        try:
            place = folder / path
            if not place.is_file() or place.stat().st_size > _LARGEST_SOURCE:
                return None
            return place.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            return None

    return read


def _files(analysis: Analysis, profile: Profile) -> Mapping[str, tuple[DataFile, ...]]:
    """The files and folders that each step opens and that are there."""
    folder = analysis.path.resolve().parent
    try:
        travel: set[str] | None = set(travelling(folder, profile))
    except UsageError:
        travel = None  # more than may travel at all: the run says so
    found = {}
    for step in analysis.flow.steps:
        files = []
        for path in step.files:
            place = folder / path
            try:
                there = place.exists()
                size = place.stat().st_size if place.is_file() else 0
            except (OSError, ValueError):
                continue
            if there and place.resolve() != folder:
                files.append(DataFile(path, size, _travels(place, folder, travel)))
        found[step.name] = tuple(files)
    return found


def _travels(place: Path, folder: Path, travel: set[str] | None) -> bool:
    try:
        name = place.resolve().relative_to(folder).as_posix()
    except ValueError:
        return False
    return travel is not None and (name in travel or any(path.startswith(f"{name}/") for path in travel))
