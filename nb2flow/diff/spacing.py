"""How a file is indented, and with that where its list of cells is and where one cell ends and the next begins.

A line end is never inside of a JSON string, so a line end with the right number of spaces and a brace is where a cell
ends, in every file that is written one member a line. Where cells stand first or last, one, two or four spaces or tabs
a level, in a worksheet or not, with or without carriage returns: all of it is found, or nothing. It knows bytes only
and parses nothing.
"""

from __future__ import annotations

from typing import NamedTuple

_COMMA = len(b",")
_FIRST_STEP = 1 << 12
_WIDEST = 8


class Spacing(NamedTuple):
    """What stands around cells: `unit` is one level, `first` opens a list of them, `between` is between two, `last`
    closes the list, and before the name of each member of a cell there is `member`."""

    unit: bytes
    first: bytes
    between: bytes
    last: bytes
    member: bytes
    worksheets: bool

    @property
    def closing(self) -> int:
        """How many bytes of `between` and `last` still belong to the cell before."""
        return len(self.member) - len(self.unit)

    @property
    def gap(self) -> int:
        """How many bytes of `between` are before the next cell begins."""
        return self.closing + _COMMA

    def cells(self, data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
        """Where cells begin and end in a stretch of them."""
        places: list[tuple[int, int]] = []
        if start >= stop:
            return places
        between, closing, gap = self.between, self.closing, self.gap
        while (border := data.find(between, start, stop)) >= 0:
            places.append((start, border + closing))
            start = border + gap
        places.append((start, stop))
        return places


class Place(NamedTuple):
    """Where the cells of one file are: behind the bracket that opens the list, up to the last cell's closing brace."""

    spacing: Spacing
    start: int
    stop: int


def spacing(unit: bytes, worksheets: bool = False, line_end: bytes = b"\n") -> Spacing:
    """The spacing for one level's white space."""
    around = line_end + unit * (3 if worksheets else 1)
    cell = around + unit
    return Spacing(
        unit,
        b"%s{%s" % (cell, cell + unit),
        b"%s},%s{%s" % (cell, cell, cell + unit),
        b"%s}%s]" % (cell, around),
        b'%s%s"' % (cell, unit),
        worksheets,
    )


USUAL = spacing(b" ")
_OPENING = b'{\n "cells": ['


def place_of_cells(data: bytes) -> Place | None:
    """Where the cells are; None for a file in another layout, or without cells."""
    if data.startswith(_OPENING + USUAL.first):
        found, start = USUAL, len(_OPENING)
    else:
        line_end = b"\r\n" if data.startswith(b"{\r\n") else b"\n"
        unit = _unit(data, line_end)
        if not unit:
            return None
        found, start = _opening(data, unit, line_end)
        if start < 0 or not data.startswith(found.first, start):
            return None
    stop = data.rfind(found.last, start)
    return Place(found, start, stop + found.closing) if stop > 0 else None


def _unit(data: bytes, line_end: bytes) -> bytes:
    """The white space before the first member of all; empty where there is none, or too much."""
    if not data.startswith(b"{" + line_end):
        return b""
    start = len(b"{" + line_end)
    line = data[start : start + _WIDEST + 1]
    text = line.lstrip(b" \t")
    return line[: -len(text)] if text.startswith(b'"') else b""


def _opening(data: bytes, unit: bytes, line_end: bytes) -> tuple[Spacing, int]:
    """The spacing, and behind which bracket the list of cells begins; -1 if there is none."""
    cells, sheets = b'\n%s"cells": [' % unit, b'\n%s"worksheets": [' % unit
    low, high = 0, _FIRST_STEP
    while low < len(data):
        place = data.find(cells, low, high)
        if place >= 0:
            return spacing(unit, line_end=line_end), place + len(cells)
        place = data.find(sheets, low, high)
        if place >= 0:
            key = b'\n%s"cells": [' % (unit * 3)
            inner = data.find(key, place)
            return spacing(unit, worksheets=True, line_end=line_end), inner + len(key) if inner >= 0 else -1
        low, high = max(0, high - len(sheets)), 8 * high
    return USUAL, -1
