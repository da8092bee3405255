"""The contract of step backends, for steps in a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from executors.contract import *  # noqa: F403 - the tests
from executors.contract import World

from nb2flow.executors.kubernetes.backend import KubernetesBackend
from nb2flow.profiles import Profile


@pytest.fixture(scope="module")
def world(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    backend = KubernetesBackend(profile, {})
    yield World(backend, tmp_path_factory.mktemp("cluster"))
    backend.close()
