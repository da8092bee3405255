"""What stands behind papermill's engine `nb2flow`: one notebook executed from its first cell to its last.

Joins the kernel, the cell runner and the record that is kept on disk, and says how it ended. It is handed a `Session`
by the worker; without one (papermill's own command line) it behaves as papermill's engine does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from nb2flow.executors.cells import CellRunner, Stopped
from nb2flow.executors.failure import explain, start_failure
from nb2flow.executors.kernel import Kernel, KernelStartError
from nb2flow.executors.output import OutputKeeper
from nb2flow.executors.record import Record
from nb2flow.runs.attempt import HELD, CellBegan, KernelStarted, Noted, Report
from nb2flow.runs.events import Failure

SHUTDOWN_GRACE = 10.0
_TELL = "try:\n    __import__('nb2flow_runtime').failed()\nexcept Exception:\n    pass"
_TELL_PATIENCE = 5.0  # seconds


class Line(Protocol):
    """The worker's line to whoever started it."""

    def fileno(self) -> int:
        """The descriptor that becomes readable when there is word."""

    def receive(self) -> str:
        """One word: `cancel`, `kill`, or `gone` when the other end is no more; empty: nothing whole has come yet."""


def _silent(report: Report) -> None:
    return None


@dataclass
class Session:
    """What one attempt asks of the engine, and where the engine leaves how it ended (`failure`). On `kernels`, if it is
    there, a kernel can be had that is forked."""

    output: Path | None = None
    environ: dict[str, str] | None = None
    runtime: str | None = None
    log: str | None = None
    cwd: str | None = None
    manifest: Path | None = None
    timeout: float | None = None
    output_limit: int = 10_000_000
    hold: float = 0.0
    kernels: socket.socket | None = None
    report: Callable[[Report], None] = _silent
    line: Line | None = None
    failure: Failure | None = None
    last_words: Callable[[], None] = field(default=lambda: None)


def execute(nb: Any, kernel_name: str, output_path: str | None, **options: Any) -> Any:
    """Execute `nb` in place and return it; a cell that fails leaves its error in the notebook, as in papermill."""
    session: Session = options.get("nb2flow_session") or Session(timeout=options.get("execution_timeout"))
    if session.output is None and output_path is not None:
        session.output = Path(output_path)
    start_timeout = float(options.get("start_timeout") or 60)
    record = Record(nb, session.output)
    record.begin()
    try:
        _run(_execute(record, kernel_name, session, start_timeout))
    finally:
        record.end(failed=session.failure is not None)
    if session.failure is not None and options.get("nb2flow_session") is None and session.failure.kind != "error":
        raise RuntimeError(session.failure.message)
    return nb


def _run(work: Any) -> None:
    """Run a coroutine to its end, also where an event loop is already running in this thread (inside Jupyter)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    faults: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(work)
        except BaseException as fault:  # noqa: BLE001 - handed on to the caller's thread, below
            faults.append(fault)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]


async def _execute(record: Record, kernel_name: str, session: Session, start_timeout: float) -> None:
    deadline = None if session.timeout is None else monotonic() + session.timeout
    kernel = Kernel(
        kernel_name,
        environ=dict(os.environ) if session.environ is None else session.environ,
        cwd=session.cwd or str(Path.cwd()),
        runtime=session.runtime,
        log=session.log,
        reachable=session.hold > 0,
        line=session.kernels,
    )
    watch = _Watch(session, kernel)
    try:
        watch.begin()
        wait = start_timeout if deadline is None else min(start_timeout, max(0.1, deadline - monotonic()))
        await kernel.start(wait, lambda pid: session.report(KernelStarted(pid)))
        if kernel.why_not_forked:
            session.report(Noted(f"the kernel was started by itself, which takes longer: {kernel.why_not_forked}"))
        await _run_cells(record, kernel, session, deadline, watch)
    except KernelStartError as error:
        if watch.reason:
            session.failure = explain(record.nb, Stopped(watch.reason, None), session.timeout, session.manifest)
        elif deadline is not None and monotonic() >= deadline:
            session.failure = explain(record.nb, Stopped("timeout", None), session.timeout, session.manifest)
        else:
            session.failure = start_failure(str(error), session.log)
    finally:
        watch.end()
        kernel.clean_up()


class _Saver:
    """Saves when output comes: at once where a save is due, else as soon as one is, also if nothing more is printed."""

    def __init__(self, record: Record, keeper: OutputKeeper) -> None:
        self._record = record
        self._keeper = keeper
        self._later: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """Some output has come. OSError when the disk will not have it."""
        if self._record.is_due():
            self.end()
            self._save()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(self._record.due_in(), self._save_later)

    def end(self) -> None:
        """What is still to be saved is left to the record's own end."""
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _save(self) -> None:
        self._keeper.close()
        self._record.save()

    def _save_later(self) -> None:
        self._later = None
        with contextlib.suppress(OSError):  # a disk that will not have it is told of at the next save
            self._save()


async def _run_cells(record: Record, kernel: Kernel, session: Session, deadline: float | None, watch: _Watch) -> None:
    keeper = OutputKeeper(session.output_limit)
    runner = CellRunner(record.nb, kernel, keeper, deadline)

    saver = _Saver(record, keeper)
    runner.heard = saver.heard
    runner.begin()
    watch.attach(runner)
    record.nb.metadata["language_info"] = kernel.info.get("language_info", {})
    try:
        await _each_cell(record, runner, session)
        runner.set_widgets_metadata()
    except Stopped as stopped:
        if stopped.index is not None:
            record.cell_failed(stopped.index)
        runner.set_widgets_metadata()
        if stopped.reason == "error" and session.runtime is not None:
            await runner.run_unseen(_TELL, _TELL_PATIENCE)
        detail = kernel.how_it_ended() if stopped.reason == "kernel-died" else ""
        session.failure = explain(record.nb, stopped, session.timeout, session.manifest, detail)
    finally:
        saver.end()
        for index in keeper.cells:
            _tell_what_was_left_out(record, keeper, index, session)
        await runner.end()
        if session.hold and session.failure is not None and session.failure.kind == "error":
            await _hold(record, kernel, session, watch)
        if not kernel.dead:
            in_time = await kernel.shut_down(SHUTDOWN_GRACE if session.failure is None else 2.0)
            if not in_time and session.failure is None:
                session.report(Noted(f"the kernel did not end by itself within {SHUTDOWN_GRACE:.0f} s and was killed"))


async def _hold(record: Record, kernel: Kernel, session: Session, watch: _Watch) -> None:
    """Keep the kernel as the failure left it, for somebody to look into, until the time is over or we are stopped."""
    assert session.output is not None
    record.save()
    kernel.leave_to_others(session.output.with_name(HELD))
    until = monotonic() + session.hold
    while not kernel.dead and not watch.reason and (left := until - monotonic()) > 0:
        kernel.changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kernel.changed.wait(), left)


async def _each_cell(record: Record, runner: CellRunner, session: Session) -> None:
    authors = [i for i, cell in enumerate(record.nb.cells) if _is_authors(cell)]
    for index, cell in enumerate(record.nb.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if "skip-execution" in cell.metadata.get("tags", []):
            continue
        if index in authors:
            cell_id = cell.metadata.get("nb2flow", {}).get("id") or cell.get("id", "")
            session.report(CellBegan(cell_id, authors.index(index) + 1, len(authors)))
        record.cell_started(index)
        try:
            await runner.run_cell(cell, index)
        finally:
            _tell_what_was_left_out(record, runner.keeper, index, session)
            record.cell_ended(index)
        if index in runner.unfinished:
            session.report(Noted("the kernel did not say that it had sent all output of a cell: some may be missing"))


def _is_authors(cell: Any) -> bool:
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    if {"injected-parameters", "skip-execution"} & set(cell.metadata.get("tags", [])):
        return False
    return bool(cell.metadata.get("nb2flow", {}).get("role", "author") == "author")


def _tell_what_was_left_out(record: Record, keeper: OutputKeeper, index: int, session: Session) -> None:
    said = keeper.end(index)
    if said:
        record.add_stream(index, f"\n[nb2flow] {said}.\n")
        session.report(Noted(said))


class _Watch:
    """Listens to the worker's line while the event loop runs: stop, kill, or nobody there any more."""

    def __init__(self, session: Session, kernel: Kernel) -> None:
        self._session = session
        self._kernel = kernel
        self._runner: CellRunner | None = None
        self.reason = ""

    def begin(self) -> None:
        if self._session.line is not None:
            asyncio.get_running_loop().add_reader(self._session.line.fileno(), self._hear)

    def attach(self, runner: CellRunner) -> None:
        self._runner = runner
        if self.reason:
            runner.stop(self.reason)

    def end(self) -> None:
        if self._session.line is not None:
            asyncio.get_running_loop().remove_reader(self._session.line.fileno())

    def _hear(self) -> None:
        assert self._session.line is not None
        word = self._session.line.receive()
        if not word:
            return
        if word == "gone":
            # Nobody will ever read the result: leave nothing running behind.
            self._kernel.clean_up()
            self._session.last_words()
            return
        self.reason = "cancelled"
        if self._runner is not None:
            self._runner.stop("cancelled")
        if word == "kill" or self._runner is None:
            self._kernel.kill()
