"""A kernel that is forked instead of started: a provisioner of jupyter_client for it.

The other end is `zygote.py`. Where it does not fork, for whatever reason, the kernel is started as it always was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
from typing import Any, cast

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from nb2flow.executors.zygote import HEADER
from nb2flow.executors.zygotes import taken_apart

_PATIENCE = 60.0  # seconds for what takes a third of one, and with the notebook's libraries as long as importing these
_UNKNOWN = 1 << 16


class ForkedProcess:
    """A forked kernel, as far as one uses a `subprocess.Popen`. Closing it has the kernel killed, if it still runs."""

    stdin = stdout = stderr = None

    def __init__(self, line: socket.socket, pid: int, heard: bytes) -> None:
        self.pid = pid
        self._line = line
        self._heard = heard
        self._ended: int | None = None

    @property
    def returncode(self) -> int | None:
        """How it ended, as of a `Popen`; None while it runs, and where that is not known."""
        return None if self._ended == _UNKNOWN else self._ended

    def poll(self) -> int | None:
        """How it ended, if it has."""
        while self._ended is None and select.select([self._line], [], [], 0)[0]:
            self._hear()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end."""
        while self._ended is None:
            self._hear()
        self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self._ended is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _hear(self) -> None:
        if b"\n" not in self._heard:
            data = _received(self._line)
            self._heard += data
            if not data:
                self._ended = _UNKNOWN
        if b"\n" in self._heard:
            told, _, self._heard = self._heard.partition(b"\n")
            self._ended = int(json.loads(told)["status"])


class ForkedProvisioner(LocalProvisioner):
    """Has kernels forked on the other end of `line`. `refusal` tells why that was not done, if it was not."""

    def __init__(self, line: socket.socket, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._line = line
        self._wanted = True
        self.refusal = ""

    def give_up(self) -> None:
        """The kernel is not wanted any more: do not wait for it. It may be that libraries are being loaded first."""
        self._wanted = False
        if not self.has_process:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Have it forked, else start it."""
        process = await self._fork(cmd, kwargs)
        if not self._wanted:
            self._line.close()  # if it was forked in this moment, it is killed
            raise RuntimeError("it is not wanted any more")
        if process is None:
            self._line.close()
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast("Any", process)
        self.pid = self.pgid = process.pid
        self.cwd = kwargs["cwd"]
        return self.connection_info

    async def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> ForkedProcess | None:
        launch = taken_apart(cmd)
        if launch is None:
            self.refusal = "it is another kernel"
            return None
        request = {"env": kwargs["env"], "cwd": kwargs["cwd"], "command": launch.command, "arguments": launch.arguments}
        encoded = json.dumps(request).encode("ascii")
        output = kwargs.get("stdout")
        try:
            socket.send_fds(self._line, [HEADER.pack(len(encoded))], [output.fileno()] if output is not None else [])
            self._line.sendall(encoded)
        except OSError:
            self.refusal = "the process that forks kernels has ended"
            return None
        heard = b""
        self._line.setblocking(False)
        loop, deadline = asyncio.get_running_loop(), asyncio.timeout(_PATIENCE)
        try:
            async with deadline:
                while b"\n" not in heard:
                    data = await loop.sock_recv(self._line, 4096)
                    if not data:
                        raise ConnectionResetError
                    heard += data
        except OSError:  # TimeoutError, too
            how = "does not answer" if deadline.expired() else "has ended"
            self.refusal = f"the process that forks kernels {how}"
            return None
        self._line.setblocking(True)
        first, _, heard = heard.partition(b"\n")
        told = json.loads(first)
        self.refusal = told.get("refused", "")
        return ForkedProcess(self._line, told["pid"], heard) if "pid" in told else None


def _received(line: socket.socket) -> bytes:
    with contextlib.suppress(OSError):
        return line.recv(4096)
    return b""
