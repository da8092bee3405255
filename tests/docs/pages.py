"""The documentation as values: pages, sections, code blocks, tables, links; and what the program says of itself.

Reads files and asks the command line for its help; tests compare the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


class Block(NamedTuple):
    """A fenced block: what it is said to be, and its text."""

    kind: str
    text: str


def pages() -> list[Path]:
    """Every Markdown page that a reader may open."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sample_notebooks").glob("*.md")])


def blocks(text: str) -> list[Block]:
    """The fenced code blocks, in order."""
    return [Block(kind, body) for kind, body in _FENCE.findall(text)]


def without_code(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def sections(text: str, level: int) -> dict[str, str]:
    """The text under each heading of this level, by the heading's words."""
    parts = re.split(rf"^#{{{level}}} (.+)$", without_fenced_hashes(text), flags=re.M)
    found = {}
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        assert title not in found, f"two sections {title!r}"
        found[title] = re.split(rf"^#{{1,{level}}} ", body, maxsplit=1, flags=re.M)[0].replace("\0", "#")
    return found


def without_fenced_hashes(text: str) -> str:
    """The text with `#` inside fenced blocks made a null character, so that none is taken for a heading."""
    return _FENCE.sub(lambda m: m[0].replace("#", "\0"), text)


def first_column(text: str) -> Iterator[str]:
    """The first cell of each row of the tables in the text, headers left out."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        for row in table.splitlines()[2:]:
            yield re.split(r"(?<!\\)\|", row)[1].strip()


def words_in_code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    found: dict[str, int] = {}
    for title in re.findall(r"^#{1,6} (.+)$", without_code(text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        number = found[anchor] = found.get(anchor, -1) + 1
        if number:
            found[f"{anchor}-{number}"] = 0
    return set(found)


def options_of_help(text: str) -> set[str]:
    """The options that a help text lists, each spelling; `--help` is everybody's and left out."""
    found: set[str] = set()
    for line in text.splitlines():
        listed = re.match(r"\s+(-\S.*?)(?:\s{2,}|$)", line)
        if listed:
            found.update(_OPTION.findall(re.sub(r"\[[^\]]*\]|\{[^}]*\}", "", listed[1])))
    return found - {"-h", "--help"}


def options_in(text: str) -> set[str]:
    """The options that stand in backticks in the first column of the text's tables."""
    codes = " ".join(code for cell in first_column(text) for code in words_in_code(cell))
    return set(_OPTION.findall(re.sub(r"\[[^\]]*\]", "", codes)))


def typed_commands(text: str) -> list[str]:
    """The lines that a reader is to type: those after `$` in console blocks."""
    return [
        line.removeprefix("$ ").strip()
        for block in blocks(text)
        if block.kind == "console"
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]
