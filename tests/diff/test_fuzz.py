"""No JSON, however broken, makes a traceback: a few seconds of it here, longer with `benchmarks/diff/fuzz.py`."""

from __future__ import annotations

import random

import pytest
from diff.fuzzing import damaged, survive


@pytest.mark.parametrize("seed", range(8))
def test_damaged_notebooks_are_compared_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    readable = sum(survive(damaged(chance), damaged(chance), damaged(chance)) for _ in range(150))
    assert readable > 30  # the damage must leave something to compare
