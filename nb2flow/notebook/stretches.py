"""Steps by tags: which role each code cell has, and which neighbouring cells make a stretch of one step.

Knows cells' settings, in our words and in Kale's. Kale's rules differ in two points: untagged cells below `imports`,
`functions` or `pipeline-parameters` belong to those, and `block:` without a name goes on with the block above. Kale
lets cells of one name lie scattered over the notebook and runs them together, out of order; we keep the notebook's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.notebook.names import cut, dns_label, unique
from nb2flow.notebook.settings import CellSettings, Setting
from nb2flow.notebook.split import Stretch

METRICS_STEP = "pipeline-metrics"
_PRINTED = re.compile(r"^print\(\s*([A-Za-z_]\w*)\s*\)", re.M)


@dataclass(slots=True)
class Assigned:
    """Code cells by role (indices); `rest` are those that no role claims: the steps' cells."""

    parameters: int | None = None
    setup: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)


def sort_roles(code: Sequence[CellSettings], diagnostics: list[Diagnostic], *, steps: bool) -> Assigned:
    """Gives each code cell its role: `skip` over `parameters` over `setup` over a step.

    `steps`: whether step tags count here, so that a role beside one is worth a warning.
    """
    assigned = Assigned()
    for cell in code:
        index = cell.cell.index
        role = next((r for r in ("skip", "parameters", "setup") if cell.find(r)), None)
        step = cell.find("step")
        if role and step and steps:
            message = f"cell {index} is tagged both `{role}` and `step:{step.value}`; `{role}` holds"
            hint = "remove one of the two tags"
            diagnostics.append(Diagnostic("NB205", Severity.WARNING, message, step.place, hint))
        if role == "skip":
            assigned.skipped.append(index)
        elif role == "parameters" and assigned.parameters is None:
            assigned.parameters = index
        elif role == "parameters":
            diagnostics.append(_second_parameters(cell, assigned.parameters))
            assigned.setup.append(index)
        elif role == "setup":
            assigned.setup.append(index)
        else:
            assigned.rest.append(index)
    return assigned


def _second_parameters(cell: CellSettings, first: int | None) -> Diagnostic:
    setting = cell.find("parameters")
    kale = setting is not None and setting.kale
    place = setting.place if setting else Place(cell=cell.cell.index, cell_id=cell.cell.id)
    message = f"cell {cell.cell.index} is a second parameters cell (the first is cell {first})"
    if kale:
        message += "; its values cannot be set from outside"
    severity = Severity.WARNING if kale else Severity.ERROR
    return Diagnostic("NB210", severity, message, place, "put all parameters into one cell")


def by_tags(
    code: Sequence[CellSettings], assigned: Assigned, kale: bool, diagnostics: list[Diagnostic]
) -> tuple[list[Stretch], list[int], dict[str, str]]:
    """The stretches of the tagged notebook, its set-up cells, and for each stretch's name the step it belongs to.

    A step whose cells lie apart becomes several stretches: `load`, `load-2` …
    """
    rest = set(assigned.rest)
    stretches: list[Stretch] = []
    setup: list[int] = []
    spellings: dict[str, str] = {}
    current: Stretch | None = None
    claimed = False  # Kale: an untagged cell here belongs to the set-up above it
    for cell in code:
        index = cell.cell.index
        if index not in rest:
            if not cell.find("skip"):
                claimed = kale and any(s.kale for s in cell.settings)
            continue
        named = _step_name(cell, kale, spellings, diagnostics)
        if named is None and (current is None or claimed):
            setup.append(index)
            continue
        if named is not None:
            claimed = False
        if named is not None and (current is None or current.name != named[0]):
            current = Stretch(*named)
            stretches.append(current)
        assert current is not None
        current.cells.append(index)
    if kale:
        diagnostics += _left_out_by_kale(code, setup, stretches)
    return stretches, setup, _name_apart(stretches, {c.cell.index: c for c in code}, diagnostics)


def _step_name(
    cell: CellSettings, kale: bool, spellings: dict[str, str], diagnostics: list[Diagnostic]
) -> tuple[str, str] | None:
    """The step that the cell's tags name, as a DNS label and as written; None when they name none."""
    found = [s for s in cell.settings if s.key == "step"]
    if not found and cell.find("metrics"):
        return METRICS_STEP, "Pipeline metrics"
    goes_on = cell.find("continue")
    if goes_on and not found and not (kale or goes_on.kale):
        hint = "write step:load"
        diagnostics.append(Diagnostic("NB226", Severity.ERROR, "`step:` lacks its value", goes_on.place, hint))
    if not found:
        return None
    first = found[0]
    label = dns_label(first.value)
    for other in found[1:]:
        if dns_label(other.value) != label:
            message = f"cell {cell.cell.index} names two steps, {first.value!r} and {other.value!r}"
            hint = "keep one; a cell belongs to one step"
            diagnostics.append(Diagnostic("NB204", Severity.ERROR, message, other.place, hint))
    _tell_renaming(first, label, spellings, diagnostics)
    return label, first.value.replace("_", " ").replace("-", " ").strip().capitalize()


def _tell_renaming(setting: Setting, label: str, spellings: dict[str, str], diagnostics: list[Diagnostic]) -> None:
    written = setting.value
    before = spellings.setdefault(label, written)
    if before != written:
        message = f"steps {before!r} and {written!r} are one and the same: both are called {label!r}"
        hint = "spell the name in one way, or choose another name"
        diagnostics.append(Diagnostic("NB216", Severity.WARNING, message, setting.place, hint))
    elif written.replace("_", "-") != label and not any(
        d.code == "NB202" and d.place.text == setting.place.text for d in diagnostics
    ):
        message = f"step {written!r} is called {label!r}: names have lower-case letters, digits and `-`, at most 63"
        diagnostics.append(Diagnostic("NB202", Severity.WARNING, message, setting.place, f"write step:{label}"))


def _name_apart(
    stretches: list[Stretch], cells: dict[int, CellSettings], diagnostics: list[Diagnostic]
) -> dict[str, str]:
    """Gives later stretches of a step names of their own; returns each stretch's name with the step's."""
    taken = {s.name for s in stretches}
    bases: dict[str, str] = {}
    for number, stretch in enumerate(stretches):
        base = stretch.name
        if base in bases:
            stretch.name = unique(cut(base, 58), taken)
            taken.add(stretch.name)
            between = stretches[number - 1].name
            first = cells[stretch.cells[0]]
            setting = first.find("step") or first.find("metrics")
            place = setting.place if setting else Place(cell=first.cell.index, cell_id=first.cell.id)
            message = f"the cells of step {base!r} are not contiguous: after {between!r} it goes on as {stretch.name!r}"
            hint = "move the cells together, or give the second part a name of its own"
            diagnostics.append(Diagnostic("NB211", Severity.WARNING, message, place, hint))
        bases[stretch.name] = base
    return bases


def _left_out_by_kale(code: Sequence[CellSettings], setup: list[int], stretches: list[Stretch]) -> list[Diagnostic]:
    """Kale drops what stands above its first tag; we run it, as the notebook does."""
    tagged = (c.cell.index for c in code if any(s.kale or s.key == "step" for s in c.settings))
    first = next(tagged, None)
    dropped = [c for c in code if first is not None and c.cell.index < first and c.cell.index in setup and c.has_code]
    if not dropped or not stretches:
        return []
    message = "Kale leaves out untagged cells above its first tag; here they are set-up, as in the notebook"
    place = Place(cell=dropped[0].cell.index, cell_id=dropped[0].cell.id)
    return [Diagnostic("NB248", Severity.INFO, message, place, "tag them `skip` to leave them out")]


def printed_names(sources: Iterable[str]) -> list[str]:
    """The variables that Kale's metrics cells print, one `print(name)` a line."""
    return list(dict.fromkeys(name for source in sources for name in _PRINTED.findall(source)))
