"""What a run is going to need is started before all that it takes to understand the notebook has been loaded: the
process that runs steps, and the one that kernels are forked from.

Nothing heavy may be imported here. A guess that turns out wrong costs a little time and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nb2flow import config
from nb2flow.errors import Nb2flowError
from nb2flow.executors import forkservers, kernels, zygotes
from nb2flow.runs.folders import Home, RunFolder
from nb2flow.runtime.bundle import runtime_digest

_ANEW = ("--no-cache", "--from", "--parameter", "-p", "--file", "-f")
_ELSEWHERE = ("--engine", "--profile", "--detach", "--kernel", "--help", "-h")
_LARGEST = 4 << 20  # bytes of a notebook that is read only for this


def expect_run(arguments: Sequence[str]) -> None:
    """Make ready for `nb2flow run` with these arguments, where steps will probably have to run on this machine: the
    notebook has other code than at the project's last run, or is to run anew or with parameters. Where nothing has to,
    it would be in the way."""
    options = {argument.partition("=")[0] for argument in arguments}
    notebooks = [Path(argument) for argument in arguments if argument.endswith(".ipynb")]
    if len(notebooks) != 1 or not options.isdisjoint(_ELSEWHERE):
        return
    try:
        settings, path = config.find(notebooks[0]), notebooks[0].resolve(strict=True)
        if settings.engine != "local" or path.stat().st_size > _LARGEST:
            return
        document, home = json.loads(path.read_bytes()), Home(settings.home)
        if not options.isdisjoint(_ANEW) or _code(document) != _code_of_last_run(home):
            _start(path.parent, document, home)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Nb2flowError):
        return  # told when it is needed


def _code_of_last_run(home: Home) -> list[Any]:
    runs = [entry for entry in os.scandir(home.path / "runs") if entry.is_dir()] if home.path.is_dir() else []
    newest = max(runs, key=lambda entry: entry.stat().st_mtime, default=None)
    return _code(json.loads(RunFolder(Path(newest.path)).source.read_bytes())) if newest else []


def _code(document: Mapping[str, Any]) -> list[Any]:
    """All that makes a cell's code another one for a run, roughly."""
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    return [("".join(cell["source"]), cell["metadata"].get("tags")) for cell in cells]


def _start(folder: Path, document: Mapping[str, Any], home: Home) -> None:
    server, runtime = forkservers.start_ahead(), home.runtime(runtime_digest())
    if runtime.is_dir():  # else kernels will find more than there is now
        name = document["metadata"].get("kernelspec", {}).get("name", kernels.NATIVE)
        environ = {"PYTHONHASHSEED": "0", **os.environ}
        zygotes.start_ahead(kernels.find(name), environ, str(runtime), str(folder), server.complaints)
