"""Which engine runs the steps of a run, and which files of the notebook's folder travel with it.

The only place that chooses among executors; each is imported when it is chosen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nb2flow.config import ENGINES, Settings
from nb2flow.engine import StepBackend
from nb2flow.errors import UsageError
from nb2flow.profiles import Profile, choose

if TYPE_CHECKING:
    from nb2flow.executors.argo.backend import ArgoBackend
    from nb2flow.executors.kubernetes.backend import KubernetesBackend

MOST_FILES = 2_000
MOST_BYTES = 200_000_000
_LEFT_OUT = ("__pycache__", "node_modules", "site-packages")


def chosen(settings: Settings, engine: str | None = None, profile: str | None = None) -> tuple[str, Profile | None]:
    """The engine's name and its profile (None: this machine). UsageError when there is no such engine or profile."""
    name = engine or ("kubernetes" if profile and settings.engine == "local" else settings.engine)
    if name not in ENGINES:
        raise UsageError(f"unknown engine '{name}'", hint=f"engines are: {', '.join(ENGINES)}")
    if name == "local":
        if profile:
            raise UsageError("--profile says where steps run in a cluster; the engine local runs them here")
        return name, None
    return name, choose(settings.profiles, profile or settings.profile or None)


def backend(engine: str, profile: Profile | None, folder: Path) -> StepBackend:
    """What runs the steps of a notebook in `folder`. EnvironmentFault when a library or a setting is missing."""
    if engine == "local" or profile is None:
        from nb2flow.executors.local import LocalBackend

        return LocalBackend()
    return _in_cluster(engine, profile, travelling(folder, profile))


def _in_cluster(engine: str, profile: Profile, files: dict[str, Path]) -> KubernetesBackend | ArgoBackend:
    if engine == "argo":
        from nb2flow.executors.argo.backend import ArgoBackend
        from nb2flow.exports import argo

        return ArgoBackend(profile, files, lambda plan, p, tasks, run: argo.workflow(plan, p, tasks, run=run))
    from nb2flow.executors.kubernetes.backend import KubernetesBackend

    return KubernetesBackend(profile, files)


def stop(engine: str, profile: Profile, run_id: str) -> int:
    """Stop what goes on in the cluster of a run that nobody drives; returns how many things that were."""
    there = _in_cluster(engine, profile, {})
    try:
        return there.stop_run(run_id)
    finally:
        there.close()


def travelling(folder: Path, profile: Profile) -> dict[str, Path]:
    """The files below the notebook's folder that pods get, by relative path: all that match `include`, else all that
    are no notebooks and not hidden. UsageError when that is more than should travel."""
    found: dict[str, Path] = {}
    size = 0
    wanted = (p for pattern in profile.include for p in sorted(folder.glob(pattern)))
    for path in wanted if profile.include else _files(folder):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = path
            size += path.stat().st_size
        if len(found) > MOST_FILES or size > MOST_BYTES:
            limit = f"{MOST_FILES} files" if len(found) > MOST_FILES else f"{MOST_BYTES // 1_000_000} MB"
            raise UsageError(
                f"the notebook's folder {folder} holds more than {limit}, too much to travel with a run",
                hint='name what the notebook needs: include = ["data/*.csv", "*.py"] in the profile',
            )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in _LEFT_OUT)
        folders[:] = [n for n in folders if not (here / n / "pyvenv.cfg").exists()]
        yield from (here / n for n in sorted(files) if not n.startswith(".") and not n.endswith(".ipynb"))
