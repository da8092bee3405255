"""Functions and classes that were made in the notebook, taken along by value.

Functions travel as code and get the live globals of the kernel that loads them, so that they see the variables there.
Classes of the notebook travel by name as long as the name leads to them (their definition is replayed); only those
that no name leads to, or that are themselves saved, travel by value. What travels by value is remembered in
`carrier.by_value`, since it ties the variables that refer to it together.
"""

from __future__ import annotations

import functools
import gc
import importlib
import linecache
import marshal
import re
import sys
import types
from typing import TYPE_CHECKING, Any

from . import rebuild
from .faults import UncarryableError
from .shell import namespace

if TYPE_CHECKING:
    from .carrier import Carrier

_KERNEL_FOLDER = re.compile(r"ipykernel_\d+(?=[/\\])")
_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_MADE_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_NOT_COPIED = {"__dict__", "__weakref__", "__module__", "__qualname__", "__slots__", "_abc_impl", "__classcell__"}


def reduce_function(carrier: Carrier, function: Any) -> Any:
    """A function by name when it can be imported, else by value."""
    if is_importable(function):
        return NotImplemented
    owner = _owner(function)
    if owner is not None and function.__globals__ is namespace():
        return getattr, (owner, function.__name__)
    carrier.by_value.add(id(function))
    code, home = marshal.dumps(_placed(function.__code__)), _home(function)
    state: dict[str, Any] = {
        "__qualname__": function.__qualname__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
        "__annotations__": _annotations(function),
        "source": carrier.source_of(function.__code__.co_filename),
    }
    if _is_plain(function):
        arguments = (function.__qualname__, function.__defaults__, function.__kwdefaults__)
        made: tuple[Any, Any] = rebuild.plain_function, (code, home, function.__name__, *arguments)
    else:
        state["__defaults__"], state["__kwdefaults__"] = function.__defaults__, function.__kwdefaults__
        state["dict"] = dict(vars(function))
        state["cells"] = tuple(_content(closed) for closed in function.__closure__ or ())
        made = rebuild.function, (code, home, function.__name__, function.__closure__)
    return (*made, state, None, None, rebuild.fill_function)


def reduce_code(carrier: Carrier, code: Any) -> Any:
    """Code that `compile` made."""
    return rebuild.code, (marshal.dumps(_placed(code)),)


def reduce_method(carrier: Carrier, method: Any) -> Any:
    """A method with its object. Pickle looks it up there by its function's name, which finds it only if a class has it
    under that name, and nothing stands before it."""
    owner, name = method.__self__, getattr(method.__func__, "__name__", "")
    kinds = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    found = next((vars(kind)[name] for kind in kinds if name in vars(kind)), None)
    if getattr(found, "__func__", found) is method.__func__ and name not in getattr(owner, "__dict__", {}):
        return NotImplemented
    if isinstance(owner, type) and found is not None and getattr(found, "__func__", found) is method.__func__:
        return NotImplemented
    return types.MethodType, (method.__func__, owner)


def reduce_container(carrier: Carrier, thing: Any) -> Any:
    """An instance of a notebook's class made from list or dict: its elements are put in as the built-in class does it.
    Pickle would call the notebook's own `__setitem__` or `append`, which may do more than that."""
    own = [kind for kind in type(thing).__mro__ if kind.__module__ == "__main__"]
    if not any(name in vars(kind) for kind in own for name in _PUTTING_IN):
        return NotImplemented
    if any(getattr(type(thing), name) is not getattr(object, name) for name in ("__reduce_ex__", "__reduce__")):
        return NotImplemented
    make, arguments, attributes = thing.__reduce_ex__(2)[:3]
    elements = dict(dict.items(thing)) if isinstance(thing, dict) else list(list.__iter__(thing))
    return make, arguments, (attributes, elements), None, None, rebuild.fill_container


_PUTTING_IN = ("__setitem__", "append", "extend", "__iter__", "items")


def reduce_dict_view(carrier: Carrier, view: Any) -> Any:
    """`d.keys()`, `d.values()`, `d.items()`: they show what the dictionary becomes."""
    seen = next((held for held in gc.get_referents(view) if isinstance(held, dict)), None)
    return NotImplemented if seen is None else (getattr(seen, type(view).__name__.rpartition("_")[2]), ())


def reduce_class(carrier: Carrier, kind: Any) -> Any:
    """A class by name when the name leads to it, else by value."""
    if id(kind) not in carrier.carried and _is_by_name(carrier, kind):
        return NotImplemented
    if kind.__module__ != "__main__" and is_importable(kind):
        return NotImplemented
    if not kind.__flags__ & _MADE_IN_PYTHON:
        return _builtin_class(kind)
    carrier.by_value.add(id(kind))
    if _is_named_tuple(kind):
        return _named_tuple(kind)
    if isinstance(kind, sys.modules["enum"].EnumMeta):
        return _enum(kind)
    slots = vars(kind).get("__slots__", ())
    hidden = {slots} if isinstance(slots, str) else set(slots)
    attributes = {k: v for k, v in vars(kind).items() if k not in _NOT_COPIED and k not in hidden}
    first = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    if "__slots__" in vars(kind):
        first["__slots__"] = slots
    arguments = (type(kind), kind.__name__, kind.__bases__, first)
    return rebuild.new_class, arguments, attributes, None, None, rebuild.fill_class


def reduce_lru_cache(carrier: Carrier, function: Any) -> Any:
    """A cached function by name: its cache cannot be taken along."""
    if function.__module__ != "__main__" and is_importable(function):
        return NotImplemented
    name = getattr(function, "__qualname__", "")
    if id(function) in carrier.carried or "<" in name or _find(namespace(), name) is not function:
        raise UncarryableError("is a functools.lru_cache function, whose cache cannot be carried", function)
    carrier.needs.add(name.partition(".")[0])
    carrier.probe = True
    return rebuild.lookup, (name,)


def reduce_module(carrier: Carrier, module: Any) -> Any:
    """A module by name."""
    name = module.__name__
    if name != "__main__" and not _can_be_imported(name):
        raise UncarryableError(f"is a module made at run time ({name}), which cannot be imported again", module)
    return importlib.import_module, (name,)


def reduce_cell(carrier: Carrier, closed: Any) -> Any:
    """A closure cell: functions that share it share it after loading too."""
    carrier.by_value.add(id(closed))
    return rebuild.cell, ()


def reduce_property(carrier: Carrier, value: Any) -> Any:
    """A property of a class by value."""
    return property, (value.fget, value.fset, value.fdel, value.__doc__)


def reduce_wrapper(carrier: Carrier, value: Any) -> Any:
    """A staticmethod or classmethod of a class by value."""
    return type(value), (value.__func__,)


def reduce_cached_property(carrier: Carrier, value: Any) -> Any:
    """A functools.cached_property of a class by value."""
    return rebuild.cached_property, (value.func, value.attrname)


def reduce_mapping_proxy(carrier: Carrier, value: Any) -> Any:
    """A read-only view of a mapping: it still shows what that becomes, if that is carried, too."""
    seen = next((held for held in gc.get_referents(value) if hasattr(held, "keys")), None)
    return types.MappingProxyType, (dict(value) if seen is None else seen,)


def reduce_dataclass_mark(carrier: Carrier, value: Any) -> Any:
    """The singletons that dataclasses compares by identity."""
    module = sys.modules["dataclasses"]
    for name, candidate in vars(module).items():
        if candidate is value:
            return getattr, (module, name)
    return NotImplemented


def is_importable(thing: Any) -> bool:
    """Whether module and qualified name of a function or class lead to it in any process."""
    name = getattr(thing, "__module__", None)
    if not isinstance(name, str) or name == "__main__" or not _can_be_imported(name):
        return False
    return _find(vars(sys.modules[name]), thing.__qualname__) is thing


def _is_by_name(carrier: Carrier, kind: Any) -> bool:
    if kind.__module__ != "__main__" or _find(namespace(), kind.__qualname__) is not kind:
        return False
    root = kind.__qualname__.partition(".")[0]
    if id(namespace().get(root)) in carrier.carried:
        return False
    carrier.needs.add(root)
    return True


def _find(names: Any, qualname: str) -> Any:
    first, *rest = qualname.split(".")
    found = names.get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found


def _can_be_imported(name: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and (name in sys.builtin_module_names or getattr(module, "__spec__", None) is not None)


def _owner(function: Any) -> Any:
    """The class of the notebook that has this function as a method, when its name leads there."""
    path, _, name = function.__qualname__.rpartition(".")
    owner = _find(namespace(), path) if path and "<" not in path else None
    return owner if isinstance(owner, type) and vars(owner).get(name) is function else None


def _home(function: Any) -> str:
    names = function.__globals__
    if names is namespace():
        return "__main__"
    name = names.get("__name__")
    if isinstance(name, str) and _can_be_imported(name) and vars(sys.modules[name]) is names:
        return name
    raise UncarryableError("is a function whose globals are neither the notebook's nor a module's", function)


def _is_plain(function: Any) -> bool:
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    lambda_or_local = "<" in function.__qualname__
    return not (lambda_or_local or function.__closure__ or vars(function) or any(type(v) not in _ATOMS for v in values))


def _content(closed: Any) -> tuple[Any, ...]:
    try:
        return (closed.cell_contents,)
    except ValueError:  # the cell is empty
        return ()


def _annotations(thing: Any) -> dict[str, Any]:
    try:
        return dict(thing.__annotations__)
    except NameError:  # evaluated late (Python 3.14), and a name is not there
        return {}


def source_lines(filename: str) -> tuple[str, str] | None:
    """(file name, text) of a cell, so that tracebacks in later steps can show it; None for real files."""
    entry = linecache.cache.get(filename)
    if entry is None or len(entry) < 3 or entry[1] is not None:
        return None
    return _without_process(filename), "".join(entry[2])


def _placed(code: Any) -> Any:
    """The same code with a file name that does not depend on the process, so that equal functions give equal bytes."""
    constants = tuple(_placed(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=_without_process(code.co_filename), co_consts=constants)


def _without_process(filename: str) -> str:
    return _KERNEL_FOLDER.sub("ipykernel", filename)


def _is_named_tuple(kind: Any) -> bool:
    maker = vars(kind).get("__new__")
    names = getattr(maker, "__globals__", None) or getattr(getattr(maker, "__func__", None), "__globals__", {})
    return (
        kind.__bases__ == (tuple,)
        and isinstance(vars(kind).get("_fields"), tuple)
        and str(names.get("__name__")).startswith("namedtuple_")
    )


def _builtin_class(kind: Any) -> Any:
    """A class of the interpreter that only the module `types` has a name for."""
    for name, candidate in vars(types).items():
        if candidate is kind:
            return getattr, (types, name)
    return NotImplemented


def _named_tuple(kind: Any) -> Any:
    defaults = tuple(kind._field_defaults.values())
    fresh = rebuild.named_tuple(kind.__name__, kind._fields, defaults, kind.__module__, kind.__qualname__)
    more = {k: v for k, v in vars(kind).items() if k not in vars(fresh) and k not in _NOT_COPIED}
    if vars(kind).get("__doc__") != fresh.__doc__:
        more["__doc__"] = kind.__doc__
    arguments = (kind.__name__, kind._fields, defaults, kind.__module__, kind.__qualname__)
    return rebuild.named_tuple, arguments, more, None, None, rebuild.fill_class


def _enum(kind: Any) -> Any:
    members = [(name, member.value) for name, member in kind.__members__.items()]
    own = (types.FunctionType, property, staticmethod, classmethod, functools.cached_property)
    methods = {
        name: value
        for name, value in vars(kind).items()
        if isinstance(value, own) and getattr(getattr(value, "fget", value), "__module__", None) == kind.__module__
    }
    arguments = (kind.__bases__, kind.__name__, members, kind.__module__, kind.__qualname__)
    return rebuild.enum_class, arguments, methods, None, None, rebuild.fill_class
