"""Packages that a step's image lacks: installed from the run's requirements when a pod starts, once for all pods.

The first pod installs them with the pip of the kernel's own Python, into a folder, and leaves that folder in the store;
pods that come after it, of any run with these requirements, take it from there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.pods.staging import inside
from nb2flow.executors.pods.store import Store
from nb2flow.pods.contract import blob_path
from nb2flow.runtime.blob import hash_file

_WHICH = (
    "import platform,sys,sysconfig;print(sys.implementation.cache_tag,sysconfig.get_platform(),*platform.libc_ver())"
)
_INSTALL = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir")


def provide(
    store: Store,
    python: str,
    wanted: tuple[str, Path],
    folder: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Make `folder` hold the packages that the file `wanted` (its name, and where it is) asks for, for the interpreter
    `python`. EnvironmentFault when they cannot be installed, StoreFault when the store cannot be used."""
    name, requirements = wanted
    place = f"environments/{hash_file(requirements)}/{_which(python, environ)}.json"
    known = store.read(place)
    passing = folder.parent
    if known is not None:
        digest = str(json.loads(known)["blob"])
        store.get([digest], passing)
        with (passing / blob_path(digest)).open("rb") as file:
            _unpack(file, folder)
        (passing / blob_path(digest)).unlink()
        return
    say(f"installs the packages of {name}; pods after this one find them in the store")
    _install(python, name, requirements, folder, environ)
    packed = passing / "packages.tar"
    _pack(folder, packed)
    digest = hash_file(packed)
    store.put({digest: packed})
    packed.unlink()
    store.write(place, json.dumps({"blob": digest}).encode())


def _which(python: str, environ: Mapping[str, str]) -> str:
    """What tells interpreters apart that cannot use each other's packages, as a name."""
    try:
        done = subprocess.run([python, "-c", _WHICH], env=dict(environ), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EnvironmentFault(f"the kernel's Python {python} does not start: {error}") from error
    return "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in word) for word in done.stdout.split())


def _install(python: str, name: str, requirements: Path, folder: Path, environ: Mapping[str, str]) -> None:
    command = [python, *_INSTALL, "--target", str(folder), "-r", str(requirements)]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
        text = (errors or said or [f"pip ended with {done.returncode}"])[-1]
        hint = "the image needs pip for its kernel's Python, and pods an index that they reach: the file may name one "
        hint += "(`--index-url …`)"
        raise EnvironmentFault(f"the packages of {name} cannot be installed: {text}", hint=hint)


def _pack(folder: Path, target: Path) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path.resolve(), path.relative_to(folder).as_posix(), recursive=False)


def _unpack(packed: IO[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=packed) as tar:
        for entry in tar:
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is not None:
                target = inside(folder, entry.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
                os.utime(target, (entry.mtime, entry.mtime))  # bytecode names the time of its source
