"""What the machine hears and what it says: orders for steps, things that happen, commands. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from nb2flow.runs.events import AnyEvent, Failure


class Treatment(Enum):
    """What is asked of a step in this run."""

    USUAL = auto()  # take its result from an earlier run where that is right, else run it
    FRESH = auto()  # run it
    KEPT = auto()  # it is done already
    LEFT_OUT = auto()  # not asked for


@dataclass(frozen=True, slots=True)
class StepOrder:
    """One step as the machine sees it. `attempts` were made before (in a run that is resumed)."""

    name: str
    after: tuple[str, ...]
    key: str
    retries: int = 0
    treatment: Treatment = Treatment.USUAL
    attempts: int = 0


# ---- what happens ----


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The answer to `LookUp`: the run whose result is taken, with what it saved, or None."""

    step: str
    found_in: str | None
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt is over and, when it succeeded (no failure), its result is stored."""

    step: str
    attempt: int
    seconds: float
    failure: Failure | None = None
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The time that `RetryLater` asked for has passed."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """Stop the run. `recorded`: the request is in the run's log already."""

    who: str
    recorded: bool = False


Input = LookedUp | AttemptEnded | RetryDue | CancelWanted

# ---- what to do ----


@dataclass(frozen=True, slots=True)
class Record:
    """Add this event to the run's log."""

    event: AnyEvent


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find a result of an earlier run for this step (what it depends on is finished); answer with `LookedUp`."""

    step: str


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Run the step; answer with `AttemptEnded`."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StopAttempt:
    """Have the attempt stopped; `AttemptEnded` still comes."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Answer with `RetryDue` after `delay` seconds."""

    step: str
    attempt: int
    delay: float


Command = Record | LookUp | StartAttempt | StopAttempt | RetryLater
