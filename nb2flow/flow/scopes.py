"""Python's scoping rules, on trees: which names are local to a function, and which it looks up globally.

Follows the language reference, "Naming and binding": assignment anywhere in a function makes a name local; class bodies
do not enclose their methods; comprehensions have a scope of their own whose first iterable belongs outside.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from functools import lru_cache

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def parameter_names(node: FunctionNode) -> list[str]:
    """Names of all parameters: positional, `*args`, keyword-only, `**kwargs`."""
    a = node.args
    names = [p.arg for p in (*a.posonlyargs, *a.args)]
    if a.vararg:
        names.append(a.vararg.arg)
    names += [p.arg for p in a.kwonlyargs]
    if a.kwarg:
        names.append(a.kwarg.arg)
    return names


def own_nodes(body: list[ast.AST]) -> Iterator[ast.AST]:
    """All nodes that run in the scope of `body`, not those inside nested scopes (whose heads are given)."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, SCOPES):
            todo.extend(_outer_parts(node))
        else:
            todo.extend(ast.iter_child_nodes(node))


def _outer_parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a nested scope that are evaluated outside it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        a = node.args
        return [*node.decorator_list, *a.defaults, *[d for d in a.kw_defaults if d]]
    if isinstance(node, ast.Lambda):
        return [*node.args.defaults, *[d for d in node.args.kw_defaults if d]]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return [node.generators[0].iter, *_walrus(node)]
    return []


def _walrus(node: ast.AST) -> list[ast.NamedExpr]:
    return [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]


def body_of(node: ast.AST) -> list[ast.AST]:
    """What runs inside a scope."""
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return list(node.body)
    if isinstance(node, ast.DictComp):
        return [node.key, node.value, *node.generators]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return [node.elt, *node.generators]
    return []


def bound_names(body: list[ast.AST]) -> set[str]:
    """Names that the code of one scope binds in any way."""
    names: set[str] = set()
    for node in own_nodes(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((a.asname or a.name.split(".")[0]) for a in node.names)
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, ast.MatchAs | ast.MatchStar) and node.name
        ):
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names


def declared(body: list[ast.AST], kind: type[ast.Global] | type[ast.Nonlocal]) -> frozenset[str]:
    """Names under `global` (or `nonlocal`) in one scope."""
    return frozenset(n for node in own_nodes(body) if isinstance(node, kind) for n in node.names)


@lru_cache(maxsize=8192)
def local_names(node: FunctionNode) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """(local, declared global, declared nonlocal) names of a function."""
    body = body_of(node)
    globals_, nonlocals = declared(body, ast.Global), declared(body, ast.Nonlocal)
    names = (bound_names(body) | set(parameter_names(node))) - globals_ - nonlocals
    return frozenset(names), globals_, nonlocals


@lru_cache(maxsize=8192)
def is_generator(node: FunctionNode) -> bool:
    """Whether calling it gives a generator."""
    return any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own_nodes(body_of(node)))


@lru_cache(maxsize=8192)
def evaluates_text(node: ast.AST) -> bool:
    """Whether anything in it calls `eval` or `exec`, or asks for the namespace by `globals()`."""
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in ("eval", "exec", "globals")
        for n in ast.walk(node)
    )


@lru_cache(maxsize=8192)
def names_of_comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
) -> tuple[frozenset[str], tuple[str, ...]]:
    """(names of its own, names that it binds outside by `:=`)."""
    own = frozenset(n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name))
    return own, tuple(n.target.id for n in _walrus(node))


@lru_cache(maxsize=8192)
def binds_outside(node: ast.AST) -> bool:
    """Whether a function in it binds a variable of a function around it."""
    return any(isinstance(n, ast.Nonlocal) for n in ast.walk(node))


_NAMESPACES = ("globals", "locals", "vars")
_WRITING = ("update", "setdefault", "pop", "popitem", "clear", "__setitem__", "__delitem__")


@lru_cache(maxsize=8192)
def writes_namespace(node: ast.AST) -> bool:
    """Whether code may bind names through `globals()` (or `locals()`, `vars()`): anything but a plain look at them."""
    looks = 0
    for n in ast.walk(node):
        if isinstance(n, ast.Subscript) and is_namespace(n.value):
            if not isinstance(n.ctx, ast.Load):
                return True
            looks += 1
        elif isinstance(n, ast.Attribute) and is_namespace(n.value):
            if n.attr in _WRITING:
                return True
            looks += 1
        elif (isinstance(n, ast.keyword) and n.arg is None and is_namespace(n.value)) or (
            isinstance(n, ast.Compare) and any(is_namespace(c) for c in n.comparators)
        ):
            looks += 1
    return looks < sum(is_namespace(n) for n in ast.walk(node))


_LOOKING_UP = frozenset(_WRITING) | {"get", "__getitem__", "__contains__"}
_SHOWING_ALL = frozenset(
    ["print", "pprint", "display", "str", "repr", "len", "list", "sorted", "set", "tuple", "dict", "iter", "enumerate"]
)


@lru_cache(maxsize=8192)
def lists_namespace(node: ast.AST) -> bool:
    """Whether code looks at all names of the namespace that `globals()`, `dir()` or the like gives, those of IPython's
    history too, instead of asking for some by name."""
    asks = sum(is_namespace(n) or _is_listing(n) for n in ast.walk(node))
    return asks > sum(_looks_up(n) for n in ast.walk(node)) if asks else False


def _looks_up(n: ast.AST) -> int:
    """How many namespaces a node asks for names that it knows, or for those that do not begin with `_`."""
    if isinstance(n, ast.Subscript):
        return is_namespace(n.value)
    if isinstance(n, ast.Attribute):
        return is_namespace(n.value) and n.attr in _LOOKING_UP
    if isinstance(n, ast.keyword):
        return is_namespace(n.value)
    if isinstance(n, ast.Compare):
        return sum(is_namespace(c) or _is_listing(c) for c in n.comparators)
    if isinstance(n, ast.BinOp):
        return is_namespace(n.right) and isinstance(n.op, ast.Mod)
    if isinstance(n, ast.Call):
        called = n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
        return sum(is_namespace(a) for a in n.args) if called not in _SHOWING_ALL else 0
    if isinstance(n, ast.comprehension) and any(_asks_for_some(c) for c in n.ifs):
        return sum(is_namespace(part) or _is_listing(part) for part in ast.walk(n.iter))
    return 0


def _asks_for_some(test: ast.expr) -> bool:
    """Whether it is `name in (…)`, `name == …` or `not name.startswith("_")`, or one of these and more."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_asks_for_some(v) for v in test.values)
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and isinstance(test.ops[0], ast.In | ast.Eq)
    asked = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
    return (
        isinstance(asked, ast.Call)
        and isinstance(asked.func, ast.Attribute)
        and asked.func.attr == "startswith"
        and len(asked.args) == 1
        and isinstance(asked.args[0], ast.Constant)
        and asked.args[0].value == "_"
    )


def _is_listing(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dir" and not node.args


def is_namespace(node: ast.AST) -> bool:
    """Whether it is a call of `globals()`, `locals()` or `vars()`."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMESPACES and not node.args
    )


@lru_cache(maxsize=8192)
def global_names(node: ast.AST) -> frozenset[str]:
    """Names that code inside a definition looks up globally, nested scopes included (decorators and defaults not)."""
    found: set[str] = set()
    _collect(node, frozenset(), found)
    return frozenset(found)


def _collect(node: ast.AST, enclosing: frozenset[str], found: set[str]) -> None:
    body = body_of(node)
    inner = bound_names(body)
    globals_ = declared(body, ast.Global)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        inner |= set(parameter_names(node))
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        inner |= {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    inner -= globals_
    visible = enclosing | inner
    passed_on = enclosing if isinstance(node, ast.ClassDef) else visible
    for part in own_nodes(body):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in visible:
            found.add(part.id)
        if isinstance(part, ast.Name) and part.id in globals_:
            found.add(part.id)
        if isinstance(part, SCOPES):
            _collect(part, passed_on, found)


def has_effects(node: FunctionNode, data: frozenset[str]) -> bool:
    """Whether the body of a function plainly does more than compute: prints, binds global names, or changes what one of
    the global names `data` stands for."""
    return changes(node, data) or any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("print", "display")
        for part in own_nodes(body_of(node))
    )


def changes(node: FunctionNode, data: frozenset[str]) -> bool:
    """Whether the body of a function plainly binds global names, or changes what one of the global names `data` stands
    for."""
    for part in own_nodes(body_of(node)):
        if isinstance(part, ast.Global):
            return True
        called = isinstance(part, ast.Expr) and isinstance(part.value, ast.Call)
        stored = isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load)
        root: ast.AST = part.value.func if isinstance(part, ast.Expr) and isinstance(part.value, ast.Call) else part
        while (called or stored) and isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if (called or stored) and isinstance(root, ast.Name) and root.id in data:
            return True
    return False


@lru_cache(maxsize=8192)
def annotation_names(node: ast.AST) -> frozenset[str]:
    """The names in the annotations of a function, or of a class and its methods, those in texts, too."""
    found: set[str] = set()
    for part in ast.walk(node):
        given = (getattr(part, "annotation", None), getattr(part, "returns", None))
        todo = [a for a in given if isinstance(a, ast.expr)]
        while todo:
            for inner in ast.walk(todo.pop()):
                if isinstance(inner, ast.Name):
                    found.add(inner.id)
                elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    with contextlib.suppress(SyntaxError, ValueError):
                        todo.append(ast.parse(inner.value, mode="eval").body)
    return frozenset(found)


@lru_cache(maxsize=8192)
def attributes_set(node: ast.AST) -> frozenset[str]:
    """The names at the roots of what code in a definition sets attributes of; `type` for those of `type(self)`."""
    stored = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)]
    roots = {root_name(n) for n in stored}
    return frozenset(roots | {"type" for n in stored if _is_own_class(n.value)})


def _is_own_class(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "type"
    return isinstance(node, ast.Attribute) and node.attr == "__class__"


def root_name(node: ast.expr) -> str:
    """The name at the root of `name.a[k].b`; empty when there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
