"""What outlives the call that makes it so: code handed over to the process, contexts that are entered by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2flow.flow import callbacks, known_modules, scopes
from nb2flow.flow.dispatch import evaluate
from nb2flow.flow.effects import CONFIG, INTERPRETER, PLOT, STREAM
from nb2flow.flow.machine import BUILTIN_NAMES, Machine, free_globals
from nb2flow.flow.values import Obj, Val, in_order

# Attributes by which something is given a stream of random numbers of its own.
STREAM_ATTRIBUTES = frozenset(["random_state"])


def hand_over(m: Machine, given: Val, node: ast.AST, resource: str) -> None:
    """Code of the notebook that the process, or a library as a whole, calls from now on whenever it likes: a hook, a
    handler of a logger, a function in the place of a library's. If it changes something, nobody can tell when."""
    if not given.objs or not (m.functions_made or m.classes):
        return
    if callbacks.changes_anything(m, given, node) or _changes_what_comes(m, given):
        m.unit.fixed = True
        m.use_resource(INTERPRETER, writes=True)
    for obj in in_order(given.objs):
        if not (m.functions_made | m.classes).isdisjoint(m.heap.reach(frozenset({obj}))):
            m.hand(obj, m.unit.index, resource)


def _changes_what_comes(m: Machine, given: Val) -> bool:
    """Whether functions in what is given change what names stand for that are bound later."""
    for obj in m.functions_made & m.heap.reach(given.objs):
        later = frozenset(n for n in free_globals(obj) if n not in m.names and n not in BUILTIN_NAMES)
        if isinstance(obj.node, scopes.FUNCTIONS) and later and scopes.changes(obj.node, later):
            return True
    return False


RECORDER = "warnings.recorder"  # which takes the place of what shows warnings
_BEGINNING = frozenset(["start", "stop", "__enter__", "__exit__", "enter_context"])


# Contexts that set options, all of which a later step can be given.
_SETTING_OPTIONS = {
    "pandas.option_context": CONFIG,
    "numpy.errstate": CONFIG,
    "numpy.printoptions": CONFIG,
    "warnings.catch_warnings": CONFIG,
    "decimal.localcontext": CONFIG,
    "sklearn.config_context": CONFIG,
    "matplotlib": PLOT,
}


def sets_for_good(m: Machine, name: str, receivers: set[Obj]) -> str:
    """A context is entered here and left elsewhere: what it sets for the process until then; empty for nothing."""
    if name not in _BEGINNING:
        return ""
    labels = [o.label for o in receivers if o.kind != "live"]
    if name in ("start", "stop"):
        return INTERPRETER if any(label.startswith(("unittest.mock", "mock.")) for label in labels) else ""
    if m.frames or isinstance(m.unit.statement.node, ast.With):
        return ""
    known = [label for label in labels if "." in label or label == "matplotlib"]
    kinds = {_SETTING_OPTIONS.get(label, INTERPRETER) for label in known}
    return kinds.pop() if len(kinds) == 1 else INTERPRETER if kinds else ""


def give_stream(m: Machine, owners: Iterable[Obj], value: Val) -> None:
    """`norm.random_state = 11`: from now on it has a stream of its own, or one that `value` stands for."""
    for obj in in_order(owners):
        name = STREAM + obj.label if obj.kind == "module" else STREAM
        if obj.kind == "module":
            m.use_resource(name, writes=True, fresh=True)
        else:
            m.flag(obj, name)
        for given in in_order(o for o in m.heap.reach(value.objs) if o.kind != "module"):
            m.flag(given, name)


def draw_from_own(m: Machine, owner: str, text: str) -> None:
    """Something in a module draws: from its own stream if it was given one."""
    name = STREAM + owner
    if name in m.resources:
        m.use_resource(name, writes=True, text=text)
        m.touch({o for v in list(m.names.values()) for o in m.heap.reach(v.objs) if name in o.flags}, text)


def change_what_is_kept(m: Machine, target: ast.expr) -> None:
    """`rich.get_console().width = 40`: who changes something without a name for it means what its library keeps."""
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if not isinstance(target, ast.Call) or not isinstance(target.func, ast.Attribute | ast.Name):
        return
    name = target.func.attr if isinstance(target.func, ast.Attribute) else target.func.id
    asked_for_nothing = name[:1].islower() and not target.args and not target.keywords  # `curdoc().theme = theme`
    if asked_for_nothing or known_modules.GIVING_WHAT_IS_KEPT.match(name):
        for obj in in_order(o for o in evaluate(m, target.func).objs if o.kind == "module"):
            figures = obj.root in known_modules.PLOT_MODULES and asked_for_nothing  # `plt.gca().x = 1` is of one
            if not figures and obj.label not in known_modules.CONFIG_TARGETS:
                m.use_resource("module:" + obj.root, writes=True)
