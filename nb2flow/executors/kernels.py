"""Which kernels are installed, and what stands for one of them in content keys.

Looks where jupyter_client looks (JUPYTER_PATH and all), by reading `kernel.json` files: jupyter_client itself costs
more to import than a whole run without work to do.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from nb2flow.errors import EnvironmentFault

NATIVE = "python3"
_OWN_PYTHONS = {"python", "python3", "python{}.{}".format(*sys.version_info[:2])}
# Where an interpreter's packages are, below its prefix; the names of what lies there carry the versions.
_PACKAGES = ("lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages", "conda-meta")


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """An installed kernel: the command that starts it, its language, its own environment variables."""

    name: str
    folder: Path
    argv: tuple[str, ...]
    language: str
    env: dict[str, str] = field(default_factory=dict)


def find(name: str) -> KernelSpec:
    """The kernel called `name`. EnvironmentFault, with the names that there are, when there is none."""
    specs = installed()
    if name.lower() in specs:
        return specs[name.lower()]
    there = ", ".join(sorted(specs)) or "none at all"
    raise EnvironmentFault(
        f"the kernel '{name}' is not installed; installed are: {there}",
        hint="choose one with `--kernel NAME`, or install it: in its environment, "
        f"`python -m ipykernel install --user --name {name}`",
    )


def installed() -> dict[str, KernelSpec]:
    """All installed kernels by lower-case name; where a name is found twice, the folder searched first wins."""
    found: dict[str, KernelSpec] = {}
    for folder in folders():
        for file in sorted(folder.glob("*/kernel.json")):
            name = file.parent.name.lower()
            if name not in found:
                spec = _read(name, file)
                if spec is not None:
                    found[name] = spec
    if NATIVE not in found and find_spec("ipykernel") is not None:
        found[NATIVE] = KernelSpec(NATIVE, Path(), (sys.executable, "-m", "ipykernel_launcher"), "python")
    return found


def folders() -> list[Path]:
    """Where kernelspecs are looked for. jupyter_client looks there, too, and imports IPython to know one of them."""
    from jupyter_core.paths import jupyter_path

    ipython = os.environ.get("IPYTHONDIR") or str(Path.home() / ".ipython")
    return [*(Path(p) for p in jupyter_path("kernels")), Path(ipython) / "kernels"]


def _read(name: str, file: Path) -> KernelSpec | None:
    try:
        document: dict[str, Any] = json.loads(file.read_bytes())
        argv = [str(part) for part in document["argv"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if argv and argv[0] in _OWN_PYTHONS:
        argv[0] = sys.executable  # as jupyter_client does: such a kernel is the environment that asks for it
    env = {str(k): str(v) for k, v in (document.get("env") or {}).items()}
    return KernelSpec(name, file.parent, tuple(argv), str(document.get("language", "")), env)


def add_runtime(environ: dict[str, str], own: dict[str, str], runtime: str | None) -> None:
    """Put `runtime` in front of PYTHONPATH: of the kernelspec's `own` variables, which win, if it has that one."""
    if runtime:
        variables = own if "PYTHONPATH" in own else environ
        others = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = os.pathsep.join(p for p in (runtime, others) if p)


def environment(environ: Mapping[str, str], own: Mapping[str, str], runtime: str | None) -> dict[str, str]:
    """The environment of a kernel's process, as jupyter_client makes it; `own` are the kernelspec's variables."""
    full, named = dict(environ), dict(own)
    add_runtime(full, named, runtime)
    full.update({name: Template(value).safe_substitute(full) for name, value in named.items()})
    full.pop("PYTHONEXECUTABLE", None)
    return full


def _package_folders(prefix: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where an interpreter with this prefix finds packages: its own, the user's, those of the environment that it was
    made from if it has them too, and what `.pth` files name."""
    prefixes = [prefix]
    try:
        told = dict(line.split(" = ", 1) for line in (prefix / "pyvenv.cfg").read_text().splitlines() if " = " in line)
    except (OSError, UnicodeDecodeError):
        told = {"include-system-site-packages": "true"}
    if told.get("include-system-site-packages", "").lower() == "true":
        prefixes += [Path(told["home"]).parent] if "home" in told else []
        if not environ.get("PYTHONNOUSERSITE"):
            prefixes.append(Path(environ.get("PYTHONUSERBASE") or Path.home() / ".local"))
    found = [Path(f) for p in prefixes for pattern in _PACKAGES for f in sorted(glob.glob(str(p / pattern)))]  # noqa: PTH207
    for folder in found:  # grows while it is gone through
        found += [place for place in _named_in(folder) if place not in found]
    return found


def _named_in(folder: Path) -> list[Path]:
    lines: list[str] = []
    for file in sorted(folder.glob("*.pth")):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines += file.read_text(encoding="utf-8-sig").splitlines()
    named = [
        folder / line.strip() for line in lines if line.strip() and not line.startswith(("#", "import ", "import\t"))
    ]
    return [place for place in named if place.is_dir()]


def _packages(folder: Path) -> list[str]:
    """The packages in a folder, by names that hold their versions; what was built from a folder or a repository may be
    another one of the same version."""
    found = []
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name.endswith((".dist-info", ".egg-info", ".json", ".pth")):
            found.append(name)
            if name.endswith(".dist-info") and (folder / name / "direct_url.json").exists():
                found.append(str((folder / name).stat().st_mtime_ns))
    return found


def fingerprint(spec: KernelSpec, environ: dict[str, str]) -> str:
    """A digest that changes when the kernel's interpreter or the packages installed beside it do (or its hash seed)."""
    program = shutil.which(spec.argv[0]) or spec.argv[0] if spec.argv else ""
    parts = [spec.language, *spec.argv, *(f"{k}={v}" for k, v in sorted(spec.env.items()))]
    parts.append(spec.env.get("PYTHONHASHSEED", environ.get("PYTHONHASHSEED", "0")))
    try:
        status = os.stat(program)  # noqa: PTH116 - follows links: the interpreter behind a venv's
        parts += [os.path.realpath(program), str(status.st_size), str(status.st_mtime_ns)]
    except OSError:
        parts.append(program)
    for folder in _package_folders(Path(program).parent.parent, {**environ, **spec.env}):
        parts += _packages(folder)
    return hashlib.blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=16).hexdigest()
