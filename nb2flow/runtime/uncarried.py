"""State that no artifact can hold, watched so that a change of it is never missed: what is kept inside modules that are
the project's own, and the figures that pyplot holds open.

A step that changes such state is seen to, and the steps that rely on it run as one. A module's state is told by a
fingerprint of its data, bounded in size: it looks at numbers, texts and containers, and runs none of the author's code.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from itertools import islice
from types import BuiltinFunctionType, FunctionType, GeneratorType, ModuleType
from typing import Any, Callable, Iterable

FIGURES = "process:figures"
MOST_PARTS = 20_000
_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_CODE = (FunctionType, BuiltinFunctionType, ModuleType, staticmethod, classmethod, property)
_DEEPEST = 6


class Watch:
    """What modules held when they were first seen. `is_own(paths)` gives those files that are the project's."""

    def __init__(self, is_own: Callable[[Iterable[str]], list[str]]) -> None:
        self._is_own = is_own
        self._known = set()  # type: set[str]
        self._states: dict[str, Any] = {}
        self._figures = _open_figures()
        self.look()

    def look(self) -> None:
        """Note the state of modules that are new since the last look."""
        new = [name for name in list(sys.modules) if name not in self._known]
        self._known.update(new)
        for name in new:
            module = sys.modules.get(name)
            file = getattr(module, "__file__", None)
            if name == "__main__" or not isinstance(module, ModuleType) or not isinstance(file, str):
                continue
            if self._is_own([file]):
                self._states[name] = _fingerprint(module)

    def changed(self) -> list[str]:
        """Ids of what has changed since: figures, modules, and modules that see these."""
        own = {name: sys.modules[name] for name in self._states if name in sys.modules}
        found = {name for name, module in own.items() if _fingerprint(module) != self._states[name]}
        waiting = list(found)
        while waiting:
            inner = waiting.pop()
            outer = [name for name, module in own.items() if name not in found and _sees(module, inner)]
            found.update(outer)
            waiting += outer
        return ["module:" + name for name in sorted(found)] + ([FIGURES] if _open_figures() != self._figures else [])


def _sees(module: ModuleType, other: str) -> bool:
    values = list(vars(module).values())
    return any(getattr(v, "__name__" if isinstance(v, ModuleType) else "__module__", None) == other for v in values)


def _open_figures() -> list[Any]:
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    managers = getattr(getattr(helpers, "Gcf", None), "figs", {})
    return [(number, id(manager)) for number, manager in managers.items()]


def _fingerprint(module: ModuleType) -> Any:
    left = [MOST_PARTS]
    own = {}
    for name, value in list(vars(module).items()):
        if name[:2] == "__" or isinstance(value, ModuleType):
            continue
        if isinstance(value, (FunctionType, type)):
            mine = value.__module__ == module.__name__
            own[name] = [id(value), [(k, _told(v, left, 0)) for k, v in _data_of(value)] if mine else None]
        else:
            own[name] = [id(type(value)), _told(value, left, 0)]
    return own


def _data_of(code: Any) -> list[tuple[str, Any]]:
    """What a function or class keeps beside its code."""
    found = [(k, v) for k, v in vars(code).items() if k[:2] != "__" and not isinstance(v, _CODE)]
    return [*found, ("defaults", getattr(code, "__defaults__", None))]


def _told(value: Any, left: list[int], depth: int) -> Any:
    """A value that is equal as long as nothing was changed in place; `left` says how many parts may still be told."""
    left[0] -= 1
    if type(value) in _ATOMS:
        return value if value == value else "nan"
    if left[0] < 0 or depth > _DEEPEST or isinstance(value, (_CODE, type)):
        return id(value)
    if type(value) in (list, tuple, deque):
        return (id(value), len(value), [_told(v, left, depth + 1) for v in islice(value, max(left[0], 1))])
    if isinstance(value, dict):
        parts = [(_told(k, left, depth + 1), _told(v, left, depth + 1)) for k, v in _some(value.items(), left)]
        return (id(value), len(value), parts)
    if isinstance(value, (set, frozenset)):
        return (id(value), len(value), sorted(map(repr, (_told(v, left, depth + 1) for v in _some(value, left)))))
    if hasattr(type(value), "tobytes") and hasattr(type(value), "dtype"):
        return (id(value), hash(value.tobytes()) if getattr(value, "nbytes", 0) <= 1 << 20 else None)
    where = _progress(value)
    if where is not None:
        return (id(value), where)
    own = getattr(value, "__dict__", None)
    size = len(value) if type(value).__module__ in ("collections", "array") else None
    attributes = list(own.items()) if isinstance(own, dict) else []
    return (id(value), size, [(k, _told(v, left, depth + 1)) for k, v in _some(attributes, left)])


def _progress(value: Any) -> Any:
    """How far something is that goes on when it is asked: a generator of random numbers, of Python's, NumPy's or
    PyTorch's, a generator, an iterator, a database that was written to. None for anything else."""
    home = type(value).__module__ or ""
    try:
        if isinstance(value, GeneratorType):
            frame = value.gi_frame
            if frame is None:
                return "over"
            return (frame.f_lasti, repr([(n, v) for n, v in frame.f_locals.items() if type(v) in _ATOMS]))
        if home == "builtins" and hasattr(value, "__length_hint__"):
            return value.__length_hint__()
        if home == "itertools":
            return repr(value)
        if home == "sqlite3":
            return getattr(value, "total_changes", None)
        if home == "random" and hasattr(value, "getstate"):
            return value.getstate()
        if home.startswith("numpy.random"):
            bits = getattr(value, "bit_generator", None) or getattr(value, "_bit_generator", value)
            return pickle.dumps(bits.state)
        if home.partition(".")[0] == "torch" and type(value).__name__ == "Generator":
            return value.get_state().numpy().tobytes()
    except (AttributeError, TypeError, ValueError, RuntimeError):  # an object that only looks like one
        return None
    return None


def _some(values: Iterable[Any], left: list[int]) -> Iterable[Any]:
    for count, value in enumerate(list(values)):
        if count and left[0] <= 0:
            return
        yield value
