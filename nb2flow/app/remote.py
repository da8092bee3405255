"""Runs that a pod in the cluster drives: begun, followed, stopped and begun again from here, or from anywhere.

What goes to the driver and what comes back from it lies in the profile's store (`executors.pods.mirror`); the cluster
is asked only whether the driver is there. Why so: docs/decisions/a-driver-mirrors-its-run.md.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from nb2flow import engine
from nb2flow.app import copies, engines, history
from nb2flow.app.history import GOING, Found
from nb2flow.app.refusals import raise_refusal
from nb2flow.config import Settings
from nb2flow.engine import RunRequest, StepBackend
from nb2flow.errors import EnvironmentFault, Nb2flowError, UsageError
from nb2flow.executors.kubernetes import driver
from nb2flow.executors.kubernetes.backend import KubernetesBackend
from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault
from nb2flow.executors.pods.mirror import RunMirror
from nb2flow.executors.pods.profiled import store_of
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import DriverOrder, RunPlace, decode_order, encode
from nb2flow.profiles import Profile
from nb2flow.runs.events import AnyEvent, CancelRequested, RunFinished
from nb2flow.runs.folders import Home
from nb2flow.runs.results import documents_of
from nb2flow.runs.store import RunStore
from nb2flow.runtime.blob import hash_file

PATIENCE = 60.0  # seconds to wait for the driver's first word
LOOK_EVERY = 0.5
_ASK_EVERY = 10.0  # seconds between questions to the cluster whether the driver is there
Say = Callable[[str], None]


def launch(
    request: RunRequest, backend: StepBackend, profile: Profile, settings: Settings, known: Collection[Path], say: Say
) -> Found:
    """Begin the run in the cluster; returns when its driver drives it, or waits for a reason that was said.

    `known` are files of the `.nb2flow` folder that planning uses. Raises what keeps a run from beginning; nothing of it
    is left here then.
    """
    store = store_of(profile)
    store.examine()
    cluster = Cluster(profile.context, profile.namespace)
    home, run_id = Home(request.home), request.run_id
    files = engines.travelling(request.notebook.parent, profile)
    with RunStore(home.path) as kept:
        keys = engine.begin(request, backend, kept)
        created = [event for _, event in kept.events(run_id)]
    folder = home.run(run_id)
    try:
        copies.mark(folder, profile.name)
        mirror = RunMirror(store, home, run_id)
        mirror.send_files()
        mirror.send_events(0, created)
        order = DriverOrder(
            run_id=run_id,
            profile=replace(profile, context="", namespace=cluster.namespace),
            notebook=request.notebook.name,
            files=sent(store, files),
            kept=sent(store, _worth_knowing(home, keys, known)),
            jobs=request.jobs,
            output_limit=request.output_limit,
            since=len(created),
        )
        name = _begin(cluster, store, home, order)
        _wait(cluster, mirror, run_id, name, len(created), say)
    except Nb2flowError:
        with RunStore(home.path) as kept:
            kept.delete(run_id)
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return _refused_or_begun(history.exactly(settings, run_id))


def go_on(found: Found, jobs: int | None, say: Say) -> Found:
    """Have another driver go on with a run that ended before all was done. UsageError when there is nothing to do."""
    run_id, settings = found.state.run_id, found.settings
    if found.state.status == "succeeded":
        raise UsageError(f"run {run_id} has finished: there is nothing to resume")
    profile = copies.profile_of(settings, found.folder)
    store = store_of(profile)
    cluster = Cluster(profile.context, profile.namespace)
    copies.bring(settings, run_id, at_once=True)
    since = len(history.events(found))
    given = store.read(RunPlace(run_id).latest)
    if given is None:
        raise EnvironmentFault(
            f"what run {run_id} was asked for is gone from {store.url}", hint="run the notebook again"
        )
    order = msgspec.structs.replace(decode_order(given), since=since)
    order = msgspec.structs.replace(order, jobs=jobs) if jobs else order
    name = _begin(cluster, store, Home(settings.home), order)
    _wait(cluster, copies.mirror_of(settings, run_id, profile), run_id, name, since, say)
    return _refused_or_begun(found)


def follow(
    found: Found, on_event: Callable[[AnyEvent], None], say: Say, wait: Callable[[float], None] = time.sleep
) -> Found:
    """Tell all events of a run, those that were and those that come, until it has ended; returns it then. `wait` is
    called between two looks."""
    since, asked, stale = 0, time.monotonic() - _ASK_EVERY + LOOK_EVERY, ""
    while True:
        found = history.again(found)
        for number, event in history.events(found, since):
            since = number
            on_event(event)
        if found.state.status not in GOING:
            return found
        if found.stale != stale:
            stale = found.stale
            say(f"{stale}; looking is tried again" if stale else "the store answers again")
        if copies.is_copy(found.folder) and time.monotonic() - asked > _ASK_EVERY:
            asked = time.monotonic()
            _see_to_driver(found, say)
        wait(LOOK_EVERY)


def cancel(found: Found) -> Found:
    """Ask the driver to stop the run; where none is at work, stop what is under way in the cluster."""
    run_id, profile = found.state.run_id, copies.profile_of(found.settings, found.folder)
    if found.state.status not in GOING:
        raise UsageError(f"run {run_id} is not running: it is {found.state.status}", hint="there is nothing to cancel")
    where = driver.standing(Cluster(profile.context, profile.namespace), run_id)
    if where.running:
        store_of(profile).write(RunPlace(run_id).cancel(where.job), b"cancel\n")
    else:
        backend = KubernetesBackend(profile, {})
        try:
            backend.stop_run(run_id)  # a driver that has not begun, too
        finally:
            backend.close()
        now = time.time()
        _add(found, [CancelRequested(at=now, who="command"), RunFinished(at=now, status="cancelled", seconds=0.0)])
    return history.again(found)


def see(found: Found) -> tuple[Found, str]:
    """The run, after the cluster was asked whether its driver is there; and what the cluster says of it."""
    said: list[str] = []
    if copies.is_copy(found.folder) and found.state.status in GOING:
        _see_to_driver(found, said.append)
        found = history.again(found)
    return found, "; ".join(said)


# ---- the driver ----


def _begin(cluster: Cluster, store: Store, home: Home, order: DriverOrder) -> str:
    place = RunPlace(order.run_id)

    def prepare(name: str) -> str:
        for path in (place.latest, place.order(name)):
            store.write(path, encode(order))
        return place.order(name)

    def is_done(name: str) -> bool:
        given = store.read(place.order(name))
        since = decode_order(given).since if given is not None else order.since
        return any(isinstance(event, RunFinished) for event in RunMirror(store, home, order.run_id).events(since))

    return driver.begin(cluster, order.profile, order.run_id, prepare, is_done)


def _refused_or_begun(found: Found) -> Found:
    found = history.again(found)
    if found.state.status == "interrupted":
        raise_refusal(found.folder)
    return found


def _wait(cluster: Cluster, mirror: RunMirror, run_id: str, name: str, since: int, say: Say) -> None:
    """Wait for the driver's first word. EnvironmentFault when it will not come; the driver is removed then."""
    began = time.monotonic()
    said: dict[str, float] = {}
    while (now := time.monotonic()) < began + PATIENCE:
        try:
            if mirror.events(since):
                return
            where = driver.standing(cluster, run_id)
        except (StoreFault, ClusterFault) as fault:
            if not fault.again:
                raise
            where = driver.Standing(going=True, trouble=fault.message)
        if where.trouble:
            if where.trouble not in said:
                say(f"the driver: {where.trouble}" + (f" (hint: {where.hint})" if where.hint else ""))
            first = said.setdefault(where.trouble, now)
            if not where.going or (where.patience is not None and now - first >= where.patience):
                driver.remove(cluster, name)
                raise EnvironmentFault(f"the run's driver does not begin: {where.trouble}", hint=where.hint)
        time.sleep(LOOK_EVERY)
    say("the driver has not begun yet; it will when the cluster lets it")


def _see_to_driver(found: Found, say: Say) -> None:
    """Say what troubles the driver; where there is none any more, end the run's record truthfully."""
    run_id, profile = found.state.run_id, copies.profile_of(found.settings, found.folder)
    try:
        where = driver.standing(Cluster(profile.context, profile.namespace), run_id)
    except ClusterFault as fault:
        if not fault.again:
            raise
        say(f"{fault.message}; the run goes on there")
        return
    if where.going:
        if where.trouble:
            say(f"the driver: {where.trouble}" + (f" (hint: {where.hint})" if where.hint else ""))
        return
    copies.bring(found.settings, run_id, at_once=True)
    if history.again(found).state.status in GOING:
        _add(found, [RunFinished(at=time.time(), status="interrupted", seconds=0.0)])
        say(where.trouble or "the run's driver ended without a word")


def _add(found: Found, events: list[AnyEvent]) -> None:
    """Add events to the record of a run that nobody drives, in the store, from where all copies get them."""
    run_id, settings = found.state.run_id, found.settings
    copies.bring(settings, run_id, at_once=True)
    mirror = copies.mirror_of(settings, run_id, copies.profile_of(settings, found.folder))
    mirror.send_events(len(history.events(found)), events)
    copies.bring(settings, run_id, at_once=True)


# ---- what travels ----


def _worth_knowing(home: Home, keys: Mapping[str, str], known: Collection[Path]) -> dict[str, Path]:
    """Results of earlier runs that may serve this one, and what planning knows, by path below the `.nb2flow` folder."""
    paths = [path for key in keys.values() for path in documents_of(home, key)]
    return {path.relative_to(home.path).as_posix(): path for path in (*paths, *known) if path.is_file()}


def sent(store: Store, files: Mapping[str, Path]) -> dict[str, str]:
    """The digests of files, which are in the store when this returns."""
    digests = {name: hash_file(path) for name, path in files.items()}
    store.put({digests[name]: path for name, path in files.items()})
    return digests
