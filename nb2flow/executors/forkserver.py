"""The process from which step processes are forked: papermill is imported once for a run, not once for a step.

Run as `python -m nb2flow.executors.forkserver FD`; with `once` it is itself the process of the one step that it is
told, as in a pod. Why not multiprocessing's forkserver: that one imports the caller's main module again in each child
(the whole command line, or a user's script without a main guard), hides import errors of what it preloads, and starts a
resource tracker besides. Ours reads requests from one socket (a task, the socket on which the new process will talk and
perhaps one to have a kernel from), forks, and reaps. It never starts a thread or a kernel: that is what makes the forks
safe.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
from types import FrameType, ModuleType

HEADER = struct.Struct("!Q")


def receive_exactly(channel: socket.socket, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the stream."""
    pieces = []
    while size:
        piece = channel.recv(min(size, 1 << 20))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _reap(number: int, frame: FrameType | None) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


# What jsonschema imports, where it is installed, to check formats that no schema of a notebook has ("iri", "duration").
_FORMATS = (
    "rfc3987_syntax",
    "rfc3987",
    "rfc3986_validator",
    "rfc3339_validator",
    "isoduration",
    "fqdn",
    "uri_template",
)


def _load_worker() -> ModuleType:
    """The worker, with all that a step needs imported, and without what none needs.

    rfc3987_syntax builds a parser: two thirds of what papermill costs, and several seconds where the interpreter's
    stack of frames lies so that each call of the parser's generator takes a page from the system and gives it back.
    """
    spared = [name for name in _FORMATS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(spared))  # type: ignore[arg-type]  # as if they were not installed
    try:
        from nb2flow.executors import worker

        worker.preload()
    finally:
        for name in spared:
            del sys.modules[name]
    return worker


def serve(channel: socket.socket) -> None:
    """Fork a process for each request until the other end closes the channel."""
    _load_worker()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        header, descriptors, _, _ = socket.recv_fds(channel, HEADER.size, 2)
        if len(header) < HEADER.size:
            header += receive_exactly(channel, HEADER.size - len(header))
        if len(header) < HEADER.size or not descriptors:
            return
        task = receive_exactly(channel, HEADER.unpack(header)[0])
        if os.fork() == 0:
            _be_worker(channel, descriptors, task)
        for descriptor in descriptors:
            os.close(descriptor)


def _be_worker(channel: socket.socket, descriptors: list[int], task: bytes) -> None:
    """In the child: run the task and leave, whatever happens, without returning into the server's loop."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        channel.close()
        from nb2flow.executors import worker

        connection, *kernels = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        worker.run(connection, task, *kernels)
        status = 0
    finally:
        os._exit(status)


def _run_one(channel: socket.socket) -> None:
    """Be the worker of the one step that will be named: import first, then wait for it."""
    worker = _load_worker()
    header = receive_exactly(channel, HEADER.size)
    if len(header) == HEADER.size:
        worker.run(channel, receive_exactly(channel, HEADER.unpack(header)[0]))


def main(arguments: list[str]) -> None:
    """Serve on the socket with the descriptor that the command line names."""
    # A shell that runs us in the background has interrupts ignored, and kernels would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    channel = socket.socket(fileno=int(arguments[0]))
    if arguments[1:] == ["once"]:
        _run_one(channel)
    else:
        serve(channel)


if __name__ == "__main__":
    main(sys.argv[1:])
