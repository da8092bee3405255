"""Which modules of the project's own may set where random numbers begin: their source says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from nb2flow.app.scripts import LARGEST

_IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+\.*(\w+)|import[ \t]+([\w., \t]+))", re.MULTILINE)
_SEEDS = re.compile(r"seed\w*\s*\(|\bset_?state\s*\(")
_MOST_FILES = 50  # of a package


def modules(sources: Iterable[str], folder: Path) -> frozenset[str]:
    """Of the modules beside the notebook that this code imports: those that seed, or import one that does."""
    text = {name: _source(name, folder) for name in _imported(sources)}
    todo = [code for code in text.values() if code]
    while todo:
        new = {name: _source(name, folder) for name in _imported([todo.pop()]) - text.keys()}
        text.update(new)
        todo += [code for code in new.values() if code]
    found = {name for name, code in text.items() if _SEEDS.search(code)}
    while more := {name for name, code in text.items() if code and _imported([code]) & found} - found:
        found |= more
    return frozenset(found)


def _imported(sources: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for source in sources:
        for match in _IMPORTS.finditer(source):
            found.update(part.split(".")[0].split(" ")[0].strip() for part in (match[1] or match[2]).split(","))
    return found - {""}


def _source(name: str, folder: Path) -> str:
    """The code of a module or package in the folder; nothing when it is not there."""
    try:
        files = [folder / f"{name}.py"]
        if (folder / name / "__init__.py").is_file():
            files = sorted((folder / name).rglob("*.py"))[:_MOST_FILES]
        return "\n".join(f.read_text("utf-8") for f in files if f.is_file() and f.stat().st_size <= LARGEST)
    except (OSError, ValueError):
        return ""
