"""What `from module import *` binds, asked of the interpreter that the notebook's kernel uses.

The names can only be known by importing the module, so that is done in a process of its own, in the notebook's folder,
for a bounded time; answers are kept by interpreter, module and the time of the module's file. Modules that cannot be
imported are left out, and the analysis then says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from nb2flow.errors import EnvironmentFault
from nb2flow.executors import kernels
from nb2flow.runs.folders import replace_file

TIMEOUT = 20.0
FILE = "stars.json"  # in the `.nb2flow` folder

# Runs in the kernel's interpreter (any Python 3.8 or later). Modules come on standard input; what their import prints
# goes to standard error, so that standard output holds the answer alone.
_ASK = """
import importlib, json, os, sys
answer, sys.stdout = sys.stdout, sys.stderr
names = {}
for module in json.load(sys.stdin):
    try:
        found = importlib.import_module(module)
        public = getattr(found, "__all__", None)
        public = [n for n in vars(found) if not n.startswith("_")] if public is None else list(public)
        path = getattr(found, "__file__", None)
        names[module] = {"names": sorted(public), "file": path and os.path.abspath(path)}
    except BaseException:
        pass
json.dump(names, answer)
answer.flush()
os._exit(0)
"""


def resolve(
    modules: tuple[str, ...], kernel: str, folder: Path, home: Path, *, ask: bool = True
) -> dict[str, frozenset[str]]:
    """The names that a star import of each module binds, for those that can be imported in `folder` by the kernel.

    Without `ask` no module is imported: only what earlier answers told is known.
    """
    python = interpreter(kernel)
    if python is None:
        return {}
    cache = home / FILE
    known = _read(cache)
    missing = [m for m in modules if not _fresh(known.get(_key(python, m, folder)))]
    if missing and ask:
        for module, found in _ask(python, missing, folder).items():
            known[_key(python, module, folder)] = {**found, "mtime": _mtime(found.get("file"))}
        with contextlib.suppress(OSError):
            home.mkdir(parents=True, exist_ok=True)
            replace_file(cache, json.dumps(known, sort_keys=True).encode())
    found_all = {m: known.get(_key(python, m, folder)) for m in modules}
    return {m: frozenset(f["names"]) for m, f in found_all.items() if _fresh(f) and f is not None}


def interpreter(kernel: str) -> str | None:
    """The Python that the kernelspec `kernel` starts; None when it isn't installed or isn't Python's."""
    try:
        spec = kernels.find(kernel)
    except EnvironmentFault:
        return None  # said when something is to be run; until then the analysis says what it could not resolve
    if not spec.argv or spec.language.lower() != "python":
        return None
    return shutil.which(spec.argv[0])


def _ask(python: str, modules: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    environ = {**os.environ, "MPLBACKEND": "agg"}
    try:
        done = subprocess.run(
            [python, "-c", _ASK],
            input=json.dumps(modules).encode(),
            capture_output=True,
            cwd=folder,
            env=environ,
            timeout=TIMEOUT,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _key(python: str, module: str, folder: Path) -> str:
    return f"{python} {folder} {module}"


def _mtime(path: str | None) -> int:
    try:
        return Path(path).stat().st_mtime_ns if path else 0
    except OSError:
        return -1


def _fresh(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("names"), list)
        and all(isinstance(n, str) for n in found["names"])
        and found.get("mtime") == _mtime(found.get("file"))
    )


def _read(cache: Path) -> dict[str, Any]:
    try:
        known = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
