"""Where everything lies on disk, and how files come to be there: `.nb2flow/` and one folder for each run.

The only place that knows the names of folders and files. Run ids and step names become paths only after they were
checked; files appear whole or not at all. Knows nothing of what the files mean.
"""

from __future__ import annotations

import errno
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nb2flow.errors import EnvironmentFault, UsageError

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_INSTANCE = re.compile(_LABEL.pattern + r"\[\d{1,6}\]")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_LONGEST_SLUG = 40


@dataclass(frozen=True, slots=True)
class Home:
    """The `.nb2flow` folder of a project."""

    path: Path

    @property
    def database(self) -> Path:
        """The event log of all runs."""
        return self.path / "runs.db"

    @property
    def store(self) -> Path:
        """Artifacts (`blobs/`) and results of steps (`results/`), by content."""
        return self.path / "store"

    @property
    def results(self) -> Path:
        """Results of finished steps, by content key."""
        return self.store / "results"

    def blob(self, digest: str) -> Path:
        """Where the artifact with this digest lies."""
        return self.store / "blobs" / digest[:2] / digest

    def runtime(self, digest: str) -> Path:
        """The folder that is put on the kernels' PYTHONPATH for this version of the runtime."""
        return self.path / "runtime" / digest

    def run(self, run_id: str) -> RunFolder:
        """The folder of a run. UsageError when `run_id` is not one."""
        return RunFolder(self.path / "runs" / checked_label(run_id, "run"))

    def create(self) -> None:
        """Make the folder, ignored by git. EnvironmentFault when that is not possible."""
        with disk_faults(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self.store / "blobs", self.results, self.path / "runs", self.path / "runtime"):
                folder.mkdir(parents=True, exist_ok=True)
            if not (self.path / ".gitignore").exists():
                replace_file(self.path / ".gitignore", b"*\n")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run; step names given to its methods must be steps of its plan."""

    path: Path

    @property
    def plan(self) -> Path:
        """The plan, as JSON."""
        return self.path / "plan.json"

    @property
    def source(self) -> Path:
        """The notebook as it was when the run was made."""
        return self.path / "source.ipynb"

    @property
    def lock(self) -> Path:
        """Held by the process that drives the run."""
        return self.path / "lock"

    @property
    def steps(self) -> Path:
        """The step notebooks that are executed."""
        return self.path / "steps"

    def executed(self, step: str) -> Path:
        """The executed notebook of a step, also while it runs and when it failed."""
        return self.path / "executed" / f"{checked_label(step, 'step')}.ipynb"

    def manifest(self, step: str) -> Path:
        """What the step saved and what was observed, written by the runtime."""
        return self.path / "manifests" / f"{checked_label(step, 'step')}.json"

    def failed(self, step: str) -> Path:
        """What was observed of a step until one of its cells failed, written by the runtime."""
        return self.manifest(step).with_suffix(".failed")

    def log(self, step: str) -> Path:
        """What the step's kernel process printed outside of cells."""
        return self.path / "logs" / f"{checked_label(step, 'step')}.log"

    @property
    def changes(self) -> Path:
        """A folder for each step with what files were before it changed them, as long as they may be put back."""
        return self.path / "before"

    def before(self, step: str) -> Path:
        """What files were before the step changed them, kept by the runtime."""
        return self.changes / checked_label(step, "step")

    @property
    def order(self) -> Path:
        """What a process of its own was asked to run."""
        return self.path / "order.json"

    @property
    def refusal(self) -> Path:
        """Why that process could not begin, or go on."""
        return self.path / "refused.json"

    @property
    def driver_log(self) -> Path:
        """What that process printed."""
        return self.path / "driver.log"

    @property
    def elsewhere(self) -> Path:
        """Is there when the run is driven elsewhere, and what lies here is a copy: where that is."""
        return self.path / "elsewhere.json"

    @property
    def copied(self) -> Path:
        """What was copied last, and the lock of whoever copies."""
        return self.path / "copied.json"

    def opened(self, step: str) -> Path:
        """The context of a notebook in which a person looks at the step with its inputs loaded."""
        return self.path / "opened" / f"{checked_label(step, 'step')}.json"

    def create(self) -> None:
        """Make the folder. EnvironmentFault when that is not possible."""
        with disk_faults(self.path):
            for folder in ("steps", "executed", "manifests", "logs"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)


def checked_label(name: str, what: str) -> str:
    """`name` if it may become part of a path. UsageError otherwise; `what` says what it should name."""
    if not _LABEL.fullmatch(name) and not (what == "step" and _INSTANCE.fullmatch(name)):
        raise UsageError(f"'{name}' is not the name of a {what}")
    return name


def new_run_id(notebook: str) -> str:
    """A run id for the notebook of this name: its slug and eight random characters."""
    slug = re.sub(r"[^a-z0-9]+", "-", notebook.lower()).strip("-")[:_LONGEST_SLUG].strip("-") or "run"
    return f"{slug}-{''.join(secrets.choice(_BASE32) for _ in range(8))}"


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file or the new one, whole. OSError when it cannot be."""
    # Not one of tempfile: those are their owner's alone, and asking for the mask changes it for all threads.
    temporary = path.with_name(f".{path.name[:60]}-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn an OSError in the body into an EnvironmentFault that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EnvironmentFault(
                f"the disk is full: cannot write {where}",
                hint="make room; `nb2flow resume` then goes on with a run, what was finished is kept",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise EnvironmentFault(
                f"cannot write {where}: {error.strerror}",
                hint="make the folder writable, or put nb2flow's files elsewhere with NB2FLOW_HOME",
            ) from error
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise EnvironmentFault(
                f"cannot use {where}: a file stands where a folder is needed", hint="move that file away"
            ) from error
        raise EnvironmentFault(f"cannot use {where}: {error.strerror or error}") from error
