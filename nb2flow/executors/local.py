"""Steps on this machine: a fork server, a process for each attempt, and one thread that listens to all of them.
Kernels are forked, too (`zygotes.py`).

This side of the fork server imports nothing heavy. What a worker says comes as lines of JSON on a socket of its own;
that the socket closes is how each side notices that the other is gone. See `forkserver` for why it is our own.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from nb2flow.engine.ports import MOST_INSTANCES, Pilot
from nb2flow.errors import EnvironmentFault
from nb2flow.executors import kernels
from nb2flow.executors.forkserver import HEADER
from nb2flow.executors.forkservers import ForkServer, taken
from nb2flow.executors.zygotes import Zygotes
from nb2flow.runs.attempt import Ended, KernelStarted, Report, StepTask, WorkerStarted
from nb2flow.runs.events import Failure
from nb2flow.runs.folders import Home

KILL_GRACE = 3.0  # seconds for workers to end by themselves when everything is closed


_reports: msgspec.json.Decoder[Report | WorkerStarted] = msgspec.json.Decoder(Report | WorkerStarted)


class _Attempt:
    """One worker, as seen from here."""

    def __init__(self, connection: socket.socket, report: Callable[[Report], None]) -> None:
        self.connection = connection
        self.report = report
        self.buffer = b""
        self.worker = 0
        self.kernel = 0
        self.ended = False

    def cancel(self, *, kill: bool = False) -> None:
        """Ask the worker to stop its kernel."""
        with contextlib.suppress(OSError):
            self.connection.sendall(b"kill\n" if kill else b"cancel\n")

    def slay(self) -> None:
        """Kill the worker and its kernel, with all they started."""
        for group in (self.worker, self.kernel):
            if group:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)


class LocalBackend:
    """Runs each attempt in a forked process. Implements `StepBackend`."""

    name = "local"
    secrets_here = True
    goes_on_alone = False
    most_instances = MOST_INSTANCES
    pilot: Pilot | None = None

    def __init__(self) -> None:
        self._server: ForkServer | None = None
        self._zygotes = Zygotes()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._new: list[_Attempt] = []
        self._alive: set[_Attempt] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._listener: threading.Thread | None = None

    def fingerprint(self, kernel: str) -> str:
        """What stands for the kernel in content keys. EnvironmentFault when it is not installed."""
        return kernels.fingerprint(kernels.find(kernel), dict(os.environ))

    def holds(self, digests: frozenset[str], home: Path) -> bool:
        """Whether these artifacts are in the project's own store."""
        place = Home(home)
        return all(place.blob(digest).exists() for digest in digests)

    def prepare(self) -> None:
        """Start the fork server; it imports papermill while the caller goes on."""
        if self._server is not None:
            return
        self._server = taken()
        self._zygotes.complaints = self._server.complaints
        self._listener = threading.Thread(target=self._listen, name="nb2flow-steps", daemon=True)
        self._listener.start()

    def start(self, task: StepTask, report: Callable[[Report], None]) -> _Attempt:
        """Have the fork server begin an attempt."""
        self.prepare()
        assert self._server is not None
        ours, theirs = socket.socketpair()
        attempt = _Attempt(ours, report)
        encoded = msgspec.json.encode(task)
        with theirs, self._kernel_for(task) or contextlib.nullcontext() as kernel:
            given = [theirs.fileno()] if kernel is None else [theirs.fileno(), kernel.fileno()]
            with contextlib.suppress(OSError):  # a dead server is noticed when `theirs` closes
                socket.send_fds(self._server.channel, [HEADER.pack(len(encoded))], given)
                self._server.channel.sendall(encoded)
        with self._lock:
            self._new.append(attempt)
            self._alive.add(attempt)
        os.write(self._wake_write, b".")
        return attempt

    def _kernel_for(self, task: StepTask) -> socket.socket | None:
        runtime = task.runtime if task.context is not None else None
        try:
            return self._zygotes.line(kernels.find(task.kernel), task.environ, runtime, task.cwd, task.imports)
        except EnvironmentFault:
            return None  # told where it is to start

    def close(self) -> None:
        """Stop all attempts, politely for a moment, and the fork server."""
        if self._server is None:
            self._close_files()
            return
        with self._lock:
            alive = list(self._alive)
        for attempt in alive:
            attempt.cancel(kill=True)
        deadline = time.monotonic() + KILL_GRACE
        while self._alive and time.monotonic() < deadline:
            time.sleep(0.01)
        with self._lock:
            alive = list(self._alive)
        for attempt in alive:
            attempt.slay()
        self._closing = True
        os.write(self._wake_write, b".")
        assert self._listener is not None
        self._listener.join()
        self._zygotes.close()
        self._server.close()
        self._server = None
        self._close_files()

    def _close_files(self) -> None:
        self._selector.close()
        for descriptor in (self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _listen(self) -> None:
        while True:
            ready = self._selector.select()
            for key, _ in ready:
                if key.data is None:
                    os.read(self._wake_read, 4096)
                else:
                    self._hear(key.data)
            with self._lock:
                for attempt in self._new:
                    self._selector.register(attempt.connection, selectors.EVENT_READ, attempt)
                self._new.clear()
                if self._closing and not self._alive:
                    return

    def _hear(self, attempt: _Attempt) -> None:
        try:
            data = attempt.connection.recv(1 << 16)
        except OSError:
            data = b""
        *lines, attempt.buffer = (attempt.buffer + data).split(b"\n")
        for line in lines:
            report = _reports.decode(line)
            if isinstance(report, WorkerStarted):
                attempt.worker = report.pid
                continue
            if isinstance(report, KernelStarted):
                attempt.kernel = report.pid
            attempt.ended = attempt.ended or isinstance(report, Ended)
            attempt.report(report)
        if not data:
            self._gone(attempt)

    def _gone(self, attempt: _Attempt) -> None:
        """The worker closed its end: after `Ended` as it should, or because it died."""
        self._selector.unregister(attempt.connection)
        attempt.connection.close()
        if not attempt.ended:
            attempt.slay()
            attempt.report(Ended(self._death_notice(attempt)))
        with self._lock:
            self._alive.discard(attempt)

    def _death_notice(self, attempt: _Attempt) -> Failure:
        if self._server is not None and not attempt.worker and self._server.has_ended(within=0.5):
            return Failure(
                kind="engine",
                message="the process that runs steps could not start",
                traceback=self._server.last_words(),
            )
        return Failure(
            kind="engine",
            message="the process that ran this step was killed",
            hint="was memory short? the system then kills the largest process",
        )
