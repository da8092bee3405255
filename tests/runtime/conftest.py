"""Fixtures of the runtime's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runtime.stepping import Kernel, Steps


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


@pytest.fixture
def by_hand(tmp_path: Path) -> Steps:
    """The steps as a person runs them one by one, without an engine."""
    return Steps(tmp_path, engine=False)


@pytest.fixture
def kernel(steps: Steps) -> Iterator[Callable[[str], Kernel]]:
    """Starts kernels for steps, and stops them at the end of the test."""
    started: list[Kernel] = []

    def start(step: str) -> Kernel:
        started.append(Kernel(steps, step))
        return started[-1]

    yield start
    for running in started:
        running.stop()
