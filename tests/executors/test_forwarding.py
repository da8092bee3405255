"""Ports that are forwarded: what goes in comes out at the other end, both ways, until one side is closed."""

from __future__ import annotations

import socket
import threading

from nb2flow.executors.kubernetes.forwarding import Forwarding


def echoing(port: int) -> socket.socket:
    """A connection to somebody who says the port, and then what he hears."""
    ours, theirs = socket.socketpair()

    def talk() -> None:
        with theirs:
            theirs.sendall(f"{port}:".encode())
            while data := theirs.recv(100):
                theirs.sendall(data)

    threading.Thread(target=talk, daemon=True).start()
    return ours


def test_each_port_leads_to_its_own_and_ends_with_it() -> None:
    with Forwarding(echoing, (1001, 1002), print) as ports:
        for there, here in ports.local.items():
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", here), timeout=30) as client:
                    client.sendall(b"hello")
                    expected, heard = f"{there}:hello".encode(), b""
                    while len(heard) < len(expected):
                        heard += client.recv(100)
                    assert heard == expected
    for here in ports.local.values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", here))


def test_a_port_that_cannot_be_reached_is_told() -> None:
    said: list[str] = []

    def refuse(port: int) -> socket.socket:
        raise OSError("no such pod")

    with (
        Forwarding(refuse, (1001,), said.append) as ports,
        socket.create_connection(("127.0.0.1", ports.local[1001]), timeout=30) as client,
    ):
        assert client.recv(1) == b""
    assert said == ["the pod's port 1001 cannot be reached: no such pod"]
