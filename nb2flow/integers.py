"""Integers beyond 64 bits in JSON, which the fast parser makes floats of, with other digits."""

from __future__ import annotations

import re

_LONG_INTEGER = re.compile(rb"\d{19}")
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))


def holds_long_integers(data: bytes) -> bool:
    """Whether there may be an integer beyond 64 bits, seen from every fourth byte: four digits there, then all."""
    sample = data[::4].translate(_DIGITS)
    place = sample.find(b"0000")
    while place >= 0:
        if _LONG_INTEGER.search(data, max(4 * place - 19, 0), 4 * place + 36):
            return True
        place = sample.find(b"0000", place + 1)
    return False
