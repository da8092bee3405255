"""The flow: which step needs which state, and why. Values only; frozen; pure standard library.

Run status never enters here: a flow says what a notebook means, a run (nb2flow.runs) says what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nb2flow.errors import Diagnostic
from nb2flow.notebook.model import Dialect, StepOptions

ReasonKind = Literal["variable", "resource", "file", "order", "state"]
ReplayKind = Literal["import", "definition", "constant", "configuration", "parameters"]
ParameterType = Literal["int", "float", "bool", "str", "list", "dict", "none", "any"]


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the code: `cell` is the index among all cells of the notebook, `line` is 1-based in that cell."""

    cell: int
    line: int


ANY_FILE = "any file"  # the name of a reason whose path is not known


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one step must come after another.

    kind: `variable` (name is defined at `defined` and used at `used`), `resource` (a stream of random numbers, the
    working directory, options …; name is the resource id such as `rng:numpy`), `file` (name is the path
    or ANY_FILE), `order`
    (the author's `after:`), `state` (something that cannot be told apart statically; `text` says what).
    """

    kind: ReasonKind
    name: str
    defined: Site | None = None
    used: Site | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` starts after `source`, for these reasons (most telling first)."""

    source: str
    target: str
    reasons: tuple[Reason, ...]

    @property
    def carries(self) -> tuple[str, ...]:
        """Names of the variables and resources that flow along this edge."""
        return tuple(dict.fromkeys(r.name for r in self.reasons if r.kind in ("variable", "resource")))


@dataclass(frozen=True, slots=True)
class Input:
    """A variable or resource (`rng:numpy`, `config`, …) that a step loads from what step `source` saved."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Replay:
    """Set-up that a step runs again instead of loading its result: whole statements of an earlier cell."""

    cell: int
    cell_id: str
    line: int
    end_line: int
    source: str
    kind: ReplayKind


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name bound in the parameters cell. `default` is None when it is not a literal (then `type` is `any`)."""

    name: str
    type: ParameterType
    default: Any
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Each:
    """A step may run once for each element of the list `name`, which step `source` made. `gathers` are the names that
    it collects into, with what they are (`list` or `dict`); nothing else leaves it."""

    name: str
    source: str
    gathers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the flow.

    `cells` are code-cell indices in document order; `replay` is run before them; `inputs` are loaded, `outputs` are
    saved (each exactly once); `changes` are the resources that it writes, whoever needs them; `state` are earlier steps
    whose process state (cwd, environ, sys.path) is restored first, in that order; `parameters` are the pipeline's
    parameters that this step reads; `files` are literal paths it opens; `each` is set when it was shown to be element
    by element. `notes` tell what was decided and why (merged steps, kept order) in words.
    """

    name: str
    title: str
    cells: tuple[int, ...]
    options: StepOptions = field(default_factory=StepOptions)
    replay: tuple[Replay, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    each: Each | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """Steps in document order (which is also a valid order to run them in) and the edges between them."""

    notebook: str
    language: str
    kernel: str
    dialect: Dialect
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    parameters: tuple[Parameter, ...] = ()
    parameters_cell: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    watch: tuple[str, ...] = ()

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def before(self, name: str) -> tuple[str, ...]:
        """Names of the steps that `name` directly comes after, in document order."""
        sources = {e.source for e in self.edges if e.target == name}
        return tuple(s.name for s in self.steps if s.name in sources)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a notebook brings in from outside, as far as it could be told.

    `stars`: the names that `from module import *` binds; `scripts`: the code of the files that `%run` names, as they
    are written there, cell by cell (a script has one); `seeding`: the modules of the project's own that may set where
    random numbers begin.
    """

    stars: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scripts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seeding: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observations:
    """What earlier runs showed that the code alone does not. Every item names the id of a step's first author cell.

    uncarryable: (cell id, variable) that cannot be saved by, or loaded from, that step; changes: (cell id, resource id)
    that the step changed; reads and writes: (cell id, path) of files it opened. Merging steps keeps the ids meaningful:
    an id lies in exactly one step of any refined flow.
    """

    uncarryable: frozenset[tuple[str, str]] = frozenset()
    changes: frozenset[tuple[str, str]] = frozenset()
    reads: frozenset[tuple[str, str]] = frozenset()
    writes: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Observations) -> Observations:
        """Everything that either has seen."""
        return Observations(
            self.uncarryable | other.uncarryable,
            self.changes | other.changes,
            self.reads | other.reads,
            self.writes | other.writes,
        )
