"""Files that a notebook runs in its own namespace: `%run helpers.py`, `%run other.ipynb`.

Where the text of the file is known it is interpreted as if it stood in the notebook. A file that only imports and
defines is set-up, run again in every step that needs it. A script (`.py`, without `-i`) has a namespace of its own,
which its functions keep; so it is followed only where nobody can tell: when no function of it looks at data of that
namespace that can change.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable

from nb2flow.flow.dispatch import execute
from nb2flow.flow.machine import Machine
from nb2flow.flow.scopes import FUNCTIONS, global_names
from nb2flow.flow.syntax import parse_statements
from nb2flow.notebook.model import Notebook

_RUN = re.compile(r"^[ \t]*%run[ \t]+(.+)$", re.MULTILINE)
_LASTING = (ast.Constant, ast.Lambda)  # values that nobody can change


def run_files(notebook: Notebook) -> tuple[str, ...]:
    """The files that `%run` names literally, as they are written, in order of appearance."""
    return named_in(cell.source for cell in notebook.code if "%run" in cell.source)


def named_in(sources: Iterable[str]) -> tuple[str, ...]:
    """The same for the code of cells."""
    found = [_file(rest) for source in sources for rest in _RUN.findall(source)]
    return tuple(dict.fromkeys(path for path, _ in filter(None, found)))


def _file(rest: str) -> tuple[str, bool] | None:
    """(file, whether it runs in the notebook's own namespace) of `%run rest`; None when there is more to it."""
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        return None
    given = words[:1] == ["-i"]
    words = words[given:]
    if len(words) != 1 or words[0].startswith("-") or "$" in rest or "{" in rest:
        return None
    return words[0], given or words[0].endswith(".ipynb")


def run(m: Machine, rest: str) -> bool:
    """Interpret the file of `%run rest`; False when its code is not known, or not what is there when it runs."""
    file = _file(rest)
    if file is None or m.unit.script or m.frames or m.resources.get("process:cwd") is not None:
        return False
    path, inside = file
    cells = m.outside.scripts.get(path)
    written = (use for unit in m.units for use in unit.files if use.writes)
    if cells is None or any(use.path is None or use.path == path for use in written):
        return False
    parsed = [parse_statements(text) for text in cells]
    body = [node for statements in parsed for node in statements or ()]
    if None in parsed or not body or not (inside or _keeps_to_itself(body)):
        return False
    place = 0
    for part in (p for node in body for p in ast.walk(node)):
        if hasattr(part, "lineno"):  # all of it happens on the line of the magic; places tell objects apart
            place += 1
            part.lineno = part.end_lineno = m.line  # type: ignore[attr-defined]
            part.col_offset = place  # type: ignore[attr-defined]
    m.unit.script, m.unit.runs = path, tuple(body)
    unresolved = dict(m.unit.unresolved)
    execute(m, body)
    m.unit.unresolved = unresolved  # where a file takes its names from is not the notebook's concern
    return True


def _keeps_to_itself(body: list[ast.stmt]) -> bool:
    """Whether no function looks at something in the script's namespace that may change."""
    changing: set[str] = set()
    functions = []
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not isinstance(node.value, _LASTING):
                changing |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            functions += [p for p in ast.walk(node) if isinstance(p, FUNCTIONS)]
        elif not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr | ast.Pass | ast.Try):
            return False
    return not any(changing & global_names(f) or any(isinstance(p, ast.Global) for p in ast.walk(f)) for f in functions)
