"""The run as a state machine: something happened goes in; events to record and commands to carry out come out.

What may live here: which step may start, wait, be tried again, be skipped, and when the run is over. What must not:
clocks (the time comes in), threads, processes, files, the database. Everything odd that can happen to a run is then a
list of inputs in a unit test. Each step is in one `Phase`; the table `_TABLE` names every input that a phase expects
and what happens then; an input that is not in the table is a fault of the caller and raises.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Any

from nb2flow.engine.signals import (
    AttemptEnded,
    CancelWanted,
    Command,
    Input,
    LookedUp,
    LookUp,
    Record,
    RetryDue,
    RetryLater,
    StartAttempt,
    StepOrder,
    StopAttempt,
    Treatment,
)
from nb2flow.runs.events import (
    RETRIED,
    CancelRequested,
    Failure,
    RunFinished,
    StepCached,
    StepCancelled,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)

FIRST_DELAY = 0.5  # seconds before the first retry; each further one waits twice as long
LONGEST_DELAY = 30.0


class Phase(Enum):
    """Where a step stands. From `DONE` on it stays where it is."""

    WAITING = auto()  # for the steps it comes after
    LOOKING = auto()  # for an earlier result
    READY = auto()  # for a free place
    RUNNING = auto()
    PAUSING = auto()  # before another attempt
    DONE = auto()
    FAILED = auto()
    SKIPPED = auto()
    CANCELLED = auto()


_OVER = frozenset({Phase.DONE, Phase.FAILED, Phase.SKIPPED, Phase.CANCELLED})


class UnexpectedInput(Exception):  # noqa: N818 - named as the table speaks
    """The caller told the machine something that cannot happen in the state it is in."""


class Machine:
    """One drive of a run: `jobs` steps at a time at most. Feed `begin` once, then `handle`, until `finished`."""

    def __init__(self, orders: Sequence[StepOrder], jobs: int) -> None:
        self.jobs = max(1, jobs)
        self.finished: str | None = None
        self.cancelled_by: str | None = None
        self._began_at = 0.0
        self._ghosts: set[tuple[str, int]] = set()  # attempts of an earlier plan that have not ended yet
        self._attempts = {order.name: order.attempts for order in orders}
        self._take(orders)

    def _take(self, orders: Sequence[StepOrder]) -> None:
        names = {order.name for order in orders}
        self._orders = {order.name: order for order in orders}
        self._rank = {order.name: rank for rank, order in enumerate(orders)}
        self._phase = {order.name: Phase.WAITING for order in orders}
        self._failures = dict.fromkeys(self._orders, 0)
        self._starts_failed = dict.fromkeys(self._orders, 0)
        self._missing = {order.name: len(set(order.after) & names) for order in orders}
        self._followers: dict[str, list[str]] = {name: [] for name in self._orders}
        for order in orders:
            for source in set(order.after) & names:
                self._followers[source].append(order.name)
        self._ready: list[tuple[int, str]] = []
        self._running = 0
        self._open = len(orders)

    def phase(self, step: str) -> Phase:
        """Where `step` stands."""
        return self._phase[step]

    def attempt(self, step: str) -> int:
        """The number of the step's latest attempt (0: none yet)."""
        return self._attempts.get(step, 0)

    def is_open(self, step: str) -> bool:
        """Whether `step` is still to run, or runs."""
        return self._phase[step] not in _OVER

    def is_under_way(self, step: str, attempt: int) -> bool:
        """Whether this attempt runs and counts (it does not when the plan was changed since)."""
        return self._phase.get(step) is Phase.RUNNING and self._attempts[step] == attempt

    def stays(self, step: str) -> bool:
        """Whether `replan` can leave the step as it is."""
        return self._phase.get(step) in (Phase.DONE, Phase.FAILED, Phase.RUNNING)

    def stays_over(self, step: str) -> bool:
        """The same where what runs has to be stopped."""
        return self._phase.get(step) in (Phase.DONE, Phase.FAILED)

    def begin(self, now: float) -> list[Command]:
        """Start the run. `now` is Unix time in seconds, here and everywhere."""
        self._began_at = now
        return self._set_out(now)

    def _set_out(self, now: float) -> list[Command]:
        commands: list[Command] = []
        for name, order in self._orders.items():
            if order.treatment is Treatment.KEPT:
                self._settle(name, Phase.DONE)
            elif order.treatment is Treatment.LEFT_OUT:
                self._settle(name, Phase.SKIPPED)
                commands.append(Record(StepSkipped(at=now, step=name)))
        for name, order in self._orders.items():
            if order.treatment in (Treatment.KEPT, Treatment.LEFT_OUT):
                self._release(self._followers[name])
        waiting = [name for name in self._orders if self._phase[name] is Phase.WAITING and not self._missing[name]]
        return [*commands, *self._arrive(waiting), *self._pump(now)]

    def handle(self, happened: Input, now: float) -> list[Command]:
        """What to do now that this happened. UnexpectedInput when it cannot have."""
        if isinstance(happened, CancelWanted):
            return self._cancel(happened, now)
        if isinstance(happened, AttemptEnded) and (happened.step, happened.attempt) in self._ghosts:
            self._ghosts.discard((happened.step, happened.attempt))
            return self._pump(now)
        phase = self._phase.get(happened.step)
        reaction = _reaction(phase, happened)
        if reaction is None:
            raise UnexpectedInput(f"{happened} while the step is {phase}")
        return [*reaction(self, happened, now), *self._pump(now)]

    def replan(self, orders: Sequence[StepOrder], kept: Iterable[str], now: float) -> list[Command]:
        """Go on with another plan. Steps in `kept` that are done, failed or running stay so; all else begins anew."""
        kept = set(kept)
        before, failures = dict(self._phase), dict(self._failures)
        stops: list[Command] = []
        for name, phase in before.items():
            if phase is Phase.RUNNING and name not in kept:
                self._ghosts.add((name, self._attempts[name]))
                stops.append(StopAttempt(name, self._attempts[name]))
        self._take(orders)
        for order in orders:
            self._attempts.setdefault(order.name, 0)
        for name in kept & set(before) & set(self._orders):
            self._failures[name] = failures[name]
            if before[name] in (Phase.DONE, Phase.FAILED):
                self._settle(name, before[name])
            elif before[name] is Phase.RUNNING:
                self._phase[name] = Phase.RUNNING
                self._running += 1
        skipped: list[Command] = []
        for name in self._orders:
            if self._phase[name] is Phase.DONE:
                self._release(self._followers[name])
            elif self._phase[name] is Phase.FAILED:
                skipped.extend(self._skip_after(name, now))
        return [*stops, *skipped, *self._set_out(now)]

    # ---- reactions: one for each row of the table ----

    def _found(self, happened: LookedUp, now: float) -> list[Command]:
        name = happened.step
        if happened.found_in is None:
            self._queue(name)
            return []
        self._settle(name, Phase.DONE)
        key, outputs = self._orders[name].key, dict(happened.outputs)
        cached = StepCached(at=now, step=name, key=key, run_id=happened.found_in, outputs=outputs)
        return [Record(cached), *self._arrive(self._release(self._followers[name]))]

    def _ended(self, happened: AttemptEnded, now: float) -> list[Command]:
        name, failure = happened.step, happened.failure
        if happened.attempt != self._attempts[name]:
            raise UnexpectedInput(f"{happened}, but the attempt under way is {self._attempts[name]}")
        self._running -= 1
        if failure is None:
            self._settle(name, Phase.DONE)
            succeeded = StepSucceeded(
                at=now,
                step=name,
                attempt=happened.attempt,
                key=self._orders[name].key,
                seconds=happened.seconds,
                outputs=dict(happened.outputs),
            )
            return [Record(succeeded), *self._arrive(self._release(self._followers[name]))]
        if self.cancelled_by is not None:
            self._settle(name, Phase.CANCELLED)
            return [Record(StepCancelled(at=now, step=name))]
        delay = self._delay(name, failure)
        failed = StepFailed(
            at=now,
            step=name,
            attempt=happened.attempt,
            failure=failure,
            seconds=happened.seconds,
            will_retry=delay is not None,
            delay=delay or 0.0,
        )
        if delay is not None:
            self._phase[name] = Phase.PAUSING
            return [Record(failed), RetryLater(name, happened.attempt, delay)]
        self._settle(name, Phase.FAILED)
        return [Record(failed), *self._skip_after(name, now)]

    def _retry(self, happened: RetryDue, now: float) -> list[Command]:
        if happened.attempt == self._attempts[happened.step]:
            self._queue(happened.step)
        return []

    def _ignore(self, happened: Input, now: float) -> list[Command]:
        return []

    def _cancel(self, wanted: CancelWanted, now: float) -> list[Command]:
        if self.cancelled_by is not None or self.finished is not None:
            return []
        self.cancelled_by = wanted.who
        commands: list[Command] = []
        if not wanted.recorded:
            commands.append(Record(CancelRequested(at=now, who=wanted.who)))
        for name, phase in self._phase.items():
            if phase is Phase.RUNNING:
                commands.append(StopAttempt(name, self._attempts[name]))
            elif phase not in _OVER:
                self._settle(name, Phase.CANCELLED)
                commands.append(Record(StepCancelled(at=now, step=name)))
        self._ready.clear()
        return [*commands, *self._pump(now)]

    # ---- the parts they are made of ----

    def _settle(self, name: str, phase: Phase) -> None:
        if self._phase[name] not in _OVER:
            self._open -= 1
        self._phase[name] = phase

    def _release(self, followers: Iterable[str]) -> list[str]:
        """One thing less to wait for: those of `followers` that now wait for nothing."""
        free = []
        for name in followers:
            self._missing[name] -= 1
            if not self._missing[name] and self._phase[name] is Phase.WAITING:
                free.append(name)
        return free

    def _arrive(self, names: Iterable[str]) -> list[Command]:
        """Steps whose predecessors are all done."""
        commands: list[Command] = []
        for name in names:
            if self.cancelled_by is not None:
                continue
            if self._orders[name].treatment is Treatment.FRESH:
                self._queue(name)
            else:
                self._phase[name] = Phase.LOOKING
                commands.append(LookUp(name))
        return commands

    def _queue(self, name: str) -> None:
        self._phase[name] = Phase.READY
        heapq.heappush(self._ready, (self._rank[name], name))

    def _delay(self, name: str, failure: Failure) -> float | None:
        if failure.kind == "kernel-start" and not self._starts_failed[name]:
            self._starts_failed[name] += 1
            return FIRST_DELAY
        if failure.kind in RETRIED and self._failures[name] < self._orders[name].retries:
            self._failures[name] += 1
            return float(min(FIRST_DELAY * 2.0 ** (self._failures[name] - 1), LONGEST_DELAY))
        return None

    def _skip_after(self, failed: str, now: float) -> list[Command]:
        commands: list[Command] = []
        reached = list(self._followers[failed])
        while reached:
            name = reached.pop(0)
            if self._phase[name] in _OVER:
                continue
            self._settle(name, Phase.SKIPPED)
            commands.append(Record(StepSkipped(at=now, step=name, because=(failed,))))
            reached.extend(self._followers[name])
        return commands

    def _pump(self, now: float) -> list[Command]:
        """Start what may start; end the run when nothing is left to do."""
        commands: list[Command] = []
        while self._ready and not self._ghosts and self._running < self.jobs:
            _, name = heapq.heappop(self._ready)
            self._attempts[name] += 1
            self._phase[name] = Phase.RUNNING
            self._running += 1
            attempt = self._attempts[name]
            commands.append(Record(StepStarted(at=now, step=name, attempt=attempt, key=self._orders[name].key)))
            commands.append(StartAttempt(name, attempt))
        if self._open == 0 and not self._ghosts and self.finished is None:
            self.finished = self._status()
            commands.append(Record(RunFinished(at=now, status=self.finished, seconds=now - self._began_at)))
        return commands

    def _status(self) -> str:
        phases = set(self._phase.values())
        if Phase.CANCELLED in phases:
            return "cancelled" if self.cancelled_by == "command" else "interrupted"
        return "failed" if Phase.FAILED in phases else "succeeded"


def _reaction(phase: Phase | None, happened: Input) -> Reaction | None:
    return _TABLE.get((phase, type(happened)))


Reaction = Callable[[Machine, Any, float], list[Command]]
# phase × what happened → what follows. `_cancel` is legal in every phase and stands before the table.
_TABLE: dict[tuple[Phase | None, type[Input]], Reaction] = {
    (Phase.LOOKING, LookedUp): Machine._found,
    (Phase.RUNNING, AttemptEnded): Machine._ended,
    (Phase.PAUSING, RetryDue): Machine._retry,
    # What was asked for before a cancel, or under an earlier plan, may still be answered.
    (Phase.CANCELLED, LookedUp): Machine._ignore,
    (Phase.CANCELLED, RetryDue): Machine._ignore,
    (Phase.WAITING, RetryDue): Machine._ignore,
    (Phase.LOOKING, RetryDue): Machine._ignore,
    (Phase.READY, RetryDue): Machine._ignore,
    (Phase.RUNNING, RetryDue): Machine._ignore,
    (Phase.DONE, RetryDue): Machine._ignore,
    (Phase.FAILED, RetryDue): Machine._ignore,
    (Phase.SKIPPED, RetryDue): Machine._ignore,
    (None, RetryDue): Machine._ignore,
}
