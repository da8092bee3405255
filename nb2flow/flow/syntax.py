"""Cells as Python statements, IPython's syntax included.

IPython's own transformer turns magics, `!` and `?` into calls on `get_ipython()`, which the analysis then reads like
any other call: nothing is stripped. It is imported only for the cells that need it (plain Python parses without it).
This file knows nothing of what statements mean.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, replace
from functools import lru_cache

from nb2flow.flow import generics
from nb2flow.notebook.ipython import transform_cell
from nb2flow.notebook.model import Cell

# Cell magics whose body is Python that runs in the notebook's namespace.
PYTHON_BODY = frozenset(
    {"time", "timeit", "capture", "prun", "memit", "mprun", "debug", "memray_flamegraph", "scalene"}
)
_MAGIC_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?[%!?]")
_PARSE_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A `%%name args` cell; `body` starts on line 2 of the part that the magic governs."""

    name: str
    args: str
    body: str
    line: int


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """Why a cell cannot be parsed: 1-based line, 0-based column, message as Python words it."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement: its tree, its first and last line in the cell (1-based) and its own source text."""

    node: ast.stmt
    line: int
    end_line: int
    source: str
    displays: bool = False


@dataclass(frozen=True, slots=True)
class ParsedCell:
    """A code cell: cell magics from the outside in, then its statements (none when the innermost isn't Python)."""

    cell: Cell
    magics: tuple[CellMagic, ...] = ()
    statements: tuple[Statement, ...] = ()
    fault: SyntaxFault | None = None
    opaque: bool = False


def parse_cell(cell: Cell) -> ParsedCell:
    """Parse a code cell. A fault is a value: the statements are then empty.

    An editor's notebook comes again with one cell changed, so trees are kept, by id and source: two cells of a notebook
    never share one.
    """
    return replace(_kept(cell.id, cell.source), cell=cell)


@lru_cache(maxsize=4096)
def _kept(cell_id: str, source: str) -> ParsedCell:
    return _parsed(Cell(0, cell_id, "code", source))


def _parsed(cell: Cell) -> ParsedCell:
    source, offset = cell.source, 0
    magics: list[CellMagic] = []
    while True:
        stripped = source.lstrip()
        if not stripped.startswith("%%"):
            break
        offset += source[: len(source) - len(stripped)].count("\n")
        head, _, body = stripped.partition("\n")
        name, _, args = head[2:].strip().partition(" ")
        magics.append(CellMagic(name, args.strip(), body, offset + 1))
        if name not in PYTHON_BODY:
            return ParsedCell(cell, tuple(magics), opaque=True)
        source, offset = body, offset + 1
    tree_or_fault = _parse(source)
    if isinstance(tree_or_fault, SyntaxFault):
        fault = SyntaxFault(tree_or_fault.line + offset, tree_or_fault.column, tree_or_fault.message)
        return ParsedCell(cell, tuple(magics), fault=fault)
    tree, text = tree_or_fault
    if offset:
        for node in ast.walk(tree):
            if hasattr(node, "lineno"):
                node.lineno += offset
                node.end_lineno = (node.end_lineno or node.lineno) + offset  # type: ignore[attr-defined]
    return ParsedCell(cell, tuple(magics), tuple(_statements(tree, cell.source, text, offset)))


def parse_expression(text: str) -> ast.expr | None:
    """`text` as one Python expression, or None."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parse_statements(text: str) -> list[ast.stmt] | None:
    """`text` as Python statements (magics allowed), or None."""
    result = _parse(text)
    return None if isinstance(result, SyntaxFault) else result[0].body


def _parse(source: str) -> tuple[ast.Module, str] | SyntaxFault:
    """The tree and the text that it was parsed from (the source itself, or IPython's rewriting of it)."""
    try:
        return _compile(source), source
    except (SyntaxError, ValueError):
        pass
    except (RecursionError, MemoryError):
        return SyntaxFault(1, 0, "nested too deeply to be analysed")
    joined = _join_magic_lines(source)
    blank = re.match(r"(?:[ \t]*\n)*", joined)
    lead = blank.group(0).count("\n") if blank else 0
    try:
        text = "\n" * lead + transform_cell()(joined[blank.end() if blank else 0 :])
        return _compile(text), text
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        column = max((getattr(error, "offset", None) or 1) - 1, 0)
        message = getattr(error, "msg", None) or str(error)
        return SyntaxFault(min(line, source.count("\n") + 1), column, message)
    except (RecursionError, MemoryError):
        return SyntaxFault(1, 0, "nested too deeply to be analysed")


def _compile(source: str) -> ast.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the author's invalid escapes are not ours to report
        tree = compile(source, "<cell>", "exec", _PARSE_FLAGS, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return generics.plainer(tree, source)


def _join_magic_lines(source: str) -> str:
    """Continued magic lines as one line each, followed by as many blank ones, so that line numbers stay true."""
    lines = source.split("\n")
    out: list[str] = []
    i = 0
    while i < len(lines):
        line, extra = lines[i], 0
        if _MAGIC_LINE.match(line):
            while line.endswith("\\") and i + 1 < len(lines):
                i, extra = i + 1, extra + 1
                line = line[:-1] + " " + lines[i].lstrip()
        out.append(line)
        out.extend([""] * extra)
        i += 1
    return "\n".join(out)


def _statements(tree: ast.Module, original: str, text: str, offset: int) -> list[Statement]:
    lines = original.split("\n")
    spans = [(_first_line(n), n.end_lineno or n.lineno) for n in tree.body]
    found: list[Statement] = []
    for k, (node, (first, last)) in enumerate(zip(tree.body, spans, strict=True)):
        shared = (k > 0 and spans[k - 1][1] >= first) or (k + 1 < len(spans) and spans[k + 1][0] <= last)
        while not shared and last < len(lines) and lines[last - 1].endswith("\\"):
            last += 1  # a continued magic, whose rewriting is one line
        segment = _segment(node, text, offset) if shared else "\n".join(lines[first - 1 : last])
        if segment[:1].isspace():
            segment = textwrap.dedent(segment)
        found.append(Statement(node, first, last, segment.rstrip()))
    if found and isinstance(found[-1].node, ast.Expr) and not _silenced(lines[found[-1].end_line - 1]):
        last_one = found[-1]
        found[-1] = Statement(last_one.node, last_one.line, last_one.end_line, last_one.source, displays=True)
    return found


def _segment(node: ast.stmt, text: str, offset: int) -> str:
    """The statement's own text where it shares a line with another (`import a; import b`)."""
    lines = text.split("\n")
    first, last = node.lineno - offset, (node.end_lineno or node.lineno) - offset
    part = lines[first - 1 : last]
    encoded = [p.encode() for p in part]
    encoded[-1] = encoded[-1][: node.end_col_offset]
    encoded[0] = encoded[0][node.col_offset :]
    return "\n".join(e.decode(errors="replace") for e in encoded)


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return min([node.lineno, *(d.lineno for d in decorators)]) if decorators else node.lineno


def _silenced(line: str) -> bool:
    return line.split("#")[0].rstrip().endswith(";")
