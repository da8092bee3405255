"""A notebook's code and an interpreter's answer become what each step needs, a lock, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from nb2flow.environment import imports, lock, problems
from nb2flow.environment.model import (
    DataFile,
    Environment,
    Found,
    Import,
    Install,
    Installed,
    Kind,
    Need,
    StepNeeds,
)
from nb2flow.environment.sources import Reached, Sources
from nb2flow.errors import Diagnostic
from nb2flow.flow.model import Flow
from nb2flow.notebook.model import Notebook

KERNEL = "ipykernel"  # what the kernel itself takes; all else that runs in it is injected
RUNTIME = "nb2flow_runtime"  # of a step notebook: comes with it


@dataclass(frozen=True, slots=True)
class Code:
    """What was found in a notebook's code, by step."""

    steps: Mapping[str, Found]

    @property
    def paths(self) -> tuple[str, ...]:
        """Folders that are added to the import path."""
        return tuple(dict.fromkeys(path for found in self.steps.values() for path in found.paths))

    @property
    def written(self) -> dict[str, str]:
        """Modules that the notebook writes."""
        return {path: text for found in self.steps.values() for path, text in found.writes}

    @property
    def installs(self) -> tuple[Install, ...]:
        """Lines that install something, each once."""
        return tuple(dict.fromkeys(one for found in self.steps.values() for one in found.installs))


def code_of(flow: Flow, notebook: Notebook) -> Code:
    """What the code of each step says: its cells, the set-up that it runs again, the parameters cell it reads."""
    steps = {}
    for step in flow.steps:
        found = Found()
        for replay in step.replay:
            found |= imports.of_lines(replay.source, replay.cell, replay.line)
        cells = [*step.cells]
        if flow.parameters_cell is not None and step.parameters and flow.parameters_cell not in cells:
            cells.insert(0, flow.parameters_cell)
        for index in cells:
            found |= imports.of_cell(notebook.cells[index])
        steps[step.name] = found
    return Code(steps)


def followed(code: Code, sources: Sources) -> dict[str, tuple[Reached, ...]]:
    """All that each step's code comes to, local modules followed."""
    return {step: tuple(sources.follow(found.imports)) for step, found in code.steps.items()}


def asked(reached: Mapping[str, Sequence[Reached]]) -> tuple[str, ...]:
    """The dotted names to ask an interpreter about."""
    names = {n for found in reached.values() for r in found if not r.file for n in r.told.candidates}
    return tuple(sorted(names))


def environment(
    flow: Flow,
    notebook: Notebook,
    code: Code,
    reached: Mapping[str, Sequence[Reached]],
    installed: Installed,
    *,
    files: Mapping[str, Sequence[DataFile]] | None = None,
    whole: bool = False,
    without: Collection[str] = (),
) -> Environment:
    """All that the notebook needs of what is installed; `whole`: all that is installed. It goes on `without` these
    modules where they are not installed."""
    steps = tuple(
        StepNeeds(name, tuple(_needs(found, installed, without)), tuple((files or {}).get(name, ())))
        for name, found in reached.items()
    )
    roots = {d for step in steps for need in step.needs for d in need.distributions}
    roots |= {name for one in code.installs for name in _named(one) if name in installed.distributions}
    pins, lacks = lock.pinned(installed.distributions if whole else {*roots, KERNEL}, installed)
    told: list[Diagnostic] = [*problems.of_needs(steps, notebook, installed)]
    told += problems.of_installs(code.installs, notebook, {name: _named(name) for name in code.installs}, installed)
    told += problems.of_pins(pins, lacks, installed)
    told += problems.of_files(steps)
    kept = tuple(p for p in pins if not installed.distributions[p.name].folder and lock.is_sound(p))
    return Environment(notebook.name, flow.kernel, installed.python, installed.program, steps, kept, tuple(told))


def _needs(reached: Sequence[Reached], installed: Installed, without: Collection[str]) -> Iterator[Need]:
    """Each module once, in the order of the code; one that is not optional wins over one that is."""
    found: dict[str, Need] = {}
    for one in reached:
        need = _need(one, installed)
        if need is None:
            continue
        if one.told.top in without:
            need = replace(need, optional=True)
        earlier = found.get(need.module)
        if earlier is None or (earlier.optional and not need.optional):
            found[need.module] = need
        elif set(need.distributions) - set(earlier.distributions):
            found[f"{need.module} {need.distributions}"] = need
    yield from found.values()


def _need(one: Reached, installed: Installed) -> Need | None:
    told = one.told
    kind: Kind
    owners: tuple[str, ...] = ()
    file = ""
    if told.top == RUNTIME:
        return None
    if one.file:
        kind, file = "local", one.file
    elif told.level:
        return None  # a relative import that leads nowhere: the module's own affair, mostly optional parts
    elif told.top in installed.stdlib:
        kind = "stdlib"
    else:
        owners, file = owners_of(told, installed), installed.elsewhere.get(told.top, "")
        kind = "package" if owners else "local" if file else "missing"
    if kind == "missing" and told.how == "implied":
        return None
    name = told.top if kind != "local" or not told.module else told.module
    if len(owners) == 1 and len(installed.owners.get(told.top, ())) > 1:
        name = told.module  # a namespace that several distributions share
    return Need(
        module=one.file if one.file and one.via else name,
        kind=kind,
        place=told.place,
        distributions=owners,
        file=file,
        how=told.how,
        optional=told.optional or told.how == "implied",
        because=told.because,
        via=one.via,
    )


def owners_of(told: Import, installed: Installed) -> tuple[str, ...]:
    """The distributions that hold what is imported. A namespace that several share is looked into by the names that
    are taken from it."""
    parts = told.module.split(".")
    for k in range(len(parts), 0, -1):
        module = ".".join(parts[:k])
        owners = installed.owners.get(module, ())
        if len(owners) > 1 and k == len(parts):
            inner = {o for name in told.names for o in installed.owners.get(f"{module}.{name}", ())}
            return tuple(sorted(inner)) or owners
        if owners:
            return owners
    return ()


def _named(one: Install) -> tuple[str, ...]:
    """Canonical names of what a line installs."""
    found = []
    for word in one.names:
        try:
            found.append(canonicalize_name(Requirement(word).name))
        except InvalidRequirement:
            continue
    return tuple(found)
