"""Faults: what went wrong, whose it is, where, and what to do about it.

Problems *in a notebook* are values (`Diagnostic`) that are collected and shown together; exceptions (`Nb2flowError`)
are for giving up. This module imports the standard library only, and little of that
(`dataclasses` alone would take a fifth of the start of `nbdiff`): every room and every fast command may import it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """What the process ends with: the number names the stage that failed."""

    OK = 0
    BUG = 1  # a fault of nb2flow itself
    USAGE = 2  # the command line (also click's own code)
    NOTEBOOK = 3  # the notebook cannot be read, or its diagnostics forbid going on
    PLAN = 4  # the plan cannot be made or written
    RUN = 5  # a step failed
    ENVIRONMENT = 6  # this machine: kernel missing, disk full, folder not writable
    MISMATCH = 7  # `verify`: the pipeline's outputs are not the notebook's
    INTERRUPTED = 130  # Ctrl-C, as shells have it


class Severity(StrEnum):
    """How much a diagnostic matters: only `ERROR` stops `convert` and `run`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Place(NamedTuple):
    """A place in a notebook.

    `cell` is the 0-based index among all cells, `line` is 1-based within the cell's source, `column` and `end_column`
    are 0-based character offsets in that line; `text` is the source line itself.
    """

    cell: int | None = None
    cell_id: str | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    text: str | None = None


class Diagnostic(NamedTuple):
    """One problem of a notebook, with a stable code such as `NB203` (each has a page section in the reference)."""

    code: str
    severity: Severity
    message: str
    place: Place = Place()
    hint: str = ""


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any diagnostic forbids converting or running the notebook."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


class Nb2flowError(Exception):
    """Giving up: one message for a person (what, where), a hint (what to do) and the stage's exit code."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        exit_code: ExitCode | None = None,
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.diagnostics = diagnostics
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(Nb2flowError):
    """The command or its arguments are at fault."""

    exit_code = ExitCode.USAGE


class NotebookError(Nb2flowError):
    """The notebook is at fault: its author can mend it."""

    exit_code = ExitCode.NOTEBOOK


class PlanError(Nb2flowError):
    """The plan cannot be made, read or written."""

    exit_code = ExitCode.PLAN


class EnvironmentFault(Nb2flowError):  # noqa: N818 - EnvironmentError is a builtin
    """The machine is at fault (kernel missing, disk full, folder not writable): its operator can mend it."""

    exit_code = ExitCode.ENVIRONMENT
