"""Replayed set-up keeps the line numbers that it has in the author's cells.

A warning or traceback from a replayed function names file and line. In the notebook that is a line of the cell that
defines the function; so each stretch of a replay cell is compiled as if it stood alone where it came from. Where it
came from is said by the comment above it. Only the compiler of the shell is touched, and only until the inputs are
loaded; where that is of another kind than we know, the lines are those of the replay cell, and nothing else changes.
"""

from __future__ import annotations

import ast
import codeop
import linecache
import re
from typing import Any, NamedTuple

from .shell import shell

_FROM = re.compile(r"# from cell (\d+), line (\d+)\s*$")


class _Stretch(NamedTuple):
    """Lines `first` to `last` of a replay cell, of which the first is line `line` of cell `cell`."""

    first: int
    last: int
    cell: str
    line: int


class _State:
    """`original` is the compiler's own class; `files` maps a replay cell to the author's cells in it, and these to the
    names that their code gets."""

    def __init__(self) -> None:
        self.original: Any = None
        self.files: dict[str, dict[str, str]] = {}


_state = _State()


def begin() -> None:
    """From now on, until `end`, what is compiled is looked at."""
    end()
    compiler = getattr(shell(), "compile", None)
    if isinstance(compiler, codeop.Compile) and callable(getattr(compiler, "cache", None)):
        own = type(compiler)
        try:
            compiler.__class__ = type(own.__name__, (_Placing, own), {})
        except TypeError:
            return  # a compiler that cannot be changed
        _state.original, _state.files = own, {}


def end() -> None:
    """What is compiled from now on are the author's own cells."""
    if _state.original is not None:
        shell().compile.__class__ = _state.original
        _state.original = None


class _Placing:
    """Compiles a statement of a replay cell as part of the cell that it came from."""

    def __call__(self, source: Any, filename: str, *more: Any, **options: Any) -> Any:
        if isinstance(source, ast.AST):
            filename = _place(self, source, filename)
        return super().__call__(source, filename, *more, **options)  # type: ignore[misc]


def _place(compiler: Any, tree: ast.AST, filename: str) -> str:
    """Shift the lines of a statement in place; gives the file name that its code is to have."""
    body = getattr(tree, "body", None)
    entry = linecache.cache.get(filename)
    if not isinstance(body, list) or not body or entry is None or len(entry) < 4:
        return filename
    text = [line.rstrip("\n") for line in entry[2]]
    stretches = _stretches(text)
    nodes = [*getattr(body[0], "decorator_list", ()), body[0]]
    at = min(node.lineno for node in nodes)
    here = next((s for s in stretches if s.first <= at <= s.last), None)
    if here is None:
        return filename
    files = _state.files.get(filename)
    if files is None:
        files = _state.files[filename] = _register(compiler, filename, text, stretches)
    for node in body:
        ast.increment_lineno(node, here.line - here.first)
    return files[here.cell]


def _stretches(text: list[str]) -> list[_Stretch]:
    marks = [(number, match) for number, line in enumerate(text, 1) if (match := _FROM.match(line)) is not None]
    ends = [number - 1 for number, _ in marks[1:]] + [len(text)]
    return [_Stretch(n + 1, last, m.group(1), int(m.group(2))) for (n, m), last in zip(marks, ends)]


def _register(compiler: Any, filename: str, text: list[str], stretches: list[_Stretch]) -> dict[str, str]:
    """Tell Python the text of each cell that stretches came from, as far as it is known: blank elsewhere."""
    numbers = getattr(compiler, "_filename_map", {})
    names: dict[str, str] = {}
    for cell in dict.fromkeys(s.cell for s in stretches):
        lines: list[str] = []
        for stretch in (s for s in stretches if s.cell == cell):
            lines += [""] * (stretch.line - 1 - len(lines))
            lines[stretch.line - 1 :] = text[stretch.first - 1 : stretch.last]
        names[cell] = compiler.cache("\n".join(lines), numbers.get(filename, 0))
    return names
