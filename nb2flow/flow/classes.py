"""The notebook's own classes: what they are made from, which methods instances have, and how instances are made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nb2flow.flow.following import follow
from nb2flow.flow.machine import Machine
from nb2flow.flow.values import SCALAR, Obj, Val, in_order, union


def ancestors(cls: Obj | None) -> list[Obj]:
    """The class and all classes of the notebook that it is made from."""
    found: list[Obj] = []
    todo = [cls]
    while todo:
        one = todo.pop(0)
        if one is None or one in found or one.scope is None:
            continue
        found.append(one)
        todo.extend(o for o in in_order(one.scope.get("__bases__", SCALAR).objs) if o.kind == "class")
    return found


def own_methods(cls: Obj, name: str) -> list[Obj]:
    return [o for o in in_order((cls.scope or {}).get(name, SCALAR).objs) if o.kind == "function"]


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
        todo.extend(o for o in in_order(cls.scope.get("__bases__", SCALAR).objs) if o.kind == "class")
    return SCALAR


def member(objs: Iterable[Obj], name: str) -> list[Obj]:
    """The notebook's functions that `obj.name` may be, for instances and classes defined in the notebook."""
    found: list[Obj] = []
    for obj in in_order(objs):
        if obj.kind == "class" or obj.cls is not None:
            found.extend(o for o in in_order(class_value(obj, name).objs) if o.kind == "function")
    return found


def class_of(value: Val) -> Val:
    """The classes of the notebook that a value may be an instance of."""
    return Val(frozenset(o.cls for o in value.objs if o.cls is not None))


def is_plain_instance(obj: Obj) -> bool:
    """Whether only code that was followed put anything into an instance: no base or decorator from elsewhere."""
    return is_own_class(obj.cls)


def is_own_class(kind: Obj | None) -> bool:
    """Whether a class and all that it is made from are the notebook's, and no decorator changed them."""
    todo = [kind]
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


def _compares(cls: Obj) -> bool:
    """Whether instances of a class are compared by what they are made of."""
    if member([cls], "__eq__"):
        return True
    decorators = [ast.unparse(d) for c in ancestors(cls) for d in getattr(c.node, "decorator_list", ())]
    return any(_MAKES_EQ.search(d) and "eq=False" not in d for d in decorators)


_MAKES_EQ = re.compile(r"\b(dataclass|define|frozen|attrs?\.s|mutable)\b")


def instantiate(
    m: Machine, cls: Obj, positional: tuple[Val, ...], keywords: tuple[tuple[str, Val], ...], node: ast.AST
) -> Val:
    """Make an instance of one of the notebook's classes, as a call of the class does."""
    obj = m.alloc("data", cls.label, site=(node, cls), holds=[cls])
    obj.cls = cls
    if not _compares(cls):
        m.identified.add(obj)
    value = Val(frozenset({obj}))
    for method in member([cls.metaclass], "__call__") if cls.metaclass is not None else ():
        follow(m, method, (Val(frozenset({cls})), *positional), keywords, node)
    methods = [*member([cls], "__new__"), *member([cls], "__init__"), *member([cls], "__post_init__")]
    for method in methods:
        given = positional if method.owner != "__post_init__" else ()
        if method.owner == "__new__":  # it may give an object that was made before
            value |= follow(m, method, (Val(frozenset({cls})), *given), keywords, node)
        else:
            follow(m, method, (value, *given), keywords, node)
    if not member([cls], "__init__"):
        m.heap.link([obj], union([*positional, *(v for _, v in keywords)]).objs)
    m.mention(Val(frozenset({cls})))
    return value
