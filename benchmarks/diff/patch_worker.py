"""nbdime's side of the fuzz: applies edit scripts, one request a line on standard input. Needs nbdime, nothing of ours.

A request holds two notebooks as text and a script in nbdime's form; the answer says whether the script, applied by
nbdime to the first as nbdime reads it, gives the second. Notebooks that nbformat refuses are answered as unreadable.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from nbdime.diff_utils import to_diffentry_dicts
from nbdime.patching import patch
from nbdime.utils import read_notebook
from worker import invented, plain


def _as_read(notebook: Any) -> bool:
    """Whether nbformat reads what stands there: ids that it makes up, at random, can be neither named nor compared, and
    how it converts a broken notebook of version 3 is its own."""
    return notebook["nbformat"] >= 4 and isinstance(notebook["cells"], list) and not invented(notebook)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Whether one script does what it says."""
    try:
        files = [json.loads(request[side]) for side in ("a", "b")]
        if not all(_as_read(file) for file in files):
            return {"unreadable": "nbformat makes something else of it"}
        a, b = (read_notebook(io.StringIO(request[side]), on_null="empty") for side in ("a", "b"))
        made_up = any(invented(file) for file in files)
        wanted = plain(b, made_up)
    except Exception as fault:  # noqa: BLE001 - damaged notebooks meet any of nbformat's faults
        return {"unreadable": f"{type(fault).__name__}: {fault}"[:200]}
    try:
        found = plain(patch(a, to_diffentry_dicts(request["script"])), made_up)
    except Exception as fault:  # noqa: BLE001 - the answer is that it does not fit
        return {"patched": False, "why": f"{type(fault).__name__}: {fault}"[:200]}
    return {"patched": found == wanted}


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
