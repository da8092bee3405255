"""What code imports, as it stands: nothing is run, nothing is looked for. Magics that import count; so do strings that
name a module and calls that make a library import another one (`known`).
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from nb2flow.environment import known
from nb2flow.environment.model import Found, How, Import, Install, Place
from nb2flow.flow.syntax import CellMagic, parse_cell, parse_statements
from nb2flow.notebook.model import Cell

_CATCHES = frozenset(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"])
_INSTALL = re.compile(r"(?:^|[\s;&|!%(])(?:pip3?|conda|mamba|uv(?:\s+pip)?)\s+(?:install|add)\s+([^\n;&|#]+)")
# Options of pip and conda whose value is the next word, and no package.
_TAKE_A_VALUE = frozenset(
    ["-r", "--requirement", "-c", "--constraint", "--channel", "-i", "--index-url", "--extra-index-url", "-f",
     "--find-links", "-e", "--editable", "-t", "--target", "--prefix", "-n", "--name", "-p", "--trusted-host"]
)  # fmt: skip
_NAMED = re.compile(r"[A-Za-z_][\w.-]*(?:\[[\w,.-]*\])?(?:\s*[<>=!~]=?\s*[\w.*+!-]+)*\Z")


def of_cell(cell: Cell) -> Found:
    """What a code cell imports; nothing for a cell that cannot be parsed."""
    parsed = parse_cell(cell)
    found = Found()
    for magic in parsed.magics:
        found |= _of_magic(magic, Place(cell.index, magic.line))
    return found | _of_trees([s.node for s in parsed.statements], Place(cell.index, 1))


def of_lines(source: str, cell: int, line: int) -> Found:
    """What statements that begin at `line` of a cell import."""
    return _of_trees(parse_statements(source) or (), Place(cell, line))


def of_file(source: str, file: str) -> Found:
    """What a module's source imports."""
    return _of_trees(parse_statements(source) or (), Place(None, 1, file))


def _of_trees(trees: Sequence[ast.stmt], place: Place) -> Found:
    visitor = _Visitor(place)
    for tree in trees:
        visitor.visit(tree)
    return visitor.found | Found(tuple(known.implied(visitor.found.imports, visitor.seen)))


@dataclass
class _Visitor(ast.NodeVisitor):
    start: Place
    found: Found = field(default_factory=Found)
    seen: dict[str, Place] = field(default_factory=dict)  # attributes, called names and texts that may imply imports
    optional: bool = False

    def _place(self, node: ast.expr | ast.stmt) -> Place:
        return replace(self.start, line=self.start.line + node.lineno - 1)

    def _add(self, node: ast.expr | ast.stmt, module: str, how: How = "import", **more: object) -> None:
        if module or more.get("level"):
            made = Import(module, self._place(node), how=how, optional=self.optional)
            self.found |= Found((replace(made, **more),))  # type: ignore[arg-type]

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in node.names)
        if node.module != "__future__":
            self._add(node, node.module or "", names=names, level=node.level)

    def visit_Try(self, node: ast.Try) -> None:
        tolerant = any(_catches(handler) for handler in node.handlers)
        self._inside(node.body, self.optional or tolerant)
        # What is imported instead is needed only where the first choice is missing.
        self._inside([s for h in node.handlers for s in h.body], self.optional or tolerant)
        self._inside([*node.orelse, *node.finalbody], self.optional)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        always = isinstance(node.test, ast.Constant) and bool(node.test.value)
        main = isinstance(node.test, ast.Compare) and "__name__" in {
            n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)
        }
        self._inside(node.body, self.optional or not (always or main))
        self._inside(node.orelse, True)

    def _inside(self, body: Sequence[ast.stmt], optional: bool) -> None:
        before, self.optional = self.optional, optional
        for statement in body:
            self.visit(statement)
        self.optional = before

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.seen.setdefault(f".{node.attr}", self._place(node))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and len(node.value) < 500:
            module = known.by_text(node.value)
            if module:
                self.seen.setdefault(f"text {module}", self._place(node))

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if name in ("importlib.import_module", "import_module", "__import__") and texts:
            self._add(node, texts[0] if not texts[0].startswith(".") else "")
        elif name in ("sys.path.append", "sys.path.insert") and texts:
            self.found |= Found(paths=(texts[0],))
        elif name.startswith("get_ipython()."):
            self._magic(node, texts)
        elif name:
            for text in texts:
                self.seen.setdefault(f"{name.rpartition('.')[2]}({text})", self._place(node))
        self.generic_visit(node)

    def _magic(self, node: ast.Call, texts: list[str]) -> None:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        place = self._place(node)
        if method in ("run_line_magic", "magic") and texts:
            self.found |= _of_line_magic(texts[0], " ".join(texts[1:]), place)
        elif method in ("system", "getoutput", "system_raw") and texts:
            self.found |= _installs(texts[0], place)
        elif method == "run_cell_magic" and len(texts) == 3:
            self.found |= _of_magic(CellMagic(texts[0], texts[1], texts[2], place.line), place)


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(k, ast.Name | ast.Attribute) and ast.unparse(k).split(".")[-1] in _CATCHES for k in kinds)


def _of_line_magic(name: str, rest: str, place: Place) -> Found:
    if name in ("pip", "conda", "mamba", "uv", "system", "sx", "!"):
        return _installs(rest if name in ("system", "sx", "!") else f"{name} {rest}", place)
    if name in ("load_ext", "reload_ext") and rest.split():
        return Found((Import(known.EXTENSIONS.get(rest.split()[0], rest.split()[0]), place, how="magic"),))
    if name in known.MAGICS:
        return Found(tuple(Import(module, place, how="magic") for module in known.MAGICS[name]))
    if name in ("time", "timeit", "prun", "memit", "lprun"):
        return of_lines(rest, place.cell, place.line) if place.cell is not None else Found()
    return Found()


def _of_magic(magic: CellMagic, place: Place) -> Found:
    if magic.name in ("writefile", "file") and magic.args.strip().endswith(".py"):
        return Found(writes=((magic.args.split()[-1], magic.body),))
    if magic.name in ("bash", "sh", "system", "!", "sx", "script", "cmd"):
        found = Found()
        for number, line in enumerate(magic.body.split("\n"), 1):
            found |= _installs(line, replace(place, line=place.line + number))
        return found
    return Found()


def _installs(command: str, place: Place) -> Found:
    made = [Install(names, place) for names in _named(command)]
    return Found(installs=tuple(made))


def _named(command: str) -> Iterator[tuple[str, ...]]:
    for words in _INSTALL.findall(f" {command}"):
        try:
            parts = shlex.split(words)
        except ValueError:
            parts = words.split()
        values = {k + 1 for k, part in enumerate(parts) if part in _TAKE_A_VALUE}
        yield tuple(part for k, part in enumerate(parts) if k not in values and _NAMED.match(part))
