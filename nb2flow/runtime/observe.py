"""Watches what the author's cells do outside the process: files, directories, subprocesses, network, the environment.

An audit hook cannot be removed and runs for everything that Python does, so there is one for the process, it returns at
once while nothing is watched, it never raises, and it stores a bounded number of raw paths. Processes that work for
the step tell theirs (see `workers`). Reads and writes below Python (in C libraries, in other programs) are not seen:
what is found here adds to the analysis, it proves nothing.

Set-up that is replayed is watched apart: what it reads counts for the step's result, and for nothing else.
"""

# The hook runs inside calls on files: plain strings are cheap, and pathlib would call itself.
# ruff: noqa: PTH100, PTH111, PTH112, PTH118, PTH120
from __future__ import annotations

import importlib.util
import os
import site
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

from . import asked, workers
from .before import Before, is_busy

MOST_PATHS = 10_000
_CHANGES = frozenset(("writes", "deleted"))
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_SYSTEM = ("/proc", "/sys", "/dev", "/usr", "/etc", "/lib", "/lib64")
_HOME_FOLDERS = (".ipython", ".jupyter", ".cache", ".config", ".matplotlib", ".local/share/jupyter")


class _Watch:
    """What was seen since watching began; paths are absolute but not normalised."""

    def __init__(self) -> None:
        self.active = False
        self.installed = False
        self.in_set_up = False
        self.set_up: dict[str, set[str]] = {}
        self.before: Before | None = None
        self.clear()

    def clear(self) -> None:
        self.seen: dict[str, set[str]] = {"reads": set(), "writes": set(), "deleted": set(), "looked": set()}
        self.variables: set[tuple[str, str]] = set()  # names, and the file that asked
        self.folder: set[str] = set()  # files that asked for the working folder
        self.truncated = False
        self.subprocess = False
        self.network = False

    def add(self, kind: str, path: Any, *, moved: bool = False) -> None:
        """Note the path; it is about to be changed if the kind says so. `moved`: not removed, but called otherwise."""
        if isinstance(path, int) or path is None:
            return  # an open file descriptor: its opening was seen
        name = os.fsdecode(path)
        if not name or "\0" in name:
            return  # no file can be called so
        if not name.startswith("/"):
            name = os.path.join(_getcwd(), name)
        if self.before is not None and kind in _CHANGES:
            self._keep(self.before, kind, name, moved)
        paths = self.seen[kind]
        if name in paths:
            return
        if len(paths) < MOST_PATHS:
            paths.add(name)
            workers.tell(kind, name)
        else:
            self.truncated = True

    def _keep(self, before: Before, kind: str, name: str, moved: bool) -> None:
        if kind == "deleted" and name.endswith("/"):
            before.keep_tree(name)
        else:
            before.keep(name, removed=kind == "deleted" and not moved)

    def keep(self, path: Any) -> None:
        """Something that nobody will tell of may be done to this file."""
        if self.before is not None:
            self.before.keep(os.path.join(_getcwd(), os.fsdecode(path)))

    def ask_variable(self, name: str, file: str) -> None:
        """Code in `file` asked for this variable of the environment."""
        self.variables.add((name, file))

    def ask_folder(self, file: str) -> None:
        """Code in `file` asked which folder it works in."""
        self.folder.add(file)

    def switch(self, on: bool) -> None:
        """Look, or look away for a moment."""
        self.active = on

    def look(self, path: Any) -> None:
        """A path whose state was asked for; nothing that it can be disturbs."""
        if is_busy():
            return
        try:
            self.add("looked", path)
        except (TypeError, ValueError, OSError):
            return


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
            for end in ("-journal", "-wal", "-shm"):  # SQLite's own files
                watch.keep(name + end)


def _write(watch: _Watch, arguments: Any) -> None:
    watch.add("writes", arguments[0])


def _make_folder(watch: _Watch, arguments: Any) -> None:
    if not os.path.isdir(arguments[0]):  # else nothing will be made
        watch.add("writes", arguments[0])


def _read(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])


def _list(watch: _Watch, arguments: Any) -> None:
    folder = "." if arguments[0] is None else arguments[0]
    by_import = any(str(sys._getframe(n).f_globals.get("__name__")).startswith("importlib") for n in (2, 3))
    if isinstance(folder, (str, bytes, os.PathLike)) and not by_import:
        watch.add("reads", os.path.join(os.fsdecode(folder) or ".", ""))


def _scan(watch: _Watch, arguments: Any) -> None:
    """What is asked of the entries themselves (`entry.stat()`) is told by nobody: cells may ask for all of it."""
    folder = "." if arguments[0] is None else arguments[0]
    _list(watch, arguments)
    if isinstance(folder, (str, bytes, os.PathLike)) and sys._getframe(2).f_globals.get("__name__") == "__main__":
        for name in os.listdir(folder):  # noqa: PTH208
            watch.add("looked", os.path.join(os.fsdecode(folder), os.fsdecode(name)))


def _delete(watch: _Watch, arguments: Any) -> None:
    if len(arguments) < 2 or arguments[1] in (-1, None):  # else relative to a directory that cannot be told
        watch.add("deleted", arguments[0])


def _delete_tree(watch: _Watch, arguments: Any) -> None:
    """With all that lay in it, seen or not: what lies there later has come about since."""
    _delete(watch, arguments)
    if len(arguments) < 2 or arguments[1] in (-1, None):
        watch.add("deleted", os.path.join(os.fsdecode(arguments[0]), ""))


def _move(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])
    watch.add("deleted", arguments[0], moved=True)
    watch.add("writes", arguments[1])


def _copy(watch: _Watch, arguments: Any) -> None:
    watch.add("reads", arguments[0])
    watch.add("writes", arguments[1])


def _link(watch: _Watch, arguments: Any) -> None:
    _copy(watch, arguments)
    watch.keep(arguments[0])  # it may be written to under the other name


def _library(watch: _Watch, arguments: Any) -> None:
    if isinstance(arguments[0], str) and "/" in arguments[0]:  # else it is looked for where libraries are
        watch.add("reads", arguments[0])


def _run(watch: _Watch, arguments: Any) -> None:
    watch.subprocess = True
    workers.tell("subprocess")


def _connect(watch: _Watch, arguments: Any) -> None:
    if isinstance(arguments[1], tuple):  # a Unix socket has a path for an address
        watch.network = True
        workers.tell("network")


_HANDLERS: dict[str, Callable[[_Watch, Any], None]] = {
    "open": _open,
    "os.remove": _delete,
    "os.rmdir": _delete,
    "os.rename": _move,
    "os.mkdir": _make_folder,
    "os.truncate": _write,
    "os.link": _link,
    "os.symlink": _copy,
    "os.scandir": _scan,
    "os.listdir": _list,
    "shutil.copyfile": _copy,
    "shutil.copytree": _copy,
    "shutil.move": _move,
    "shutil.rmtree": _delete_tree,
    "shutil.make_archive": _write,
    "shutil.unpack_archive": _copy,
    "sqlite3.connect": _both,
    "ctypes.dlopen": _library,
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
_getcwd = os.getcwd  # the one that tells nobody


def _hook(
    event: str,
    arguments: Any,
    watch: _Watch = _watch,
    handlers: dict[str, Callable[[_Watch, Any], None]] = _HANDLERS,
) -> None:
    if not watch.active or is_busy():
        return
    handler = handlers.get(event)
    if handler is None:
        return
    try:
        handler(watch, arguments)
    except (TypeError, ValueError, OSError, AttributeError, IndexError, KeyError):
        return  # watching must not disturb what is watched


def begin(before: Before | None = None) -> None:
    """Watch the author's cells from now on, with nothing seen yet but what was asked for in set-up. What files were
    before they are changed goes to `before`."""
    variables, folder = _watch.variables, _watch.folder
    _start()
    _watch.before = before
    if _watch.in_set_up:
        _watch.in_set_up = False
        _watch.variables, _watch.folder = variables, folder


def begin_set_up() -> None:
    """Watch what is replayed."""
    _watch.in_set_up = True
    _watch.set_up = {}
    _start()


def end_set_up() -> None:
    """Stop watching; what was read up to now was read by set-up."""
    pause()
    if _watch.in_set_up:
        _watch.set_up = {kind: _watch.seen[kind] for kind in ("reads", "looked")}


def _start() -> None:
    pause()
    _watch.clear()
    if not _watch.installed:
        sys.addaudithook(_hook)
        _watch.installed = True
    workers.begin(_watch.switch)
    _watch.active = True
    asked.begin(_watch.look, _watch.ask_variable, _watch.ask_folder)


def modules_loaded() -> None:
    """Modules were loaded since watching began."""
    workers.modules_loaded()


def pause() -> None:
    """Stop watching; what was seen is kept."""
    if _watch.active:
        _watch.active = False
        asked.end()
        before, _watch.before = _watch.before, None
        for kind, name in workers.end():
            if kind in _watch.seen:
                _watch.seen[kind].add(name)
                if before is not None and kind in _CHANGES:
                    before.lose(name)
            elif kind in ("subprocess", "network"):
                setattr(_watch, kind, True)


def seen(home: Path, store: Path) -> dict[str, Any]:
    """`reads`, `writes`, `deleted` (paths relative to `home` where they lie below it; folders that were listed, or
    deleted with all that lay in them, end in `/`), `looked` (paths that were asked about; folders end in `/`), `set_up`
    (what replayed set-up read and looked for), `modules` (files that were imported and belong to no installed package),
    `environ` (variables that the author's code asked for), `folder` (whether it asked where it works), `subprocess`,
    `network`, and `truncated` if so."""
    place = _Place(home, store)
    found = _told(_watch.seen, place)
    found["set_up"] = _told(_watch.set_up, place)
    modules = [module for name, module in list(sys.modules.items()) if name != "__main__"]
    files = [getattr(module, "__file__", None) for module in modules]
    found["modules"] = place.names(f for f in files if isinstance(f, str) and f.startswith("/"))
    found["environ"] = sorted({name for name, file in _watch.variables if place.is_authors(file)})
    found["folder"] = any(place.is_authors(file) for file in _watch.folder)
    found["subprocess"] = _watch.subprocess
    found["network"] = _watch.network
    if _watch.truncated:
        found["truncated"] = True
    return found


def _told(paths: dict[str, set[str]], place: _Place) -> dict[str, Any]:
    found: dict[str, Any] = {kind: place.names(those) for kind, those in paths.items()}
    if "looked" in paths:
        touched = {path for kind, those in paths.items() if kind != "looked" for path in those}
        found["looked"] = place.names(_with_ends(paths["looked"] - touched, place))
    return found


def _with_ends(paths: Any, place: _Place) -> list[str]:
    """The paths, those of folders with an end; of folders outside of the project nothing is to be told."""
    found = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path.rstrip("/"))
        elif place.is_below(path):
            found.append(os.path.join(path, ""))
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

    def is_authors(self, file: str) -> bool:
        """Whether code in this file is the author's: of a cell (empty, or a file of the kernel) or of the project."""
        return not file or "ipykernel_" in file or file.startswith("<ipython") or bool(self._name(file))

    def is_below(self, path: str) -> bool:
        return os.path.join(os.path.normpath(path), "").startswith(self._home)

    def _name(self, path: str) -> str | None:
        folder = path.endswith("/")
        full = os.path.normpath(_source(path))
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


def _source(path: str) -> str:
    """For compiled code the file that it was compiled from."""
    if path.endswith(".pyc") and "__pycache__" in path:
        try:
            return importlib.util.source_from_cache(path)
        except ValueError:
            return path
    return path


def _site_packages() -> list[str]:
    getters = [getattr(site, "getsitepackages", None)]
    found = [folder for get in getters if get is not None for folder in get()]
    user = getattr(site, "USER_SITE", None)
    return [*found, user] if isinstance(user, str) else found
