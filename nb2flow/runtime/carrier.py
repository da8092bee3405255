"""Pickles variables, and learns on the way what they share.

A `Carrier` is a pickler that consults `libraries` for every object that is not a plain value, keeps large buffers out
of the stream, and remembers what the groups are made of: the objects it met and the memory that arrays cover. What is
done with that is decided in `groups`; nothing here touches files.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import math
import pickle
import sys
from typing import Any, Iterable, Iterator

from . import byvalue, layouts, libraries, rebuild
from .memory import Region, RegionIndex, Span

IN_BAND = 4 << 10  # bytes: smaller buffers stay in the stream, where they cost less than a buffer of their own
LAYOUTS = "order of sets"  # beside the variables in a stream: how sets are to be filled (see `layouts`)
_OWN = __name__.rpartition(".")[0] + "."
_OWN_NAMES = ("nb2flow_runtime.", "nb2flow.runtime.")


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Pickling and loading make many objects and no garbage: looking for some would cost more than the work itself."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Carrier(pickle.Pickler):
    """One pickling. `carried` are the ids of the values that are being saved themselves; with `regions` arrays become
    views of shared memory, without them the spans of the arrays are collected."""

    protocol = 5

    def __init__(self, carried: frozenset[int], regions: Iterable[Region] | None = None) -> None:
        self.sink = io.BytesIO()
        self.buffers: list[memoryview] = []
        self.carried = carried
        self.by_value: set[int] = set()
        self.needs: set[str] = set()
        self.spans: list[Span] = []
        self.probe = False
        self.last: Any = None
        self._index = None if regions is None else RegionIndex(regions)
        self._kept: list[Any] = []
        self._met: list[Any] | None = None
        self._sources: dict[str, tuple[str, str] | None] = {}
        buffers = self.buffers

        def out_of_band(buffer: pickle.PickleBuffer) -> bool:
            raw = buffer.raw()
            if raw.nbytes < IN_BAND:
                return True
            buffers.append(raw)
            return False

        super().__init__(self.sink, self.protocol, buffer_callback=out_of_band)
        self._own = set(map(id, gc.get_referents(self)))

    def reducer_override(self, thing: Any) -> Any:
        """Called by pickle for every object but plain values and containers."""
        self.last = thing
        reduce = libraries.reducer_of(type(thing))
        if reduce is not None:
            result = reduce(self, thing)
            if result is not NotImplemented:
                return result
        if type(thing).__module__ == "__main__":
            self.probe = True
        return NotImplemented

    def region_of(self, span: Span) -> Region | None:
        """The shared memory that the span lies in; on the first pass nothing is known yet but the span."""
        if self._index is None:
            self.spans.append(span)
            return None
        return self._index.find(span)

    def keep(self, thing: Any) -> None:
        """Keep a temporary object alive until the buffers are written."""
        self._kept.append(thing)

    def source_of(self, filename: str) -> tuple[str, str] | None:
        """The text of the cell that has this file name (one object for all functions of the cell)."""
        if filename not in self._sources:
            self._sources[filename] = byvalue.source_lines(filename)
        return self._sources[filename]

    @property
    def holds_nan(self) -> bool:
        """Whether a number that is none seems to be in the stream."""
        return _NOT_A_NUMBER in self.stream

    @property
    def stream(self) -> bytes:
        """What has been written so far."""
        return self.sink.getvalue()

    def met(self) -> list[Any]:
        """Every object that may be shared with another variable, kept alive by this list. Ends the pickling."""
        if self._met is None:
            self._met = self._memorised() if _MEMORY_IS_SEEN else _not_plain([t for _, t in self.memo.copy().values()])
            self.clear_memo()
        return self._met

    def _memorised(self) -> list[Any]:
        """The objects in the pickler's memory that are no plain values. The pickler itself takes several times as long
        to tell as it took to pickle when it met many texts; the garbage collector knows the same."""
        self.last = None
        attributes = vars(self)
        own = {*self._own, id(attributes), *map(id, attributes.values())}
        return [thing for thing in _not_plain(gc.get_referents(self)) if id(thing) not in own]


def _memory_is_seen() -> bool:
    """Whether this Python tells the garbage collector what picklers know (3.11 and later do)."""
    pickler, thing = pickle.Pickler(io.BytesIO(), 5), [None]
    pickler.dump(thing)
    return any(seen is thing for seen in gc.get_referents(pickler))


_MEMORY_IS_SEEN = _memory_is_seen()
_PLAIN = frozenset((str, bytes, tuple, frozenset, int, float, complex, range))
_AT_ONCE = 4096


def _not_plain(things: list[Any]) -> list[Any]:
    """Those that are no plain values. Where there are many, most stretches have nothing else, which is soon seen."""
    found: list[Any] = []
    for start in range(0, len(things), _AT_ONCE):
        stretch = things[start : start + _AT_ONCE]
        if not _PLAIN.issuperset(map(type, stretch)):
            found.extend(thing for thing in stretch if type(thing) not in _PLAIN)
    return found


_NOT_A_NUMBER = b"G\x7f\xf8\0\0\0\0\0\0"  # as it stands in a stream


class CarrierOfNaN(Carrier):
    """Keeps which of the numbers that are none are the ones of NumPy's and Python's: they are looked for by `in`, as
    keys and in sets, and a copy is equal to nothing."""

    def __init__(self, carried: frozenset[int], regions: Iterable[Region] | None = None) -> None:
        self._named = _nans()
        super().__init__(carried, regions)

    def persistent_id(self, thing: Any) -> str | None:
        """Called for every object, which takes time."""
        return self._named.get(id(thing))


def _nans() -> dict[int, str]:
    """The modules whose numbers these are, by the numbers' ids."""
    named = {id(math.nan): "math"}
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(getattr(numpy, "nan", None)) is float:
        named[id(numpy.nan)] = "numpy"
    return named


class Restorer(pickle.Unpickler):
    """Loads what a `Carrier` wrote, in whichever package of ours, and takes names of the notebook from the kernel."""

    def persistent_load(self, module: str) -> Any:
        """The number that is none, of this module."""
        return importlib.import_module(module).nan

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global; LookupError with the name when the notebook lacks it."""
        if module == "__main__":
            return rebuild.lookup(name)
        for own in _OWN_NAMES:
            if module.startswith(own):
                return super().find_class(_OWN + module[len(own) :], name)
        return super().find_class(module, name)


def restore(stream: Any, buffers: Iterable[Any]) -> Any:
    """The value in a stream; raises whatever the objects' own loading raises."""
    value = Restorer(io.BytesIO(stream), buffers=buffers).load()
    for moved in value.pop(LAYOUTS, ()) if type(value) is dict else ():
        layouts.lay_out(*moved)
    return value
