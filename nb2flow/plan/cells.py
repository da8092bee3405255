"""One step notebook: the flow's step and the author's cells to an nbformat 4.5 document.

Pure. The document must run by itself in JupyterLab and under stock papermill, and be pleasant to read. Values enter
code only as `repr` of strings, lists and dicts whose items were checked to be names, so that nothing in a notebook can
become code that its author did not write. Every injected cell says what it is in its metadata (`nb2flow.role`), for the
engine to translate failures into places that the author knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nb2flow.errors import PlanError
from nb2flow.flow.model import Flow, Replay, Step
from nb2flow.notebook.model import Cell, Notebook
from nb2flow.notebook.names import unique
from nb2flow.plan.words import header

INJECTED_TAG = "nb2flow-injected"
_RUN_METADATA = ("papermill", "execution", "ExecuteTime")
_TAGS_OF_TOOLS = (INJECTED_TAG, "injected-parameters", "papermill-error-cell-tag", "parameters")
_RESOURCE = re.compile(r"[a-z][a-z0-9_]*(:[A-Za-z0-9_.-]+)?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WIDTH = 100
_IMPORT = "import nb2flow_runtime as _nb2flow\n"


def step_notebook(
    flow: Flow, notebook: Notebook, step: Step, inputs: Mapping[str, Sequence[str]], number: int, home: str
) -> dict[str, Any]:
    """The step's notebook. `number` is the execution count of its first author cell; `home` is the notebook's folder
    relative to the step notebooks. Raises PlanError when a name is no name."""
    _check_names(step, inputs)
    author = _author_cells(notebook, step)
    taken = {cell["id"] for cell in author}
    parts = list(_before(flow, notebook, step, inputs, home))
    after = list(_around(inputs, number, step, split_names(flow, step)))
    cells = [_with_id(c, taken) for c in parts] + [_with_id(after[0], taken)] + author + [_with_id(after[1], taken)]
    return _document(flow, notebook, step.name, cells)


def whole_notebook(flow: Flow, notebook: Notebook, step: Step) -> dict[str, Any]:
    """The step notebook of a language that we cannot take apart: all cells of the step and the text between, as is."""
    kept = {*step.cells, flow.parameters_cell}
    cells = []
    for cell in notebook.cells:
        if cell.kind == "code" and cell.index in kept:
            role = "parameters" if cell.index == flow.parameters_cell else "author"
            cells.append(_code_cell(cell, role))
        elif cell.kind == "markdown":
            cells.append(_text_cell(cell))
    return _document(flow, notebook, step.name, cells)


def wants_parameters(flow: Flow, step: Step) -> bool:
    """Whether the step notebook has the parameters cell."""
    if flow.parameters_cell is None or flow.parameters_cell in step.cells:  # run as one of the author's own
        return False
    if flow.language != "python":  # what it reads is not known
        return True
    return bool(step.parameters) or any(r.kind == "parameters" for r in step.replay)


def split_names(flow: Flow, step: Step) -> tuple[str, ...]:
    """The lists made by this step for whose elements another one runs: they are saved by element, too."""
    return tuple(sorted({s.each.name for s in flow.steps if s.each is not None and s.each.source == step.name}))


def replayed(step: Step) -> tuple[Replay, ...]:
    """The statements that the replay cells hold: the parameters have a cell of their own."""
    return tuple(r for r in step.replay if r.kind != "parameters")


def _check_names(step: Step, inputs: Mapping[str, Sequence[str]]) -> None:
    for name in (step.name, *inputs, *step.state):
        if not _LABEL.fullmatch(name):
            raise PlanError(f"{name!r} is not the name of a step")
    for name in (*step.outputs, *(n for names in inputs.values() for n in names)):
        if not name.isidentifier() and not _RESOURCE.fullmatch(name):
            raise PlanError(f"step {step.name!r}: {name!r} is neither a variable nor a resource")


def _before(
    flow: Flow, notebook: Notebook, step: Step, inputs: Mapping[str, Sequence[str]], home: str
) -> Iterator[dict[str, Any]]:
    source = header(step, f"{flow.notebook}.ipynb", inputs)
    metadata = {"nb2flow": {"role": "header"}, "tags": [INJECTED_TAG]}
    yield {"cell_type": "markdown", "id": "nb2flow-header", "metadata": metadata, "source": source}
    place = next((i for i, r in enumerate(step.replay) if r.kind == "parameters"), 0)
    parameters: list[dict[str, Any]] = []
    if wants_parameters(flow, step) and flow.parameters_cell is not None:
        parameters = [_code_cell(notebook.cells[flow.parameters_cell], "parameters")]
    if not place:  # where a reader (and papermill) looks for them, unless they use what is replayed
        yield from parameters
    arguments = f"{step.name!r}, home={home!r}"
    if step.state:
        arguments += f", state={list(step.state)!r}"
    told = "takes over the folder, environment and import path" if step.state else "begins the step"
    yield _injected("start", f"# nb2flow: {told}\n{_IMPORT}_nb2flow.start({arguments})")
    for group in _replay_groups(step.replay[:place]):
        yield _replay_cell(group)
    if place:
        yield from parameters
    for group in _replay_groups(tuple(r for r in step.replay[place:] if r.kind != "parameters")):
        yield _replay_cell(group)


def _around(
    inputs: Mapping[str, Sequence[str]], number: int, step: Step, splits: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    told = "loads what earlier steps made" if inputs else "nothing to load from earlier steps"
    wanted = _laid_out({source: list(names) for source, names in inputs.items()})
    call = f"_nb2flow.load({wanted}, number={number})"
    yield _injected("load", f"# nb2flow: {told}; the author's cells follow\n{_IMPORT}{call}")
    told = "saves what later steps need" if step.outputs else "nothing to save for later steps; the step is done"
    names = repr(list(step.outputs))
    if len(names) > _WIDTH:
        names = "[\n" + "".join(f"    {name!r},\n" for name in step.outputs) + "]"
    more = {"each": splits, "metrics": step.options.metrics, "artifacts": step.options.artifacts}
    words = "".join(f", {word}={list(given)!r}" for word, given in more.items() if given)
    yield _injected("save", f"# nb2flow: {told}\n{_IMPORT}_nb2flow.save({names}{words})")


def _laid_out(wanted: dict[str, list[str]]) -> str:
    line = repr(wanted)
    if len(line) <= _WIDTH:
        return line
    return "{\n" + "".join(f"    {source!r}: {names!r},\n" for source, names in wanted.items()) + "}"


def _replay_groups(replays: Sequence[Replay]) -> Iterator[list[Replay]]:
    """Statements that may share a cell: `%%` magics and `from __future__` must stand at the top of one."""
    group: list[Replay] = []
    for replay in replays:
        first = replay.source.lstrip()
        magic = first.startswith("%%")
        if group and (magic or re.match(r"from\s+__future__\s+import\b", first)):
            yield group
            group = []
        group.append(replay)
        if magic:
            yield group
            group = []
    if group:
        yield group


def _replay_cell(group: Sequence[Replay]) -> dict[str, Any]:
    lines: list[str] = []
    places: list[dict[str, Any]] = []
    marked = not group[0].source.lstrip().startswith("%%")  # such a magic must stand in the first line
    cell, shift = None, 0  # the next line of the cell that we write is line `len(lines) + 1 + shift` of this one
    for replay in group:
        source = replay.source.strip("\n").split("\n")
        moved = replay.kind == "definition" and replay.line != len(lines) + 1 + shift
        if marked and (replay.cell != cell or moved):
            lines += [""] if lines and replay.cell != cell else []
            lines.append(f"# from cell {replay.cell}, line {replay.line}")
            cell, shift = replay.cell, replay.line - len(lines) - 1
        place = {"cell": replay.cell, "id": replay.cell_id, "line": replay.line}
        places.append({"first": len(lines) + 1, "last": len(lines) + len(source), **place})
        lines += source
    made = _injected("replay", "\n".join(lines))
    made["metadata"]["nb2flow"]["lines"] = places
    return made


def _injected(role: str, source: str) -> dict[str, Any]:
    metadata = {"nb2flow": {"role": role}, "tags": [INJECTED_TAG]}
    return _code(f"nb2flow-{role}", metadata, source)


def _code(cell_id: str, metadata: Mapping[str, Any], source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": cell_id,
        "metadata": dict(metadata),
        "outputs": [],
        "source": source,
    }


def _with_id(cell: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    cell["id"] = unique(cell["id"], taken)
    taken.add(cell["id"])
    return cell


def _code_cell(cell: Cell, role: str) -> dict[str, Any]:
    """An author's cell, with its id, metadata and tags, without outputs."""
    metadata = {k: v for k, v in cell.metadata.items() if k not in _RUN_METADATA}
    own = metadata.get("nb2flow")
    place = {"role": role, "cell": cell.index, "id": cell.id}
    metadata["nb2flow"] = {**own, **place} if isinstance(own, dict) else place
    tags = [t for t in cell.tags if t not in _TAGS_OF_TOOLS]
    if role == "parameters":
        tags.insert(0, "parameters")
    metadata.pop("tags", None)
    if tags:
        metadata["tags"] = tags
    return _code(cell.id, metadata, cell.source)


def _text_cell(cell: Cell) -> dict[str, Any]:
    made = {"cell_type": "markdown", "id": cell.id, "metadata": dict(cell.metadata), "source": cell.source}
    if cell.attachments:
        made["attachments"] = dict(cell.attachments)
    return made


def _author_cells(notebook: Notebook, step: Step) -> list[dict[str, Any]]:
    """The step's code cells, each with the text directly above it; the notebook's closing text goes with its last."""
    wanted = set(step.cells)
    cells: list[dict[str, Any]] = []
    texts: list[Cell] = []
    last = None
    for cell in notebook.cells:
        if cell.kind == "markdown":
            texts.append(cell)
        elif cell.kind == "code":
            last = cell.index
            if cell.index in wanted:
                cells += [_text_cell(text) for text in texts]
                cells.append(_code_cell(cell, "author"))
            texts = []
    if last in wanted:
        cells += [_text_cell(text) for text in texts]
    return cells


def _document(flow: Flow, notebook: Notebook, step: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    spec, info = notebook.metadata.get("kernelspec"), notebook.metadata.get("language_info")
    kernel = dict(spec) if isinstance(spec, dict) and spec.get("name") == flow.kernel else {"name": flow.kernel}
    kernel.setdefault("display_name", flow.kernel)
    kernel["language"] = flow.language
    language = dict(info) if isinstance(info, dict) and isinstance(info.get("name"), str) else {"name": flow.language}
    own = {"step": step, "notebook": f"{flow.notebook}.ipynb"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": language, "nb2flow": own},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
