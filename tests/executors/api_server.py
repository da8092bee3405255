"""A small API server, for what a real one does too seldom to wait for: it refuses, forgets, and tells late.

It keeps objects as it is given them, answers lists and watches as the real one does, and moves nothing: there are no
controllers, and pods are what a test says they are.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Value = dict[str, Any]


class ApiServer:
    """`refuse` is asked before each request and says the status to refuse it with, or 0; `on_list` is called with the
    kind when a list was made and before it is sent; lines in `garbage` are sent as changes of that kind, once
    each; `watches` counts those that were begun."""

    def __init__(self) -> None:
        self.refuse: Callable[[str, str], int] = lambda method, path: 0
        self.on_list: Callable[[str], None] = lambda kind: None
        self.garbage: dict[str, list[bytes]] = {}
        self.watches: Counter[str] = Counter()
        self.page = b""  # sent instead of any answer, where it is given
        self.oldest = 0  # the version from which watches can begin
        self.requests: list[tuple[str, str]] = []
        self._objects: dict[tuple[str, str], Value] = {}
        self._changes: list[tuple[int, str, str, Value]] = []
        self._version = 1
        self._news = threading.Condition()
        self._round = 0  # watches of an earlier one are ended

    def refuse_once(self, method: str) -> list[str]:
        """Refuse the next request of this method, and that alone; its path is then in the list."""
        refused: list[str] = []

        def refuse(asked: str, path: str) -> int:
            if asked == method and not refused:
                refused.append(path)
                return 503
            return 0

        self.refuse = refuse
        return refused

    def put(self, kind: str, value: Value) -> Value:
        """An object is new, or other."""
        with self._news:
            name = value["metadata"]["name"]
            what = "MODIFIED" if (kind, name) in self._objects else "ADDED"
            return self._change(kind, what, value)

    def remove(self, kind: str, name: str) -> None:
        """An object is gone."""
        with self._news:
            value = self._objects.pop((kind, name))
            self._change(kind, "DELETED", value)

    def names(self, kind: str) -> list[str]:
        """What there is of a kind."""
        with self._news:
            return [name for (its, name) in self._objects if its == kind]

    def one(self, kind: str) -> Value:
        """The one object of a kind."""
        with self._news:
            (found,) = [value for (its, _), value in self._objects.items() if its == kind]
            return found

    def forget(self) -> None:
        """Nobody can go on with a watch that began before now."""
        with self._news:
            self._version += 1
            self.oldest = self._version
            self._round += 1
            self._news.notify_all()

    def _change(self, kind: str, what: str, value: Value) -> Value:
        self._version += 1
        value = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self._version)}}
        if what != "DELETED":
            self._objects[kind, value["metadata"]["name"]] = value
        self._changes.append((self._version, kind, what, value))
        self._news.notify_all()
        return value

    # ---- answers ----

    def answer(self, method: str, path: str, query: Value, body: Value) -> tuple[int, Value]:
        *_, kind, name = path.rsplit("/", 2)
        if method == "POST":
            kind, name = name, body["metadata"]["name"]
            with self._news:
                if (kind, name) in self._objects:
                    return 409, {"message": f"{kind} {name} already exists"}
            return (201, body) if query.get("dryRun") else (201, self.put(kind, body))
        if method == "GET" and kind in ("jobs", "pods", "workflows"):
            with self._news:
                found = self._objects.get((kind, name))
            return (200, found) if found else (404, {"message": f"{kind} {name} not found"})
        if method == "GET":
            kind = name
            with self._news:
                items = [value for (its, _), value in self._objects.items() if its == kind]
                version = str(self._version)
            self.on_list(kind)
            return 200, {"items": items, "metadata": {"resourceVersion": version}}
        if method == "DELETE":
            self.remove(kind, name)
        if method == "PATCH":
            with self._news:
                there = self._objects[kind, name]
            self.put(kind, {**there, "spec": {**there["spec"], **body["spec"]}})
        return 200, {}

    def changes(self, kind: str, since: int) -> Iterator[bytes]:
        """What a watch says, until it is ended."""
        with self._news:
            began = self._round
            self.watches[kind] += since >= self.oldest
        while True:
            with self._news:
                if since < self.oldest:
                    yield json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}).encode()
                    return
                if self._round != began:
                    return
                lines = self.garbage.pop(kind, [])
                for version, its, what, value in self._changes:
                    if its == kind and version > since:
                        since = version
                        lines.append(json.dumps({"type": what, "object": value}).encode())
                if not lines:
                    self._news.wait(0.2)
            yield from lines

    def stop(self) -> None:
        """End all watches."""
        with self._news:
            self._round += 1
            self._news.notify_all()


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._do("GET")

        def do_POST(self) -> None:
            self._do("POST")

        def do_PATCH(self) -> None:
            self._do("PATCH")

        def do_DELETE(self) -> None:
            self._do("DELETE")

        def log_message(self, format: str, *args: Any) -> None:
            return

        def _do(self, method: str) -> None:
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            server.requests.append((method, split.path))
            refused = server.refuse(method, split.path)
            if server.page:
                self._send(200, server.page)
            elif refused:
                self._send(refused, json.dumps({"message": "not now"}).encode())
            elif query.get("watch"):
                self._watch(split.path.rpartition("/")[2], int(query["resourceVersion"]))
            else:
                status, value = server.answer(method, split.path, query, body)
                self._send(status, json.dumps(value).encode())

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _watch(self, kind: str, since: int) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in server.changes(kind, since):
                self.wfile.write(f"{len(line) + 1:x}\r\n".encode() + line + b"\n\r\n")
            self.wfile.write(b"0\r\n\r\n")

    return Handler


@contextmanager
def serving(kubeconfig: Path) -> Iterator[ApiServer]:
    """A server, and a kubeconfig for it at this path."""
    server = ApiServer()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    given = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{listening.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(yaml.safe_dump(given))
    try:
        yield server
    finally:
        server.stop()
        listening.shutdown()
        listening.server_close()
