"""A few threads that work off what they are given, and keep nobody from leaving.

Work here waits for a cluster and a store, which may hang for minutes. The threads of an executor are waited for when
the interpreter ends; these are not: whoever presses Ctrl-C while a store is dead leaves within seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

_Work = tuple[Callable[..., None], tuple[Any, ...]]


class Crew:
    """`size` threads. What is given must not raise."""

    def __init__(self, size: int, name: str) -> None:
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have `work` done by the next thread that is free."""
        self._queue.put((work, arguments))

    def close(self, patience: float) -> None:
        """Give up what was not begun; wait for what was, but not longer than `patience` seconds."""
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            pass
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + patience
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            work, arguments = given
            work(*arguments)
