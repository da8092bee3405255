"""The pipeline's parameters: names bound in the parameters cell, typed by their defaults (as papermill has them)."""

from __future__ import annotations

import ast
from typing import Any

from nb2flow.flow.model import Parameter, ParameterType
from nb2flow.flow.syntax import ParsedCell

_TYPES: dict[type, ParameterType] = {
    bool: "bool", int: "int", float: "float", str: "str", list: "list", tuple: "list", dict: "dict", type(None): "none",
}  # fmt: skip
_ANNOTATIONS: dict[str, ParameterType] = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    "list": "list",
    "dict": "dict",
}


def find_parameters(parsed: ParsedCell | None) -> tuple[Parameter, ...]:
    """The parameters of a parameters cell, in order; the last binding of a name counts."""
    found: dict[str, Parameter] = {}
    for statement in parsed.statements if parsed is not None else ():
        node = statement.node
        if isinstance(node, ast.Assign) and node.value is not None:
            for target in node.targets:
                for name, value in _pairs(target, node.value):
                    found[name] = _parameter(name, value, None, statement.line)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            name = node.target.id
            found[name] = _parameter(name, node.value, node.annotation, statement.line)
    return tuple(found.values())


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if (
        isinstance(target, ast.Tuple | ast.List)
        and isinstance(value, ast.Tuple | ast.List)
        and len(target.elts) == len(value.elts)
    ):
        return [p for t, v in zip(target.elts, value.elts, strict=True) for p in _pairs(t, v)]
    return []


def _parameter(name: str, node: ast.expr, annotation: ast.expr | None, line: int) -> Parameter:
    source = ast.unparse(node)
    try:
        value: Any = _literal(node)
    except (ValueError, TypeError, SyntaxError, ArithmeticError, MemoryError):
        return Parameter(name, "any", None, source, line)
    kind = _TYPES.get(type(value), "any")
    if isinstance(annotation, ast.Name):
        wanted = _ANNOTATIONS.get(annotation.id)
        if wanted == "float" and kind == "int":
            kind = "float"
    if isinstance(value, tuple):
        value = list(value)
    if kind == "any" or not _plain(value):
        return Parameter(name, "any", None, source, line)
    return Parameter(name, kind, value, source, line)


def _plain(value: Any) -> bool:
    """Whether JSON and YAML can hold it."""
    if isinstance(value, list):
        return all(_plain(v) for v in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _plain(v) for k, v in value.items())
    return value is None or isinstance(value, bool | int | float | str)


def _literal(node: ast.expr) -> Any:
    """Literals, and arithmetic on numbers such as `60 * 60` or `10 ** -3`."""
    if isinstance(node, ast.BinOp):
        left, right = _literal(node.left), _literal(node.right)
        if not (isinstance(left, int | float) and isinstance(right, int | float)) or max(abs(left), abs(right)) > 1e12:
            raise ValueError("not a number")
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
            case ast.Pow() if abs(right) <= 64:
                return left**right
        raise ValueError("not a literal")
    return ast.literal_eval(node)
