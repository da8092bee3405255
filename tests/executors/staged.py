"""Steps staged in a store and run by the pod's own entry point, in a process of this machine: no cluster needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from engine.pipelines import S, compiled, request

from nb2flow.engine.request import ancestors
from nb2flow.engine.workspace import Workspace
from nb2flow.executors.pods.staging import Stager
from nb2flow.executors.pods.store import Store
from nb2flow.pods.contract import EndedDocument, Progress, TaskFolder, task_folder


class Staged:
    """The steps of a plan, staged one by one; manifests lie where they lie in a run that drives itself."""

    def __init__(
        self, folder: Path, url: str, *steps: S, files: Mapping[str, Path] | None = None, requirements: str = ""
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.url = folder, url
        self.request = request(folder, compiled(*steps))
        self.space = Workspace(self.request)
        self.space.home.create()
        self.space.folder.create()
        self.space.lay_out(self.request.compiled)
        self.store = Store(url)
        self.stager = Stager(self.store, files or {}, requirements=requirements)
        self.plan = self.request.compiled.plan

    def place(self, name: str) -> TaskFolder:
        return task_folder(self.request.run_id, name)

    def stage(self, name: str, **changes: Any) -> TaskFolder:
        before = ancestors(self.plan, name)
        task = self.space.task(self.plan.step(name), 1, "k" * 64, before)
        task = msgspec.structs.replace(task, **changes)
        self.stager.stage(task, self.place(name), {step: self.place(step).manifest for step in before})
        return self.place(name)

    def start(
        self, name: str, environ: Mapping[str, str] | None = None, more: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nb2flow.executors.pods.step", "--store", self.url]
        command += ["--task", self.place(name).task, "--scratch", str(self.folder / f"scratch-{name}"), *more]
        return subprocess.Popen(
            command,
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
        )

    def run(self, name: str, environ: Mapping[str, str] | None = None, **changes: Any) -> tuple[int, str]:
        self.stage(name, **changes)
        process = self.start(name, environ)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def ended(self, name: str) -> EndedDocument | None:
        data = self.store.read(self.place(name).ended)
        return None if data is None else msgspec.json.decode(data, type=EndedDocument)

    def progress(self, name: str) -> Progress | None:
        data = self.store.read(self.place(name).progress)
        return None if data is None else msgspec.json.decode(data, type=Progress)

    def manifest(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.store.read(self.place(name).manifest) or b"{}")
        return value

    def text(self, name: str, cell_id: str) -> str:
        document = json.loads(self.store.read(self.place(name).executed) or b"{}")
        cell = next(c for c in document["cells"] if c["id"] == cell_id)
        return "".join("".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell["outputs"])
