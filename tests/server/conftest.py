"""One Jupyter server for all tests of a module's worth of questions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter_server_process import Jupyter, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server that no test stops, below a base URL as a hub gives it."""
    root = tmp_path_factory.mktemp("server") / "root"
    root.mkdir()
    with serving(root, base="/user/somebody/") as running:
        yield running
