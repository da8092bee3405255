"""Digests of the user's files and folders, remembered as long as a file looks untouched.

What a step read and wrote decides whether its result may be used again, so the same files are looked at in each run;
a file whose device, inode, size and time of change are the same as before is not read again. Times closer than two
seconds to the present are not trusted: a file can change twice within one tick of its clock.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

import msgspec

from nb2flow.runs.folders import replace_file

ABSENT = "absent"
_RACY_NANOSECONDS = 2_000_000_000
_MOST_REMEMBERED = 100_000
# Larger files (bytes) are known by their looks alone: hashing them would hold up the run, and at worst, when one was
# only touched, a step runs again.
_TOO_LARGE = 256_000_000


class _Known(msgspec.Struct, frozen=True, array_like=True):
    look: tuple[int, ...]
    digest: str


class FileDigests:
    """Digests of files; `memory` is the file in which they are remembered from run to run."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, _Known] = {}
        self._changed = False
        try:
            self._known = msgspec.json.decode(memory.read_bytes(), type=dict[str, _Known])
        except (OSError, msgspec.DecodeError):
            self._known = {}

    def digest(self, path: Path) -> str:
        """Digest of a file's bytes or of a folder's entries' names; `absent` when there is nothing to read."""
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                return _hashed("\0".join(sorted(os.listdir(path))).encode(errors="surrogateescape"))  # noqa: PTH208
            if not stat.S_ISREG(status.st_mode):
                return "special"  # a device or a pipe: nothing that could be compared
            look = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if status.st_size > _TOO_LARGE:
                return "looks-" + _hashed(repr(look).encode())
            known = self._known.get(str(path))
            if known is not None and known.look == look:
                return known.digest
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ABSENT
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _RACY_NANOSECONDS:
            self._known[str(path)] = _Known(look, digest)
            self._changed = True
        return digest

    def remember(self) -> None:
        """Write down what is known; a disk that is full or not writable only costs time in the next run."""
        if not self._changed:
            return
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        try:
            replace_file(self._memory, msgspec.json.encode(self._known))
        except OSError:
            return
        self._changed = False


def _hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
