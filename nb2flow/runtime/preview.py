"""A variable in at most 120 characters, for people who look at a pipeline.

Nothing here runs the notebook's code: no `__repr__`, `__len__` or property of a class that is not known to be
harmless. Values under names that look like secrets are not shown.
"""

from __future__ import annotations

import re
from types import BuiltinFunctionType, FunctionType
from typing import Any

LIMIT = 120
_SECRET = re.compile(r"passw|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
_ATOMS = (type(None), bool, int, float, complex)


def type_name(value: Any) -> str:
    """The type's full name, without `builtins`."""
    kind = type(value)
    module = _module(kind)
    return kind.__qualname__ if module in ("builtins", "") else f"{module}.{kind.__qualname__}"


def _module(kind: type) -> str:
    """Where the class says that it was made; nothing where it says None, as a function of SymPy's does."""
    module: object = kind.__module__
    return module if isinstance(module, str) else ""


def preview(name: str, value: Any) -> str:
    """What kind of thing the variable holds and how large it is; the value itself when it is small and plain."""
    text = "(not shown)" if _SECRET.search(name) else _describe(value, 2)
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def figure(name: str, value: Any) -> str:
    """`preview` of a metric: a number of NumPy or PyTorch is told as the plain number that it is."""
    kind = type(value)
    library = _module(kind).partition(".")[0]
    plain = (library == "numpy" and kind.__name__ in _NUMBERS) or (library == "torch" and kind.__name__ == "Tensor")
    if plain and (library == "numpy" or value.numel() == 1):
        value = value.item()
    return preview(name, value)


_NUMBERS = frozenset(
    ["float64", "float32", "float16", "longdouble", "bool", "bool_"]
    + [sign + "int" + bits for sign in ("", "u") for bits in ("8", "16", "32", "64")]
)


def _describe(value: Any, depth: int) -> str:
    kind = type(value)
    if kind in _ATOMS:
        return repr(value) if kind is not int or value.bit_length() < 300 else f"int of {value.bit_length()} bits"
    if kind in (str, bytes):
        return repr(value[:LIMIT])
    if kind in (list, tuple, set, frozenset, dict):
        return _container(value, depth)
    known = _LIBRARY.get(f"{_module(kind).partition('.')[0]}.{kind.__name__}")
    if known is not None:
        return known(value)
    if isinstance(value, type):
        return f"class {value.__qualname__}"
    if kind in (FunctionType, BuiltinFunctionType):
        return f"{kind.__name__} {value.__qualname__}"
    return kind.__qualname__


def _container(value: Any, depth: int) -> str:
    head = f"{type(value).__name__} of {len(value)}"
    if not value or depth == 0:
        return head
    if type(value) is dict:
        first = [_entry(key, item, depth - 1) for key, item in _few(value.items())]
    else:
        first = [_describe(item, depth - 1) for item in _few(value)]
    return "{}: {}{}".format(head, ", ".join(first), ", …" if len(value) > len(first) else "")


def _entry(key: Any, item: Any, depth: int) -> str:
    hidden = type(key) is str and _SECRET.search(key)
    return "{}: {}".format(_describe(key, 0), "(not shown)" if hidden else _describe(item, depth))


def _few(items: Any) -> list[Any]:
    few = []
    for item in items:
        few.append(item)
        if len(few) == 6:
            break
    return few


def _frame(value: Any) -> str:
    return "DataFrame {} x {}".format(*value.shape)


def _array(value: Any) -> str:
    return f"{type(value).__name__} {tuple(value.shape)} {value.dtype}"


def _scalar(value: Any) -> str:
    return f"{type(value).__name__}({value})"[:LIMIT]


_LIBRARY = {
    "pandas.DataFrame": _frame,
    "pandas.Series": lambda value: f"Series of {len(value)}, {value.dtype}",
    "pandas.Index": lambda value: f"Index of {len(value)}, {value.dtype}",
    "numpy.ndarray": _array,
    "numpy.matrix": _array,
    "torch.Tensor": _array,
    "torch.Parameter": _array,
    "numpy.float64": _scalar,
    "numpy.float32": _scalar,
    "numpy.int64": _scalar,
    "numpy.int32": _scalar,
    "numpy.bool": _scalar,
    "numpy.bool_": _scalar,
    "numpy.str_": _scalar,
}
