"""Why a process that was to drive a run gave up: a value in the run's folder, since nobody waits for that process."""

from __future__ import annotations

import msgspec

from nb2flow.errors import EnvironmentFault, Nb2flowError
from nb2flow.runs.folders import RunFolder, replace_file


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run could not begin, or go on; `kind` is the name of the exception's class."""

    kind: str
    message: str
    hint: str = ""


def leave(folder: RunFolder, error: Nb2flowError) -> None:
    """Leave word of an error. OSError."""
    refusal = Refusal(kind=type(error).__name__, message=error.message, hint=error.hint)
    replace_file(folder.refusal, msgspec.json.encode(refusal))


def refusal_of(folder: RunFolder) -> Refusal | None:
    """Why the process that drove a run gave up (its cluster cannot be reached, the disk is full); None: it did not."""
    try:
        return msgspec.json.decode(folder.refusal.read_bytes(), type=Refusal)
    except (OSError, msgspec.DecodeError):
        return None


def raise_refusal(folder: RunFolder) -> None:
    """Raise what the process left, as the exception that it was."""
    refusal = refusal_of(folder)
    if refusal is None:
        return
    kinds = {k.__name__: k for k in _kinds(Nb2flowError)}
    raise kinds.get(refusal.kind, EnvironmentFault)(refusal.message, hint=refusal.hint)


def _kinds(kind: type[Nb2flowError]) -> list[type[Nb2flowError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in _kinds(sub))]
