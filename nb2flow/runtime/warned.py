"""Notes which warnings were shown, for Python shows a repeated warning only once in a process.

Where a step repeats what an earlier step has already warned of, one kernel would have been silent; each kernel of its
own is not. That a warning is a repetition can be told when all steps have ended, from what is noted here: who warned
(category, text, file, line), what was written to stderr, and how often the filters had changed by then, for every
change of the filters makes Python forget what it has shown. Changes made by importing a library are kept apart: in one
kernel they happen once, at the first import.
"""

from __future__ import annotations

import warnings
from typing import Any

MOST = 200


class _Notes:
    """What was shown since `begin`."""

    def __init__(self) -> None:
        self.show: Any = None
        self.mutated: Any = None
        self.shown: list[dict[str, Any]] = []
        self.changes = 0
        self.imports: list[tuple[str, int]] = []
        self.importing = False


_notes = _Notes()


def begin() -> None:
    """Note from now on. Does nothing where Python's warnings module has another inside."""
    end()
    show = getattr(warnings, "_showwarnmsg_impl", None)
    mutated = getattr(warnings, "_filters_mutated", None)
    if show is None or mutated is None:
        return
    _notes.show, _notes.mutated, _notes.shown, _notes.changes = show, mutated, [], 0
    _notes.imports, _notes.importing = [], False
    warnings._showwarnmsg_impl = _show  # type: ignore[attr-defined]
    warnings._filters_mutated = _mutated  # type: ignore[attr-defined]


def end() -> dict[str, Any]:
    """Stop, and give what was noted: `warned` and `filter_changes`."""
    if _notes.show is not None:
        warnings._showwarnmsg_impl = _notes.show  # type: ignore[attr-defined]
        warnings._filters_mutated = _notes.mutated  # type: ignore[attr-defined]
        _notes.show = _notes.mutated = None
    return {"warned": _notes.shown, "filter_changes": _notes.changes, "filter_imports": _notes.imports}


def importing(name: str) -> None:
    """A module is being loaded: what it does to the filters is put to its account until `imported`."""
    _notes.imports.append((name, 0))
    _notes.importing = True


def imported() -> None:
    """The module is loaded."""
    _notes.importing = False


def _show(message: Any) -> None:
    if len(_notes.shown) < MOST:
        text = warnings._formatwarnmsg(message)  # type: ignore[attr-defined]
        who = [message.category.__name__, str(message.message), message.filename, message.lineno]
        when = {"after": _notes.changes, "imports": len(_notes.imports)}
        _notes.shown.append({"who": [str(part) for part in who], "text": text, **when})
    _notes.show(message)


def _mutated() -> None:
    if _notes.importing:
        name, count = _notes.imports[-1]
        _notes.imports[-1] = (name, count + 1)
    else:
        _notes.changes += 1
    _notes.mutated()
