"""What files were before a step changed them, kept beside the run so that they can be put back.

A step may turn out to have run too early: an earlier one reads a file that this one has overwritten meanwhile. Both run
again then, and must find what the notebook would have found. So what a file was is noted just before it is opened for
writing, moved or removed: that there was none, or a copy (a link, where the file itself is let alone). One line of JSON
for each path is appended to `index`; the first for a path counts. `engine.undo` reads it.
"""

# Runs inside calls on files, and beside wrapped functions: plain strings, and what was there before it was wrapped.
# ruff: noqa: PTH103, PTH118
from __future__ import annotations

import os
import stat
import threading
import time
from json import dumps  # kept, because a notebook may put its own in its place
from typing import Any, Callable

LARGEST = 256 << 20  # bytes of one file: a copy takes about as long as writing it
MOST = 1 << 30  # bytes of all copies that one process makes
MOST_IN_TREE = 10_000
_CHUNK = 1 << 22

_lstat, _readlink, _realpath, _islink = os.lstat, os.readlink, os.path.realpath, os.path.islink
_link, _walk, _open, _write = os.link, os.walk, os.open, os.write
_thread = threading.local()


def is_busy() -> bool:
    """Whether this thread is keeping something: what it does to files meanwhile is not the step's."""
    return getattr(_thread, "busy", False)


class Before:
    """Keeps in `folder` what lies at those paths that `own` lets through."""

    def __init__(self, folder: str, own: Callable[[list[str]], list[str]]) -> None:
        self._folder = folder
        self._own = own
        self._known: set[str] = set()
        self._size = 0

    def keep(self, path: str, *, removed: bool = False) -> None:
        """Keep what lies at `path` (absolute) now. `removed`: nothing will be written into this very file."""
        self._quietly(self._keep, path, removed)

    def keep_tree(self, path: str) -> None:
        """The same for a folder that is to be removed, with all that lies in it."""
        self._quietly(self._keep_tree, path)

    def lose(self, path: str) -> None:
        """It was changed by a process that kept nothing."""
        self._quietly(self._lose, path)

    def _quietly(self, do: Callable[..., None], *arguments: Any) -> None:
        if is_busy():
            return
        _thread.busy = True
        try:
            do(*arguments)
        except (OSError, ValueError, MemoryError):
            return  # a step is not disturbed: what is not in the index was not kept
        finally:
            _thread.busy = False

    def _keep(self, path: str, removed: bool) -> None:
        path = os.path.normpath(path)
        if not removed and _islink(path):
            self._keep_as_is(_realpath(path), False)  # what is written goes there
        self._keep_as_is(path, removed)

    def _keep_as_is(self, path: str, removed: bool) -> None:
        if path in self._known or not self._own([path]):
            return
        self._known.add(path)
        try:
            status = _lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            self._note(path, was="nothing")
            return
        if stat.S_ISDIR(status.st_mode):
            self._note(path, was="folder", mode=stat.S_IMODE(status.st_mode))
        elif stat.S_ISLNK(status.st_mode):
            self._note(path, was="link", to=_readlink(path))
        elif stat.S_ISREG(status.st_mode):
            self._keep_file(path, status, removed)

    def _keep_file(self, path: str, status: os.stat_result, removed: bool) -> None:
        told = {"size": status.st_size, "mtime": status.st_mtime_ns, "mode": stat.S_IMODE(status.st_mode)}
        name = f"{time.time_ns()}-{os.getpid()}"
        os.makedirs(self._folder, exist_ok=True)
        try:
            if removed:
                _link(path, os.path.join(self._folder, name))
            else:
                self._copy(path, os.path.join(self._folder, name), status.st_size)
        except OSError:
            if not removed:
                self._note(path, was="lost", **told)
                return
            self._known.discard(path)
            self._keep_as_is(path, False)  # no links between these places
            return
        self._note(path, was="file", copy=name, **told)

    def _copy(self, path: str, target: str, size: int) -> None:
        if size > LARGEST or self._size + size > MOST:
            raise OSError("too large to be kept")
        self._size += size
        source = _open(path, os.O_RDONLY)
        try:
            copy = _open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                while True:
                    piece = os.read(source, _CHUNK)
                    if not piece:
                        return
                    while piece:
                        piece = piece[_write(copy, piece) :]
            finally:
                os.close(copy)
        finally:
            os.close(source)

    def _keep_tree(self, path: str) -> None:
        count = 0
        self._keep(path, True)
        for folder, folders, files in _walk(path):
            for name in (*folders, *files):
                count += 1
                if count > MOST_IN_TREE:
                    self._note(os.path.join(os.path.normpath(path), ""), was="lost")  # beside what the folder was
                    return
                self._keep(os.path.join(folder, name), True)

    def _lose(self, path: str) -> None:
        path = os.path.normpath(path)
        if path not in self._known and self._own([path]):
            self._known.add(path)
            self._note(path, was="lost")

    def _note(self, path: str, **told: Any) -> None:
        """Opened each time: a descriptor that is kept may be closed by the author's code, and be another file then."""
        os.makedirs(self._folder, exist_ok=True)
        index = _open(os.path.join(self._folder, "index"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write(index, (dumps({"path": path, "at": time.time_ns(), **told}) + "\n").encode())
        finally:
            os.close(index)
