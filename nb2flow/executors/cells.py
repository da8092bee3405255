"""Runs the cells of one notebook in a started kernel, one after the other, as a front end would.

nbclient's `NotebookClient` says what a kernel's messages mean for a notebook (outputs, displays updated later,
widgets); this file says when to read them and when to stop: a dead kernel, a deadline, a request to cancel. It neither
starts kernels nor writes files.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from nb2flow.executors.kernel import Kernel
from nb2flow.executors.output import OutputKeeper, beginning_of_stream

# Seconds that an interrupted cell gets to end, and that a finished cell's last output may stay away: long, because a
# gigabyte is one message, and nothing is heard of it while it is under way. A kernel that once kept silent for so long
# does not say when it is done, and is not waited for so long again.
INTERRUPT_GRACE = 5.0
OUTPUT_GRACE = 60.0
OUTPUT_GRACE_OF_THE_SILENT = 5.0
_HUGE = 4_000_000  # bytes of one message of printed text
_LOOK_AGAIN = 300  # milliseconds


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# A frame of a function that stands in the place of Python's own while a step is watched: it says nothing to the author.
_STAND_IN = re.compile(r"File \S*[/\\]nb2flow_runtime[/\\](asked|workers|imports)\.py\b")

_new_node: Any = NotebookNode  # nbformat does not say its types


class Stopped(Exception):  # noqa: N818 - not always an error: it may have been asked for
    """The notebook did not run to its end. `reason`: `error`, `timeout`, `cancelled` or `kernel-died`.

    `ename` and `evalue` are what the kernel's reply calls an error.
    """

    def __init__(self, reason: str, index: int | None, ename: str = "", evalue: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index
        self.ename = ename
        self.evalue = evalue


class CellRunner(NotebookClient):
    """Executes the cells of `nb` with `kernel`.

    `deadline` is a `time.monotonic()` value; `heard` is called after each message that changed an output.
    """

    def __init__(self, nb: NotebookNode, kernel: Kernel, keeper: OutputKeeper, deadline: float | None) -> None:
        super().__init__(nb, km=kernel.manager, kernel_name=kernel.name)
        self.kc = kernel.client
        self.kernel = kernel
        self.keeper = keeper
        self.deadline = deadline
        self.heard: Callable[[], None] = lambda: None
        self._asked: dict[str, tuple[NotebookNode, int]] = {}
        self._reply: dict[str, Any] | None = None
        self._idle = False
        self._last_heard = 0.0
        self._request = ""
        self._stop_reason = ""
        self.unfinished: list[int] = []  # cells whose kernel never said that all output was sent
        self._readers: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start listening to the kernel."""
        self._readers = [asyncio.create_task(self._read_outputs()), asyncio.create_task(self._read_replies())]
        for reader in self._readers:
            reader.add_done_callback(lambda _: self.kernel.changed.set())

    async def end(self) -> None:
        """Stop listening."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def stop(self, reason: str) -> None:
        """Have the running cell interrupted and no other begun; may be called at any time from the event loop."""
        self._stop_reason = self._stop_reason or reason
        self.kernel.changed.set()

    async def run_cell(self, cell: NotebookNode, index: int) -> None:
        """Execute one code cell and put its outputs in place. Stopped when the notebook must not go on."""
        if self._stop_reason:
            raise Stopped(self._stop_reason, None)
        tags = cell.metadata.get("tags", [])
        allowed = "raises-exception" in tags
        cell.outputs = []
        cell.metadata["execution"] = {}
        self.clear_before_next_output = False
        self._reply, self._idle = None, False
        assert self.kc is not None
        self._request = self.kc.execute(cell.source, store_history=True, allow_stdin=False, stop_on_error=not allowed)
        self._asked[self._request] = (cell, index)
        try:
            await self._until_done(index)
        finally:
            self.keeper.close()
        content: dict[str, Any] = self._reply["content"] if self._reply is not None else {}
        if self._stop_reason:
            raise Stopped(self._stop_reason, index)
        if content.get("status") != "ok" and not allowed:
            raise Stopped("error", index, str(content.get("ename", "")), str(content.get("evalue", "")))

    async def run_unseen(self, code: str, patience: float) -> None:
        """Have the kernel run something of ours, of which nothing is shown; `patience` is seconds."""
        assert self.kc is not None
        self._reply = None
        self._request = self.kc.execute(code, silent=True, store_history=False, allow_stdin=False)
        until = time.monotonic() + patience
        while self._reply is None and not self.kernel.dead and (left := until - time.monotonic()) > 0:
            self.kernel.changed.clear()
            await _wait(self.kernel.changed, left)

    async def _until_done(self, index: int) -> None:
        give_up: float | None = None
        changed = self.kernel.changed
        grace = OUTPUT_GRACE_OF_THE_SILENT if self.unfinished else OUTPUT_GRACE
        while True:
            changed.clear()
            self._raise_reader_faults()
            if self._reply is not None and self._idle:
                return
            now = time.monotonic()
            if self.kernel.dead:
                await self._drain()
                raise Stopped(self._stop_reason or "kernel-died", index)
            if self.deadline is not None and now >= self.deadline and not self._stop_reason:  # once: it wakes us
                self.stop("timeout")
            if self._stop_reason and give_up is None:
                give_up = now + INTERRUPT_GRACE
                await self.kernel.interrupt()
            if give_up is not None and now >= give_up:
                self.kernel.kill()
                raise Stopped(self._stop_reason, index)
            if self._reply is not None and now - self._last_heard > grace:
                self.unfinished.append(index)
                return
            waits = [t - now for t in (self.deadline, give_up) if t is not None and t > now]
            if self._reply is not None:
                waits.append(grace)
            await _wait(changed, min(waits, default=None))

    def _raise_reader_faults(self) -> None:
        for reader in self._readers:
            if reader.done() and not reader.cancelled():
                fault = reader.exception()
                raise fault if fault is not None else RuntimeError("the kernel's messages came to an end")

    async def _drain(self) -> None:
        """Take what a dead kernel had still sent."""
        while True:
            before = self._last_heard
            await asyncio.sleep(0.02)
            if self._last_heard == before:
                return

    async def _read_replies(self) -> None:
        assert self.kc is not None
        channel = self.kc.shell_channel
        while True:
            # What a widget sends goes out past asyncio, and may take the wake-up of a reply that comes just then with
            # it (ZeroMQ tells of a message once): so it is looked for again and again.
            if not await channel.socket.poll(_LOOK_AGAIN):
                continue
            message = await channel.get_msg(timeout=0)
            if message["parent_header"].get("msg_id") == self._request and message["msg_type"] == "execute_reply":
                self._last_heard = time.monotonic()
                self._reply = message
                self.kernel.changed.set()

    async def _read_outputs(self) -> None:
        """Messages are taken apart by hand so that what is over the limit costs no more than its header."""
        assert self.kc is not None
        socket, session = self.kc.iopub_channel.socket, self.kc.session
        taken = 0
        while True:
            frames = await socket.recv_multipart(copy=False)
            self._last_heard = time.monotonic()
            _, parts = session.feed_identities(frames, copy=False)
            parent, content = session.unpack(parts[2].bytes), parts[4]
            asked = self._asked.get(parent.get("msg_id", ""))
            if asked is not None:
                cell, index = asked
                kind, size = session.unpack(parts[1].bytes)["msg_type"], len(content)
                hooked = bool(self.output_hook_stack.get(parent["msg_id"]))
                if kind == "stream" and size > _HUGE and not hooked:
                    self._take_beginning(content.buffer, cell, index)
                elif not self.keeper.drops(index, kind, size):
                    self._take(session.deserialize(parts, copy=False), cell, index)
            del frames, parts, content
            taken += 1
            if taken % 32 == 0:  # a ready socket never yields: let timers and requests to stop have their turn
                await asyncio.sleep(0)

    def _take(self, message: dict[str, Any], cell: NotebookNode, index: int) -> None:
        try:
            self.process_message(message, cell, index)
        except CellExecutionComplete:
            if message["parent_header"]["msg_id"] == self._request:
                self._idle = True
                self.kernel.changed.set()
        else:
            self.heard()

    def _take_beginning(self, content: memoryview, cell: NotebookNode, index: int) -> None:
        """A message as large as this is never put into memory a second time: only what will be kept is decoded."""
        room = self.keeper.room(index)
        name, text, rest = beginning_of_stream(content, room)
        self.keeper.dropped(index, rest)
        if text:
            self._add_text(cell.outputs, index, name, text)
        self.heard()

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: Any, cell_index: int) -> Any:
        """As nbclient's, but text of one stream is put together, in bounded memory and linear time."""
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if msg["msg_type"] == "error":
            frames = msg["content"].get("traceback") or []
            msg["content"]["traceback"] = [frame for frame in frames if not _STAND_IN.match(_ANSI.sub("", frame))]
        if msg["msg_type"] != "stream" or hooked:
            self.keeper.close()
            return super().output(outs, msg, display_id, cell_index)
        content = msg["content"]
        self._add_text(outs, cell_index, content["name"], content["text"])
        return None

    def _add_text(self, outs: list[NotebookNode], index: int, name: str, text: str) -> None:
        if self.clear_before_next_output:
            outs[:] = []
            self.clear_display_id_mapping(index)
            self.clear_before_next_output = False
            self.keeper.cleared(index)
        self.keeper.add_text(outs, index, name, text, _stream)

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """As nbclient's; what is cleared at once no longer counts towards the limit."""
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self.keeper.cleared(cell_index)


def _stream(name: str) -> NotebookNode:
    node: NotebookNode = _new_node(output_type="stream", name=name, text="")
    return node


async def _wait(event: asyncio.Event, timeout: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout)
    except TimeoutError:
        return
