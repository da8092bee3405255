"""One attempt of a step, in a process of its own: papermill runs the step notebook, the parent hears how it goes.

One papermill run for each process, because papermill changes the process's working directory. The process belongs to
its parent: when the parent is gone, it kills its kernel and leaves. This is the executor's border, where any exception
becomes a report.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from nb2flow.executors.kernels import folders
from nb2flow.executors.notebook_engine import Session
from nb2flow.executors.papermill_engine import Nb2flowEngine
from nb2flow.runs.attempt import Ended, Report, StepTask, WorkerStarted
from nb2flow.runs.events import Failure
from nb2flow.runs.folders import replace_file
from nb2flow.runs.portable import restored

START_TIMEOUT = 120  # seconds that a kernel may take to come up on a busy machine
_TINY = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def preload() -> None:
    """Import and warm up, before any fork, what every attempt needs. Starts no thread and no kernel."""
    papermill: Any = import_module("papermill.engines")
    papermill.papermill_engines.register("nb2flow", Nb2flowEngine)
    nbformat: Any = import_module("nbformat")
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    nbformat.reads(_TINY, as_version=4)  # compiles the schema
    KernelProvisionerFactory.instance()  # looks up entry points
    with contextlib.suppress(Exception):
        KernelSpecManager(kernel_dirs=list(map(str, folders()))).get_kernel_spec("python3")


class ParentLine:
    """The socket to the parent: reports go out, words come in (`cancel`, `kill`; `gone` when it is closed)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._heard = b""

    def fileno(self) -> int:
        """The descriptor that becomes readable when there is word."""
        return self._connection.fileno()

    def receive(self) -> str:
        """The latest whole word; empty when none is there yet."""
        try:
            data = self._connection.recv(4096)
        except OSError:
            return "gone"
        if not data:
            return "gone"
        *words, self._heard = (self._heard + data).split(b"\n")
        return words[-1].decode() if words else ""

    def send(self, report: Report | WorkerStarted) -> None:
        """Send one report; a parent that is gone is noticed elsewhere."""
        with contextlib.suppress(OSError):
            self._connection.sendall(msgspec.json.encode(report) + b"\n")


def run(connection: socket.socket, encoded: bytes, kernels: socket.socket | None = None) -> None:
    """Run the encoded `StepTask` and report on `connection`, `Ended` last. On `kernels` its kernel can be had."""
    line = ParentLine(connection)
    line.send(WorkerStarted(os.getpid()))
    try:
        failure = _run(msgspec.json.decode(encoded, type=StepTask), line, kernels)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        full = error.errno == errno.ENOSPC
        failure = Failure(
            kind="engine",
            message=f"cannot use{where}: {error.strerror or error}",
            hint="the disk is full: make room, then `nb2flow resume` goes on" if full else "",
        )
    except Exception as error:  # noqa: BLE001 - the border: the parent must hear of everything
        failure = Failure(
            kind="engine",
            message=f"{type(error).__name__}: {error}",
            traceback=tuple(traceback.format_exc().splitlines()),
        )
    line.send(Ended(failure))


def _run(task: StepTask, line: ParentLine, kernels: socket.socket | None) -> Failure | None:
    papermill: Any = import_module("papermill")
    exceptions: Any = import_module("papermill.exceptions")
    _redirect_output(task.log)
    os.environ.clear()
    os.environ.update(task.environ)
    manifest = Path(task.manifest)
    for earlier in (manifest, manifest.with_suffix(".failed")):
        earlier.unlink(missing_ok=True)
    environ = dict(task.environ)
    if task.context is not None:
        context = manifest.with_suffix(".context")
        replace_file(context, json.dumps(task.context, sort_keys=True).encode())
        environ["NB2FLOW_CONTEXT"] = str(context)
    session = Session(
        output=Path(task.executed),
        environ=environ,
        runtime=task.runtime if task.context is not None else None,
        log=task.log,
        cwd=task.cwd,
        manifest=manifest,
        timeout=task.timeout,
        output_limit=task.output_limit,
        hold=task.hold,
        kernels=kernels,
        report=line.send,
        line=line,
        last_words=lambda: os._exit(1),
    )
    # An error that the cell's tag allows makes papermill raise at the end all the same; how it ended is in the session.
    with contextlib.suppress(exceptions.PapermillExecutionError):
        papermill.execute_notebook(
            _literal(task.notebook),
            None,  # the engine writes the notebook: atomically, and not twice for each cell
            parameters=restored(task.parameters) or None,
            engine_name="nb2flow",
            kernel_name=task.kernel,
            language=task.language,
            progress_bar=False,
            start_timeout=START_TIMEOUT,
            cwd=task.cwd,
            nb2flow_session=session,
        )
    return session.failure


def _literal(path: str) -> str:
    """The path, safe from papermill, which reads `{name}` in it as a parameter."""
    return path.replace("{", "{{").replace("}", "}}")


def _redirect_output(log: str) -> None:
    """What libraries print here goes to the step's log, not over the user's live view."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.getLogger("papermill").setLevel(logging.ERROR)
