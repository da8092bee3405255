"""The contract between a step's pod and whoever watches it, as values: the task, its place in the store, exit codes.

Pure. Everything of a step goes through the store, so that a manifest holds nothing but two paths. Versioned:
a pod refuses a task of another version by name.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from nb2flow.errors import EnvironmentFault
from nb2flow.profiles import Profile
from nb2flow.runs.attempt import CellBegan
from nb2flow.runs.events import Failure

CONTRACT_VERSION = 3
COMMAND = ("nb2flow-step",)

# The step's process finds what it needs to reach the store in variables of this prefix (`NB2FLOW_STORE_AWS_…` is
# `AWS_…` to the storage library); the kernel never sees them.
STORE_PREFIX = "NB2FLOW_STORE_"
ANY_RUN = "export"  # the run of a task, or order, that is one for many runs: which one it is, is told beside it
CREATED = "created.json"  # in the folder of the run of such an order: the event that a run begins with
SCRATCH = "/scratch"


_Document = TypeVar("_Document", bound=msgspec.Struct)


class PodExit(IntEnum):
    """What the container ends with."""

    SUCCEEDED = 0
    STEP_FAILED = 10  # the notebook, in a way for which `retries:` is there; `ended.json` says why
    REFUSED = 11  # another try would end in the same way (this image cannot run the task, …); `ended.json` says why
    PLATFORM = 20  # the store could not be reached, the disk was full …: another pod may succeed
    STOPPED = 143  # asked to end (evicted, deleted): the step is not over


class ListElement(msgspec.Struct, frozen=True, kw_only=True):
    """The one element that an instance of a step runs for: the list `name` of step `source` is replaced by the list in
    `blob`, which holds that element alone. `step` is the author's step, `gathers` what it collects, and how."""

    step: str
    source: str
    name: str
    blob: str
    gathers: dict[str, str] = {}


class PodTask(msgspec.Struct, frozen=True, kw_only=True):
    """All that a pod needs to run one step. Holds no secret: those are variables of the container.

    `notebook` and `runtime` are digests of blobs: the step notebook, and a tar of the runtime's files (empty: the
    notebook has no injected cells). `files` maps paths below the notebook's folder to blobs; they are there before the
    step begins. `manifests` maps each step before this one, in the plan's order, to the path of its manifest in the
    store; what those steps wrote below the notebook's folder is put in place, too. `loads` names what is loaded, by
    step. `environ` is added to the container's own environment for the kernel. `gpu`: tell which ones there are.
    `element` makes the step an instance, for one element of a list. `enclosed` holds small blobs that the task names
    (step notebook, manifests), so that one object is sent, and read, for a step. `requirements` is the path, among
    `files`, of the requirements that are installed before the step begins.
    """

    run_id: str
    step: str
    kernel: str
    language: str
    notebook: str
    runtime: str = ""
    attempt: int = 1
    parameters: dict[str, Any] = {}
    environ: dict[str, str] = {}
    files: dict[str, str] = {}
    manifests: dict[str, str] = {}
    loads: dict[str, tuple[str, ...]] = {}
    timeout: float | None = None
    output_limit: int = 10_000_000
    gpu: bool = False
    element: ListElement | None = None
    enclosed: dict[str, str] = {}
    requirements: str = ""
    version: int = CONTRACT_VERSION


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the step is: the cell that began last, and all that was noted. `pod` is the container's host name.

    `ticks` grows with each version, so that two can be told apart where a store knows no times.
    """

    pod: str
    ticks: int = 0
    cell: CellBegan | None = None
    notes: tuple[str, ...] = ()
    version: int = CONTRACT_VERSION


class EndedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How the step ended; written last, when everything else is in the store."""

    pod: str
    failure: Failure | None = None
    seconds: float = 0.0
    version: int = CONTRACT_VERSION


class DriverOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver in the cluster needs besides the run's own events and files, which lie in its `RunPlace`.

    `profile` is the one that the run was begun with, its cluster the driver's own. `notebook` is the notebook's file
    name, `files` maps paths below its folder to blobs, `kept` paths below the `.nb2flow` folder (results of earlier
    runs, what was observed in them). `since` events were there when this driver was asked for: an end among those after
    them is its own work, done by an earlier pod. Holds no secret.
    """

    run_id: str
    profile: Profile
    notebook: str
    files: dict[str, str] = {}
    kept: dict[str, str] = {}
    jobs: int = 1
    output_limit: int = 10_000_000
    since: int = 1
    version: int = CONTRACT_VERSION


class TaskFolder(msgspec.Struct, frozen=True):
    """The folder of one task in the store: names of what lies there."""

    path: str

    @property
    def run(self) -> str:
        """The folder that holds it: that of its run, where it is the task of one."""
        return self.path.rpartition("/")[0]

    @property
    def task(self) -> str:
        """The `PodTask`."""
        return f"{self.path}/task.json"

    @property
    def progress(self) -> str:
        """The `Progress`, replaced as the step goes."""
        return f"{self.path}/progress.json"

    @property
    def executed(self) -> str:
        """The executed notebook, replaced as it grows."""
        return f"{self.path}/executed.ipynb"

    @property
    def manifest(self) -> str:
        """What the step says of itself (`nb2flow.runs.manifest`), with the files that it wrote."""
        return f"{self.path}/manifest.json"

    @property
    def log(self) -> str:
        """What the kernel's process printed outside of cells."""
        return f"{self.path}/kernel.log"

    @property
    def held(self) -> str:
        """How to reach the kernel of a step that failed, while it is kept."""
        return f"{self.path}/held.json"

    @property
    def ended(self) -> str:
        """The `EndedDocument`."""
        return f"{self.path}/ended.json"


class RunPlace(msgspec.Struct, frozen=True):
    """The place in the store of a run that is driven in the cluster (no step's name begins with `_`)."""

    run_id: str

    @property
    def path(self) -> str:
        """The folder."""
        return f"runs/{self.run_id}/_run"

    @property
    def files(self) -> str:
        """Below it, the files of the run's folder."""
        return f"{self.path}/files"

    @property
    def events(self) -> str:
        """Below it, the events, many in one object."""
        return f"{self.path}/events"

    def segment(self, first: int, count: int) -> str:
        """The object that holds `count` events, the first of which is number `first` (from 0) of the run."""
        return f"{self.events}/{first:08d}-{count:06d}.jsonl"

    @property
    def latest(self) -> str:
        """The `DriverOrder` that was given last."""
        return f"{self.path}/order.json"

    def order(self, driver: str) -> str:
        """The `DriverOrder` of the driver whose Job has this name."""
        return f"{self.path}/drivers/{driver}/order.json"

    def cancel(self, driver: str) -> str:
        """Is there when this driver should stop the run."""
        return f"{self.path}/drivers/{driver}/cancel"


def task_folder(run_id: str, name: str) -> TaskFolder:
    """The folder of the task called `name` (a step, or a step and what tells its tries apart) in a run."""
    return TaskFolder(f"runs/{run_id}/{name}")


def plan_path(tasks: str) -> str:
    """Where the plan lies whose steps' tasks are in the folder `tasks`, each called by its step (none has a `_`)."""
    return f"{tasks}/_plan.json"


def folder_of(task: str) -> TaskFolder:
    """The folder in which the task at this path of the store lies."""
    return TaskFolder(task.rpartition("/")[0])


def blob_path(digest: str) -> str:
    """Where a blob lies in the store."""
    return f"blobs/{digest[:2]}/{digest}"


def encode(value: msgspec.Struct) -> bytes:
    """A value of this contract as JSON, the same bytes for equal values."""
    return msgspec.json.encode(value, order="deterministic")


def decode_task(data: bytes) -> PodTask:
    """The task in `data`. EnvironmentFault when it is not one of this version."""
    return _decoded(data, PodTask, "the step's task")


def decode_order(data: bytes) -> DriverOrder:
    """The driver's order in `data`. EnvironmentFault when it is not one of this version."""
    return _decoded(data, DriverOrder, "the driver's order")


def _decoded(data: bytes, kind: type[_Document], what: str) -> _Document:
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != CONTRACT_VERSION:
            raise EnvironmentFault(
                f"{what} has version {version}, and the nb2flow in this image reads {CONTRACT_VERSION}",
                hint="build the step image with the nb2flow that starts the run",
            )
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise EnvironmentFault(f"{what} cannot be read: {error}") from error


class _Versioned(msgspec.Struct):
    version: int
