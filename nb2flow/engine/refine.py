"""A better plan in mid-run: what finished steps showed is given to whoever can plan, a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nb2flow.engine.guard import Finished, judge
from nb2flow.errors import PlanError
from nb2flow.flow.model import Observations
from nb2flow.plan.expand import collapsed
from nb2flow.plan.model import CompiledPlan, Plan

MOST_REPLANS = 5

Replan = Callable[[Observations], CompiledPlan]


@dataclass(frozen=True, slots=True)
class Refined:
    """The better plan (None: there is none to be had), why, and the steps whose results cannot be trusted."""

    compiled: CompiledPlan | None
    because: tuple[str, ...]
    again: frozenset[str]


class Refiner:
    """Asks `replan` for a plan that fits all that was seen in this run."""

    def __init__(self, replan: Replan | None) -> None:
        self._replan = replan
        self._seen = Observations()
        self._count = 0
        self._judged: Plan | None = None
        self._something_new = False

    def hear(self, finished: Finished) -> None:
        """Another step has finished. Most show nothing that a plan could be wrong about, and need no judgement."""
        self._something_new |= finished.shows_something

    def consider(self, plan: Plan, finished: Mapping[str, Finished]) -> Refined | None:
        """What to do about what the finished steps show; None when it is nothing new.

        PlanError when the plan had to be changed too often.
        """
        if plan is self._judged and not self._something_new:
            return None
        self._judged, self._something_new = plan, False
        verdict = judge(plan, finished)
        if verdict is None:
            return None
        seen = self._seen | verdict.observations
        if seen == self._seen:
            return None
        known, self._seen = self._seen, seen
        if self._replan is None:
            return Refined(None, verdict.because, verdict.again)
        if not _only_draws(known, seen):  # each step that draws is told at most once, and none before it has run
            self._count += 1
        if self._count > MOST_REPLANS:
            raise PlanError(
                f"the plan had to be changed more than {MOST_REPLANS} times in one run: " + "; ".join(verdict.because),
                hint="say the order with `after:` tags, or run it as one step with `--split whole`",
            )
        compiled = self._replan(seen)
        unchanged = compiled.plan == collapsed(plan)
        return Refined(None if unchanged else compiled, verdict.because, verdict.again)


def _only_draws(known: Observations, seen: Observations) -> bool:
    """Whether nothing new was seen but that steps draw random numbers."""
    new = seen.changes - known.changes
    return all(resource.startswith("rng:") for _, resource in new) and seen == known | Observations(changes=new)
