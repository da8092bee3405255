"""What earlier runs of a notebook showed, kept so that the next run starts with the right plan.

One small file for each version of the notebook's code: a changed cell starts afresh, for what was seen may not hold.
Where nothing was ever kept, nothing is imported: that is a tenth of the time in which `check` starts.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from nb2flow.flow.model import Observations
from nb2flow.notebook.model import Notebook

_KINDS = ("uncarryable", "changes", "reads", "writes")


def recall(home: Path, notebook: Notebook) -> Observations:
    """What is known about this version of the notebook; nothing when nothing (readable) was kept."""
    if not _folder(home).is_dir():
        return Observations()
    import msgspec

    try:
        pairs = msgspec.json.decode(place(home, notebook).read_bytes(), type=dict[str, list[tuple[str, str]]])
    except (OSError, msgspec.DecodeError):  # ValidationError is one too
        return Observations()
    return Observations(**{kind: frozenset(pairs.get(kind, ())) for kind in _KINDS})


def remember(home: Path, notebook: Notebook, observations: Observations) -> None:
    """Keep what was seen. A folder that cannot be written costs the next run a replan, no more: not an error."""
    from nb2flow.runs.folders import replace_file

    value = {kind: sorted(getattr(observations, kind)) for kind in _KINDS}
    path = place(home, notebook)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(value, indent=1).encode())


def _folder(home: Path) -> Path:
    return home / "observed"


def place(home: Path, notebook: Notebook) -> Path:
    """The file with what is known about this version of the notebook."""
    from nb2flow.plan import source_digest

    return _folder(home) / f"{source_digest(notebook)}.json"
