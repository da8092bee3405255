"""One kernel process: started, watched, interrupted and stopped without fixed waits.

Built on jupyter_client (kernelspecs, connection files, sessions) but not on its waiting: sockets are files in a
private folder (no port can collide), readiness is told by the kernel's own answers instead of a 200 ms flush, and the
end of the process by a pidfd instead of a 100 ms poll. Knows nothing of notebooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from nb2flow.executors.forked import ForkedProvisioner
from nb2flow.executors.kernels import add_runtime, folders

# The longest path a Unix socket may have is 103 bytes on macOS and 107 on Linux; ours end in "/k-65535".
_LONGEST_SOCKET_FOLDER = 90


class KernelStartError(Exception):
    """The kernel did not come up: the message says what it did instead."""


class Kernel:
    """A kernel of the kernelspec `name`, run in `cwd` with the environment `environ`.

    `runtime`, if given, is put in front of the kernel's PYTHONPATH; what the kernel process itself prints goes to the
    file `log`. With `reachable` it listens on ports of this machine, for others than us. It is forked on the other end
    of `line`, if there is one. `changed` is set whenever the kernel's process ends: wait on it, then look at `dead`.
    """

    def __init__(
        self,
        name: str,
        *,
        environ: dict[str, str],
        cwd: str,
        runtime: str | None,
        log: str | None,
        reachable: bool = False,
        line: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.environ = dict(environ)
        self.cwd = cwd
        self.runtime = runtime
        self.log = log
        self._reachable = reachable
        self._line = line
        self._forked: ForkedProvisioner | None = None
        self.dead = False
        self.changed = asyncio.Event()
        self.info: dict[str, Any] = {}
        self._folder: str | None = None
        self._pidfd: int | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, timeout: float, launched: Callable[[int], None]) -> None:
        """Start the process (`launched` gets its id) and wait until it answers.

        KernelStartError when it dies or `timeout` seconds pass.
        """
        self.manager = self._manager()
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(Path(self.log).open("ab")) if self.log else None
            try:
                await self.manager.start_kernel(
                    env=self.environ,
                    cwd=self.cwd,
                    stdout=log,
                    stderr=log,
                    extra_arguments=["--HistoryManager.hist_file=:memory:"] if self._is_ipykernel else [],
                )
            except (OSError, RuntimeError) as error:
                raise KernelStartError(f"the kernel '{self.name}' could not be started: {error}") from error
        launched(self.pid)
        self._watch_process()
        self.client: AsyncKernelClient = self.manager.client(context=self.manager.context)
        self.client.start_channels(stdin=False, hb=False, control=False)
        self.client.allow_stdin = False
        await self._become_ready(time.monotonic() + timeout)

    @property
    def why_not_forked(self) -> str:
        """Why it was started by itself though it was to be forked; empty when it was not so."""
        return self._forked.refusal if self._forked is not None else ""

    @property
    def pid(self) -> int:
        """The kernel's process id, which is also its process group's."""
        manager = getattr(self, "manager", None)
        return int(getattr(manager.provisioner, "pid", 0) or 0) if manager is not None else 0

    @property
    def _is_ipykernel(self) -> bool:
        spec = self.manager.kernel_spec
        return spec is not None and any("ipykernel" in argument for argument in spec.argv)

    def _manager(self) -> AsyncKernelManager:
        context = zmq.asyncio.Context()
        # Defaults for all sockets made from it: look again soon for a socket the kernel has not made yet, and never
        # drop output because we read more slowly than the kernel prints (what we keep of it is bounded elsewhere).
        context.reconnect_ivl = 2  # milliseconds, up to twice
        context.rcvhwm = 0
        self._folder = tempfile.mkdtemp(prefix="nb2flow-")
        specs = KernelSpecManager(kernel_dirs=list(map(str, folders())))
        manager = AsyncKernelManager(kernel_name=self.name, context=context, kernel_spec_manager=specs)
        manager.connection_file = f"{self._folder}/connection.json"
        spec = manager.kernel_spec
        if spec is None:
            raise KernelStartError(f"there is no kernel called '{self.name}'")
        private = spec.language.lower() == "python" and not self._reachable
        if private and os.name == "posix" and len(self._folder) < _LONGEST_SOCKET_FOLDER:
            manager.transport = "ipc"
            manager.ip = f"{self._folder}/k"
        add_runtime(self.environ, spec.env, self.runtime)
        if self._line is not None:
            self._forked = ForkedProvisioner(self._line, kernel_id="", kernel_spec=spec, parent=manager)
            manager.provisioner = self._forked
        return manager

    def _watch_process(self) -> None:
        def ended() -> None:
            if self._pidfd is not None:
                asyncio.get_running_loop().remove_reader(self._pidfd)
            self.dead = True
            self.changed.set()

        async def poll() -> None:
            while await self.manager.is_alive():
                await asyncio.sleep(0.05)
            ended()

        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or an old one
            self._watch = asyncio.create_task(poll())
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, ended)

    async def _become_ready(self, deadline: float) -> None:
        """Ask until the answer comes on both channels: then no output of the first cell can be missed."""
        patience = 0.02
        while True:
            request = self.client.kernel_info()
            reply = await self._answer(request, deadline)
            self.info = reply["content"]
            if await self._hears_itself(request, patience):
                return
            patience = min(patience * 2, 1.0)

    async def _answer(self, request: str, deadline: float) -> dict[str, Any]:
        while True:
            answer = asyncio.ensure_future(self.client.shell_channel.get_msg(timeout=None))
            dead = asyncio.ensure_future(self.changed.wait())
            remaining = max(0.0, deadline - time.monotonic())
            await asyncio.wait({answer, dead}, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
            dead.cancel()
            if answer.done():
                message: dict[str, Any] = answer.result()
                if message["parent_header"].get("msg_id") == request:
                    return message
                continue
            answer.cancel()
            if self.dead:
                raise KernelStartError(f"the kernel '{self.name}' ended while it was starting ({self.how_it_ended()})")
            raise KernelStartError(f"the kernel '{self.name}' did not answer in time")

    async def _hears_itself(self, request: str, patience: float) -> bool:
        until = time.monotonic() + patience
        while True:
            try:
                message = await self.client.iopub_channel.get_msg(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return False
            idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if idle and message["parent_header"].get("msg_id") == request:
                return True

    def how_it_ended(self) -> str:
        """In words, how the kernel's process ended: its exit status or the signal that killed it."""
        process = getattr(self.manager.provisioner, "process", None)
        status = process.wait() if process is not None else None  # it has ended: this only asks how
        if status is None:
            return "its process is gone"
        if status >= 0:
            return f"exit status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        hint = ", which is what happens when memory runs out" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"

    async def interrupt(self) -> None:
        """Interrupt what the kernel is doing, in the way that its kernelspec asks for."""
        if not self.dead:
            with contextlib.suppress(RuntimeError, OSError):
                await self.manager.interrupt_kernel()

    def leave_to_others(self, path: Path) -> None:
        """Hear no more what it says, and write the file that others connect with, readable for us alone."""
        self.client.iopub_channel.stop()
        passing = path.with_name(f".{path.name}")
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Path(self.manager.connection_file).read_bytes())
        passing.replace(path)

    def kill(self) -> None:
        """Kill the kernel's whole process group at once."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        elif self._forked is not None:
            self._forked.give_up()

    async def shut_down(self, grace: float) -> bool:
        """Let the kernel end by itself (its atexit functions run), kill it after `grace` seconds. False: killed."""
        if not self.dead:
            self._request_shutdown()
        deadline = time.monotonic() + grace
        while not self.dead:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.kill()
                return False
        return True

    def _request_shutdown(self) -> None:
        """Asked on its control channel, ipykernel 7 hangs about once in fifty times: the thread of that channel still
        has something to say while the main thread closes what it says it on. On the shell channel it is one thread."""
        if self._is_ipykernel:
            message = self.client.session.msg("shutdown_request", {"restart": False})
            self.client.shell_channel.send(message)
        else:
            self.client.shutdown()

    def clean_up(self) -> None:
        """Kill what is left and remove the sockets and the connection file. Works in whatever state the kernel is."""
        if getattr(self, "manager", None) is not None and self.manager.has_kernel:
            if not self.dead:
                self.kill()
            process = getattr(self.manager.provisioner, "process", None)
            if process is not None:
                process.wait()
        if self._watch is not None:
            self._watch.cancel()
        if self._pidfd is not None:
            if not self.dead:
                asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if getattr(self, "client", None) is not None:
            self.client.stop_channels()
        if getattr(self, "manager", None) is not None:
            self.manager.context.destroy(linger=0)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
