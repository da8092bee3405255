"""Moves, splits and merges on generated pairs: precision at least 0.95, recall at least 0.9."""

from __future__ import annotations

import random

from diff.arranging import Score, generate


def test_moves_splits_and_merges_are_found() -> None:
    score = Score()
    for seed in range(400):
        score.add(*generate(random.Random(seed)))
    assert score.counts["moves true"] > 300
    assert score.counts["splits true"] > 60
    assert score.counts["merges true"] > 60
    for what in ("moves", "splits", "merges"):
        assert score.precision(what) >= 0.95, what
        assert score.recall(what) >= 0.9, what
