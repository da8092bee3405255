"""What a client asks again and again while a run goes: which runs changed, what a step printed, its notebook so far.

All state is in the cursors that the client sends back, so that a server that was restarted answers as if nothing had
happened. A cursor is text that means something to this file alone; one that cannot be read counts as none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from nb2flow.app.history import Found
from nb2flow.config import Settings
from nb2flow.errors import UsageError
from nb2flow.server import api_runs, encode_runs
from nb2flow.server.places import Places
from nb2flow.server.projects import Listed, Projects
from nb2flow.views.logs import printed
from nb2flow.views.terminal import Terminal, stripped

_COLOURED = Terminal(width=100, color=True)
_GOING = ("created", "running")
_STEP_GOING = ("waiting", "running", "retrying")


class _Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far a client has heard of a project: the last event, and how many runs there were."""

    last: int
    runs: int


def runs(projects: Projects, places: Places, settings: list[Settings], cursor: str, limit: int) -> api_runs.RunsReply:
    """The runs of these projects, or those that changed since the cursor."""
    heard = _read_marks(cursor)
    heads = {s.home: projects.heads(s) for s in settings}
    complete = heard is None or _something_is_gone(heads, heard)
    found: list[Listed] = []
    for one in settings:
        mark = None if complete or heard is None else heard.get(_key(one.home))
        newest = list(heads[one.home].items())[::-1][:limit]
        for run_id, (_, last) in newest:
            listed = _listed(projects, one, run_id)
            if listed is not None and (mark is None or last > mark.last or _may_change_by_itself(listed)):
                found.append(listed)
    found.sort(key=lambda listed: listed.found.state.created_at, reverse=True)
    marks = {_key(h): _Mark(max((last for _, last in r.values()), default=0), len(r)) for h, r in heads.items()}
    return api_runs.RunsReply(
        runs=[encode_runs.summary(listed, places) for listed in found[:limit]],
        complete=complete,
        since=_text(msgspec.to_builtins(marks)),
    )


def log(found: Found, step: str, cursor: str) -> api_runs.LogReply:
    """What a step has printed since the cursor: length and digest of what was told before."""
    notebook = found.notebook(found.step(step))
    text = (printed(notebook, _COLOURED) if notebook else "") + stripped(found.log(step))
    length, digest = _read_pair(cursor)
    reset = length > len(text) or (length > 0 and _digest(text[:length]) != digest)
    start = 0 if reset else length
    return api_runs.LogReply(
        text=text[start:], reset=reset, since=_text([len(text), _digest(text)]), ended=_ended(found, step)
    )


def step_notebook(found: Found, step: str, cursor: str) -> api_runs.StepNotebookReply:
    """A step's executed notebook, unless it is as the client has it."""
    path = found.executed(step)
    look = _look(path)
    content = None if cursor and cursor == look else found.notebook(step)
    return api_runs.StepNotebookReply(
        content=content, since=look if content is not None or cursor == look else cursor, ended=_ended(found, step)
    )


def _ended(found: Found, step: str) -> bool:
    return found.state.status not in _GOING or found.state.steps[step].status not in _STEP_GOING


def _listed(projects: Projects, settings: Settings, run_id: str) -> Listed | None:
    try:
        return projects.listed(settings, run_id)
    except UsageError:
        return None  # deleted this moment


def _may_change_by_itself(listed: Listed) -> bool:
    """Whether a run's status may change without an event: a process that drives it may die."""
    state = listed.found.state
    return state.status in _GOING or (state.status == "interrupted" and state.ended_at is None)


def _something_is_gone(heads: dict[Path, dict[str, tuple[int, int]]], heard: dict[str, _Mark]) -> bool:
    now = {_key(home): runs for home, runs in heads.items()}
    if any(key not in now for key, mark in heard.items() if mark.runs):
        return True
    for key, runs in now.items():
        mark = heard.get(key)
        if mark is not None and sum(first <= mark.last for first, _ in runs.values()) < mark.runs:
            return True
    return False


def _key(home: Path) -> str:
    return hashlib.sha256(str(home).encode()).hexdigest()[:12]


def _look(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _text(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii")


def _value(cursor: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode("ascii", "replace")), type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _read_marks(cursor: str) -> dict[str, _Mark] | None:
    found: dict[str, _Mark] | None = _value(cursor, dict[str, _Mark]) if cursor else None
    return found


def _read_pair(cursor: str) -> tuple[int, str]:
    found = _value(cursor, tuple[int, str]) if cursor else None
    return found if found is not None and found[0] >= 0 else (0, "")
