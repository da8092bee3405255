"""How numbers, times and counts are said everywhere: one wording for the terminal, the report and the graph. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 cell`, `3 cells`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def shortened(names: Iterable[str], limit: int) -> str:
    """Names joined by commas within `limit` characters; the rest as a count (`df, labels, +3`); at least one name."""
    every = list(names)
    for shown in range(len(every), 0, -1):
        text = ", ".join(every[:shown]) + (f", +{len(every) - shown}" if shown < len(every) else "")
        if len(text) <= limit or shown == 1:
            return text
    return ""


def duration(seconds: float | None) -> str:
    """A time span that a person reads at a glance: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def ago(seconds: float) -> str:
    """How long ago something was: `just now`, `5 minutes ago`, `2 days ago`."""
    if seconds < 45:
        return "just now"
    for size, noun, limit in ((60, "minute", 3600), (3600, "hour", 86400), (86400, "day", float("inf"))):
        if seconds < limit:
            return counted(max(1, round(seconds / size)), noun) + " ago"
    raise AssertionError("unreachable: the last limit is infinite")


def moment(at: float) -> str:
    """A Unix time as local date and time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def size(count: int) -> str:
    """A number of bytes: `812 B`, `1.2 kB`, `34 MB` (powers of 1000)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable: GB takes everything")


def clipped(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` characters; a cut is marked."""
    if len(text) <= width:
        return text
    return text[: max(width - len(mark), 0)] + mark if width >= len(mark) else text[:width]
