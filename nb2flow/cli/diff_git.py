"""Git, as far as comparing notebooks needs it: which notebooks differ, and the bytes of blobs.

Runs the `git` command and reads what it prints; nothing is written. Paths and revisions go as separate arguments, after
`--` where they could be taken for options.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from nb2flow.cli.diff_sources import Pair, Version, file_version, is_notebook, single
from nb2flow.errors import UsageError

_ABSENT = "0" * 40


class _Change(NamedTuple):
    old: str
    new: str
    old_path: str
    new_path: str
    status: str


def git(arguments: Sequence[str], *, data: bytes | None = None, folder: str | None = None) -> bytes:
    """What a git command prints. Raises `UsageError` with git's own words where it fails."""
    try:
        done = subprocess.run(["git", *arguments], input=data, capture_output=True, check=False, cwd=folder)
    except FileNotFoundError:
        raise UsageError("git is not installed, and only git knows revisions", hint="name two files") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").split("\n")[0]
        if said.lower().startswith(("warning: not a git repository", "not a git repository")):
            raise UsageError("here is no git repository, and only git knows revisions", hint="name two files")
        raise UsageError(f"git {_command(arguments)} says: {said or f'exit code {done.returncode}'}")
    return done.stdout


def _command(arguments: Sequence[str]) -> str:
    return arguments[2] if arguments[0] == "-c" else arguments[0]


def is_revision(word: str) -> bool:
    """Whether git knows a commit (or tree) by this name."""
    if word.startswith("-") or "\n" in word or not word:
        return False
    try:
        git(["rev-parse", "--verify", "--quiet", f"{word}^{{tree}}"])
    except UsageError:
        return False
    return True


def blob(name: str) -> bytes:
    """The bytes of `REF:path`; a path that starts with `./` is relative to the current folder, as git has it."""
    try:
        return git(["cat-file", "blob", name])
    except UsageError:
        revision, _, path = name.partition(":")
        if not path.startswith("./") and is_revision(revision):
            return git(["cat-file", "blob", f"{revision}:./{path}"])
        raise


def changed(words: Sequence[str], staged: bool) -> Iterator[Pair]:
    """The notebooks that differ between two revisions, or a revision (or HEAD) and the working tree or the index."""
    revisions, paths = _sort(words)
    for path in paths:
        if not Path(path).exists() and not _known(path, revisions):
            alone = len(words) == 1 and single(path) in ("blob", "step", "address", "stream")
            raise UsageError(
                f"{path} is one version, and nothing says what to compare it with"
                if alone
                else f"{path} is neither a file nor a revision that git knows",
                hint="name a second one" if alone else "",
            )
    command = [
        "-c",
        "diff.relative=false",
        "diff",
        "--raw",
        "-z",
        "-M",
        "--no-abbrev",
        "--no-ext-diff",
        "--ignore-submodules",
    ]
    command += (["--cached"] if staged else []) + (revisions or ["HEAD"]) + ["--", *paths]
    changes = [c for c in _parse(git(command)) if is_notebook(c.old_path) or is_notebook(c.new_path)]
    if not changes:
        _refuse_other_repositories(paths)
    wanted = {sha for c in changes for sha in (c.old, c.new) if sha != _ABSENT}
    blobs = _blobs(sorted(wanted))
    top: Path | None = None
    names = [*revisions, "index" if staged else "working tree"]
    if not revisions:
        names.insert(0, "HEAD")
    for change in changes:
        old = blobs.get(change.old) if change.status != "A" else None
        base = Version(f"{change.old_path} ({names[0]})", old, change.old_path)
        if change.status == "D":
            remote = Version(f"{change.new_path} ({names[1]})", None, change.new_path)
        elif change.new == _ABSENT:
            name, top = f"{change.new_path} ({names[1]})", top or _top()
            remote = file_version(str(top / change.new_path), name)._replace(path=change.new_path)
        else:
            remote = Version(f"{change.new_path} ({names[1]})", blobs.get(change.new), change.new_path)
        yield Pair(base, remote, change.new_path)


def _refuse_other_repositories(paths: Sequence[str]) -> None:
    """Git says nothing at all of paths in a submodule, or in a repository that lies in this one."""
    here = _top() if paths and any(Path(p).exists() for p in paths) else None
    for path in paths if here else ():
        folder = path if Path(path).is_dir() else str(Path(path).parent)
        found = git(["rev-parse", "--show-toplevel"], folder=folder).decode("utf-8", "surrogateescape").rstrip("\n")
        if Path(found) != here:
            raise UsageError(f"{path} belongs to another repository", hint=f"call nbdiff in {found}")


def _top() -> Path:
    """The folder that git's paths begin at; a bare repository has none."""
    return Path(git(["rev-parse", "--show-toplevel"]).decode("utf-8", "surrogateescape").rstrip("\n"))


def _sort(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Up to two revisions (or one range), then paths."""
    revisions: list[str] = []
    rest = list(words)
    while rest and len(revisions) < 2:
        word = rest[0]
        if word == "--" or _is_path(word):
            break
        left, dots, right = word.partition("..")
        if dots and not revisions and (is_revision(left or "HEAD") and is_revision(right.lstrip(".") or "HEAD")):
            first = left or "HEAD"
            second = right.lstrip(".") or "HEAD"
            if right.startswith("."):
                first = git(["merge-base", first, second]).decode("ascii").strip()
            revisions, rest = [first, second], rest[1:]
            break
        if not is_revision(word):
            break
        revisions.append(rest.pop(0))
    return revisions, [word for word in rest if word != "--"]


def _is_path(word: str) -> bool:
    """Whether a word is a notebook or folder here, or another file that is no revision (a bare repository has a file
    `HEAD`)."""
    path = Path(word)
    return path.exists() and (path.is_dir() or is_notebook(word) or not is_revision(word))


def _known(path: str, revisions: Sequence[str]) -> bool:
    """Whether a path that is not in the working tree is in one of the revisions: a deleted notebook."""
    try:
        return any(git(["ls-tree", "--name-only", revision, "--", path]) for revision in (*revisions, "HEAD"))
    except UsageError:  # no repository, or none with a commit
        return False


def _parse(raw: bytes) -> Iterator[_Change]:
    fields = raw.decode("utf-8", "surrogateescape").split("\0")
    place = 0
    while place < len(fields) and fields[place]:
        _, _, old, new, status = fields[place].lstrip(":").split(" ")
        path = fields[place + 1]
        other = fields[place + 2] if status[0] in "RC" else path
        place += 3 if status[0] in "RC" else 2
        yield _Change(old, new, path, other, status[0])


def _blobs(names: Sequence[str]) -> dict[str, bytes]:
    """All blobs, read by one process."""
    if not names:
        return {}
    data = git(["cat-file", "--batch"], data="\n".join(names).encode("ascii") + b"\n")
    found: dict[str, bytes] = {}
    place = 0
    for name in names:
        end = data.index(b"\n", place)
        header = data[place:end].split(b" ")
        place = end + 1
        if header[-1] == b"missing":
            continue
        size = int(header[2])
        found[name] = data[place : place + size]
        place += size + 1
    return found
