"""Modules that lie beside the notebook: which imports mean them, and what these import in turn.

Files are read through a function that is given, so that following is pure and can be tried on a dictionary.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nb2flow.environment import imports
from nb2flow.environment.model import Found, Import

MOST_FILES = 2_000
# The text of the file at a path relative to the notebook's folder; None when there is none.
Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Reached:
    """An import that code comes to. `file` is the file of a local module (nothing: not local), `via` the local file
    whose code says it (nothing: the notebook itself)."""

    told: Import
    file: str = ""
    via: str = ""


class Sources:
    """Local modules in `roots` (folders relative to the notebook's); `written` are those that the notebook writes."""

    def __init__(self, read: Read, roots: Sequence[str] = (".",), written: Mapping[str, str] | None = None) -> None:
        self._read = read
        self._roots = tuple(dict.fromkeys(roots))
        self._written = {posixpath.normpath(path): text for path, text in (written or {}).items()}
        self._texts: dict[str, str | None] = {}
        self._found: dict[str, Found] = {}

    def follow(self, told: Iterable[Import]) -> Iterator[Reached]:
        """Each import, and those of the local modules that it means, each file once."""
        queue = [(one, "") for one in told]
        done: set[str] = set()
        for one, via in queue:
            files = self._files(one, via)
            yield Reached(one, files[-1] if files else "", via)
            for file in files:
                if file not in done and len(done) < MOST_FILES:
                    done.add(file)
                    queue += [(inner, file) for inner in self._imports(file)]

    def _imports(self, file: str) -> tuple[Import, ...]:
        if file not in self._found:
            self._found[file] = imports.of_file(self._text(file) or "", file)
        return self._found[file].imports

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            text = self._read(path)
            self._texts[path] = self._written.get(path) if text is None else text
        return self._texts[path]

    def _files(self, told: Import, via: str) -> list[str]:
        """The files that the import runs, in order; none when the module is not local."""
        if told.how == "implied":
            return []
        if told.level:
            folder = posixpath.dirname(via) if via else "."
            for _ in range(told.level - 1):
                folder = posixpath.dirname(folder) or "."
            return self._below(folder, told.module.split(".") if told.module else [], told.names)
        parts = told.module.split(".")
        for root in self._roots:
            files = self._below(root, parts, told.names)
            if files:
                return files
        return []

    def _below(self, folder: str, parts: Sequence[str], names: Sequence[str]) -> list[str]:
        files: list[str] = []
        for part in parts:
            folder = posixpath.normpath(posixpath.join(folder, part))
            own = self._module(folder)
            if own:
                files.append(own)
        for name in names:
            own = self._module(posixpath.normpath(posixpath.join(folder, name)))
            if own:
                files.append(own)
        return files

    def _module(self, path: str) -> str:
        return next((p for p in (f"{path}/__init__.py", f"{path}.py") if self._text(p) is not None), "")
