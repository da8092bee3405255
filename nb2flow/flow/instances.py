"""Methods of the notebook's own classes that run without being called by name (operators, loops, printing, comparing,
attributes that are more than they seem)."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2flow.flow.callbacks import run_given, run_held
from nb2flow.flow.classes import Methods, class_value, member
from nb2flow.flow.effects import HISTORY, Unit
from nb2flow.flow.following import follow
from nb2flow.flow.machine import Machine
from nb2flow.flow.values import SCALAR, Obj, Val, in_order, union


def run_methods(m: Machine, value: Val, names: tuple[str, ...], values: list[Val], node: ast.AST) -> Val:
    """An operator or a loop runs special methods of the notebook's own classes; gives what they may return."""
    own = in_order(obj for obj in value.objs if obj.cls is not None)
    if not own:
        return SCALAR
    methods = Methods()
    for obj in own:
        methods.find(obj, *names)
    return union(methods.follow(m, (union(values),), (), node))


def run_getters(m: Machine, objs: Iterable[Obj], node: ast.Attribute) -> Val:
    """Reading an attribute of an instance runs its property, or `__getattr__` where there is no such attribute."""
    results: list[Val] = [run_descriptors(m, objs, node.attr, "__get__", [Val(frozenset(objs))], node)]
    for obj in in_order(objs):
        own = Val(frozenset({obj}))
        if obj.cls is None:
            continue
        methods = member([obj], node.attr)
        for method in methods:
            decorators = [ast.unparse(d) for d in getattr(method.node, "decorator_list", ())]
            if decorators and not {"staticmethod", "classmethod"} & set(decorators):
                results.append(follow(m, method, (own,), (), node))
                if any("cache" in d for d in decorators):
                    m.touch([obj], ast.unparse(node)[:60])
        if not methods:
            others = [*member([obj], "__getattr__"), *member([obj], "__getattribute__")]
            results += [follow(m, method, (own, SCALAR), (), node) for method in others]
    return union(results)


def run_descriptors(m: Machine, objs: Iterable[Obj], name: str, method: str, values: list[Val], node: ast.AST) -> Val:
    """What a class binds to a name may itself have code for reading, setting or deleting it."""
    found = frozenset(
        o for obj in objs if obj.cls is not None for o in class_value(obj, name).objs if o.cls is not None
    )
    return run_methods(m, Val(found), (method,), values, node) if found else SCALAR


def finalize(m: Machine, name: str, node: ast.AST) -> None:
    """A global name lets go of what it stood for: that may have been the last hold on it."""
    if m.classes and name in m.names:
        _let_go(m, _finalized(m, m.names[name].objs), node)


def finalize_parts(m: Machine, node: ast.AST) -> None:
    """What was changed may have let go of what it held: `waiting.clear()`, `parent.child = None`."""
    if m.classes and m.touched:
        changed = frozenset(m.touched)
        _let_go(m, _finalized(m, changed) - changed, node)


def _finalized(m: Machine, objs: frozenset[Obj]) -> frozenset[Obj]:
    """Instances among what can be reached that do something when nobody holds them any longer."""
    if not any(member([cls], "__del__") for cls in m.classes):
        return frozenset()
    return frozenset(o for o in m.heap.reach(objs) if o.cls is not None and member([o], "__del__"))


def _let_go(m: Machine, objs: frozenset[Obj], node: ast.AST) -> None:
    """It matters who else holds them: all names that do are there, and what `Out` keeps."""
    if not objs:
        return
    holders = m.heap.reaching(objs)
    names = {n for n, value in m.names.items() if not value.objs.isdisjoint(holders)}
    for name in sorted(names):
        m.read_name(name)
    m.unit.joint.append(frozenset(names - m.bound))
    if any(_shows_one(unit, names) for unit in m.units[:-1]):
        m.use_resource(HISTORY, writes=False, text="Out")
    run_methods(m, Val(objs), ("__del__",), [], node)


def _shows_one(unit: Unit, names: set[str]) -> bool:
    """Whether a cell ends with one of these, so that `Out` holds it."""
    node = unit.statement.node
    shown = unit.statement.displays and isinstance(node, ast.Expr) and isinstance(node.value, _NOT_COMPUTED)
    return shown and not names.isdisjoint(unit.reads)


_NOT_COMPUTED = (ast.Name, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Dict)


_SHOWN_BY = (
    "__str__", "__repr__", "__format__", "_repr_html_", "_repr_markdown_", "_repr_svg_", "_repr_png_", "_repr_latex_",
    "_repr_mimebundle_", "_ipython_display_",
)  # fmt: skip


def show(m: Machine, value: Val, node: ast.AST) -> None:
    """A value is turned into text or displayed: so are the instances that it holds."""
    if m.classes and value.objs:
        instances = frozenset(o for o in m.heap.reach(value.objs) if o.cls is not None)
        run_methods(m, Val(instances), _SHOWN_BY, [], node)


def ask_truth(m: Machine, value: Val, node: ast.AST) -> None:
    """A value is asked whether it is true."""
    if m.classes:
        run_methods(m, value, ("__bool__", "__len__"), [], node)


# What Python's own functions ask an instance by.
ASKED_BY: dict[str, tuple[str, ...]] = {
    "len": ("__len__",), "hash": ("__hash__",), "bool": ("__bool__", "__len__"), "abs": ("__abs__",),
    "reversed": ("__reversed__", "__len__", "__getitem__"), "int": ("__int__", "__index__", "__trunc__"),
    "float": ("__float__", "__index__"), "complex": ("__complex__", "__float__"), "bytes": ("__bytes__", "__iter__"),
    "round": ("__round__",), "dir": ("__dir__",), "divmod": ("__divmod__", "__rdivmod__"),
    "pow": ("__pow__", "__rpow__"),
    "isinstance": ("__instancecheck__",), "issubclass": ("__subclasscheck__",),
    **dict.fromkeys(("bin", "hex", "oct", "chr", "range", "slice"), ("__index__",)),
}  # fmt: skip


def ask(m: Machine, value: Val, function: str, node: ast.AST) -> None:
    """One of Python's own functions is given a value; what is a class is asked by way of its own class."""
    run_methods(m, value, ASKED_BY[function], [], node)
    for cls in in_order(o for o in value.objs if o.kind == "class" and o.metaclass is not None):
        for method in member([cls.metaclass] if cls.metaclass is not None else [], ASKED_BY[function][0]):
            follow(m, method, (Val(frozenset({cls})), SCALAR), (), node)


_COMPARED_BY = ("__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__", "__hash__")


def compare(m: Machine, values: Iterable[Val], node: ast.AST) -> None:
    """Values, and what they hold, are put into an order or looked for."""
    if m.classes:
        instances = frozenset(o for v in values for o in m.heap.reach(v.objs) if o.cls is not None)
        run_methods(m, Val(instances), _COMPARED_BY, [Val(instances)], node)


def add(m: Machine, values: Iterable[Val], node: ast.AST) -> None:
    """Values, and what they hold, are added up."""
    if m.classes:
        instances = frozenset(o for v in values for o in m.heap.reach(v.objs) if o.cls is not None)
        run_methods(m, Val(instances), ("__add__", "__radd__"), [Val(instances)], node)


_COPIED_BY = ("__copy__", "__deepcopy__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")


def copy(m: Machine, values: Iterable[Val], node: ast.AST) -> None:
    """Values, and what they hold, are copied or turned into bytes."""
    if m.classes:
        instances = frozenset(o for v in values for o in m.heap.reach(v.objs) if o.cls is not None)
        run_methods(m, Val(instances), _COPIED_BY, [Val(instances)], node)


_ITERATED_BY = ("__iter__", "__next__", "__getitem__", "__getitems__", "__len__")


def _take_elements(m: Machine, objs: Iterable[Obj], node: ast.AST) -> None:
    """A library's objects give their elements: those of the notebook that they have them from are asked, as a loader
    asks its data; and a loader's functions are called."""
    holders = frozenset(o for o in objs if o.cls is None and o.label and o.root not in ("pandas", "numpy"))
    if not holders:
        return
    if m.classes:
        held = frozenset(o for o in m.heap.reach(holders) if o.cls is not None)
        run_methods(m, Val(held), _ITERATED_BY, [], node)
    loaders = frozenset(o for o in holders if o.label.startswith("torch.utils.data"))
    if loaders and m.functions_made:
        run_held(m, loaders, node)


def begin_loop(m: Machine, value: Val, node: ast.AST) -> None:
    """A library's object may ask those of the notebook for its elements. A loader of PyTorch's draws the order of its
    elements, and a seed for its workers, when a loop begins: from the generator that it was given, too."""
    _take_elements(m, value.objs, node)
    inside = (o for obj in value.objs for o in (obj, *(obj.contains if obj.kind == "iterator" else ())))
    loaders = frozenset(o for o in inside if o.label.startswith("torch.utils.data"))
    if loaders:
        m.use_resource("rng:torch", writes=True, text="the order of a loader")
        m.touch([o for o in m.heap.reach(loaders) if o.label == "torch.Generator"], "the order of a loader")


def use_up(m: Machine, value: Val, text: str, node: ast.AST) -> None:
    """Elements are taken: that changes iterators, and runs what makes their elements (`map`'s function) only now."""
    if m.classes:
        run_methods(m, value, _ITERATED_BY, [], node)
    used = {o for o in value.objs if o.kind in ("iterator", "live", "unknown")}
    todo = in_order(o for o in used if o.kind == "iterator")
    while todo:  # an iterator over an iterator uses that up, too
        obj = todo.pop()
        run_given(m, obj, node)
        if "mutates" in obj.flags:
            used |= m.heap.mutable(frozenset(obj.contains))
        if m.classes:
            run_methods(m, Val(frozenset(obj.contains)), _ITERATED_BY, [], node)
        _take_elements(m, frozenset(obj.contains), node)
        new = {o for o in obj.contains if o.kind == "iterator"} - used
        used |= new
        todo.extend(in_order(new))
    m.touch(used, text)
