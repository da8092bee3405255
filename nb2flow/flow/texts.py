"""Code that stands in a text, `exec(text)` and `eval(text, names)`: interpreted where the text is known.

The text runs in the notebook's namespace, in a dictionary that it is given, or in both: then it binds its names in the
dictionary and its functions look theirs up in the notebook.
"""

from __future__ import annotations

import ast
from weakref import WeakKeyDictionary

from nb2flow.flow import scopes
from nb2flow.flow.dispatch import evaluate, execute
from nb2flow.flow.machine import OF_NOTEBOOK, UNBOUND, Frame, Machine
from nb2flow.flow.outcomes import Arguments
from nb2flow.flow.syntax import parse_statements
from nb2flow.flow.values import SCALAR, Obj, Val, union

_AWAY = "a function that looks its names up in a dictionary of its own"


def run(m: Machine, args: Arguments) -> Val | None:
    """Interpret the text that `exec` or `eval` is given; None when it is not known, or what surrounds it is not."""
    text = args.positional[0].text if args.positional else None
    if text is None or any("{" + name + "}" in text for name in m.parameters):
        return None
    body = _parsed(text, args.node)
    spaces = [*args.node.args[1:], *(k.value for k in args.node.keywords if k.arg in ("globals", "locals"))]
    if body is None or len(args.positional) != len(args.node.args) or (m.frames and len(spaces) < 1):
        return None
    given = [v for v, node in zip(_spaces(args), spaces, strict=False) if not scopes.is_namespace(node)]
    own = bool(given) and len(given) == len(spaces)  # nothing is looked up in the notebook
    if not given and not m.frames:
        return _do(m, body)
    kept = given[-1].objs if given else frozenset[Obj]()
    held = Val(frozenset().union(*(o.contains for v in given for o in v.objs)))
    bound = scopes.bound_names(list(body)) if given else set[str]()
    looked_up = {n.id for node in body for n in ast.walk(node) if isinstance(n, ast.Name)} if own else set[str]()
    names = {name: held for name in looked_up - bound if held.objs}
    unseen = m.unit.unresolved
    m.unit.unresolved = dict(unseen)
    frame = Frame(names, frozenset(bound | names.keys()), encloses=own)
    m.frames.append(frame)
    try:
        result = _do(m, body)
    finally:
        m.frames.pop()
    if own:
        m.unit.unresolved = unseen  # the dictionary may have them
    made = union(frame.names.values()).objs if frame.names else frozenset[Obj]()
    if bound:
        m.touch(kept, "exec(…)")
        m.heap.link([o for o in kept if o.kind != "module"], [o for o in made if o.kind != "module"])
    functions = [o for o in made if o.kind == "function"] if own else []
    if functions:
        m.heap.link(functions, [*kept, m.alloc("live", _AWAY, site=args.node)])
    return result


def run_unseen(m: Machine, args: Arguments) -> None:
    """A dictionary that unknown code is run in holds functions that nobody has seen."""
    spaces = [o for v in _spaces(args) for o in v.objs if o.kind not in ("module", "function", "class", "live")]
    if spaces:
        m.touch(spaces, "exec(…)")
        unseen = m.alloc("unknown", UNBOUND, site=args.node)
        unseen.flags.add(OF_NOTEBOOK)
        m.heap.link(spaces, [unseen])


def _spaces(args: Arguments) -> list[Val]:
    return [*args.positional[1:], *(v for k, v in args.keywords if k in ("globals", "locals"))]


def _do(m: Machine, body: tuple[ast.stmt, ...]) -> Val:
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return evaluate(m, body[0].value)
    execute(m, body)
    return SCALAR


def _parsed(text: str, call: ast.Call) -> tuple[ast.stmt, ...] | None:
    """The statements of a text that a call runs (the same each time: what they make is told apart by them). All of it
    happens on the line of the call."""
    known = _TREES.setdefault(call, {})
    if text in known:
        return known[text]
    body = parse_statements(text.strip())
    for place, part in enumerate(p for node in body or () for p in ast.walk(node)):
        if hasattr(part, "lineno"):
            part.lineno = part.end_lineno = call.lineno  # type: ignore[attr-defined]
            part.col_offset = place  # type: ignore[attr-defined]
    known[text] = tuple(body) if body is not None else None
    return known[text]


_TREES: WeakKeyDictionary[ast.Call, dict[str, tuple[ast.stmt, ...] | None]] = WeakKeyDictionary()
