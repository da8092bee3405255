"""The order in which a set gives its elements depends on how it came about: pickle puts them in anew, in another one.

So a set whose order would change is filled so that each element comes to lie where it lay. Where that is is read from
the set's memory, is believed only if it agrees with what the set itself says, and is tried before it is saved. Done for
elements alone whose hash is the same in every process of a run.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Iterable

MOST = 1 << 20  # elements
MOST_ELEMENTS = 100_000  # of a list that keeps its room
_PLAIN = (str, bytes, int, float, complex, bool)
_FIELDS = ("fill", "used", "mask", "table", "hash", "finger")


class Filler:
    """Takes a place in a set for a while."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __hash__(self) -> int:
        return self.place


def find(things: Iterable[Any]) -> list[tuple[Any, list[Any], int]]:
    """(set, what to put in, how much of it at once), for the sets among `things` of which a plain copy would give its
    elements in another order."""
    found = []
    for thing in things:
        if type(thing) is set and 1 < len(thing) <= MOST and all(map(_is_plain, thing)):
            order = list(thing)
            if list(set(order)) != order or sys.getsizeof(set(order)) != sys.getsizeof(thing):
                plan = _plan(thing, order)
                if plan is not None:
                    found.append((thing, *plan))
    return found


def with_room(things: Iterable[Any]) -> list[tuple[Any, list[Any], int]]:
    """(list, nothing, its size in memory), for the lists of which a plain copy would have another size: how much room a
    list has depends on how it came about, and `sys.getsizeof` tells it."""
    lists = [thing for thing in things if type(thing) is list and 0 < len(thing) <= MOST_ELEMENTS]
    return [(thing, [], sys.getsizeof(thing)) for thing in lists if sys.getsizeof(thing) != _size_of_copy(len(thing))]


def _size_of_copy(length: int) -> int:
    """The size of a list that pickle fills, a thousand elements after the other."""
    copy: list[None] = []
    while len(copy) < length:
        copy[len(copy) :] = [None] * min(1000, length - len(copy))
    return sys.getsizeof(copy)


def _make_room(thing: list[Any], size: int) -> None:
    if sys.getsizeof(thing) == size:
        return
    elements, word = thing[:], ctypes.sizeof(ctypes.c_void_p)
    room = (size - sys.getsizeof([])) // word
    thing.__init__([None] * room)  # type: ignore[misc]
    del thing[len(elements) :]
    thing[:] = elements
    if sys.getsizeof(thing) == size + word and _can_be_read():  # Python made the number of places even: one is unused
        places = ctypes.c_ssize_t.from_address(id(thing) + list.__basicsize__ - word)
        if places.value == room + 1 and room >= len(elements):
            places.value = room


def lay_out(thing: Any, contents: list[Any], at_once: int) -> None:
    """Fill a set anew, in place; numbers in a list stand for places that are taken for a while. Of a list only the room
    that it has is changed."""
    if type(thing) is list:
        _make_room(thing, at_once)
        return
    thing.clear()
    entries = [Filler(part[0]) if type(part) is list else part for part in contents]
    thing.update(dict.fromkeys(entries[:at_once]))
    thing.update(entries[at_once:])
    for entry in entries:
        if type(entry) is Filler:
            thing.discard(entry)


def _is_plain(element: Any) -> bool:
    if type(element) in (tuple, frozenset):
        return all(map(_is_plain, element))
    return type(element) in _PLAIN


def _plan(thing: Any, order: list[Any]) -> tuple[list[Any], int] | None:
    places = _places(thing, order)
    if places is None:
        return None
    size, where = places
    mask = size - 1
    taken = dict(zip(where, order))
    free: dict[int, None] = {}
    at_home, moved = [], []
    for element, place in zip(order, where):
        if hash(element) & mask == place:
            at_home.append(element)
            continue
        before = _before(hash(element), mask, place)
        if before is None:
            return None
        moved.append((element, place, before))
        free.update(dict.fromkeys(p for p in before if p not in taken))
    contents: list[Any] = [*at_home, *([place] for place in free)]
    at_once = max(size // 4, 5) if size > 8 else len(order)  # so many make room for all at once
    spare = (place for place in range(size) if place not in taken and place not in free)
    missing = at_once - len(contents) - len(moved)
    contents += [[place] for place, _ in zip(spare, range(missing))]
    there = {hash(e) & mask for e in at_home} | set(free)
    while moved:
        ready = [m for m in moved if there.issuperset(m[2])]
        if not ready:
            return None
        for element, place, _ in ready:
            contents.append(element)
            there.add(place)
        moved = [m for m in moved if m[1] not in there]
    trial: set[Any] = set()
    lay_out(trial, contents, at_once)
    return (contents, at_once) if list(trial) == order else None


_LINEAR = 9  # neighbours that CPython looks at before it jumps


def _before(code: int, mask: int, place: int) -> list[int] | None:
    """The places that are looked at before this one."""
    found: list[int] = []
    perturb = code & ((1 << (8 * ctypes.sizeof(ctypes.c_size_t))) - 1)
    at = code & mask
    for _ in range(64):
        near = range(at, at + _LINEAR + 1) if at + _LINEAR <= mask else range(at, at + 1)
        for one in near:
            if one == place:
                return found
            found.append(one)
        perturb >>= 5
        at = (at * 5 + 1 + perturb) & mask
    return None


def _can_be_read() -> bool:
    return sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


def _places(thing: Any, order: list[Any]) -> tuple[int, list[int]] | None:
    """(size of the table, place of each element); None if what the memory says is not what the set says."""
    if not _can_be_read():
        return None
    word = ctypes.sizeof(ctypes.c_void_p)
    header = (ctypes.c_ssize_t * len(_FIELDS)).from_address(id(thing) + object.__basicsize__)
    values = dict(zip(_FIELDS, header))
    size = values["mask"] + 1
    if values["used"] != len(order) or size & (size - 1) or not len(order) <= size <= 64 * MOST:
        return None
    heap = size * 2 * word if size > 8 else 0
    if sys.getsizeof(thing) != sys.getsizeof(set()) + heap:
        return None
    table = (ctypes.c_size_t * (2 * size)).from_address(values["table"])
    ids = set(map(id, order))
    where = [place for place in range(size) if table[2 * place] in ids]
    agrees = [table[2 * place] for place in where] == [id(element) for element in order]
    return (size, where) if agrees else None
