"""Following a call into a function of the notebook: its body is interpreted with what the arguments stand for there.

Late-bound globals, mutated arguments and aliases so come out as they would at run time. Recursion and long chains end
in the cautious answer.
"""

from __future__ import annotations

import ast

from nb2flow.flow import scopes
from nb2flow.flow.dispatch import evaluate, execute, fresh
from nb2flow.flow.machine import MAX_DEPTH, Frame, Machine
from nb2flow.flow.values import SCALAR, Obj, Val, union


def follow(
    m: Machine, function: Obj, positional: tuple[Val, ...], keywords: tuple[tuple[str, Val], ...], site: ast.AST
) -> Val:
    """Interpret a notebook function's body with these arguments; gives what it may return."""
    node = function.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return SCALAR
    if function.receiver is not None:
        positional = (Val(frozenset({function.receiver})), *positional)
    given = union([*positional, *(v for _, v in keywords)])
    if node in m.active or len(m.active) >= MAX_DEPTH:
        m.mention(Val(frozenset({function})))
        if node in m.active:
            _note_recursion(m, node, function, positional, keywords)
        if len(m.active) >= MAX_DEPTH and node not in m.active:
            m.touch(m.heap.mutable(given.objs), f"{getattr(node, 'name', 'lambda')}(…)")
        return Val(given.objs | {m.alloc("unknown", site=site, holds=given.objs)})
    local, globals_, nonlocals = scopes.local_names(node)
    frame = Frame(
        _bind(m, node, function, positional, keywords),
        local,
        globals_,
        nonlocals,
        dict(function.scope or {}),
        node=node,
    )
    before = m.calls
    m.calls = (*before, site)
    m.active.append(node)
    m.functions.append(function)
    m.frames.append(frame)
    if function.flags and "eval" in function.flags:
        m.barrier("a function that it calls evaluates text as code", reads_only=True)
    try:
        given_names, touched, m.touched = dict(frame.names), m.touched, {}
        if isinstance(node, ast.Lambda):
            frame.returned.append(evaluate(m, node.body))
        else:
            execute(m, node.body)
        if frame.again:
            _recur(m, frame, given_names)
        m.touched = {**touched, **{obj: text for obj, text in m.touched.items() if obj not in touched}}
        if frame.made:
            _enclose(m, frame)
    finally:
        m.frames.pop()
        m.active.pop()
        m.functions.pop()
        m.calls = before
    result = union(frame.returned)
    if scopes.is_generator(node):
        return fresh(m, site, [result, given], kind="live", label="a generator")
    return result


def _note_recursion(
    m: Machine,
    node: scopes.FunctionNode,
    function: Obj,
    positional: tuple[Val, ...],
    keywords: tuple[tuple[str, Val], ...],
) -> None:
    """A function is called from within itself: what it was given there."""
    frame = next((f for f in reversed(m.frames) if f.node is node), None)
    if frame is None:
        return
    for name, value in _bind(m, node, function, positional, keywords).items():
        if value.objs:
            frame.again[name] = frame.again.get(name, SCALAR) | value


def _recur(m: Machine, frame: Frame, given: dict[str, Val]) -> None:
    """Calls from within do to what they were given, and to its parts, as they are given these in their turn, what the
    call did to what it was given itself."""
    for name, value in frame.again.items():
        own = given.get(name, SCALAR).objs
        more = value.objs - own
        reach = m.heap.reach(own) if more else frozenset[Obj]()
        text = next((text for obj, text in m.touched.items() if obj in reach), None)
        if text is not None:
            reach = m.heap.reach(more)
            m.touch(reach - m.heap.reach(reach & m.definitions), text)  # not what classes hold for all


def _enclose(m: Machine, frame: Frame) -> None:
    """The functions made in a call see its names as they are when they are called: bound later, too, or anew."""
    for function in frame.made:
        if function.node is None or function.scope is None:
            continue
        for name in frame.names.keys() & scopes.global_names(function.node):
            function.scope[name] = function.scope.get(name, SCALAR) | frame.names[name]
            m.heap.link([function], frame.names[name].objs)


def _bind(
    m: Machine,
    node: scopes.FunctionNode,
    function: Obj,
    positional: tuple[Val, ...],
    keywords: tuple[tuple[str, Val], ...],
) -> dict[str, Val]:
    defaults = Val((function.contains and frozenset(o for o in function.contains if o.kind != "module")) or frozenset())
    names: dict[str, Val] = {}
    a = node.args
    plain = [p.arg for p in (*a.posonlyargs, *a.args)]
    names.update(zip(plain, positional, strict=False))
    extra = positional[len(plain) :]
    if a.vararg:
        names[a.vararg.arg] = fresh(m, a.vararg, extra) if extra else SCALAR
    known = {*plain, *(p.arg for p in a.kwonlyargs)}
    spread = union([v for k, v in keywords if not k])
    names.update((key, value) for key, value in keywords if key in known)
    rest = [v for k, v in keywords if k and k not in known]
    if a.kwarg:
        names[a.kwarg.arg] = fresh(m, a.kwarg, [*rest, spread])
    for name in known:
        if name not in names:
            names[name] = defaults | Val(m.heap.reach(spread.objs))
    return names
