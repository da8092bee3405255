"""Integers beyond 64 bits in JSON, which the fast parser makes floats of, with other digits."""

from __future__ import annotations

import re

_FEWEST = 19  # digits of such a number
_MOST = 20  # digits of one that may be none
_STEP = 4  # of 19 digits in a row, four are at every fourth byte
_SAMPLED = b"0000"
_BETWEEN = 12  # bytes from the first of these to the last
_ALL = b"0" * _FEWEST
_MANY = 64  # so many of these in one piece, as in tables, and all bytes are looked at from there on
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_PIECE = 1 << 16
_RUN = re.compile(rb"[0-9]+")
_BEFORE, _AFTER = frozenset(b"[,: \n\r\t"), frozenset(b"],} \n\r\t")


def holds_long_integers(data: bytes, first: int = 0, last: int | None = None) -> bool:
    """Whether there may be an integer beyond 64 bits; of most files only every fourth byte is looked at.

    Digits in a name, a float or an image are none; digits that stand alone in a text may be taken for one.
    """
    end = first  # of the digits that were looked at last
    last = len(data) if last is None else last
    step, digits = _STEP, _SAMPLED
    for start in range(first, last, _PIECE):  # pieces stay in the processor's cache
        stop = min(start + _PIECE, last) + _FEWEST
        sample = data[start:stop:step].translate(_DIGITS)
        place = sample.find(digits, max(0, end - start) // step)
        looked = 0
        while place >= 0:
            here = start + step * place
            looked += 1
            if looked == _MANY and step > 1:
                step, digits = 1, _ALL
                sample = data[start:stop].translate(_DIGITS)
                place = sample.find(digits, max(0, here - _STEP - start))  # digits may begin there
                continue
            if here < end:
                place = sample.find(digits, place + 1)
                continue
            other = len(data[here : here + _BETWEEN + 1].rstrip(b"0123456789"))
            if other:  # a number can only begin behind what is no digit
                place = sample.find(digits, place + (other + step - 1) // step)
                continue
            run = _RUN.match(data, here)
            end = here if run is None else run.end()
            if _is_long(data, here, end):
                return True
            place = sample.find(digits, max(place + 1, (end - start) // step))
    return False


def _is_long(data: bytes, start: int, end: int) -> bool:
    """Whether the digits around a place, up to where they end, are a number that is too long."""
    while start and data[start - 1] in b"0123456789":
        start -= 1
    if end - start < _FEWEST:
        return False
    negative = data[start - 1 : start] == b"-"
    before = start - 1 - negative
    if (before >= 0 and data[before] not in _BEFORE) or (end < len(data) and data[end] not in _AFTER):
        return False
    if end - start > _MOST:
        return True
    number = int(data[start:end])
    return number > 2**63 if negative else number >= 2**64
