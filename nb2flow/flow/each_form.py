"""The form of a step that runs for each element, and its loops with the collecting taken out. Syntax alone.

Such a step begins lists and dicts (`name = []`, `name = {}`) and loops over its list, once in a cell, collecting into
them. What the loops do besides is no concern of this file.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import Any, Literal

from nb2flow.flow.syntax import ParsedCell, Statement

LIST = "nb2flow_each_list"
_ITEM = "nb2flow_each_item"
_NOT_HERE = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Delete, ast.Import, ast.ImportFrom),
    *(ast.AsyncFor, ast.AsyncWith, ast.Await, ast.Yield, ast.YieldFrom),
)
Kind = Literal["list", "dict"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a step is not element by element: what, in which cell, on which line, and what to do."""

    cell: int
    line: int
    what: str
    hint: str


@dataclass(slots=True)
class Read:
    """A step as it was read: what it collects into, and its cells with the collecting taken out."""

    name: str
    kinds: dict[str, Kind] = field(default_factory=dict)
    loops: dict[int, tuple[int, str]] = field(default_factory=dict)  # cell -> (line of its loop, the loop in isolation)
    faults: list[Fault] = field(default_factory=list)
    collectors: dict[str, int] = field(default_factory=dict)  # what is collected into -> the cell whose loop does
    left: set[str] = field(default_factory=set)  # what the loops looked at so far have written


def read_step(name: str, cells: list[ParsedCell]) -> Read:
    """Read the cells of a step that is to run for each element of `name`; what has no place in it is in `faults`."""
    read = Read(name)
    for parsed in cells:
        _read_cell(read, parsed)
    if not read.loops and not read.faults:
        what = f"no cell of the step loops over `{read.name}`"
        read.faults.append(Fault(cells[0].cell.index, 1, what, f"write `for item in {read.name}:`, or remove the tag"))
    return read


def _read_cell(read: Read, parsed: ParsedCell) -> None:
    cell = parsed.cell.index
    if parsed.magics:
        read.faults.append(Fault(cell, 1, "a cell magic would run once for each element", "put it into a later step"))
        return
    if "raises-exception" in parsed.cell.tags:
        what = "an error that is let pass would end the loop for the elements that follow"
        read.faults.append(Fault(cell, 1, what, "catch it inside the loop, and remove the tag `raises-exception`"))
        return
    for statement in parsed.statements:
        node, line = statement.node, statement.line
        begun = _beginning(node)
        if begun is not None:
            name, kind = begun
            if name in read.kinds or name == read.name:
                what = f"`{name}` is begun a second time in a step that runs for each element"
                read.faults.append(Fault(cell, line, what, "give the second one another name"))
            read.kinds[name] = kind
        elif _is_loop(node, read.name):
            if cell in read.loops:
                what = f"a cell of a step that runs for each element has two loops over `{read.name}`"
                read.faults.append(
                    Fault(cell, line, what, "what they show would come in another order: split the cell")
                )
            read.loops[cell] = (line, _isolated(read, cell, statement))
        else:
            read.faults.append(_no_place_for(read, cell, statement))


def _no_place_for(read: Read, cell: int, statement: Statement) -> Fault:
    first = statement.source.strip().splitlines()[0][:60] if statement.source.strip() else "this"
    what = f"`{first}` would run once for each element of `{read.name}`"
    hint = f"keep `name = []`, `name = {{}}` and loops over `{read.name}` in this step; put the rest above or below it"
    return Fault(cell, statement.line, what, hint)


def _beginning(node: ast.stmt) -> tuple[str, Kind] | None:
    """`name = []` or `name = {}`."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return None
    if isinstance(node.value, ast.List) and not node.value.elts:
        return node.targets[0].id, "list"
    if isinstance(node.value, ast.Dict) and not node.value.keys:
        return node.targets[0].id, "dict"
    return None


def _is_loop(node: ast.stmt, name: str) -> bool:
    """`for … in NAME:` or `result = [… for … in NAME]` (or a dict)."""
    if isinstance(node, ast.For):
        return isinstance(node.iter, ast.Name) and node.iter.id == name and not node.orelse
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return False
    value = node.value
    if not isinstance(value, ast.ListComp | ast.DictComp) or any(g.is_async for g in value.generators):
        return False
    source = value.generators[0].iter
    return isinstance(source, ast.Name) and source.id == name


def _isolated(read: Read, cell: int, statement: Statement) -> str:
    """The loop, with each collecting replaced by the mere computing of what is collected."""
    node = copy.deepcopy(statement.node)
    if isinstance(node, ast.For):
        node.iter = ast.Name(LIST, ast.Load())
        taken = _TakeOut(read, cell)
        node.target = taken.visit(node.target)
        node.body = [taken.visit(part) for part in node.body]
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if name in read.kinds or name == read.name:
            what = f"`{name}` is begun a second time in a step that runs for each element"
            read.faults.append(Fault(cell, statement.line, what, "give the second one another name"))
        assert isinstance(node.value, ast.ListComp | ast.DictComp)
        node.value.generators[0].iter = ast.Name(LIST, ast.Load())
        read.kinds[name] = "list" if isinstance(node.value, ast.ListComp) else "dict"
        node.value = _TakeOut(read, cell).visit(node.value)
        node.targets = [ast.Name(_ITEM, ast.Store())]
    return ast.unparse(ast.fix_missing_locations(ast.Module([node], [])))


class _TakeOut(ast.NodeTransformer):
    """Takes the collecting out of a loop's body; any other use of what is collected, or of the list, is a fault."""

    def __init__(self, read: Read, cell: int) -> None:
        self._read = read
        self._cell = cell
        self._depth = 0

    def _fault(self, node: ast.AST, what: str, hint: str) -> None:
        self._read.faults.append(Fault(self._cell, getattr(node, "lineno", 1), what, hint))

    def _collects(self, node: ast.expr, kind: Kind) -> bool:
        if not isinstance(node, ast.Name) or self._read.kinds.get(node.id) != kind:
            return False
        if self._read.collectors.setdefault(node.id, self._cell) != self._cell:
            what = f"a second loop collects into `{node.id}`: what both of them add would come in another order"
            self._fault(node, what, "collect into another list, or write one loop")
        return True

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, _NOT_HERE):
            what = "imports, definitions, `del` and `await` have no place in a loop that runs for each element"
            self._fault(node, what, "put it above the step, or leave it out")
            return node
        return super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ("append", "extend")
            and self._collects(call.func.value, "list")
            and len(call.args) == 1
            and not call.keywords
            and not isinstance(call.args[0], ast.Starred)
        ):
            return self._computed(call.args[0], all_of=call.func.attr == "extend")
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.op, ast.Add) and self._collects(node.target, "list"):
            return self._computed(node.value, all_of=True)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Subscript) and self._collects(target.value, "dict"):
            return self._computed(ast.Tuple([node.value, target.slice], ast.Load()))
        return self.generic_visit(node)

    def _computed(self, value: ast.expr, *, all_of: bool = False) -> ast.AST:
        value = self.visit(value)
        if all_of:
            value = ast.List([ast.Starred(value, ast.Load())], ast.Load())
        return ast.Assign([ast.Name(_ITEM, ast.Store())], value)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._read.kinds:
            what = f"`{node.id}` is used while it is being collected: elements would see each other's results"
            add = "`append`, `extend` and `+=`" if self._read.kinds[node.id] == "list" else f"`{node.id}[key] = value`"
            self._fault(node, what, f"only {add} may stand here; use `{node.id}` in a later step")
        elif node.id == self._read.name:
            what = f"`{node.id}` is used inside the loop over it, where an instance has one element alone"
            self._fault(node, what, "compute what is asked of the whole list in an earlier step")
        elif node.id == "get_ipython":
            self._fault(node, "a magic or a command stands in the loop", "put it into another step")
        return node

    def visit_Break(self, node: ast.Break) -> ast.AST:
        if not self._depth:
            self._fault(node, "`break` ends the loop for the elements that follow", "choose the elements beforehand")
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._inner(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._inner(node)

    def _inner(self, node: ast.For | ast.While) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node


def alone(read: Read, code: str, prefix: str) -> str:
    """The cell as it is interpreted: what is collected into has begun, so that whoever looks at it is seen; names that
    the loop binds are new ones, so that a pass that looks at one before it binds it finds nothing."""
    begun = [f"{name} = {'[]' if kind == 'list' else '{}'}" for name, kind in read.kinds.items()]
    tree = ast.parse(code)
    renamed = ast.fix_missing_locations(_Renamed(_bound(tree), prefix).visit(tree))
    return "\n".join([*begun, f"{LIST} = {read.name}", ast.unparse(renamed)])


class _Renamed(ast.NodeTransformer):
    """Gives names that the loop binds new ones, wherever they stand in it."""

    def __init__(self, names: set[str], prefix: str) -> None:
        self._names = names
        self._prefix = prefix

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for place in ("id", "name", "arg", "rest"):
            value = getattr(node, place, None)
            if value in self._names and not isinstance(node, ast.keyword):
                setattr(node, place, self._prefix + value)
        return super().generic_visit(node)


def _bound(node: ast.AST) -> set[str]:
    """Names of the notebook that the code itself binds; a comprehension's own names are not among them."""
    found: set[str] = set()
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        found.add(node.id)
    if isinstance(node, ast.MatchMapping) and node.rest:
        found.add(node.rest)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        found.add(node.name)
    for child in ast.iter_child_nodes(node):
        if not isinstance(node, ast.comprehension) or child is not node.target:
            found |= _bound(child)
    return found
