"""The world around a step, as far as its result depends on it: files, variables of the environment, its folder.

Each part is told by a short text that is another one when that part has changed. That of a variable, which may be a
secret, is made with the project's key, so that nobody can try values against it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from nb2flow.plan.model import PlanStep
from nb2flow.runs.files import ABSENT, FileDigests
from nb2flow.runs.manifest import Observed
from nb2flow.runs.results import Depended

CHANGING = "changing"  # for a file that was changed while the step ran: which of its versions was read cannot be told
_FOLDER = "folder"


class World:
    """The world of the notebook in `folder`. `environ` is what kernels inherit from us; None: they run elsewhere. `key`
    is `runs.key`'s."""

    def __init__(self, digests: FileDigests, folder: Path, environ: Mapping[str, str] | None, key: bytes) -> None:
        self._digests = digests
        self._folder = folder
        self._environ = environ
        self._key = key

    def of(self, step: PlanStep, observed: Observed, began: float | None) -> Depended:
        """What of the world `step` was seen to depend on, and what it wrote.

        `began` is when it did (Unix time); what it only read must not have been changed since.
        """
        written = {*observed.writes, *observed.deleted}
        read = {*observed.reads, *observed.modules, *observed.set_up.reads, *step.files} - written
        looked = {*observed.looked, *observed.set_up.looked} - written - read
        seen = self._files(read)
        since = time.time_ns() if began is None else int(began * 1e9)
        for path in read:
            if self._changed_since(path, since, written):
                seen[path] = CHANGING
        return Depended(
            seen=seen,
            looked={path: self._look(path) for path in sorted(looked)},
            written={path: self._left(path) for path in sorted(written)},
            variables={name: self._variable(step, name) for name in sorted(observed.environ)},
            place=self._place() if observed.folder else "",
        )

    def changed_since(self, step: PlanStep, then: Depended, when: float) -> str:
        """The first part of what `step` depended on that is not what it was `then`, and that was changed after `when`
        (Unix time); empty when there is none. A variable of the environment is as new as our process."""
        since = int(when * 1e9)
        told = {path: self._digest(path) != digest for path, digest in then.seen.items()}
        told |= {path: self._look(path) != look for path, look in then.looked.items()}
        told |= {path: self._left(path) != left for path, left in then.written.items()}
        for path, differs in told.items():
            if differs and self._last_change(path) > since:
                return path
        return next((name for name, value in then.variables.items() if self._variable(step, name) != value), "")

    def not_as_left(self, left: Mapping[str, str]) -> frozenset[str]:
        """Which of these files, told as they were left, are not so any more. Of emptied folders nothing is said: what
        others have put there in the same run is no reason to make it again."""
        return frozenset(path for path, told in left.items() if not path.endswith("/") and self._left(path) != told)

    def is_as_it_was(self, step: PlanStep, then: Depended, last: Callable[[], Mapping[str, str]] = dict) -> bool:
        """Whether all that `step` depended on is what it was then, or as the `last` of all steps that wrote it left it:
        asked only where that differs, and empty unless none of the steps is going to run."""

        def agrees(path: str, now: str, told: str) -> bool:
            return now == told or last().get(path) == now

        return (
            all(agrees(path, self._digest(path), told) for path, told in then.seen.items())
            and all(agrees(path, self._look(path), told) for path, told in then.looked.items())
            and all(
                agrees(path, self._left(path), told) or self._left(path, last().keys() - then.written.keys()) == told
                for path, told in then.written.items()
            )
            and all(self._variable(step, name) == told for name, told in then.variables.items())
            and then.place in ("", self._place())
        )

    def _files(self, paths: Iterable[str]) -> dict[str, str]:
        return {path: self._digest(path) for path in sorted(paths)}

    def _digest(self, path: str) -> str:
        try:
            return self._digests.digest(self._folder / path)
        except ValueError:  # a null character in a path that some code tried to open
            return ABSENT

    def _look(self, path: str) -> str:
        """Of a folder only that it is there: what lies in it is told when it is listed."""
        try:
            return _FOLDER if (self._folder / path).is_dir() else self._digest(path)
        except (OSError, ValueError):
            return ABSENT

    def _left(self, path: str, but: Collection[str] = ()) -> str:
        """What a step leaves where it wrote. Of a folder that it emptied (its path ends in `/`), all that lies in it
        by name, `but` these: whatever others have put there since would be gone if the step ran again."""
        if not path.endswith("/"):
            return self._look(path)
        try:
            folder = self._folder / path
            names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))
            kept = [name for name in names if path + name not in but]
            return _digest("\0".join(kept)) if folder.is_dir() else ABSENT
        except (OSError, ValueError):
            return ABSENT

    def _changed_since(self, path: str, since: int, written: set[str]) -> bool:
        """A folder counts only when it was listed, and the step itself made or removed nothing in it."""
        if path.endswith("/") and any(f"{name.rpartition('/')[0] or '.'}/" == path for name in written):
            return False
        look = self._look(path)
        if look == ABSENT or (look == _FOLDER and not path.endswith("/")):
            return False
        return self._last_change(path) > since

    def _last_change(self, path: str) -> int:
        """When a file was changed or, where there is none, its folder."""
        try:
            place = self._folder / path
            status = place.stat() if place.exists() else place.parent.stat()
        except (OSError, ValueError):
            return 0
        return max(status.st_mtime_ns, status.st_ctime_ns)

    def _variable(self, step: PlanStep, name: str) -> str:
        if self._environ is None:
            return ""
        value = {**self._environ, **dict(step.options.env)}.get(name)
        return "unset" if value is None else _digest(f"{name}\0{value}", self._key)

    def _place(self) -> str:
        return "" if self._environ is None else _digest(str(self._folder))


def _digest(text: str, key: bytes = b"") -> str:
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16, key=key).hexdigest()
