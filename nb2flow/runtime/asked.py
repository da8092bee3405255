"""What code asks of the process without an audit event: whether a file is there and what it is like, what a variable of
the environment is, which folder it works in.

`os.stat` and `os.lstat` (which `os.path.exists`, `Path.is_file` and the like call) tell the path that they are asked
for; the environment and `os.getcwd` tell who asked, since libraries ask for much on their own account. They are wrapped
only while the notebook's code runs, and go on working when somebody has kept them.
"""

# Wrapped functions get whatever the notebook gives them, and plain strings are cheap.
from __future__ import annotations

import functools
import os
import sys
from typing import Any, Callable

# Modules that ask for whoever called them.
_ON_BEHALF = {"os", "posixpath", "ntpath", "genericpath", "pathlib", "collections.abc", "IPython.core.magics.osm"}
_SETS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


class _Listeners:
    """Who is told: of a path, of a variable's name and the file that asked, of the file that asked for the folder."""

    path: Callable[[Any], None] | None = None
    variable: Callable[[str, str], None] | None = None
    folder: Callable[[str], None] | None = None
    listed: tuple[Any, set[str]] = (None, set())  # code that goes through all variables, and those still to come


_functions: dict[str, tuple[Any, Any]] = {}  # name in os -> what was there, what is there instead
_methods: dict[str, tuple[Any, Any]] = {}  # the same for the class of os.environ


def begin(path: Callable[[Any], None], variable: Callable[[str, str], None], folder: Callable[[str], None]) -> None:
    """Tell these from now on."""
    end()
    _Listeners.path, _Listeners.variable, _Listeners.folder = path, variable, folder
    for name, wrap in (("stat", _telling_path), ("lstat", _telling_path), ("getcwd", _telling_folder)):
        original = getattr(os, name)
        _functions[name] = (original, wrap(original))
        setattr(os, name, _functions[name][1])
        for kind in _SETS:  # libraries look there for what a function can do
            if original in getattr(os, kind, ()):
                getattr(os, kind).add(_functions[name][1])
    for name, wrap in (("__getitem__", _telling_variable), ("__iter__", _telling_all)):
        original = getattr(type(os.environ), name)
        _methods[name] = (original, wrap(original))
        setattr(type(os.environ), name, _methods[name][1])


def end() -> None:
    """Tell nobody any more."""
    _Listeners.path = _Listeners.variable = _Listeners.folder = None
    _Listeners.listed = (None, set())
    for holder, wrapped in ((os, _functions), (type(os.environ), _methods)):
        for name, (original, ours) in wrapped.items():
            if getattr(holder, name) is ours:
                setattr(holder, name, original)
        wrapped.clear()


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
    while frame is not None and str(frame.f_globals.get("__name__")) in _ON_BEHALF:
        frame = frame.f_back
    return frame


def _file_of(frame: Any) -> str:
    """The file whose code asks; empty for a cell."""
    if frame is None or frame.f_globals.get("__name__") == "__main__":
        return ""
    return str(frame.f_code.co_filename)
