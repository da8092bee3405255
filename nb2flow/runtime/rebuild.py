"""What a pickle stream calls when it is loaded: functions that make again what pickle alone cannot.

Streams name these functions, so their names and arguments are part of the artifact format (`blob.MAGIC` has its
version). They run in the kernel that loads, and give functions the live namespace of that kernel as globals.
"""

from __future__ import annotations

import importlib
import linecache
import marshal
import os
import re
import sys
import types
import weakref
from collections import namedtuple
from typing import Any, Callable

from .shell import namespace, shell


def memory(buffer: Any) -> Any:
    """The buffer that several arrays are views of."""
    return buffer


def owner(buffer: Any, shape: Any, dtype: Any, order: str, writeable: bool) -> Any:
    """An array that owns its memory."""
    numpy = importlib.import_module("numpy")
    made = numpy.ndarray(shape, dtype, buffer, order=order).copy(order="K")
    if not writeable:
        made.flags.writeable = False
    return made


def view(region: Any, kind: type, offset: int, shape: Any, strides: Any, dtype: Any, writeable: bool) -> Any:
    """An array over shared memory."""
    numpy = importlib.import_module("numpy")
    array = numpy.ndarray(shape, dtype, region, offset, strides)
    if kind is not numpy.ndarray:
        array = array.view(kind)
    if not writeable:
        array.flags.writeable = False
    return array


def object_view(base: Any, kind: type, offset: int, shape: Any, strides: Any, dtype: Any, writeable: bool) -> Any:
    """A view of an array of Python objects; `offset` is in bytes from the start of `base`."""
    numpy = importlib.import_module("numpy")
    start = base.ravel(order="K")[offset // base.itemsize :]
    array = numpy.lib.stride_tricks.as_strided(start, shape, strides, writeable=writeable)
    return array if kind is numpy.ndarray else array.view(kind)


def fill_view(array: Any, attributes: dict[str, Any]) -> None:
    """The attributes of an array of its own kind."""
    vars(array).update(attributes)


def string_dtype(kind: type, storage: Any) -> Any:
    """pandas' kind of text, of which a missing one is NaN."""
    return kind(storage, na_value=importlib.import_module("numpy").nan)


def language(kind: type) -> Any:
    """An empty pipeline of spaCy's, once its registries are filled, as making one does."""
    for name, filling in (
        ("spacy.registrations", "populate_registry"),
        ("spacy.pipeline.factories", "register_factories"),
    ):
        try:
            fill = getattr(importlib.import_module(name), filling, None)
        except ImportError:  # another version, which fills them when it is imported
            continue
        if fill is not None:
            fill()
    return object.__new__(kind)


def record(row: Any) -> Any:
    """The row that an array without dimensions holds, as a view of its memory."""
    return row[()]


def masked(data: Any, mask: Any, fill_value: Any, hard: bool, shared: bool, attributes: dict[str, Any]) -> Any:
    """A numpy.ma.MaskedArray over its data and mask arrays, which may be shared."""
    numpy = importlib.import_module("numpy")
    array = data.view(numpy.ma.MaskedArray)
    array._mask = mask
    array._fill_value = fill_value
    array._hardmask = hard
    array._sharedmask = shared
    array.__dict__.update(attributes)
    return array


def tensor(buffer: Any, offset: int, dtype: Any, size: Any, stride: Any, requires_grad: bool, parameter: bool) -> Any:
    """A torch tensor on the CPU over a buffer that may be shared; `offset` in bytes, `stride` in elements."""
    torch = importlib.import_module("torch")
    count = 1 + sum((n - 1) * s for n, s in zip(size, stride))
    flat = torch.frombuffer(buffer, dtype=dtype, count=count, offset=offset)
    made = flat.as_strided(size, stride)
    return torch.nn.Parameter(made, requires_grad) if parameter else made.requires_grad_(requires_grad)


def fill_tensor(made: Any, state: dict[str, Any]) -> None:
    """A tensor's gradient and attributes."""
    made.grad = state["grad"]
    vars(made).update(state["dict"])


def block(values: Any, placement: Any, ndim: int, refs: Any) -> Any:
    """A pandas block that knows which other blocks have the same values (pandas' copy-on-write needs that)."""
    blocks = importlib.import_module("pandas.core.internals.blocks")
    internals = importlib.import_module("pandas._libs.internals")
    where = internals.BlockPlacement(placement)
    return blocks.new_block(values, placement=where, ndim=ndim, refs=refs)


def block_refs() -> Any:
    """An empty register of blocks with the same values."""
    return importlib.import_module("pandas._libs.internals").BlockValuesRefs()


def single_manager(kind: Any, only: Any, axis: Any) -> Any:
    """The manager of a pandas Series."""
    return kind(only, axis)


def referenced_index(make: Callable[..., Any], arguments: Any, refs: Any, looked_up: bool = False) -> Any:
    """A pandas Index whose values are those of a block, or in which something was looked up."""
    index = make(*arguments)
    if refs is not None:
        index._references = refs
        refs.add_index_reference(index)
    if looked_up:
        index._engine.is_unique  # noqa: B018 - makes the table
    return index


def kept(name: str) -> Any:
    """What a class keeps (see `classes`), still empty."""
    from .classes import Kept

    return Kept(name, {})


def fill_kept(made: Any, attributes: dict[str, Any]) -> None:
    """What it is that a class keeps, which may refer to that class."""
    made.attributes = attributes


def unevaluated(kind: Any, arguments: Any) -> Any:
    """A SymPy expression as it stands, not worked out."""
    with importlib.import_module("sympy").evaluate(False):
        return kind(*arguments)


def current_shell() -> Any:
    """What `get_ipython()` returns here."""
    return shell()


def lookup(qualname: str) -> Any:
    """An object of the notebook by its dotted name."""
    found: Any = namespace()[qualname.partition(".")[0]]
    for part in qualname.split(".")[1:]:
        found = getattr(found, part)
    return found


def cell() -> Any:
    """An empty closure cell; the functions that have it fill it."""
    return types.CellType()


def function(code: bytes, home: str, name: str, closure: Any) -> Any:
    """A function with the live globals of module `home` (`__main__` is the notebook)."""
    return types.FunctionType(_here(marshal.loads(code)), _globals(home), name, None, closure or None)  # noqa: S302


def code(compiled: bytes) -> Any:
    """Code that was compiled from a text."""
    return _here(marshal.loads(compiled))  # noqa: S302


def plain_function(code: bytes, home: str, name: str, qualname: str, defaults: Any, kwdefaults: Any) -> Any:
    """A function without closure or attributes: the one that the notebook already defined here, if it is the same."""
    loaded = marshal.loads(code)  # noqa: S302
    names = _globals(home)
    found: Any = names.get(qualname.partition(".")[0])
    for part in qualname.split(".")[1:]:
        found = getattr(found, "__dict__", {}).get(part)
    if (
        type(found) is types.FunctionType
        and found.__globals__ is names
        and not found.__closure__
        and not vars(found)
        and same_code(found.__code__, loaded)
        and _same_constants(found.__defaults__, defaults)
        and _same_constants(found.__kwdefaults__, kwdefaults)
    ):
        return found
    made = types.FunctionType(_here(loaded), names, name, defaults)
    made.__kwdefaults__ = kwdefaults
    return made


def fill_function(made: Any, state: dict[str, Any]) -> None:
    """The second half of a function, which may refer to the function itself."""
    for closed, content in zip(made.__closure__ or (), state.get("cells", ())):
        if content:
            closed.cell_contents = content[0]
    for attribute in ("__qualname__", "__module__", "__doc__", "__annotations__", "__defaults__", "__kwdefaults__"):
        if attribute in state:
            setattr(made, attribute, state[attribute])
    made.__dict__.update(state.get("dict", {}))
    source = state.get("source")
    if source is not None:
        # As if the cell had been run here: tracebacks and inspect.getsource show the author's lines.
        name, text = _CELLS.sub(_folder, source[0]), source[1]
        linecache.cache.setdefault(name, (len(text), None, text.splitlines(True), name))


_CELLS = re.compile(r"(?<=[/\\])ipykernel(?=[/\\]\d+\.py$)")


def _here(code: Any) -> Any:
    """The same code as if its cell had been run in this process: what it warns of names the file, and IPython, which
    lets the code of cells warn anew in each cell, knows it by that."""
    constants = tuple(_here(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=_CELLS.sub(_folder, code.co_filename), co_consts=constants)


def _folder(_: Any) -> str:
    return f"ipykernel_{os.getpid()}"


_origins: list[Any] = []  # stands for tables that others were taken from, as long as this kernel lives


def fill_frame(made: Any, state: Any) -> None:
    """The state of a pandas table, then what it was taken from: a column of `column`, or a table that is not here."""
    own, warns, column, added = state
    made.__setstate__(own)
    vars(made).update(added)
    if column is not None:
        item, holder = column
        object.__setattr__(made, "_cacher", (item, weakref.ref(holder)))
        vars(holder).setdefault("_item_cache", {})[item] = made
    if warns:
        if not _origins:
            _origins.append(importlib.import_module("pandas").DataFrame({"of another": [0]}).iloc[:0])
        object.__setattr__(made, "_is_copy", weakref.ref(_origins[0]))


def fill_container(made: Any, state: Any) -> None:
    """Elements and attributes of an instance of a class made from list or dict."""
    attributes, elements = state
    (dict.update if isinstance(made, dict) else list.extend)(made, elements)
    if hasattr(type(made), "__setstate__"):
        made.__setstate__(attributes)
        return
    plain, slots = attributes if isinstance(attributes, tuple) else (attributes, None)
    made.__dict__.update(plain or {})
    for name, value in (slots or {}).items():
        object.__setattr__(made, name, value)


def new_class(meta: Any, name: str, bases: Any, attributes: dict[str, Any]) -> Any:
    """An empty class; `fill_class` adds what may refer to the class itself."""

    def body(names: dict[str, Any]) -> None:
        names.update(attributes)

    return types.new_class(name, bases, {} if meta is type else {"metaclass": meta}, body)


def fill_class(made: Any, attributes: dict[str, Any]) -> None:
    """Methods and other attributes of a class."""
    for name, value in attributes.items():
        type.__setattr__(made, name, value)


def named_tuple(name: str, fields: Any, defaults: Any, module: str, qualname: str) -> Any:
    """A collections.namedtuple class."""
    made = namedtuple(name, fields, defaults=defaults, module=module)  # type: ignore[misc]
    made.__qualname__ = qualname
    return made


def enum_class(bases: Any, name: str, members: Any, module: str, qualname: str) -> Any:
    """An enum class with these (name, value) members."""
    mixin = {"type": bases[0]} if len(bases) > 1 else {}
    return bases[-1](name, members, module=module, qualname=qualname, **mixin)


def cached_property(wrapped: Any, name: str | None) -> Any:
    """A functools.cached_property that has its name already."""
    functools = importlib.import_module("functools")
    made = functools.cached_property(wrapped)
    if name is not None:
        made.attrname = name
    return made


def same_code(one: Any, other: Any) -> bool:
    """Whether two code objects do the same, wherever they were written."""
    return bool(_without_place(one) == _without_place(other))


def _without_place(code: Any) -> Any:
    constants = tuple(_without_place(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    lines = "co_linetable" if hasattr(code, "co_linetable") else "co_lnotab"
    return code.replace(co_firstlineno=1, co_filename="", co_consts=constants, **{lines: b""})


def _same_constants(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _globals(home: str) -> dict[str, Any]:
    if home == "__main__":
        return namespace()
    module = sys.modules.get(home) or importlib.import_module(home)
    return vars(module)


def set_suppressed(holder: Any, state: tuple[dict[str, Any], list[str]]) -> None:
    """Give a part of a parser of arguments its attributes."""
    from argparse import SUPPRESS

    vars(holder).update(state[0])
    vars(holder).update(dict.fromkeys(state[1], SUPPRESS))
