"""Settings: found once, at the edge, and handed on as a value. Nothing below the shells looks for settings itself.

A project is the nearest folder, from the notebook upwards, that says so (`nb2flow.toml`, `[tool.nb2flow]` in
`pyproject.toml`, an existing `.nb2flow/`, or `.git`); without one, the notebook's own folder. A setting comes from the
environment (`NB2FLOW_JOBS`), else from the project's file, else from the default.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from nb2flow import profiles
from nb2flow.errors import UsageError
from nb2flow.profiles import Profile

HOME = ".nb2flow"
ENGINES = ("local", "kubernetes", "argo")


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be configured.

    `root` is the project's folder, `home` where runs, artifacts and caches lie. `jobs` is how many steps run at once,
    `output_limit` how many bytes of text a cell may print before the rest is counted instead of kept, `engine` who runs
    the steps. `profile` is the name of the profile that is used where several could be, `profiles` are all of them.
    """

    root: Path
    home: Path
    jobs: int
    output_limit: int = 10_000_000
    engine: str = "local"
    profile: str = ""
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def find(start: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings for a notebook or folder at `start`. UsageError when a settings file or variable is wrong."""
    environ = os.environ if environ is None else environ
    folder = start.resolve()
    root, given, told_by = _project(folder if folder.is_dir() else folder.parent)
    names = [f.name for f in fields(Settings) if f.name != "root"]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"settings are: {', '.join(names)}"
            raise UsageError(f"unknown setting '{name}' in {told_by}", hint=hint)
    values = dict(given)
    simple = [name for name in names if name != "profiles"]
    values |= {n: environ[f"NB2FLOW_{n.upper()}"] for n in simple if environ.get(f"NB2FLOW_{n.upper()}")}
    home = Path(str(values.get("home", HOME))).expanduser()
    return Settings(
        root=root,
        home=(root / home).resolve(),
        jobs=_positive(values.get("jobs", cores()), "jobs"),
        output_limit=_positive(values.get("output_limit", 10_000_000), "output_limit"),
        engine=_engine(str(values.get("engine", "local"))),
        profile=str(values.get("profile", "")),
        profiles=profiles.read(given.get("profiles", {}), told_by),
    )


def find_home(start: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings for commands that name a run but no notebook, given the folder `start` they are typed in.

    Where `start` has no runs of its own but exactly one folder right below it has, that one is meant.
    """
    settings = find(start, environ)
    if not settings.home.is_dir():
        below = [p for p in sorted(start.glob(f"*/{HOME}")) if (p / "runs.db").is_file()]
        if len(below) == 1:
            return find(below[0].parent, environ)
    return settings


def cores() -> int:
    """How many processors this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on Linux
        return max(1, os.cpu_count() or 1)


def _project(start: Path) -> tuple[Path, Mapping[str, Any], str]:
    """The project's folder, the settings in its file and that file's name."""
    for folder in (start, *start.parents):
        own = folder / "nb2flow.toml"
        if own.is_file():
            return folder, _toml(own), str(own)
        shared = folder / "pyproject.toml"
        if shared.is_file():
            tool = _toml(shared).get("tool")
            if isinstance(tool, Mapping) and isinstance(tool.get("nb2flow"), Mapping):
                return folder, tool["nb2flow"], str(shared)
        if (folder / HOME).is_dir() or (folder / ".git").exists():
            return folder, {}, ""
    return start, {}, ""


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _positive(value: object, name: str) -> int:
    try:
        number = int(str(value).replace("_", ""))
    except ValueError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise UsageError(f"setting {name} must be a whole number of at least 1, not '{value}'")
    return number


def _engine(value: str) -> str:
    if value not in ENGINES:
        raise UsageError(f"unknown engine '{value}'", hint=f"engines are: {', '.join(ENGINES)}")
    return value
