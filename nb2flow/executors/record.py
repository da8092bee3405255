"""The executed notebook as it grows on disk: written to a temporary file and renamed, and not more often than useful.

The first and the last state are always written, a failed cell too; in between at most every two seconds, or less often
when a save takes long. It keeps the metadata that papermill keeps (start, end, duration and status of each cell).
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nb2flow.runs.folders import replace_file

SAVE_EVERY = 2.0  # seconds
_SHARE_FOR_SAVING = 0.1  # of the time at most, in the long run


class Record:
    """Keeps `nb` (a notebook node) on disk at `path` (None: nowhere)."""

    def __init__(self, nb: Any, path: Path | None) -> None:
        self.nb = nb
        self.path = path
        self._began = _now()
        self._starts: dict[int, datetime] = {}
        self._next_save = 0.0

    def begin(self) -> None:
        """Clear what an earlier execution left, and write the first state."""
        self.nb.metadata.setdefault("papermill", {})
        if self.path is not None:
            self.nb.metadata.papermill["output_path"] = str(self.path)
        self.nb.metadata.papermill.update(
            start_time=self._began.isoformat(), end_time=None, duration=None, exception=None
        )
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.execution_count = None
                cell.outputs = []
            cell.metadata["papermill"] = {
                "exception": None,
                "start_time": None,
                "end_time": None,
                "duration": None,
                "status": "pending",
            }
        self.save()

    def cell_started(self, index: int) -> None:
        """Cell `index` begins."""
        self._starts[index] = _now()
        meta = self._meta(index)
        meta.update(start_time=self._starts[index].isoformat(), status="running", exception=False)
        self._save_if_due()

    def cell_failed(self, index: int) -> None:
        """Cell `index` is the one that failed."""
        self._meta(index).update(exception=True, status="failed")
        self.nb.metadata.papermill["exception"] = True
        self.save()

    def cell_ended(self, index: int) -> None:
        """Cell `index` is over, well or badly."""
        end = _now()
        meta = self._meta(index)
        meta.update(end_time=end.isoformat(), duration=(end - self._starts[index]).total_seconds())
        if meta["status"] == "running":
            meta["status"] = "completed"
        self._save_if_due()

    def add_stream(self, index: int, text: str) -> None:
        """Add a line of ours to the output of cell `index`, on stderr."""
        self.nb.cells[index].outputs.append(type(self.nb)(output_type="stream", name="stderr", text=text))

    def end(self, *, failed: bool) -> None:
        """Write the last state."""
        end = _now()
        self.nb.metadata.papermill.update(end_time=end.isoformat(), duration=(end - self._began).total_seconds())
        if failed:
            self.nb.metadata.papermill["exception"] = True
        else:
            for cell in self.nb.cells:
                if cell.metadata["papermill"]["status"] == "pending":
                    cell.metadata["papermill"]["status"] = "completed"
        self.save()

    def is_due(self) -> bool:
        """Whether it is time to save again."""
        return self.due_in() <= 0

    def due_in(self) -> float:
        """Seconds until it is time to save again."""
        return self._next_save - time.monotonic()

    def save(self) -> None:
        """Write the notebook as it is now. OSError when the disk will not have it."""
        if self.path is None:
            return
        began = time.monotonic()
        replace_file(self.path, encode(self.nb))
        now = time.monotonic()
        self._next_save = now + max(SAVE_EVERY, (now - began) / _SHARE_FOR_SAVING)

    def _save_if_due(self) -> None:
        if self.is_due():
            self.save()

    def _meta(self, index: int) -> dict[str, Any]:
        meta: dict[str, Any] = self.nb.cells[index].metadata["papermill"]
        return meta


def encode(nb: Any) -> bytes:
    """The document as Jupyter writes it (text as lists of lines), without a copy and without validating it."""
    document = {**nb, "cells": [_encodable(cell) for cell in nb["cells"]]}
    try:
        return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair was printed: only an escape can hold it
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def _encodable(cell: dict[str, Any]) -> dict[str, Any]:
    encoded = {**cell, "source": cell["source"].splitlines(keepends=True)}
    if "outputs" in cell:
        encoded["outputs"] = [_output(output) for output in cell["outputs"]]
    return encoded


def _output(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": output["text"].splitlines(keepends=True)}
    if "data" in output:
        data = {
            mime: value.splitlines(keepends=True) if isinstance(value, str) and not _is_opaque(mime) else value
            for mime, value in output["data"].items()
        }
        return {**output, "data": data}
    return output


def _is_opaque(mime: str) -> bool:
    """Whether a string of this type is not text to be split: binary in base64, or JSON."""
    return not (mime.startswith("text/") or mime in ("image/svg+xml", "application/javascript"))


def _now() -> datetime:
    return datetime.now(UTC)
