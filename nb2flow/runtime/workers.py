"""Processes that a step starts to work for it tell it which files they touch.

A forked process goes on with the audit hook that it was forked with, but what it notes stays its own. One that
`multiprocessing` (or joblib) starts anew gets a hook of its own with what it is told to do. Both write lines to a file
that the first of them is the reason to make; the step reads it at its end. Other programs know nothing of it.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

# Runs in a worker, with `path` as the file to write to; what a worker reads of Python and its packages is not told.
_IN_WORKER = """
import os, sys
def begin(path):
    line, told, getcwd = os.open(path, os.O_WRONLY | os.O_APPEND), set(), os.getcwd
    home = os.path.join(getcwd(), "")
    system = (sys.prefix, sys.base_prefix, "/proc/", "/dev/", "/sys/", "/usr/")
    def tell(kind, name=""):
        if name:
            name = os.path.join(getcwd(), os.fsdecode(name))
            if "/site-packages/" in name or name.startswith(system) and not name.startswith(home):
                return
        if (kind, name) not in told and len(told) < 10000:
            told.add((kind, name))
            os.write(line, f"{kind} {name}\\0\\n".encode("utf-8", "surrogateescape"))
    def hook(event, arguments):
        try:
            if event == "open" and not isinstance(arguments[0], int):
                flags = arguments[2]
                if flags & 3 != os.O_WRONLY and not flags & os.O_TRUNC:
                    tell("reads", arguments[0])
                if flags & 3 != os.O_RDONLY:
                    tell("writes", arguments[0])
            elif event in ("os.listdir", "os.scandir") and not isinstance(arguments[0], int):
                if not str(sys._getframe(1).f_globals.get("__name__")).startswith("importlib"):
                    tell("reads", os.path.join(os.fsdecode(arguments[0] or "."), ""))
            elif event == "os.remove":
                tell("deleted", arguments[0])
            elif event == "shutil.rmtree":
                tell("deleted", os.path.join(os.fsdecode(arguments[0]), ""))
            elif event == "os.rename":
                tell("deleted", arguments[0])
                tell("writes", arguments[1])
            elif event in ("subprocess.Popen", "os.system"):
                tell("subprocess")
        except (TypeError, ValueError, OSError):
            pass
    sys.addaudithook(hook)
try:
    begin(path)
except OSError:
    pass
"""


class _Shared:
    """The file of lines (its descriptor, and its path); `child` is whether this process is a forked one."""

    file: tuple[int, str] | None = None
    active = False
    child = False
    registered = False
    start: Any = None  # of multiprocessing's processes, as it was, and what is there instead
    ours: Any = None

    @staticmethod
    def watch(on: bool) -> None:
        """What `begin` was given."""


class _ToldWhenLoaded:
    """Something that, when it is unpickled, has the process that does so tell what it touches."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_IN_WORKER, {"path": self.path})


def begin(watch: Callable[[bool], None]) -> None:
    """From now on, processes that work for us tell what they touch; `watch` is told to look away, and to look again."""
    end()
    _Shared.watch = watch  # type: ignore[method-assign,assignment]
    if not _Shared.registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_make, after_in_child=_in_child)
        _Shared.registered = True
    _Shared.active = True
    modules_loaded()


def modules_loaded() -> None:
    """Modules were loaded: from when `multiprocessing` is among them, processes that it starts get to know of us."""
    processes = getattr(sys.modules.get("multiprocessing.process"), "BaseProcess", None)
    if not _Shared.active or _Shared.ours is not None or processes is None:
        return
    _Shared.start, _Shared.ours = processes.start, _telling(processes.start)
    processes.start = _Shared.ours


def end() -> list[tuple[str, str]]:
    """Stop, and give what they told: kinds, and paths (empty where there is none)."""
    _Shared.active = False
    if _Shared.ours is not None:
        processes = sys.modules["multiprocessing.process"].BaseProcess
        if processes.start is _Shared.ours:
            processes.start = _Shared.start
        _Shared.start = _Shared.ours = None
    file, _Shared.file = _Shared.file, None
    if file is None or _Shared.child:
        return []
    descriptor, path = file
    with suppress(OSError), open(descriptor, "rb") as lines:  # noqa: PTH123
        Path(path).unlink()
        lines.seek(0)
        told = lines.read().decode("utf-8", "surrogateescape").split("\0\n")
        return [(kind, name) for kind, _, name in (line.partition(" ") for line in told) if kind]
    return []


def tell(kind: str, name: str = "") -> None:
    """In a forked process: say this to the step. Anywhere else nothing happens."""
    if _Shared.child and _Shared.file is not None:
        with suppress(OSError, ValueError):
            os.write(_Shared.file[0], f"{kind} {name}\0\n".encode("utf-8", "surrogateescape"))


def _telling(original: Any) -> Any:
    @functools.wraps(original)
    def start(process: Any) -> Any:
        _make()
        if not _Shared.active or _Shared.file is None:
            return original(process)
        process._told_when_loaded = _ToldWhenLoaded(_Shared.file[1])
        try:
            return original(process)
        finally:
            del process._told_when_loaded

    return start


def _make() -> None:
    if _Shared.active and _Shared.file is None:
        _Shared.watch(False)  # this file is nothing to the step
        with suppress(OSError):
            made, path = tempfile.mkstemp(prefix="nb2flow-")
            os.close(made)
            _Shared.file = (os.open(path, os.O_RDWR | os.O_APPEND), path)
            atexit.register(end)  # a step that fails does not come to its end
        _Shared.watch(True)


def _in_child() -> None:
    _Shared.child = _Shared.active
