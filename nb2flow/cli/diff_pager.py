"""The pager: git's choice of one, and plain writing where there is none."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator


def page(lines: Iterator[str]) -> None:
    """Show lines through the pager that the environment names; `less` quits by itself when they fit the screen."""
    command = next((os.environ[k] for k in ("NBDIFF_PAGER", "GIT_PAGER", "PAGER") if os.environ.get(k)), "less")
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark too few
        words = []
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        return
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    process = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)
    pipe = process.stdin
    try:
        with contextlib.suppress(BrokenPipeError):  # the reader may have seen enough
            for line in lines:
                if pipe is not None:
                    pipe.write(line.encode("utf-8", "replace") + b"\n")
    finally:
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        process.wait()
