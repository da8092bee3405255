"""What a run needs of this machine, looked at before it is needed."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from nb2flow import __version__
from nb2flow.app.history import settings_at
from nb2flow.app.running import versions
from nb2flow.config import cores
from nb2flow.executors import kernels
from nb2flow.views.words import size

_ROOM = 10_000_000  # bytes on the disk, without which hardly a run comes to its end


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it will do, what was found, what to do when it will not."""

    what: str
    ok: bool
    found: str
    hint: str = ""


def examine(start: Path) -> tuple[Finding, ...]:
    """Look at everything a run in the project at `start` needs."""
    settings = settings_at(start)
    found = versions()
    libraries = ", ".join(
        f"{name} {version}" for name, version in found.items() if name not in ("nb2flow", "python", "system")
    )
    return (
        Finding("nb2flow", True, f"{__version__} on Python {platform.python_version()} ({sys.executable})"),
        Finding("libraries", "papermill" in found, libraries, "pip install papermill"),
        *_kernels(),
        _folder(settings.home),
        _nbdiff(),
        Finding("processors", True, f"{cores()}: as many steps at once, unless --jobs says otherwise"),
    )


def _kernels() -> list[Finding]:
    specs = kernels.installed()
    if not specs:
        return [Finding("kernels", False, "none is installed", "pip install ipykernel")]
    findings = []
    for spec in sorted(specs.values(), key=lambda s: s.name):
        program = spec.argv[0] if spec.argv else ""
        there = bool(program) and shutil.which(program) is not None
        told = f"{spec.language or 'unknown language'}, {program}"
        hint = "install its environment again, or remove the kernelspec"
        findings.append(Finding(f"kernel {spec.name}", there, told if there else f"{told} is not there", hint))
    return findings


def _folder(home: Path) -> Finding:
    place = home
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding("folder", False, f"{home} cannot be written", "set NB2FLOW_HOME to a folder of yours")
    free = shutil.disk_usage(place).free
    hint = "" if free >= _ROOM else "make room, or set NB2FLOW_HOME to a folder on another disk"
    return Finding("folder", not hint, f"{home}, {size(free)} free", hint)


def _nbdiff() -> Finding:
    """Whose command `nbdiff` is: nbdime has one too, and pip lets the package that comes last win."""
    script = shutil.which("nbdiff")
    if script is None:
        return Finding("nbdiff", True, "not on the PATH; nb2flow diff is the same")
    try:
        text = Path(script).read_bytes()
    except OSError:
        text = b""
    owner = next((name for name in ("nb2flow", "nbdime") if f"from {name}".encode() in text), "another program")
    always = "" if owner == "nb2flow" else "; nb2flow diff and nb2flow-diff are nb2flow's"
    return Finding("nbdiff", True, f"{owner}'s ({script}){always}")
