"""Arrays that share memory, found by the addresses that they cover.

Two arrays that have an address in common are one co-variable: they must be pickled together, as views of one region, or
a write to one would no longer show in the other. Arrays without one share nothing, even with a common base, so a lone
slice of a large array takes only itself along. NumPy is never imported here: no arrays without it.
"""

from __future__ import annotations

import ctypes
import math
import pickle
import sys
from typing import Any, Iterable, NamedTuple

from . import rebuild
from .faults import UncarryableError

MOST_COMPARED = 64  # arrays with overlapping ranges up to which each is compared with each
EFFORT = 10_000  # for numpy.shares_memory; arrays that ordinary slicing makes need far less
OWNED = 1 << 20  # bytes up to which an array that owns its memory does so again when it is loaded, by one more copy


class Span(NamedTuple):
    """The addresses [low, high) that an array covers, its own number of bytes (more than high - low when it covers
    some twice), its layout there, the array, and the index of the variable that it was met in."""

    low: int
    high: int
    nbytes: int
    layout: Any
    array: Any
    variable: int = 0

    @property
    def key(self) -> Any:
        """Equal for arrays that cover the same addresses in the same way."""
        return self.low, self.high, self.layout


class Region:
    """Memory [low, high) that several arrays have parts of; it becomes one buffer of the blob.

    `anchors` keep the memory alive. For arrays of Python objects, whose memory cannot be copied as bytes, `base` is an
    array that covers the region and is pickled as such. So is `owner`, which the others are views of.
    """

    def __init__(self, members: list[Span]) -> None:
        self.low = min(span.low for span in members)
        self.high = max(span.high for span in members)
        self.members = members
        self.objects = any(getattr(getattr(span.array, "dtype", None), "hasobject", False) for span in members)
        self.base: Any = None
        self.owner = None if self.objects else self._owner()

    def _owner(self) -> Any:
        """The array among those met that owns all of this memory, if it may own a copy, too."""
        numpy = sys.modules.get("numpy")
        if numpy is None or not all(isinstance(span.array, numpy.ndarray) for span in self.members):
            return None
        whole = [span.array for span in self.members if (span.low, span.high) == (self.low, self.high)]
        return next((array for array in whole if may_own(array) and array.flags.writeable), None)

    @property
    def variables(self) -> set[int]:
        """Indices of the variables that have a part of this region."""
        return {span.variable for span in self.members}

    def reduce(self) -> Any:
        """The region as one buffer (zero-copy: it must stay unchanged until it is written)."""
        for span in self.members:
            if not hasattr(span.array, "dtype"):  # pickle writes it itself, and could not make the array its view
                raise UncarryableError("is the memory of an array that is saved too", span.array)
        raw = (ctypes.c_ubyte * (self.high - self.low)).from_address(self.low)
        return rebuild.memory, (pickle.PickleBuffer(raw),)


def may_own(array: Any) -> bool:
    """Whether an array owns its memory and is small enough to do so again: `a.base is None`, and `a.resize(…)` works.
    What pickle makes of one is a view of the bytes that were read."""
    flags = array.flags
    plain = type(array) is sys.modules["numpy"].ndarray and not array.dtype.hasobject
    return plain and bool(flags.owndata and flags.forc) and array.nbytes <= OWNED


def reduce_owner(array: Any) -> Any:
    """An array that owns its memory (see `may_own`)."""
    if array.nbytes == 0:
        return array.__reduce__()
    raw = array.ravel(order="K").view("u1")
    order = "C" if array.flags.c_contiguous else "F"
    return rebuild.owner, (pickle.PickleBuffer(raw), array.shape, array.dtype, order, bool(array.flags.writeable))


def span_of(array: Any) -> Span | None:
    """The span of a NumPy array; None when it has no bytes."""
    if 0 in array.shape or array.itemsize == 0:
        return None
    low = array.__array_interface__["data"][0]
    high = low + array.itemsize
    for length, stride in zip(array.shape, array.strides):
        reach = (length - 1) * stride
        if reach > 0:
            high += reach
        else:
            low += reach
    return Span(low, high, array.itemsize * math.prod(array.shape), (array.shape, array.strides), array)


def span_of_bytes(buffer: Any) -> Span | None:
    """The span of a bytearray or array.array, which an array may have been made over."""
    size = memoryview(buffer).nbytes
    if size == 0:
        return None
    low = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    return Span(low, low + size, size, None, buffer)


def regions(spans: Iterable[Span]) -> list[Region]:
    """The memory that more than one array has a part of, or that one array covers twice."""
    found: list[Region] = []
    neighbours: list[Span] = []
    high = 0
    for span in sorted(spans, key=lambda s: (s.low, -s.high)):
        if neighbours and span.low >= high:
            found.extend(map(Region, filter(_is_shared, _touching(neighbours))))
            neighbours = []
        high = max(high, span.high) if neighbours else span.high
        neighbours.append(span)
    return found + [Region(members) for members in _touching(neighbours) if _is_shared(members)]


def _is_shared(members: list[Span]) -> bool:
    first = members[0]
    return any(span.array is not first.array for span in members) or first.nbytes > first.high - first.low


def _touching(neighbours: list[Span]) -> list[list[Span]]:
    """Split spans with overlapping ranges into those that have addresses in common (columns of one array have none)."""
    if len(neighbours) < 2 or len(neighbours) > MOST_COMPARED:
        return [neighbours] if neighbours else []
    clusters: list[list[Span]] = []
    for span in neighbours:
        apart = []
        cluster = [span]
        for other in clusters:
            if any(_overlap(span, member) for member in other):
                cluster = other + cluster
            else:
                apart.append(other)
        clusters = [*apart, cluster]
    return clusters


def _overlap(one: Span, other: Span) -> bool:
    """Whether two spans have an address in common; True where that is too hard to tell."""
    if one.high <= other.low or other.high <= one.low:
        return False
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(one.array, numpy.ndarray) or not isinstance(other.array, numpy.ndarray):
        return True
    try:
        return bool(numpy.shares_memory(one.array, other.array, max_work=EFFORT))
    except RuntimeError:  # numpy's TooHardError
        return True


class RegionIndex:
    """Finds the region that an array lies in."""

    def __init__(self, found: Iterable[Region]) -> None:
        self._regions = {span.key: region for region in found for span in region.members}

    def find(self, span: Span) -> Region | None:
        """The region of an array that covers exactly this span, or None."""
        return self._regions.get(span.key)


def reduce_view(array: Any, region: Region) -> Any:
    """An array as (region, offset, shape, strides, dtype): what it shares stays shared after loading."""
    numpy = sys.modules["numpy"]
    offset = array.__array_interface__["data"][0] - region.low
    layout = (offset, array.shape, array.strides, array.dtype, bool(array.flags.writeable))
    kind = type(array)
    rest: tuple[Any, ...] = ()
    if kind is not numpy.ndarray:
        own = kind.__reduce__ is not numpy.ndarray.__reduce__ or kind.__setstate__ is not numpy.ndarray.__setstate__
        if own and kind not in (numpy.matrix, numpy.recarray):
            raise UncarryableError("is an array of its own kind that shares memory with another variable", array)
        rest = (dict(vars(array)), None, None, rebuild.fill_view)
    if array is region.owner:
        return reduce_owner(array)
    if not region.objects:
        return (rebuild.view, (region if region.owner is None else region.owner, kind, *layout), *rest)
    if region.base is None:
        region.base = _object_base(region)
    if array is region.base:
        return NotImplemented
    return (rebuild.object_view, (region.base, kind, *layout), *rest)


def _object_base(region: Region) -> Any:
    """A contiguous plain array of objects that covers the whole region."""
    numpy = sys.modules["numpy"]
    for span in region.members:
        candidate = span.array
        while candidate is not None:
            if type(candidate) is numpy.ndarray and (candidate.flags.c_contiguous or candidate.flags.f_contiguous):
                covered = span_of(candidate)
                if covered is not None and covered.low == region.low and covered.high == region.high:
                    return candidate
            candidate = getattr(candidate, "base", None)
    for span in region.members:
        grown = _grow(span.array, region)
        if grown is not None:
            return grown
    raise UncarryableError("is an array of objects that shares memory with another one in a way that cannot be carried")


def _grow(array: Any, region: Region) -> Any:
    """The part of an array's base that is exactly the region, as a flat view; None when there is no such base."""
    numpy = sys.modules["numpy"]
    base = array
    while getattr(base, "base", None) is not None:
        base = base.base
    if type(base) is not numpy.ndarray or not (base.flags.c_contiguous or base.flags.f_contiguous):
        return None
    start = base.__array_interface__["data"][0]
    first, rest = divmod(region.low - start, base.itemsize)
    count, more = divmod(region.high - region.low, base.itemsize)
    if rest or more or first < 0:
        return None
    return base.ravel(order="K")[first : first + count]
