"""The process from which step processes are forked: papermill is imported once for a run, not once for a step.

Run as `python -m nb2flow.executors.forkserver FD`. Why not multiprocessing's forkserver: that one imports the caller's
main module again in each child (the whole command line, or a user's script without a main guard), hides import errors
of what it preloads, and starts a resource tracker besides. Ours reads requests from one socket (a task and the socket
on which the new process will talk), forks, and reaps. It never starts a thread or a kernel: that is what makes the
forks safe.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
from types import FrameType

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


def serve(channel: socket.socket) -> None:
    """Fork a process for each request until the other end closes the channel."""
    from nb2flow.executors import worker

    worker.preload()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        header, descriptors, _, _ = socket.recv_fds(channel, HEADER.size, 1)
        if len(header) < HEADER.size:
            header += receive_exactly(channel, HEADER.size - len(header))
        if len(header) < HEADER.size or not descriptors:
            return
        task = receive_exactly(channel, HEADER.unpack(header)[0])
        if os.fork() == 0:
            _be_worker(channel, descriptors[0], task)
        os.close(descriptors[0])


def _be_worker(channel: socket.socket, descriptor: int, task: bytes) -> None:
    """In the child: run the task and leave, whatever happens, without returning into the server's loop."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        channel.close()
        from nb2flow.executors import worker

        worker.run(socket.socket(fileno=descriptor), task)
        status = 0
    finally:
        os._exit(status)


def main(arguments: list[str]) -> None:
    """Serve on the socket with the descriptor that the command line names."""
    # A shell that runs us in the background has interrupts ignored, and kernels would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serve(socket.socket(fileno=int(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
