"""Lists (dictionaries, sets) in the cells of tables and arrays of objects: a copy of the table holds the same list."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2flow.flow import scopes
from nb2flow.flow.machine import Machine
from nb2flow.flow.values import SCALAR, Obj, Val

# How deep in what they are given the cells lie: in the rows of a list, in the columns of a dictionary.
MAKERS = {
    "pandas.DataFrame": 3, "pandas.DataFrame.from_records": 3, "pandas.DataFrame.from_dict": 3, "pandas.Series": 2,
    "numpy.array": 2,
}  # fmt: skip
_CELL = "in a cell"


def find_cells(m: Machine, given: Iterable[Val], depth: int) -> None:
    """Note which lists come to lie in cells of a table that is made of these values."""
    level = {o for v in given for o in v.objs if "container" in o.flags}
    for _ in range(depth - 1):
        level = _lists_in(level)
    cells = set[Obj]()
    while level - cells:
        cells |= level
        level = _lists_in(level)
    for obj in cells:
        m.flag(obj, _CELL)
        m.has_cells = True


def _lists_in(objs: set[Obj]) -> set[Obj]:
    return {held for o in objs for held in o.contains if "container" in held.flags}


def keep_cells(m: Machine, made: Obj, of: Val) -> None:
    """What is made of a table holds the lists in its cells, be it a copy, a part or a list."""
    if m.has_cells and made.kind == "data":
        m.heap.link([made], [o for o in m.heap.reach(of.objs) if _CELL in o.flags])


_GIVING_LISTS = frozenset(["split", "rsplit", "findall", "extractall"])
_FOR_EACH = frozenset(["apply", "map", "agg", "aggregate", "transform", "applymap"])
_LISTS = frozenset(["list", "dict", "set", "sorted", "loads", "literal_eval", "word_tokenize", "tolist", "to_dict"])


def make_cells(m: Machine, made: Obj, name: str, node: ast.Call) -> None:
    """A method of pandas' that makes the lists in its result's cells itself: `t.name.str.split()`, `g.agg(list)`."""
    given = [*node.args, *(k.value for k in node.keywords)]
    if made.root != "pandas" or any(k.arg == "expand" for k in node.keywords):
        return
    if name in _GIVING_LISTS or (name in _FOR_EACH and any(map(_gives_list, given))):
        cell = m.alloc("data", site=(node, _CELL))
        cell.flags.update(("container", _CELL))
        m.has_cells = True
        m.heap.link([made], [cell])


def _gives_list(function: ast.expr) -> bool:
    if isinstance(function, ast.Dict):
        return any(_gives_list(value) for value in function.values)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _LISTS or name in _GIVING_LISTS


def is_text_of_cells(node: ast.expr, objs: Iterable[Obj]) -> bool:
    """Whether it is `column.str`, of which an item is the item of the list (or text) in each cell."""
    return isinstance(node, ast.Attribute) and node.attr == "str" and any(o.root == "pandas" for o in objs)


_OF_LISTS = frozenset(["append", "extend", "discard", "clear", "reverse", "setdefault", "popitem", "insert"])
_OF_LISTS_AND_TABLES = frozenset(["add", "remove", "sort"])  # in a lambda it may be either
_TABLES = ("pandas", "numpy")


def may_change_a_cell(m: Machine, name: str, node: ast.Call) -> bool:
    """Whether a call is for what it does to a list (or dictionary, or set), and not for what it gives."""
    if node in m.unused:
        return name in _OF_LISTS or name in _OF_LISTS_AND_TABLES
    return name in _OF_LISTS and bool(m.active) and getattr(m.active[-1], "body", None) is node


def change_cell(m: Machine, node: ast.expr, objs: Iterable[Obj]) -> None:
    """A list that lies in a table (or array) is changed. The table's copies, and what was selected from it, hold the
    same list, and which of all tables these are is not remembered."""
    tables = [o for o in objs if o.kind == "data" and o.root in _TABLES]
    name = scopes.root_name(node) if tables else ""
    if not name:
        return
    if not (m.frames and name in m.frames[-1].local):
        if isinstance(node, ast.Name):  # something of a table, if that has another name
            tables = [o for o in tables if m.named(o) - {name}]
        elif any(o.root not in _TABLES for o in m.names.get(name, SCALAR).objs):
            return  # a dictionary, say, which holds lists and tables
    roots = {o.root for o in tables}
    if roots:
        kin = [o for v in list(m.names.values()) for o in m.heap.reach(v.objs) if o.kind == "data" and o.root in roots]
        m.touch(kin, f"{ast.unparse(node)[:50]}…")
