"""What an interpreter has installed, asked of itself: the kernel's environment is often another than ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nb2flow.environment.model import Distribution, Installed
from nb2flow.errors import EnvironmentFault
from nb2flow.executors import kernels
from nb2flow.flow.standard_library import MODULES

TIMEOUT = 120.0

# Runs in the interpreter that is asked (any Python 3.8 or later), with nothing of ours. It imports none of the modules
# in question: which distribution holds them is read from the lists of files, the rest asked of the import system.
_ASK = r"""
import sys
started, sys.path[:] = list(sys.path), [p for p in sys.path if p]
import importlib.metadata as metadata, importlib.util, json, os, platform, re
question = json.load(sys.stdin)
modules, folder = question["modules"], question["folder"]
tops = {m.split(".")[0] for m in modules}
wanted, owners, found, folders = set(modules), {}, {}, {}

def url_of(dist):
    try:
        told = json.loads(dist.read_text("direct_url.json") or "{}")
    except ValueError:
        return "", ""
    url, vcs, archive = told.get("url", ""), told.get("vcs_info"), told.get("archive_info")
    if url.startswith("file:"):
        from urllib.request import url2pathname
        path = url2pathname(url[7:])
        return "", path if "dir_info" in told and os.path.isdir(path) else ""
    if vcs:
        below = "#subdirectory=" + told["subdirectory"] if told.get("subdirectory") else ""
        return "%s+%s@%s%s" % (vcs.get("vcs"), url, vcs.get("commit_id", ""), below), ""
    if archive is not None:
        digest = (archive.get("hash") or "").replace("=", "=", 1)
        return url + ("#" + digest if digest else ""), ""
    return "", ""

def own(module, name):
    if module in wanted and name not in owners.setdefault(module, []):
        owners[module].append(name)

for dist in metadata.distributions():
    told = dist.metadata["Name"]
    if not told:
        continue
    name = re.sub(r"[-_.]+", "-", told).lower()
    if name in found:
        continue
    url, place = url_of(dist)
    home = str(getattr(dist, "_path", "") or "")
    if home.endswith(".egg-info") and not re.search(r"(site|dist)-packages", home):
        place = os.path.dirname(home)
    found[name] = {"name": told, "version": dist.version, "requires": list(dist.requires or []), "url": url,
                   "folder": place, "python": dist.metadata["Requires-Python"] or ""}
    if place:
        folders[os.path.realpath(place)] = name
    try:
        # A list of files is read as text: some have tens of thousands, and few of them matter.
        lines = [line.split(",")[0].strip('"') for line in (dist.read_text("RECORD") or "").splitlines()]
        lines = lines or [str(file) for file in dist.files or ()]
    except Exception:
        lines = []
    if not lines:
        for top in (dist.read_text("top_level.txt") or "").split():
            own(top, name)
        continue
    for line in lines:
        parts = line.split("/")
        if parts[0].split(".")[0] not in tops or parts[0].endswith((".dist-info", ".egg-info", ".data")):
            continue
        if "__pycache__" in parts:
            continue
        for k in range(1, len(parts)):
            own(".".join(parts[:k]), name)
        if parts[-1].endswith((".py", ".so", ".pyd", ".pyc")):
            own(".".join([*parts[:-1], parts[-1].split(".")[0]]), name)

known = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
sys.path[:] = [folder, *(p for p in started if p)]
elsewhere = {}
for top in sorted(tops - set(owners) - known - {""}):
    try:
        spec = importlib.util.find_spec(top)
    except BaseException:
        continue
    if spec is None:
        continue
    places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or [])
    if not places:
        continue
    place = os.path.realpath(places[0])
    name = next((n for f, n in folders.items() if place.startswith(f + os.sep)), None)
    if name:
        for module in modules:
            if module.split(".")[0] == top:
                own(module, name)
    elif spec.origin or not spec.submodule_search_locations:
        elsewhere[top] = place
version = "%d.%d.%d" % sys.version_info[:3]
implementation = sys.implementation
json.dump({
    "python": version, "distributions": found, "owners": owners, "elsewhere": elsewhere, "stdlib": sorted(known) if
    hasattr(sys, "stdlib_module_names") else None,
    "markers": {
        "implementation_name": implementation.name,
        "implementation_version": "%d.%d.%d" % implementation.version[:3],
        "os_name": os.name, "platform_machine": platform.machine(), "platform_release": platform.release(),
        "platform_python_implementation": platform.python_implementation(), "platform_system": platform.system(),
        "platform_version": platform.version(), "python_full_version": version,
        "python_version": "%d.%d" % sys.version_info[:2], "sys_platform": sys.platform,
    },
}, sys.stdout)
sys.stdout.flush()
os._exit(0)
"""


def ask_kernel(kernel: str, modules: Sequence[str], folder: Path) -> Installed:
    """What the environment of the kernel called `kernel` has, and who holds `modules` there.

    EnvironmentFault when there is no such kernel, it is none of Python, or it cannot be asked.
    """
    spec = kernels.find(kernel)
    program = shutil.which(spec.argv[0]) if spec.argv else None
    if spec.language.lower() != "python" or program is None or "python" not in Path(program).name.lower():
        raise EnvironmentFault(
            f"the kernel '{kernel}' is not started by a Python that is here: {' '.join(spec.argv[:1])}",
            hint="choose another one with `--kernel NAME`; `nb2flow doctor` lists them",
        )
    return ask(program, modules, folder, spec.env)


def ask_ours() -> Installed:
    """What the environment has that nb2flow runs in."""
    return ask(sys.executable, (), Path.cwd(), {})


def ask(program: str, modules: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Installed:
    """What the interpreter `program` has. EnvironmentFault when it does not answer."""
    question = json.dumps({"modules": list(modules), "folder": str(folder)})
    try:
        done = subprocess.run(
            [program, "-c", _ASK],
            input=question.encode(),
            capture_output=True,
            cwd=folder,
            env={**os.environ, **environ},
            timeout=TIMEOUT,
            check=True,
        )
        return _installed(program, json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        words = last[0] if last else f"it ended with {error.returncode}"
        raise EnvironmentFault(f"{program} cannot say what is installed: {words}", hint="is it Python 3.8+?") from error
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(f"{program} cannot say what is installed: {error}", hint="is it Python 3.8+?") from error


def _installed(program: str, answer: Mapping[str, Any]) -> Installed:
    distributions = {
        name: Distribution(
            told["name"], told["version"], tuple(told["requires"]), told["url"], told["folder"], told["python"]
        )
        for name, told in answer["distributions"].items()
    }
    return Installed(
        program=program,
        python=answer["python"],
        markers=answer["markers"],
        distributions=distributions,
        owners={module: tuple(sorted(names)) for module, names in answer["owners"].items()},
        stdlib=frozenset(answer["stdlib"]) if answer["stdlib"] is not None else MODULES,
        elsewhere=answer["elsewhere"],
    )
