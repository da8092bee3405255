"""The plan: a flow frozen into step notebooks, as one versioned document.

A plan says all that an engine needs to know and nothing about where it will run: no absolute paths, no times, no
secrets. It is written as YAML or JSON by `convert`, kept whole in each run, and refused by name when its version is
unknown.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from nb2flow.flow.model import Parameter
from nb2flow.notebook.model import StepOptions

PLAN_VERSION = 1


class PlanEach(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The step may run once for each element of the list `name`, which step `source` saves whole and by element.

    `gathers` are the names that it collects into, with what they are (`list`, `dict`). `instances` is set in the plan
    of a run once the list is known: the step then runs nothing, and puts together what that many instances made.
    """

    name: str
    source: str
    gathers: dict[str, str] = {}
    instances: int | None = None


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This step is an instance, the one of element `index`, of step `of`; the element lies in `blob`, in a list."""

    of: str
    index: int
    blob: str


class PlanStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step notebook and what it needs.

    `notebook` is the file name of the step notebook; `after` names every step that must have finished (transitively
    reduced edges are not assumed); `inputs` maps a step to the variables and resources loaded from it; `state` lists
    steps whose process state is restored first; `cells` are the ids of the author's cells in order; `first_number` is
    the execution count that the first of them has in the notebook; `changes` are the resources that the step is known
    to change (a change of another one is a reason to plan again); `code` is the digest of everything in the step
    notebook that can change its result; `files` are literal paths that its code opens, relative to the notebook;
    `splits` are outputs that are saved by element, too.
    """

    name: str
    title: str
    notebook: str
    cells: tuple[str, ...]
    first_number: int
    code: str
    after: tuple[str, ...] = ()
    inputs: dict[str, tuple[str, ...]] = {}
    state: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    options: StepOptions = StepOptions()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    each: PlanEach | None = None
    element: Element | None = None


class PlanEdge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`target` runs after `source`; `carries` are the variables and resources, `why` one sentence for each reason."""

    source: str
    target: str
    carries: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The whole pipeline. `source` is the notebook's file name and `source_digest` the digest of its code and tags.

    `watch` are the shared resources that the notebook makes deterministic (a seeded `rng:numpy` …): a step that changes
    one without having said so is a reason to plan again.
    """

    version: int = PLAN_VERSION
    name: str
    source: str
    source_digest: str
    language: str
    kernel: str
    dialect: str
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    edges: tuple[PlanEdge, ...] = ()
    watch: tuple[str, ...] = ()

    def step(self, name: str) -> PlanStep:
        """The step called `name`; KeyError when there is none."""
        return self.steps[self.places[name]]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where in `steps` each step stands, by name."""
        return {step.name: place for place, step in enumerate(self.steps)}


class CompiledPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with its step notebooks: file name -> nbformat 4.5 document (plain JSON values)."""

    plan: Plan
    notebooks: dict[str, dict[str, Any]]

    def sources(self) -> list[str]:
        """The code of each step notebook, one text each."""
        cells = [[c["source"] for c in n["cells"] if c["cell_type"] == "code"] for n in self.notebooks.values()]
        return ["\n".join(s if isinstance(s, str) else "".join(s) for s in sources) for sources in cells]
