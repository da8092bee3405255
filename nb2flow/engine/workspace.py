"""The folder of a run on disk: what is laid out before steps run, the task of one attempt, what a step left behind."""

from __future__ import annotations

import json
import py_compile
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nb2flow.engine import fanout, repeats
from nb2flow.engine.cache import PROCESS_STATE
from nb2flow.engine.ports import StepBackend, StepTask
from nb2flow.engine.request import RunRequest
from nb2flow.engine.undo import changes, undo
from nb2flow.engine.world import World
from nb2flow.errors import EnvironmentFault, PlanError
from nb2flow.notebook import values_of, write
from nb2flow.notebook.document import writes
from nb2flow.plan import dumps
from nb2flow.plan.expand import instances
from nb2flow.plan.model import CompiledPlan, Plan, PlanStep
from nb2flow.runs.files import FileDigests
from nb2flow.runs.folders import Home, RunFolder, disk_faults, replace_file
from nb2flow.runs.key import project_key
from nb2flow.runs.manifest import Manifest, read_manifest
from nb2flow.runs.portable import portable

RUNTIME_PACKAGE = "nb2flow_runtime"
_INJECTED = frozenset({"start", "load", "save"})


class Workspace:
    """The files of one run."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self.home = Home(request.home)
        self.folder: RunFolder = self.home.run(request.run_id)
        self._uses_runtime: dict[str, bool] = {}

    def lay_out(self, compiled: CompiledPlan, in_use: Iterable[str] = ()) -> None:
        """Write plan, step notebooks and runtime. Step notebooks of an earlier plan go, but for those `in_use`: a step
        that was started by it, and had another number there, may not have read its own yet. EnvironmentFault when the
        disk will not have them."""
        with disk_faults(self.folder.path):
            replace_file(self.folder.plan, dumps(compiled.plan, "json").encode())
            for notebook in dict.fromkeys(step.notebook for step in compiled.plan.steps):
                replace_file(self.folder.steps / Path(notebook).name, writes(compiled.notebooks[notebook]))
            for step in compiled.plan.steps:
                self._uses_runtime[step.name] = _has_injected_cells(compiled.notebooks[step.notebook])
            wanted = {Path(name).name for name in (*in_use, *(step.notebook for step in compiled.plan.steps))}
            for file in self.folder.steps.glob("*.ipynb"):
                if file.name not in wanted:
                    file.unlink()
            if not self.folder.source.exists() and self._request.notebook.exists():
                shutil.copyfile(self._request.notebook, self.folder.source)
            lay_out_runtime(self.home, self._request.runtime_digest, self._request.runtime)

    def task(self, step: PlanStep, attempt: int, key: str = "", before: Sequence[str] = ()) -> StepTask:
        """All that one attempt of `step` needs; `before` are all steps it builds on, in the plan's order."""
        request, folder = self._request, self.folder
        environ = {"PYTHONHASHSEED": "0", **request.environ, **dict(step.options.env)}
        given = {name: value for name, value in request.parameters.items() if name in step.parameters}
        return StepTask(
            run_id=request.run_id,
            step=step.name,
            attempt=attempt,
            notebook=str(folder.steps / Path(step.notebook).name),
            executed=str(folder.executed(step.name)),
            manifest=str(folder.manifest(step.name)),
            log=str(folder.log(step.name)),
            kernel=request.kernel,
            language=request.compiled.plan.language,
            cwd=str(request.notebook.parent),
            runtime=str(self.home.runtime(request.runtime_digest)),
            environ=environ,
            parameters=portable(given),
            context=self._context(step) if self._uses_runtime[step.name] else None,
            timeout=step.options.timeout,
            output_limit=request.output_limit,
            key=key,
            loads=_loads(step),
            before=tuple(before),
            options=step.options,
            imports=request.imports,
        )

    def _context(self, step: PlanStep) -> dict[str, Any]:
        sources = dict.fromkeys((*step.inputs, *step.state))
        element = {}
        if step.element is not None and step.each is not None:
            own = {"step": step.name, "source": step.each.source, "name": step.each.name, "blob": step.element.blob}
            element = {"element": {**own, "gathers": step.each.gathers}}
        return {
            "version": 1,
            "store": str(self.home.store),
            "manifest": str(self.folder.manifest(step.name)),
            "inputs": {source: str(self.folder.manifest(source)) for source in sources},
            "home": str(self._request.notebook.parent),
            "files_before": str(self.folder.before(step.name)),
            **element,
        }

    def take_out_repetitions(
        self, plan: Plan, notebooks: Mapping[str, Mapping[str, Any]], manifests: Mapping[str, Manifest]
    ) -> None:
        """Leave in the executed notebooks what one kernel would have shown, when the run has ended."""
        found = repeats.repeated(
            [step.name for step in plan.steps],
            manifests,
            {step.name: step.element.of for step in plan.steps if step.element is not None},
        )
        for name, texts in found.items():
            path = self.folder.executed(name)
            if path.exists():
                write(path, repeats.without(values_of(path.read_bytes()), texts))
        for step in plan.steps:
            made = instances(step)
            if not found.keys().isdisjoint(made) and all(self.folder.executed(name).exists() for name in made):
                fanout.show(self.folder, step, notebooks[step.notebook])

    def drop_left_over(self, plan: Plan) -> None:
        """Remove the executed notebooks of steps that the plan does not have any more: a better one joined them with
        others, which have run since. EnvironmentFault when the disk will not have that."""
        known = {self.folder.executed(step.name) for step in plan.steps}
        with disk_faults(self.folder.path):
            for path in (self.folder.path / "executed").glob("*.ipynb"):
                if path not in known:
                    path.unlink(missing_ok=True)

    def seen_until_failure(self, step: str) -> Manifest | None:
        """What was observed of a step whose cell has failed; None when nobody has told."""
        try:
            return read_manifest(self.folder.failed(step))
        except EnvironmentFault:
            return None

    def changes(self, steps: Iterable[str]) -> dict[str, float]:
        """Which files these steps have changed in this run, and when first (Unix time)."""
        found: dict[str, float] = {}
        for step in steps:
            for path, at in changes(self.folder.before(step), self._request.notebook.parent).items():
                found[path] = min(at, found.get(path, at))
        return found

    def undo(self, steps: Iterable[str]) -> tuple[str, ...]:
        """Put files back as they were before these steps changed them, as far as no other step has changed them since.
        Returns the paths for which that is not possible. EnvironmentFault when the disk will not have them."""
        folders = [self.folder.before(step) for step in steps]
        with disk_faults(self.folder.path):
            others = [found for found in self.folder.changes.glob("*") if found not in folders]
            lost = undo(folders, others)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return lost

    def keep_changes(self) -> None:
        """Nothing will have to be put back any more."""
        shutil.rmtree(self.folder.changes, ignore_errors=True)

    def manifest(self, step: str) -> Manifest:
        """What the step said of itself; an empty one for a step without the runtime.

        EnvironmentFault when the step should have said something and did not.
        """
        found = read_manifest(self.folder.manifest(step))
        if found is not None:
            return found
        if self._uses_runtime.get(step, False):
            raise EnvironmentFault(f"step {step} ended without saying what it saved")
        return Manifest(step=step)


def world_of(request: RunRequest, backend: StepBackend, digests: FileDigests) -> World:
    """What steps of this run depend on beside their code and inputs; of pods, only the files are ours."""
    environ = request.environ if backend.secrets_here else None
    return World(digests, request.notebook.parent, environ, project_key(Home(request.home)))


def _loads(step: PlanStep) -> dict[str, tuple[str, ...]]:
    loads = {source: tuple(names) for source, names in step.inputs.items()}
    for source in step.state:
        loads[source] = tuple(dict.fromkeys((*loads.get(source, ()), *PROCESS_STATE)))
    return loads


def lay_out_runtime(home: Home, digest: str, files: Mapping[str, bytes]) -> Path:
    """The folder of the runtime of this digest, made of `files` unless it is there. OSError when it cannot be."""
    target = home.runtime(digest)
    if target.exists() or not files:
        return target
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        package = Path(scratch) / "new" / RUNTIME_PACKAGE
        package.mkdir(parents=True)
        for name, data in files.items():
            _write_module(package / Path(name).name, data, target / RUNTIME_PACKAGE)
        try:
            package.parent.rename(target)
        except OSError:
            if not target.exists():  # else another run was faster, with the same files
                raise
    return target


def _write_module(path: Path, data: bytes, folder: Path) -> None:
    """Write a module of the runtime that is going to lie in `folder`, and its bytecode: where kernels may not write
    that themselves, each step would compile the runtime anew. A kernel of another Python passes it over."""
    path.write_bytes(data)
    py_compile.compile(
        str(path),
        dfile=str(folder / path.name),
        quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,  # the folder is named by its content
    )


def _has_injected_cells(document: Mapping[str, Any]) -> bool:
    roles = {cell.get("metadata", {}).get("nb2flow", {}).get("role") for cell in document["cells"]}
    return bool(roles & _INJECTED)


def reopen(home: Path, run_id: str, plan: Plan) -> CompiledPlan:
    """The plan of an earlier run with its step notebooks as they lie in the run's folder. PlanError when they don't."""
    folder = Home(home).run(run_id)
    notebooks = {}
    for step in plan.steps:
        path = folder.steps / Path(step.notebook).name
        try:
            notebooks[step.notebook] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise PlanError(
                f"run {run_id} cannot be resumed: its step notebook {path} is missing or damaged",
                hint="run the notebook again; what is unchanged is taken from earlier runs",
            ) from error
    return CompiledPlan(plan=plan, notebooks=notebooks)
