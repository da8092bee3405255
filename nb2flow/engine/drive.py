"""Drives a run: the machine decides, this file carries out. Clock, queue, store, disk and backend meet here.

One thread, one queue: reports of steps and signals come in, timers and other people's requests are looked at in
between. Everything that is decided stands in `machine`, `cache` and `guard`; what is here has no choice to make.
"""

from __future__ import annotations

import heapq
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from queue import Empty, SimpleQueue

from nb2flow.engine import fanout
from nb2flow.engine.cache import ResultCache
from nb2flow.engine.earlier import finished_steps, refuse_if_inputs_are_missing, touched_in_between
from nb2flow.engine.entrusting import Entrusted
from nb2flow.engine.guard import Finished, with_sources
from nb2flow.engine.interrupts import Interrupts
from nb2flow.engine.machine import Machine
from nb2flow.engine.neighbours import Neighbours
from nb2flow.engine.outcomes import Outcomes, kept
from nb2flow.engine.ports import Attempt, CellBegan, Ended, Noted, Report, StepBackend, StepTask
from nb2flow.engine.refine import Refiner, Replan
from nb2flow.engine.request import RunRequest, ancestors, check, creation, orders
from nb2flow.engine.rewind import Rewind
from nb2flow.engine.signals import (
    AttemptEnded,
    CancelWanted,
    Command,
    LookedUp,
    LookUp,
    Record,
    RetryDue,
    RetryLater,
    StartAttempt,
    StopAttempt,
)
from nb2flow.engine.workspace import Workspace, world_of
from nb2flow.errors import EnvironmentFault, Nb2flowError, PlanError
from nb2flow.plan import step_keys, to_values
from nb2flow.plan.expand import gathers
from nb2flow.plan.model import CompiledPlan, Plan, PlanStep
from nb2flow.runs.events import (
    AnyEvent,
    CancelRequested,
    CellStarted,
    Failure,
    RunFinished,
    RunReplanned,
    RunStarted,
    StepNoted,
    StepStarted,
)
from nb2flow.runs.files import FileDigests
from nb2flow.runs.lock import RunLock
from nb2flow.runs.manifest import Manifest
from nb2flow.runs.results import ResultStore
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore

LOOK_EVERY = 0.25  # seconds between looks at what other processes wrote into the log


def _ignore(event: AnyEvent) -> None:
    return None


def drive(
    request: RunRequest,
    backend: StepBackend,
    store: RunStore,
    *,
    on_event: Callable[[AnyEvent], None] = _ignore,
    replan: Replan | None = None,
) -> RunState:
    """Run the request to its end and return the run's state; see `nb2flow.engine`."""
    try:
        check(request, secrets_here=backend.secrets_here)
        driver = _Driver(request, backend, store, on_event, replan)
        lock = RunLock(driver.space.folder.lock)
        driver.space.home.create()
        driver.space.folder.create()
        lock.acquire(request.run_id)
        try:
            return driver.run()
        finally:
            lock.release()
    finally:
        backend.close()


class _Driver:
    def __init__(
        self,
        request: RunRequest,
        backend: StepBackend,
        store: RunStore,
        on_event: Callable[[AnyEvent], None],
        replan: Replan | None,
    ) -> None:
        self.request = request
        self.space = Workspace(request)
        self._backend = backend
        self._store = store
        self._on_event = on_event
        self._plan: Plan = request.compiled.plan
        self._notebooks = request.compiled.notebooks
        self._fingerprint = backend.fingerprint(request.kernel)
        self._keys = step_keys(self._plan, request.parameters, self._fingerprint)
        self._digests = FileDigests(request.home / "digests.json")
        self._drives_since = time.time()
        self._results = ResultStore(self.space.home, backend.holds)
        self._cache = ResultCache(self._results, world_of(request, backend, self._digests))
        self._neighbours = Neighbours(store, request.run_id, request.notebook)
        self._entrusted = Entrusted(backend.pilot)
        self._refiner = Refiner(replan if request.only is None else None)
        self._queue: SimpleQueue[tuple[str, int, Report] | int] = SimpleQueue()
        self._timers: list[tuple[float, str, int]] = []
        self._attempts: dict[tuple[str, int], Attempt] = {}
        self._began: dict[tuple[str, int], float] = {}
        self._finished = Outcomes()
        self._events: list[AnyEvent] = []
        self._began_something = False
        self._left_files: Mapping[str, str] | None = None
        self._seen = 0  # number of the last event looked at
        self._told_of_gpu = False
        self._rewind = Rewind()
        self._left = False  # we were asked to leave, and what is under way goes on without us

    # ---- from beginning to end ----

    def run(self) -> RunState:
        attempts: dict[str, int] = {}
        remarks: dict[str, str] = {}
        if self.request.resume:
            state = self._store.state(self.request.run_id)
            attempts = {name: step.attempt for name, step in state.steps.items()}
            self.space.lay_out(self.request.compiled)
            found, remarks = finished_steps(self.space, self._results, self._cache, state)
            for name, finished in found.items():
                self._finished.add(name, finished)
            self._entrusted.adopt(self.request.run_id)
            self._plan = self._with_instances(self._plan, self._finished.manifests)
            self._keys = step_keys(self._plan, self.request.parameters, self._fingerprint)
            self.space.lay_out(CompiledPlan(plan=self._plan, notebooks=self._notebooks))
        else:
            if self.request.only is not None:
                refuse_if_inputs_are_missing(self._cache, self._plan, self._keys, self.request.only)
            self.space.lay_out(self.request.compiled)
            self._create()
        todo = orders(self.request, self._plan, self._keys, kept=list(self._finished), attempts=attempts)
        self._machine = Machine(todo, self.request.jobs)
        self._changes = self._store.changes()
        self._neighbours.begin()
        self._record(RunStarted(at=time.time(), pid=os.getpid(), jobs=self.request.jobs))
        for name, text in remarks.items():
            self._note(name, text)
        if self._plan != self.request.compiled.plan:
            self._tell_of_plan(fanout.told(self.request.compiled.plan, self._plan), list(self._finished))
        try:
            with Interrupts(self._queue.put):
                self._carry_out(self._machine.begin(time.time()))
                while self._machine.finished is None and not self._left:
                    self._turn()
            if self._left:
                self._record(RunFinished(at=time.time(), status="interrupted", seconds=0.0))
            self._flush()
            self.space.drop_left_over(self._plan)
            self.space.take_out_repetitions(self._plan, self._notebooks, self._finished.manifests)
            if self._machine.finished == "succeeded":
                self.space.keep_changes()
        except BaseException:
            self._abandon()
            raise
        self._digests.remember()
        return self._store.state(self.request.run_id)

    def _create(self) -> None:
        created = creation(self.request, to_values(self._plan), self._backend.name, time.time())
        self._store.create(created)
        self._on_event(created)

    def _abandon(self) -> None:
        """Something outside of all steps went wrong: leave nothing running and, if possible, a truthful log."""
        self._backend.close()
        # What could not even be begun is not told as started.
        begun = [e for e in self._events if not isinstance(e, StepStarted) or (e.step, e.attempt) in self._attempts]
        self._events = [*begun, RunFinished(at=time.time(), status="interrupted", seconds=0.0)]
        try:
            self._flush()
        except Nb2flowError:
            return  # the disk is what went wrong; the free lock tells that nobody drives the run

    def _turn(self) -> None:
        """Wait for the next thing to happen and deal with it and all that came with it."""
        self._flush()
        self._entrust()
        wait = LOOK_EVERY
        if self._timers:
            wait = min(wait, max(0.0, self._timers[0][0] - time.monotonic()))
        try:
            self._hear(self._queue.get(timeout=wait))
            while True:
                self._hear(self._queue.get_nowait())
        except Empty:
            pass
        while self._timers and self._timers[0][0] <= time.monotonic():
            _, step, attempt = heapq.heappop(self._timers)
            self._carry_out(self._machine.handle(RetryDue(step, attempt), time.time()))
        self._look_for_requests()

    def _entrust(self) -> None:
        """Let what goes through plans by itself have what is left of this one, if it is due."""
        under_way = [step for step, _ in self._attempts]
        done = self._entrusted.see_to(self._plan, under_way, self._machine.is_open, self._task, self.request.jobs)
        self._left |= done and self.request.leave

    def _look_for_requests(self) -> None:
        changes = self._store.changes()
        if changes == self._changes:
            return
        self._changes = changes
        for number, event in self._store.events(self.request.run_id, self._seen):
            self._seen = number
            if isinstance(event, CancelRequested):
                self._carry_out(self._machine.handle(CancelWanted(event.who, recorded=True), time.time()))

    # ---- what is kept of earlier runs ----

    def _look_up(self, name: str) -> list[Command]:
        step, key, now = self._plan.step(name), self._keys[name], time.time()
        result = None
        if not self._entrusted.has(name):
            result = self._cache.find(
                step, key, self._finished.manifests, any_result=self.request.only is not None, last=self._left_by_all
            )
        if result is not None and touched_in_between(self._plan, name, result.read_manifest(), self._finished):
            result = None
        folder = self.space.folder
        if result is None or not self._results.take(result, folder.executed(name), folder.manifest(name)):
            return self._machine.handle(LookedUp(name, None), now)
        manifest = result.read_manifest()
        self._has_finished(name, Finished(manifest))
        if manifest.observed.network:
            self._note(name, "used the network when it ran; `--no-cache` asks again")
        return self._machine.handle(LookedUp(name, result.run_id, manifest.previews), now)

    def _left_by_all(self) -> Mapping[str, str]:
        """How all steps left the files that they wrote, if it turns out that none has to run."""
        if self._left_files is None:
            whole = self.request.use_cache and self.request.start_from is None and self.request.only is None
            runs = not whole or self.request.resume or self._began_something
            self._left_files = {} if runs else self._cache.left_if_nothing_runs(self._plan, self._keys)
        return self._left_files

    def _has_finished(self, name: str, finished: Finished) -> None:
        self._finished.add(name, finished)
        self._refiner.hear(finished)

    # ---- what the machine wants ----

    def _carry_out(self, commands: Iterable[Command]) -> None:
        waiting = deque(commands)
        while waiting:
            command = waiting.popleft()
            if isinstance(command, Record):
                self._record(command.event)
            elif isinstance(command, LookUp) and self._rewind.waits:
                self._rewind.put_off(command)
            elif isinstance(command, LookUp):
                commands = self._look_up(command.step)
                instances = self._fan_out(command.step) if command.step in self._finished else None
                if instances is not None:  # what waits is looked up anew
                    waiting = deque(c for c in (*waiting, *commands) if not isinstance(c, LookUp))
                    commands = instances
                waiting.extend(commands)
            elif isinstance(command, StartAttempt):
                self._start(command.step, command.attempt)
            elif isinstance(command, StopAttempt):
                attempt = self._attempts.get((command.step, command.attempt))
                if attempt is not None:
                    attempt.cancel()
            elif isinstance(command, RetryLater):
                heapq.heappush(self._timers, (time.monotonic() + command.delay, command.step, command.attempt))

    def _start(self, name: str, attempt: int) -> None:
        step = self._plan.step(name)
        if step.options.gpu and not self._told_of_gpu and not self._backend.goes_on_alone:
            self._told_of_gpu = True
            asked = f"{step.options.gpu} × {step.options.gpu_resource}"
            self._note(name, f"asks for {asked}: locally it runs on what this machine has")
        self._began[name, attempt] = time.time()
        self._began_something = True
        if gathers(step):
            fanout.gather(self.space.folder, step, self._finished.manifests, self._notebooks[step.notebook])
            self._queue.put((name, attempt, Ended()))
            return
        if whole := fanout.why_whole(
            step, self._finished.manifests, most=self._backend.most_instances, only=self.request.only
        ):
            self._note(name, whole)
        self._backend.prepare()
        self._entrusted.starts(name)
        self._attempts[name, attempt] = self._backend.start(
            self._task(step), lambda r: self._queue.put((name, attempt, r))
        )

    def _task(self, step: PlanStep) -> StepTask:
        attempt = max(1, self._machine.attempt(step.name))
        return self.space.task(step, attempt, self._keys[step.name], ancestors(self._plan, step.name))

    # ---- what happens ----

    def _hear(self, heard: tuple[str, int, Report] | int) -> None:
        if isinstance(heard, int):
            if self._backend.goes_on_alone:
                self._left = True
            elif heard == 1:
                self._carry_out(self._machine.handle(CancelWanted("ctrl-c"), time.time()))
            else:
                for attempt in self._attempts.values():
                    attempt.cancel(kill=True)
            return
        step, number, report = heard
        if isinstance(report, Ended):
            self._ended(step, number, report.failure)
        elif self._machine.is_under_way(step, number):
            if isinstance(report, CellBegan):
                self._record(
                    CellStarted(
                        at=time.time(),
                        step=step,
                        attempt=number,
                        cell_id=report.cell_id,
                        number=report.number,
                        total=report.total,
                    )
                )
            elif isinstance(report, Noted):
                self._note(step, report.text)

    def _ended(self, name: str, number: int, failure: Failure | None) -> None:
        now = time.time()
        self._attempts.pop((name, number), None)
        began = self._began.pop((name, number), now)
        outputs: dict[str, tuple[str, str]] = {}
        if self._machine.is_under_way(name, number):
            failure = self._look_at_result(name, began, now, failure)
            if failure is None and self._machine.is_under_way(name, number):
                outputs = self._keep(name, began, now - began)
                self._carry_out(self._fan_out(name) or ())
        self._rewind.ended(name, number)
        self._put_back()
        happened = AttemptEnded(name, number, now - began, failure, outputs)
        self._carry_out(self._machine.handle(happened, now))
        self._carry_out(self._rewind.take_put_off())

    def _look_at_result(self, name: str, began: float, ended: float, failure: Failure | None) -> Failure | None:
        """Read what the step said of itself, and make a better plan if it shows that this one was wrong."""
        if failure is not None and failure.kind == "error":
            self._doubt(name, began, ended)
        if failure is not None and failure.kind != "cannot-carry":
            return failure
        try:
            manifest = self.space.manifest(name)
        except EnvironmentFault as fault:
            return failure or Failure(kind="engine", message=fault.message, hint=fault.hint)
        if failure is not None:
            failure = with_sources(failure, name, self._plan, manifest)
        self._has_finished(name, Finished(manifest, began, ended))
        if self._machine.cancelled_by is None:
            self._refine()
        if failure is not None:
            self._finished.drop(name)
        return failure

    def _doubt(self, name: str, began: float, ended: float) -> None:
        """Another step may have written what it looked for, or will: then it ran too early, or that one did."""
        seen = self.space.seen_until_failure(name)
        if seen is not None:
            failed = Finished(seen, began, ended)
            self._finished.fail(name, failed)
            self._refiner.hear(failed)
            if self._machine.cancelled_by is None:
                self._refine()

    def _keep(self, name: str, began: float, seconds: float) -> dict[str, tuple[str, str]]:
        """Keep the result for later runs; returns what it saved, for people."""
        folder, step = self.space.folder, self._plan.step(name)
        if self._machine.cancelled_by is None or name in self._finished:
            other = self._neighbour_of_files(name)
            if other:
                self._note(
                    name, f"wrote files while run {other} of this notebook went on: later steps may read that run's"
                )
            why_not = self._cache.keep(
                step,
                self._keys[name],
                self.request.run_id,
                seconds,
                folder.manifest(name),
                folder.executed(name),
                self._finished.manifests,
                began if self._backend.secrets_here else self._drives_since,  # files may travel before a step begins
                f"run {other} went on at the same time" if other else "",
            )
            if why_not and step.options.cache:
                self._note(name, f"will run again next time: {why_not}")
        return self._finished[name].manifest.previews

    def _neighbour_of_files(self, name: str) -> str:
        """The run that may have written the same files as the step, if any: in pods, steps have files of their own."""
        observed = self._finished[name].manifest.observed
        if not (observed.writes or observed.deleted) or not self._backend.secrets_here:
            return ""
        return next(iter(self._neighbours.now()), "")

    def _refine(self) -> None:
        """Go on with a better plan when what was seen asks for one."""
        found = self._refiner.consider(self._plan, self._finished.seen(self._plan))
        if found is None:
            return
        if found.compiled is None:
            for sentence in found.because:
                step = list(self._finished)[-1]
                self._note(step, f"{sentence}; the plan has no order for that: results may differ from the notebook's")
            for name in found.again:
                self._results.drop(self._keys[name])
            return
        self._notebooks = found.compiled.notebooks
        self._carry_out(self._go_on_with(found.compiled.plan, found.because, found.again))

    def _go_on_with(self, plan: Plan, because: tuple[str, ...], again: frozenset[str] = frozenset()) -> list[Command]:
        """Another plan from here on, with the instances of lists that are known; results in `again` do not count."""
        before = self._keys
        keys = step_keys(plan, self.request.parameters, self._fingerprint)
        anew = self._entrusted.begins_anew(self._plan, plan, again)
        sure = {n: m for n, m in self._finished.manifests.items() if n not in again and before.get(n) == keys.get(n)}
        earlier, self._plan = self._plan, self._with_instances(plan, sure)
        self._keys = keys = step_keys(self._plan, self.request.parameters, self._fingerprint)
        stays = self._machine.stays_over if anew else self._machine.stays
        stay = kept(self._plan, keys, before, again, stays)
        while self._backend.secrets_here:  # elsewhere, steps have files of their own
            changed = self.space.changes(step.name for step in earlier.steps if step.name not in stay)
            saw = self._finished.ran_after(changed, stay)
            if not saw:
                break
            again |= saw
            stay = kept(self._plan, keys, before, again, stays)
        for name in again:
            self._results.drop(before.get(name, ""))
        in_use = [earlier.step(name).notebook for name in stay if name not in self._finished]
        if self._backend.secrets_here:
            self._undo([step.name for step in earlier.steps if step.name not in stay])
        self._finished.keep(stay)
        self.space.lay_out(CompiledPlan(plan=self._plan, notebooks=self._notebooks), in_use)
        self._tell_of_plan(because, stay)
        todo = orders(self.request, self._plan, keys, fresh=again)
        return self._machine.replan(todo, stay, time.time())

    def _undo(self, steps: list[str]) -> None:
        """Put back what these steps have changed, as soon as none of them runs any more."""
        self._rewind.add(steps, [attempt for attempt in self._attempts if attempt[0] in steps])
        for name in steps:
            self._finished.undo(name, self.space.changes([name]), time.time())
        self._put_back()

    def _put_back(self) -> None:
        """Have files be again what they were before steps ran too early. PlanError when that is not possible."""
        steps = self._rewind.take()
        lost = self.space.undo(steps) if steps else ()
        if lost:
            raise PlanError(
                f"{lost[0]} was changed by a step that ran before it was its turn, and what it was before is not kept",
                hint="put the file back and run again: the order is known now",
            )

    def _tell_of_plan(self, because: tuple[str, ...], kept: Iterable[str]) -> None:
        self._record(RunReplanned(at=time.time(), plan=to_values(self._plan), because=because, kept=tuple(kept)))

    def _fan_out(self, name: str) -> list[Command] | None:
        """Go on with instances of the steps that run for each element of what `name` has made; None: there are none."""
        if not self._plan.step(name).splits or self._machine.cancelled_by is not None:
            return None
        plan = self._with_instances(self._plan, self._finished.manifests)
        if plan == self._plan:
            return None
        return self._go_on_with(plan, fanout.told(self._plan, plan))

    def _with_instances(self, plan: Plan, manifests: Mapping[str, Manifest]) -> Plan:
        return fanout.with_instances(plan, manifests, self._divides, self._backend.most_instances)

    def _divides(self, step: PlanStep) -> bool:
        """Whether the step gets instances: not where a result of the whole may be taken from an earlier run."""
        if self.request.only is not None:
            return False
        if self._entrusted.has(step.name):  # its pilot does not ask
            return True
        usual = self.request.use_cache and self.request.start_from is None
        return not usual or self._cache.find(step, self._keys.get(step.name, ""), self._finished.manifests) is None

    # ---- the log ----

    def _note(self, step: str, text: str) -> None:
        self._record(StepNoted(at=time.time(), step=step, text=text))

    def _record(self, event: AnyEvent) -> None:
        self._events.append(event)

    def _flush(self) -> None:
        """Write what has happened in one transaction, then tell whoever watches."""
        events, self._events = self._events, []
        self._store.append(self.request.run_id, events)
        for event in events:
            self._on_event(event)
