"""A notebook while it is being edited: understood without a kernel, without a file, without running anybody's code.

Beside the analysis stands what an editor can offer: a change of tags that mends a problem, tags that headings suggest.
Nothing is written; changes are values for the editor to show and to apply.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nb2flow import config, flow, notebook
from nb2flow.app.analysis import Analysis, understand
from nb2flow.config import Settings
from nb2flow.errors import Diagnostic
from nb2flow.flow.model import Flow
from nb2flow.notebook.model import Layout, Notebook
from nb2flow.notebook.settings import cell_settings
from nb2flow.notebook.tags import read_tag

_MEANT = re.compile(r"did you mean '([^']+)'\?")
_recent: deque[tuple[int, Any, Flow]] = deque(maxlen=32)
_MOST_INTERPRETERS = 32  # of 200 cells each has some megabytes
_interpreters: OrderedDict[Path, flow.Interpreter] = OrderedDict()  # by notebook, that of the last edit at the end
_WITHOUT = ("NB206", "NB207", "NB209", "NB245")  # a tag that has no effect here


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags to put on a cell and to take from it."""

    cell_id: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that mends a problem; `title` says what it does."""

    title: str
    changes: tuple[TagChange, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Tags for steps that headings (or cells) make; `message` says why there are none."""

    layout: Layout
    changes: tuple[TagChange, ...]
    message: str = ""


def document_of(values: Mapping[str, Any], path: Path) -> Notebook:
    """The notebook of these JSON values, as it would be read from `path`. NotebookError when it is none."""
    return notebook.of_values(dict(values), path.stem, path.name)


def analyse_edited(document: Notebook, path: Path, *, split: str | None, settings: Settings | None = None) -> Analysis:
    """Analyse a notebook as it stands in an editor. Runs nothing, asks nobody."""
    return understand(
        path, document, split=split, settings=settings or config.find(path), ask=False, build=partial(_build, path)
    )


def _build(path: Path, document: Notebook, layout: Layout, **known: Any) -> Flow:
    """`flow.build`, or what it gave for the same: an editor asks again when a cell was run, an edit undone, a tab
    opened. All that the flow depends on is compared, so nothing can be out of date. What comes before the first cell
    that was edited is not interpreted again."""
    asked = (document, layout, known)
    code = hash(tuple((cell.source, cell.tags) for cell in document.cells))  # tells most apart at once
    for of_code, before, built in _recent:
        if of_code == code and before == asked:
            return built
    interpreter = _interpreters.setdefault(path, flow.Interpreter())
    _interpreters.move_to_end(path)
    if len(_interpreters) > _MOST_INTERPRETERS:
        _interpreters.popitem(last=False)[1].forget()
    built = flow.build(document, layout, interpreter=interpreter, **known)
    _recent.append((code, asked, built))
    return built


def fix_for(diagnostic: Diagnostic, document: Notebook) -> Fix | None:
    """The change of tags that mends a problem, where one surely does."""
    place = diagnostic.place
    if place.cell is None or place.text is None:
        return None
    cell = document.cells[place.cell]
    if place.text not in cell.tags:
        return None
    if diagnostic.code in _WITHOUT:
        return Fix(f"remove the tag {place.text}", (TagChange(cell.id, (), (place.text,)),))
    meant = _MEANT.search(diagnostic.hint)
    if meant is None or (read := read_tag(meant[1])).fault or not read.key or meant[1] == place.text:
        return None
    return Fix(f"write {meant[1]}", (TagChange(cell.id, (meant[1],), (place.text,)),))


def suggest(document: Notebook, split: str) -> Suggestion:
    """Step tags for the first cell of each section (or each cell); a cell's other tags are left as they are.

    Tags that name other steps, and the `nb2flow` metadata, are left out of account: these are the author's to change.
    """
    layout = notebook.lay_out(document, split)
    if layout.dialect not in ("headings", "cells"):
        return Suggestion(layout, (), "there are no two sections with code under headings")
    wanted = {step.cells[0]: f"step:{step.name}" for step in layout.steps}
    inside = {cell for step in layout.steps for cell in step.cells}
    changes = []
    for cell in document.code:
        tags = [t for t in cell.tags if read_tag(t).key in ("step", "continue")]
        tag = wanted.get(cell.index)
        add = (tag,) if tag and tag not in cell.tags else ()
        setup = cell.index in layout.setup and _below_a_step(cell.index, layout)
        if setup and not cell_settings(cell).find("setup"):
            add = (*add, "setup")
        remove = tuple(t for t in tags if t != tag) if cell.index in inside or setup else ()
        if add or remove:
            changes.append(TagChange(cell.id, add, remove))
    return Suggestion(layout, tuple(changes), "" if changes else "the tags are there already")


def _below_a_step(cell: int, layout: Layout) -> bool:
    """Whether an untagged cell here would be taken for a part of the step above it."""
    return any(step.cells[0] < cell for step in layout.steps)
