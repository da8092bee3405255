"""What outlives the call that makes it so: code handed over to the process, contexts that are entered by hand."""

from __future__ import annotations

import ast

from nb2flow.flow import callbacks
from nb2flow.flow.effects import INTERPRETER
from nb2flow.flow.machine import Machine
from nb2flow.flow.values import Obj, Val


def hand_over(m: Machine, given: Val, node: ast.AST) -> None:
    """Code of the notebook that the process, or a library as a whole, calls from now on whenever it likes: a hook, a
    handler of a logger, a function in the place of a library's. If it changes something, nobody can tell when."""
    if given.objs and (m.functions_made or m.classes) and callbacks.changes_anything(m, given, node):
        m.unit.fixed = True
        m.use_resource(INTERPRETER, writes=True)


_BEGINNING = frozenset(["start", "stop", "__enter__", "__exit__", "enter_context"])


def sets_for_good(m: Machine, name: str, receivers: set[Obj]) -> bool:
    """Whether a context is entered here and left elsewhere: whatever it sets for the process holds until then."""
    if name not in _BEGINNING:
        return False
    labels = [o.label for o in receivers if o.kind != "live"]
    if name in ("start", "stop"):
        return any(label.startswith(("unittest.mock", "mock.")) for label in labels)
    return (
        not m.frames
        and not isinstance(m.unit.statement.node, ast.With)
        and any("." in label or label == "matplotlib" for label in labels)
    )
