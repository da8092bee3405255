"""Diagnostics as a person reads them: code, severity, place, message; the source line, a caret, a hint. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.views.terminal import Terminal, stripped
from nb2flow.views.words import counted

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def place_words(place: Place) -> str:
    """`cell 4 [a1b2] line 2`, as far as it is known. Cells count from 0 among all cells, as everywhere."""
    words = []
    if place.cell is not None:
        words.append(f"cell {place.cell}")
    if place.cell_id:
        words.append(f"[{place.cell_id}]")
    if place.line is not None:
        words.append(f"line {place.line}")
    return " ".join(words)


def draw(diagnostic: Diagnostic, terminal: Terminal) -> str:
    """One diagnostic, over a few lines: `NB203 error  cell 4 [id] line 2: message`, source, caret, `hint: …`."""
    colour = _COLOURS[diagnostic.severity]
    head = f"{terminal.paint(diagnostic.code, 'bold')} {terminal.paint(f'{diagnostic.severity:<7}', colour, 'bold')}"
    where = place_words(diagnostic.place)
    lines = [f"{head} {where + ': ' if where else ''}{diagnostic.message}"]
    lines += _source(diagnostic.place, colour, terminal)
    if diagnostic.hint:
        lines.append(f"    {terminal.paint('hint:', 'bold')} {diagnostic.hint}")
    return "\n".join(lines)


def _source(place: Place, colour: str, terminal: Terminal) -> list[str]:
    if place.text is None or not place.text.strip():
        return []
    text = stripped(place.text.expandtabs(4)).rstrip("\n")
    start = len(place.text[: place.column].expandtabs(4)) if place.column is not None else None
    end = len(place.text[: place.end_column].expandtabs(4)) if place.end_column is not None else None
    room = max(terminal.width - 8, 20)
    shift = 0
    if start is not None and start > room - 12:
        shift = start - room // 2
    shown = ("…" if shift and terminal.unicode else "") + text[shift : shift + room]
    lines = [f"    {terminal.paint(terminal.sign('│', '|'), 'dim')} {shown}"]
    if start is not None:
        gap = start - shift + (1 if shift and terminal.unicode else 0)
        length = max(1, min((end if end is not None else start + 1) - start, room - gap))
        lines.append(
            f"    {terminal.paint(terminal.sign('│', '|'), 'dim')} {' ' * gap}{terminal.paint('^' * length, colour)}"
        )
    return lines


def summary(diagnostics: Iterable[Diagnostic], steps: int | None = None) -> str:
    """One line: how many of each severity, and how many steps the notebook has: `2 errors, 1 warning; 5 steps`."""
    every = list(diagnostics)
    counts = [(s, sum(d.severity is s for d in every)) for s in (Severity.ERROR, Severity.WARNING, Severity.INFO)]
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    words = ", ".join(counted(n, nouns[s]) for s, n in counts if n) or "no problems"
    return words + (f"; {counted(steps, 'step')}" if steps is not None else "")


def to_value(diagnostic: Diagnostic) -> dict[str, object]:
    """A diagnostic as JSON values; the keys are stable. `cell` is the 0-based index among all cells, `line` 1-based."""
    place = diagnostic.place
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "cell": place.cell,
        "cell_id": place.cell_id,
        "line": place.line,
        "column": place.column,
        "end_column": place.end_column,
        "text": place.text,
    }
