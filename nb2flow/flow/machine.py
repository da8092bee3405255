"""The unit at work: what it reads, writes, touches, and what is known when it ends.

It offers what statements and expressions need (read, write, touch, draw on a resource) and keeps the books; it knows
nothing of Python's syntax. One machine runs one notebook, unit by unit, in document order.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from nb2flow.flow import reexports
from nb2flow.flow.effects import (
    CONFIG,
    CONFIGURATION,
    HISTORY,
    INTERPRETER,
    UNKNOWN,
    FileUse,
    Unit,
    Unresolved,
    is_resource,
)
from nb2flow.flow.memory import Mark, Memory
from nb2flow.flow.model import Outside, Site
from nb2flow.flow.scopes import FUNCTIONS, annotation_names, attributes_set, evaluates_text, global_names, local_names
from nb2flow.flow.values import NOT_DATA, PARTED, SCALAR, Obj, ObjKind, Val, in_order

BUILTIN_NAMES = frozenset(dir(builtins)) | {
    "display",
    "get_ipython",
    "exit",
    "quit",
    "__file__",
    "__name__",
    "__doc__",
    "__builtins__",
    "__loader__",
    "__spec__",
    "__package__",
    "__annotations__",
}
HISTORY_NAMES = frozenset({"_", "__", "___", "Out", "In", "_oh", "_ih", "_i", "_ii", "_iii", "_dh"})
UNBOUND = "bound by code that is not seen"
OF_NOTEBOOK = "runs in the notebook's namespace"
LATER = "a call of it gives what calls it later"
MANAGED = "a class that its library has changed"
VIEW = "a view or part of what it holds, perhaps"
MAX_DEPTH = 10
_ONLY_BINDING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
MAX_NODES = 40_000  # in one statement, calls included
OBJECTS_PER_NODE = 50  # so many objects asked for what they reach cost as much as one node
ALL_NODES = 150_000  # in all of them: beyond, a statement may reach LAST_NODES
LAST_NODES = 2_000


@dataclass(slots=True)
class Frame:
    """A function call under way: its local names, those it declares global, and how deep it is in branches."""

    names: dict[str, Val]
    local: frozenset[str]
    globals: frozenset[str] = frozenset()
    nonlocals: frozenset[str] = frozenset()
    outer: dict[str, Val] = field(default_factory=dict)
    returned: list[Val] = field(default_factory=list)
    conditional: int = 0
    encloses: bool = True  # a class body's names are not seen from its methods
    made: list[Obj] = field(default_factory=list)  # functions that see its names, as these are in the end
    node: ast.AST | None = None  # the function
    again: dict[str, Val] = field(default_factory=dict)  # what calls of the same function from within it were given


class Place(NamedTuple):
    """Between two units: what was remembered, how many units there were, what they cost, what held from there on."""

    remembered: Mark
    units: int
    spent: int
    parameters: frozenset[str]
    future_annotations: bool


@dataclass
class Machine(Memory):
    """All that is known after the units so far. `outside` tells what star imports and `%run` bring in."""

    outside: Outside = field(default_factory=Outside)
    parameters: frozenset[str] = frozenset()
    units: list[Unit] = field(default_factory=list)
    unit: Unit = field(init=False)  # the one at work
    frames: list[Frame] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    conditional: int = 0
    line: int = 1
    column: int = 0
    touched: dict[Obj, str] = field(default_factory=dict)
    calls: tuple[object, ...] = ()
    active: list[ast.AST] = field(default_factory=list)
    functions: list[Obj] = field(default_factory=list)  # those being followed, outermost first
    nodes: int = 0
    budget: int = MAX_NODES
    spent: int = 0
    future_annotations: bool = False
    keeps_annotations: bool = False  # the notebook looks at `__annotations__`
    asks_caches: bool = False  # the notebook asks what functions remember
    asks_flags: bool = False  # the notebook asks which flags its decimal numbers have raised
    has_cells: bool = False  # some table may hold lists (true once is true for good: it costs time only)
    varying: frozenset[str] = frozenset()  # names that stand for more than one value (known where code is compiled)
    _modules: dict[str, Obj] = field(default_factory=dict)
    _mentioned: set[Obj] = field(default_factory=set)
    begun_at: int = 0  # what the heap had looked at before this unit
    unused: set[ast.AST] = field(default_factory=set)  # this unit's expressions that are statements: for their effect
    patched: bool = False  # some library has been set up: who has anything of it in it needs that
    identity: bool = False  # this unit asks whether two things are one object
    _first_read: dict[str, Val] = field(default_factory=dict)  # what names stood for before this unit bound them anew

    @property
    def effort(self) -> int:
        """What this unit has cost so far, in nodes."""
        return self.nodes + (self.heap.looked_at - self.begun_at) // OBJECTS_PER_NODE

    def place(self) -> Place:
        """Where it is now, to come back to (see `Memory.keep_trail`)."""
        spent = self.spent + self.effort
        return Place(self.mark(), len(self.units), spent, self.parameters, self.future_annotations)

    def resume(self, place: Place) -> None:
        """Be again where it was, as if no later unit had been run."""
        self.go_back(place.remembered)
        del self.units[place.units :]
        self.spent, self.nodes, self.begun_at = place.spent, 0, self.heap.looked_at
        self.parameters, self.future_annotations = place.parameters, place.future_annotations

    def begin(self, unit: Unit) -> None:
        """Start a unit: nothing is bound by it yet."""
        self.units.append(unit)
        self.unit = unit
        self.spent += self.effort
        self.budget = MAX_NODES if self.spent < ALL_NODES else LAST_NODES
        self.bound, self.touched, self.conditional, self.nodes = set(), {}, 0, 0
        self.begun_at = self.heap.looked_at
        self.functions = []
        self.calls, self.active, self._mentioned = (), [], set()
        self._first_read, self.identity, self.unused = {}, False, set()
        self.line, self.column = unit.statement.line, 0
        unit.snapshot = self.resources
        self.patched = any(name.startswith("module:") for name in self.resources)

    def end(self) -> None:
        """Close the unit: turn what it touched into versions of every name that may see it."""
        unit = self.unit
        if self.asks_flags and not isinstance(unit.statement.node, _ONLY_BINDING):
            self.use_resource(CONFIG, writes=True)  # whatever computes may raise one
        if self.handed:
            self._mention_handed()
        if self.touched:
            self._spread_touches()
        if self.identity and len(self._first_read) > 1:
            unit.joint.append(frozenset(n for n, v in self._first_read.items() if self.heap.mutable(v.objs)))
        if self.identified and len(self._first_read) > 1:
            unit.joint += self._identified_together()
        for name in unit.writes:
            if name not in self.bound:
                unit.weak.add(name)
        for name in unit.weak:
            if name not in unit.reads:
                before = self.resources.get(name) if is_resource(name) else self.versions.get(name)
                if before is not None:
                    unit.carried |= {name}
                    unit.read(name, before, unit.writes.get(name, unit.statement.line), unit.mutates.get(name, ""))
        written = [n for n in unit.writes if not is_resource(n)]
        if written:
            values = [(n, self.names[n]) for n in unit.reads if n in self.names]
            held = [(n, self.heap.reach(v.objs)) for n, v in values if v.objs]
            held = [(n, reach) for n, reach in held if not reach <= self.definitions]
            for name in written:
                self._describe(name, held)
        if len(written) < len(unit.writes):
            self.resources = {**self.resources, **{n: unit.index for n in unit.writes if is_resource(n)}}
        self.set_version(written, unit.index)
        if unit.barrier and not unit.barrier_reads_only:
            self._barrier_writes()

    def _mention_handed(self) -> None:
        """What was handed over to the process, or to a library that is used here, may be called by it: `pd.options.
        display.float_format = lambda v: f"{v:.{digits}f}"` looks up `digits` whenever a number is shown."""
        unit = self.unit
        if isinstance(unit.statement.node, _ONLY_BINDING):
            return
        shows = unit.statement.displays or any(isinstance(n, ast.Call) for n in ast.walk(unit.statement.node))
        kinds = {INTERPRETER, *(("module:" + root) for root in unit.modules | unit.uses)}
        kinds |= set(CONFIGURATION) if shows else set()
        called = [
            obj
            for obj, given in self.handed.items()
            if any(index < unit.index and to.partition(".")[0] in kinds for index, to in given)
        ]
        self.mention(Val(frozenset(called)))

    def _identified_together(self) -> list[frozenset[str]]:
        """Names that are looked at together and reach the same object, which may be looked for in what the others
        hold: `node in visited`."""
        found: list[tuple[set[str], set[Obj]]] = []
        for name, value in self._first_read.items():
            names, reached = {name}, self.identified & self.heap.reach(value.objs)
            for group in [g for g in found if not g[1].isdisjoint(reached)]:
                found.remove(group)
                names |= group[0]
                reached |= group[1]
            if reached:
                found.append((names, reached))
        return [frozenset(names) for names, _ in found if len(names) > 1]

    def _spread_touches(self) -> None:
        unit = self.unit
        seeing = self.heap.reaching(self.touched)  # asked once from this end: names are many, what is touched is little
        affected = sorted({name for obj in seeing for name in self._named.get(obj, ())})
        for name in affected:
            if name not in self.bound and name not in unit.mutates:
                reach = self.heap.reach(self.names[name].objs)
                unit.mutates[name] = next(text for obj, text in self.touched.items() if obj in reach)
            if name not in unit.writes:
                unit.writes[name] = self.line if name not in unit.reads else unit.reads[name].line
                unit.weak.add(name)
        outside = frozenset(
            [n for n in affected if n not in self.bound]
            + [n for n, v in self._first_read.items() if not seeing.isdisjoint(v.objs)]
        )
        if outside:
            unit.joint.append(outside)

    def _describe(self, name: str, held: list[tuple[str, frozenset[Obj]]]) -> None:
        """Note what a written name shares with others and whether it can leave its process."""
        value = self.names.get(name)
        if value is None or not value.objs:
            return
        reach = self.heap.reach(value.objs)
        data = reach - self.definitions
        for obj in in_order(self._special & data):
            if obj.kind == "live":
                self.unit.live[name] = obj.label or "a live object"
            if obj.drawn:
                self.unit.figures |= {name}
            if obj.root in PARTED:
                self.unit.parted |= {name}
        classes = self.classes & reach
        own = classes & value.objs
        if own:
            cls = next(iter(own))
            told = len(value.objs) == 1 and cls.owner == name and MANAGED not in cls.flags
            self.unit.classes = {**self.unit.classes, name: cls.made_in if told else UNKNOWN}
        owners = {o.owner for o in classes if o.owner != name and o.owner in self.names}
        if owners:
            self.unit.definitions[name] = {
                o: self.unit.index if o in self.unit.writes else self.versions[o] for o in sorted(owners)
            }
        if data:
            self.unit.shares[name] = frozenset([n for n, other in held if not data.isdisjoint(other)])

    def _barrier_writes(self) -> None:
        unit = self.unit
        self.set_version(list(self.names), unit.index)
        for name in self.names:
            unit.writes.setdefault(name, unit.statement.line)
            unit.weak.add(name)
            if any(o.kind == "class" for o in self.names[name].objs):
                unit.classes = {**unit.classes, name: UNKNOWN}
        self.unknown_from = unit.index

    # -- names -----------------------------------------------------------------------------------------------------

    def read_name(self, name: str, *, mention: bool = True) -> Val:
        """The value of a global name, noting the read (and what the functions in it would read)."""
        unit = self.unit
        value = self.names.get(name)
        if value is None:
            return self._read_unbound(name)
        if name not in self.bound:
            unit.read(name, self.versions.get(name), self.line)
            self._first_read.setdefault(name, value)
        unit.uses.update([o.root for o in (self.meant(value.objs) if self.patched else value.objs) if o.root])
        if mention and value.objs:
            self.mention(value)
        return value

    def _read_unbound(self, name: str) -> Val:
        if (
            name in HISTORY_NAMES
            or (name[:1] == "_" and name[1:].isdigit())
            or (name[:2] == "_i" and name[2:].isdigit())
        ):
            known = self.unit.reads.get(HISTORY)
            if known is not None and known.text == "_":  # `__` or `Out[3]` reach further back than `_`
                del self.unit.reads[HISTORY]
            self.use_resource(HISTORY, writes=False, text=name)
            return Val(frozenset({self.alloc("unknown", name)}))
        if self.unknown_from is not None and name not in BUILTIN_NAMES:
            made = self.alloc("unknown", UNBOUND, site=("unbound", name))
            if _runs_text_here(self.units[self.unknown_from]):
                made.flags.add(OF_NOTEBOOK)
            value = Val(frozenset({made}))
            self.bind(name, value)  # from now on it is a name like others: what changes it is kept
            self.set_version([name], self.unknown_from)
            return self.read_name(name)
        if any(isinstance(n, FUNCTIONS) and name in local_names(n)[0] for n in self.active):
            return SCALAR  # a name of an enclosing function that is bound later than the inner one is made
        if name not in BUILTIN_NAMES and name not in self.builtins and name not in self.unit.unresolved:
            certain = not self.frames and not self.conditional
            self.unit.unresolved[name] = Unresolved(name, self.line, self.column, certain)
        return SCALAR

    def write_name(self, name: str, value: Val) -> None:
        """Bind a global name (weakly inside a branch, a loop or a called function)."""
        self.unit.writes.setdefault(name, self.line)
        if name in self.unit.deleted:
            self.unit.deleted -= {name}
        self.bind(name, self.names.get(name, SCALAR) | value if self.frames or self.conditional else value)
        if not self.frames:
            self.bound.add(name)

    def change_name(self, name: str) -> None:
        """What a global name stands for changes, though no object is known for it."""
        if name in self.names and not (self.frames and name in self.frames[-1].local):
            self.unit.writes.setdefault(name, self.line)
            if name not in self.bound:
                self.unit.weak.add(name)

    def delete_name(self, name: str) -> None:
        """`del name`: a version that is absent."""
        if name in self.names and name not in self.bound:
            self.unit.read(name, self.versions.get(name), self.line)
        self.unit.writes.setdefault(name, self.line)
        self.unit.deleted |= {name}
        if not self.conditional and not self.frames:
            self.bind(name, None)
            self.bound.add(name)

    def mention(self, value: Val) -> None:
        """A value is used: whatever notebook functions it holds may be called, so their globals are read."""
        todo = in_order((self._code & self.heap.reach(value.objs)) - self._mentioned)
        while todo:
            obj = todo.pop()
            if obj in self._mentioned:
                continue
            self._mentioned.add(obj)
            if obj.kind == "class" and obj.owner and obj.owner in self.names and obj.owner not in self.bound:
                self.unit.read(obj.owner, self.versions.get(obj.owner), self.line)
            for name in free_globals(obj):
                held = self.names.get(name)
                if held is None:
                    if name not in BUILTIN_NAMES and self.unknown_from is not None:
                        self.unit.read(name, self.unknown_from, self.line)
                    continue
                if name not in self.bound:
                    self.unit.read(name, self.versions.get(name), self.line)
                todo.extend(in_order(self._code & self.heap.reach(held.objs)))
            if "eval" in obj.flags:
                self.barrier("a function that it uses evaluates text as code", reads_only=True)

    def read_annotations(self, value: Val) -> None:
        """Annotations of these functions and classes are evaluated now, those that are texts, too."""
        names = frozenset[str]().union(*(annotation_names(o.node) for o in value.objs if o.node is not None))
        for name in sorted(names & self.names.keys()):
            self.read_name(name)

    def looks_at_data(self, function: Obj) -> bool:
        """Whether a function, or one that it may call, looks up a global name that stands for something changeable, or
        for a class that keeps data for all its instances."""
        seen = {function}
        todo = [function]
        while todo:
            one = todo.pop()
            changed = attributes_set(one.node) if one.node is not None else frozenset[str]()
            if not changed.isdisjoint(("type", "cls")):
                return True
            for name in free_globals(one):
                value = self.names.get(name)
                if value is None or not value.objs:
                    continue
                if not value.objs <= self.definitions or any(
                    name in changed or keeps_data(o) for o in value.objs if o.kind == "class"
                ):
                    return True
                new = (self._code & self.heap.reach(value.objs)) - seen
                seen |= new
                todo.extend(new)
        return False

    # -- objects ---------------------------------------------------------------------------------------------------

    def alloc(self, kind: ObjKind, label: str = "", site: object = None, holds: Iterable[Obj] = ()) -> Obj:
        """The object that this place creates in this context (the same one when a loop comes by again)."""
        obj = self.made_at((self.unit.index, self.calls, site, kind, label), kind, label)
        held = list(holds)
        if held:
            self.heap.link([obj], held)
        return obj

    def module(self, path: str) -> Val:
        """A module, or something reached through one, by dotted path."""
        path = reexports.defined_as(path)
        obj = self._modules.get(path)
        if obj is None:
            obj = self._modules[path] = Obj("module", path)
            self.definitions.add(obj)
        self.unit.modules.add(path.split(".")[0])
        if path.startswith(("__main__", "IPython.shell.user_ns", "IPython.shell.user_global_ns")):
            self.barrier(f"`{path.split('.')[-1]}` is the namespace itself")
        return Val(frozenset({obj}))

    def touch(self, objs: Iterable[Obj], text: str) -> None:
        """These objects may be changed here by `text` (a short piece of the source, for explanations).

        Definitions among data are bystanders; only when nothing else can be meant are they what is changed.
        """
        found = self.meant(o for o in objs if o.kind != "module")
        data = [o for o in found if o.kind not in ("class", "function")]
        for obj in in_order(data or found):
            self.touched.setdefault(obj, text)

    def meant(self, objs: Iterable[Obj]) -> list[Obj]:
        """These objects, and what nobody knows whether they are it, a part of it or a view of it: `chart.layer(…)`."""
        given = list(objs)
        todo = [o for o in given if VIEW in o.flags]
        if not todo:
            return given
        found = dict.fromkeys(given)
        while todo:
            new = in_order(o for o in todo.pop().contains if o.kind in ("unknown", "data") and o not in found)
            found.update(dict.fromkeys(new))
            todo += [o for o in new if VIEW in o.flags]
        return list(found)

    # -- resources -------------------------------------------------------------------------------------------------

    def use_resource(self, name: str, *, writes: bool, fresh: bool = False, text: str = "") -> None:
        """Read a resource, and make a new version of it when `writes`; `fresh` sets it whatever it was before."""
        unit = self.unit
        if not fresh and name not in self.bound:
            unit.read(name, self.resources.get(name), self.line, text)
        if writes:
            unit.writes.setdefault(name, self.line)
            if fresh and not self.conditional:
                self.bound.add(name)
            else:
                unit.weak.add(name)

    def use_file(self, path: str | None, *, writes: bool, reads: bool) -> None:
        """A file is opened (path None: which one cannot be told)."""
        use = FileUse(path, writes, reads, Site(self.unit.cell, self.line))
        if use not in self.unit.files:
            self.unit.files.append(use)

    def barrier(self, why: str, *, reads_only: bool = False) -> None:
        """Everything may be read here, and (unless `reads_only`) changed."""
        unit = self.unit
        if not unit.barrier:
            unit.visible = dict(self.versions)
        unit.barrier_reads_only = reads_only and (not unit.barrier or unit.barrier_reads_only)
        unit.barrier = unit.barrier or why
        if not reads_only:
            self.unknown_from = unit.index


def free_globals(obj: Obj) -> frozenset[str]:
    """Names that the bodies of a function or class may look up globally (computed once per definition)."""
    node = obj.node
    return global_names(node) if node is not None else frozenset()


def keeps_data(cls: Obj) -> bool:
    """Whether a class of the notebook has data of its own, which all its instances see."""
    held = [o for name, value in (cls.scope or {}).items() if name != "__bases__" for o in value.objs]
    return any(o.kind not in NOT_DATA for o in held)


def _runs_text_here(unit: Unit) -> bool:
    """Whether code that is not seen runs in the notebook's own namespace, and not in one of a module or script."""
    text = unit.statement.source
    return evaluates_text(unit.statement.node) or ("run" in text and (".ipynb" in text or " -i " in text))


class Branch:
    """Inside: what is written is written perhaps, and what is read is read perhaps."""

    def __init__(self, m: Machine) -> None:
        self.m = m

    def __enter__(self) -> None:
        self.m.conditional += 1
        if self.m.frames:
            self.m.frames[-1].conditional += 1
        self.frame = self.m.frames[-1] if self.m.frames else None

    def __exit__(self, *_: object) -> None:
        self.m.conditional -= 1
        if self.frame is not None:
            self.frame.conditional -= 1
