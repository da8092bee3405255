"""The events of a run: all that is ever recorded about it.

A run *is* its list of events; its state is a fold over them (`nb2flow.runs.state`). Events are facts, in the past
tense, and never change. Versioned by tag: an unknown tag is refused by name. No I/O here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nb2flow.errors import EnvironmentFault

RETRIED = frozenset({"error", "kernel-died", "timeout"})  # kinds of failures for which a step's `retries:` is there


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a step failed.

    kind: `error` (a cell raised), `timeout`, `kernel-died`, `kernel-start`, `cannot-carry` (an output cannot be saved
    or an input cannot be loaded), `cancelled`, `engine` (the machinery).  `cell_id`/`cell_index` name the author's cell
    (index in the notebook), `line` is 1-based in that cell and `source_line` its text; `traceback` is as the notebook
    would show it (ANSI colours kept). `variables` names what cannot be carried, with the step that made it.
    """

    kind: str
    message: str
    ename: str = ""
    evalue: str = ""
    cell_id: str = ""
    cell_index: int | None = None
    line: int | None = None
    source_line: str = ""
    traceback: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    hint: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Base of all events. `at` is Unix time in seconds."""

    at: float


class RunCreated(Event, tag="run-created", frozen=True, kw_only=True):
    """The run exists: its plan (whole document as JSON values), parameters as given, what it was asked for.

    `kernel` is the name of the kernelspec that runs it, `profile` that of the profile that says where (empty: here).
    """

    run_id: str
    notebook: str
    plan: dict[str, Any]
    parameters: dict[str, Any] = {}
    only: str | None = None
    start_from: str | None = None
    use_cache: bool = True
    versions: dict[str, str] = {}
    engine: str = "local"
    kernel: str = ""
    profile: str = ""


class RunStarted(Event, tag="run-started", frozen=True, kw_only=True):
    """A process (again) drives this run. Steps that were running before belong to a dead process."""

    pid: int
    jobs: int


class RunReplanned(Event, tag="run-replanned", frozen=True, kw_only=True):
    """The plan was refined by what was observed. Steps in `kept` (code and inputs unchanged) stay as they are."""

    plan: dict[str, Any]
    because: tuple[str, ...]
    kept: tuple[str, ...] = ()


class StepStarted(Event, tag="step-started", frozen=True, kw_only=True):
    """An attempt (counted from 1) of a step began; `key` is its content key."""

    step: str
    attempt: int
    key: str


class CellStarted(Event, tag="cell-started", frozen=True, kw_only=True):
    """The author's cell number `number` (1-based) of `total` in the step began."""

    step: str
    attempt: int
    cell_id: str
    number: int
    total: int


class StepNoted(Event, tag="step-noted", frozen=True, kw_only=True):
    """Something worth telling about a step: output cut, GPU step on a machine without one, cold start …"""

    step: str
    text: str


class StepSucceeded(Event, tag="step-succeeded", frozen=True, kw_only=True):
    """The step finished; `outputs` maps each saved name to (type, short preview); `seconds` is wall time."""

    step: str
    attempt: int
    key: str
    seconds: float
    outputs: dict[str, tuple[str, str]] = {}


class StepCached(Event, tag="step-cached", frozen=True, kw_only=True):
    """Nothing changed since `run_id` ran this step: its result (see `StepSucceeded`) is taken from there."""

    step: str
    key: str
    run_id: str
    outputs: dict[str, tuple[str, str]] = {}


class StepFailed(Event, tag="step-failed", frozen=True, kw_only=True):
    """An attempt failed. `will_retry` says whether another attempt follows after `delay` seconds."""

    step: str
    attempt: int
    failure: Failure
    seconds: float
    will_retry: bool = False
    delay: float = 0.0


class StepSkipped(Event, tag="step-skipped", frozen=True, kw_only=True):
    """Not run: `because` names the failed steps it depends on, or is empty when it was not asked for."""

    step: str
    because: tuple[str, ...] = ()


class StepCancelled(Event, tag="step-cancelled", frozen=True, kw_only=True):
    """The step was stopped, or not begun, because the run was cancelled or interrupted."""

    step: str


class CancelRequested(Event, tag="cancel-requested", frozen=True, kw_only=True):
    """Somebody asked for the run to stop; `who` is `ctrl-c` or `command`."""

    who: str


class RunFinished(Event, tag="run-finished", frozen=True, kw_only=True):
    """The driving process ended the run: `succeeded`, `failed`, `cancelled` or `interrupted`."""

    status: str
    seconds: float


AnyEvent = (
    RunCreated
    | RunStarted
    | RunReplanned
    | StepStarted
    | CellStarted
    | StepNoted
    | StepSucceeded
    | StepCached
    | StepFailed
    | StepSkipped
    | StepCancelled
    | CancelRequested
    | RunFinished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """The event as JSON."""
    return _encoder.encode(event)


def decode(data: bytes) -> AnyEvent:
    """The event that `data` encodes. EnvironmentFault when it is not one that this version knows."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise EnvironmentFault(
            f"the run log holds an event that this version of nb2flow does not know: {error}",
            hint="it was probably written by a newer version: use that one to look at this run",
        ) from error
