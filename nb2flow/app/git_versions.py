"""What git knows about one notebook: its commits, and its bytes in any of them.

Runs `git` in the notebook's folder and reads what it prints. Revisions are resolved to object names first, so that no
word of a request is ever taken for an option or a path; nothing is written, no hook or filter is run.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nb2flow.errors import EnvironmentFault, UsageError

_OBJECT = re.compile(r"[0-9a-f]{40,64}")
_REVISION = re.compile(r"[^\s\x00-\x1f:-][^\s\x00-\x1f:]*")
_FIELDS = "%H%x1f%s%x1f%an%x1f%at%x1e"
_TIMEOUT = 20
_MOST = 50


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that changed the notebook; `at` is Unix time."""

    sha: str
    subject: str
    author: str
    at: float


@dataclass(frozen=True, slots=True)
class History:
    """What there is to compare a notebook with; `head` is the branch, or the commit where no branch is checked out."""

    head: str = ""
    tracked: bool = False
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    commits: tuple[Commit, ...] = ()


def history(path: Path) -> History | None:
    """What git knows about the notebook at `path`; None when it lies in no repository (or git is not installed)."""
    try:
        top = _git(path.parent, "rev-parse", "--show-toplevel").strip()
    except (UsageError, EnvironmentFault):
        return None
    if not top:
        return None
    try:
        head = _git(path.parent, "rev-parse", "--abbrev-ref", "HEAD").strip()
    except UsageError:
        return History()  # a repository without a commit
    if head == "HEAD":
        head = _git(path.parent, "rev-parse", "--short", "HEAD").strip()
    listed = _git(path.parent, "for-each-ref", "--sort=-committerdate", "--format=%(refname)").splitlines()
    told = _git(path.parent, "log", f"-n{_MOST}", f"--format={_FIELDS}", "--follow", "--", path.name)
    return History(
        head=head,
        tracked=bool(_git(path.parent, "ls-files", "--", path.name).strip()),
        branches=tuple(r.removeprefix("refs/heads/") for r in listed if r.startswith("refs/heads/"))[:_MOST],
        tags=tuple(r.removeprefix("refs/tags/") for r in listed if r.startswith("refs/tags/"))[:_MOST],
        commits=tuple(_commit(record) for record in told.split("\x1e") if record.strip()),
    )


def content(path: Path, revision: str) -> bytes:
    """The bytes of the notebook at `path` as they are in a commit. UsageError when git has none."""
    if not _REVISION.fullmatch(revision):
        raise UsageError(f"'{revision}' is not the name of a commit")
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        commit = _git(path.parent, *words).strip()
    except UsageError:
        commit = ""
    if not _OBJECT.fullmatch(commit):
        raise UsageError(f"git knows no commit '{revision}' here")
    try:
        return _run(path.parent, ("cat-file", "blob", f"{commit}:./{path.name}"))
    except UsageError:
        raise UsageError(f"{path.name} is not in {revision}", hint="was it added later, or renamed?") from None


def _commit(record: str) -> Commit:
    sha, subject, author, at = (*record.strip("\n").split("\x1f"), "", "", "")[:4]
    return Commit(sha, subject, author, float(at or 0))


def _git(folder: Path, *words: str) -> str:
    return _run(folder, words).decode("utf-8", "replace")


def _run(folder: Path, words: tuple[str, ...]) -> bytes:
    try:
        done = subprocess.run(
            ["git", "--no-pager", "--no-optional-locks", "--literal-pathspecs", *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise EnvironmentFault("git is not installed here, and only git knows earlier versions") from None
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(f"git has not answered within {_TIMEOUT} s") from None
    except OSError as error:
        raise EnvironmentFault(f"git cannot be run in {folder}: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise UsageError(f"git says: {said or f'exit code {done.returncode}'}")
    return done.stdout
