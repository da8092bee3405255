"""Steps in processes of their own, with the runtime copied beside them as an engine would do it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nb2flow.runtime.bundle import PACKAGE, runtime_files

ALIAS = "import nb2flow_runtime as _nb2flow\n"


class Steps:
    """Runs steps one after the other; `engine` tells whether they get a context or run as a person runs them."""

    def __init__(self, folder: Path, engine: bool = True) -> None:
        self.folder = folder
        self.engine = engine
        self.home = folder / "project"
        self.store = folder / "store"
        self.runtime = folder / "steps"
        self.manifests: dict[str, Path] = {}
        self.home.mkdir(parents=True)
        (self.runtime / PACKAGE).mkdir(parents=True)
        for name, content in runtime_files().items():
            (self.runtime / PACKAGE / name).write_bytes(content)

    def script(
        self,
        step: str,
        code: str,
        save: list[str],
        load: dict[str, list[str]],
        state: list[str],
        setup: str,
        kept: dict[str, list[str]] | None = None,
    ) -> str:
        home = "../project"
        return "\n".join(
            [
                f"{ALIAS}_nb2flow.start({step!r}, home={home!r}, state={state!r})",
                setup,
                f"{ALIAS}_nb2flow.load({load!r})",
                code,
                f"{ALIAS}_nb2flow.save({save!r}, **{kept or {}!r})",
            ]
        )

    def environment(self, step: str) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if k != "NB2FLOW_CONTEXT"}
        environment["PYTHONHASHSEED"] = "0"
        environment["PYTHONPATH"] = str(self.runtime)
        if self.engine:
            self.manifests[step] = self.folder / f"{step}.manifest.json"
            context = self.folder / f"{step}.context.json"
            context.write_text(
                json.dumps(
                    {
                        "version": 1,
                        "store": str(self.store),
                        "manifest": str(self.manifests[step]),
                        "inputs": {name: str(path) for name, path in self.manifests.items() if name != step},
                        "home": str(self.home),
                    }
                )
            )
            environment["NB2FLOW_CONTEXT"] = str(context)
        else:
            self.manifests[step] = self.runtime / "artifacts" / f"{step}.json"
        return environment

    def run(
        self,
        step: str,
        code: str,
        save: list[str] | None = None,
        load: dict[str, list[str]] | None = None,
        state: list[str] | None = None,
        setup: str = "",
        fails: bool = False,
        kept: dict[str, list[str]] | None = None,
    ) -> str:
        """What the step printed; with `fails` the end of its standard error instead."""
        path = self.runtime / f"{step}.py"
        path.write_text(self.script(step, code, save or [], load or {}, state or [], setup, kept))
        done = self.execute(path, self.environment(step))
        if fails:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def execute(self, path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, path], env=environment, cwd=self.runtime, capture_output=True, text=True)

    def manifest(self, step: str) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.manifests[step].read_text())
        return result

    def blob(self, step: str, name: str) -> Path:
        digest = self.manifest(step)["outputs"][name]["blob"]
        base = self.store if self.engine else self.runtime / "artifacts"
        return base / "blobs" / digest[:2] / digest


class Kernel:
    """A real ipykernel that runs cells; `outputs` of a cell are its iopub messages of the kinds that are shown."""

    def __init__(self, steps: Steps, step: str) -> None:
        from jupyter_client.manager import start_new_kernel

        environment = steps.environment(step)
        environment["IPYTHONDIR"] = str(steps.folder / "ipython")
        self.manager, self.client = start_new_kernel(env=environment, cwd=str(steps.runtime))

    def run(self, code: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def keep(message: dict[str, Any]) -> None:
            kind = message["msg_type"]
            if kind in ("stream", "display_data", "execute_result", "error", "update_display_data"):
                found.append({"type": kind, **message["content"]})

        self.client.execute_interactive(code, timeout=60, output_hook=keep)
        return found

    def text(self, code: str) -> str:
        """What a cell printed or returned, as text; errors fail the test."""
        outputs = self.run(code)
        assert not [o for o in outputs if o["type"] == "error"], outputs
        return "".join(o.get("text") or o["data"]["text/plain"] for o in outputs).strip()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
