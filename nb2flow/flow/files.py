"""When two uses of files must keep their order: files are shared by all steps, so reading after writing is not all.

Paths are compared as text; one that cannot be told may be any.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from nb2flow.flow.effects import FileUse
from nb2flow.flow.model import ANY_FILE, Reason


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
    return a == b or _inside(a, b) or _inside(b, a)


def _inside(outer: str, inner: str) -> bool:
    return outer in (".", "") or (inner.startswith(outer) and inner.startswith(posixpath.join(outer, "")))
