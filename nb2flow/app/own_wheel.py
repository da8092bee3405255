"""The nb2flow that runs here as a wheel: an image gets the very code that starts its runs, from no index."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

import nb2flow
from nb2flow.errors import EnvironmentFault

_TIME = (1980, 1, 1, 0, 0, 0)


def own_wheel() -> tuple[str, bytes]:
    """The wheel's name and bytes, the same ones for the same code. EnvironmentFault when nb2flow isn't installed."""
    try:
        installed = metadata.distribution("nb2flow")
    except metadata.PackageNotFoundError as error:
        raise EnvironmentFault(
            "nb2flow is not installed here, so it cannot be put into an image", hint="pip install it"
        ) from error
    info = f"nb2flow-{installed.version}.dist-info"
    files = _package(Path(nb2flow.__file__).parent)
    files[f"{info}/METADATA"] = (installed.read_text("METADATA") or "").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: nb2flow\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data)
    return f"nb2flow-{installed.version}-py3-none-any.whl", target.getvalue()


def _package(folder: Path) -> dict[str, bytes]:
    return {
        f"nb2flow/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".so")
    }


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
