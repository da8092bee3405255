"""What the interpreter remembers from unit to unit: names, versions, objects; and the way back to an earlier state.

The way back is a trail, as in Warren's machine for Prolog (1983): each change leaves what undoes it, so that a notebook
of which one cell was edited is interpreted from that cell on. It is kept only when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nb2flow.flow.values import NOT_DATA, PARTED, SCALAR, Heap, Obj, ObjKind, Val


class Mark(NamedTuple):
    """A state to come back to: how long the trail and the list of links were, and what is replaced as a whole."""

    changes: int
    links: int
    looked_at: int
    resources: dict[str, int]
    unknown_from: int | None


@dataclass
class Memory:
    """Names and what they may stand for, versions, and the objects made so far."""

    names: dict[str, Val] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    resources: dict[str, int] = field(default_factory=dict)  # never changed, but replaced
    heap: Heap = field(default_factory=Heap)
    dotted: set[str] = field(default_factory=set)  # packages of which a submodule was imported by its full name
    submodules: dict[str, str] = field(default_factory=dict)  # that were imported, and what the statement bound
    builtins: set[str] = field(default_factory=set)  # names that the notebook has put beside Python's own
    accessors: dict[str, frozenset[Obj]] = field(default_factory=dict)  # attributes that classes give to tables
    unknown_from: int | None = None  # the last unit that may bind names nobody can tell
    classes: set[Obj] = field(default_factory=set)
    functions_made: set[Obj] = field(default_factory=set)
    definitions: set[Obj] = field(default_factory=set)  # and modules: all that is no data
    identified: set[Obj] = field(default_factory=set)  # equal to themselves alone: a copy is another
    handed: dict[Obj, frozenset[tuple[int, str]]] = field(
        default_factory=dict
    )  # to whom code was given for good, where
    _named: dict[Obj, set[str]] = field(default_factory=dict)  # the names that stand for an object
    _sites: dict[tuple[object, ...], Obj] = field(default_factory=dict)
    _special: set[Obj] = field(default_factory=set)  # live things, what draws, what saving takes apart
    _code: set[Obj] = field(default_factory=set)  # the notebook's functions and classes
    _trail: list[tuple[Callable[..., object], *tuple[Any, ...]]] | None = None  # calls that undo the changes, in order

    def keep_trail(self) -> None:
        """Remember from now on how to undo what changes."""
        self._trail, self.heap.made = [], []

    def mark(self) -> Mark:
        """The state as it is, between two units."""
        trail, links = self._trail or (), self.heap.made or ()
        return Mark(len(trail), len(links), self.heap.looked_at, self.resources, self.unknown_from)

    def go_back(self, mark: Mark) -> None:
        """Be again as when `mark` was made."""
        self.heap.unlink(mark.links)
        trail = self._trail or []
        while len(trail) > mark.changes:
            undo, *given = trail.pop()
            undo(*given)
        self.heap.looked_at, self.resources, self.unknown_from = mark.looked_at, mark.resources, mark.unknown_from

    # -- changes that can be undone --------------------------------------------------------------------------------

    def bind(self, name: str, value: Val | None) -> None:
        """Let a global name stand for `value`, and for nothing else; None: it is not bound any more."""
        if self._trail is not None:
            self._trail.append((self._bind, name, self.names.get(name)))
        self._bind(name, value)

    def _bind(self, name: str, value: Val | None) -> None:
        before = self.names.pop(name, SCALAR) if value is None else self.names.get(name, SCALAR)
        after = SCALAR if value is None else value
        if before.objs or after.objs:
            for obj in before.objs - after.objs:
                self._named[obj].discard(name)
            for obj in after.objs - before.objs:
                self._named.setdefault(obj, set()).add(name)
        if value is not None:
            self.names[name] = value

    def named(self, obj: Obj) -> set[str]:
        """The global names that stand for an object."""
        return self._named.get(obj, set())

    def set_version(self, names: Iterable[str], unit: int) -> None:
        """The unit makes a new version of each of these."""
        for name in names:
            if self._trail is not None:
                self._trail.append((self._version, name, self.versions.get(name)))
            self.versions[name] = unit

    def _version(self, name: str, unit: int | None) -> None:
        if unit is None:
            self.versions.pop(name, None)
        else:
            self.versions[name] = unit

    def flag(self, obj: Obj, flag: str) -> None:
        """Note something of an object that may have been made by an earlier unit."""
        if flag not in obj.flags:
            obj.flags.add(flag)
            if self._trail is not None:
                self._trail.append((obj.flags.discard, flag))

    def own(self, obj: Obj, owner: str, home: Obj | None = None) -> None:
        """A definition, perhaps of an earlier unit, has this name (and stands in the body of that class)."""
        if self._trail is not None:
            self._trail.append((self._own, obj, obj.owner, obj.home))
        self._own(obj, owner, home)

    @staticmethod
    def _own(obj: Obj, owner: str, home: Obj | None) -> None:
        obj.owner, obj.home = owner, home

    def give_accessor(self, name: str, classes: frozenset[Obj]) -> None:
        """From now on the attribute of this name is an instance of one of these classes, too."""
        if self._trail is not None:
            self._trail.append((self._accessor, name, self.accessors.get(name, frozenset())))
        self._accessor(name, self.accessors.get(name, frozenset()) | classes)

    def _accessor(self, name: str, classes: frozenset[Obj]) -> None:
        self.accessors[name] = classes

    def hand(self, obj: Obj, unit: int, resource: str) -> None:
        """Note that a unit has set something to a function or instance, which is called from now on."""
        before = self.handed.get(obj, frozenset())
        if self._trail is not None:
            self._trail.append((self._hand, obj, before))
        self._hand(obj, before | {(unit, resource)})

    def _hand(self, obj: Obj, given: frozenset[tuple[int, str]]) -> None:
        self.handed[obj] = given

    def note(self, names: set[str], name: str) -> None:
        """Add to `dotted` or `builtins`."""
        if name not in names:
            names.add(name)
            if self._trail is not None:
                self._trail.append((names.discard, name))

    def imported(self, module: str, name: str) -> None:
        """A statement that binds `name` has imported `module`."""
        before = self.submodules.get(module)
        if before != name:
            self.submodules[module] = name
            if self._trail is not None:
                self._trail.append((self._imported_before, module, before))

    def _imported_before(self, module: str, name: str | None) -> None:
        if name is None:
            del self.submodules[module]
        else:
            self.submodules[module] = name

    @property
    def made(self) -> int:
        """How many objects were made so far: those that are made from now on have this number, or a higher one."""
        return len(self._sites)

    def made_at(self, key: tuple[object, ...], kind: ObjKind, label: str) -> Obj:
        """The object that is made at this place in this context (the same one when a loop comes by again)."""
        obj = self._sites.get(key)
        if obj is not None:
            return obj
        number = len(self._sites)
        obj = self._sites[key] = Obj(kind, label)
        obj.number = number
        if self._trail is not None:
            self._trail.append((self._forget, key))
        if obj.drawn or kind == "live" or obj.root in PARTED:
            self._special.add(obj)
        if kind in NOT_DATA:
            self.definitions.add(obj)
            self._code.add(obj)
        if kind == "class":
            self.classes.add(obj)
        elif kind == "function":
            self.functions_made.add(obj)
        return obj

    def _forget(self, key: tuple[object, ...]) -> None:
        obj = self._sites.pop(key)
        obj.reach = None  # it is in it itself, and would be garbage that only a search finds
        self._named.pop(obj, None)
        for objs in (
            self._special, self._code, self.definitions, self.classes, self.functions_made, self.identified
        ):  # fmt: skip
            objs.discard(obj)
