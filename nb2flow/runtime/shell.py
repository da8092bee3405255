"""The kernel that the step runs in: its user namespace and its numbering of cells.

This file alone knows IPython. It works without it too (a plain interpreter runs the step as a script): then the
namespace is that of `__main__` and there is nothing to number.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from typing import Any

ALIAS = "_nb2flow"
_INPUT_NAME = re.compile(r"_i\d+$")


def shell() -> Any:
    """The running InteractiveShell, or None."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def namespace() -> dict[str, Any]:
    """The dict that the author's cells use as globals (the live one)."""
    running = shell()
    names: dict[str, Any] = running.user_ns if running is not None else vars(sys.modules["__main__"])
    return names


def forget_alias() -> None:
    """Remove the name under which the load and save cells know this package."""
    namespace().pop(ALIAS, None)


def number_next_cell(number: int, keep_history: bool) -> None:
    """Make the next cell In[number], with `In` padded so that `In[k]` is the author's cell k.

    Called from within a cell: IPython adds one to its counter when that cell ends, or (since 9) when it begins. Inputs
    that are not the author's (the cells that start and load) are blanked, so that no cell can read them. IPython's
    history file takes each (session, line) once and waits for the disk: without `keep_history` it is left alone from
    now on, else another session begins in it when numbers go back.
    """
    running = shell()
    history = getattr(running, "history_manager", None)
    if running is None or history is None or number < 1:
        return
    this_cell = len(history.input_hist_parsed) - 1
    is_counted = running.execution_count > this_cell
    if not keep_history:
        history.enabled = False
    elif number <= this_cell:
        _new_history_session(history)
    for inputs in (history.input_hist_parsed, history.input_hist_raw):
        inputs[:] = [""] * number
    for key in [k for k in history.output_hist if isinstance(k, int) and k >= number]:
        del history.output_hist[key]
    history._i00 = history._i = history._ii = history._iii = ""
    names = namespace()
    for name in [n for n in names if isinstance(n, str) and _INPUT_NAME.match(n)]:
        del names[name]
    names.update({"_i": "", "_ii": "", "_iii": ""})
    running.execution_count = number if is_counted else number - 1


def _new_history_session(history: Any) -> None:
    if not getattr(history, "enabled", False):
        return
    try:
        history.writeout_cache()
        history.new_session()
    except (sqlite3.Error, AttributeError):
        return  # a history file that is locked or damaged: IPython goes without it too
