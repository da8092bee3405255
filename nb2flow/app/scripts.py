"""The files that a notebook runs (`%run`), read from the project's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nb2flow import notebook
from nb2flow.errors import NotebookError
from nb2flow.flow.scripts import named_in

LARGEST = 2_000_000  # bytes
_DEEPEST = 5  # files that run files


def read(paths: Iterable[str], folder: Path, root: Path) -> dict[str, tuple[str, ...]]:
    """The code of these files, cell by cell, by their names as written; those outside `root` or not readable are left
    out. Names are relative to `folder`, the notebook's; files that they run are read, too."""
    found: dict[str, tuple[str, ...]] = {}
    todo = list(paths)
    for _ in range(_DEEPEST):
        new = {path: cells for path in todo if path not in found and (cells := _cells(path, folder, root)) is not None}
        found.update(new)
        todo = [path for cells in new.values() for path in named_in(cells)]
    return found


def _cells(path: str, folder: Path, root: Path) -> tuple[str, ...] | None:
    try:
        file = (folder / path).resolve()
        if not file.exists():
            file = file.with_name(f"{file.name}.py")
        if not file.is_relative_to(root.resolve()) or not file.is_file() or file.stat().st_size > LARGEST:
            return None
        if file.suffix == ".ipynb":
            document = notebook.read(file)
            return tuple(cell.source for cell in document.code) if document.language == "python" else None
        return (file.read_text(encoding="utf-8"),) if file.suffix in (".py", ".ipy") else None
    except (OSError, ValueError, NotebookError):
        return None
