"""Which variables must be saved together, so that what they share is still shared when they are loaded.

Variables that reach one mutable object, or arrays over the same memory, form a group (a "co-variable"); each group
becomes one blob and every other variable a blob of its own, so that nobody has to load what he does not need. Every
variable is pickled alone first, which shows what it reaches; only groups of several are pickled again, jointly.
"""

from __future__ import annotations

import array
import os
import pickle
import sys
import types
from typing import Any, Iterable, Iterator

from . import explain, layouts, libraries, memory, shell
from .carrier import LAYOUTS, Carrier, CarrierOfNaN, restore
from .faults import UncarryableError

PROBED = 1 << 20  # bytes of stream up to which a doubtful pickle is loaded back to see whether that works
_RAW = frozenset((bytearray, array.array))
_ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes))
_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.MethodType)
_IMMUTABLE = frozenset(
    (
        "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "re.Pattern", "builtins.slice", "builtins.ellipsis",
        "pathlib.PurePath", "pathlib._local.PurePath", "enum.Enum", "numpy.dtype", "numpy.generic", "numpy.ufunc",
        "pandas.core.dtypes.base.ExtensionDtype", "pandas._libs.interval.Interval",
        "pandas._libs.tslibs.offsets.BaseOffset", "torch.dtype", "torch.device",
    )
)  # fmt: skip


class Group:
    """Names in the order they were asked for, the pickle of their dict, and the names of the notebook it needs.

    `anchor` keeps alive what the buffers show, some of which is memory that they do not own.
    """

    def __init__(
        self, names: list[str], stream: bytes, buffers: list[memoryview], needs: Iterable[str], anchor: Any = None
    ) -> None:
        self.names = names
        self.stream = stream
        self.buffers = buffers
        self.needs = sorted(needs)
        self.anchor = anchor


def pickle_groups(values: dict[str, Any]) -> tuple[list[Group], list[dict[str, str]]]:
    """(groups, problems): every variable is in exactly one group or in a problem."""
    groups: list[Group] = []
    problems: list[dict[str, str]] = []
    carried = frozenset(id(value) for value in values.values() if type(value) not in _ATOMS)
    first: dict[str, Carrier] = {}
    for name, value in values.items():
        if type(value) in _ATOMS:
            groups.append(Group([name], pickle.dumps({name: value}, 5), [], ()))
            continue
        carrier = _attempt({name: value}, carried, None, problems)
        if carrier is not None:
            first[name] = carrier
    for names, regions in _partition(list(first), list(first.values())):
        chosen = {name: values[name] for name in names}
        if len(names) == 1 and not regions:
            carrier = first[names[0]]
        else:
            again = _attempt(chosen, carried, regions, problems)
            if again is None:
                continue
            carrier = again
        if _loads(carrier, chosen, problems):
            groups.append(Group(names, carrier.stream, carrier.buffers, carrier.needs, carrier))
    libraries.forget_classes()
    return groups, problems


def _attempt(
    values: dict[str, Any], carried: frozenset[int], regions: list[memory.Region] | None, problems: list[dict[str, str]]
) -> Carrier | None:
    """Pickle `values` together; None when that fails, with a problem added for each."""
    carrier = Carrier(carried, regions)
    try:
        room = layouts.with_room(values.values())
        carrier.dump({**values, LAYOUTS: room} if room else values)
        kind, moved = CarrierOfNaN if carrier.holds_nan else Carrier, layouts.find(carrier.met())
        if moved or kind is not Carrier:
            carrier, moved = kind(carried, regions), moved + room
            carrier.dump({**values, LAYOUTS: moved} if moved else values)
        _refuse_process_objects(carrier)
        _refuse_pickles_inside(carrier)
    except Exception as error:  # noqa: BLE001 - the author's own __reduce__ may raise anything
        culprit = error.culprit if isinstance(error, UncarryableError) else _culprit(carrier.last, carried)
        problems.extend(explain.unpicklable(name, value, culprit, error) for name, value in values.items())
        return None
    return carrier


def _culprit(last: Any, carried: frozenset[int]) -> Any:
    """The object that pickle met last, if that is the one that fails (the author's own code may have failed)."""
    try:
        Carrier(carried).dump(last)
    except Exception:  # noqa: BLE001 - the author's own __reduce__ may raise anything
        return last
    return None


def _refuse_process_objects(carrier: Carrier) -> None:
    """Objects that are the process itself: a copy of them would go its own way."""
    process = {
        id(shell.namespace()): "the notebook's own namespace (globals())",
        id(sys.modules): "sys.modules",
        id(sys.path): "sys.path",
    }
    process.update({id(vars(os.environ).get("_data")): "os.environ"})
    if process.keys().isdisjoint(map(id, carrier.met())):
        return
    for thing in carrier.met():
        if id(thing) in process:
            raise UncarryableError(f"holds {process[id(thing)]}, of which a copy would go its own way", thing)


# How a function of the notebook begins in a pickle by cloudpickle or dill (protocol 4 and later; before).
_BY_OTHERS = (b"\x8c\x17cloudpickle.cloudpickle\x94", b"ccloudpickle.cloudpickle\n", b"\x8c\ndill._dill\x94")


def _refuse_pickles_inside(carrier: Carrier) -> None:
    """Some libraries pickle functions on their own (Polars in a lazy frame): they would get copies of what they use."""
    if any(mark in carrier.stream for mark in _BY_OTHERS):
        raise UncarryableError("holds a function that its library saves itself, with copies of all that it uses")


def _loads(carrier: Carrier, values: dict[str, Any], problems: list[dict[str, str]]) -> bool:
    """Load back what may pickle well and load badly; whether it loads."""
    if not (carrier.probe or carrier.by_value) or len(carrier.stream) > PROBED:
        return True
    try:
        restore(carrier.stream, carrier.buffers)
    except Exception as error:  # noqa: BLE001 - the author's own __setstate__ may raise anything
        problems.extend(explain.unloadable(name, value, error) for name, value in values.items())
        return False
    return True


def _partition(names: list[str], carriers: list[Carrier]) -> Iterator[tuple[list[str], list[memory.Region]]]:
    """Groups of names, each with the memory that its arrays share."""
    leader = list(range(len(names)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    def unite(one: int, other: int) -> None:
        one, other = find(one), find(other)
        leader[max(one, other)] = min(one, other)

    by_value = set().union(*(carrier.by_value for carrier in carriers)) if carriers else set()
    met: dict[int, int] = {}  # of each object, by its id, the first variable that reaches it
    spans: list[memory.Span] = []
    for index, carrier in enumerate(carriers):
        spans.extend(span._replace(variable=index) for span in carrier.spans)
        ids = dict.fromkeys(map(id, carrier.met()), index)
        common = met.keys() & ids.keys()
        for thing in carrier.met() if common else ():
            if id(thing) in common and find(met[id(thing)]) != find(index) and _is_shared(thing, by_value):
                unite(met[id(thing)], index)
        met = {**ids, **met}
        if not _RAW.isdisjoint(map(type, carrier.met())):
            raw = (memory.span_of_bytes(thing) for thing in carrier.met() if type(thing) in _RAW)
            spans.extend(span._replace(variable=index) for span in raw if span is not None)
    shared = memory.regions(spans)
    for region in shared:
        for variable in region.variables:
            unite(variable, min(region.variables))
    for root in sorted({find(index) for index in range(len(names))}):
        members = [index for index in range(len(names)) if find(index) == root]
        yield [names[index] for index in members], [r for r in shared if r.variables & set(members)]


def _is_shared(thing: Any, by_value: set[int]) -> bool:
    """Whether two variables that reach this object would notice if each had its own."""
    if id(thing) in by_value:
        return True
    if isinstance(thing, _BY_NAME):
        return False
    names = {f"{base.__module__}.{base.__qualname__}" for base in type(thing).__mro__}
    if names & _IMMUTABLE and type(thing).__name__ != "void":
        return False
    return not _is_global(thing)


def _is_global(thing: Any) -> bool:
    """Whether the object is one of its module's, found again by name (pandas.NA, for example)."""
    kind = type(thing)
    if kind.__module__ == "__main__":
        return False
    try:
        return isinstance(thing.__reduce_ex__(5), str)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError):
        return False
