"""What one top-level statement does to the notebook's state: the record that the interpreter fills and the graph reads.

State is names plus resources. Resource ids are `rng:python`, `rng:numpy`, `rng:torch`, `rng:tensorflow`, `process:cwd`,
`process:environ`, `process:syspath`, `process:config`, `process:config:plot`, `process:packages`, `process:history`,
`process:magics`, `process:backend`, `process:figures`, `process:displays`, `process:interpreter`, `stream:<path>` and
`module:<path>`: all hold a colon, which no variable does. Every write makes a version, as in static single assignment;
a write that may not happen, or happens to a part, also reads the version before.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from nb2flow.flow.model import ReplayKind, Site
from nb2flow.flow.syntax import Statement

HISTORY = "process:history"
# Every step reads these at its start: they are process-wide and cheap to give.
IMPLICIT = (
    "process:syspath",
    "process:cwd",
    "process:environ",
    "process:config",
    "process:config:plot",
    "process:backend",
    "process:packages",
    "process:magics",
    "process:figures",
    "process:interpreter",
)
# Cannot be saved: steps between the last writer and a reader are merged.
MAGICS = "process:magics"
FIGURES = "process:figures"
BACKEND = "process:backend"  # how pyplot draws and shows: what `%matplotlib` and `%config InlineBackend` say
INTERPRETER = "process:interpreter"
DISPLAYS = "process:displays"
STREAM = "stream:"  # of random numbers, that something in a module has for itself: `scipy.stats.norm.random_state = 1`
UNCARRYABLE = (HISTORY, MAGICS, BACKEND, FIGURES, DISPLAYS, INTERPRETER, "rng:tensorflow", "module:", STREAM)
WORDS = {
    HISTORY: "the output history of another kernel",
    MAGICS: "a magic registered in another kernel",
    BACKEND: "how figures are drawn",
    FIGURES: "a figure that pyplot holds open",
    DISPLAYS: "a display that is updated later",
    INTERPRETER: "a change of Python itself",
}
CONFIG = "process:config"
PLOT = "process:config:plot"
CONFIGURATION = (CONFIG, PLOT)
AT_START = ("process:cwd", "process:environ", "process:syspath")  # a step has them before anything is replayed
PACKAGES = "process:packages"


def is_resource(name: str) -> bool:
    """Whether `name` is a resource id and not a variable (variables are identifiers)."""
    return ":" in name


class Read(NamedTuple):
    """A read of the version that unit `version` made (None: no earlier unit made one), at `line` of the unit's cell."""

    version: int | None
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileUse:
    """`path` is relative to the notebook or absolute, with `{name}` for parameters; None when it cannot be told."""

    path: str | None
    writes: bool
    reads: bool
    site: Site


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name that nothing seen so far binds. `certain`: it is read whenever the statement runs."""

    name: str
    line: int
    column: int
    certain: bool


UNKNOWN = -1  # a class that is computed: no unit defines it
_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(slots=True)
class Unit:
    """One top-level statement (or magic cell) and its effects. `index` counts units over the whole notebook.

    There are thousands of them, and an empty set takes 216 bytes: sets that most of them leave empty are frozen ones.
    """

    index: int
    cell: int
    statement: Statement
    kind: ReplayKind | str = "compute"
    reads: dict[str, Read] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)  # name -> line
    weak: set[str] = field(default_factory=set)  # written perhaps, or in part
    deleted: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()  # read only because a part of it may be written
    mutates: dict[str, str] = field(default_factory=dict)  # name -> the code that may change it
    joint: list[frozenset[str]] = field(default_factory=list)  # names whose shared objects this statement may change
    shares: dict[str, frozenset[str]] = field(
        default_factory=dict
    )  # name written -> names that it may share objects with
    live: dict[str, str] = field(default_factory=dict)  # name written -> what in it cannot leave its process
    definitions: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # name written -> classes (and versions) that its value needs
    classes: Mapping[str, int] = field(
        default_factory=lambda: _NONE
    )  # name written that stands for a class -> the unit that defines it, or UNKNOWN
    bases: frozenset[str] = frozenset()  # names of classes that it reads only to make one from them
    parted: frozenset[str] = frozenset()  # names written that hold things whose parts saving takes apart
    figures: frozenset[str] = frozenset()  # names written that hold something of matplotlib's
    files: list[FileUse] = field(default_factory=list)
    unresolved: dict[str, Unresolved] = field(default_factory=dict)
    barrier: str = ""  # reads, and unless `barrier_reads_only` writes, everything
    barrier_reads_only: bool = False
    defines_unknown: str = ""  # may bind names that cannot be told
    snapshot: dict[str, int] = field(default_factory=dict)  # versions of resources before this unit
    visible: dict[str, int] = field(default_factory=dict)  # versions of all names, kept for barriers alone
    modules: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)  # modules that the names it reads came from
    attributes: set[str] = field(default_factory=set)
    asks: int = 0  # line on which it asks a person for input
    seeds: frozenset[str] = frozenset()
    script: str = ""  # the file that it runs in the notebook's namespace (`%run`)
    runs: tuple[ast.stmt, ...] = ()  # the code of that file
    draws: bool = False  # a figure, with pyplot
    keeps_settings: bool = False  # of matplotlib, all of them, or puts them back
    draws_aside: bool = False  # a figure that is drawn before settings are put back
    shows_perhaps: bool = False  # ends its cell, with what may be None: `_` stays then
    observed: bool = False
    fixed: bool = False  # runs where it stands and nowhere else
    replayable: bool = False

    def read(self, name: str, version: int | None, line: int, text: str = "") -> None:
        """Note a read; the first place counts."""
        if name not in self.reads:
            self.reads[name] = Read(version, line, text)

    def defines(self, name: str) -> int:
        """The unit that made what `name` stands for after this one: of a class its definition, whatever it came to
        keep since."""
        made = self.classes.get(name, UNKNOWN)
        return self.index if made == UNKNOWN else made
