"""Analysing edited notebooks in processes of their own, so that the server's loop is never held up.

Bytes go in and bytes come out. A process remembers the notebooks that it has analysed, so an editor keeps to one where
that costs no waiting. Of each editor one request is worked on at a time, and one that a later revision has
overtaken is not worked on at all. A process that dies or does not come to an end is replaced by another.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from nb2flow.config import cores
from nb2flow.errors import EnvironmentFault, NotebookError

MOST_PROCESSES = 4
PATIENCE = 30.0
_STARTING = 120.0  # seconds that the first process may take until it has imported everything
_MOST_EDITORS = 500


class Head(msgspec.Struct, frozen=True):
    """What the server's own process has to know of an `AnalyseRequest`."""

    path: str
    revision: int
    client: str = ""


@dataclass(slots=True)
class _Editor:
    latest: int = -1
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    place: int = 0  # of the process that knows its notebook from the time before


@dataclass(slots=True, eq=False)
class _Process:
    pool: ProcessPoolExecutor
    started: Future[int]
    waiting: int = 0


class Analyst:
    """The processes that analyse. Belongs to one event loop."""

    def __init__(self) -> None:
        self._processes: list[_Process | None] = [None] * min(cores(), MOST_PROCESSES)
        self._editors: OrderedDict[tuple[str, str], _Editor] = OrderedDict()
        self._over = False

    def start(self) -> None:
        """Start the processes, so that the first request need not wait for them."""
        for place in range(len(self._processes)):
            self._process(place)

    def stop(self) -> None:
        """End the processes; no others are started."""
        self._over = True
        for process in self._processes:
            if process is not None:
                process.pool.shutdown(wait=False, cancel_futures=True)
        self._processes = [None] * len(self._processes)

    async def analyse(self, head: Head, body: bytes, path: Path) -> bytes | None:
        """The `AnalyseReply` as JSON; None when a later revision has come in. Raises what the analysis raises."""
        if not head.client:
            return await self.call(work, body, str(path))
        key = (head.client, head.path)
        editor = self._editors.setdefault(key, _Editor(place=len(self._editors) % len(self._processes)))
        self._editors.move_to_end(key)
        while len(self._editors) > _MOST_EDITORS:
            self._editors.popitem(last=False)
        editor.latest = max(editor.latest, head.revision)
        async with editor.turn:
            if head.revision < editor.latest:
                return None
            editor.place = self._free(editor.place)
            return await self._call(editor.place, work, body, str(path))

    async def call(self, function: Callable[..., bytes], *arguments: Any) -> bytes:
        """What a module's function gives, called in one of the processes. Raises what it raises."""
        return await self._call(self._free(0), function, *arguments)

    def _free(self, liked: int) -> int:
        """The place of the process with the least to do; of such, the one that is liked."""
        todo = [process.waiting if process is not None else 0 for process in self._processes]
        return liked if todo[liked] == min(todo) else todo.index(min(todo))

    async def _call(self, place: int, function: Callable[..., bytes], *arguments: Any) -> bytes:
        process = self._process(place)
        loop = asyncio.get_running_loop()
        process.waiting += 1
        try:
            # what a busy machine takes to start is no fault of the notebook
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(process.started)), _STARTING)
            return await asyncio.wait_for(loop.run_in_executor(process.pool, function, *arguments), PATIENCE)
        except TimeoutError:
            self._replace(process)
            message = f"there was no answer within {PATIENCE:g} s"
            raise NotebookError(message, hint="is there a cell of very many lines?") from None
        except BrokenProcessPool:
            self._replace(process)
            hint = "is there enough memory? the next edit is tried again"
            raise EnvironmentFault("the process that analyses notebooks has died", hint=hint) from None
        finally:
            process.waiting -= 1

    def _process(self, place: int) -> _Process:
        process = self._processes[place]
        if process is None:
            if self._over:
                raise EnvironmentFault("the Jupyter server is stopping", hint="is it started again?")
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare)
            process = self._processes[place] = _Process(pool, pool.submit(os.getpid))
        return process

    def _replace(self, process: _Process) -> None:
        self._processes = [None if p is process else p for p in self._processes]
        running: dict[int, Any] = getattr(process.pool, "_processes", None) or {}
        process.pool.shutdown(wait=False, cancel_futures=True)
        for one in list(running.values()):
            one.kill()


def _prepare() -> None:
    """A process starts with everything imported; Ctrl-C in the server's terminal is the server's matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    from nb2flow.server import encode  # noqa: F401

    gc.freeze()  # an analysis makes many objects and few cycles: looking for these takes a third of the time
    gc.set_threshold(1_000_000)


def _end_with_the_server() -> None:
    """A server that is killed cannot end its processes: they see to it themselves."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)


def work(body: bytes, path: str) -> bytes:
    """One `AnalyseRequest` as JSON, the notebook being at `path`, to one `AnalyseReply` as JSON."""
    from nb2flow.app.editing import analyse_edited, document_of
    from nb2flow.server import api, encode

    request = msgspec.json.decode(body, type=api.AnalyseRequest)
    where = Path(path)
    try:
        document = document_of(values_of(request.cells, request.metadata), where)
        flow = encode.flow(analyse_edited(document, where, split=request.split))
    except NotebookError as fault:
        flow = encode.no_flow(fault)
    return msgspec.json.encode(api.AnalyseReply(revision=request.revision, stale=False, flow=flow))


def values_of(cells: list[Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """The notebook document of edited cells."""
    made = []
    for cell in cells:
        own: dict[str, Any] = {"tags": cell.tags} if cell.tags else {}
        if cell.nb2flow is not None:
            own["nb2flow"] = cell.nb2flow
        made.append({"cell_type": cell.kind, "id": cell.id, "metadata": own, "source": cell.source})
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
