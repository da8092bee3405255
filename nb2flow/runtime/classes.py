"""What a class of the notebook keeps beside what its definition gives it: counters, registries, functions put in later.

The definition is run again in the step that loads, so the class itself is there; only what it keeps travels, under the
class's name behind `class:`. It is put into the class when the name is bound, not while a blob is read: a blob may hold
more than its reader asked for.
"""

from __future__ import annotations

import abc
import sys
import types
from typing import TYPE_CHECKING, Any, Iterable

from . import rebuild
from .faults import UncarryableError
from .shell import namespace

if TYPE_CHECKING:
    from .carrier import Carrier

PREFIX = "class:"
_METHODS = (types.FunctionType, property, staticmethod, classmethod)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


class Kept:
    """What the class of this dotted name keeps."""

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self.name = name
        self.attributes = attributes

    def put_in(self) -> None:
        """Let the class that has the name here keep this, and nothing else."""
        self.put_into(rebuild.lookup(self.name))

    def put_into(self, kind: type) -> None:
        """The same for a class that was found already."""
        for name in kept_by(kind):
            if name not in self.attributes and name != _MEMBERS:
                type.__delattr__(kind, name)
        for name, value in self.attributes.items():
            if isinstance(value, Kept):
                value.put_into(vars(kind)[name])
            elif name == _MEMBERS:
                for member, more in value.items():
                    vars(kind._member_map_[member]).update(more)  # type: ignore[attr-defined]
            else:
                type.__setattr__(kind, name, value)


def is_kept(name: str) -> bool:
    """Whether an output means what a class keeps."""
    return name.startswith(PREFIX)


def variable(name: str) -> str:
    """The name of the class whose data an output means."""
    return name[len(PREFIX) :] if is_kept(name) else name


def find(names: Iterable[str]) -> dict[str, Kept]:
    """For those of `names` that mean what a class keeps, what it keeps now."""
    user = namespace()
    kinds = {name: user.get(variable(name)) for name in names if is_kept(name)}
    return {name: Kept(kind.__qualname__, kept_by(kind)) for name, kind in kinds.items() if isinstance(kind, type)}


def reduce_kept(carrier: Carrier, kept: Any) -> Any:
    """What a class keeps, by the name of the class."""
    kind = rebuild.lookup(kept.name)
    if kind.__module__ != "__main__" or type(kind).__module__ not in ("builtins", "abc", "enum", "typing", "__main__"):
        raise UncarryableError("is a class that its library manages", kind)
    if any(_registered(part) for part in (kind, *kind.__mro__) if part.__module__ == "__main__"):
        raise UncarryableError("is a class that others are registered with as virtual subclasses", kind)
    carrier.needs.add(kept.name.partition(".")[0])
    return rebuild.kept, (kept.name,), kept.attributes, None, None, rebuild.fill_kept


def _registered(kind: type) -> bool:
    """Whether an abstract class knows subclasses that are none, which only its own library can tell."""
    if not isinstance(kind, abc.ABCMeta):
        return False
    dump = getattr(sys.modules.get("_abc"), "_get_dump", None)
    return bool(dump(kind)[0]) if dump is not None else True


def kept_by(kind: type) -> dict[str, Any]:
    """What a class keeps, by attribute; for classes in it, what they keep."""
    found: dict[str, Any] = {}
    for name, value in vars(kind).items():
        special = name[:2] == "__" and name[-2:] == "__"
        if isinstance(value, _SLOTS) or name == "_abc_impl" or _is_own(kind, value):
            continue
        if isinstance(value, type) and value.__qualname__ == f"{kind.__qualname__}.{name}":
            found[name] = Kept(value.__qualname__, kept_by(value))
        elif not special or isinstance(value, _METHODS):
            found[name] = value
    members = getattr(kind, "_member_map_", {}) if type(kind).__module__ == "enum" else {}
    added = {name: _added(member) for name, member in members.items()}
    return {**found, _MEMBERS: added} if any(added.values()) else found


_MEMBERS = "<members>"  # of an enumeration: what was set on them


def _added(member: Any) -> dict[str, Any]:
    """The attributes of a member of an enumeration."""
    return {k: v for k, v in vars(member).items() if k[:1] != "_"}


def _is_own(kind: type, value: Any) -> bool:
    """Whether it is a method that the definition of the class gives it."""
    made = next((getattr(value, part) for part in ("fget", "__func__", "func") if hasattr(value, part)), value)
    name = getattr(made, "__qualname__", "")
    return not isinstance(made, type) and isinstance(name, str) and name.startswith(kind.__qualname__ + ".")
