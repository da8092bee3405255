"""The processes that kernels are forked from, as the backend sees them: one for each kernelspec and environment.

Starting a kernel is mostly importing ipykernel, which is the same each time. So one process imports it for a run, and
each kernel is forked from there (`zygote.py`). Here stands who may have one, and how it is asked for a kernel; the
asking itself is done by the step's own process (`forked.py`), on the socket that it is given.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from nb2flow.executors.kernels import KernelSpec, environment
from nb2flow.executors.zygote import HEADER
from nb2flow.runs.attempt import Import

_SCRIPT = Path(__file__).with_name("zygote.py")
_MODULES = ("ipykernel_launcher", "ipykernel")
_GRACE = 0.2  # seconds: it may still be importing, and has no kernel any more
_ELF = b"\x7fELF"
_OPTION = re.compile(r"-X\S+|-[EsSIbBuOP]+")
# Variables that count when an interpreter starts or a library is loaded: setting them later is not the same.
_AT_START = re.compile(r"PYTHON|LD_|LC_|LANG|TZ$|MALLOC_|GLIBC_|HOME$|TMPDIR$|XDG_|JUPYTER|IPYTHON|PYDEVD|DEBUGPY|ZMQ")


# With others (a profile, code to run first), something of its own may come before what the notebook does.
_USUAL_ARGUMENTS = ("-f", "{connection_file}")


class Launch(NamedTuple):
    """A kernelspec's command, taken apart: the interpreter with its own options, the module, the kernel's arguments."""

    python: tuple[str, ...]
    module: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """All before the arguments, without `-m`."""
        return [*self.python, self.module]


def taken_apart(argv: tuple[str, ...] | list[str]) -> Launch | None:
    """The parts of a command that runs ipykernel as a module; None for any other, which must be started as it is."""
    if "-m" not in argv:
        return None
    at = list(argv).index("-m")
    options, rest = argv[1:at], argv[at + 1 :]
    if not rest or rest[0] not in _MODULES or not all(_OPTION.fullmatch(option) for option in options):
        return None
    return Launch(tuple(argv[:at]), rest[0], tuple(rest[1:]))


def _is_program(command: str) -> bool:
    """Whether a command is an interpreter itself. A script that starts one may do something for each kernel."""
    place = shutil.which(command)
    with contextlib.suppress(OSError):
        if place is not None:
            with Path(place).open("rb") as file:
                return file.read(len(_ELF)) == _ELF
    return False


class _Zygote:
    """One such process. `environ` is the whole environment of its kernels; what it prints goes to `complaints`."""

    def __init__(self, launch: Launch, environ: dict[str, str], cwd: str, complaints: IO[bytes] | None) -> None:
        self._channel, theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        given = {"command": launch.command}
        with theirs, contextlib.suppress(OSError):  # then kernels are started one by one, and tell what is wrong
            self._process = subprocess.Popen(
                [*launch.python, str(_SCRIPT), str(theirs.fileno()), json.dumps(given)],
                env=environ,
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                start_new_session=True,
            )

    def load(self, imports: tuple[Import, ...]) -> None:
        """Tell it, once and before all else, what the notebook begins with."""
        encoded = json.dumps(imports).encode("ascii")
        with contextlib.suppress(OSError):
            self._channel.sendall(HEADER.pack(len(encoded)) + encoded)

    def line(self) -> socket.socket | None:
        """A socket on which it will be asked for a kernel; None when it is no more."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._channel, [b"k"], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        return ours

    def close(self, grace: float = _GRACE) -> None:
        """End it, and with it what it forked."""
        self._channel.close()
        if self._process is not None:
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class _Wanted(NamedTuple):
    """What all kernels of one zygote have in common, but for the libraries of the notebook."""

    launch: Launch
    environ: dict[str, str]
    cwd: str


def _wanted(spec: KernelSpec, environ: Mapping[str, str], runtime: str | None, cwd: str) -> _Wanted | None:
    """None where kernels must be started one by one: the kernelspec does not run ipykernel as a module, or this system
    has nothing to fork it with."""
    launch = taken_apart(spec.argv)
    if launch is None or sys.platform != "linux" or not _is_program(launch.python[0]):
        return None
    return _Wanted(launch, environment(environ, spec.env, runtime), cwd)


class Zygotes:
    """All of one backend. What they print goes to `complaints`."""

    def __init__(self, complaints: IO[bytes] | None = None) -> None:
        self.complaints = complaints
        self._started: dict[tuple[object, ...], _Zygote] = {}

    def line(
        self,
        spec: KernelSpec,
        environ: Mapping[str, str],
        runtime: str | None,
        cwd: str,
        imports: tuple[Import, ...] = (),
    ) -> socket.socket | None:
        """A socket on which a step's process can have a kernel forked; None where kernels must be started one by one.
        What of `imports` can be loaded before is loaded before."""
        wanted = _wanted(spec, environ, runtime, cwd)
        if wanted is None:
            return None
        if wanted.launch.arguments and wanted.launch.arguments != _USUAL_ARGUMENTS:
            imports = ()
        full = wanted.environ
        settled = full.items() if imports else [item for item in full.items() if _AT_START.match(item[0])]
        key = wanted.launch, cwd, imports, tuple(sorted(settled))
        if key not in self._started:
            self._started[key] = _taken(wanted) or _Zygote(*wanted, self.complaints)
            self._started[key].load(imports)
        return self._started[key].line()

    def close(self) -> None:
        """End them all."""
        for zygote in self._started.values():
            zygote.close()
        self._started.clear()


_ahead: list[tuple[_Wanted, _Zygote]] = []


def start_ahead(spec: KernelSpec, environ: Mapping[str, str], runtime: str, cwd: str, complaints: IO[bytes]) -> None:
    """Start one for the first who wants such a one; it is ended with this process if nobody does."""
    wanted = _wanted(spec, environ, runtime, cwd)
    if wanted is not None and not _ahead:
        _ahead.append((wanted, _Zygote(*wanted, complaints)))
        atexit.register(_drop)


def _taken(wanted: _Wanted) -> _Zygote | None:
    """The one that was started ahead, if it is such a one."""
    return _ahead.pop()[1] if _ahead and _ahead[0][0] == wanted else None


def _drop() -> None:
    while _ahead:
        _ahead.pop()[1].close(grace=0)  # it has no kernel
