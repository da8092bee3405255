"""Which statements may be run again in any step instead of carrying their result.

Imports, definitions, constants and configuration: cheap, without effects outside the process, and giving the same each
time. A statement is replayable when it is of such a kind and everything that it reads is replayable as well.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from nb2flow.flow import known_modules
from nb2flow.flow.effects import (
    AT_START,
    BACKEND,
    CONFIGURATION,
    HISTORY,
    INTERPRETER,
    STREAM,
    UNKNOWN,
    Unit,
    is_resource,
)

# Constants made of constants made of …: beyond this a value is carried, or long chains would be replayed everywhere.
MAX_DEPTH = 12
_BINDING = ("import", "definition")
_CONFIG_RESOURCES = frozenset(
    {"process:environ", "process:syspath", *CONFIGURATION, BACKEND, "process:magics", INTERPRETER}
)
_CHEAP_METHODS = frozenset(
    [
        "resolve",
        "absolute",
        "joinpath",
        "as_posix",
        "expanduser",
        "format",
        "upper",
        "lower",
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "join",
        "replace",
        "with_suffix",
        "with_name",
        "union",
        "keys",
        "values",
        "items",
        "copy",
        "encode",
        "decode",
        "cwd",
        "home",
        "date",
    ]
)


class Kinds(NamedTuple):
    """What the code so far has bound: library names, and functions and classes of the notebook (True: a class)."""

    aliases: Mapping[str, str] = MappingProxyType({})
    functions: Mapping[str, bool] = MappingProxyType({})

    def sort(self, unit: Unit) -> Kinds:
        """Set the `kind` of the next unit by its code; gives what is bound after it."""
        node, known = unit.statement.node, self
        if unit.runs or isinstance(node, ast.Try | ast.If | ast.Import | ast.ImportFrom):
            aliases: dict[str, str] = {}
            for statement in unit.runs or (node,):
                _note_aliases(statement, aliases)
            _note_star(unit, aliases)
            known = self._replace(aliases={**self.aliases, **aliases})
        unit.kind = _kind(unit, known.aliases, known.functions)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            made = isinstance(node, ast.ClassDef)
            return known._replace(functions={**known.functions, node.name: made})
        return known


def classify(units: list[Unit], parameters: list[int]) -> None:
    """Set `replayable` of every unit; they are sorted by kind already.

    A parameters cell that does more than bind values runs once, as a whole, where the given values are put in.
    """
    kinds = {p: units[p].kind for p in parameters}
    for place, kind in kinds.items():
        if kind in ("constant", "import", "definition", "configuration"):
            units[place].kind = "parameters"
    _classify(units)
    if not all(units[p].replayable for p in parameters):
        for place, kind in kinds.items():
            units[place].fixed, units[place].kind = True, kind
        _classify(units)


def _classify(units: list[Unit]) -> None:
    changed: dict[str, int] = {}  # of what a step has at its start: the last unit that changes it and is not replayed
    while True:
        _classify_in_order(units, changed)
        found = {n: u.index for u in units for n in AT_START if n in u.writes and not u.replayable}
        if found == changed:
            return
        changed = found


def _classify_in_order(units: list[Unit], changed: Mapping[str, int]) -> None:
    """A unit reads only what comes before it.

    What is carried of options are all that changed in a step, and they are set after what is run again: once some are
    carried, so are all that are set later.
    """
    depth: dict[int, int] = {}
    carries_options = False
    for unit in units:
        sets_options = any(name in unit.writes for name in CONFIGURATION)
        unit.replayable = (
            unit.kind != "compute"
            and _harmless(unit)
            and not (carries_options and sets_options and unit.kind != "import")
            and not (changed and _sees_change(unit, changed))
            and _sources_replayable(unit, units)
        )
        carries_options = carries_options or (sets_options and not unit.replayable)
        if unit.kind == "constant" and unit.replayable:
            sources = [r.version for r in unit.reads.values() if r.version is not None]
            depth[unit.index] = 1 + max((depth.get(v, 0) for v in sources), default=0)
            unit.replayable = depth[unit.index] <= MAX_DEPTH


def _sees_change(unit: Unit, changed: Mapping[str, int]) -> bool:
    """Whether it would give something else in a later step: `here = os.getcwd()` in one that begins elsewhere."""
    return any(unit.index < last and name in unit.reads and name not in unit.writes for name, last in changed.items())


def _harmless(unit: Unit) -> bool:
    if unit.files or unit.barrier or unit.observed or unit.fixed or unit.asks or unit.live or unit.deleted:
        return False
    if HISTORY in unit.reads or any(not is_resource(n) and not _grows(unit, n) for n in unit.mutates):
        return False
    resources = {n for n in unit.writes if is_resource(n) and n != HISTORY}
    allowed = {n for n in resources if n in _CONFIG_RESOURCES or n.startswith(("module:", STREAM))} | unit.seeds
    return resources <= allowed


def _grows(unit: Unit, name: str) -> bool:
    """Whether a class definition does no more to `name` than that a class above it learns of the new one."""
    return unit.kind == "definition" and unit.classes.get(name, UNKNOWN) != UNKNOWN


def _sources_replayable(unit: Unit, units: list[Unit]) -> bool:
    for name, read in unit.reads.items():
        if read.version is None:
            continue
        if name in unit.carried - unit.mutates.keys() and not is_resource(name) and unit.kind in _BINDING:
            continue  # bound perhaps, as in `try: import x`: every branch binds it
        version = units[read.version].defines(name) if name in unit.bases else read.version
        if not units[version].replayable:
            return False
    return True


def _note_star(unit: Unit, aliases: dict[str, str]) -> None:
    """`from m import *` binds the names that were found in m."""
    node = unit.statement.node
    if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names) and not node.level:
        aliases.update({name: f"{node.module}.{name}" for name in unit.writes if not is_resource(name)})


def _note_aliases(node: ast.stmt, aliases: dict[str, str]) -> None:
    for part in ast.walk(node) if isinstance(node, ast.Try | ast.If | ast.Import | ast.ImportFrom) else ():
        if isinstance(part, ast.Import):
            for a in part.names:
                aliases[a.asname or a.name.split(".")[0]] = a.name if a.asname else a.name.split(".")[0]
        elif isinstance(part, ast.ImportFrom) and not part.level:
            for a in part.names:
                aliases[a.asname or a.name] = f"{part.module}.{a.name}"


def _kind(unit: Unit, aliases: Mapping[str, str], functions: Mapping[str, bool]) -> str:
    node = unit.statement.node
    if unit.runs:
        return "definition" if all(_plain(s, aliases) for s in unit.runs) else "compute"
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import"
    if isinstance(node, ast.Try | ast.If):
        inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
        return "import" if inner and _only_binds(node, aliases) else "compute"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "definition" if _plain_function(node, aliases) else "compute"
    if isinstance(node, ast.ClassDef):
        return "definition" if _plain_class(node, aliases) else "compute"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "constant" if not unit.statement.displays else "compute"
    if _configures(unit, node, aliases, functions):
        return "configuration"
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        named = all(isinstance(t, ast.Name) or _names_only(t) for t in targets)
        if named and cheap(node.value, aliases):
            return "definition" if isinstance(node.value, ast.Lambda) else "constant"
    return "compute"


def _plain(node: ast.stmt, aliases: Mapping[str, str]) -> bool:
    """Whether a statement of a file that is run does nothing but import and define."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _plain_function(node, aliases)
    if isinstance(node, ast.ClassDef):
        return _plain_class(node, aliases)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        named = all(isinstance(t, ast.Name) or _names_only(t) for t in targets)
        return named and (node.value is None or cheap(node.value, aliases))
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or _only_binds(node, aliases)


def _names_only(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List) and all(isinstance(e, ast.Name) for e in target.elts)


def _only_binds(node: ast.stmt, aliases: Mapping[str, str]) -> bool:
    """`try: import a / except ImportError: a = None` and the like."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) for t in node.targets) and cheap(node.value, aliases)
    if isinstance(node, ast.Try):
        parts = [*node.body, *node.orelse, *node.finalbody, *(s for h in node.handlers for s in h.body)]
        return all(_only_binds(s, aliases) for s in parts)
    if isinstance(node, ast.If):
        return cheap(node.test, aliases) and all(_only_binds(s, aliases) for s in (*node.body, *node.orelse))
    return False


def _plain_function(node: ast.FunctionDef | ast.AsyncFunctionDef, aliases: Mapping[str, str]) -> bool:
    a = node.args
    defaults = [d for d in (*a.defaults, *a.kw_defaults) if d is not None]
    return all(cheap(d, aliases) for d in defaults) and all(_plain_decorator(d, aliases) for d in node.decorator_list)


def _plain_decorator(node: ast.expr, aliases: Mapping[str, str]) -> bool:
    if isinstance(node, ast.Call):
        return _plain_decorator(node.func, aliases) and all(
            cheap(a, aliases) for a in (*node.args, *(k.value for k in node.keywords))
        )
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _plain_decorator(node.value, aliases))


def _plain_class(node: ast.ClassDef, aliases: Mapping[str, str]) -> bool:
    if not all(_plain_decorator(d, aliases) for d in node.decorator_list):
        return False
    if not all(
        _plain_decorator(b, aliases) or cheap(b, aliases) for b in (*node.bases, *(k.value for k in node.keywords))
    ):
        return False
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            if not _plain_function(part, aliases):
                return False
        elif isinstance(part, ast.ClassDef):
            if not _plain_class(part, aliases):
                return False
        elif isinstance(part, ast.Assign | ast.AnnAssign):
            if part.value is not None and not (cheap(part.value, aliases) or _plain_decorator(part.value, aliases)):
                return False
        elif not (isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))):
            return False
    return True


def _configures(unit: Unit, node: ast.stmt, aliases: Mapping[str, str], functions: Mapping[str, bool]) -> bool:
    """A statement that does nothing but set process-wide options or seeds, from cheap values."""
    written = {n for n in unit.writes if n != HISTORY}
    if not written or any(not is_resource(n) for n in written):
        return False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        arguments = [*call.args, *(k.value for k in call.keywords)]
        own = isinstance(call.func, ast.Name) and call.func.id in functions
        return _is_magic_call(call) or (
            all(cheap(a, aliases) for a in arguments)
            and (own or not isinstance(call.func, ast.Name) or call.func.id in aliases)
        )
    if isinstance(node, ast.Assign | ast.AugAssign):
        value = node.value
        return cheap(value, aliases) or isinstance(value, ast.Name)
    return (
        isinstance(node, ast.For | ast.If)
        and all(isinstance(n, _PARTS_OF_CONFIGURATION) for n in ast.walk(node))
        and not unit.mutates
    )


_PARTS_OF_CONFIGURATION = (
    ast.expr, ast.Expr, ast.expr_context, ast.keyword, ast.operator, ast.cmpop, ast.Assign, ast.For, ast.If,
    ast.unaryop, ast.boolop,
)  # fmt: skip


def _is_magic_call(call: ast.Call) -> bool:
    func = call.func
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "get_ipython"
    )


def cheap(node: ast.expr, aliases: Mapping[str, str]) -> bool:
    """Whether an expression costs nothing, has no effect and gives the same each time (its names permitting)."""
    if isinstance(node, ast.Constant | ast.Name | ast.Lambda):
        return True
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        if not all(cheap(a, aliases) for a in arguments):
            return False
        if isinstance(node.func, ast.Name) and node.func.id not in aliases:
            return node.func.id in known_modules.CHEAP_BUILTINS or node.func.id == "get_ipython"
        path = dotted(node.func, aliases)
        if path is not None:
            return path in known_modules.CHEAP or (path == "numpy.random.default_rng" and bool(arguments))
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in _CHEAP_METHODS
            and cheap(node.func.value, aliases)
        )
    if isinstance(node, ast.Attribute):
        return dotted(node, aliases) is not None or cheap(node.value, aliases)
    if isinstance(node, _MADE_OF_PARTS):
        return all(cheap(c, aliases) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
    return False


_MADE_OF_PARTS = (
    ast.Tuple, ast.List, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr,
    ast.FormattedValue, ast.Subscript, ast.Slice, ast.Starred,
)  # fmt: skip


def dotted(node: ast.expr, aliases: Mapping[str, str]) -> str | None:
    """The library path that an attribute chain on an imported name stands for."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in aliases:
        return ".".join([aliases[node.id], *reversed(parts)])
    return None
