"""Why a step failed, as its author needs it: the cell, the source line among its neighbours, the traceback, what next.

Pure. Text from the notebook is shown without any escape but colours, so that it cannot play tricks on a terminal.
"""

from __future__ import annotations

from nb2flow.runs.events import Failure
from nb2flow.views.terminal import Terminal, stripped, traceback_text
from nb2flow.views.words import clipped

_KINDS = {
    "error": "a cell raised an exception",
    "timeout": "it ran longer than its timeout",
    "kernel-died": "its kernel died",
    "kernel-start": "its kernel did not start",
    "cannot-carry": "a value cannot be carried between steps",
    "cancelled": "it was stopped",
    "engine": "the engine failed",
}

_ENDS = 30  # lines of a traceback that are shown at either end
_WIDEST = 400


def headline(failure: Failure) -> str:
    """The failure in one short line: `ValueError: no rows` or what happened to the kernel."""
    if failure.ename:
        said = f"{failure.ename}: {failure.evalue}" if failure.evalue.strip() else failure.ename
        return clipped(" ".join(stripped(said).split()), 160)
    return clipped(" ".join(stripped(failure.message).split()), 160) or _KINDS.get(failure.kind, failure.kind)


def where(failure: Failure) -> str:
    """`cell 4 [a1b2], line 2`, as far as it is known."""
    words = f"cell {failure.cell_index}" if failure.cell_index is not None else "cell" if failure.cell_id else ""
    if failure.cell_id:
        words += f" [{failure.cell_id}]"
    if failure.line is not None:
        words += f", line {failure.line}"
    return words


def source_lines(source: str, line: int | None, terminal: Terminal, around: int = 3) -> list[str]:
    """The lines of a cell about its line number `line` (1-based), numbered, the line itself marked."""
    lines = source.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return []
    first, last = max(1, line - around), min(len(lines), line + around)
    digits = len(str(last))
    shown = []
    for number in range(first, last + 1):
        text = clipped(
            stripped(lines[number - 1].expandtabs(4)), max(terminal.width - digits - 8, 20), terminal.sign("…", "...")
        )
        if number == line:
            mark = terminal.sign("❱", ">")
            shown.append(terminal.paint(f"  {mark} {number:>{digits}} {terminal.sign('│', '|')} {text}", "red", "bold"))
        else:
            shown.append(terminal.paint(f"    {number:>{digits}} {terminal.sign('│', '|')} {text}", "dim"))
    return shown


def _cut(lines: list[str], terminal: Terminal) -> list[str]:
    """A traceback that a person can take in: of a deep recursion or a very long message the beginning and the end."""
    more = terminal.sign("…", "...")
    left_out = len(lines) - 2 * _ENDS
    if left_out > _ENDS // 2:
        lines = [*lines[:_ENDS], f"{more} {left_out} lines left out {more}", *lines[-_ENDS:]]
    return [line if len(plain := stripped(line)) <= _WIDEST else clipped(plain, _WIDEST, more) for line in lines]


def draw(step: str, failure: Failure, terminal: Terminal, *, source: str = "", executed: str = "") -> str:
    """The whole view of one failed step. `source` is the failing cell's text, `executed` the notebook to look at."""
    place = where(failure)
    head = f"step {step} failed" + (f" at {place}" if place else "") + f": {_KINDS.get(failure.kind, failure.kind)}"
    lines = [f"{terminal.glyph('failed')} {terminal.paint(head, 'bold')}"]
    context = source_lines(source, failure.line, terminal)
    if not context and failure.source_line:
        context = [f"    {stripped(failure.source_line)}"]
    if context:
        lines += ["", *context]
    if failure.traceback:
        lines += ["", *("  " + t for t in _cut(traceback_text(failure.traceback, terminal).splitlines(), terminal))]
    else:
        lines += ["", "  " + stripped(failure.message)]
    lines += ["", *(f"  cannot carry {name} (made by {maker})" for name, maker in failure.variables)]
    if failure.hint:
        lines.append(f"  {terminal.paint('hint:', 'bold')} {failure.hint}")
    if executed:
        lines.append(f"  executed notebook: {executed}")
    return "\n".join(lines).rstrip()
