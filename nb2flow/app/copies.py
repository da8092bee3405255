"""Runs that are driven elsewhere: what lies here is a copy, brought up to date whenever somebody looks.

The run's own record is in its profile's store; nothing here adds to the copy but what comes from there, so that all
copies, on whichever machine, hold the same events under the same numbers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from nb2flow.config import Settings
from nb2flow.errors import UsageError
from nb2flow.profiles import Profile, choose
from nb2flow.runs.events import RunCreated
from nb2flow.runs.folders import Home, RunFolder, checked_label, replace_file
from nb2flow.runs.lock import alone
from nb2flow.runs.store import RunStore

if TYPE_CHECKING:
    from nb2flow.executors.pods.mirror import RunMirror

_OFTEN = 0.7  # seconds between two looks at the store


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run is driven: in the cluster of this profile."""

    profile: str


def is_copy(folder: RunFolder) -> bool:
    """Whether the run in this folder is driven elsewhere."""
    return folder.elsewhere.is_file()


def mark(folder: RunFolder, profile: str) -> None:
    """What lies in this folder is a copy from now on."""
    replace_file(folder.elsewhere, msgspec.json.encode(Elsewhere(profile=profile)))


def profile_of(settings: Settings, folder: RunFolder) -> Profile:
    """The profile of a run that is driven elsewhere. UsageError when the project has it no more."""
    where = msgspec.json.decode(folder.elsewhere.read_bytes(), type=Elsewhere)
    return choose(settings.profiles, where.profile)


def mirror_of(settings: Settings, run_id: str, profile: Profile) -> RunMirror:
    """The run here and in the profile's store."""
    from nb2flow.executors.pods.mirror import RunMirror
    from nb2flow.executors.pods.profiled import store_of

    home = Home(settings.home)
    try:
        known = msgspec.json.decode(home.run(run_id).copied.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        known = {}
    return RunMirror(store_of(profile), home, run_id, known)


def bring(settings: Settings, run_id: str, *, at_once: bool = False) -> None:
    """Bring the copy up to date, unless that was done just now. StoreFault, UsageError (the profile is gone)."""
    folder = Home(settings.home).run(run_id)
    with alone(folder.elsewhere):
        if not at_once and _age(folder) < _OFTEN:
            return
        mirror = mirror_of(settings, run_id, profile_of(settings, folder))
        with RunStore(settings.home) as kept:
            new = mirror.events(len(kept.events(run_id)))
            mirror.fetch_files()  # after the events, so that what they speak of is here
            kept.append(run_id, new)
        replace_file(folder.copied, msgspec.json.encode(mirror.known))


def bring_unknown(settings: Settings, run_id: str, profile: Profile) -> None:
    """Make the copy of a run that was begun on another machine. UsageError when the store has no such run."""
    home = Home(settings.home)
    if is_copy(home.run(checked_label(run_id, "run"))):
        return
    created = mirror_of(settings, run_id, profile).events(0)
    if not created or not isinstance(created[0], RunCreated):
        raise UsageError(
            f"there is no run called '{run_id}' here, and none that is driven in a cluster in {profile.store}",
            hint="another machine needs the whole id of the run, and a profile with the same store",
        )
    home.create()
    home.run(run_id).create()
    mark(home.run(run_id), profile.name)
    with RunStore(settings.home) as kept:
        kept.create(created[0])
    bring(settings, run_id, at_once=True)


def _age(folder: RunFolder) -> float:
    try:
        return time.time() - folder.copied.stat().st_mtime
    except OSError:
        return float("inf")
