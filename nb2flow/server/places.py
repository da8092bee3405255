"""Contents paths and files: the only place where a path of a request becomes a path of this machine.

A path is taken as Jupyter's contents manager takes it: relative to the server's root, with slashes; nothing hidden,
nothing above the root, no drive, whatever the operating system would make of it. Knows the contents manager by the few
attributes that it uses.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from nb2flow.errors import Nb2flowError, UsageError

_LONGEST_NAME = 255
_LONGEST_PATH = 4000


class PathError(UsageError):
    """A path that no request may name."""


class MissingError(UsageError):
    """A path (or run, or step) that there is not."""


class Places:
    """The files below the root of a contents manager."""

    def __init__(self, root: Path | None, *, hidden: bool = False) -> None:
        self.root = root
        self._hidden = hidden

    @classmethod
    def of(cls, contents_manager: Any) -> Places:
        """Those of a contents manager; one that does not keep files has none."""
        root = getattr(contents_manager, "root_dir", None)
        files = hasattr(contents_manager, "_get_os_path")
        found = Path(root).resolve() if root and files else None
        return cls(found, hidden=bool(getattr(contents_manager, "allow_hidden", False)))

    def file(self, path: str) -> Path:
        """Where a contents path lies on this machine, whether there is something or not. Raises PathError."""
        if self.root is None:
            raise PathError("this server does not keep its notebooks as files, and nb2flow works on files")
        words = path.strip("/").split("/") if path.strip("/") else []
        for word in words:
            if word in ("", ".", "..") or any(c in word for c in "\\\0") or (":" in word and words.index(word) == 0):
                raise PathError(f"'{path}' is not a path below the server's root")
            if word.startswith(".") and not self._hidden:
                raise PathError(f"'{path}' is hidden", hint="Jupyter's setting ContentsManager.allow_hidden")
            if len(word.encode("utf-8", "replace")) > _LONGEST_NAME:
                raise PathError(f"'{word[:40]}…' is longer than the name of a file can be")
        found = self.root.joinpath(*words)
        if len(str(found).encode("utf-8", "replace")) > _LONGEST_PATH:
            raise PathError(f"'{path[:40]}…' is longer than a path can be")
        if self._hidden and ".nb2flow" in words:
            raise PathError(f"'{path}' is nb2flow's own")
        return found

    def notebook(self, path: str) -> Path:
        """The same for a notebook, whose folder must be there."""
        found = self.file(path)
        if not path.endswith(".ipynb"):
            raise PathError(f"'{path}' is not a notebook: its name does not end in .ipynb")
        if not found.parent.is_dir():
            raise MissingError(f"there is no folder '{PurePosixPath(path.strip('/')).parent}'")
        return found

    def existing(self, path: str) -> Path:
        """The same for a notebook that must be there."""
        found = self.notebook(path)
        if not found.is_file():
            raise MissingError(f"there is no notebook '{path}'", hint="was it renamed or deleted? save it first")
        return found

    def path(self, file: Path) -> str | None:
        """The contents path of a file; None when it is outside of the root."""
        if self.root is None:
            return None
        for candidate in (file, file.parent.resolve() / file.name):
            try:
                return candidate.relative_to(self.root).as_posix()
            except ValueError:
                continue
        return None


def status_of(fault: Nb2flowError) -> tuple[int, str]:
    """The HTTP status of a fault and the code that names it: the one place where they are brought together."""
    from nb2flow import errors

    table: tuple[tuple[type[Nb2flowError], int, str], ...] = (
        (PathError, 400, "path-refused"),
        (MissingError, 404, "not-found"),
        (errors.NotebookError, 422, "notebook"),
        (errors.PlanError, 422, "plan"),
        (errors.UsageError, 422, "request"),
        (errors.EnvironmentFault, 503, "environment"),
    )
    return next(((status, code) for kind, status, code in table if isinstance(fault, kind)), (500, "bug"))
