"""A file that a person asked for, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from nb2flow.errors import EnvironmentFault
from nb2flow.runs.folders import replace_file


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`. EnvironmentFault when that is not possible."""
    try:
        replace_file(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        hint = "does the folder exist?" if not path.parent.is_dir() else "is there room, and may you write there?"
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", hint=hint) from error
