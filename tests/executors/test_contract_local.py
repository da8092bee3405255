"""The contract of step backends, for steps on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from executors.contract import *  # noqa: F403 - the tests
from executors.contract import World

from nb2flow.executors.local import LocalBackend


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    backend = LocalBackend()
    yield World(backend, tmp_path_factory.mktemp("local"))
    backend.close()
