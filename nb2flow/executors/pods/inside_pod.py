"""The pod's own disk and limits: a task's files laid out in scratch, what a step changed, what memory did."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nb2flow.executors import kernels
from nb2flow.executors.pods import packages
from nb2flow.executors.pods.staging import inside, unpack
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import STORE_PREFIX, PodTask, blob_path
from nb2flow.runs.attempt import StepTask
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import Manifest
from nb2flow.runtime.blob import hash_file

_OURS = ("NB2FLOW_", "KUBERNETES_")
_NOT_FILES = ("__pycache__", ".ipynb_checkpoints")
_AT_ONCE = 16  # small objects under way side by side
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Here:
    """A task laid out on this disk: the task with paths of here, the folder that stands for the notebook's, the kernel
    that was asked for and the local store."""

    task: StepTask
    home: Path
    store: Path


def lay_out(
    store: Store,
    task: PodTask,
    scratch: Path,
    say: Callable[[str], None] = lambda text: None,
    known: Mapping[str, bytes] | None = None,
) -> Here:
    """Fetch all that the step needs, but the manifests that are `known`; what takes long is said. StoreFault when that
    fails, EnvironmentFault when this image cannot run it."""
    kernel = _kernel(task)
    base = scratch / "nb2flow"
    shutil.rmtree(base, ignore_errors=True)
    for name in ("manifests", "steps", "store/blobs", "runtime", "out"):
        (base / name).mkdir(parents=True)
    home = base / "home"
    home.mkdir()
    for digest, text in task.enclosed.items():
        _lay_down(base / "store", digest, text.encode())
    manifests = _fetch_manifests(store, task, base, known or {})
    tree = _tree_before(task, manifests)
    asked = {task.files[task.requirements]} if task.requirements else set()
    wanted = {
        task.notebook,
        *asked,
        *([task.runtime] if task.runtime else []),
        *tree.values(),
        *_loaded(task, manifests),
    }
    store.get(sorted(blob for blob in wanted if blob), base / "store")
    if task.runtime:
        unpack((base / "store" / blob_path(task.runtime)).read_bytes(), base / "runtime")
    notebook = base / "steps" / f"{task.step}.ipynb"
    shutil.copyfile(base / "store" / blob_path(task.notebook), notebook)
    _put_in_place(tree, base / "store", home)
    environ = _environ(task)
    for digest in asked:
        wish = (task.requirements, base / "store" / blob_path(digest))
        python = kernels.find(kernel).argv[0]
        packages.provide(store, python, wish, base / "packages", environ, say)
        environ["PYTHONPATH"] = os.pathsep.join(p for p in (str(base / "packages"), environ.get("PYTHONPATH")) if p)
    local = StepTask(
        run_id=task.run_id,
        step=task.step,
        attempt=task.attempt,
        notebook=str(notebook),
        executed=str(base / "out" / "executed.ipynb"),
        manifest=str(base / "manifests" / f"{task.step}.json"),
        log=str(base / "out" / "kernel.log"),
        kernel=kernel,
        language=task.language,
        cwd=str(home),
        runtime=str(base / "runtime"),
        environ=environ,
        parameters=task.parameters,
        context=_context(task, base, home) if task.runtime else None,
        timeout=task.timeout,
        output_limit=task.output_limit,
    )
    return Here(local, home, base / "store")


def _kernel(task: PodTask) -> str:
    specs = kernels.installed()
    if task.kernel.lower() in specs:
        return task.kernel
    if task.language == "python" and kernels.NATIVE in specs:
        return kernels.NATIVE
    return kernels.find(task.kernel).name  # raises, naming those that there are


def _environ(task: PodTask) -> dict[str, str]:
    """The kernel's environment: the container's without what is ours or the cluster's, and what the task adds."""
    own = {name: value for name, value in os.environ.items() if not name.startswith((STORE_PREFIX, *_OURS))}
    return {**own, **task.environ}


def _context(task: PodTask, base: Path, home: Path) -> dict[str, Any]:
    element = {"element": msgspec.to_builtins(task.element)} if task.element is not None else {}
    return {
        "version": 1,
        "store": str(base / "store"),
        "manifest": str(base / "manifests" / f"{task.step}.json"),
        "inputs": {step: str(base / "manifests" / f"{step}.json") for step in task.loads},
        "home": str(home),
        **element,
    }


def _lay_down(folder: Path, digest: str, data: bytes) -> None:
    """Put a blob into a local store. StoreFault when it is not what its name says."""
    path = folder / blob_path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if hash_file(path) != digest:
        raise StoreFault(f"the task holds a blob that is not {digest[:12]}…", hint="`nb2flow resume` sends it again")


def _fetch_manifests(store: Store, task: PodTask, base: Path, known: Mapping[str, bytes]) -> dict[str, Manifest]:
    def read(step: str, path: str) -> bytes | None:
        here = base / "store" / path
        return known.get(step) or (here.read_bytes() if here.is_file() else store.read(path))

    found = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # a step after many instances builds on all of them
        documents = list(pool.map(read, task.manifests.keys(), task.manifests.values()))
    for step, data in zip(task.manifests, documents, strict=True):
        if data is None:
            raise StoreFault(f"the manifest of step {step} is not in the store {store.url}", hint="run that step first")
        (base / "manifests" / f"{step}.json").write_bytes(data)
        found[step] = msgspec.json.decode(data, type=Manifest)
    return found


def _loaded(task: PodTask, manifests: dict[str, Manifest]) -> Iterator[str]:
    """The artifacts that the step loads, and no other."""
    own = task.element
    for step, names in task.loads.items():
        outputs = manifests[step].outputs if step in manifests else {}
        for name in names:
            if own is not None and (own.source, own.name) == (step, name):
                yield own.blob
            elif name in outputs:
                yield from (blob for blob in (outputs[name].blob, *outputs[name].parts) if blob)


def _tree_before(task: PodTask, manifests: dict[str, Manifest]) -> dict[str, str]:
    """The files that the step finds: the notebook's own, then what each earlier step did to them, in order."""
    files = dict(task.files)
    for manifest in manifests.values():
        for path in manifest.removed:
            files.pop(path, None)
        files |= manifest.files
    return files


def _put_in_place(files: dict[str, str], store: Path, home: Path) -> None:
    for path, blob in sorted(files.items()):
        target = inside(home, path)
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(store / blob_path(blob), target)


# ---- what the step did to its folder ----


def tree(home: Path) -> dict[str, tuple[int, int, int]]:
    """Files (and empty folders, ending in `/`) below `home`, each with what changes when it is written."""
    found: dict[str, tuple[int, int, int]] = {}
    for folder, folders, files in os.walk(home):
        folders[:] = sorted(name for name in folders if name not in _NOT_FILES)
        here = Path(folder)
        for name in files:
            path = here / name
            with contextlib.suppress(OSError):
                status = path.lstat()
                if path.is_file():
                    found[path.relative_to(home).as_posix()] = (status.st_ino, status.st_size, status.st_mtime_ns)
        if not folders and not files and here != home:
            found[f"{here.relative_to(home).as_posix()}/"] = (0, 0, 0)
    return found


# ---- what only the container knows ----


def notes(task: PodTask, here: Here) -> list[str]:
    """What is worth telling before the step begins: another kernel than asked for, which GPU there is."""
    told = []
    if here.task.kernel != task.kernel:
        told.append(f"the image has no kernel '{task.kernel}'; its kernel '{here.task.kernel}' runs the step")
    if task.gpu:
        told.append(_gpus())
    return told


def _gpus() -> str:
    ask = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "asks for a GPU; the pod cannot tell which one it got (no nvidia-smi in it)"
    return "GPU: " + "; ".join(" ".join(line.split()) for line in done.stdout.strip().splitlines())


def kills_for_memory() -> int:
    """How many processes of this container were killed because its memory was used up."""
    total = 0
    for file in (_CGROUP / "memory.events", _CGROUP / "memory" / "memory.oom_control"):
        with contextlib.suppress(OSError, ValueError):
            for line in file.read_text().splitlines():
                name, _, value = line.partition(" ")
                total += int(value) if name == "oom_kill" else 0
    return total


def memory_limit() -> int | None:
    """The container's memory limit in bytes, where it has one."""
    for file in (_CGROUP / "memory.max", _CGROUP / "memory" / "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limit = int(file.read_text())
            return limit if limit < 1 << 60 else None
    return None


def in_words(failure: Failure, killed_for_memory: bool, limit: int | None) -> Failure:
    """The failure, with what a pod's author needs to know: a module the image lacks, memory that was too little."""
    if killed_for_memory and failure.kind in ("kernel-died", "engine"):
        size = f" of {limit / 2**20:.0f} MiB" if limit else ""
        return msgspec.structs.replace(
            failure,
            kind="kernel-died",
            message=f"out of memory: the step used up the limit{size} of its pod",
            hint="give it more with `memory:` (for example `memory:8Gi`)",
        )
    if failure.ename == "ModuleNotFoundError" and not failure.hint:
        where = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return msgspec.structs.replace(
            failure,
            hint=f"the step's image ({where}) lacks it: `nb2flow env NOTEBOOK` tells which package holds it, "
            "`nb2flow image build NOTEBOOK` makes an image that has it; a local module must lie beside the notebook",
        )
    return failure
