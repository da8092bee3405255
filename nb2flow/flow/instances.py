"""Instances of the notebook's own classes: what methods they have, and which of these run without being called by name
(operators, loops, printing, comparing, attributes that are more than they seem)."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2flow.flow.following import follow
from nb2flow.flow.machine import Machine
from nb2flow.flow.outcomes import run_given
from nb2flow.flow.values import SCALAR, Obj, Val, union


def ancestors(cls: Obj | None) -> list[Obj]:
    """The class and all classes of the notebook that it is made from."""
    found: list[Obj] = []
    todo = [cls]
    while todo:
        one = todo.pop(0)
        if one is None or one in found or one.scope is None:
            continue
        found.append(one)
        todo.extend(o for o in one.scope.get("__bases__", SCALAR).objs if o.kind == "class")
    return found


def own_methods(cls: Obj, name: str) -> list[Obj]:
    return [o for o in (cls.scope or {}).get(name, SCALAR).objs if o.kind == "function"]


def class_value(obj: Obj, name: str) -> Val:
    """What the class of an instance (or a class itself) binds `name` to: its own, or else an ancestor's."""
    todo = [obj if obj.kind == "class" else obj.cls]
    seen: set[Obj] = set()
    while todo:
        cls = todo.pop(0)
        if cls is None or cls in seen or cls.scope is None:
            continue
        seen.add(cls)
        if name in cls.scope:
            return cls.scope[name]
        todo.extend(o for o in cls.scope.get("__bases__", SCALAR).objs if o.kind == "class")
    return SCALAR


def member(objs: Iterable[Obj], name: str) -> list[Obj]:
    """The notebook's functions that `obj.name` may be, for instances and classes defined in the notebook."""
    found: list[Obj] = []
    for obj in objs:
        if obj.kind == "class" or obj.cls is not None:
            found.extend(o for o in class_value(obj, name).objs if o.kind == "function")
    return found


def class_of(value: Val) -> Val:
    """The classes of the notebook that a value may be an instance of."""
    return Val(frozenset(o.cls for o in value.objs if o.cls is not None))


def is_plain_instance(obj: Obj) -> bool:
    """Whether only code that was followed put anything into an instance: no base or decorator from elsewhere."""
    todo = [obj.cls]
    while todo:
        cls = todo.pop()
        if cls is None or cls.scope is None or getattr(cls.node, "decorator_list", None):
            return False
        bases = cls.scope.get("__bases__", SCALAR).objs
        if any(b.kind != "class" for b in bases) or cls.builtin:
            return False
        todo.extend(bases)
    return True


def note_attribute(m: Machine, objs: Iterable[Obj], name: str) -> None:
    """An attribute of this name stands for an object from now on (an empty name: any attribute may)."""
    for obj in objs:
        if obj.cls is not None:
            m.flag(obj, "." + name)


def may_hold(objs: Iterable[Obj], name: str) -> bool:
    """Whether the attribute may stand for an object, and not only for numbers and text."""
    data = [o for o in objs if o.kind != "module"]
    return any(
        not is_plain_instance(o) or not o.flags.isdisjoint((".", "." + name)) or class_value(o, name).objs for o in data
    )


def extends_container(cls: Obj) -> bool:
    """Whether what a class inherits from elsewhere are Python's own containers: their methods are known by name."""
    classes = ancestors(cls)
    return any(c.builtin for c in classes) and all(
        b.kind == "class" for c in classes for b in (c.scope or {}).get("__bases__", SCALAR).objs
    )


def _receiver(method: Obj, obj: Obj) -> Obj | None:
    """What a method that was found through `obj` gets as its first argument."""
    names = {ast.unparse(d) for d in getattr(method.node, "decorator_list", ())}
    if "classmethod" in names:
        return obj.cls or obj
    return None if "staticmethod" in names or obj.kind == "class" else obj


def bound(m: Machine, method: Obj, obj: Obj, site: ast.AST) -> Obj:
    """`obj.method`: the function together with what it is called on."""
    receiver = _receiver(method, obj)
    if receiver is None:
        return method
    made = m.alloc("function", site=(site, obj, method), holds=[receiver, *method.contains])
    made.node, made.scope, made.owner, made.receiver = method.node, method.scope, method.owner, receiver
    made.flags |= method.flags - {"method"}
    return made


class Methods:
    """The methods that a call may run, each with all the objects that it may be run on.

    What a method makes is told apart by the place of the call, not by the object, so following it once for all of them
    gives what following it for each would, and many objects cost no more than one.
    """

    def __init__(self) -> None:
        self._receivers: dict[tuple[Obj, bool], set[Obj]] = {}

    def find(self, obj: Obj, *names: str) -> bool:
        """Add the methods of these names that `obj` has; whether it has any."""
        found = [method for name in names for method in member([obj], name)]
        for method in found:
            self.add(method, obj)
        return bool(found)

    def add(self, method: Obj, obj: Obj) -> None:
        """Add a method that was found through `obj`."""
        receiver = _receiver(method, obj)
        held = self._receivers.setdefault((method, receiver is not None), set())
        if receiver is not None:
            held.add(receiver)

    def follow(
        self, m: Machine, positional: tuple[Val, ...], keywords: tuple[tuple[str, Val], ...], site: ast.AST
    ) -> list[Val]:
        """Follow each of them with these arguments."""
        found: list[Val] = []
        for (method, is_bound), receivers in self._receivers.items():
            own = (Val(frozenset(receivers)),) if is_bound else ()
            found.append(follow(m, method, (*own, *positional), keywords, site))
        return found


def run_methods(m: Machine, value: Val, names: tuple[str, ...], values: list[Val], node: ast.AST) -> Val:
    """An operator or a loop runs special methods of the notebook's own classes; gives what they may return."""
    own = [obj for obj in value.objs if obj.cls is not None]
    if not own:
        return SCALAR
    methods = Methods()
    for obj in own:
        methods.find(obj, *names)
    return union(methods.follow(m, (union(values),), (), node))


def run_getters(m: Machine, objs: Iterable[Obj], node: ast.Attribute) -> Val:
    """Reading an attribute of an instance runs its property, or `__getattr__` where there is no such attribute."""
    results: list[Val] = [run_descriptors(m, objs, node.attr, "__get__", [Val(frozenset(objs))], node)]
    for obj in objs:
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
    if m.classes and name in m.names and member(m.names[name].objs, "__del__"):
        run_methods(m, m.read_name(name), ("__del__",), [], node)


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


_COMPARED_BY = ("__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__", "__hash__")


def compare(m: Machine, values: Iterable[Val], node: ast.AST) -> None:
    """Values, and what they hold, are put into an order or looked for."""
    if m.classes:
        instances = frozenset(o for v in values for o in m.heap.reach(v.objs) if o.cls is not None)
        run_methods(m, Val(instances), _COMPARED_BY, [Val(instances)], node)


_COPIED_BY = ("__copy__", "__deepcopy__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")


def copy(m: Machine, values: Iterable[Val], node: ast.AST) -> None:
    """Values, and what they hold, are copied or turned into bytes."""
    if m.classes:
        instances = frozenset(o for v in values for o in m.heap.reach(v.objs) if o.cls is not None)
        run_methods(m, Val(instances), _COPIED_BY, [Val(instances)], node)


_ITERATED_BY = ("__iter__", "__next__", "__getitem__", "__len__")


def begin_loop(m: Machine, value: Val) -> None:
    """A loader of PyTorch's draws the order of its elements, and a seed for its workers, when a loop begins."""
    inside = (o for obj in value.objs for o in (obj, *(obj.contains if obj.kind == "iterator" else ())))
    if any(o.label.startswith("torch.utils.data") for o in inside):
        m.use_resource("rng:torch", writes=True, text="the order of a loader")


def use_up(m: Machine, value: Val, text: str, node: ast.AST) -> None:
    """Elements are taken: that changes iterators, and runs what makes their elements (`map`'s function) only now."""
    if m.classes:
        run_methods(m, value, _ITERATED_BY, [], node)
    used = {o for o in value.objs if o.kind in ("iterator", "live", "unknown")}
    todo = [o for o in used if o.kind == "iterator"]
    while todo:  # an iterator over an iterator uses that up, too
        obj = todo.pop()
        run_given(m, obj, node)
        if "mutates" in obj.flags:
            used |= m.heap.mutable(frozenset(obj.contains))
        if m.classes:
            run_methods(m, Val(frozenset(obj.contains)), _ITERATED_BY, [], node)
        new = {o for o in obj.contains if o.kind == "iterator"} - used
        used |= new
        todo.extend(new)
    m.touch(used, text)
