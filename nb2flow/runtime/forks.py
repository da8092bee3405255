"""Processes that a step forks (`multiprocessing`, `os.fork`) tell it which files they touch.

A forked process goes on with the audit hook that it was forked with, but what it notes stays its own. So the first fork
makes a file that all of them share and write lines to; the step reads it at its end. Processes that are started anew
(`spawn`, joblib's workers, other programs) know nothing of it.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import IO, Callable


class _Shared:
    """The file of lines, made at the first fork; `told` is whether this process is a child that writes to it."""

    file: IO[bytes] | None = None
    active = False
    child = False
    registered = False

    @staticmethod
    def watch(on: bool) -> None:
        """What `begin` was given."""


def begin(watch: Callable[[bool], None]) -> None:
    """From now on, processes that are forked tell what they touch; `watch` is told to look away, and to look again."""
    end()
    _Shared.watch = watch  # type: ignore[method-assign,assignment]
    if not _Shared.registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_child=_in_child)
        _Shared.registered = True
    _Shared.active = True


def end() -> list[tuple[str, str]]:
    """Stop, and give what they told: kinds, and paths (empty where there is none)."""
    _Shared.active = False
    file, _Shared.file = _Shared.file, None
    if file is None or _Shared.child:
        return []
    with suppress(OSError, ValueError), file:
        file.seek(0)
        lines = file.read().decode("utf-8", "surrogateescape").split("\0\n")
        return [(kind, name) for kind, _, name in (line.partition(" ") for line in lines) if kind]
    return []


def tell(kind: str, name: str = "") -> None:
    """In a forked process: say this to the step. Anywhere else nothing happens."""
    if _Shared.child and _Shared.file is not None:
        with suppress(OSError, ValueError):
            os.write(_Shared.file.fileno(), f"{kind} {name}\0\n".encode("utf-8", "surrogateescape"))


def _before() -> None:
    if _Shared.active and _Shared.file is None:
        _Shared.watch(False)  # this file is nothing to the step
        with suppress(OSError):
            _Shared.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the step
        _Shared.watch(True)


def _in_child() -> None:
    _Shared.child = _Shared.active
