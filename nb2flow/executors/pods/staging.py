"""Putting a step's task into the store, with all that its pod will need; done by whoever starts pods.

Pods read nothing but the store: step notebook, runtime, the notebook's own files and the manifests of earlier steps
lie there before the pod begins. What is there already is not sent again.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from nb2flow.executors.pods.store import Store
from nb2flow.plan import dumps
from nb2flow.plan.model import Plan
from nb2flow.pods.contract import ListElement, PodTask, TaskFolder, blob_path, encode, plan_path
from nb2flow.runs.attempt import StepTask
from nb2flow.runtime.blob import hash_file

_MOST_ENCLOSED = 500_000  # characters in one task
_AT_ONCE = 8  # steps that are staged side by side


class Stager:
    """Stages tasks in `store`. `files` are files below the notebook's folder that all steps get, by relative path;
    `kernel`, if given, is the name of the kernel in the image, `requirements` the path of the file among them that says
    what pods install first."""

    def __init__(
        self, store: Store, files: Mapping[str, Path], kernel: str | None = None, requirements: str = ""
    ) -> None:
        self._store = store
        self._files = dict(files)
        self._kernel = kernel
        self._requirements = requirements
        self._scratch = tempfile.TemporaryDirectory(prefix="nb2flow-stage-")  # goes with us where nobody closes it
        self._there: set[str] = set()  # blobs that were sent
        self._runtimes: dict[str, str] = {}
        self._shared: dict[str, str] | None = None
        self._lock = threading.Lock()  # for what all tasks share; tasks are staged side by side

    def stage(self, task: StepTask, folder: TaskFolder, manifests: Mapping[str, str] | None = None) -> PodTask:
        """Put the task, with all that it names, into `folder` and return it; see `prepare`."""
        made = self.prepare(task, manifests)
        self.write(made, folder)
        return made

    def write(self, task: PodTask, folder: TaskFolder) -> None:
        """Put a prepared task into `folder`."""
        self._store.write(folder.task, encode(task))

    def prepare(self, task: StepTask, manifests: Mapping[str, str] | None = None) -> PodTask:
        """Put all that the task names into the store and return the task as its pod will read it.

        `manifests` maps earlier steps to the paths of their manifests in the store; without it, the manifests are those
        that lie here, beside the task's own, and are sent along.
        """
        enclosed: dict[str, str] = {}
        if manifests is None:
            here = Path(task.manifest).parent
            manifests = {step: blob_path(self._blob(here / f"{step}.json", enclosed)) for step in task.before}
        element = (task.context or {}).get("element")
        return PodTask(
            run_id=task.run_id,
            step=task.step,
            attempt=task.attempt,
            kernel=self._kernel or task.kernel,
            language=task.language,
            notebook=self._blob(Path(task.notebook), enclosed),
            runtime=self._runtime(task.runtime) if task.context is not None else "",
            parameters=task.parameters,
            environ={"PYTHONHASHSEED": task.environ.get("PYTHONHASHSEED", "0"), **dict(task.options.env)},
            files=self._send_files(),
            manifests=dict(manifests),
            loads=task.loads,
            timeout=task.timeout,
            output_limit=task.output_limit,
            gpu=bool(task.options.gpu),
            enclosed=enclosed,
            requirements=self._requirements if task.language == "python" else "",
            element=msgspec.convert(element, ListElement) if element else None,
        )

    def stage_plan(self, plan: Plan, tasks: Sequence[StepTask]) -> str:
        """Put the plan and the tasks of its steps into the store, for runs that nobody of ours drives; returns their
        folder, which is named by its content. Manifests of earlier steps are looked for in the folder of the run."""

        def prepare(task: StepTask) -> PodTask:
            return self.prepare(task, {step: TaskFolder(step).manifest for step in task.before})

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = {f"{made.step}.json": encode(made) for made in pool.map(prepare, tasks)}
            found[plan_path("").lstrip("/")] = dumps(plan, "json").encode()
            folder = f"plans/{_digest(found)}"
            list(pool.map(lambda name: self._store.write(f"{folder}/{name}", found[name]), found))
        return folder

    def close(self) -> None:
        """Remove what was kept here on the way."""
        self._scratch.cleanup()

    def _blob(self, path: Path, enclosed: dict[str, str]) -> str:
        """The digest of the text at `path`, which is enclosed or, where that would make the task too large, sent."""
        digest = hash_file(path)
        data = path.read_bytes()
        if digest not in enclosed:
            if len(data) + sum(map(len, enclosed.values())) <= _MOST_ENCLOSED:
                enclosed[digest] = data.decode()
            elif digest not in self._there:
                self._store.put({digest: path})
                self._there.add(digest)
        return digest

    def _runtime(self, folder: str) -> str:
        with self._lock:
            if folder not in self._runtimes:
                self._runtimes[folder] = self._store.put_bytes(packed(Path(folder)), Path(self._scratch.name))
            return self._runtimes[folder]

    def _send_files(self) -> dict[str, str]:
        """The notebook's own files; looked at once for a run, so that all of its steps see the same."""
        with self._lock:
            if self._shared is None:
                digests = {path: hash_file(place) for path, place in sorted(self._files.items())}
                self._store.put({digest: self._files[path] for path, digest in digests.items()})
                self._shared = digests
            return self._shared


def _digest(files: Mapping[str, bytes]) -> str:
    made = hashlib.blake2b(digest_size=16)
    for name, data in sorted(files.items()):
        made.update(f"{name} {len(data)}\n".encode())
        made.update(data)
    return made.hexdigest()


def packed(folder: Path) -> bytes:
    """The files below `folder` as a tar; the same bytes for the same files, wherever and whenever."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                data = path.read_bytes()
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def unpack(data: bytes, folder: Path) -> None:
    """The files of a tar that `packed` made, below `folder`. ValueError for a path that leaves it."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is not None:
                target = inside(folder, entry.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def inside(folder: Path, name: str) -> Path:
    """The path called `name` below `folder`. ValueError when it would lie elsewhere."""
    parts = Path(name).parts
    if not parts or ".." in parts or Path(name).is_absolute():
        raise ValueError(f"not a path below the notebook's folder: {name!r}")
    return folder.joinpath(*parts)
