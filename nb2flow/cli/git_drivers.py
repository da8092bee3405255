"""What git calls: the diff driver, textconv, the merge driver and the clean filter.

Git gives paths of temporary files and takes exit codes for granted, so that none of these may fail where git would not:
a file that is no notebook is shown, merged or passed on as the text that it is.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nb2flow.cli.diff_output import load, load_both
from nb2flow.cli.diff_sources import NOTHING, Version
from nb2flow.diff.compare import diff
from nb2flow.diff.form import form_of, writes
from nb2flow.diff.show import terminal
from nb2flow.errors import NotebookError, UsageError


def run(command: str, arguments: Sequence[str]) -> int:
    """One of git's calls."""
    if command == "git-diff":
        return _diff(arguments)
    if command == "git-textconv":
        return _textconv(arguments)
    if command == "git-merge":
        return _merge(arguments)
    if command == "git-mergetool":
        from nb2flow.cli.diff_merge import run as run_merge

        base, local, remote, merged = arguments
        code = run_merge([base or NOTHING[0], local, remote, "--out", merged])
        if code == 1:
            sys.stderr.write(
                f"The conflicts are marked in the cells. Edit those, then: git add {shlex.quote(merged)}\n"
            )
        return code
    from nb2flow.cli.git_clean import filter_stream

    return filter_stream(arguments)


def _diff(arguments: Sequence[str]) -> int:
    """`path old-file old-hex old-mode new-file new-hex new-mode [new-path metadata]`; `path` alone when unmerged."""
    if len(arguments) < 7:
        sys.stdout.write(f"* unmerged path {arguments[0] if arguments else ''}\n")
        return 0
    if os.environ.get("GIT_EXTERNAL_DIFF") == "git-difftool--helper":  # git asks drivers first, whatever the tool is
        return subprocess.run(["git", "difftool--helper", *arguments], check=False).returncode
    path, old, _, _, new = arguments[:5]
    other = arguments[7] if len(arguments) > 7 else path
    base, remote = _version(old, f"a/{path}"), _version(new, f"b/{other}")
    style = terminal.Style(colours=terminal.COLOURS if _coloured() else terminal.PLAIN)
    lines = [style.paint("bold", f"diff --nb2flow a/{path} b/{other}")]
    modes = arguments[3], arguments[6]
    if modes[0] != modes[1] and "." not in modes:  # a point stands for no file
        lines.append(style.paint("bold", f"mode {modes[0]} → {modes[1]}"))
    try:
        lines += terminal.render(diff(*load_both(base, remote)), style)
    except NotebookError as fault:
        lines.append(style.paint("warn", f"{fault.message}; shown as text:"))
        first, second = ((v.data or b"").decode("utf-8", "replace") for v in (base, remote))
        lines += terminal.text_diff(first, second, style)
    sys.stdout.flush()
    sys.stdout.buffer.write("\n".join(lines).encode("utf-8", "replace") + b"\n")
    return 0


def _version(path: str, name: str) -> Version:
    return Version(name, None if path in NOTHING else Path(path).read_bytes(), name)


def _coloured() -> bool:
    """Git's own answer, which knows its settings and its pager."""
    if "NO_COLOR" in os.environ:
        return False
    terminal_wanted = "true" if sys.stdout.isatty() else "false"
    command = ["git", "config", "--get-colorbool", "color.diff", terminal_wanted]
    answer = subprocess.run(command, capture_output=True, check=False)
    return answer.stdout.strip() == b"true"


def _textconv(arguments: Sequence[str]) -> int:
    from nb2flow.diff.show.as_text import render

    words = [a for a in arguments if a != "--no-outputs"]
    if len(words) != 1:
        raise UsageError("git-textconv takes one file")
    data = Path(words[0]).read_bytes()
    try:
        document = load(Version(words[0], data, words[0]))
    except NotebookError:
        text = data
    else:
        lines = render(document, outputs="--no-outputs" not in arguments)
        text = "\n".join(lines).encode("utf-8", "replace") + b"\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    return 0


def _merge(arguments: Sequence[str]) -> int:
    """`%O %A %B %L %P`: base, ours (where the result goes), theirs, marker size, path."""
    if len(arguments) < 3:
        raise UsageError("git-merge takes three files: base, ours, theirs")
    from nb2flow.cli.diff_merge import tell
    from nb2flow.cli.diff_output import replace_file
    from nb2flow.diff.merge import merge
    from nb2flow.diff.merge_cells import Options
    from nb2flow.diff.merge_text import Labels

    base, ours, theirs = arguments[:3]
    path = arguments[4] if len(arguments) > 4 else ours
    versions = [_version(file, path) for file in (base, ours, theirs)]
    form = form_of(versions[1].data or versions[2].data)
    try:
        documents = [
            load(versions.pop(0)) for _ in range(3)
        ]  # the bytes are as large as what is parsed: they go at once
    except NotebookError as fault:
        sys.stderr.write(f"nb2flow: {fault.message}; merged as text\n")
        return _merge_as_text(base, ours, theirs)
    result = merge(documents[0], documents[1], documents[2], Options(labels=Labels("base", "ours", "theirs")))
    replace_file(Path(ours), [writes(result.notebook, form, split=True)])
    for line in tell(result):
        sys.stderr.write(f"{path}: {line}\n")
    return 1 if result.conflicts else 0


def _merge_as_text(base: str, ours: str, theirs: str) -> int:
    """What git itself would have done; its exit code is the number of conflicts."""
    labels = ["-L", "ours", "-L", "base", "-L", "theirs"]
    done = subprocess.run(["git", "merge-file", *labels, ours, base, theirs], check=False)
    return min(done.returncode, 1) if done.returncode >= 0 else 1
