"""Functions of the notebook that others call: those given to a library, those that an iterator was made with."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2flow.flow import scopes
from nb2flow.flow.classes import ancestors, bound, instantiate, member
from nb2flow.flow.effects import is_resource
from nb2flow.flow.following import follow
from nb2flow.flow.machine import Machine, keeps_data
from nb2flow.flow.values import SCALAR, Obj, Val, in_order, union

# They call what they are given, instances and classes too, for each of many things.
_CALLING = frozenset(
    [
        "map", "filter", "sorted", "min", "max", "apply", "applymap", "agg", "aggregate", "transform", "pipe", "submit",
        "starmap", "reduce", "imap", "imap_unordered", "map_async", "apply_async", "accumulate", "sub", "subn",
        "groupby",
    ]
)  # fmt: skip
_KEEPING = (
    "copy.",
    "pickle.",
    "json.",
    "joblib.",
    "typing.",
    "dataclasses.",
    "inspect.",
    "pprint.",
    "functools.partial",
)


def run(m: Machine, values: tuple[Val, ...], base: Val, path: str, node: ast.AST, *, unknown: bool) -> list[Val]:
    """Functions given to a library may be called by it, with anything that it was given: those that stand in the call,
    those in what stands there, and those that what a library made was given earlier; so may the methods of classes made
    from a library's. What does not stand in the call is followed only if more than its arguments may come to harm."""
    given = frozenset[Obj]().union(*(value.objs for value in values))
    functions = {obj for obj in given if has_body(obj)}
    calling = calls_for_each(path)
    if calling or unknown or ("." in path and not path.startswith(_KEEPING)):
        functions |= _calls_of_instances(m, given, node)
        functions |= {
            f for obj in in_order(given) if obj.label.startswith(_HANDING_ON) for f in _handed_on(m, obj, node)
        }
    if calling:
        functions |= given & m.classes
    if m.functions_made:
        holders = {obj for obj in base.objs if obj.kind == "unknown" or obj.label or obj.cls}
        if "." in path or holders:
            holders.update(obj for obj in given if obj.kind != "module")
        if holders:
            reach = m.heap.reach(frozenset(holders))
            held = {o for o in m.functions_made & reach if "method" not in o.flags}
            held.update(o for cls in m.classes & reach for o in _methods_for_libraries(cls))
            if unknown or ("." in path and not path.startswith(_KEEPING)):
                held.update(o for obj in given if obj.cls is not None for o in _asked(obj.cls, everything=unknown))
            functions |= {o for o in held if has_body(o) and m.looks_at_data(o)}
            for cls in given & m.classes:  # `json.dumps(x, cls=Encoder)`
                functions |= {o for o in _methods_for_libraries(cls) if has_body(o) and keeps_data(cls)}
    return _run(m, functions, union([base, *values]), node) if functions else []


def calls_for_each(path: str) -> bool:
    """Whether a function or method of this name calls what it is given, for each of many things."""
    return path.rpartition(".")[2] in _CALLING


_HANDING_ON = ("functools.partial", "functools.cmp_to_key")


def _calls_of_instances(m: Machine, objs: Iterable[Obj], node: ast.AST) -> set[Obj]:
    """`__call__` of those that are instances of the notebook's classes."""
    return {bound(m, f, o, node) for o in in_order(objs) if o.cls is not None for f in member([o], "__call__")}


def _handed_on(m: Machine, holder: Obj, node: ast.AST) -> set[Obj]:
    """The notebook's code that is run when the holder is called: functions, instances, classes."""
    functions = {obj for obj in m.heap.reach(frozenset({holder})) & m.functions_made if has_body(obj)}
    return functions | _calls_of_instances(m, holder.contains, node) | (holder.contains & m.classes)


def _methods_for_libraries(cls: Obj) -> list[Obj]:
    """The methods of a class and of the notebook's classes that it is made from, if one of them is made from a
    library's (Python's own containers call nothing that they were not made to)."""
    scopes_: list[dict[str, Val]] = []
    todo, from_library = [cls], False
    while todo:
        scope = todo.pop().scope
        if scope is None or scope in scopes_:
            continue
        scopes_.append(scope)
        bases = scope.get("__bases__", SCALAR).objs
        from_library = from_library or any(o.kind != "class" for o in bases)
        todo.extend(o for o in bases if o.kind == "class")
    return (
        [o for scope in scopes_ for v in scope.values() for o in v.objs if "method" in o.flags] if from_library else []
    )


_ASKED_BY_NAME = """
    __iter__ __next__ __getitem__ __getitems__ __len__ __contains__ __array__ __fspath__ __float__ __int__ __index__
    __floor__ __ceil__ __trunc__
"""
_ASKED = frozenset(_ASKED_BY_NAME.split())


def _asked(cls: Obj, *, everything: bool) -> list[Obj]:
    """The methods by which a library may use an instance: those that loops and conversions run, or any that is not the
    class's own concern."""
    return [
        o
        for kind in ancestors(cls)
        for name, value in (kind.scope or {}).items()
        if name in _ASKED or (everything and name[:1] != "_")
        for o in value.objs
        if "method" in o.flags
    ]


def held_functions(m: Machine, holder: Obj, values: Iterable[Val], node: ast.AST) -> list[Val]:
    """What is called or looked into may hand that on to functions that it holds, as `functools.partial` does, and a
    `defaultdict`."""
    functions = _handed_on(m, holder, node)
    if not functions:
        return []
    m.mention(Val(frozenset({holder})))
    results = _run(m, functions, union([Val(m.heap.reach(frozenset({holder}))), *values]), node)
    if holder.label == "collections.defaultdict":
        m.heap.link([holder], union(results).objs)
    return results


def run_held(m: Machine, holders: frozenset[Obj], node: ast.AST) -> None:
    """What a library's objects were given to call runs now, in a loop over them (a loader's `collate_fn`)."""
    held = {o for o in m.heap.reach(holders) & m.functions_made if "method" not in o.flags and has_body(o)}
    _run(m, {o for o in held if m.looks_at_data(o)}, Val(holders), node)


def run_given(m: Machine, iterator: Obj, node: ast.AST) -> None:
    """An iterator is used up: what it was given to call (`map`'s function) runs only now, and gives its elements."""
    held = frozenset(iterator.contains)  # what runs may put more into it
    results: list[Val] = []
    functions = {o for o in held if has_body(o)} | _calls_of_instances(m, held, node) | (held & m.classes)
    if functions:
        results += _run(m, functions, Val(held), node)
    for obj in in_order(held):
        if obj.label == "functools.partial":
            results += held_functions(m, obj, [], node)
    if results:
        elements = m.alloc("data", site=(node, iterator), holds=union(results).objs)
        elements.flags.add("container")
        m.heap.link([iterator], [elements])


def changes_anything(m: Machine, given: Val, node: ast.AST) -> bool:
    """Whether the notebook's functions in what is given, and the methods of its instances, change what they can see."""
    reach = m.heap.reach(given.objs)
    functions = {o for o in reach & m.functions_made if has_body(o) and "method" not in o.flags}
    functions |= {o for obj in reach if obj.cls is not None for o in _asked(obj.cls, everything=True) if has_body(o)}
    before, m.touched = m.touched, {}
    written, made = set(m.unit.writes), m.made
    _run(m, functions, given, node)
    changed = any(o.number < made for o in m.touched) or not all(map(is_resource, m.unit.writes.keys() - written))
    m.touched = {**before, **m.touched}
    return changed


def _run(m: Machine, functions: Iterable[Obj], everything: Val, node: ast.AST) -> list[Val]:
    """Follow functions, in the order in which they were made, with any of these things as any argument."""
    given = Val(m.heap.reach(everything.objs) - m.definitions)
    results: list[Val] = []
    for obj in in_order(functions):
        if obj.kind == "class":
            wanted = max(map(_parameters, member([obj], "__init__")), default=1)
            results.append(instantiate(m, obj, (given,) * wanted, (), node))
        elif has_body(obj):
            results.append(follow(m, obj, (given,) * _parameters(obj), (), node))
    return results


def _parameters(function: Obj) -> int:
    node = function.node
    return len(scopes.parameter_names(node)) if isinstance(node, scopes.FUNCTIONS) else 0


def has_body(obj: Obj) -> bool:
    """Whether it is a function of the notebook whose code is seen."""
    return obj.kind == "function" and isinstance(obj.node, scopes.FUNCTIONS)
