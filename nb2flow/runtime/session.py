"""Which step this process runs, where its artifacts lie, and what it has restored so far.

An engine tells by a file named in NB2FLOW_CONTEXT; without it a person runs the step notebooks one by one, and
artifacts lie in `artifacts/` beside this package. Nothing here knows how artifacts are written. There is one session
for a process, and starting again (a person runs the first cell twice) begins a new one in the same place.
"""

from __future__ import annotations

import os
import sys
from json import loads  # kept, because a notebook may put its own in their place
from pathlib import Path
from typing import Any

from .faults import CannotLoad
from .uncarried import Watch

VERSION = 1
CONTEXT = "NB2FLOW_CONTEXT"
PACKAGE = Path(__file__).parent  # not resolved: it must equal the entry of sys.path that it was imported from


class Session:
    """The running step. `inputs` maps a step to the path of its manifest; `first` is the state that the process began
    with of what is restored before all else; `deltas` are the process resources restored so far, by resource id;
    `restored` are (step, resource id) pairs that need no restoring any more; `extra` is an entry of the import path for
    set-up and loading alone. `element` is set in an instance: the list it is an element of, where it lies, and what the
    step collects; `before` are then the variables that it began with. In `files_before`, if there is such a folder, the
    step keeps what files were before it changes them.
    """

    def __init__(self, step: str, home: Path, store: Path, manifest: Path, inputs: dict[str, Path] | None) -> None:
        self.step = step
        self.home = home
        self.store = store
        self.manifest = manifest
        self.inputs = inputs
        self.first: dict[str, Any] = {}
        self.deltas: dict[str, Any] = {}
        self.extra = ""
        self.restored: set[tuple[str, str]] = set()
        self.baseline: dict[str, Any] | None = None
        self.watch: Watch | None = None
        self.before: dict[str, Any] = {}
        self.element: dict[str, Any] | None = None
        self.files_before: str | None = None

    def manifest_of(self, step: str) -> Path:
        """Where the manifest of an earlier step is."""
        if self.inputs is None:
            return self.store / (step + ".json")
        if step not in self.inputs:
            raise CannotLoad(
                f"step '{self.step}' needs what step '{step}' saved, but the engine gave it no manifest of '{step}'"
            )
        return self.inputs[step]

    def how_to_make(self, step: str) -> str:
        """The advice for a manifest that is missing."""
        if self.inputs is not None:
            return f"run step '{step}' first"
        notebooks = sorted(p.name for p in PACKAGE.parent.glob("*.ipynb") if _is_notebook_of(p.stem, step))
        return "run {} first".format(notebooks[0] if notebooks else f"the notebook of step '{step}'")


class _Running:
    """The one place that holds the session of this process."""

    session: Session | None = None
    context: dict[str, Any] | None = None


def begin(step: str, home: str) -> Session:
    """A new session for `step`. `home` is relative to the folder that holds this package; an engine's home wins."""
    named = os.environ.pop(CONTEXT, None)
    if named is not None:
        _Running.context = _read_context(Path(named))
        _leave_import_path()
    context = _Running.context
    if context is None:
        store = PACKAGE.parent / "artifacts"
        folder = (PACKAGE.parent / home).resolve()
        _Running.session = Session(step, folder, store, store / (step + ".json"), None)
    else:
        inputs = {name: Path(path) for name, path in context["inputs"].items()}
        _Running.session = Session(
            step, Path(context["home"]), Path(context["store"]), Path(context["manifest"]), inputs
        )
        _Running.session.element = context.get("element")
        _Running.session.files_before = context.get("files_before")
        _Running.session.step = (context.get("element") or {}).get("step", step)
    return _Running.session


def current() -> Session:
    """The session that `start` began."""
    if _Running.session is None:
        raise CannotLoad("this step was not started: run the first cell of its notebook first")
    return _Running.session


def _read_context(path: Path) -> dict[str, Any]:
    try:
        context = loads(path.read_text(encoding="utf-8"))
        version = context["version"]
        missing = {"store", "manifest", "inputs", "home"} - set(context)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotLoad(f"the engine's context file {path} cannot be read: {error}") from None
    if version != VERSION or missing:
        raise CannotLoad(
            f"the engine's context file has version {version!r} (this runtime reads version {VERSION})"
            + (f" and lacks {', '.join(sorted(missing))}" if missing else "")
            + ": engine and runtime must come from one nb2flow"
        )
    result: dict[str, Any] = context
    return result


def _leave_import_path() -> None:
    """The engine put this package's folder on the import path; the notebook must not see that."""
    folder = str(PACKAGE.parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    paths = os.environ.get("PYTHONPATH")
    if paths is None:
        return
    kept = [entry for entry in paths.split(os.pathsep) if entry != folder]
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        del os.environ["PYTHONPATH"]


def _is_notebook_of(stem: str, step: str) -> bool:
    number, _, rest = stem.partition("-")
    return stem == step or (number.isdigit() and rest == step)
