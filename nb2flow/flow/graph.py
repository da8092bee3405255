"""From units and groups to edges: who needs which version of what, and who must therefore come first.

Second half of the analysis. Only reads of what another group wrote make edges between variables (each step has its own
kernel, so a later write never disturbs an earlier reader); files are shared, so there all orders count. A version that
is replayable is replayed, not carried. Names whose shared objects are changed travel from one step, in one artifact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nb2flow.flow import effects, files, known_modules, modules
from nb2flow.flow.effects import (
    CONFIGURATION,
    HISTORY,
    IMPLICIT,
    MAGICS,
    PACKAGES,
    PLOT,
    UNCARRYABLE,
    UNKNOWN,
    FileUse,
    Unit,
    is_resource,
)
from nb2flow.flow.groups import Group
from nb2flow.flow.interpret import Analysis
from nb2flow.flow.model import Observations, Reason, Site


@dataclass(slots=True)
class Node:
    """One group with what it needs and gives. `inputs`: name -> (source group, reason)."""

    group: Group
    units: list[Unit]
    inputs: dict[str, tuple[int, Reason]] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    replay: set[int] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    orders: dict[int, list[Reason]] = field(default_factory=dict)
    files: list[FileUse] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)  # name written -> the last unit here that writes it

    def __post_init__(self) -> None:
        self.ends = {name: unit.index for unit in self.units for name in unit.writes}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something cannot cross the border between two groups: they must run as one."""

    first: int
    last: int
    name: str
    what: str
    site: Site
    used: Site


_PARTED = "what belongs to a whole that another name stands for, which saving would part"


class Graph:
    """Nodes in document order; building it computes all needs. `conflicts` lists what forbids these groups."""

    def __init__(self, analysis: Analysis, groups: list[Group], observed: Observations, ids: dict[int, str]) -> None:
        self.analysis = analysis
        self.observed = observed
        self.ids = ids
        self.nodes = [
            Node(g, [analysis.units[u] for c in g.cells for u in analysis.by_cell.get(c, [])]) for g in groups
        ]
        self.owner = {u.index: k for k, node in enumerate(self.nodes) for u in node.units}
        self._ids = [{ids[c] for c in node.group.cells} for node in self.nodes]
        self._writers: dict[str, list[int]] = {}  # name -> all units that write it and that somebody could take it from
        for unit in analysis.units:
            if unit.index in self.owner or unit.replayable:
                for name in unit.writes:
                    self._writers.setdefault(name, []).append(unit.index)
        self._bound = {  # an `env:` option holds in its own step alone: what is read from it there is carried
            u.index for node in self.nodes if node.group.options.env for u in node.units if "process:environ" in u.reads
        }
        self.conflicts: list[Conflict] = []
        self.kept: set[tuple[int, str]] = set()  # groups and names of classes of which they hand on what they keep
        self._uses = _uses(analysis.units)
        self._joined: set[tuple[int, frozenset[tuple[str, int]]]] = set()
        for k in range(len(self.nodes)):
            self._needs(k)
        came = [self._came(node) for node in self.nodes]
        self._wishes = [wanted for wanted, _ in came]
        self._at_end = [end for _, end in came]
        self._changed = True
        while self._changed:  # moving one name to another source may part it from names that it was together with
            self._changed = False
            for k in reversed(range(len(self.nodes))):
                for names in self._wishes[k]:
                    self._together(k, names)
        for k in range(len(self.nodes)):
            self._define_what_comes_along(k)
        self._written_modules = modules.written(analysis.units)
        self._module_versions()
        for node in self.nodes:
            self._module_files(node)
        self._file_orders()
        self._author_orders()

    # -- needs -----------------------------------------------------------------------------------------------------

    def _needs(self, k: int) -> None:
        node = self.nodes[k]
        if not node.units:
            return
        first = node.units[0]
        for resource in IMPLICIT:
            version = first.snapshot.get(resource)
            if version is None or self.owner.get(version) == k:
                continue
            if resource == MAGICS and not self.analysis.units[version].replayable:
                continue  # who uses a magic says so; nobody else minds
            if resource not in (PLOT, effects.BACKEND, effects.FIGURES) or self._plots(node):
                self._need(k, resource, version, Site(first.cell, first.statement.line))
        for resource, version in first.snapshot.items():
            patched = resource.removeprefix("module:").split(".")[0] if resource.startswith("module:") else ""
            if patched and self.owner.get(version) != k and any(patched in u.modules | u.uses for u in node.units):
                self._need(k, resource, version, Site(first.cell, first.statement.line))
        if self.analysis.seeded:
            self._import_first(k)
        for unit in node.units:
            for name, read in sorted(unit.reads.items()):
                if name in unit.carried and not self._wanted(unit, name):
                    continue
                if name == HISTORY and k and read.text not in ("", "_", "_dh"):  # any cell's, and not just its output
                    self._recall(k, Site(unit.cell, read.line))
                    continue
                if name.startswith("rng:") and name not in self.analysis.seeded and not unit.observed:
                    continue
                for version in self._shown(read.version) if name == HISTORY else (read.version,):
                    if version is not None and self.owner.get(version) != k:
                        self._need(k, name, version, Site(unit.cell, read.line), read.text)
            if unit.barrier:
                for name, version in unit.visible.items():
                    if self.owner.get(version) != k:
                        self._need(
                            k,
                            name,
                            version,
                            Site(unit.cell, unit.statement.line),
                            f"everything may be read here: {unit.barrier}",
                        )
                if not unit.barrier_reads_only:
                    self._after_everything(k, unit)
            node.files.extend(unit.files)

    def _import_first(self, k: int) -> None:
        """What earlier cells import of a library that is imported here, too: libraries may draw random numbers when
        they are loaded, which they are but once in the notebook."""
        here = [u for u in self.nodes[k].units if u.kind == "import"]
        roots = frozenset[str]().union(*(u.modules for u in here))
        for unit in self.analysis.units[: here[0].index] if here else ():
            if unit.kind == "import" and unit.replayable and self.owner.get(unit.index) != k and roots & unit.modules:
                self._replay(k, unit.index, "")

    def _shown(self, version: int | None) -> Iterator[int]:
        """The units that may have left what `_` is."""
        while version is not None:
            yield version
            unit = self.analysis.units[version]
            version = unit.snapshot.get(HISTORY) if unit.shows_perhaps else None

    def _recall(self, k: int, used: Site) -> None:
        """`Out[3]` or `In[3]` is looked at."""
        first = self.analysis.units[0]
        defined = Site(first.cell, first.statement.line)
        self.conflicts.append(Conflict(0, k, HISTORY, effects.WORDS[HISTORY], defined, used))

    def _after_everything(self, k: int, unit: Unit) -> None:
        """What may do anything comes after all that comes before it."""
        used = Site(unit.cell, unit.statement.line)
        for source in range(k):
            self.nodes[k].orders.setdefault(source, []).append(Reason("state", "everything", None, used, unit.barrier))

    def _wanted(self, unit: Unit, name: str) -> bool:
        """Whether a name that is perhaps changed here is looked at later (resources always are)."""
        return is_resource(name) or self._looked_at_after(unit, name) or bool(unit.barrier)

    def _looked_at_after(self, unit: Unit, name: str) -> bool:
        """Whether somebody looks at the name after this unit, before it is bound anew."""
        uses = self._uses.get(name, [])
        place = bisect_left(uses, (unit.index + 1, False))
        return place < len(uses) and uses[place][1]

    def _need(self, k: int, name: str, version: int, used: Site, text: str = "") -> None:
        unit = self.analysis.units[version]
        if self._replayable(version):
            self._replay(k, version, name)
            return
        source = self.owner[version]
        if source > k:
            return
        defined = Site(unit.cell, unit.writes.get(name, unit.statement.line))
        if unit.mutates.get(name):
            text = text or f"`{unit.mutates[name]}` may change it"
        elif unit.barrier:
            text = text or f"{unit.barrier} may change it"
        self._carry(k, name, source, Reason("resource" if is_resource(name) else "variable", name, defined, used, text))
        if name in CONFIGURATION:
            self._replay_before(k, name, unit)

    def _replay_before(self, k: int, name: str, unit: Unit) -> None:
        """What is carried of options is what changed since the last that were replayed: replay these here, too."""
        while (before := unit.reads[name].version if name in unit.reads else None) is not None:
            if self._replayable(before):
                self._replay(k, before, name)
                return
            unit = self.analysis.units[before]

    def _replayable(self, version: int) -> bool:
        unit = self.analysis.units[version]
        if not unit.replayable or version in self._bound:
            return False
        return not self._bound or all(self._replayable(v) for _, v in self._sources(unit))

    def _sources(self, unit: Unit) -> list[tuple[str, int]]:
        """Names that a unit reads, and the units that made what it needs of them to be run again."""
        read = [(name, r.version) for name, r in unit.reads.items() if r.version is not None]
        return [(n, self.analysis.units[v].defines(n) if n in unit.bases else v) for n, v in read]

    def _carry(self, k: int, name: str, source: int, reason: Reason) -> None:
        node = self.nodes[k]
        if name == PACKAGES:
            node.orders.setdefault(source, []).append(reason)
            return
        what = self._uncarryable(source, k, name, reason)
        if what and reason.defined and reason.used:
            self.conflicts.append(Conflict(source, k, name, what, reason.defined, reason.used))
        known = node.inputs.get(name)
        if known is None or known[0] < source:
            node.inputs[name] = (source, reason)
        self.nodes[source].outputs.add(name)
        if known is not None and known[0] == source:
            return  # what comes with it is there: classes may hold instances of each other
        self._define(k, source, name)
        version = self.nodes[source].ends.get(name)
        if version is None or reason.used is None:
            return
        giver = self.analysis.units[version]
        for owner, made in giver.definitions.get(name, {}).items():
            self._definition(k, owner, made, source, reason)
        if name in giver.figures:  # the formatter that shows a figure comes with pyplot
            for unit in self.analysis.units[: self.nodes[k].units[0].index]:
                if (
                    unit.kind == "import"
                    and unit.replayable
                    and "matplotlib" in unit.modules
                    and self.owner.get(unit.index) != k
                ):
                    self._replay(k, unit.index, "")

    def _define(self, k: int, source: int, name: str) -> None:
        """Of a class only what it keeps is carried: its definition is run again."""
        version = self.nodes[source].ends.get(name)
        if version is None:
            version = self._latest_before(source, name)
        made = self.analysis.units[version].classes.get(name, UNKNOWN) if version is not None else UNKNOWN
        if made != UNKNOWN and self._replayable(made):
            self.kept.add((source, name))
            self._replay(k, made, name)

    def _definition(self, k: int, owner: str, made: int, source: int, reason: Reason) -> None:
        """An instance is loaded by its class's name: that class must be there before, and no other of that name."""
        units, latest = self.analysis.units, self._latest_before(k, owner)
        base = units[made].defines(owner)
        here = {u.index for u in self.nodes[k].units if u.defines(owner) == u.index and owner in u.writes}
        other = latest is not None and units[latest].defines(owner) != base
        if reason.used and reason.defined and (other or here):
            what = f"an instance of an earlier class `{owner}`"
            if base not in here:
                self.conflicts.append(
                    Conflict(self.owner.get(base, source), k, reason.name, what, reason.defined, reason.used)
                )
            return
        if self.owner.get(made) != k and reason.used:
            self._need(k, owner, made, reason.used)

    def _define_what_comes_along(self, k: int) -> None:
        """What shares objects is saved as one, and is loaded as one: with what it needs, whichever of it is wanted."""
        for name, (source, reason) in list(self.nodes[k].inputs.items()):
            giver = self.nodes[source]
            came = _through(self._at_end[source], {name})
            for other in sorted(giver.outputs - {name}):
                if is_resource(other) or came.isdisjoint(_through(self._at_end[source], {other})):
                    continue
                version = giver.ends.get(other, self._latest_before(source, other))
                if version is not None:
                    for owner, made in self.analysis.units[version].definitions.get(other, {}).items():
                        self._definition(k, owner, made, source, reason)

    def _uncarryable(self, source: int, target: int, name: str, reason: Reason) -> str:
        if name.startswith(UNCARRYABLE):
            return effects.WORDS.get(name, f"the state of `{name.split(':')[-1]}`")
        if self.observed.uncarryable and any((c, name) in self.observed.uncarryable for c in self._ids[source]):
            return "a value that could not be saved or loaded in an earlier run"
        version = self.nodes[source].ends.get(name)
        if version is None:
            return ""
        unit = self.analysis.units[version]
        if name in unit.classes and not (unit.classes[name] != UNKNOWN and self._replayable(unit.classes[name])):
            return "a class that is computed, or changed after its definition"
        return unit.live.get(name, "")

    def _replay(self, k: int, version: int, name: str) -> None:
        node = self.nodes[k]
        todo = [(version, name)]
        while todo:
            version, name = todo.pop()
            unit = self.analysis.units[version]
            if unit.kind == "parameters" and name in unit.writes:
                node.parameters.add(name)
            if version in node.replay:
                continue
            node.replay.add(version)
            todo.extend((v, other) for other, v in self._sources(unit) if self.owner.get(v) != k)

    def _plots(self, node: Node) -> bool:
        """Whether the step may draw: if it cannot, it is spared the plot configuration (and importing matplotlib)."""
        modules = {m for u in node.units for m in u.modules | u.uses} | {
            m for v in node.replay for m in self.analysis.units[v].modules
        }
        attributes = {a for u in node.units for a in u.attributes}
        replayed = {a for v in node.replay for a in self.analysis.units[v].attributes}
        if attributes & known_modules.PLOT_ATTRIBUTES or replayed & known_modules.PLOT_ATTRIBUTES:
            return True
        return bool(modules - known_modules.PLAIN_MODULES) or any(u.barrier or u.defines_unknown for u in node.units)

    # -- objects that share memory ---------------------------------------------------------------------------------

    def _came(self, node: Node) -> tuple[list[frozenset[str]], dict[str, frozenset[str]]]:
        """The names at the group's start through which things came that are shared when they are changed; and, for each
        name bound anew in the group, those through which came what it shares at the end."""
        wanted: list[frozenset[str]] = []
        through: dict[str, frozenset[str]] = {}
        for unit in node.units:
            for joint in unit.joint if not unit.replayable else ():  # where all of them are run again, all are shared
                names = [n for n in joint if n not in unit.carried or self._wanted(unit, n)]
                if names:
                    wanted.append(_through(through, names))
            fresh = {
                name: _through(through, unit.shares.get(name, frozenset()) | ({name} & unit.weak))
                for name in unit.writes
                if name in unit.shares or name not in unit.weak
            }
            through.update(fresh)
        return list(dict.fromkeys(wanted)), through

    def _together(self, k: int, names: frozenset[str]) -> None:
        """Group k needs these names with their shared objects still shared: all of them from one step."""
        node = self.nodes[k]
        sources = {n: node.inputs[n][0] for n in sorted(names) if n in node.inputs}
        for name in sorted(names - sources.keys()):
            version = max((v for v in node.replay if name in self.analysis.units[v].writes), default=None)
            if version is not None:
                sources[name] = self.owner.get(version, -1)  # carried from now on, not replayed
        last = max(sources.values(), default=-1)
        wish = (k, frozenset(sources.items()))
        if last in (-1, k) or wish in self._joined:
            return
        self._joined.add(wish)
        self._changed = True
        carried = [n for n in sources if sources[n] != last or n not in node.inputs]
        giver = self.nodes[last]
        if len(sources) > 1:
            self._parted(k, last, sources)
        for name in carried:
            old = node.inputs.get(name)
            used = Site(giver.units[0].cell, giver.units[0].statement.line)
            version = giver.ends.get(name)
            if version is None:
                version = self._latest_before(last, name)
                if version is None:
                    continue
                self._need(last, name, version, used, "travels with what shares its objects")
            made_at = self.analysis.units[version]
            here = Site(node.units[0].cell, node.units[0].statement.line)
            defined = old[1].defined if old else Site(made_at.cell, made_at.statement.line)
            self._carry(k, name, last, Reason("variable", name, defined, here, "shares objects that are changed here"))
        before = _through(self._at_end[last], sources)
        if before not in self._wishes[last]:
            self._wishes[last].append(before)
        self._together(last, before)

    def _parted(self, k: int, last: int, sources: Mapping[str, int]) -> None:
        """A part and its whole that are changed in group k cannot get there and still be one."""
        used = Site(self.nodes[k].units[0].cell, self.nodes[k].units[0].statement.line)
        for name, source in sorted(sources.items()):
            version = self.nodes[source].ends.get(name) if source >= 0 else None
            if version is not None and name in self.analysis.units[version].parted:
                unit = self.analysis.units[version]
                site = Site(unit.cell, unit.writes.get(name, unit.statement.line))
                self.conflicts.append(Conflict(last, k, name, _PARTED, site, used))
                return

    def _latest_before(self, k: int, name: str) -> int | None:
        limit = self.nodes[k].units[0].index if self.nodes[k].units else 0
        writers = self._writers.get(name, [])
        place = bisect_left(writers, limit)
        return writers[place - 1] if place else None

    # -- orders ----------------------------------------------------------------------------------------------------

    def _module_files(self, node: Node) -> None:
        """A file that is run, or that an earlier cell wrote as a module, is read, also when that is replayed."""
        for unit in (*node.units, *(self.analysis.units[v] for v in node.replay)):
            if unit.script:
                site = Site(unit.cell, unit.statement.line)
                node.files.append(FileUse(unit.script, writes=False, reads=True, site=site))
            for module in unit.modules & self._written_modules.keys() if unit.kind != "compute" else ():
                for path, writer in self._written_modules[module]:
                    if writer < unit.index:
                        site = Site(unit.cell, unit.statement.line)
                        node.files.append(FileUse(path, writes=False, reads=True, site=site))

    def _module_versions(self) -> None:
        """A module that was imported before its file was written anew is as it was: no other kernel can import that."""
        for name, maker, user in modules.outdated(self.analysis.units, self._written_modules):
            first, last = self.owner.get(maker.index), self.owner.get(user.index)
            if first is not None and last is not None and first < last:
                sites = (Site(u.cell, u.statement.line) for u in (maker, user))
                self.conflicts.append(Conflict(first, last, name, "a module whose file has changed since", *sites))

    def _file_orders(self) -> None:
        users = [(k, n) for k, n in enumerate(self.nodes) if n.files]
        for i, (_, node) in enumerate(users):
            for early, other in users[:i]:
                reason = files.reason(other.files, node.files)
                if reason is not None:
                    node.orders.setdefault(early, []).append(reason)

    def _author_orders(self) -> None:
        where = {name: k for k, node in enumerate(self.nodes) for name in node.group.drawn}
        for k, node in enumerate(self.nodes):
            for name in node.group.after:
                source = where.get(name)
                if source is not None and source != k:
                    node.orders.setdefault(source, []).append(Reason("order", name, text=f"after:{name}"))

    def feeds(self) -> dict[str, set[str]]:
        """Group name -> names of the groups that must come after it."""
        result: dict[str, set[str]] = {n.group.name: set() for n in self.nodes}
        for node in self.nodes:
            for source in {*(s for s, _ in node.inputs.values()), *node.orders}:
                result[self.nodes[source].group.name].add(node.group.name)
        return result


def _through(through: Mapping[str, frozenset[str]], names: Iterable[str]) -> frozenset[str]:
    """The union over `names`; a name that was not bound anew came through itself."""
    names = frozenset(names)
    return names.difference(through).union(*[through[n] for n in names if n in through])


def _uses(units: list[Unit]) -> dict[str, list[tuple[int, bool]]]:
    """For each name, the units that look at it (True) or bind it anew without (False), in order."""
    found: dict[str, list[tuple[int, bool]]] = {}
    for unit in units:
        seen = unit.reads.keys() - unit.carried
        if unit.barrier:
            seen |= unit.visible.keys()
        for name in seen:
            found.setdefault(name, []).append((unit.index, True))
        for name in unit.writes.keys() - unit.weak - seen:
            found.setdefault(name, []).append((unit.index, False))
    return found


def replay_order(analysis: Analysis, versions: Iterable[int]) -> list[Unit]:
    """Units to replay, in their original order."""
    return [analysis.units[v] for v in sorted(versions)]
