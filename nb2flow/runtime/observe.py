"""Watches what the author's cells do outside the process: files, directories, subprocesses, network.

An audit hook cannot be removed and runs for everything that Python does, so there is one for the process, it returns at
once while nothing is watched, it never raises, and it stores a bounded number of raw paths. Reads and writes below
Python (in C libraries, in subprocesses) are not seen: what is found here adds to the analysis, it proves nothing.
"""

# The hook runs inside calls on files: plain strings are cheap, and pathlib would call itself.
# ruff: noqa: PTH100, PTH109, PTH111, PTH112, PTH118, PTH120
from __future__ import annotations

import os
import site
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

MOST_PATHS = 10_000
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_SYSTEM = ("/proc", "/sys", "/dev", "/usr", "/etc", "/lib", "/lib64")
_HOME_FOLDERS = (".ipython", ".jupyter", ".cache", ".config", ".matplotlib", ".local/share/jupyter")


class _Watch:
    """What was seen since watching began; paths are absolute but not normalised."""

    def __init__(self) -> None:
        self.active = False
        self.installed = False
        self.clear()

    def clear(self) -> None:
        self.seen: dict[str, set[str]] = {"reads": set(), "writes": set(), "deleted": set()}
        self.truncated = False
        self.subprocess = False
        self.network = False

    def add(self, kind: str, path: Any) -> None:
        if isinstance(path, int) or path is None:
            return  # an open file descriptor: its opening was seen
        name = os.fsdecode(path)
        if not name or "\0" in name:
            return  # no file can be called so
        if not name.startswith("/"):
            name = os.path.join(os.getcwd(), name)
        paths = self.seen[kind]
        if len(paths) < MOST_PATHS:
            paths.add(name)
        elif name not in paths:
            self.truncated = True


def _open(watch: _Watch, arguments: Any) -> None:
    path, _, flags = arguments
    access = flags & _ACCESS
    if access in (os.O_RDONLY, os.O_RDWR) and not flags & os.O_TRUNC:
        watch.add("reads", path)
    if access in (os.O_WRONLY, os.O_RDWR):
        watch.add("writes", path)
        if flags & os.O_APPEND:
            watch.add("reads", path)


def _both(watch: _Watch, arguments: Any) -> None:
    path = arguments[0]
    if isinstance(path, (str, bytes, os.PathLike)):
        name = os.fsdecode(path)
        name = name[5:].partition("?")[0] if name.startswith("file:") else name
        if name and not name.startswith(":memory:"):
            watch.add("reads", name)
            watch.add("writes", name)


def _write(watch: _Watch, arguments: Any) -> None:
    watch.add("writes", arguments[0])


def _make_folder(watch: _Watch, arguments: Any) -> None:
    if not os.path.isdir(arguments[0]):  # else nothing will be made
        watch.add("writes", arguments[0])


def _read(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])


def _list(watch: _Watch, arguments: Any) -> None:
    folder = arguments[0]
    by_import = str(sys._getframe(2).f_globals.get("__name__")).startswith("importlib")
    if isinstance(folder, (str, bytes, os.PathLike)) and not by_import:
        watch.add("reads", os.path.join(os.fsdecode(folder) or ".", ""))


def _delete(watch: _Watch, arguments: Any) -> None:
    if len(arguments) < 2 or arguments[1] in (-1, None):  # else relative to a directory that cannot be told
        watch.add("deleted", arguments[0])


def _move(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])
    watch.add("deleted", arguments[0])
    watch.add("writes", arguments[1])


def _copy(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])
    watch.add("writes", arguments[1])


def _run(watch: _Watch, arguments: Any) -> None:
    watch.subprocess = True


def _connect(watch: _Watch, arguments: Any) -> None:
    if isinstance(arguments[1], tuple):  # a Unix socket has a path for an address
        watch.network = True


_HANDLERS: dict[str, Callable[[_Watch, Any], None]] = {
    "open": _open,
    "os.remove": _delete,
    "os.rmdir": _delete,
    "os.rename": _move,
    "os.mkdir": _make_folder,
    "os.truncate": _write,
    "os.link": _copy,
    "os.symlink": _copy,
    "os.scandir": _list,
    "os.listdir": _list,
    "shutil.copyfile": _copy,
    "shutil.copytree": _copy,
    "shutil.move": _move,
    "shutil.rmtree": _delete,
    "shutil.make_archive": _write,
    "shutil.unpack_archive": _copy,
    "sqlite3.connect": _both,
    "subprocess.Popen": _run,
    "os.system": _run,
    "os.exec": _run,
    "os.posix_spawn": _run,
    "os.spawn": _run,
    "pty.spawn": _run,
    "socket.connect": _connect,
    "socket.sendto": _connect,
}
_watch = _Watch()


def _hook(
    event: str,
    arguments: Any,
    watch: _Watch = _watch,
    handlers: dict[str, Callable[[_Watch, Any], None]] = _HANDLERS,
) -> None:
    if not watch.active:
        return
    handler = handlers.get(event)
    if handler is None:
        return
    try:
        handler(watch, arguments)
    except (TypeError, ValueError, OSError, AttributeError, IndexError, KeyError):
        return  # watching must not disturb what is watched


def begin() -> None:
    """Watch from now on, with nothing seen yet."""
    _watch.active = False
    _watch.clear()
    if not _watch.installed:
        sys.addaudithook(_hook)
        _watch.installed = True
    _watch.active = True


def pause() -> None:
    """Stop watching; what was seen is kept."""
    _watch.active = False


def seen(home: Path, store: Path) -> dict[str, Any]:
    """`reads`, `writes`, `deleted` (paths relative to `home` where they lie below it, folders that were listed end in
    `/`), `modules` (files under `home` that were imported), `subprocess`, `network`, and `truncated` if so."""
    place = _Place(home, store)
    found: dict[str, Any] = {kind: place.names(paths) for kind, paths in _watch.seen.items()}
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    found["modules"] = [name for name in place.names(f for f in files if isinstance(f, str)) if name[:1] != "/"]
    found["subprocess"] = _watch.subprocess
    found["network"] = _watch.network
    if _watch.truncated:
        found["truncated"] = True
    return found


def own_files(home: Path, store: Path) -> Callable[[Any], list[str]]:
    """What picks the project's files out of many paths."""
    return _Place(home, store).names


class _Place:
    """Tells the project's files from those of Python, of Jupyter and of ours."""

    def __init__(self, home: Path, store: Path) -> None:
        self._home = os.path.join(str(home), "")
        user = os.path.expanduser("~")
        own = os.path.dirname(os.path.abspath(__file__))
        packages = [sys.prefix, sys.base_prefix, sys.exec_prefix, *_site_packages()]
        folders = [*packages, own, str(store), *_SYSTEM]
        folders += [os.path.join(user, *name.split("/")) for name in _HOME_FOLDERS]
        folders.append(os.path.join(tempfile.gettempdir(), "ipykernel_"))
        self._elsewhere = tuple(os.path.join(f, "") if not f.endswith("_") else f for f in folders)
        self._inside = tuple(f for f in self._elsewhere if f.startswith(self._home) and f != self._home)

    def names(self, paths: Any) -> list[str]:
        return sorted({name for name in map(self._name, list(paths)) if name is not None})

    def _name(self, path: str) -> str | None:
        folder = path.endswith("/")
        full = os.path.normpath(path)
        with_end = os.path.join(full, "")
        if "__pycache__" in full or "/site-packages/" in with_end or "/dist-packages/" in with_end:
            return None
        if with_end.startswith(self._home):
            if with_end.startswith(self._inside):
                return None
            name = full[len(self._home) :] or "."
        elif with_end.startswith(self._elsewhere):
            return None
        else:
            name = full
        return name + "/" if folder else name


def _site_packages() -> list[str]:
    getters = [getattr(site, "getsitepackages", None)]
    found = [folder for get in getters if get is not None for folder in get()]
    user = getattr(site, "USER_SITE", None)
    return [*found, user] if isinstance(user, str) else found
