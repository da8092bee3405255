"""Abstract values: which objects a name may stand for, and what those objects may hold.

Allocation-site points-to sets after Andersen (1994), kept per call context: an `Obj` stands for everything that one
place in the code creates in one context; `Heap` says which objects may be reachable from which. Over-approximation is
the rule: a set that is too large costs parallelism, one that is too small would cost the right result.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from operator import attrgetter
from typing import Literal, NamedTuple

ObjKind = Literal["data", "unknown", "iterator", "live", "function", "class", "module"]


# What these make belongs to a whole that it knows. Saved and loaded, it belongs to another: the same for a single name,
# but a part under a name of its own is then no part of the whole any more. So it is with the dictionary of an instance.
ATTRIBUTES = "__dict__"
PARTED = ("bs4", "plotly", ATTRIBUTES)
NOT_DATA = frozenset(("module", "class", "function"))


class Obj:
    """One abstract object. `label` is a dotted path for modules and what they hold, a description for live things.

    kinds: `data` (plain, picklable), `unknown` (came from a call that nobody knows), `iterator` (using it up changes
    it), `live` (cannot leave its process), `function`/`class` (defined in the notebook; `node` is the definition),
    `module` (a module, or anything reached through one).
    """

    __slots__ = (
        "builtin",
        "cls",
        "contains",
        "drawn",
        "flags",
        "holders",
        "home",
        "items",
        "kind",
        "label",
        "made_in",
        "metaclass",
        "node",
        "number",
        "owner",
        "reach",
        "receiver",
        "root",
        "scope",
    )

    def __init__(self, kind: ObjKind, label: str = "", node: ast.AST | None = None) -> None:
        self.kind: ObjKind = kind
        self.label = label
        self.number = -1  # among those made so far (see `in_order`)
        self.root = label.partition(".")[0]  # the package of what a library made
        self.drawn = self.root in ("matplotlib", "seaborn")
        self.node = node
        self.contains: set[Obj] = set()
        self.holders: set[Obj] = set()  # whose `contains` it is in
        self.reach: frozenset[Obj] | None = None  # known until a link below it is made (see `Heap`)
        self.flags: set[str] = set()
        self.scope: dict[str, Val] | None = None  # enclosing local names of a nested function
        self.cls: Obj | None = None  # the notebook's class that it is an instance of
        self.items: tuple[Val, ...] | None = None  # of a tuple: what stands at each place
        self.receiver: Obj | None = None  # of a method that was taken from its instance or class
        self.owner: str = ""  # the global name that a definition was bound to first
        self.home: Obj | None = None  # of a method: the class in whose body it stands
        self.metaclass: Obj | None = None  # of a class: the notebook's class that it is an instance of
        self.made_in = -1  # of a class: the unit that is its definition
        self.builtin = False  # of a class: made from one of Python's own containers


_MADE = attrgetter("number", "label")


def in_order(objs: Iterable[Obj]) -> list[Obj]:
    """As they were made. A set has its elements in the order of their addresses: wherever one of them after the other
    does something, that would give now one result and now another."""
    return sorted(objs, key=_MADE)


class Val(NamedTuple):  # tens of thousands are made: a frozen dataclass takes twice as long
    """What an expression may stand for. No objects: an immutable scalar. `text` is a string known exactly."""

    objs: frozenset[Obj] = frozenset()
    text: str | None = None

    def __or__(self, other: Val) -> Val:
        if not other.objs and self.objs:
            return Val(self.objs)
        return Val(self.objs | other.objs, self.text if self.text == other.text else None)


SCALAR = Val()


def union(values: Iterable[Val]) -> Val:
    """Everything that any of the values may stand for (texts are forgotten unless there is just one value)."""
    items = list(values)
    if len(items) == 1:
        return items[0]
    held = [v.objs for v in items if v.objs]
    return Val(held[0].union(*held[1:])) if held else SCALAR


class Heap:
    """Reachability between objects. What each object reaches is remembered until a link is made that adds to it."""

    def __init__(self) -> None:
        self.looked_at = 0  # objects, in all that was asked: what the answers cost
        self._unions: dict[frozenset[Obj], frozenset[Obj]] = {}  # of several objects, until any link is made
        self.made: list[tuple[Obj, frozenset[Obj]]] | None = None  # links in order, kept if they may be undone

    def link(self, holders: Iterable[Obj], held: Iterable[Obj]) -> None:
        """Record that each holder may now hold each of `held`."""
        new = frozenset(held)
        changed: list[Obj] = []
        for holder in holders:
            extra = new - holder.contains - {holder}
            if extra:
                holder.contains |= extra
                for obj in extra:
                    obj.holders.add(holder)
                changed.append(holder)
                if self.made is not None:
                    self.made.append((holder, extra))
        if changed:
            for obj in self.reaching(changed):
                obj.reach = None
            self._unions.clear()

    def unlink(self, count: int) -> None:
        """Undo all links but the first `count` of those kept."""
        undone = self.made[count:] if self.made is not None else []
        if undone and self.made is not None:
            del self.made[count:]
            for obj in self.reaching([holder for holder, _ in undone]):
                obj.reach = None
            for holder, held in undone:
                holder.contains -= held
                for obj in held:
                    obj.holders.discard(holder)
        self._unions.clear()

    def reach(self, objs: frozenset[Obj]) -> frozenset[Obj]:
        """`objs` and all that may be reached from them."""
        if len(objs) == 1:
            (obj,) = objs
            return obj.reach or self._reach(obj)
        known = self._unions.get(objs)
        if known is None:
            found = [obj.reach or self._reach(obj) for obj in objs]
            self.looked_at += sum(map(len, found))
            known = self._unions[objs] = frozenset().union(*found)
        return known

    def _reach(self, start: Obj) -> frozenset[Obj]:
        seen = {start}
        todo = [start]
        while todo:
            for held in todo.pop().contains - seen:
                if held.reach is None:
                    seen.add(held)
                    todo.append(held)
                else:
                    seen |= held.reach
        self.looked_at += len(seen)
        start.reach = frozenset(seen)
        return start.reach

    def reaching(self, objs: Iterable[Obj]) -> set[Obj]:
        """`objs` and all from which they may be reached."""
        seen = set(objs)
        todo = list(seen)
        while todo:
            new = todo.pop().holders - seen
            seen |= new
            todo.extend(new)
        self.looked_at += len(seen)
        return seen

    def mutable(self, objs: frozenset[Obj]) -> frozenset[Obj]:
        """What a stranger may change through `objs`: all that can be reached but modules and definitions."""
        return frozenset([o for o in self.reach(objs) if o.kind not in NOT_DATA])
