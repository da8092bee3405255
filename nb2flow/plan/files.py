"""What `convert` leaves behind, as a value: relative file names and their bytes. Pure; the caller writes them."""

from __future__ import annotations

from collections.abc import Mapping

from nb2flow.notebook.document import writes
from nb2flow.plan.document import dumps
from nb2flow.plan.model import CompiledPlan

RUNTIME_FOLDER = "nb2flow_runtime"
PLAN_FILE = "plan.yaml"


def converted_files(compiled: CompiledPlan, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a converted notebook: step notebooks, the plan, and the runtime that their cells import.

    `runtime` maps the runtime's relative file names to their bytes; a language other than Python has no use for it.
    """
    files = {name: writes(document) for name, document in compiled.notebooks.items()}
    files[PLAN_FILE] = dumps(compiled.plan).encode()
    if compiled.plan.language == "python":
        files |= {f"{RUNTIME_FOLDER}/{name}": data for name, data in sorted(runtime.items())}
    return files
