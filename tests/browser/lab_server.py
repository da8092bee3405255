"""A real `jupyter lab` for the browser tests: started below a base address, with a token, on a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

BASE = "/hub/user/ada/"
_CLASSES = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes.jupyterlab-settings": {"adaptive-theme": False},
    "@jupyterlab/completer-extension/manager.jupyterlab-settings": {"autoCompletion": False},
}


def python() -> str:
    """The interpreter of the environment that holds the wheel: `NB2FLOW_LAB_PYTHON`, or else this one."""
    return os.environ.get("NB2FLOW_LAB_PYTHON", sys.executable)


@dataclass
class LabServer:
    """A server's process; `root` is the folder that it serves."""

    root: Path
    home: Path
    app: str = "lab"
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}{BASE}"

    def start(self) -> None:
        """Start it (again, on the same port) and wait until it answers."""
        for name, values in _SETTINGS.items():
            path = self.home / "settings" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(json.dumps(values))
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        environ = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "IPYTHONDIR": str(self.home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
        }
        command = [
            python(), "-m", "jupyter", self.app, "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", f"--ServerApp.base_url={BASE}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}", f"--{_CLASSES[self.app]}.expose_app_in_browser=True",
            *os.environ.get("NB2FLOW_LAB_OPTIONS", "").split(),
        ]  # fmt: skip
        log = (self.home / "server.log").open("ab")
        self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=self.root)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                self.get("api/status")
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError((self.home / "server.log").read_text()[-4000:])

    def get(self, path: str) -> bytes:
        """What the server answers to a request with the token."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as reply:
            return bytes(reply.read())

    def post(self, path: str, body: object) -> dict:  # type: ignore[type-arg]
        """The same for a request with a body, decoded: what somebody else does, not this browser."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=120) as reply:
            return dict(json.loads(reply.read() or b"{}"))

    def json(self, path: str) -> dict:  # type: ignore[type-arg]
        """The same, decoded."""
        return dict(json.loads(self.get(path)))

    def end_runs(self, folder: Path) -> None:
        """Cancel what still runs of the notebooks in a folder, and wait until it has ended: runs outlive the server."""
        path = folder.relative_to(self.root).as_posix()
        told: set[str] = set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.json(f"nb2flow/v1/runs?path={path}")["runs"]
            going = [run["run"] for run in found if run["status"] in ("created", "running")]
            if not going:
                return
            for run in going:
                if run not in told:
                    told.add(run)
                    self.post(f"nb2flow/v1/runs/{run}/cancel", None)
            time.sleep(0.2)
        raise RuntimeError(f"runs that do not end: {', '.join(told)}")

    def stop(self) -> None:
        """Stop it; runs that it started go on."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
