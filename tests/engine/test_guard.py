"""The guard: what is seen against what was planned. Pure values."""

from __future__ import annotations

from typing import Any

import pytest
from engine.pipelines import S, compiled

from nb2flow.engine.guard import Finished, judge, may_have_failed_by_order
from nb2flow.engine.refine import MOST_REPLANS, Refiner
from nb2flow.errors import PlanError
from nb2flow.flow.model import Observations
from nb2flow.plan.model import CompiledPlan, Plan
from nb2flow.runs.manifest import Manifest, Observed, Problem


def plan(*steps: S, **more: Any) -> Plan:
    return compiled(*steps, **more).plan


def seen(began: float | None = None, ended: float | None = None, **observed: Any) -> Finished:
    problems = observed.pop("problems", ())
    return Finished(Manifest(observed=Observed(**observed), problems=problems), began, ended)


A, B, B_AFTER_A = S("a", ["1"]), S("b", ["2"]), S("b", ["2"], after=("a",))


def test_a_plan_that_was_right_gives_no_verdict() -> None:
    finished = {"a": seen(writes=("f",), reads=("g",)), "b": seen(reads=("f", "g"))}
    assert judge(plan(A, B_AFTER_A), finished) is None


@pytest.mark.parametrize(
    ("first", "second", "kinds", "again"),
    [
        ({"writes": ("f",)}, {"reads": ("f",)}, ("writes", "reads"), {"b"}),
        ({"writes": ("f",)}, {"writes": ("f",)}, ("writes", "writes"), {"b"}),
        ({"deleted": ("f",)}, {"reads": ("f",)}, ("writes", "reads"), {"b"}),
        ({"reads": ("f",)}, {"writes": ("f",)}, ("reads", "writes"), {"a", "b"}),
        ({"reads": ("f",), "writes": ("f",)}, {"writes": ("f",)}, ("writes", "writes"), {"a", "b"}),
        ({"writes": ("d/f",)}, {"reads": ("d/",)}, ("writes", "reads"), {"b"}),
        ({"reads": ("./",)}, {"writes": ("f",)}, ("reads", "writes"), {"a", "b"}),
    ],
)
def test_a_file_that_unordered_steps_touch_is_told_and_what_ran_at_once_runs_again(
    first: Any, second: Any, kinds: tuple[str, str], again: set[str]
) -> None:
    verdict = judge(plan(A, B), {"a": seen(0.0, 2.0, **first), "b": seen(1.0, 3.0, **second)})
    assert verdict is not None
    expected: dict[str, set[tuple[str, str]]] = {"reads": set(), "writes": set()}
    name = next(iter((*second.get("reads", ()), *second.get("writes", ()))))
    name = "./" if first.get("reads") == ("./",) else name
    expected[kinds[0]].add(("a-c0", name))
    expected[kinds[1]].add(("b-c0", name))
    assert (verdict.observations.reads, verdict.observations.writes) == (expected["reads"], expected["writes"])
    assert verdict.again == again
    in_order = judge(plan(A, B), {"a": seen(0.0, 1.0, **first), "b": seen(1.0, 3.0, **second)})
    assert in_order is not None
    assert in_order.again == frozenset()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"reads": ("f",)}, {"reads": ("f",)}),
        ({"writes": ("d/f",)}, {"writes": ("d/g",)}),
        ({"reads": ("d/",)}, {"reads": ("d/",)}),
        ({"writes": ("f",)}, {}),
    ],
)
def test_steps_that_do_not_disturb_each_other_are_left_alone(first: Any, second: Any) -> None:
    assert judge(plan(A, B), {"a": seen(0.0, 2.0, **first), "b": seen(1.0, 3.0, **second)}) is None


def test_a_path_of_the_plan_may_lead_through_other_steps() -> None:
    steps = (A, S("m", ["1"], after=("a",)), S("b", ["2"], {"m": ("x",)}))
    assert judge(plan(*steps), {"a": seen(writes=("f",)), "b": seen(reads=("f",))}) is None


@pytest.mark.parametrize("resource", ["process:cwd", "process:environ", "process:syspath", "process:config"])
def test_a_resource_changed_unforeseen_is_told_unless_nothing_comes_after(resource: str) -> None:
    verdict = judge(plan(A, B), {"a": seen(changed=(resource,))})
    assert verdict is not None
    assert verdict.observations == Observations(changes=frozenset({("a-c0", resource)}))
    assert judge(plan(A, B), {"b": seen(changed=(resource,))}) is None
    assert judge(plan(S("a", ["1"], changes=(resource,)), B), {"a": seen(changed=(resource,))}) is None


def test_random_numbers_matter_only_where_they_are_seeded_and_drawn_again() -> None:
    drawn = {"a": seen(changed=("rng:numpy",)), "b": seen(changed=("rng:numpy",))}
    assert judge(plan(A, B), drawn) is None
    seeding = S("b", ["1"], changes=("rng:numpy",))
    assert judge(plan(A, seeding, watch=("rng:numpy",)), {"a": drawn["a"]}) is None
    verdict = judge(plan(A, B, watch=("rng:numpy",)), drawn)
    assert verdict is not None
    assert verdict.observations.changes == {("a-c0", "rng:numpy"), ("b-c0", "rng:numpy")}


def test_a_step_that_alone_draws_unforeseen_is_told_where_the_numbers_were_seeded_before_it() -> None:
    drawn = {"b": seen(changed=("rng:numpy",))}
    seeding = S("a", ["1"], changes=("rng:numpy",))
    for one in (plan(A, B, watch=("rng:numpy",)), plan(seeding, B, watch=("rng:numpy",))):  # by set-up, or by a step
        verdict = judge(one, drawn)
        assert verdict is not None
        assert verdict.observations.changes == {("b-c0", "rng:numpy")}
    assert judge(plan(seeding, B), drawn) is None


def test_steps_that_draw_one_after_the_other_are_not_too_many_changes_of_the_plan() -> None:
    steps = [S(f"s{i}", ["1"]) for i in range(2 * MOST_REPLANS)]
    now = plan(*steps, watch=("rng:numpy",))
    asked: list[Observations] = []

    def replan(observations: Observations) -> CompiledPlan:
        asked.append(observations)
        return compiled(*steps, watch=("rng:numpy", f"rng:{len(asked)}"))

    refiner = Refiner(replan)
    finished = {}
    for step in steps:
        finished[step.name] = seen(changed=("rng:numpy",))
        refiner.hear(finished[step.name])
        assert refiner.consider(now, finished) is not None
    assert len(asked) == len(steps)


def test_what_cannot_be_carried_is_told_of_the_step_that_made_it() -> None:
    steps = (A, S("b", ["2"], {"a": ("x",)}))
    saving = judge(plan(*steps), {"a": seen(problems=(Problem(name="x", kind="unpicklable"),))})
    loading = judge(plan(*steps), {"b": seen(problems=(Problem(name="x", kind="unloadable"),))})
    missing = judge(plan(*steps), {"b": seen(problems=(Problem(name="x", kind="missing-input"),))})
    assert saving is not None
    assert loading is not None
    assert saving.observations == loading.observations == Observations(uncarryable=frozenset({("a-c0", "x")}))
    assert missing is None


def test_the_plan_is_asked_for_once_for_each_thing_seen_and_not_without_end() -> None:
    asked: list[Observations] = []

    def replan(observations: Observations) -> CompiledPlan:
        asked.append(observations)
        return compiled(A, B, watch=(f"rng:{len(asked)}",))

    refiner, now = Refiner(replan), plan(A, B)
    for i in range(MOST_REPLANS):
        finished = {"a": seen(writes=(f"f{i}",)), "b": seen(reads=(f"f{i}",))}
        for one in finished.values():
            refiner.hear(one)
        refined = refiner.consider(now, finished)
        assert refined is not None
        assert refined.compiled is not None
        now = refined.compiled.plan
        assert refiner.consider(now, finished) is None
        for one in finished.values():
            refiner.hear(one)
        assert refiner.consider(now, finished) is None
    assert len(asked[-1].writes) == MOST_REPLANS
    finished = {"a": seen(writes=("last",)), "b": seen(reads=("last",))}
    refiner.hear(seen())
    assert refiner.consider(now, finished) is None  # nobody said that these had finished
    refiner.hear(finished["a"])
    with pytest.raises(PlanError, match="more than 5 times in one run: step a writes last, which step b reads"):
        refiner.consider(now, finished)


def test_a_plan_that_cannot_be_bettered_is_said_to_be_so() -> None:
    refined = Refiner(lambda o: compiled(A, B)).consider(
        plan(A, B), {"a": seen(writes=("f",)), "b": seen(reads=("f",))}
    )
    assert refined is not None
    assert refined.compiled is None


def test_a_folder_that_was_emptied_had_all_files_in_it() -> None:
    emptied, reads = {"deleted": ("d", "d/")}, {"looked": ("d/e/f",)}
    verdict = judge(plan(A, B), {"a": seen(0.0, 2.0, **emptied), "b": seen(1.0, 3.0, **reads)})
    assert verdict is not None
    assert verdict.again == {"b"}
    assert verdict.because == ("step a writes d/e/f, which step b reads",)
    verdict = judge(plan(A, B), {"a": seen(0.0, 2.0, **reads), "b": seen(1.0, 3.0, **emptied)})
    assert verdict is not None
    assert verdict.again == {"a", "b"}
    assert judge(plan(A, B), {"a": seen(deleted=("d", "d/")), "b": seen(looked=("data",))}) is None


@pytest.mark.parametrize(
    ("first", "second", "failed", "doubtful"),
    [
        (seen(0.0, 2.0, writes=("f",)), seen(1.0, 1.5, reads=("f",)), "b", True),
        (seen(0.0, 1.0, writes=("f",)), seen(1.0, 1.5, reads=("f",)), "b", False),
        (seen(0.0, 2.0, writes=("g",)), seen(1.0, 1.5, reads=("f",)), "b", False),
        (seen(1.0, 2.0, reads=("f",)), seen(0.0, 1.5, deleted=("f",)), "b", True),
        (seen(1.0, 2.0, reads=("f",)), seen(0.0, 0.5, deleted=("f",)), "a", True),
        (seen(0.0, 1.0, reads=("f",)), seen(1.0, 1.5, deleted=("f",)), "a", False),
        (seen(0.0, 2.0, writes=("f",)), seen(1.0, 1.5, reads=("f",)), "a", False),
    ],
)
def test_a_step_may_have_failed_since_the_order_was_wrong(
    first: Finished, second: Finished, failed: str, doubtful: bool
) -> None:
    both = {"a": first, "b": second}
    one = both.pop(failed)
    assert may_have_failed_by_order(plan(A, B), failed, one, both) is doubtful
