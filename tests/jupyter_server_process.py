"""A real Jupyter server in a process of its own, and a client that speaks to it as a browser or a script would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PATIENCE = 90.0


@dataclass
class Answer:
    """A response: status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


@dataclass
class Jupyter:
    """A server on `root`. It can be stopped and started again on the same port."""

    root: Path
    base: str = "/"
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()

    def start(self) -> Jupyter:
        """Start it and wait until it answers."""
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = int(probe.getsockname()[1])
        self.log = self.root.parent / f"jupyter-{self.port}.log"
        words = [
            "--no-browser", "--allow-root", f"--port={self.port}", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.base_url={self.base}", "--ServerApp.port_retries=0", "--ServerApp.log_level=WARN",
            "--ServerApp.jpserver_extensions={'nb2flow.server': True}", *self.options,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.root,
                env={**os.environ, "JUPYTER_TOKEN": self.token, "JPY_SECRET": "of-jupyter-alone", **self.environ},
                start_new_session=True,
            )
        wait_for(lambda: self._answers())
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.log.read_text()}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/engines").status == 200
        return False

    def stop(self, sign: int = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(sign)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        token: str | None = "",
        raw: bytes | None = None,
    ) -> Answer:
        """One request below `/nb2flow/v1`; `token` None sends none, "" the right one."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"token {token or self.token}")
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request(method, f"{self.base.rstrip('/')}/nb2flow/v1{path}", data, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Answer:
        """A GET request."""
        return self.request("GET", path + (f"?{urllib.parse.urlencode(query)}" if query else ""))

    def post(self, path: str, body: Any = None) -> Answer:
        """A POST request."""
        return self.request("POST", path, body)

    def run(self, path: str, content: dict[str, Any], **more: Any) -> str:
        """Start a run and give its id."""
        answer = self.post("/runs", {"path": path, "content": content, **more})
        assert answer.status == 201, answer.json
        return str(answer.json["run"])

    def ended(self, run: str, *statuses: str) -> Any:
        """The run, once it has ended (with one of the statuses, if any are named)."""
        wait_for(lambda: self.get(f"/runs/{run}").json["summary"]["status"] not in ("created", "running"))
        found = self.get(f"/runs/{run}").json
        assert not statuses or found["summary"]["status"] in statuses, found
        return found


def wait_for(condition: Any, seconds: float = _PATIENCE) -> Any:
    """The first true value of the condition; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


@contextlib.contextmanager
def serving(root: Path, **more: Any) -> Iterator[Jupyter]:
    """A server for as long as the body runs."""
    server = Jupyter(root, **more)
    try:
        yield server.start()
    finally:
        server.stop()


def notebook(*cells: tuple[str, str] | str, kernel: str = "python3") -> dict[str, Any]:
    """A notebook document: cells as source, or as (tag, source)."""
    made = []
    for number, cell in enumerate(cells):
        tag, source = ("", cell) if isinstance(cell, str) else cell
        kind = "markdown" if source.startswith("#") and not tag else "code"
        value: dict[str, Any] = {
            "cell_type": kind, "id": f"cell-{number}", "metadata": {"tags": [tag]} if tag else {}, "source": source
        }  # fmt: skip
        if kind == "code":
            value |= {"execution_count": None, "outputs": []}
        made.append(value)
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


def edited(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells of a document as an editor sends them."""
    return [
        {
            "id": c["id"], "kind": c["cell_type"], "source": c["source"], "tags": c["metadata"].get("tags", []),
            "nb2flow": c["metadata"].get("nb2flow"),
        }
        for c in document["cells"]
    ]  # fmt: skip
