"""When two uses of files must keep their order: files are shared by all steps, so reading after writing is not all.

Paths are compared as text; one that cannot be told may be any. One with `*`, `?` or `[` in it is a pattern.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from nb2flow.flow.effects import FileUse
from nb2flow.flow.model import ANY_FILE, Reason

_PATTERN = re.compile(r"[*?\[]")
_FILLED = re.compile(r"\{[^{}]*\}")


def reason(early: Sequence[FileUse], late: Sequence[FileUse]) -> Reason | None:
    """Why a group with the uses `early` must come before one with `late`; None when the order makes no difference."""
    for a in early:
        for b in late:
            if (a.writes or b.writes) and _overlap(a.path, b.path):
                path = a.path or b.path or ANY_FILE
                if a.writes and b.reads:
                    text = "written, then read"
                elif a.writes:
                    text = "written by both"
                else:
                    text = "read before it is written"
                if a.path is None or b.path is None:
                    text = f"perhaps {text}: a path is only known when it runs"
                return Reason("file", path, a.site, b.site, text)
    return None


def _overlap(a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return True
    if ("{" in a or "{" in b) and a.split("{")[1:2] != b.split("{")[1:2] and (a.split("}")[0] != b.split("}")[0]):
        return True  # filled in from different parameters: they may turn out the same
    if _PATTERN.search(a) or _PATTERN.search(b):
        return a == b or _match(a, b)
    return a == b or _inside(a, b) or _inside(b, a)


def _match(a: str, b: str) -> bool:
    """Whether a file may be meant by both, or lie in a folder that is: what is in it may be what a pattern finds."""
    for one, other in zip(_parts(a), _parts(b), strict=False):
        if one == "**" or other == "**":
            return True
        if _PATTERN.search(one) and _PATTERN.search(other):
            continue
        if not (fnmatchcase(one, other) or fnmatchcase(other, one)):
            return False
    return True


def _parts(path: str) -> list[str]:
    """Its parts; values that are filled in may be any."""
    return [part for part in _FILLED.sub("*", path).split("/") if part != "."]


def _inside(outer: str, inner: str) -> bool:
    return outer in (".", "") or (inner.startswith(outer) and inner.startswith(posixpath.join(outer, "")))
