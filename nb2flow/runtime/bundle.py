"""For nb2flow itself: the files of this folder that are copied into a kernel's path. Kernels never import this file."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGE = "nb2flow_runtime"


def runtime_files() -> dict[str, bytes]:
    """File name -> content, to be written into a folder called `nb2flow_runtime`; sorted by name."""
    here = Path(__file__)
    return {path.name: path.read_bytes() for path in sorted(here.parent.glob("*.py")) if path.name != here.name}


def runtime_digest() -> str:
    """A digest of what a step's kernel would import (hexadecimal): it changes when the runtime does."""
    digest = hashlib.blake2b(digest_size=16)
    for name, content in runtime_files().items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
