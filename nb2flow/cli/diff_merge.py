"""`nbmerge` and `nbpatch`: files in, one file out, and an exit code that says conflicts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nb2flow.cli.diff_options import merge_parser, patch_parser
from nb2flow.cli.diff_output import load, replace_file
from nb2flow.cli.diff_sources import Version, is_text, read, refuse_two_streams
from nb2flow.diff.document import parse
from nb2flow.diff.edits import digest
from nb2flow.diff.form import form_of, writes
from nb2flow.diff.layout import join_notebook
from nb2flow.diff.merge import MergeResult, merge
from nb2flow.diff.merge_cells import Options
from nb2flow.diff.merge_text import Labels
from nb2flow.diff.patching import MisfitError, apply
from nb2flow.diff.show.document_json import FORMAT, VERSION
from nb2flow.errors import UsageError


def run(arguments: Sequence[str]) -> int:
    """`nbmerge`."""
    options = merge_parser("nbmerge").parse_args(arguments)
    words = (options.base, options.local, options.remote)
    refuse_two_streams(words)
    versions = [read(word) for word in words]
    _refuse_scripts(versions)
    form = form_of(versions[1].data or versions[2].data)
    documents = [load(versions.pop(0)) for _ in words]  # the bytes are as large as what is parsed: they go at once
    result = merge(documents[0], documents[1], documents[2], merge_options(options))
    if options.decisions:
        for line in tell(result):
            sys.stdout.write(f"{line}\n")
    else:
        emit(options.out, writes(result.notebook, form, split=True))
        for line in tell(result):
            sys.stderr.write(f"nbmerge: {line}\n")
    return 1 if result.conflicts else 0


def _refuse_scripts(versions: Sequence[Version]) -> None:
    for version in versions:
        if is_text(version):
            raise UsageError(
                f"{version.name} is a text notebook: it has no outputs, ids or kernel, and a merge would lose them",
                hint="jupytext --to ipynb --update puts it into its notebook",
            )


def merge_options(options: argparse.Namespace) -> Options:
    """The options of a merge from those of the command line."""
    labels = Labels(*options.labels) if options.labels else Labels()
    sources = options.input_strategy or options.merge_strategy
    outputs = options.output_strategy
    if outputs == "follow" and options.merge_strategy.startswith("use-"):
        outputs = options.merge_strategy
    return Options(options.merge_strategy, sources, outputs, labels)


def tell(result: MergeResult) -> list[str]:
    """One line for each conflict."""
    return [
        f"conflict in {'the notebook' if c.cell is None else f'cell {c.cell + 1}'}: {c.what}" for c in result.conflicts
    ]


def run_patch(arguments: Sequence[str]) -> int:
    """`nbpatch`."""
    options = patch_parser("nbpatch").parse_args(arguments)
    refuse_two_streams((options.base, options.patch))
    base, patch = read(options.base), read(options.patch)
    found = parse(patch.data or b"", patch.name)
    value = parse(base.data, base.name) if base.data else {}
    if isinstance(found, list):  # nbdime's form is made for joined texts
        patched: Any = apply(join_notebook(value) if isinstance(value, dict) else value, found)
        data = writes(patched, form_of(base.data), split=True)
    else:
        data = writes(_apply_ours(value, found, patch.name), form_of(base.data))
    if not options.check:
        emit(options.output, data)
    return 0


def _apply_ours(value: Any, patch: Any, name: str) -> Any:
    if not isinstance(patch, dict) or patch.get("format") != FORMAT or "edits" not in patch:
        raise UsageError(f"{name} is no output of nbdiff --json or nbdiff --out")
    if patch.get("version") != VERSION:
        raise UsageError(f"{name} has version {patch.get('version')!r}, and only version {VERSION} is known")
    patched = apply(value, patch["edits"])
    wanted, base = (patch.get(side, {}) for side in ("remote", "base"))
    exact = isinstance(base, dict) and base.get("digest") == digest(value)
    if exact and isinstance(wanted, dict) and wanted.get("digest") != digest(patched):
        raise MisfitError("the result is not the version that the diff leads to", ())
    return patched


def emit(path: str | None, data: bytes) -> None:
    """To a file, or to standard output."""
    if path is None or path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        replace_file(Path(path), [data])
