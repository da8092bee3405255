"""`nb2flow git enable|disable|status` and `nb2flow clean`: git taught to read notebooks, and untaught completely.

Everything lives in two places: sections named `nb2flow` of a git configuration, and one marked block of an attributes
file. `disable` removes both, and files that `enable` had to make; nothing else is touched, nbdime's settings least.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nb2flow.cli.diff import guarded
from nb2flow.errors import UsageError

_BEGIN = "# nb2flow: notebooks are compared and merged as notebooks (nb2flow git disable removes this)"
_END = "# nb2flow: end"
_SECTIONS = ("diff.nb2flow", "merge.nb2flow", "difftool.nb2flow", "mergetool.nb2flow", "filter.nb2flow")


class _Place(NamedTuple):
    """Where settings go: the option of `git config` and the attributes file."""

    scope: str
    attributes: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """`nb2flow git`. Returns 0; 1 for `status` when git is not set up; 2 after an error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return guarded("nb2flow git", lambda: _run(words))


def clean_main(arguments: Sequence[str] | None = None) -> int:
    """`nb2flow clean`. Returns 0; 1 for `--check` when something is to be stripped; 2 after an error."""
    words = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        from nb2flow.cli import git_clean

        return git_clean.run(words)

    return guarded("nb2flow clean", run)


def _run(words: list[str]) -> int:
    from nb2flow.cli.diff_options import Parser

    parser = Parser(prog="nb2flow git", description="Teach git to compare and merge notebooks as notebooks.")
    parser.add_argument("action", choices=("enable", "disable", "status"))
    parser.add_argument("--global", dest="everywhere", action="store_true", help="for all repositories of this user")
    parser.add_argument(
        "--clean", nargs="?", const="", metavar="PARTS", help="also strip notebooks when they are added (nb2flow clean)"
    )
    options = parser.parse_args(words)
    place = _place(options.everywhere)
    if options.action == "enable":
        return _enable(place, options.clean)
    if options.action == "disable":
        return _disable(place)
    return _status(place)


def _place(everywhere: bool) -> _Place:
    from nb2flow.cli.diff_git import git

    if not everywhere:
        folder = git(["rev-parse", "--git-common-dir"]).decode("utf-8", "surrogateescape").rstrip("\n")
        return _Place("--local", Path(folder).resolve() / "info" / "attributes")
    try:
        named = git(["config", "--global", "--type=path", "--get", "core.attributesFile"])
    except UsageError:
        home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return _Place("--global", Path(home) / "git" / "attributes")
    return _Place("--global", Path(named.decode("utf-8", "surrogateescape").rstrip("\n")))


def command() -> str:
    """How git is to call us: the script beside this Python, or this Python itself, quoted for a shell."""
    script = Path(sys.executable).with_name("nb2flow-diff")
    if script.is_file():
        return shlex.quote(str(script))
    return f"{shlex.quote(sys.executable)} -m nb2flow.cli.diff"


def _settings(clean: str | None) -> dict[str, str]:
    us = command()
    settings = {
        "diff.nb2flow.command": f"{us} git-diff",
        "diff.nb2flow.textconv": f"{us} git-textconv",
        "merge.nb2flow.name": "nb2flow: cells merge as cells",
        "merge.nb2flow.driver": f"{us} git-merge %O %A %B %L %P",
        "difftool.nb2flow.cmd": f'{us} --exit-zero "$LOCAL" "$REMOTE"',
        "mergetool.nb2flow.cmd": f'{us} git-mergetool "$BASE" "$LOCAL" "$REMOTE" "$MERGED"',
        "mergetool.nb2flow.trustExitCode": "true",
    }
    if clean is not None:
        from nb2flow.cli.git_clean import chosen

        parts = ",".join(sorted(chosen(clean or None, None)))
        settings |= {"filter.nb2flow.clean": f"{us} git-clean --strip {parts} -- %f", "filter.nb2flow.smudge": "cat"}
    return settings


def _enable(place: _Place, clean: str | None) -> int:
    from nb2flow.cli.diff_git import git

    settings = _settings(clean)
    _remove_settings(place)
    for key, value in settings.items():
        git(["config", place.scope, key, value])
    extra = " filter=nb2flow" if clean is not None else ""
    lines = _without_block(_lines(place.attributes))
    _write(place.attributes, [*lines, _BEGIN, f"*.ipynb diff=nb2flow merge=nb2flow{extra}", _END])
    where = "all your repositories" if place.scope == "--global" else "this repository"
    sys.stdout.write(f"git compares and merges notebooks as notebooks in {where}.\n")
    if clean is not None:
        sys.stdout.write(f"Added notebooks are stripped of: {settings['filter.nb2flow.clean'].split()[-3]}.\n")
        sys.stdout.write(
            "Notebooks that were added before may show as modified: git add --renormalize . strips them.\n"
        )
    return 0


def _disable(place: _Place) -> int:
    files = _remove_settings(place)
    lines = _lines(place.attributes)
    kept = _without_block(lines)
    if kept != lines:
        _write(place.attributes, kept)
        if not kept:
            _remove_empty(place.attributes.parent)
    for file in files:
        if file.is_file() and not file.is_symlink() and not file.stat().st_size:
            file.unlink()  # git leaves it empty
    sys.stdout.write("git treats notebooks as before.\n")
    return 0


def _remove_empty(folder: Path) -> None:
    """Remove a folder that `enable` may have made, and the one around it, where nothing is in them."""
    for place in (folder, folder.parent):
        try:
            place.rmdir()
        except OSError:  # something is in it, or it is a link
            return


def _remove_settings(place: _Place) -> set[Path]:
    """Remove our sections; returns the files that they were in."""
    from nb2flow.cli.diff_git import git

    files: set[Path] = set()
    for section in _SECTIONS:
        try:
            found = git(["config", place.scope, "--show-origin", "-z", "--get-regexp", f"^{section}\\."])
        except UsageError:
            continue
        origin = found.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        files.add(Path(origin.removeprefix("file:")))
        git(["config", place.scope, "--remove-section", section])
    return files


def _status(place: _Place) -> int:
    from nb2flow.cli.diff_git import git

    good = True
    for key in (*_settings(None), "filter.nb2flow.clean"):
        try:
            found = git(["config", "--get", key]).decode("utf-8", "replace").rstrip("\n")
        except UsageError:
            found = ""
        optional = key.startswith("filter.")
        problem = ""
        if found and "nb2flow-diff" in found and shutil.which(shlex.split(found)[0]) is None:
            problem = " (that program is not there: nb2flow git enable)"
        good &= optional or bool(found and not problem)
        sys.stdout.write(f"{key:32} {found or ('off' if optional else 'not set')}{problem}\n")
    marked = _BEGIN in _lines(place.attributes)
    where = place.attributes
    if not marked and place.scope == "--local":
        everywhere = _place(True).attributes
        if _BEGIN in _lines(everywhere):
            marked, where = True, everywhere
    good &= marked
    sys.stdout.write(f"{'attributes':32} {where}: {'*.ipynb is set' if marked else 'not set'}\n")
    sys.stdout.write("enabled\n" if good else "not enabled here: nb2flow git enable\n")
    return 0 if good else 1


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; it is left alone") from None


def _without_block(lines: list[str]) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in lines:
        if line == _BEGIN:
            inside = True
        elif line == _END:
            inside = False
        elif not inside:
            kept.append(line)
    return kept


def _write(path: Path, lines: list[str]) -> None:
    """The file with these lines; no file where there are none."""
    from nb2flow.cli.diff_output import replace_file

    if not lines:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, [("\n".join(lines) + "\n").encode("utf-8")])
