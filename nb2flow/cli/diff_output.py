"""Comparing the resolved pairs and writing the form that was asked for: text, summary, names, JSON, page.

The edge between values and the outside: standard output, a pager, files. What is said comes from `nb2flow.diff.show`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nb2flow.cli.diff_options import PARTS
from nb2flow.cli.diff_sources import Pair, Version, is_text, parsable
from nb2flow.diff.changes import NotebookDiff, Scope
from nb2flow.diff.compare import describe
from nb2flow.diff.document import Document, empty, reads
from nb2flow.diff.match import Matching, match
from nb2flow.diff.shared import reads_both
from nb2flow.diff.show import terminal, words
from nb2flow.errors import NotebookError, UsageError


def show(pairs: list[Pair], from_git: bool, options: argparse.Namespace) -> bool:
    """Write the comparison of all pairs as the options want it; returns whether any content changed.

    Pairs are taken off the list where all are told at once: no file is held longer than it takes to read it.
    """
    if options.out is not None:
        return _out(pairs, options)
    if options.flow:
        from nb2flow.cli.diff_flow import show_flow

        return show_flow(pairs, options)
    if options.html is None and not options.json:
        return _text(pairs, from_git, options)
    scope = scope_of(options)
    diffs = [_compare(pairs.pop(0), scope, True) for _ in range(len(pairs))]
    if options.html is not None:
        from nb2flow.diff.show.page import pieces_of_page

        pieces = pieces_of_page([diff for diff, _ in diffs])
        _write(options.html, (piece.encode("utf-8", "replace") for piece in pieces))
    else:
        _json(diffs, from_git)
    return any(diff.changed for diff, _ in diffs)


def scope_of(options: argparse.Namespace) -> Scope:
    """Which parts are content, from nbdime's letters: small ones choose, capital ones exclude."""
    if options.only and options.without:
        raise UsageError("small letters choose parts and capital letters exclude some: use one or the other")
    names = [name for _, name, _ in PARTS]
    chosen = options.only or [name for name in names if name not in (options.without or ())]
    asked = set(options.only or ()) & {"id", "details"}
    cheap = options.stat or options.name_only
    budget = 0 if cheap else 40_000_000 if options.html is not None else Scope().pixels
    return Scope(**{name: name in chosen for name in names}, noise=options.noise or bool(asked), pixels=budget)


def load(version: Version) -> Document:
    """One version as a document; a file that is not there has no cells."""
    return empty(version.name) if version.data is None else reads(parsable(version), version.name)


def load_both(base: Version, remote: Version, whole: bool = False) -> tuple[Document, Document]:
    """Two versions; unless they are wanted whole, with what they begin and end with left unread."""
    if base.data is None or remote.data is None:
        return load(base), load(remote)
    names = (base.name, remote.name)
    return reads_both(parsable(base), parsable(remote), names, exact=whole, once=not whole, whole=whole)


def _compare(pair: Pair, scope: Scope, whole: bool) -> tuple[NotebookDiff, Matching]:
    base, remote = load_both(pair.base, pair.remote, whole)
    if is_text(pair.base) != is_text(pair.remote):
        scope = scope._replace(outputs=False, metadata=False, details=False, id=False)
    del pair  # with the files' bytes, if nobody else wants them
    matching = match(base.cells, remote.cells)
    return describe(base, remote, matching, scope), matching


class _Told:
    """What came out while comparisons were told one after the other: changes, and notebooks that cannot be read."""

    def __init__(self) -> None:
        self.changed = False
        self.faults: list[NotebookError] = []


def _compared(pairs: Sequence[Pair], scope: Scope, told: _Told) -> Iterator[tuple[Pair, NotebookDiff]]:
    """Each pair when it is its turn; one that cannot be read does not keep the others from being told."""
    for pair in pairs:
        try:
            diff, _ = _compare(pair, scope, False)
        except NotebookError as fault:
            told.faults.append(fault)
            continue
        told.changed |= diff.changed
        yield pair, diff


def _text(pairs: Sequence[Pair], from_git: bool, options: argparse.Namespace) -> bool:
    """Text, summaries or names of all pairs; faults are told at the end."""
    told = _Told()
    _tell(_lines(_compared(pairs, scope_of(options), told), from_git, options), options)
    raise_last(told.faults)
    return told.changed


def raise_last(faults: Sequence[NotebookError]) -> None:
    """Tell of all notebooks that could not be read, once the others were told; nothing where there are none."""
    sys.stdout.flush()
    for fault in faults[:-1]:
        sys.stderr.write(f"nbdiff: {fault.message}\n")
    if faults:
        raise faults[-1]


def _style(options: argparse.Namespace) -> terminal.Style:
    coloured = options.color == "always" or (
        options.color == "auto"
        and sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM") != "dumb"
    )
    return terminal.Style(
        colours=terminal.COLOURS if coloured else terminal.PLAIN,
        context=max(options.unified, 0),
        outputs=None if options.full_outputs and scope_of(options).outputs else 20,
        inline=options.color_words,
        fold_outputs=options.fold_outputs,
    )


def _tell(lines: Iterator[str], options: argparse.Namespace) -> None:
    """Lines to a pager, where there is a terminal, or to standard output."""
    if sys.stdout.isatty() and not options.no_pager and not options.name_only:
        from nb2flow.cli.diff_pager import page

        page(lines)
        return
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _lines(diffs: Iterable[tuple[Pair, NotebookDiff]], from_git: bool, options: argparse.Namespace) -> Iterator[str]:
    style = _style(options)
    first = True
    for pair, diff in diffs:
        renamed = from_git and pair.base.path != pair.remote.path
        if options.name_only:
            if diff.changed:
                yield pair.path
        elif options.stat:
            name = f"{pair.base.path} → {pair.remote.path}" if renamed else pair.path
            noise = f" [noise: {words.noise_line(diff.noise)}]" if diff.noise else ""
            yield f" {name} | {words.whole_summary(diff)}{style.paint('dim', noise)}"
        elif diff.changed or diff.noise or renamed or diff.base.warnings != diff.remote.warnings:
            if not first:
                yield ""
            yield from terminal.render(diff, style)
            first = False


def _json(diffs: Sequence[tuple[NotebookDiff, Matching]], from_git: bool) -> None:
    from nb2flow.diff.edits import exact_edits
    from nb2flow.diff.show.document_json import to_json

    found = [to_json(diff, exact_edits(diff.base, diff.remote, matching)) for diff, matching in diffs]
    _write("-", [dumps(found if from_git else found[0])])


def _out(pairs: Sequence[Pair], options: argparse.Namespace) -> bool:
    """nbdime's form; several notebooks make a list of objects with path and diff, for which nbdime has no form."""
    from nb2flow.diff.edits import restricted
    from nb2flow.diff.lifting import Lifted
    from nb2flow.diff.script import edit_script

    lifted = Lifted(os.urandom(8).hex(), once=len(pairs) == 1)
    scope = scope_of(options)
    parts = {"source": scope.sources, "cell_type": scope.sources, "outputs": scope.outputs, "id": scope.id}
    parts |= {"attachments": scope.attachments, "metadata": scope.metadata}
    found: list[Any] = []
    for pair in pairs:
        files = [None if side.data is None else parsable(side) for side in (pair.base, pair.remote)]
        edits = edit_script(files[0], files[1], (pair.base.name, pair.remote.name), lifted)
        found.append({"path": pair.path, "diff": restricted(edits, lambda key: parts.get(key, scope.details))})
    _write(options.out, lifted.restore(dumps(found[0]["diff"] if len(found) == 1 else found)))
    return any(entry["diff"] for entry in found)


def dumps(value: Any) -> bytes:
    """JSON for people and programs, whatever numbers and texts are in it."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except (TypeError, orjson.JSONEncodeError):  # NaN, half of a surrogate pair, an integer beyond 64 bits
        import json

        return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _write(path: str, pieces: Iterable[bytes | memoryview]) -> None:
    """To standard output for `-`, otherwise to a file, which is replaced as a whole."""
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return
    replace_file(Path(path), pieces)


def replace_file(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file so that it is there whole or not at all; a link stays one."""
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    try:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.writelines(pieces)
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o7777)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as fault:
        raise NotebookError(f"{path} cannot be written: {fault.strerror or fault}") from None
