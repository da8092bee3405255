"""Ports of a pod as ports of this machine, for as long as somebody looks into it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

_CHUNK = 1 << 16


class Forwarding:
    """Each of `ports` is a port of this machine (`local`, by the pod's) that nobody else's machine reaches; `connect`
    opens a connection to the pod's. A connection that cannot be opened is closed, and `say` is told why."""

    def __init__(
        self, connect: Callable[[int], socket.socket], ports: Iterable[int], say: Callable[[str], None]
    ) -> None:
        self._connect = connect
        self._say = say
        self._listening = {port: socket.create_server(("127.0.0.1", 0)) for port in ports}
        self.local = {port: listening.getsockname()[1] for port, listening in self._listening.items()}
        for port, listening in self._listening.items():
            _begin(self._accept, port, listening)

    def __enter__(self) -> Forwarding:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for listening in self._listening.values():
            with contextlib.suppress(OSError):  # wakes the thread that accepts
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _accept(self, port: int, listening: socket.socket) -> None:
        while True:
            try:
                here, _ = listening.accept()
            except OSError:
                return
            _begin(self._join, port, here)

    def _join(self, port: int, here: socket.socket) -> None:
        try:
            there = self._connect(port)
        except Exception as error:  # noqa: BLE001 - the border: the client's libraries raise what they like
            self._say(f"the pod's port {port} cannot be reached: {error}")
            here.close()
            return
        _begin(_pump, there, here)
        _pump(here, there)


def _begin(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, name="nb2flow-forward", daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until one side is closed; then close both."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
