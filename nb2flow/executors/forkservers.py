"""The process of the fork server, as seen from here. What takes longest before a first step is what it imports, so it
may be started ahead: before this process has loaded what understands notebooks, while that is loaded.

Nothing heavy may be imported here.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import nb2flow
from nb2flow.errors import EnvironmentFault

_LINES = 30


class ForkServer:
    """A running fork server: tasks go over `channel`, what it prints is in `complaints`. EnvironmentFault when no
    process can be started."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nb2flow.executors.forkserver", str(theirs.fileno())],
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self.complaints,
                stderr=self.complaints,
                start_new_session=True,  # the terminal's Ctrl-C is for us: we tell the workers
            )
        except OSError as error:
            self.channel.close()
            self.complaints.close()
            raise EnvironmentFault(f"cannot start a process to run steps in: {error}") from error
        finally:
            theirs.close()

    def has_ended(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
            return True
        return False

    def last_words(self) -> tuple[str, ...]:
        """The last lines that it printed."""
        self.complaints.seek(0)
        return tuple(self.complaints.read().decode(errors="replace").splitlines()[-_LINES:])

    def close(self) -> None:
        """End it: it holds nothing when its children are gone."""
        self.channel.close()
        self._process.kill()
        self._process.wait()
        self.complaints.close()


_ahead: list[ForkServer] = []


def start_ahead() -> ForkServer:
    """Start one for whoever takes it; it is ended with this process if nobody does."""
    if not _ahead:
        _ahead.append(ForkServer())
        atexit.register(_drop)
    return _ahead[0]


def taken() -> ForkServer:
    """The one that was started ahead, or a new one."""
    return _ahead.pop() if _ahead else ForkServer()


def _drop() -> None:
    while _ahead:
        _ahead.pop().close()


def _environment() -> dict[str, str]:
    """Our environment, with the folder that nb2flow was imported from on the path (it may not be installed)."""
    home = str(Path(nb2flow.__file__).resolve().parent.parent)
    others = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p != home]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*others, home])}
