"""Which modules a notebook star-imports: what has to be asked of the kernel's interpreter before the analysis."""

from __future__ import annotations

import ast
import re

from nb2flow.flow.known_modules import STARS_OF_PYLAB
from nb2flow.flow.syntax import parse_cell
from nb2flow.notebook.model import Notebook


def star_modules(notebook: Notebook) -> tuple[str, ...]:
    """Absolute names of modules `m` in `from m import *` (and those behind `%pylab`), in order of appearance."""
    found: list[str] = []
    for cell in notebook.code:
        if re.search(r"import\s*\(?\s*\*", cell.source):
            for statement in parse_cell(cell).statements:
                for node in ast.walk(statement.node):
                    is_star = isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
                    if is_star and isinstance(node, ast.ImportFrom) and node.module:
                        found += ["." * node.level + node.module]
        if re.search(r"^\s*%pylab\b", cell.source, re.MULTILINE):
            found += STARS_OF_PYLAB
    return tuple(dict.fromkeys(found))
