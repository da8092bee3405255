"""Generic functions, classes and type aliases (Python 3.12, PEP 695) in the terms of older syntax.

What stands in brackets behind a name exists for type checkers: it binds type variables that only annotations, bases and
the values of aliases name. An alias is a name whose value is computed when somebody asks: a function without
parameters, as far as flow is concerned.
"""

from __future__ import annotations

import ast
import re

_MAY_HOLD = re.compile(r"^\s*(?:type\s+\w+|(?:async\s+)?(?:def|class)\s+\w+\s*\[)", re.MULTILINE)
_ALIAS: type[ast.stmt] | None = getattr(ast, "TypeAlias", None)


def plainer(tree: ast.Module, source: str) -> ast.Module:
    """The tree with its type parameters and aliases rewritten; the same tree when there are none."""
    if _ALIAS is not None and _MAY_HOLD.search(source):
        _Plainer().visit(tree)
    return tree


class _Plainer(ast.NodeTransformer):
    def __init__(self) -> None:
        self.variables: list[frozenset[str]] = []

    def visit(self, node: ast.AST) -> ast.AST:
        parameters = getattr(node, "type_params", None)
        if parameters:
            node.type_params = []  # type: ignore[attr-defined]
            self.variables.append(frozenset(p.name for p in parameters))
            made = self._alias(node) if _ALIAS is not None and isinstance(node, _ALIAS) else super().generic_visit(node)
            self.variables.pop()
            return made
        if _ALIAS is not None and isinstance(node, _ALIAS):
            return self._alias(node)
        if isinstance(node, ast.Name) and any(node.id in names for names in self.variables):
            if isinstance(node.ctx, ast.Load):
                return ast.copy_location(ast.Constant(node.id), node)
            return node
        return super().generic_visit(node)

    def _alias(self, node: ast.AST) -> ast.AST:
        """`type X = value` as `def X(): return value`."""
        value: ast.expr = self.visit(node.value)  # type: ignore[attr-defined, assignment]
        body: list[ast.stmt] = [ast.copy_location(ast.Return(value), value)]
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        made = ast.FunctionDef(node.name.id, nothing, body, [])  # type: ignore[attr-defined]
        return ast.copy_location(made, node)
