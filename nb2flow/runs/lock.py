"""Who drives a run: the process that holds the lock on its folder. The kernel frees it when that process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nb2flow.errors import UsageError
from nb2flow.runs.folders import RunFolder, disk_faults


class RunLock:
    """An exclusive lock on the file `path`, held from `acquire` to `release` or to the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, run_id: str) -> None:
        """Take the lock. UsageError when another process drives this run."""
        with disk_faults(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UsageError(
                f"another process is running {run_id} at this moment",
                hint=f"`nb2flow show {run_id}` shows how it goes, `nb2flow cancel {run_id}` stops it",
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether some process holds the lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_driven(folder: RunFolder) -> bool:
    """Whether somebody drives the run: a process here, or one elsewhere whose events we copy."""
    return is_held(folder.lock) or folder.elsewhere.is_file()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process is in here with the same file."""
    with disk_faults(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
