"""Into a step of a run: a notebook with the step's cells whose first cell loads the step's inputs, for a live kernel.

It is the step's own notebook with another beginning: the runtime is found by its path, and a context of its own names
the inputs, so that nothing that happens there reaches the run. It works in any kernel that the step's would: nb2flow
need not be installed. Paths and values enter code as `repr` of texts and JSON values alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nb2flow import engine, notebook
from nb2flow.app.history import Found
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.notebook.names import unique
from nb2flow.plan.model import PlanStep
from nb2flow.runs.folders import Home, disk_faults, replace_file
from nb2flow.runtime.bundle import runtime_digest, runtime_files
from nb2flow.views.failure import headline, where

_MOST = 1000  # names that are tried for the file


def open_with_inputs(found: Found, step: str, folder: Path | None = None) -> Path:
    """Write the notebook that opens `step` with its inputs loaded; beside the source notebook unless `folder` is given.

    Nothing is overwritten. UsageError when the run has no such step, when the step is not Python's or when steps before
    it have not finished; EnvironmentFault when the file cannot be written or the step's notebook is gone.
    """
    planned = found.state.plan.step(found.step(step))
    if found.state.plan.language != "python":
        raise UsageError(f"step '{step}' is in {found.state.plan.language}: only Python's inputs can be loaded")
    missing = [s for s in dict.fromkeys((*planned.inputs, *planned.state)) if not found.folder.manifest(s).is_file()]
    if missing:
        raise UsageError(
            f"the inputs of step '{step}' are not there: {', '.join(missing)} has not finished in this run",
            hint=f"`nb2flow resume {found.state.run_id}` goes on with the run",
        )
    context = _context(found, planned)
    document = _read(found.folder.steps / Path(planned.notebook).name, found, step)
    cells = [c for c in document["cells"] if _role(c) not in ("header", "save")]
    opened = [_title(found, step), *_begun(cells, _boot(context, _runtime(found)), found, planned)]
    own = {"step": step, "run": found.state.run_id, "opened": "inputs"}
    value = {**document, "cells": opened, "metadata": {**document["metadata"], "nb2flow": own}}
    return _written(_target(found, folder), f"{found.state.plan.name}-{step}-inputs", value)


def copy_executed(found: Found, step: str, folder: Path | None = None) -> Path:
    """Write a copy of a step's executed notebook where a person may change it; nothing is overwritten."""
    found.executed(step)
    document = found.notebook(step)
    if document is None:
        raise EnvironmentFault(f"the executed notebook of step '{step}' cannot be read just now", hint="try again")
    return _written(_target(found, folder), f"{found.state.plan.name}-{step}-executed", document)


def _target(found: Found, folder: Path | None) -> Path:
    return folder if folder is not None else Path(found.state.notebook).parent


def _context(found: Found, planned: PlanStep) -> Path:
    """The context file of the opened step, with a manifest of its own: the run's is left as it is."""
    path = found.folder.opened(planned.name)
    value = {
        "version": 1,
        "store": str(found.settings.home / "store"),
        "manifest": str(path.with_suffix(".manifest.json")),
        "inputs": {s: str(found.folder.manifest(s)) for s in dict.fromkeys((*planned.inputs, *planned.state))},
        "home": str(Path(found.state.notebook).parent),
    }
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(value).encode())
    return path


def _runtime(found: Found) -> Path:
    """The folder that holds the runtime, laid out anew if it is gone."""
    home = Home(found.settings.home)
    with disk_faults(home.path):
        home.create()
        return engine.lay_out_runtime(home, runtime_digest(), runtime_files())


def _read(path: Path, found: Found, step: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EnvironmentFault(
            f"the notebook of step '{step}' of {found.state.run_id} is missing or damaged: {path}",
            hint="run the notebook again",
        ) from error
    return dict(value)


def _role(cell: Mapping[str, Any]) -> str:
    own = cell.get("metadata", {}).get("nb2flow")
    return str(own.get("role", "")) if isinstance(own, dict) else ""


def _boot(context: Path, runtime: Path) -> str:
    """Lines that leave no name behind: the step's own code shall see what it sees in a run."""
    return (
        f"__import__('sys').path.insert(0, {str(runtime)!r})\n"
        f"__import__('os').environ['NB2FLOW_CONTEXT'] = {str(context)!r}\n"
    )


def _begun(cells: list[dict[str, Any]], boot: str, found: Found, planned: PlanStep) -> list[dict[str, Any]]:
    """The cells with the runtime found before it is imported, and the run's parameters below their defaults."""
    given = {n: v for n, v in found.state.parameters.items() if n in planned.parameters and n.isidentifier()}
    result: list[dict[str, Any]] = []
    for cell in cells:
        if _role(cell) == "start":
            source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            first, _, rest = source.partition("\n")
            cell = {**cell, "source": f"{first}\n{boot}{rest}"}
        result.append(cell)
        if _role(cell) == "parameters" and given:
            lines = [f"{name} = {_literal(value)}" for name, value in given.items()]
            taken = {str(c.get("id")) for c in cells}
            result.append(_code(unique("nb2flow-given", taken), "\n".join(["# the parameters of this run", *lines])))
    return result


def _literal(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _code(cell_id: str, source: str) -> dict[str, Any]:
    metadata = {"nb2flow": {"role": "given"}, "tags": ["injected-parameters"]}
    made = {"cell_type": "code", "execution_count": None, "id": cell_id, "metadata": metadata}
    return {**made, "outputs": [], "source": source}


def _title(found: Found, step: str) -> dict[str, Any]:
    state = found.state.steps[step]
    told = [f"# Step {step} of run {found.state.run_id}", ""]
    if state.failure is not None:
        place = where(state.failure).replace("[", "(").replace("]", ")")
        told += [f"It failed{' at ' + place if place else ''}:", "", *_quoted(headline(state.failure)), ""]
    told.append("Run the cells down to the one that loads: then the inputs are here, and nothing here reaches the run.")
    metadata = {"nb2flow": {"role": "header"}}
    return {"cell_type": "markdown", "id": "nb2flow-opened", "metadata": metadata, "source": "\n".join(told)}


def _quoted(text: str) -> list[str]:
    """Text of anybody's as an indented block, where Markdown and HTML mean nothing."""
    return [f"    {line}" for line in text.splitlines()]


def _written(folder: Path, stem: str, document: Mapping[str, Any]) -> Path:
    """Write the document into a file of its own. UsageError when the folder is gone."""
    if not folder.is_dir():
        raise UsageError(f"the folder of the notebook is gone: {folder}", hint="name another one")
    data = notebook.writes(document)
    for number in range(1, _MOST):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}.ipynb"
        with disk_faults(path):
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError:
                continue
            except OSError:
                path.unlink(missing_ok=True)
                raise
        return path
    raise UsageError(f"{folder} holds too many notebooks called {stem}", hint="delete some")
