"""From distributions to a lock: each of them and all that they require, at the versions that are installed.

Requirements are those of the installed metadata, their markers read for the interpreter that was asked, so that the
lock says what is there and not what an index would choose today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from nb2flow.environment.model import Installed, Pin


@dataclass(frozen=True, slots=True)
class Lack:
    """A requirement that the environment does not meet: whose it is, how it reads, what is there instead."""

    by: str
    requirement: str
    version: str = ""


def pinned(roots: Iterable[str], installed: Installed) -> tuple[tuple[Pin, ...], tuple[Lack, ...]]:
    """Pins of `roots` (canonical names) and of all that they require, by name; and what is required and not met."""
    by: dict[str, set[str]] = {}
    lacks: dict[tuple[str, str], Lack] = {}
    queue = [(name, "") for name in sorted(roots) if name in installed.distributions]
    for name, _ in queue:
        by.setdefault(name, set())
    seen = set(queue)
    for name, extra in queue:
        for requirement in _wanted(installed.distributions[name].requires, installed.markers, extra):
            wanted = canonicalize_name(requirement.name)
            there = installed.distributions.get(wanted)
            if there is None or not _meets(there.version, requirement):
                lack = Lack(name, _plain(requirement), there.version if there else "")
                lacks.setdefault((name, wanted), lack)
            if there is None:
                continue
            if wanted != name:
                by.setdefault(wanted, set()).add(name)
            for state in [(wanted, ""), *((wanted, e) for e in sorted(requirement.extras))]:
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
    pins = []
    for name in sorted(by):
        own = installed.distributions[name]
        pins.append(Pin(name, own.version, own.url, tuple(sorted(by[name]))))
    return tuple(pins), tuple(lacks.values())


def text(pins: Iterable[Pin], head: str) -> str:
    """A requirements file with these pins; the same bytes for the same pins. `head` is a line of comment."""
    lines = [f"# {''.join(c if c.isprintable() else '?' for c in head)}"]
    for pin in pins:
        lines.append(pin.line)
        if pin.by:
            lines.append(f"    # required by {', '.join(pin.by)}")
    return "\n".join(lines) + "\n"


def oldest_python(pins: Iterable[Pin], installed: Installed) -> str:
    """The oldest release of the interpreter's minor version that takes all pins: `3.11.5`."""
    *minor, last = installed.python.split(".")
    wanted = [_specifiers(installed.distributions[pin.name].python) for pin in pins]
    releases = (".".join([*minor, str(number)]) for number in range(int(last) + 1))
    return next((r for r in releases if all(w.contains(r) for w in wanted)), installed.python)


def _specifiers(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet()


def is_local(version: str) -> bool:
    """Whether a version has a local part (`2.1.0+cu118`), which public indexes do not take."""
    return "+" in version


def is_sound(pin: Pin) -> bool:
    """Whether the pin can stand in a requirements file: metadata may hold anything."""
    try:
        Version(pin.version)
        return len(pin.line.split("\n")) == 1 and Requirement(pin.line).name == pin.name
    except (InvalidVersion, InvalidRequirement):
        return False


def _wanted(requires: Iterable[str], markers: Mapping[str, str], extra: str) -> Iterator[Requirement]:
    environment = {**markers, "extra": extra}
    for line in requires:
        requirement = _requirement(line)
        if requirement is None:
            continue
        marker = requirement.marker
        # Without an extra all plain requirements count; with one only those that it adds.
        if extra and (marker is None or marker.evaluate({**environment, "extra": ""})):
            continue
        if marker is None or marker.evaluate(environment):
            yield requirement


@lru_cache(maxsize=8192)
def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _meets(version: str, requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"
