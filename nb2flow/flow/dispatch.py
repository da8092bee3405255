"""Which function interprets which kind of node. The modules that know a kind register it; this one knows none.

It exists so that expressions, calls and statements, which need each other, import in one direction only.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from nb2flow.flow.machine import OBJECTS_PER_NODE, Machine
from nb2flow.flow.values import SCALAR, Obj, ObjKind, Val

Handler = Callable[[Machine, Any], Val]
_EXPRESSIONS: dict[type[ast.AST], Handler] = {}
_STATEMENTS: dict[type[ast.AST], Callable[[Machine, Any], None]] = {}


def expression(*kinds: type[ast.AST]) -> Callable[[Handler], Handler]:
    """Register the interpreter of an expression."""

    def register(handler: Handler) -> Handler:
        for kind in kinds:
            _EXPRESSIONS[kind] = handler
        return handler

    return register


def statement(*kinds: type[ast.AST]) -> Callable[[Callable[[Machine, Any], None]], Callable[[Machine, Any], None]]:
    """Register the interpreter of a statement."""

    def register(handler: Callable[[Machine, Any], None]) -> Callable[[Machine, Any], None]:
        for kind in kinds:
            _STATEMENTS[kind] = handler
        return handler

    return register


def evaluate(m: Machine, node: ast.expr) -> Val:
    """What `node` may stand for. Reads, touches and resource uses go into the machine's current unit."""
    m.nodes += 1
    # This is `m.effort`, written out: nothing is asked as often.
    if m.nodes + (m.heap.looked_at - m.begun_at) // OBJECTS_PER_NODE > m.budget:
        m.barrier("too much code is reached from here to be followed")
        return SCALAR
    if not m.frames:
        m.line, m.column = node.lineno, node.col_offset
    handler = _EXPRESSIONS.get(type(node))
    if handler is not None:
        return handler(m, node)
    return fresh(m, node, [evaluate(m, c) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)])


def execute(m: Machine, body: Iterable[ast.stmt]) -> None:
    """Run statements one after the other."""
    for node in body:
        m.nodes += 1
        handler = _STATEMENTS.get(type(node))
        if handler is not None:
            handler(m, node)
            continue
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                evaluate(m, child)


def fresh(m: Machine, node: ast.AST, holding: Iterable[Val] = (), kind: ObjKind = "data", label: str = "") -> Val:
    """A new object made at `node`, which may hold the given values."""
    held: frozenset[Obj] = frozenset().union(*(v.objs for v in holding))
    return Val(frozenset({m.alloc(kind, label, site=node, holds=held)}))
