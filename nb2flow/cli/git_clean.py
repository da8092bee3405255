"""`nb2flow clean`: notebooks without what should not be committed; in place, as a filter, as a pre-commit hook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from nb2flow.cli.diff_options import Parser
from nb2flow.cli.diff_output import replace_file
from nb2flow.diff.clean import PARTS, USUAL, clean
from nb2flow.errors import NotebookError, UsageError


def parser() -> Parser:
    """The options of `nb2flow clean`."""
    listed = "\n".join(f"  {name:8} {said}" for name, said in PARTS.items())
    found = Parser(
        prog="nb2flow clean",
        description="Strip from notebooks what should not be committed. Tags and nb2flow metadata always stay.",
        epilog=f"parts:\n{listed}\n\nExit code: 0 done, 1 with --check when something is to be stripped, 2 error.",
    )
    found.add_argument(
        "files", nargs="*", metavar="FILE", help="notebooks or folders, changed in place; - or none: a filter"
    )
    found.add_argument("--strip", metavar="PARTS", help=f"what to strip, by commas (usually {','.join(USUAL)})")
    found.add_argument("--keep", metavar="PARTS", help="what of the usual parts to keep, by commas")
    found.add_argument("--check", action="store_true", help="change nothing; say what would change")
    return found


def run(arguments: Sequence[str]) -> int:
    """`nb2flow clean`."""
    options = parser().parse_args(arguments)
    parts = chosen(options.strip, options.keep)
    if not options.files or options.files == ["-"]:
        return _filter(parts)
    changed = 0
    for path in _notebooks(options.files):
        before = path.read_bytes()
        after = clean(before, parts, str(path))
        if after != before:
            changed += 1
            sys.stdout.write(f"{'would clean' if options.check else 'cleaned'} {path}\n")
            if not options.check:
                replace_file(path, [after])
    return 1 if options.check and changed else 0


def chosen(strip: str | None, keep: str | None) -> frozenset[str]:
    """The parts to strip. Raises `UsageError` for names that are none."""
    wanted = set(_split(strip)) if strip is not None else set(USUAL)
    wanted -= set(_split(keep or ""))
    return frozenset(wanted)


def _split(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PARTS:
            raise UsageError(f"there is no part {name!r}", hint=f"parts: {', '.join(PARTS)}")
    return names


def _notebooks(words: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            found += sorted(p for p in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"{word} is neither a file nor a folder")
    return found


def filter_stream(arguments: Sequence[str]) -> int:
    """Git's clean filter: the arguments are the options of `clean` and the path, for messages."""
    found = parser()
    options = found.parse_args(list(arguments))
    return _filter(chosen(options.strip, options.keep))


def _filter(parts: frozenset[str]) -> int:
    """Standard input to standard output; what is no notebook passes unchanged."""
    data = sys.stdin.buffer.read()
    try:
        data = clean(data, parts, "standard input") if data.strip() else data
    except NotebookError as fault:
        sys.stderr.write(f"nb2flow clean: {fault.message}; passed on unchanged\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0
