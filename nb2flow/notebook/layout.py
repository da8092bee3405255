"""Which code cells form which step: `lay_out`, the room's second half beside reading.

Works on cells and their settings only; it never looks at Python. Every code cell ends in exactly one group (set-up,
parameters, skipped, one of the steps), whatever the tags say, so that later rooms need not wonder; what is wrong with
the tags is told in diagnostics beside the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nb2flow.errors import Diagnostic, Place, Severity, UsageError
from nb2flow.notebook.model import Dialect, Layout, Notebook, StepCells
from nb2flow.notebook.names import dns_label
from nb2flow.notebook.options import merge
from nb2flow.notebook.orders import resolve_after
from nb2flow.notebook.settings import CellSettings, Setting, cell_settings, notebook_defaults
from nb2flow.notebook.split import Stretch, by_cells, by_headings, headings, in_one
from nb2flow.notebook.stretches import METRICS_STEP, Assigned, by_tags, printed_names, sort_roles

SPLITS = ("tags", "headings", "cells", "whole")


@dataclass(slots=True)
class _Draft:
    """What is being laid out."""

    notebook: Notebook
    cells: tuple[CellSettings, ...]
    diagnostics: list[Diagnostic]
    defaults: tuple[Setting, ...] = ()
    dialect: Dialect = "nb2flow"
    whole_by_choice: bool = False
    bases: dict[str, str] = field(default_factory=dict)  # a stretch's name -> the step's name as tags have it
    aliases: dict[str, list[str]] = field(default_factory=dict)  # a step's name in ignored tags -> what holds its cells


def lay_out(notebook: Notebook, split: str | None = None) -> Layout:
    """Decides which code cells are set-up, parameters, skipped, and which form which step.

    `split`: None takes step tags where there are any, else headings, else makes one step; "tags", "headings", "cells"
    and "whole" ask for one way. Raises UsageError for any other word; all that is wrong with tags is in `diagnostics`.
    """
    if split is not None and split not in SPLITS:
        raise UsageError(f"there is no split {split!r}", hint="choose one of " + ", ".join(SPLITS))
    cells = tuple(cell_settings(c) for c in notebook.cells)
    draft = _Draft(notebook, cells, [d for c in cells if c.cell.kind == "code" for d in c.diagnostics])
    draft.defaults, wanted = notebook_defaults(notebook.metadata, draft.diagnostics)
    split = split or _wanted_split(wanted, draft.diagnostics)
    code = [c for c in cells if c.cell.kind == "code"]
    draft.diagnostics += _unusual(cells)
    tagged = any(c.find("step") for c in code)
    kale = any(s.kale for c in code for s in c.settings)
    if split == "whole":
        assigned = sort_roles(code, draft.diagnostics, steps=False)
        stretches, draft.whole_by_choice = _whole(draft, assigned), tagged
    elif notebook.language != "python":
        assigned = sort_roles(code, draft.diagnostics, steps=False)
        stretches, draft.whole_by_choice = _whole(draft, assigned), tagged
        message = f"the notebook is in {notebook.language}: it runs as one step, for only Python can be taken apart"
        draft.diagnostics.append(Diagnostic("NB243", Severity.INFO, message))
    elif split == "tags" or (split is None and tagged):
        stretches, assigned = _tagged(draft, code, kale, tagged)
    else:
        assigned = sort_roles(code, draft.diagnostics, steps=False)
        if tagged:
            draft.diagnostics.append(_ignored(code, str(split)))
        stretches = _by_cells(draft, assigned) if split == "cells" else _by_headings(draft, assigned)
        if tagged:
            draft.aliases = _aliases(code, kale, stretches)
    return _finish(draft, stretches, assigned)


def _wanted_split(value: Any, diagnostics: list[Diagnostic]) -> str | None:
    if value is None or value in SPLITS:
        return value if value is None else str(value)
    message = f"the notebook's `nb2flow` metadata asks for the split {value!r}, which there is not"
    diagnostics.append(Diagnostic("NB227", Severity.ERROR, message, hint="choose one of " + ", ".join(SPLITS)))
    return None


def _tagged(draft: _Draft, code: Sequence[CellSettings], kale: bool, tagged: bool) -> tuple[list[Stretch], Assigned]:
    if not tagged:
        assigned = sort_roles(code, draft.diagnostics, steps=False)
        hint = "tag cells `step:NAME`, or split by headings or cells (`--split headings`)"
        draft.diagnostics.append(Diagnostic("NB241", Severity.ERROR, "no cell has a step tag", hint=hint))
        return _whole(draft, assigned), assigned
    draft.dialect = "kale" if kale else "nb2flow"
    assigned = sort_roles(code, draft.diagnostics, steps=True)
    stretches, setup, draft.bases = by_tags(code, assigned, kale, draft.diagnostics)
    assigned.setup += setup
    return stretches, assigned


def _active(draft: _Draft, indices: Sequence[int]) -> set[int]:
    return {i for i in indices if draft.cells[i].has_code}


def _by_cells(draft: _Draft, assigned: Assigned) -> list[Stretch]:
    draft.dialect = "cells"
    setup, stretches = by_cells(assigned.rest, _active(draft, assigned.rest))
    assigned.setup += setup
    return stretches or _whole(draft, assigned)


def _by_headings(draft: _Draft, assigned: Assigned) -> list[Stretch]:
    draft.dialect = "headings"
    found = by_headings(draft.notebook.cells, assigned.rest, _active(draft, assigned.rest))
    if found is not None:
        assigned.setup += found[0]
        return found[1]
    if not assigned.rest:
        return _whole(draft, assigned)
    message = "the notebook has no step tags and no two sections with code under headings: it runs as one step"
    hint = "tag cells `step:NAME`, add headings, or split by cells (`--split cells`)"
    draft.diagnostics.append(Diagnostic("NB240", Severity.INFO, message, hint=hint))
    return _whole(draft, assigned)


def _whole(draft: _Draft, assigned: Assigned) -> list[Stretch]:
    """One step of all that is neither parameters nor skipped, set-up too: just the notebook, in one kernel."""
    draft.dialect = "whole"
    code = sorted(assigned.rest + assigned.setup)
    assigned.setup = []
    found = (h.title for c in draft.notebook.cells if c.kind == "markdown" for h in headings(c.source))
    return in_one(code, next(found, "")) if code else []


def _finish(draft: _Draft, stretches: list[Stretch], assigned: Assigned) -> Layout:
    steps = tuple(_steps(draft, stretches))
    inside = {i for s in stretches for i in s.cells}
    if not draft.whole_by_choice:
        draft.diagnostics += _outside(draft, inside)
    if not any(draft.cells[i].has_code for s in steps for i in s.cells):
        message, hint = "nothing is left to run: no step has any code", "leave at least one cell with code in a step"
        draft.diagnostics.append(Diagnostic("NB244", Severity.ERROR, message, hint=hint))
    order = sorted(draft.diagnostics, key=lambda d: -1 if d.place.cell is None else d.place.cell)
    setup, skipped = tuple(sorted(assigned.setup)), tuple(sorted(assigned.skipped))
    return Layout(draft.dialect, steps, setup, assigned.parameters, skipped, tuple(order))


def _steps(draft: _Draft, stretches: list[Stretch]) -> list[StepCells]:
    bases = draft.bases or {s.name: s.name for s in stretches}
    settings: dict[str, list[Setting]] = {}
    for stretch in stretches:
        own = settings.setdefault(bases[stretch.name], [])
        if not draft.whole_by_choice:
            own += [s for i in stretch.cells for s in draft.cells[i].options]
        if bases[stretch.name] == METRICS_STEP:
            names = printed_names(draft.notebook.cells[i].source for i in stretch.cells)
            own += [Setting("metric", name, Place()) for name in names]
    wanted = {
        s.name: [(dns_label(o.value), o.place) for i in s.cells for o in draft.cells[i].options if o.key == "after"]
        for s in stretches
    }
    if draft.dialect == "whole":
        wanted = {}
    after = resolve_after([(s.name, bases[s.name]) for s in stretches], wanted, draft.aliases, draft.diagnostics)
    options = {b: merge(b, found, draft.defaults, draft.diagnostics) for b, found in settings.items()}
    steps = []
    for stretch in stretches:
        if draft.dialect in ("nb2flow", "kale") and not any(draft.cells[i].has_code for i in stretch.cells):
            message = f"step {stretch.name!r} has no code"
            place = _place(draft.cells[stretch.cells[0]])
            draft.diagnostics.append(Diagnostic("NB245", Severity.WARNING, message, place, "remove its tag"))
        title = stretch.title or draft.notebook.name
        chosen = options[bases[stretch.name]]
        steps.append(StepCells(stretch.name, title, tuple(stretch.cells), chosen, after[stretch.name]))
    return steps


def _place(cell: CellSettings) -> Place:
    return Place(cell=cell.cell.index, cell_id=cell.cell.id)


def _unusual(cells: Sequence[CellSettings]) -> list[Diagnostic]:
    """Tags on text cells, and cells that other tools put in."""
    found = []
    for cell in cells:
        place = _place(cell)
        if cell.find("step-notebook"):
            message = "this is a step notebook that nb2flow wrote, not the notebook it was made of"
            found.append(Diagnostic("NB246", Severity.ERROR, message, place, "name the original notebook"))
            break
        if cell.find("injected") and cell.cell.kind == "code":
            message = "papermill put this cell in: its values hold whatever parameters you give"
            hint = "delete the cell to make the parameters settable again"
            found.append(Diagnostic("NB247", Severity.WARNING, message, place, hint))
        if cell.cell.kind != "code":
            meant = [s for s in cell.settings if s.key not in ("skip", "injected", "step-notebook")]
            faults = [d for d in cell.diagnostics if d.severity is Severity.ERROR]
            where = meant[0].place if meant else faults[0].place if faults else None
            if where:
                message = f"cell {cell.cell.index} is {cell.cell.kind}, not code: its tags have no effect"
                hint = "put the tag on the first code cell of the step"
                found.append(Diagnostic("NB206", Severity.WARNING, message, where, hint))
    return found


def _ignored(code: Sequence[CellSettings], split: str) -> Diagnostic:
    first = next(s for c in code for s in c.settings if s.key == "step")
    message = f"step tags are ignored because a split by {split} was asked for"
    return Diagnostic("NB242", Severity.INFO, message, first.place, "leave out --split to use the tags")


def _aliases(code: Sequence[CellSettings], kale: bool, stretches: Sequence[Stretch]) -> dict[str, list[str]]:
    """For each step of the ignored tags, the stretches that hold its cells: `after:` tags go on meaning them."""
    unheard: list[Diagnostic] = []
    tagged, _, bases = by_tags(code, sort_roles(code, unheard, steps=True), kale, unheard)
    holders = {i: s.name for s in stretches for i in s.cells}
    found: dict[str, list[str]] = {}
    for step in tagged:
        names = [holders[i] for i in step.cells if i in holders]
        for name in (step.name, bases[step.name]):
            found[name] = list(dict.fromkeys([*found.get(name, ()), *names]))
    return found


def _outside(draft: _Draft, inside: set[int]) -> list[Diagnostic]:
    """Settings on code cells that belong to no step."""
    found = []
    for cell in draft.cells:
        if cell.cell.kind != "code" or cell.cell.index in inside or cell.find("skip"):
            continue
        if cell.options:
            setting = cell.options[0]
            message = f"`{setting.key}` has no effect: cell {cell.cell.index} belongs to no step"
            hint = "put it on a cell of the step it is meant for"
            found.append(Diagnostic("NB207", Severity.WARNING, message, setting.place, hint))
    return found
