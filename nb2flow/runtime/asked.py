"""What code asks of the process without an audit event: whether a file is there and what it is like, what a variable of
the environment is, which folder it works in.

`os.stat` and `os.lstat` (which `os.path.exists`, `Path.is_file` and the like call) tell the path that they are asked
for; the environment and `os.getcwd` tell who asked, since libraries ask for much on their own account. They are wrapped
only while the notebook's code runs, and go on working when somebody has kept them.
"""

# Wrapped functions get whatever the notebook gives them, and plain strings are cheap.
from __future__ import annotations

import functools
import glob
import os
import sys
from typing import Any, Callable

# Modules that ask for whoever called them; so do those in pathlib.
_ON_BEHALF = {"os", "posixpath", "ntpath", "genericpath", "pathlib", "collections.abc", "IPython.core.magics.osm"}
_SETS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


class _Listeners:
    """Who is told: of a path, of a variable's name and the file that asked, of the file that asked for the folder."""

    path: Callable[[Any], None] | None = None
    variable: Callable[[str, str], None] | None = None
    folder: Callable[[str], None] | None = None
    listed: tuple[Any, set[str]] = (None, set())  # code that goes through all variables, and those still to come


_wrapped: list[tuple[Any, str, Any, Any]] = []  # where, under which name, what was there, what is there instead


def begin(path: Callable[[Any], None], variable: Callable[[str, str], None], folder: Callable[[str], None]) -> None:
    """Tell these from now on."""
    end()
    _Listeners.path, _Listeners.variable, _Listeners.folder = path, variable, folder
    for name, wrap in (("stat", _telling_path), ("lstat", _telling_path), ("getcwd", _telling_folder)):
        original = getattr(os, name)
        _put(os, name, original, wrap(original))
        for kind in _SETS:  # libraries look there for what a function can do
            if original in getattr(os, kind, ()):
                getattr(os, kind).add(getattr(os, name))
    for name, wrap in (("__getitem__", _telling_variable), ("__iter__", _telling_all)):
        original = getattr(type(os.environ), name)
        _put(type(os.environ), name, original, wrap(original))
    globber = getattr(glob, "_StringGlobber", None)  # by which Path.glob looks, from Python 3.13 on
    kept = vars(globber).get("lstat") if globber is not None else None
    if isinstance(kept, staticmethod):
        _put(globber, "lstat", kept, staticmethod(_telling_path(kept.__func__)))


def _put(holder: Any, name: str, original: Any, ours: Any) -> None:
    _wrapped.append((holder, name, original, ours))
    setattr(holder, name, ours)


def end() -> None:
    """Tell nobody any more."""
    _Listeners.path = _Listeners.variable = _Listeners.folder = None
    _Listeners.listed = (None, set())
    for holder, name, original, ours in _wrapped:
        if vars(holder).get(name) is ours:
            setattr(holder, name, original)
    _wrapped.clear()


def _telling_path(original: Any) -> Any:
    @functools.wraps(original)
    def ask(path: Any, *arguments: Any, **options: Any) -> Any:
        if _Listeners.path is not None and options.get("dir_fd") is None:
            _Listeners.path(path)
        return original(path, *arguments, **options)

    return ask


def _telling_folder(original: Any) -> Any:
    @functools.wraps(original)
    def ask() -> Any:
        if _Listeners.folder is not None:
            _Listeners.folder(_file_of(_who_asks()))
        return original()

    return ask


def _telling_variable(original: Any) -> Any:
    @functools.wraps(original)
    def ask(environ: Any, name: Any) -> Any:
        if _Listeners.variable is not None and environ is os.environ and isinstance(name, str):
            frame = _who_asks()
            code, names = _Listeners.listed
            if frame is not None and frame.f_code is code and name in names:
                names.discard(name)  # it is read because all are
            else:
                _Listeners.variable(name, _file_of(frame))
        return original(environ, name)

    return ask


def _telling_all(original: Any) -> Any:
    @functools.wraps(original)
    def ask(environ: Any) -> Any:
        names = list(original(environ))
        if _Listeners.variable is not None and environ is os.environ:
            _Listeners.listed = (getattr(_who_asks(), "f_code", None), set(names))
        return iter(names)

    return ask


def _who_asks() -> Any:
    """The frame of the code that asks, past modules that ask for their callers."""
    frame: Any = sys._getframe(2)
    while frame is not None and _is_on_behalf(str(frame.f_globals.get("__name__"))):
        frame = frame.f_back
    return frame


def _is_on_behalf(module: str) -> bool:
    return module in _ON_BEHALF or module.startswith("pathlib.")


def _file_of(frame: Any) -> str:
    """The file whose code asks; empty for a cell."""
    if frame is None or frame.f_globals.get("__name__") == "__main__":
        return ""
    return str(frame.f_code.co_filename)
