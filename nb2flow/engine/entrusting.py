"""Steps that a pilot goes through by itself: which of a run's steps it has, and when it has to be given others.

The engine starts steps in its own reckoning all the same, and judges each result as it does everywhere; so a plan that
turns out to be wrong is made again, and what is left of the better one is entrusted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from nb2flow.engine.ports import Pilot, StepTask
from nb2flow.plan.expand import author_step, collapsed, instances
from nb2flow.plan.model import Plan, PlanStep


class Entrusted:
    """What the pilot of one run has; nothing, where there is no pilot."""

    def __init__(self, pilot: Pilot | None) -> None:
        self._pilot = pilot
        self._steps: Collection[str] = ()
        self._wanted = False

    def adopt(self, run_id: str) -> None:
        """Take over what an earlier process of this run entrusted."""
        if self._pilot is not None:
            self._steps = frozenset(self._pilot.adopt(run_id))

    def has(self, step: str) -> bool:
        """Whether the pilot goes through this step (or, of an instance, the step that it is of)."""
        return step in self._steps or author_step(step) in self._steps

    def starts(self, step: str) -> None:
        """The step has been started."""
        self._wanted |= self._pilot is not None and not self.has(step)

    def begins_anew(self, before: Plan, after: Plan, again: Collection[str]) -> bool:
        """Whether another plan makes what was entrusted worthless; if so, the pilot has nothing any more."""
        if self._pilot is None or (not again and collapsed(before) == collapsed(after)):
            return False
        self._steps = ()
        return True

    def see_to(
        self,
        plan: Plan,
        under_way: Collection[str],
        is_open: Callable[[str], bool],
        task: Callable[[PlanStep], StepTask],
        jobs: int,
    ) -> bool:
        """Entrust all that is left, when a step was started that the pilot does not have and none that it has is under
        way. Returns whether that was done."""
        if self._pilot is None or not self._wanted or any(map(self.has, under_way)):
            return False
        # Where one instance has failed, what puts them together waits in vain, and the others are to run all the same.
        left = [s for s in plan.steps if s.element is None and any(map(is_open, (s.name, *instances(s))))]
        done = frozenset(step.name for step in plan.steps if step.element is not None and not is_open(step.name))
        self._pilot.undertake(plan, [task(step) for step in left], jobs, done)
        self._steps = frozenset(step.name for step in left)
        self._wanted = False
        return True
