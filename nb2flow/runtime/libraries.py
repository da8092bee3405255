"""What pickle gets wrong, silently, about objects of well-known libraries and of the process itself.

A table from a class's full name to a function that reduces its instances (or refuses them). Names, not classes: no
library is imported to be ready for its objects. A class is matched through its bases, most specific first.
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import TYPE_CHECKING, Any, Callable

from . import byvalue, classes, memory, rebuild, tensors
from .faults import UncarryableError

if TYPE_CHECKING:
    from .carrier import Carrier

Reducer = Callable[["Carrier", Any], Any]


def _array(carrier: Carrier, array: Any) -> Any:
    base = array
    while base is not None:
        if type(base).__name__ == "memmap" and base.mode in ("r+", "w+") and array.flags.writeable:
            raise UncarryableError("writes to a file through memory (numpy.memmap), which a copy would not", array)
        base = getattr(base, "base", None)
    span = memory.span_of(array)
    region = carrier.region_of(span) if span is not None else None
    if region is None:
        return memory.reduce_owner(array) if memory.may_own(array) else NotImplemented
    return memory.reduce_view(array, region)


def _region(carrier: Carrier, region: Any) -> Any:
    return region.reduce()


def _masked_array(carrier: Carrier, array: Any) -> Any:
    numpy = sys.modules["numpy"]
    if type(array) is not numpy.ma.MaskedArray:
        return _array(carrier, array)
    more = {key: vars(array)[key] for key in ("_optinfo", "_baseclass") if key in vars(array)}
    flags = (array._fill_value, bool(array._hardmask), bool(array._sharedmask))
    return rebuild.masked, (array.view(numpy.ndarray), array._mask, *flags, more)


def _record(carrier: Carrier, record: Any) -> Any:
    """One row of an array of records: what is set in it is set in the array."""
    numpy = sys.modules["numpy"]
    return (rebuild.record, (numpy.asarray(record),)) if isinstance(record.base, numpy.ndarray) else NotImplemented


def _block(carrier: Carrier, block: Any) -> Any:
    if not hasattr(block, "refs"):
        return NotImplemented
    return rebuild.block, (block.values, block.mgr_locs.indexer, block.ndim, block.refs)


def _block_refs(carrier: Carrier, refs: Any) -> Any:
    return rebuild.block_refs, ()


def _single_manager(carrier: Carrier, manager: Any) -> Any:
    if not hasattr(manager.blocks[0], "refs"):
        return NotImplemented
    return rebuild.single_manager, (type(manager), manager.blocks[0], manager.axes[0])


def _index(carrier: Carrier, index: Any) -> Any:
    refs = vars(index).get("_references")
    engine = (vars(index).get("_cache") or {}).get("_engine")
    looked_up = len(index) <= _MOST_LOOKED_UP and getattr(engine, "is_mapping_populated", False)
    if not hasattr(refs, "add_index_reference"):
        refs = None
    if refs is None and not looked_up:
        return NotImplemented
    make, arguments, *_ = index.__reduce__()
    return rebuild.referenced_index, (make, arguments, refs, bool(looked_up))


_MOST_LOOKED_UP = 100_000  # labels of which the table is made again that makes an index larger (`df.info()` tells that)


def _frame(carrier: Carrier, frame: Any) -> Any:
    """A table that knows what it was taken from (pandas warns when such a one is changed), or to which attributes were
    added: a pickle forgets that."""
    origin, cacher = vars(frame).get("_is_copy"), vars(frame).get("_cacher")
    parent = origin() if callable(origin) else None
    warns = parent is not None and getattr(parent, "shape", None) != frame.shape
    holder = cacher[1]() if cacher is not None else None
    column = (cacher[0], holder) if holder is not None and id(holder) in carrier.carried else None
    added = {k: v for k, v in vars(frame).items() if k[:1] != "_" and k not in frame._metadata}
    if not (warns or column or added):
        return NotImplemented
    make, arguments, state, *_ = frame.__reduce_ex__(carrier.protocol)
    return make, arguments, (state, warns, column, added), None, None, rebuild.fill_frame


def _figure(carrier: Carrier, figure: Any) -> Any:
    """A figure that pyplot does not know: loading it must not show it again."""
    make, arguments, state, *rest = figure.__reduce_ex__(carrier.protocol)
    kept = {key: value for key, value in state.items() if key != "_restore_to_pylab"}
    return (make, arguments, kept, *rest)


def _callbacks(carrier: Carrier, registry: Any) -> Any:
    """What matplotlib calls when something changes, which a pickle leaves out: a colour bar follows its image, a figure
    calls the notebook's functions. Those of a window are another's in another process."""
    kept = {
        signal: {cid: function for cid, function in ((cid, proxy()) for cid, proxy in found.items()) if function}
        for signal, found in registry.callbacks.items()
    }
    marked = registry._pickled_cids
    made: tuple[Any, ...] = registry.__reduce_ex__(carrier.protocol)
    registry._cid_gen = itertools.count(made[2]["_cid_gen"])  # which that has counted on
    more = {
        signal: {cid: function for cid, function in found.items() if cid in marked or _stays(function)}
        for signal, found in kept.items()
    }
    return (*made[:2], {**made[2], "callbacks": more})


def _stays(function: Any) -> bool:
    """Whether it is of the notebook or of a part of a figure."""
    module = type(getattr(function, "__self__", function)).__module__
    if module == "builtins":
        module = getattr(function, "__module__", None) or ""
    return module == "__main__" or (module.startswith("matplotlib.") and not module.startswith(_OF_WINDOWS))


_OF_WINDOWS = ("matplotlib.back", "matplotlib.widgets")


def _expression(carrier: Carrier, expression: Any) -> Any:
    """A SymPy expression that was kept from being worked out: loading it must not do that."""
    make, arguments, *_ = expression.__reduce_ex__(2)
    if not expression.args or getattr(make, "__name__", "") != "__newobj__" or arguments[1:] != expression.args:
        return NotImplemented
    try:
        plain = type(expression)(*expression.args) == expression
    except Exception:  # noqa: BLE001 - whatever a class of SymPy's makes of its own arguments
        return NotImplemented
    return NotImplemented if plain else (rebuild.unevaluated, (type(expression), expression.args))


def _string_dtype(carrier: Carrier, kind: Any) -> Any:
    """Without its missing value, so that no number that is none seems to be among what is saved."""
    missing = getattr(kind, "na_value", None)
    old = getattr(kind, "storage", "") == "pyarrow_numpy"  # of pandas before 2.3, which takes no such argument
    if type(missing) is not float or missing == missing or type(kind).__name__ != "StringDtype" or old:
        return NotImplemented
    return rebuild.string_dtype, (type(kind), kind.storage)


def _language(carrier: Carrier, language: Any) -> Any:
    """A pipeline of spaCy's looks its parts up in registries that spaCy fills when it makes the first pipeline."""
    make, arguments, *state = language.__reduce_ex__(2)
    plain = getattr(make, "__name__", "") == "__newobj__" and arguments == (type(language),)
    return (rebuild.language, arguments, *state) if plain else NotImplemented


def _standard_stream(carrier: Carrier, stream: Any) -> Any:
    for name in ("stdout", "stderr", "stdin"):
        if stream is getattr(sys, name):
            return getattr, (sys, name)
    return NotImplemented


def _environ(carrier: Carrier, environ: Any) -> Any:
    return (getattr, (os, "environ")) if environ is os.environ else NotImplemented


def _python_random(carrier: Carrier, generator: Any) -> Any:
    module = sys.modules["random"]
    return (getattr, (module, "_inst")) if generator is vars(module)["_inst"] else NotImplemented


def _numpy_random(carrier: Carrier, generator: Any) -> Any:
    module = sys.modules["numpy.random.mtrand"]
    return (getattr, (module, "_rand")) if generator is vars(module)["_rand"] else NotImplemented


def _argparse(carrier: Carrier, holder: Any) -> Any:
    """Parsers ask whether a text is the very one that argparse has for "not to be shown"."""
    hidden = [name for name, value in vars(holder).items() if value is sys.modules["argparse"].SUPPRESS]
    made: tuple[Any, ...] = holder.__reduce_ex__(2) if hidden else ()
    if len(made) < 3 or not isinstance(made[2], dict):
        return NotImplemented
    return (*made[:2], (made[2], hidden), None, None, rebuild.set_suppressed)


def _shell(carrier: Carrier, running: Any) -> Any:
    return rebuild.current_shell, ()


def _exception(carrier: Carrier, error: Any) -> Any:
    if error.__traceback__ is not None:
        raise UncarryableError("is an exception with its traceback, which ends with its kernel", error)
    if error.__cause__ is not None or error.__context__ is not None:
        raise UncarryableError("is an exception with another as its cause, which saving loses", error)
    carrier.probe = True  # an __init__ with other arguments than `args` fails on loading only
    return NotImplemented


def _refuse(reason: str) -> Reducer:
    def reduce(carrier: Carrier, thing: Any) -> Any:
        raise UncarryableError(reason, thing)

    return reduce


_REDUCERS: dict[str, Reducer] = {
    "builtins.function": byvalue.reduce_function,
    "builtins.code": byvalue.reduce_code,
    "builtins.method": byvalue.reduce_method,
    "builtins.type": byvalue.reduce_class,
    "builtins.list": byvalue.reduce_container,
    "builtins.dict": byvalue.reduce_container,
    **dict.fromkeys(("builtins.dict_keys", "builtins.dict_values", "builtins.dict_items"), byvalue.reduce_dict_view),
    "builtins.module": byvalue.reduce_module,
    "builtins.cell": byvalue.reduce_cell,
    "builtins.property": byvalue.reduce_property,
    "builtins.staticmethod": byvalue.reduce_wrapper,
    "builtins.classmethod": byvalue.reduce_wrapper,
    "builtins.mappingproxy": byvalue.reduce_mapping_proxy,
    "builtins.BaseException": _exception,
    "argparse._AttributeHolder": _argparse,
    "functools._lru_cache_wrapper": byvalue.reduce_lru_cache,
    "functools.cached_property": byvalue.reduce_cached_property,
    "dataclasses._MISSING_TYPE": byvalue.reduce_dataclass_mark,
    "dataclasses._FIELD_BASE": byvalue.reduce_dataclass_mark,
    "dataclasses._KW_ONLY_TYPE": byvalue.reduce_dataclass_mark,
    "dataclasses._HAS_DEFAULT_FACTORY_CLASS": byvalue.reduce_dataclass_mark,
    "numpy.ndarray": _array,
    "numpy.void": _record,
    "numpy.ma.MaskedArray": _masked_array,
    "numpy.ma.core.MaskedArray": _masked_array,
    "numpy.random.mtrand.RandomState": _numpy_random,
    "random.Random": _python_random,
    "pandas._libs.internals.Block": _block,
    "pandas._libs.internals.BlockValuesRefs": _block_refs,
    "pandas.core.internals.managers.SingleBlockManager": _single_manager,
    "pandas.core.indexes.base.Index": _index,
    "pandas.Index": _index,
    "pandas.StringDtype": _string_dtype,
    "pandas.core.arrays.string_.StringDtype": _string_dtype,
    "pandas.core.generic.NDFrame": _frame,
    "matplotlib.figure.Figure": _figure,
    "matplotlib.cbook.CallbackRegistry": _callbacks,
    "sympy.core.basic.Basic": _expression,
    "spacy.language.Language": _language,
    "torch.Tensor": tensors.reduce_tensor,
    "torch._tensor.Tensor": tensors.reduce_tensor,
    "_io.TextIOWrapper": _standard_stream,
    "ipykernel.iostream.OutStream": _standard_stream,
    f"{memory.Region.__module__}.Region": _region,
    f"{classes.Kept.__module__}.Kept": classes.reduce_kept,
    "os._Environ": _environ,
    "IPython.core.interactiveshell.InteractiveShell": _shell,
    "IPython.core.display_functions.DisplayHandle": _refuse("is a handle to an output of this step"),
    "ipywidgets.widgets.widget.Widget": _refuse("is a widget, which lives in its kernel"),
    "tempfile.TemporaryDirectory": _refuse("is a temporary directory, which ends with its kernel"),
    "weakref.finalize": _refuse("is a finalizer, which ends with its kernel"),
}
_found: dict[type, Reducer | None] = {}  # filled while one step is saved, and cleared after it


def forget_classes() -> None:
    """Let go of the classes that were looked up (a notebook may define and drop many)."""
    _found.clear()


def reducer_of(kind: type) -> Reducer | None:
    """The entry for a class or the nearest of its bases."""
    try:
        return _found[kind]
    except KeyError:
        pass
    found = None
    for base in kind.__mro__:
        found = _REDUCERS.get(f"{base.__module__}.{base.__qualname__}")
        if found is not None:
            break
    _found[kind] = found
    return found
