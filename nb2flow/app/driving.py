"""What drives a run inside the cluster: the same engine as here, its run's folder and events mirrored to the store.

`nb2flow-step --drive PATH` becomes this program in the driver's pod. It makes the run's folder anew from the store and
resumes the run; a driver that was lost is replaced by another pod that does the same, finds the Jobs that are under way
and what has been done. A run that it leaves unfinished is not told as ended.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import msgspec

from nb2flow.app import refusals
from nb2flow.app.history import Found
from nb2flow.app.running import resume
from nb2flow.config import Settings
from nb2flow.errors import Nb2flowError
from nb2flow.executors.kubernetes.cluster import ClusterFault
from nb2flow.executors.pods.mirror import RunMirror
from nb2flow.executors.pods.profiled import store_of
from nb2flow.executors.pods.staging import inside
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.plan import from_values
from nb2flow.plan.parameters import bind_texts
from nb2flow.pods.contract import (
    ANY_RUN,
    CREATED,
    SCRATCH,
    DriverOrder,
    PodExit,
    RunPlace,
    blob_path,
    decode_order,
    encode,
    folder_of,
)
from nb2flow.pods.driver import OWN_NAME, OWN_UID, own_run
from nb2flow.runs.events import AnyEvent, CancelRequested, RunCreated, RunFinished
from nb2flow.runs.events import decode as decode_event
from nb2flow.runs.folders import Home
from nb2flow.runs.portable import portable
from nb2flow.runs.store import RunStore

SEND_EVERY = 1.0  # seconds
_LAST_PATIENCE = 300.0  # seconds for the store to take the end of the run


def main(arguments: list[str]) -> int:
    """Drive the run whose order lies at a path of a store (the first two arguments); returns a `PodExit`. Further ones
    are parameters of a run that this driver begins, as NAME=VALUE."""
    signal.signal(signal.SIGTERM, _leave)  # a container's first process hears nothing that it has not asked for
    url, path, *texts = arguments
    try:
        store = Store(url)
        data = store.read(path)
        if data is None:
            raise StoreFault(f"there is no order {path} in the store {url}", hint="was the run cleaned up?")
        order = decode_order(data)
        scratch = Path(os.environ.get("NB2FLOW_SCRATCH") or SCRATCH)
        name = Path(folder_of(path).path).name
        begun = order.run_id != ANY_RUN
        if not begun:
            name = os.environ[OWN_NAME]
            order = msgspec.structs.replace(order, run_id=own_run(name, os.environ[OWN_UID]))
        driving = _Driving(store_of(order.profile), order, name, scratch)
        if not begun:
            driving.begin(dict(text.split("=", 1) for text in texts))
        return driving.run()
    except Nb2flowError as error:
        _say(f"{error.message}. {error.hint}")
        return PodExit.PLATFORM if _may_do_later(error) else PodExit.REFUSED
    except OSError as error:
        _say(f"cannot use {error.filename}: {error.strerror or error}")
        return PodExit.PLATFORM


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(PodExit.STOPPED)


def _say(text: str) -> None:
    print(f"nb2flow-driver: {text}", flush=True)


def _may_do_later(error: Nb2flowError) -> bool:
    return isinstance(error, StoreFault | ClusterFault) and error.again


class _Driving:
    def __init__(self, store: Store, order: DriverOrder, driver: str, scratch: Path) -> None:
        self._store = store
        self._order = order
        self._place = scratch / "project"
        self._home = Home(self._place / ".nb2flow")
        self._asks = RunPlace(order.run_id).cancel(driver)
        shutil.rmtree(self._place, ignore_errors=True)  # of an earlier container of this pod
        self._home.create()
        _lay_out(store, order.files, self._place, scratch / "fetched")
        _lay_out(store, order.kept, self._home.path, scratch / "fetched")
        self._mirror = RunMirror(store, self._home, order.run_id)
        self._sent = 0  # events that are in the store
        self._cancelled = False

    def begin(self, texts: Mapping[str, str]) -> None:
        """Begin the run from what was kept for any run, unless an earlier pod did. UsageError for a parameter."""
        order, folder = self._order, self._home.run(self._order.run_id)
        self._home.run(ANY_RUN).path.replace(folder.path)
        folder.create()
        if self._mirror.events(0):
            return
        created = decode_event((folder.path / CREATED).read_bytes())
        assert isinstance(created, RunCreated)
        given = portable(bind_texts(from_values(created.plan).parameters, texts))
        created = msgspec.structs.replace(created, at=time.time(), run_id=order.run_id, parameters=given)
        self._mirror.send_files()
        self._store.write(RunPlace(order.run_id).latest, encode(order))
        self._mirror.send_events(0, [created])

    def run(self) -> int:
        order = self._order
        before = self._mirror.events(0)
        if not before or not isinstance(before[0], RunCreated):
            raise StoreFault(f"run {order.run_id} is not in the store", hint="was the run cleaned up?")
        if any(isinstance(event, RunFinished) for event in before[order.since :]):
            _say("an earlier pod brought the run to its end: there is nothing to do")
            return PodExit.SUCCEEDED
        folder = self._home.run(order.run_id)
        folder.create()
        self._mirror.fetch_files()
        folder.refusal.unlink(missing_ok=True)
        self._sent = len(before)
        with RunStore(self._home.path) as kept:
            kept.create(before[0])
            kept.append(order.run_id, before[1:])
            state = kept.state(order.run_id)
        settings = Settings(
            root=self._place,
            home=self._home.path,
            jobs=order.jobs,
            output_limit=order.output_limit,
            engine="kubernetes",
            profiles={state.profile: order.profile},
        )
        done = threading.Event()
        sending = threading.Thread(target=self._send_until, args=(done,), name="nb2flow-mirror", daemon=True)
        sending.start()
        _say(f"drives run {order.run_id}, {len(before)} events known")
        try:
            found = Found(state, folder, settings)
            state = resume(found, jobs=order.jobs, on_event=_tell, notebook=self._place / order.notebook).state
        except Nb2flowError as error:
            if _may_do_later(error):
                raise
            refusals.leave(folder, error)
            with RunStore(self._home.path) as kept:
                kept.append(order.run_id, [RunFinished(at=time.time(), status="interrupted", seconds=0.0)])
            self._finish(done, sending, whole=True)
            raise
        finally:
            done.set()
        self._finish(done, sending, whole=state.status != "interrupted")
        return PodExit.STOPPED if state.status == "interrupted" else PodExit.SUCCEEDED

    # ---- the mirror ----

    def _send_until(self, done: threading.Event) -> None:
        with RunStore(self._home.path) as kept:
            while not done.wait(SEND_EVERY):
                with contextlib.suppress(StoreFault):  # the next look tries again
                    self._send(kept, whole=False)
                    self._hear(kept)

    def _finish(self, done: threading.Event, sending: threading.Thread, *, whole: bool) -> None:
        """Send what is left. `whole`: also that the run has ended. StoreFault when the store does not take it."""
        done.set()
        sending.join()
        deadline = time.monotonic() + _LAST_PATIENCE
        with RunStore(self._home.path) as kept:
            while True:
                try:
                    self._send(kept, whole=whole)
                    return
                except StoreFault as fault:
                    if time.monotonic() > deadline or not fault.again:
                        raise
                    _say(f"{fault.message}; it is tried again")
                    time.sleep(SEND_EVERY)

    def _send(self, kept: RunStore, *, whole: bool) -> None:
        events: list[AnyEvent] = [event for _, event in kept.events(self._order.run_id, self._sent)]
        new = events if whole else _without_end(events)
        self._mirror.send_files()  # before the events that speak of them
        self._mirror.send_events(self._sent, new)
        self._sent += len(new)

    def _hear(self, kept: RunStore) -> None:
        if not self._cancelled and self._store.read(self._asks) is not None:
            self._cancelled = True
            kept.append(self._order.run_id, [CancelRequested(at=time.time(), who="command")])


def _without_end(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events up to the end of the run, which is told when all else is in the store, and only if it is one."""
    ends = [number for number, event in enumerate(events) if isinstance(event, RunFinished)]
    return events[: ends[0]] if ends else events


def _tell(event: AnyEvent) -> None:
    """One line for the pod's log: which kind of thing happened, to which step; nothing that is in the notebook."""
    _say(f"{event.__struct_config__.tag} {getattr(event, 'step', '')}".rstrip())


def _lay_out(store: Store, files: Mapping[str, str], target: Path, passing: Path) -> None:
    store.get(files.values(), passing)
    for name, digest in files.items():
        path = inside(target, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(passing / blob_path(digest), path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
