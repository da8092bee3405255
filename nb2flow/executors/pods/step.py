"""What runs in a step's container: `nb2flow-step --store URL --task PATH`, the pod's one process.

It fetches the task from the store, has a worker process execute the step notebook with papermill as a local run does,
sends on what grows, and ends with a `PodExit`. The worker starts at once and imports while inputs are on their way; it
holds the kernel, so that what it does to its memory or environment is not done to this process. Standard output tells
how far it is and never what is in the notebook.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from nb2flow import __version__
from nb2flow.errors import EnvironmentFault
from nb2flow.executors.forkserver import HEADER
from nb2flow.executors.pods import inside_pod
from nb2flow.executors.pods.sending import Sender
from nb2flow.executors.pods.shared import Place, SharedTask
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import ANY_RUN, PodExit, TaskFolder, decode_task, folder_of
from nb2flow.runs.attempt import HELD, Ended, KernelStarted, Noted, Report, StepTask, WorkerStarted
from nb2flow.runs.events import RETRIED, Failure
from nb2flow.runs.manifest import Manifest

LOOK_EVERY = 0.5  # seconds between looks at what has grown
STOP_GRACE = 12.0  # seconds for the worker to stop its kernel, of the 30 that a pod usually gets

_reports: msgspec.json.Decoder[Report | WorkerStarted] = msgspec.json.Decoder(Report | WorkerStarted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; returns a `PodExit`."""
    parser = argparse.ArgumentParser(prog="nb2flow-step", description="Run one staged step of an nb2flow run.")
    parser.add_argument("--store", required=True, metavar="URL", help="where the task and all that it needs lie")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--task", metavar="PATH", help="the task's path in the store")
    what.add_argument("--check", action="store_true", help="run nothing: see whether the store can be used from here")
    what.add_argument("--drive", metavar="PATH", help="drive a whole run: its order's path in the store")
    parser.add_argument(
        "--run",
        metavar="PATH",
        help="the folder of the run, where its results lie: the task is one for many runs",
    )
    parser.add_argument("--element", metavar="NUMBER", default="", help="of a list: the one that this pod is for")
    parser.add_argument("--elements", metavar="DIR", default="", help="where to say which elements its lists have")
    parser.add_argument("--parameter", metavar="NAME=VALUE", action="append", default=[], help="of the run; repeatable")
    parser.add_argument(
        "--hold", metavar="SECONDS", type=float, default=0.0, help="keep the kernel of a step that failed"
    )
    parser.add_argument("--output", metavar="PATH", help="the folder for the results (default: the task's own)")
    parser.add_argument("--scratch", metavar="DIR", help="a folder to work in (default: $NB2FLOW_SCRATCH or /scratch)")
    given = parser.parse_args(arguments)
    if any("=" not in text for text in given.parameter):
        parser.error("--parameter must be like NAME=VALUE")
    if given.check:
        return _check(given.store)
    if given.drive:
        # Another program of the same image: what drives runs knows this room, and not the other way round.
        command = [sys.executable, "-P", "-m", "nb2flow.app.driving", given.store, given.drive, *given.parameter]
        # It takes this process's place, so that it hears when the pod is asked to stop.
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell wanted
    scratch = Path(given.scratch or os.environ.get("NB2FLOW_SCRATCH") or "/scratch")
    shared = None
    if given.run:
        texts = dict(text.split("=", 1) for text in given.parameter)
        shared = SharedTask(Place(given.task, given.run, texts, given.element, given.elements))
    step = _Step(given.store, given.task, scratch, given.output, shared, given.hold)
    try:
        return step.run()
    except StoreFault as fault:
        _say(f"{fault.message}. {fault.hint}")
        return PodExit.PLATFORM
    except OSError as error:
        _say(f"cannot use {error.filename or scratch}: {error.strerror or error}")
        return PodExit.PLATFORM
    finally:
        step.clean_up()


def _check(url: str) -> PodExit:
    try:
        Store(url).examine()
    except EnvironmentFault as fault:
        _leave_word(fault.message)
        return PodExit.PLATFORM
    _leave_word(f"nb2flow {__version__} on Python {platform.python_version()}; {url} can be written and read")
    return PodExit.SUCCEEDED


def _leave_word(text: str) -> None:
    _say(text)
    with contextlib.suppress(OSError):
        Path("/dev/termination-log").write_text(text)


def _say(text: str) -> None:
    print(f"nb2flow-step: {text}", flush=True)


class _Step:
    def __init__(
        self, url: str, path: str, scratch: Path, output: str | None, shared: SharedTask | None, hold: float
    ) -> None:
        self._url = url
        self._path = path
        self._shared = shared
        self._hold = hold
        usual = shared.results if shared else folder_of(path)
        self._results = TaskFolder(output) if output else usual
        self._scratch = scratch
        self._stopping = 0.0
        self._worker: subprocess.Popen[bytes] | None = None
        self._line, self._theirs = socket.socketpair()
        self._heard = b""
        self._ended: Ended | None = None
        self._pids: list[int] = []

    def run(self) -> PodExit:
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        began = time.monotonic()
        self._start_worker()
        store = Store(self._url)
        data = store.read(self._path)
        if data is None:
            raise StoreFault(f"there is no task {self._path} in the store {self._url}", hint="was the run cleaned up?")
        sender = Sender(store, self._results)
        try:
            task = decode_task(data)
            # A workflow that nobody of ours follows may be told to do all of it again.
            if task.run_id != ANY_RUN and sender.succeeded_before():
                _say("an earlier pod of this step succeeded: there is nothing to do")
                self._tell_elements(store, store.read(self._results.manifest))
                return PodExit.SUCCEEDED
            sender.forget_earlier()
            if self._shared:
                task = self._shared.of_run(store, task)
            known = self._shared.documents if self._shared else {}
            here = inside_pod.lay_out(store, task, self._scratch, lambda text: self._tell_now(sender, text), known)
        except StoreFault:
            raise
        except EnvironmentFault as fault:
            return self._refuse(sender, fault)
        _say(f"step {task.step} of run {task.run_id}: inputs are here after {time.monotonic() - began:.1f} s")
        for note in inside_pod.notes(task, here):
            sender.hear(Noted(note))
        before = inside_pod.kills_for_memory()
        tree = inside_pod.tree(here.home)
        self._hand_over(msgspec.structs.replace(here.task, hold=self._hold))
        sender.watch(Path(here.task.executed))
        sender.watch_held(Path(here.task.executed).with_name(HELD))
        self._listen(sender)
        failure = self._how_it_ended(here.task, before)
        if self._stopping and (failure is None or failure.kind == "cancelled"):
            sender.send_grown(last=True)
            _say("stopped before the step was over")
            return PodExit.STOPPED
        if failure is None and self._shared:
            failure = self._shared.unforeseen(task.step, Path(here.task.manifest))
        sender.finish(here, tree, failure, time.monotonic() - began)
        _say(f"step {task.step} {'failed: ' + failure.kind if failure else 'succeeded'}")
        if failure is None:
            manifest = Path(here.task.manifest)
            self._tell_elements(store, manifest.read_bytes() if manifest.is_file() else None)
            return PodExit.SUCCEEDED
        return PodExit.STEP_FAILED if failure.kind in RETRIED else PodExit.REFUSED

    def clean_up(self) -> None:
        """Leave no process behind."""
        self._line.close()
        if self._worker is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._worker.wait(3)
            for pid in self._pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self._worker.kill()
            self._worker.wait()

    def _tell_now(self, sender: Sender, text: str) -> None:
        _say(text)
        sender.hear(Noted(text))
        sender.send_grown()

    def _tell_elements(self, store: Store, manifest: bytes | None) -> None:
        if self._shared and manifest is not None:
            self._shared.tell_elements(store, msgspec.json.decode(manifest, type=Manifest))

    def _refuse(self, sender: Sender, fault: EnvironmentFault) -> PodExit:
        _say(f"{fault.message}. {fault.hint}")
        sender.tell_end(Failure(kind="engine", message=fault.message, hint=fault.hint), 0.0)
        return PodExit.REFUSED

    # ---- the worker ----

    def _start_worker(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("NB2FLOW_STORE_")}
        self._worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "nb2flow.executors.forkserver", str(self._theirs.fileno()), "once"],
            env=environ,
            pass_fds=[self._theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._theirs.close()
        self._pids.append(self._worker.pid)

    def _hand_over(self, task: StepTask) -> None:
        encoded = msgspec.json.encode(task)
        with contextlib.suppress(OSError):  # a worker that died is noticed when we listen
            self._line.sendall(HEADER.pack(len(encoded)) + encoded)
        if self._stopping:
            self._tell_worker(b"cancel\n")

    def _listen(self, sender: Sender) -> None:
        """Hear the worker until it ends, and send on what grows."""
        self._line.settimeout(LOOK_EVERY)
        while self._ended is None:
            try:
                data = self._line.recv(1 << 16)
            except TimeoutError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                return
            *lines, self._heard = (self._heard + (data or b"")).split(b"\n")
            for line in lines:
                self._hear(_reports.decode(line), sender)
            sender.send_grown()
            if self._stopping and time.monotonic() > self._stopping + STOP_GRACE:
                self._tell_worker(b"kill\n")

    def _hear(self, report: Any, sender: Sender) -> None:
        if isinstance(report, Ended):
            self._ended = report
        elif isinstance(report, KernelStarted):
            self._pids.append(report.pid)
        elif not isinstance(report, WorkerStarted):
            sender.hear(report)

    def _how_it_ended(self, task: StepTask, kills_before: int) -> Failure | None:
        """What the worker said, in the light of what only the container knows: whether memory ran out."""
        failure = self._ended.failure if self._ended is not None else None
        if self._ended is None:
            failure = Failure(kind="engine", message="the process that ran the step was killed")
        if failure is None:
            return None
        killed = inside_pod.kills_for_memory() > kills_before
        return inside_pod.in_words(failure, killed, inside_pod.memory_limit())

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = self._stopping or time.monotonic()
        self._tell_worker(b"cancel\n")

    def _tell_worker(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            self._line.sendall(word)


if __name__ == "__main__":
    sys.exit(main())
