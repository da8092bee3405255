"""How many bytes two files have in common from two places on, or before them: compared in steps, then halved."""

from __future__ import annotations

_STEP = 1 << 15
_FIRST_STEP = 1 << 11


def common_start(first: bytes, second: bytes, a: int, b: int, most: int) -> int:
    """How many bytes two files have in common from two places on, at most so many."""
    low, step = 0, _FIRST_STEP
    while low < most and first[a + low : a + low + step] == second[b + low : b + low + step]:
        low, step = low + step, min(2 * step, _STEP)
    high = min(low + step, most)
    while low < high:
        middle = (low + high + 1) // 2
        if first[a + low : a + middle] == second[b + low : b + middle]:
            low = middle
        else:
            high = middle - 1
    return min(low, most)


def common_end(first: bytes, second: bytes, a: int, b: int, most: int) -> int:
    """The same before two places, seen backwards."""
    low, step = 0, _FIRST_STEP
    while low < most:
        step = min(2 * step, _STEP, most - low)
        if first[a - low - step : a - low] != second[b - low - step : b - low]:
            break
        low += step
    high = min(low + step, most)
    while low < high:
        middle = (low + high + 1) // 2
        if first[a - middle : a - low] == second[b - middle : b - low]:
            low = middle
        else:
            high = middle - 1
    return low
