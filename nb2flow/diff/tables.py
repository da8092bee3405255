"""Tables in outputs: read from HTML or from aligned text, and compared by row and column names.

A changed value is told as a person would (`y[1]: 4 → 40`). Only what is certainly a table is read as one; everything
else stays text. No HTML parser is needed: tables that libraries write are regular, and others are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple

from nb2flow.diff.text import blocks

# patterns are strings here, compiled (and kept by `re`) when the first table is met: start-up counts
_TABLE = r"(?si)<table\b.*?</table>"
_ROW = r"(?si)<tr\b[^>]*>(.*?)</tr>"
_CELL = r"(?si)<t([hd])\b([^>]*)>(.*?)</t[hd]>"
_SPAN = r"(?i)(?:row|col)span\s*=\s*[\"']?[2-9]"
_MARKUP = r"<[^>]*>"
_PIECE = r"\S+"
_LARGEST = 2_000_000
_PAIRED = 10_000


class Table(NamedTuple):
    """A rectangle of texts: `columns` names them, each row starts with its label (possibly empty)."""

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class CellValue(NamedTuple):
    """One changed value: column name, row label, old text, new text."""

    column: str
    row: str
    old: str
    new: str


class TableChange(NamedTuple):
    """What changed between two tables; `values` are those in rows and columns that both have."""

    values: tuple[CellValue, ...]
    rows_added: tuple[str, ...]
    rows_removed: tuple[str, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]


def read_html(text: str) -> tuple[Table, str] | None:
    """The only table of an HTML output and the text around it, or None where it is not so simple."""
    if len(text) > _LARGEST or "<t" not in text:
        return None
    found = re.findall(_TABLE, text)
    if len(found) != 1 or re.search(_SPAN, found[0]):
        return None
    grid = [
        [(kind in "hH", unescape(re.sub(_MARKUP, "", body)).strip()) for kind, _, body in re.findall(_CELL, row)]
        for row in re.findall(_ROW, found[0])
    ]
    around = " ".join(unescape(re.sub(_MARKUP, " ", _without_style(text.replace(found[0], " ")))).split())
    table = _from_grid([row for row in grid if row])
    return None if table is None else (table, around)


def _without_style(text: str) -> str:
    return re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)


def _from_grid(grid: Sequence[Sequence[tuple[bool, str]]]) -> Table | None:
    if len(grid) < 2 or len({len(row) for row in grid}) != 1 or not grid[0]:
        return None
    labelled = all(row[0][0] for row in grid)
    start = 1 if labelled else 0
    header = all(cell[0] for cell in grid[0][start:]) and len(grid[0]) > start
    columns = tuple(c[1] for c in grid[0][start:]) if header else tuple(map(str, range(len(grid[0]) - start)))
    body = grid[1:] if header else grid
    if header and body and labelled and all(cell[0] for cell in body[0]):
        body = body[1:]  # pandas writes the name of the index in a row of its own
    labels = tuple(row[0][1] for row in body) if labelled else tuple(map(str, range(len(body))))
    return Table(columns, labels, tuple(tuple(cell[1] for cell in row[start:]) for row in body))


def read_text(text: str) -> Table | None:
    """A table printed in right-aligned columns, as pandas does; None for any other text."""
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and lines[-1].startswith("[") and lines[-1].endswith("columns]"):
        lines = lines[:-1]
    if len(lines) < 2 or not lines[0].startswith(" ") or len({len(line) for line in lines}) != 1:
        return None
    ends = [m.end() for m in re.finditer(_PIECE, lines[0])]
    first = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    width = min(_label_width(line, ends) for line in lines[1:])
    if width < 0 or width > len(first):
        return None
    columns = tuple(m.group() for m in re.finditer(_PIECE, lines[0]))
    rows: list[tuple[str, ...]] = []
    labels: list[str] = []
    for line in lines[1:]:
        tokens = [(m.end(), m.group()) for m in re.finditer(_PIECE, line)]
        if [end for end, _ in tokens[1:]] != ends:
            return None
        labels.append(tokens[0][1])
        rows.append(tuple(token for _, token in tokens[1:]))
    return Table(columns, tuple(labels), tuple(rows))


def _label_width(line: str, ends: Sequence[int]) -> int:
    found = re.match(_PIECE, line)
    return found.end() if found and len(re.findall(_PIECE, line)) == len(ends) + 1 else -1


def compare(old: Table, new: Table) -> TableChange | None:
    """The difference of two tables; None when they have too little in common to be compared as tables."""
    column_pairs, columns_removed, columns_added = _names(old.columns, new.columns)
    if not column_pairs and old.columns:
        return None
    row_pairs, rows_removed, rows_added = _rows(old, new, column_pairs)
    values = [
        CellValue(old.columns[x], old.labels[i], old.rows[i][x], new.rows[j][y])
        for i, j in row_pairs
        for x, y in column_pairs
        if old.rows[i][x] != new.rows[j][y]
    ]
    return TableChange(
        tuple(values),
        tuple(new.labels[j] for j in rows_added),
        tuple(old.labels[i] for i in rows_removed),
        tuple(new.columns[y] for y in columns_added),
        tuple(old.columns[x] for x in columns_removed),
    )


_Aligned = tuple[list[tuple[int, int]], list[int], list[int]]


def _names(old: Sequence[str], new: Sequence[str]) -> _Aligned:
    pairs: list[tuple[int, int]] = []
    for block in blocks(old, new):
        if block.tag == "equal" or (block.tag == "replace" and _unnamed(old, new)):
            pairs += zip(range(block.a0, block.a1), range(block.b0, block.b1), strict=False)
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    return pairs, [i for i in range(len(old)) if i not in left], [j for j in range(len(new)) if j not in right]


def _unnamed(old: Sequence[str], new: Sequence[str]) -> bool:
    return len(old) == len(new) == 1


def _rows(old: Table, new: Table, columns: Sequence[tuple[int, int]]) -> _Aligned:
    """Rows by label where labels tell rows apart and most are kept; by content where they are mere positions."""
    unique = len(set(old.labels)) == len(old.labels) and len(set(new.labels)) == len(new.labels)
    numbered = _counted(old.labels) and _counted(new.labels)
    if unique and (not numbered or len(old.labels) == len(new.labels)):
        return _names(old.labels, new.labels)
    first = [tuple(row[x] for x, _ in columns) for row in old.rows]
    second = [tuple(row[y] for _, y in columns) for row in new.rows]
    pairs: list[tuple[int, int]] = []
    for block in blocks(first, second):
        rows, others = range(block.a0, block.a1), range(block.b0, block.b1)
        if block.tag == "equal" or len(rows) == len(others):
            pairs += zip(rows, others, strict=True)
        elif len(rows) * len(others) <= _PAIRED:
            pairs += _alike(first, second, rows, others)
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    return pairs, [i for i in range(len(first)) if i not in left], [j for j in range(len(second)) if j not in right]


def _alike(
    first: Sequence[tuple[str, ...]], second: Sequence[tuple[str, ...]], rows: range, others: range
) -> list[tuple[int, int]]:
    """Rows that have at least half of their values in common, each with the first such row that is left."""
    pairs: list[tuple[int, int]] = []
    start = others.start
    for i in rows:
        for j in range(start, others.stop):
            shared = sum(1 for x, y in zip(first[i], second[j], strict=True) if x == y)
            if shared and 2 * shared >= len(first[i]):
                pairs.append((i, j))
                start = j + 1
                break
    return pairs


def _counted(labels: Sequence[str]) -> bool:
    return all(label == str(k) or label in ("...", "…") for k, label in enumerate(labels))
