"""Ctrl-C, as a run wants it: the first asks it to stop, the second stops it at once, the third is Python's own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, signals that ask the process to end call `asked(1)`, then `asked(2)`.

    Only the main thread can be told of signals; elsewhere (in a server) this does nothing.
    """

    def __init__(self, asked: Callable[[int], None]) -> None:
        self._asked = asked
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # What our parent has us ignore (nohup, a shell's background job) stays ignored.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self._asked(self._count)
        if self._count >= 2:
            self._restore()
