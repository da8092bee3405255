"""Step notebooks, the plan and the runtime, written into a folder that a person can open or a cluster can mount."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb2flow import plan
from nb2flow.app.analysis import Analysis
from nb2flow.app.compiling import compiled
from nb2flow.errors import PlanError
from nb2flow.plan.files import PLAN_FILE, RUNTIME_FOLDER
from nb2flow.runs.folders import disk_faults, replace_file
from nb2flow.runtime.bundle import runtime_files


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written: the folder, its files (relative, sorted) and how many steps there are."""

    folder: Path
    files: tuple[str, ...]
    steps: int


def convert(analysis: Analysis, folder: Path, *, scripts: bool = False, force: bool = False) -> Converted:
    """Write the pipeline of an analysed notebook into `folder`; the same notebook always gives the same bytes.

    A folder that holds anything else is refused without `force`; one that holds an earlier conversion is brought up to
    date, and its own stale step files go. `scripts` adds a `.py` beside each step notebook. Raises NotebookError when
    the notebook has errors, PlanError for a folder in use, EnvironmentFault when it cannot be written.
    """
    made = compiled(analysis)
    files = plan.converted_files(made, runtime_files())
    if scripts:
        files |= {name.removesuffix(".ipynb") + ".py": _script(nb) for name, nb in made.notebooks.items()}
    ours = _earlier(folder)
    if not force:
        _refuse_strangers(folder, ours)
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(ours - set(files)):
            (folder / name).unlink(missing_ok=True)
        if ours and (folder / RUNTIME_FOLDER).is_dir():
            shutil.rmtree(folder / RUNTIME_FOLDER)
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_file(folder / name, data)
    return Converted(folder, tuple(sorted(files)), len(made.plan.steps))


def _earlier(folder: Path) -> set[str]:
    """The files of an earlier conversion in `folder`, by its plan: step notebooks and their scripts."""
    try:
        old = plan.loads((folder / PLAN_FILE).read_bytes())
    except (OSError, PlanError):
        return set()
    notebooks = {s.notebook for s in old.steps if Path(s.notebook).name == s.notebook}
    return notebooks | {n.removesuffix(".ipynb") + ".py" for n in notebooks} | {PLAN_FILE}


def _refuse_strangers(folder: Path, ours: set[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise PlanError(f"{folder} is a file, not a folder", hint="name another folder with -o")
    kept = {RUNTIME_FOLDER, "artifacts", ".ipynb_checkpoints"}
    found = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    strange = [n for n in found if n not in ours and not (ours and n in kept)]
    if strange:
        shown = ", ".join(strange[:3]) + (", …" if len(strange) > 3 else "")
        raise PlanError(
            f"{folder} holds files that are not nb2flow's: {shown}",
            hint="name an empty or new folder with -o, or use --force to write beside them",
        )


def _script(document: dict[str, Any]) -> bytes:
    """The step notebook as a Python script, by nbconvert."""
    import nbconvert
    import nbformat

    exporter: Any = nbconvert.PythonExporter
    node: Any = nbformat.from_dict  # type: ignore[attr-defined,unused-ignore]
    text, _ = exporter(exclude_input_prompt=True).from_notebook_node(node(document))
    return f"{str(text).rstrip()}\n".encode()
