"""Puts files back as they were before steps ran too early, so that those who run again find what the notebook found.

What files were, the steps themselves have kept (`runtime.before`), each in a folder of its own: an `index` of lines of
JSON, and copies. All that is to be put back is put back in one go, the latest change first: then it does not matter
that steps changed the same file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

_OWN, _HANDED_ON = "index", "handed-on"


class _Entry(msgspec.Struct, frozen=True):
    """One line: what lay at `path` at that time (nanoseconds of Unix time), and for a file where its copy is."""

    path: str
    at: int
    was: str
    copy: str = ""
    to: str = ""
    size: int = -1
    mtime: int = -1
    mode: int = 0o644


def undo(steps: Iterable[Path], others: Iterable[Path] = ()) -> tuple[str, ...]:
    """Put back what the steps changed that kept it in these folders, but for what the `others`, whose changes count,
    have changed after them. Returns the paths that nobody kept, and that have changed. OSError when the disk will not
    have something."""
    later = {entry.path: (entry.at, folder) for folder in others for entry in _lines(folder / _OWN)}
    undone = [(folder, entry) for folder in steps for entry in _entries(folder)]
    lost = []
    was: dict[str, str] = {}
    for folder, entry in sorted(undone, key=lambda one: one[1].at, reverse=True):
        after, other = later.get(entry.path, (0, folder))
        if after > entry.at:
            _hand_on(folder, entry, other)
            continue
        if entry.was == "lost":
            if not _is_untouched(entry):
                lost.append(entry.path)
        else:
            _put_back(folder, entry)
            was[entry.path] = entry.was
    for path in sorted(was, key=len, reverse=True):
        if was[path] == "nothing":  # a folder in which something was left then
            _remove(Path(path))
    return tuple(sorted(lost))


def changes(step: Path, home: Path) -> dict[str, float]:
    """What the step changed, and when (Unix time): paths as steps tell them, relative to `home` if they lie in it."""
    inside = f"{home}/"
    return {entry.path.removeprefix(inside): entry.at / 1e9 for entry in _entries(step)}


def _entries(folder: Path) -> Iterator[_Entry]:
    """The lines, the first for each path: later ones tell what the step itself left there."""
    known: set[str] = set()
    for entry in sorted((*_lines(folder / _OWN), *_lines(folder / _HANDED_ON)), key=lambda entry: entry.at):
        if entry.path not in known:
            known.add(entry.path)
            yield entry


def _lines(index: Path) -> Iterator[_Entry]:
    with suppress(FileNotFoundError):
        for line in index.read_bytes().splitlines():
            with suppress(msgspec.DecodeError):  # of a process that was killed
                yield msgspec.json.decode(line, type=_Entry)


def _hand_on(folder: Path, entry: _Entry, other: Path) -> None:
    """What a file was before a step that is undone, and that another has changed since: if that one is undone, too, it
    is to be put back."""
    if entry.copy:
        (folder / entry.copy).replace(other / entry.copy)
    with (other / _HANDED_ON).open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")


def _is_untouched(entry: _Entry) -> bool:
    try:
        status = os.lstat(entry.path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime)


def _put_back(folder: Path, entry: _Entry) -> None:
    path = Path(entry.path)
    if entry.was == "nothing":
        _remove(path)
        return
    for above in reversed(path.parents):
        if os.path.lexists(above) and not above.is_dir():  # where there was a folder then
            above.unlink()
    if entry.was == "folder":
        if not path.is_dir():
            _remove(path)
            path.mkdir(parents=True)
            path.chmod(entry.mode)
        return
    if entry.was == "file" and not path.is_symlink() and _is_untouched(entry):
        return
    _remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.was == "link":
        path.symlink_to(entry.to)
        return
    descriptor, passing = tempfile.mkstemp(dir=path.parent, prefix=".nb2flow-")
    os.close(descriptor)
    shutil.copyfile(folder / entry.copy, passing)
    Path(passing).chmod(entry.mode)
    os.utime(passing, ns=(entry.mtime, entry.mtime))
    Path(passing).replace(path)


def _remove(path: Path) -> None:
    """Remove what lies there; a folder only if nothing is left in it: what somebody else has put there stays."""
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            path.rmdir()
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
