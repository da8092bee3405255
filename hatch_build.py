"""Puts the JupyterLab extension into the wheel, building it first where Node is at hand.

Whoever has no Node still installs: what was built before (it is part of the source distribution) is taken as it is, and
without that the wheel goes without the extension and says so. `NB2FLOW_LABEXTENSION=required` makes that an error, for
where releases are made; `off` leaves it out on purpose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path("labextension")
_TARGET = "share/jupyter/labextensions/nb2flow"


class LabExtensionHook(BuildHookInterface[Any]):
    """The build hook; hatchling finds it by this file's name."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is packed."""
        wanted = os.environ.get("NB2FLOW_LABEXTENSION", "")
        if wanted == "off":
            return
        source = Path(self.root) / _HERE
        built = source / "built"
        if not (built / "package.json").is_file():
            # An editable install is for working on Python, and must be quick: `make labextension` builds.
            fault = "it has not been built" if version == "editable" else _build(source)
            if fault:
                if wanted == "required":
                    raise RuntimeError(f"the JupyterLab extension cannot be built: {fault}")
                self.app.display_warning(f"nb2flow goes without its JupyterLab extension: {fault}")
                return
        if self.target_name == "wheel":
            build_data["shared_data"][str(_HERE / "built")] = _TARGET
            build_data["shared_data"][str(_HERE / "install.json")] = f"{_TARGET}/install.json"
        else:
            build_data["artifacts"].append(f"/{_HERE}/built")


def _build(source: Path) -> str:
    """Build the extension; what prevents it, in words, or nothing."""
    if not (source / "package.json").is_file():
        return "its source is not here"
    if shutil.which("node") is None:
        return "Node is not installed"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    jlpm = shutil.which("jlpm", path=path)
    if jlpm is None:
        return "jlpm, which comes with JupyterLab, is not installed"
    for words in (["install", "--immutable"], ["build:prod"]):
        done = subprocess.run(
            [jlpm, *words],
            cwd=source,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip().splitlines()[-12:]
            return f"`jlpm {' '.join(words)}` failed:\n" + "\n".join(said)
    return ""
