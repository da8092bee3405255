"""Integers beyond 64 bits in JSON, which the fast parser makes floats of, with other digits."""

from __future__ import annotations

_FEWEST = b"0" * 19  # digits of such a number
_MOST = 20  # digits of one that may be none
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_BEFORE, _AFTER = frozenset(b"[,: \n\r\t"), frozenset(b"],} \n\r\t")


def holds_long_integers(data: bytes) -> bool:
    """Whether there may be an integer beyond 64 bits; most files have no such digits at every fourth byte, even.

    Digits in a name, a float or an image are none; digits that stand alone in a text may be taken for one.
    """
    if b"0000" not in data[::4].translate(_DIGITS):
        return False
    digits = data.translate(_DIGITS)
    start = digits.find(_FEWEST)
    while start >= 0:
        end = digits.find(b" ", start)
        end = len(data) if end < 0 else end
        if _is_long(data, start, end):
            return True
        start = digits.find(_FEWEST, end)
    return False


def _is_long(data: bytes, start: int, end: int) -> bool:
    """Whether the digits between two places are a number that is too long."""
    negative = data[start - 1 : start] == b"-"
    before = start - 1 - negative
    if (before >= 0 and data[before] not in _BEFORE) or (end < len(data) and data[end] not in _AFTER):
        return False
    if end - start > _MOST:
        return True
    number = int(data[start:end])
    return number > 2**63 if negative else number >= 2**64
