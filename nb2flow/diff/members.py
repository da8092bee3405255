"""Two JSON objects parsed at once: members that are the same in both, byte for byte, are not parsed.

The state of widgets in a notebook's metadata can be most of a file, and a version changes little of it. It works for
objects that are written one member a line, and gives up (`ValueError`) on any other. Members that are the same are left
out on both sides, so the result serves for telling what differs only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nb2flow.diff.common import common_end, common_start

_SMALL = 1024
_DEEPEST = 8


def parse_objects(
    first: bytes, second: bytes, unit: bytes, depth: int, loads: Callable[[bytes], Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two objects whose members stand `depth` times `unit` to the right."""
    between = b',\n%s"' % (unit * depth)
    ends = [_inside(text, between) for text in (first, second)]
    before, after, same = _same_ends(first, second, ends, between)
    middles = [text[start + before : stop - after] for text, (start, stop) in zip((first, second), ends, strict=True)]
    if max(len(first), len(second)) > max(2 * same, _SMALL):
        return loads(first), loads(second)  # searching would take longer
    old, new = (_members(middle, between) for middle in middles)
    for key in old.keys() ^ new.keys():  # what was left out must not name them as well
        named = b'%s%s": ' % (between[1:], key)
        start, stop = ends[0]
        if first.find(named, 0, start + before) >= 0 or first.find(named, stop - after) >= 0:
            raise ValueError
    a = {key.decode(): loads(value) for key, value in old.items() if key not in new}
    b = {key.decode(): loads(value) for key, value in new.items() if key not in old}
    for key, value in old.items():
        other = new.get(key, value)
        if value == other:
            continue
        if depth < _DEEPEST and value.startswith(b"{\n") and other.startswith(b"{\n"):
            found = parse_objects(value, other, unit, depth + 1, loads)
        else:
            found = loads(value), loads(other)
        a[key.decode()], b[key.decode()] = found
    return a, b


def _inside(text: bytes, between: bytes) -> tuple[int, int]:
    """What is between an object's opening, with the first quote, and its closing."""
    opening = b"{" + between[1:]
    end = text.rfind(b"\n")
    if not text.startswith(opening) or end < len(opening) or text[end:].strip() != b"}":
        raise ValueError
    return len(opening), end


def _same_ends(first: bytes, second: bytes, ends: list[tuple[int, int]], between: bytes) -> tuple[int, int, int]:
    """How many bytes of whole members both begin and end with, and how many bytes in all."""
    (a, stop), (b, other_stop) = ends
    most = min(stop - a, other_stop - b)
    start = common_start(first, second, a, b, most)
    border = first.rfind(between, a, a + start)
    before = border + len(between) - a if border >= 0 else 0
    end = common_end(first, second, stop, other_stop, most - before)
    border = first.find(between, stop - end, stop)
    return before, stop - border if border >= 0 else 0, start + end


def _members(text: bytes, between: bytes) -> dict[bytes, bytes]:
    """The members by name, each as its JSON; no line end can be inside of a string."""
    found: dict[bytes, bytes] = {}
    for piece in text.split(between):
        key, colon, value = piece.partition(b'": ')
        if colon and b"\\" not in key:
            found[key] = value
        elif piece:
            raise ValueError
    return found
