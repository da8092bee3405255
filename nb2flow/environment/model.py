"""The values of this room: what code imports, what an interpreter has, what a notebook needs. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nb2flow.errors import Diagnostic

How = Literal["import", "magic", "implied"]
Kind = Literal["stdlib", "package", "local", "missing"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where code stands: the index of the cell (None: in the file `file`) and a 1-based line."""

    cell: int | None
    line: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """One import. `names` are those of `from module import names`, which may be modules, too; `level` counts the dots
    of a relative one. `optional`: code goes on without it. `implied`: no code says it, `because` does.
    """

    module: str
    place: Place
    names: tuple[str, ...] = ()
    level: int = 0
    how: How = "import"
    optional: bool = False
    because: str = ""

    @property
    def top(self) -> str:
        """The first part of the module's name."""
        return self.module.split(".")[0]

    @property
    def candidates(self) -> tuple[str, ...]:
        """Dotted names that may be the module that is meant, the longest first."""
        parts = self.module.split(".")
        own = [".".join(parts[:k]) for k in range(len(parts), 0, -1)]
        return (*(f"{self.module}.{name}" for name in self.names if name != "*"), *own)


@dataclass(frozen=True, slots=True)
class Install:
    """What a line installs (`%pip install X`): names as written, without options."""

    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in some code: imports, installations, modules that it writes (name -> source) and folders that it
    adds to the import path by a literal."""

    imports: tuple[Import, ...] = ()
    installs: tuple[Install, ...] = ()
    writes: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()

    def __or__(self, other: Found) -> Found:
        return Found(
            self.imports + other.imports,
            self.installs + other.installs,
            self.writes + other.writes,
            self.paths + other.paths,
        )


# ---- what an interpreter has ----


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution. `url` is where it came from instead of an index (PEP 610), `folder` the folder that
    it was installed from or that it is edited in, `python` which versions of Python it takes."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    url: str = ""
    folder: str = ""
    python: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """What an interpreter answered: its version, the values that requirements' markers ask for, its distributions by
    canonical name, which distributions hold a dotted module, which modules are the standard library's, and those that
    it would import from elsewhere, with the place."""

    program: str
    python: str
    markers: Mapping[str, str] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stdlib: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def minor(self) -> str:
        """The version that packages are built for: `3.11`."""
        return ".".join(self.python.split(".")[:2])


# ---- what a notebook needs ----


@dataclass(frozen=True, slots=True)
class Need:
    """A module that a step imports, what it is, and where it comes from: the distributions that hold it, or the file
    of a local one. `via` is the local module whose code imports it."""

    module: str
    kind: Kind
    place: Place
    distributions: tuple[str, ...] = ()
    file: str = ""
    how: How = "import"
    optional: bool = False
    because: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that a step opens: its path as written, its size, and whether it travels with a run."""

    path: str
    size: int
    travels: bool


@dataclass(frozen=True, slots=True)
class StepNeeds:
    """What one step needs."""

    step: str
    needs: tuple[Need, ...] = ()
    files: tuple[DataFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock. `by` names what requires it; nothing: the notebook itself."""

    name: str
    version: str
    url: str = ""
    by: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """As pip reads it."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Environment:
    """All that a notebook needs: by step, locked, and what is wrong with it."""

    notebook: str
    kernel: str
    python: str
    program: str
    steps: tuple[StepNeeds, ...]
    lock: tuple[Pin, ...]
    problems: tuple[Diagnostic, ...] = ()
