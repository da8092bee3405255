"""What the words on the command line of `nbdiff` mean: files, streams, addresses, git's blobs, steps of runs.

Resolves arguments to pairs of versions and reads their bytes; it parses no notebook. Git is asked through its own
command, with one `cat-file --batch` for all blobs, so that nothing of git need be imported.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nb2flow.errors import NotebookError, UsageError

if TYPE_CHECKING:
    from nb2flow.runs.folders import RunFolder

NOTHING = ("/dev/null", "nul", "NUL")
SUFFIXES = (".ipynb",)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
TEXT_SUFFIXES = (".py", ".md", ".Rmd", ".qmd", ".R", ".jl", ".js", ".ts")


class Version(NamedTuple):
    """One side of a comparison: a name for people, the bytes (None when there is no such file) and the path in it."""

    name: str
    data: bytes | None
    path: str


class Pair(NamedTuple):
    """Two versions to be compared; `path` names both where git knows them by one."""

    base: Version
    remote: Version
    path: str


def resolve(words: Sequence[str], staged: bool = False) -> tuple[list[Pair], bool]:
    """The pairs that the arguments name, and whether they came from a git comparison (which may give none or many).

    Two files, streams, addresses, blobs (`REF:path`) or steps (`RUN:step`) are compared with each other; otherwise the
    words are up to two git revisions, then paths, as `git diff` has it.
    """
    refuse_two_streams(words)
    singles = [single(word) for word in words] if len(words) == 2 and not staged else []
    if singles and all(v is not None for v in singles):
        base, remote = (read(word) for word in words)
        return [Pair(base, remote, remote.name if remote.path == "-" else remote.path)], False
    from nb2flow.cli.diff_git import changed

    return list(changed(words, staged)), True


def refuse_two_streams(words: Sequence[str]) -> None:
    """Standard input can be read but once."""
    if list(words).count("-") > 1:
        raise UsageError("standard input (-) can stand for one version only")


def single(word: str) -> str | None:
    """What kind of thing a word names all by itself; None for a git revision or a path that does not exist."""
    if word == "-":
        return "stream"
    if word in NOTHING:
        return "nothing"
    if word.startswith(("http://", "https://")):
        return "address"
    if Path(word).is_dir():
        return None
    if Path(word).exists():
        return "file"
    left, colon, right = word.partition(":")
    if colon and left and right:
        return "step" if run_step(left, right) is not None else "blob"
    return None


def read(word: str) -> Version:
    """The bytes behind a word. Raises `UsageError` where there are none."""
    kind = single(word)
    if kind == "stream":
        return Version("standard input", sys.stdin.buffer.read(), "-")
    if kind == "nothing":
        return Version(word, None, word)
    if kind == "address":
        from nb2flow.cli.diff_fetch import fetch

        return Version(word, fetch(word), word.partition("?")[0])
    if kind == "blob":
        from nb2flow.cli.diff_git import blob

        run, _, step = word.partition(":")
        try:
            return Version(word, blob(word), step)
        except UsageError as fault:
            if not _may_be_step(run, step):
                raise
            if (folder := _run(run)) is not None:
                there = ", ".join(sorted(p.stem for p in folder.executed(step).parent.glob("*.ipynb")))
                hint = f"there are {there}" if there else "no step of it has run"
                raise UsageError(f"no notebook of a step {step} is in the run {run}", hint=hint) from None
            raise UsageError(f"{word} is neither a step of a run here nor a blob: {fault.message}") from None
    if kind == "step":
        left, _, right = word.partition(":")
        return file_version(str(run_step(left, right)), word)
    return file_version(word, word)


def file_version(path: str, name: str) -> Version:
    """A file of the working tree."""
    try:
        return Version(name, Path(path).read_bytes(), path)
    except IsADirectoryError:
        raise UsageError(
            f"{path} is a folder", hint="name a notebook, or compare folders' notebooks with git"
        ) from None
    except OSError as fault:
        raise UsageError(f"{path} cannot be read: {fault.strerror or fault}") from None


def run_step(run: str, step: str) -> Path | None:
    """The executed notebook of a run's step; runs are named as for `nb2flow show`, in the current folder's project."""
    folder = _run(run) if _may_be_step(run, step) else None
    found = folder.executed(step) if folder is not None else None
    return found if found is not None and found.is_file() else None


def _run(run: str) -> RunFolder | None:
    from nb2flow.config import find_home
    from nb2flow.runs.folders import Home
    from nb2flow.runs.store import RunStore

    home = find_home(Path.cwd()).home
    folder = Home(home).run(run)
    if folder.path.is_dir():
        return folder
    try:
        with RunStore(home) as store:
            return Home(home).run(store.find(run))
    except UsageError:
        return None


def _may_be_step(run: str, step: str) -> bool:
    """Whether the two could name a step, in a project that has runs."""
    if not _NAME.fullmatch(run) or not _NAME.fullmatch(step):
        return False
    return any((folder / ".nb2flow").is_dir() for folder in (Path.cwd(), *Path.cwd().parents))


def is_notebook(path: str) -> bool:
    """Whether a path is one that git comparisons should look at."""
    return path.endswith(SUFFIXES)


def parsable(version: Version) -> bytes:
    """The notebook's JSON: the bytes themselves, or what jupytext makes of a script or a Markdown notebook."""
    data = version.data or b""
    suffix = Path(version.path).suffix
    if suffix not in TEXT_SUFFIXES or data.lstrip()[:1] == b"{" or not data.strip():
        return data
    try:
        import jupytext  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise UsageError(
            f"{version.name} is a text notebook, and jupytext, which reads those, is not installed",
            hint="pip install jupytext",
        ) from None
    import orjson

    try:
        notebook = jupytext.reads(data.decode("utf-8", "replace"), fmt=suffix[1:])
    except Exception as fault:  # noqa: BLE001 - its parsers raise errors of their own
        said = str(fault).strip().split("\n")[0] or type(fault).__name__
        raise NotebookError(f"{version.name} cannot be read by jupytext: {said}") from None
    cells = notebook.get("cells", [])
    for cell in cells:
        cell.pop("id", None)  # made up on reading
    notebook["metadata"].pop("jupytext", None)
    return orjson.dumps(notebook)


def is_text(version: Version) -> bool:
    """Whether a version is a text notebook, which holds no outputs."""
    suffix = Path(version.path).suffix
    return suffix in TEXT_SUFFIXES and version.data is not None and version.data.lstrip()[:1] != b"{"
