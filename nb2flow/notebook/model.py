"""Values that say what a notebook contains and what its tags mean.

Nothing here reads files or knows Python's syntax: a `Notebook` is cells in document order, a `Layout` is which cells
form which step. Both are frozen, so that every later room can share them freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nb2flow.errors import Diagnostic

CellKind = Literal["code", "markdown", "raw"]
Dialect = Literal["nb2flow", "kale", "headings", "cells", "whole"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `index` is its 0-based place among all cells of the notebook."""

    index: int
    id: str
    kind: CellKind
    source: str
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as read: `name` is the file's stem; `raw` is the whole JSON document (nbformat 4)."""

    name: str
    cells: tuple[Cell, ...]
    language: str = "python"
    kernel: str = "python3"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def code(self) -> tuple[Cell, ...]:
        """The code cells, in document order."""
        return tuple(c for c in self.cells if c.kind == "code")


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What a step's tags ask for. Quantities are Kubernetes quantities as written; times are seconds.

    `annotations` and `labels` are for the step's pod (Kale's `annotation:` and `label:` tags).
    """

    gpu: int = 0
    gpu_resource: str = "nvidia.com/gpu"
    cpu: str | None = None
    memory: str | None = None
    disk: str | None = None
    image: str | None = None
    node: tuple[tuple[str, str], ...] = ()
    retries: int = 0
    timeout: float | None = None
    cache: bool = True
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    each: str | None = None
    gather: bool = False
    metrics: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StepCells:
    """A step as the author drew it: its code cells (indices, document order), its options, the orders it asks for."""

    name: str
    title: str
    cells: tuple[int, ...]
    options: StepOptions = StepOptions()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Which code cells form set-up, parameters and steps. Every code cell is in exactly one of the groups.

    `setup` are the cells above the first step and those tagged `setup`; `parameters` is the parameters cell;
    `dialect` says how the steps were found.
    """

    dialect: Dialect
    steps: tuple[StepCells, ...]
    setup: tuple[int, ...] = ()
    parameters: int | None = None
    skipped: tuple[int, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
