"""From an executed notebook that stopped to a `Failure` in the user's own terms: their cell, their line.

Pure: works on the document and on the runtime's manifest. Step notebooks hold cells that nb2flow put there (their
metadata key `nb2flow` says which, and which of the author's lines a replayed one repeats); nobody should have to know.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nb2flow.executors.cells import Stopped
from nb2flow.runs.events import Failure

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# How the versions of IPython name a line of a cell in a traceback.
_CELL_LINE = re.compile(r"Cell In\s?\[(\d+)\], line (\d+)")
_OLD_FRAME = re.compile(r"(?:Input In \[(\d+)\]|<ipython-input-(\d+)-[0-9a-f]+>|ipykernel_\d+/\d+\.py)")
_ARROW = re.compile(r"^-+>\s*(\d+)\b(.*)", re.MULTILINE)
# How Python itself names it: in what IPython prints of a group of exceptions.
_PLAIN_FRAME = re.compile(r'File "[^"]*ipykernel_\d+[/\\]\d+\.py", line (\d+), in <module>')
_OWN_ROLES = ("start", "load", "save")
_LONGEST = 300


def explain(
    nb: Mapping[str, Any], stopped: Stopped, timeout: float | None, manifest: Path | None, detail: str = ""
) -> Failure:
    """Why the execution of `nb` stopped; `detail` says how a dead kernel ended."""
    cell = nb["cells"][stopped.index] if stopped.index is not None else None
    error = _error_of(cell)
    marks: Mapping[str, Any] = cell["metadata"].get("nb2flow", {}) if cell is not None else {}
    role = marks.get("role", "author")
    if stopped.reason == "error" and role in _OWN_ROLES:
        return _own_cell_failed(role, error, _problems(manifest))
    ename, evalue = str(error.get("ename", "")), str(error.get("evalue", ""))
    traceback = tuple(error.get("traceback", ()))
    if stopped.reason == "error" and not error and _PLAIN_FRAME.search(printed := _printed(cell)):
        # A group of exceptions: IPython prints its traceback, and only the reply has its name.
        ename, evalue, traceback = stopped.ename, stopped.evalue, (printed,)
    place = _place(cell, marks, traceback) if cell is not None else {}
    if stopped.reason == "error":
        said = f"{ename}: {evalue}" if evalue else ename
        message = _short(said or _last_words(cell)) or "the cell failed without saying why"
        hint = ""
        if ename == "SystemExit":
            hint = "the cell asks to leave; as in a notebook, nothing after it runs"
        return Failure(
            kind="error", message=message, ename=ename, evalue=evalue, traceback=traceback, hint=hint, **place
        )
    if stopped.reason == "timeout":
        said = f"the step ran longer than its timeout of {_seconds(timeout)}"
        return Failure(kind="timeout", message=said, traceback=traceback, hint="raise `timeout:` on this step", **place)
    if stopped.reason == "kernel-died":
        return Failure(kind="kernel-died", message=f"the kernel died ({detail})", traceback=traceback, **place)
    return Failure(kind="cancelled", message="stopped because the run was cancelled", traceback=traceback, **place)


def start_failure(message: str, log: str | None) -> Failure:
    """A kernel that did not come up, with the last lines that it printed."""
    tail: tuple[str, ...] = ()
    if log is not None:
        try:
            tail = tuple(Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
        except OSError:
            tail = ()
    return Failure(
        kind="kernel-start",
        message=message,
        traceback=tail,
        hint="does the kernel's environment still hold ipykernel? `jupyter kernelspec list` shows where kernels live",
    )


def _own_cell_failed(role: str, error: Mapping[str, Any], problems: Sequence[Mapping[str, Any]]) -> Failure:
    """A cell that nb2flow put into the step notebook failed: say what that means for the author's variables."""
    ename, evalue = str(error.get("ename", "")), str(error.get("evalue", ""))
    full = any(os.strerror(number) in evalue for number in (errno.ENOSPC, errno.EDQUOT))
    problems = [p for p in problems if p.get("kind") in ("unpicklable", "unloadable")]
    if problems:
        names = tuple((str(p.get("name", "")), "") for p in problems)
        named = ", ".join(name for name, _ in names)
        message = _short(evalue) or f"cannot be carried from step to step: {named}"
        hint = "keep the cells that use it in one step, or recreate it where it is needed"
        return Failure(kind="cannot-carry", message=message, ename=ename, evalue=evalue, variables=names, hint=hint)
    doing = {"start": "starting the step", "load": "loading its inputs", "save": "saving its outputs"}[role]
    return Failure(
        kind="engine",
        message=_short(f"{doing} failed: {ename}: {evalue}"),
        ename=ename,
        evalue=evalue,
        traceback=tuple(error.get("traceback", ())),
        hint="the disk is full: make room, then `nb2flow resume` goes on" if full else "",
    )


def _problems(manifest: Path | None) -> list[Mapping[str, Any]]:
    if manifest is None:
        return []
    try:
        document = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return []
    problems = document.get("problems", []) if isinstance(document, dict) else []
    return [p for p in problems if isinstance(p, dict)]


def _printed(cell: Mapping[str, Any] | None) -> str:
    """What the cell printed on standard error."""
    outputs = cell.get("outputs", []) if cell is not None else []
    return "".join(str(o.get("text", "")) for o in outputs if o.get("name") == "stderr").rstrip()


def _last_words(cell: Mapping[str, Any] | None) -> str:
    """The last line on standard error: IPython's own refusals (an unknown magic) come without a traceback."""
    text = _printed(cell).strip()
    return text.splitlines()[-1] if text else ""


def _error_of(cell: Mapping[str, Any] | None) -> Mapping[str, Any]:
    for output in reversed(cell.get("outputs", []) if cell is not None else []):
        if output["output_type"] == "error":
            error: Mapping[str, Any] = output
            return error
    return {}


def _place(cell: Mapping[str, Any], marks: Mapping[str, Any], traceback: Sequence[str]) -> dict[str, Any]:
    """Cell and line in the author's notebook, as keyword arguments of `Failure`."""
    line, shown = _line(traceback, cell.get("execution_count"))
    lines = cell["source"].splitlines()
    text = lines[line - 1] if line is not None and 0 < line <= len(lines) else ""
    cell_id, index = str(marks.get("id") or cell.get("id", "")), marks.get("cell")
    if line is not None and (part := _replayed(marks.get("lines", ()), lines, line, shown)) is not None:
        cell_id, index, line, text = part
    return {"cell_id": cell_id, "cell_index": index, "line": line, "source_line": text.strip()}


def _replayed(
    parts: Sequence[Mapping[str, Any]], lines: Sequence[str], line: int, shown: str
) -> tuple[str, int, int, str] | None:
    """Cell id, cell, line and text of what a traceback of a cell that repeats `parts` calls `line` and shows.

    Replayed lines go by the numbers that they have in the author's cells (the runtime's `replaying`), so several
    parts may have the number: the text decides. A shell that could not be told so numbers the lines of the cell.
    """
    for part in parts:
        here = part["first"] + line - part["line"]
        if part["first"] <= here <= part["last"] and (text := lines[here - 1]).strip() == shown:
            return part["id"], part["cell"], line, text
    for part in parts:
        if part["first"] <= line <= part["last"]:
            return part["id"], part["cell"], part["line"] + line - part["first"], lines[line - 1]
    return None


def _line(traceback: Sequence[str], number: int | None) -> tuple[int | None, str]:
    """The line of the innermost frame that lies in the cell with execution count `number`, and what it shows there."""
    text = _ANSI.sub("", "\n".join(traceback))
    here = [match for match in _CELL_LINE.finditer(text) if int(match.group(1)) == number]
    if here:
        arrow = _ARROW.search(text, here[-1].end())
        line = int(here[-1].group(2))
        return line, arrow.group(2).strip() if arrow is not None and int(arrow.group(1)) == line else ""
    if _CELL_LINE.search(text):
        return None, ""
    if (plain := _PLAIN_FRAME.search(text)) is not None:
        return int(plain.group(1)), ""
    frame = None
    for match in _OLD_FRAME.finditer(text):
        count = match.group(1) or match.group(2)
        if count is None or int(count) == number:
            frame = match
    arrow = _ARROW.search(text, frame.end()) if frame is not None else None
    return (int(arrow.group(1)), arrow.group(2).strip()) if arrow is not None else (None, "")


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "no length"
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
