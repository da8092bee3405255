"""Steps without step tags: sections under headings, one step a cell, or one step in all.

Reads Markdown only as far as finding headings takes; which cells are set-up, parameters or skipped has been decided
before. The shallowest heading level that gives two sections with code is the one an author structures by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from nb2flow.notebook.model import Cell
from nb2flow.notebook.names import plain_title, title_label, unique

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_NO_PARAGRAPH = re.compile(r" {0,3}(?:[-*+>|<#]|\d+[.)])|    |\t")
_HTML = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1\s*>", re.I | re.S)
_COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in a Markdown cell: `level` 1 to 6."""

    level: int
    title: str


@dataclass(slots=True)
class Stretch:
    """Neighbouring code cells that belong together: indices among all cells, in document order."""

    name: str
    title: str
    cells: list[int] = field(default_factory=list)


@lru_cache(maxsize=4096)  # an editor's notebook comes again with one cell changed
def headings(source: str) -> tuple[Heading, ...]:
    """The headings of a Markdown source in order: ATX, setext and HTML ones, none inside fenced code or comments."""
    text = _without_code(_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source))
    found: list[tuple[int, Heading]] = []
    offset = 0
    lines = text.splitlines(keepends=True)
    for line, following in pairwise([*lines, ""]):
        bare = line.rstrip("\r\n")
        atx = _ATX.fullmatch(bare)
        underline = _UNDERLINE.fullmatch(following.rstrip("\r\n"))
        if atx:
            found.append((offset, Heading(len(atx[1]), atx[2] or "")))
        elif bare.strip() and underline and not _NO_PARAGRAPH.match(bare) and not _UNDERLINE.fullmatch(bare):
            found.append((offset, Heading(1 if "=" in underline[1] else 2, bare)))
        offset += len(line)
    found += [(m.start(), Heading(int(m[1]), m[2])) for m in _HTML.finditer(text)]
    found.sort(key=lambda item: item[0])
    plain = (Heading(h.level, plain_title(h.title)) for _, h in found)
    return tuple(h for h in plain if h.title)


def _without_code(source: str) -> str:
    """The source with the lines of fenced code blocks emptied."""
    kept, fence = [], ""
    for line in source.splitlines(keepends=True):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                fence = ""
            kept.append("\n")
        elif match and not (match[1][0] == "`" and "`" in match[2]):
            fence = match[1]
            kept.append("\n")
        else:
            kept.append(line)
    return "".join(kept)


@dataclass(slots=True)
class _Section:
    level: int
    title: str
    cells: list[int] = field(default_factory=list)


def by_headings(cells: Sequence[Cell], code: Sequence[int], active: set[int]) -> tuple[list[int], list[Stretch]] | None:
    """Set-up cells and one stretch for each section, or None when no heading level gives two sections with code.

    `code` are the code cells to lay out (indices), `active` those of them that hold more than comments. Sections whose
    cells are all comments join the section above.
    """
    marks = {c.index: found for c in cells if c.kind == "markdown" and (found := headings(c.source))}
    for level in sorted({h.level for found in marks.values() for h in found}):
        setup, sections = _sections(marks, code, level)
        if sum(any(i in active for i in s.cells) for s in sections) >= 2:
            return _stretches(setup, sections, active)
    return None


def _sections(
    marks: dict[int, tuple[Heading, ...]], code: Sequence[int], level: int
) -> tuple[list[int], list[_Section]]:
    """The cells above the first heading of just this level, and the sections that headings up to this level begin."""
    setup: list[int] = []
    sections: list[_Section] = []
    for index in sorted({*marks, *code}):
        if index in marks:
            opening = [h for h in marks[index] if h.level <= level]
            if opening and (sections or any(h.level == level for h in opening)):
                sections.append(_Section(opening[-1].level, opening[-1].title))
        elif sections:
            sections[-1].cells.append(index)
        else:
            setup.append(index)
    return setup, sections


def _stretches(setup: list[int], sections: list[_Section], active: set[int]) -> tuple[list[int], list[Stretch]]:
    stretches: list[Stretch] = []
    taken: set[str] = set()
    for number, section in enumerate(sections, 1):
        if not any(i in active for i in section.cells):
            (stretches[-1].cells if stretches else setup).extend(section.cells)
            continue
        name = unique(title_label(section.title) or f"section-{number}", taken)
        taken.add(name)
        stretches.append(Stretch(name, section.title, section.cells))
    return setup, stretches


def by_cells(code: Sequence[int], active: set[int]) -> tuple[list[int], list[Stretch]]:
    """One stretch for each code cell, `cell-<index>`; cells of comments only join the cell above, or set-up."""
    setup: list[int] = []
    stretches: list[Stretch] = []
    for index in code:
        if index in active:
            stretches.append(Stretch(f"cell-{index}", f"Cell {index}", [index]))
        else:
            (stretches[-1].cells if stretches else setup).append(index)
    return setup, stretches


def in_one(code: Sequence[int], title: str) -> list[Stretch]:
    """One stretch called `main` with all the code."""
    return [Stretch("main", title, list(code))]
