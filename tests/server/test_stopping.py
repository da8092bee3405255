"""A request that comes while the server ends is told so: nothing is started for it, and nothing looks like a bug."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nb2flow.errors import EnvironmentFault
from nb2flow.server.analyst import Analyst, Head
from nb2flow.server.handlers import Handler


def test_no_process_is_started_for_an_analysis() -> None:
    async def ask() -> None:
        analyst = Analyst()
        analyst.stop()
        with pytest.raises(EnvironmentFault, match="the Jupyter server is stopping"):
            await analyst.analyse(Head(path="a.ipynb", revision=1, client="e"), b"{}", Path("a.ipynb"))

    asyncio.run(ask())


def test_no_thread_is_asked_for() -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    handler = cast(Any, SimpleNamespace(context=SimpleNamespace(threads=threads)))
    with pytest.raises(EnvironmentFault, match="the Jupyter server is stopping"):
        asyncio.run(Handler.apart(handler, len, "ab"))
