"""What this process's terminal can show. The only place that looks: views get a `Terminal` value."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from nb2flow.views.terminal import Terminal


def terminal_for(stream: TextIO) -> Terminal:
    """The terminal behind `stream` (as sys.stdout is now); NO_COLOR and FORCE_COLOR are honoured."""
    return Terminal(
        width=max(shutil.get_terminal_size((80, 24)).columns, 40), color=_color(stream), unicode=_unicode(stream)
    )


def out() -> Terminal:
    """The terminal behind standard output."""
    return terminal_for(sys.stdout)


def is_live(stream: TextIO) -> bool:
    """Whether a display that redraws itself makes sense on `stream`."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def _color(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_live(stream)


def _unicode(stream: TextIO) -> bool:
    try:
        "├─●✓⠋".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_browser() -> bool:
    """Whether there may be a browser that a page can be opened in."""
    if sys.platform != "linux":
        return True
    return any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))) or shutil.which("wslview") is not None
