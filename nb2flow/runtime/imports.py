"""Tells what importing a library did to the process from what the notebook's own code did.

Libraries set environment variables or add warnings filters while they are imported. A later step that needs the library
imports it too, so such changes are nobody's to carry: they are put into the baseline as they happen (but not numbers
that are drawn meanwhile: these are gone for all who draw later). Only statements that really load something cost time.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from pathlib import Path
from typing import Any, Callable

from . import resources, warned


def _ignore() -> None:
    return None


class _Accounts:
    """The baseline as it would be had every import so far come before it."""

    def __init__(self) -> None:
        self.baseline: dict[str, Any] | None = None
        self.home = Path()
        self.depth = 0
        self.original: Callable[..., Any] | None = None
        self.original_module: Callable[..., Any] | None = None
        self.loaded: Callable[[], None] = _ignore


_accounts = _Accounts()


def begin(baseline: dict[str, Any], home: Path, loaded: Callable[[], None] = _ignore) -> None:
    """Keep accounts from now on, against a copy of `baseline`; `loaded` is called when modules were loaded."""
    end()
    _accounts.loaded = loaded
    _accounts.baseline = {name: _copy(state) for name, state in baseline.items()}
    _accounts.home, _accounts.depth = home, 0
    _accounts.original, builtins.__import__ = builtins.__import__, _import
    _accounts.original_module, importlib.import_module = importlib.import_module, _import_module


def end() -> dict[str, Any] | None:
    """Stop, and give the baseline with what imports changed in it."""
    if _accounts.original is not None and _accounts.original_module is not None:
        if builtins.__import__ is _import:
            builtins.__import__ = _accounts.original
        if importlib.import_module is _import_module:
            importlib.import_module = _accounts.original_module
    _accounts.original = _accounts.original_module = None
    baseline, _accounts.baseline = _accounts.baseline, None
    return baseline


def _import(
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    original = _accounts.original
    if original is None:  # somebody kept this function beyond its time
        return importlib.__import__(name, globals, locals, fromlist, level)
    if _accounts.depth or level or _is_loaded(name, fromlist):
        return original(name, globals, locals, fromlist, level)
    return _accounted(name, lambda: original(name, globals, locals, fromlist, level))


def _import_module(name: str, package: Any = None) -> Any:
    original = _accounts.original_module
    if original is None:
        return __import__("importlib").import_module(name, package)
    if _accounts.depth or name in sys.modules:
        return original(name, package)
    return _accounted(name, lambda: original(name, package))


def _accounted(name: str, load: Callable[[], Any]) -> Any:
    before = resources.capture(_accounts.home)
    _accounts.depth += 1
    warned.importing(name)
    try:
        return load()
    finally:
        warned.imported()
        _accounts.depth -= 1
        if _accounts.baseline is not None:
            _rebase(_accounts.baseline, before, resources.capture(_accounts.home))
            _accounts.loaded()


def _is_loaded(name: str, fromlist: Any) -> bool:
    module = sys.modules.get(name)
    if module is None:
        return False
    return all(part != "*" and hasattr(module, part) for part in fromlist or ())


def _rebase(base: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Put the difference between `before` and `after` into `base`."""
    for name, state in after.items():
        if name not in base:
            base[name] = _copy(state)
            continue
        old = before.get(name)
        if resources.RESOURCES[name].delta(old, state, _accounts.home) is None:
            if isinstance(state, dict) and name == "process:config":
                _new_sections(base[name], old or {}, state)
        elif name.startswith("rng:"):
            continue  # who draws next notices: a step that imports the library before that gets the stream behind it
        elif isinstance(state, dict) and isinstance(old, dict):
            _rebase_keys(base[name], old, state)
        elif old is not None and resources.RESOURCES[name].delta(base[name], old, _accounts.home) is None:
            base[name] = state


def _new_sections(base: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    for section, values in after.items():
        if section not in before and section not in base:
            base[section] = _copy(values)


def _rebase_keys(base: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict) and isinstance(base.get(key), dict):
            _rebase_keys(base[key], before[key], value)
        elif key == "filters":
            added = [f for f in value if f not in before[key]]
            base[key] = added + [f for f in base[key] if f in value or f not in before[key]]
        elif key not in before or not _same(before[key], value):
            base[key] = _copy(value)
    for key in [k for k in before if k not in after]:
        base.pop(key, None)


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(one == other)
    except (ValueError, TypeError):
        return False


def _copy(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _copy(value) for key, value in state.items()}
    return list(state) if isinstance(state, list) else state
