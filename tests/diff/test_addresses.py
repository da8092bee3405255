"""Notebooks behind addresses, from a server of this machine."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from diff.conftest import Run

from nb2flow.cli.diff_fetch import raw_address


@pytest.fixture
def server(files: tuple[Path, Path]) -> Iterator[str]:
    """A web server on this machine that serves the two files."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    def handler(*arguments: object, **options: object) -> Handler:
        return Handler(*arguments, directory=str(files[0].parent), **options)  # type: ignore[arg-type]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:  # type: ignore[arg-type]
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_addresses(files: tuple[Path, Path], nbdiff: Run, server: str) -> None:
    assert nbdiff(files[0], f"{server}/b.ipynb")[0] == 1
    assert nbdiff(f"{server}/a.ipynb", files[0])[0] == 0
    status, _, err = nbdiff(files[0], f"{server}/none.ipynb")
    assert status == 2
    assert "the server answers 404" in err
    (files[0].parent / "größe 1.ipynb").write_bytes(files[1].read_bytes())
    assert nbdiff(f"{server}/größe 1.ipynb", files[1]) == (0, "", "")
    assert nbdiff(f"{server}/gr%C3%B6%C3%9Fe%201.ipynb", files[1]) == (0, "", "")
    (files[0].parent / "login.html").write_text("<!doctype html><p>Who are you?")
    assert "is a web page, no notebook" in nbdiff(f"{server}/login.html", files[1])[2]
    assert "cannot be reached: Invalid IPv6 URL" in nbdiff("http://[bad/a.ipynb", files[1])[2]


def test_addresses_of_pages_lead_to_the_file() -> None:
    assert raw_address("https://github.com/o/r/blob/main/a.ipynb") == "https://github.com/o/r/raw/main/a.ipynb"
    assert raw_address("https://gitlab.com/g/s/r/-/blob/v1/a.ipynb") == "https://gitlab.com/g/s/r/-/raw/v1/a.ipynb"
    assert raw_address("https://example.org/a.ipynb") == "https://example.org/a.ipynb"


def test_an_answer_that_is_no_http_is_told(files: tuple[Path, Path], nbdiff: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"nonsense\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        status, out, err = nbdiff(files[0], f"http://127.0.0.1:{listening.getsockname()[1]}/b.ipynb")
        thread.join()
    assert (status, out) == (2, "")
    assert "cannot be reached" in err
