"""The beginning of a step: the process state that earlier steps left, then their variables, then the other resources.

The order is the point. cwd, environ and sys.path come before any import of the notebook is replayed; objects come after
the replayed definitions that they refer to; random streams and options come last, since loading objects may touch
them. Then the baseline is taken that `saving` compares with.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Iterable, Mapping

from . import blob, classes, elements, explain, imports, observe, replaying, resources, uncarried, warned
from .before import Before
from .carrier import restore, without_garbage_collection
from .faults import CannotLoad
from .manifest import missing_input, read_manifest, write_manifest
from .session import Session
from .shell import namespace


def enter(session: Session, state: Iterable[str]) -> None:
    """Go to the step's home and restore cwd, environ and sys.path as the steps in `state` left them, in that order."""
    try:
        os.chdir(session.home)
    except OSError as error:
        raise CannotLoad(f"the working folder {session.home} cannot be entered: {error.strerror}") from None
    session.first = resources.at_start(session.home)
    for step in state:
        outputs = _manifest(session, step)["outputs"]
        for name in resources.AT_START:
            _collect(session, step, name, outputs)
            session.restored.add((step, name))
    for name in resources.AT_START:
        if name in session.deltas:
            resources.apply(name, session.deltas[name], session.home)
    if "" in sys.path and "process:cwd" in session.deltas:  # modules that were imported before the notebook went there
        session.extra = str(session.home)
        sys.path.append(session.extra)


def load_inputs(session: Session, inputs: Mapping[str, Iterable[str]]) -> None:
    """Load variables into the user's namespace and restore resources; then observe."""
    observe.end_set_up()
    replaying.end()
    imports.end()
    warned.end()
    parts: list[_Part] = []
    restored: dict[str, None] = {}
    gathered: dict[str, str] = {}
    for step, names in inputs.items():
        wanted = list(dict.fromkeys(names))
        outputs = _of_element(session, step, _manifest(session, step)["outputs"])
        for name in wanted:
            _require(session, step, name, outputs)
            if resources.is_resource(name) and (step, name) not in session.restored:
                _collect(session, step, name, outputs)
                restored[name] = None
        variables = [name for name in wanted if classes.is_kept(name) or not resources.is_resource(name)]
        parts.extend(_parts(step, variables, outputs))
        gathered.update({name: outputs[name]["gathers"] for name in variables if "gathers" in outputs[name]})
    early = [name for name in restored if name in resources.AT_START]
    _apply(session, early)
    if _load_parts(session, parts, gathered):
        _make_figures_showable()
    if session.extra and session.extra in sys.path:
        sys.path.reverse()
        sys.path.remove(session.extra)
        sys.path.reverse()
    _apply(session, [name for name in restored if name not in early])
    if session.element is not None:
        session.before = elements.variables()
    session.baseline = resources.capture(session.home)
    own = observe.own_files(session.home, session.store)
    session.watch = watch = uncarried.Watch(own)
    imports.begin(session.baseline, session.home, lambda: _loaded(watch))
    warned.begin()
    observe.begin(Before(session.files_before, own) if session.files_before is not None else None)


def _loaded(watch: uncarried.Watch) -> None:
    watch.look()
    observe.modules_loaded()


def _of_element(session: Session, step: str, outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs of `step` as an instance sees them: of the list, its own element alone."""
    own = session.element
    if own is None or own["source"] != step:
        return outputs
    return dict(outputs, **{own["name"]: {"blob": own["blob"]}})


def _make_figures_showable() -> None:
    """Load matplotlib's backend when a figure came in: with it comes what shows a figure that ends a cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if hasattr(pyplot, "switch_backend"):
        pyplot.switch_backend(sys.modules["matplotlib"].get_backend())  # type: ignore[union-attr]


class _Part:
    """What is taken from one blob: `names` are bound, or made undefined when `blob` is None. With `place`, it is what
    the instance of that number collected."""

    def __init__(self, step: str, blob_name: str | None, names: list[str], place: int | None = None) -> None:
        self.step = step
        self.blob_name = blob_name
        self.names = names
        self.place = place


def _apply(session: Session, names: Iterable[str]) -> None:
    for name in names:
        if name in session.deltas:
            resources.apply(name, session.deltas[name], session.home)


def _collect(session: Session, step: str, name: str, outputs: dict[str, Any]) -> None:
    """Merge what `step` says about a resource into what is to be restored."""
    entry = outputs.get(name)
    if entry is not None and "absent" in entry and name in resources.AT_START:
        session.deltas.pop(name, None)  # as a process begins
    if entry is None or "blob" not in entry or name not in resources.RESOURCES:
        return
    opened = _open(session, step, entry["blob"], [name])
    delta = _restore(session, step, opened, [name])[name]
    older = None if name in resources.AT_START else session.deltas.get(name)  # these are told as a whole
    session.deltas[name] = resources.merge(name, older, delta)


def _require(session: Session, step: str, name: str, outputs: dict[str, Any]) -> None:
    if name not in outputs:
        error = f"step '{session.step}' needs '{name}', which step '{step}' did not save"
        raise CannotLoad(f"{error}: {session.how_to_make(step)}", [missing_input(name, error)])


def _parts(step: str, wanted: list[str], outputs: dict[str, Any]) -> list[_Part]:
    found: dict[tuple[int | None, str | None], _Part] = {}
    for name in wanted:
        if "gathers" in outputs[name]:
            for place, key in enumerate(outputs[name].get("parts", ())):
                found.setdefault((place, key), _Part(step, key, [], place)).names.append(name)
            continue
        key = outputs[name].get("blob")
        found.setdefault((None, key), _Part(step, key, [])).names.append(name)
    return list(found.values())


def _load_parts(session: Session, parts: list[_Part], gathered: Mapping[str, str]) -> bool:
    """Load each blob, those first that define names which others refer to; then put together what was `gathered`.
    Whether a figure of matplotlib's was among what was loaded, or in it."""
    names = namespace()
    figures = False
    collected: dict[str, dict[int, Any]] = {name: {} for name in gathered}
    waiting: list[tuple[_Part, blob.Blob]] = []
    for part in parts:
        if part.blob_name is None:
            for name in part.names:
                names.pop(classes.variable(name), None)
        else:
            waiting.append((part, _open(session, part.step, part.blob_name, part.names)))
    with without_garbage_collection():
        while waiting:
            part, opened = waiting.pop(_next(waiting))
            values = _restore(session, part.step, opened, part.names)
            figures = figures or ("matplotlib.figure" in sys.modules and _FIGURE in bytes(opened.stream))
            for name in part.names:
                if classes.is_kept(name):
                    values[name].put_in()
                elif part.place is None:
                    names[name] = values[name]
                else:
                    collected[name][part.place] = values[name]
    for name, found in collected.items():
        names[name] = elements.put_together(gathered[name], [found[place] for place in sorted(found)])
    return figures


_FIGURE = b"matplotlib.figure"  # the module, as a stream names it


def _next(waiting: list[tuple[_Part, blob.Blob]]) -> int:
    for index, (_, opened) in enumerate(waiting):
        needs = set(opened.header.get("needs", ()))
        if not any(needs & set(other.names) for i, (other, _) in enumerate(waiting) if i != index):
            return index
    return 0


def _manifest(session: Session, step: str) -> dict[str, Any]:
    try:
        return read_manifest(session, step)
    except CannotLoad as fault:
        raise CannotLoad(str(fault), fault.problems or [missing_input(step, str(fault))]) from None


def _open(session: Session, step: str, name: str, names: list[str]) -> blob.Blob:
    """A blob that must be there and whole."""
    subject = f"step '{session.step}' needs {_quoted(names)} of step '{step}'"
    try:
        return blob.read_blob(session.store, name)
    except FileNotFoundError:
        reason = f"{subject}, but its artifact {name[:12]} is no longer in {session.store}"
    except blob.DamagedError as error:
        reason = f"{subject}, but its artifact {name[:12]} is damaged ({error}) and was removed"
        with suppress(OSError):  # whoever finds it there would take it for whole
            blob.blob_path(session.store, name).unlink()
    except OSError as error:
        reason = f"{subject}, but its artifact {name[:12]} cannot be read: {error.strerror}"
    how = "run the notebook again or resume this run" if session.inputs is not None else session.how_to_make(step)
    fault = f"{reason}. To make it again, {how}."
    raise CannotLoad(fault, [missing_input(n, reason) for n in names])


def _restore(session: Session, step: str, opened: blob.Blob, names: list[str]) -> dict[str, Any]:
    subject = f"{_quoted(names)} of step '{step}'"
    try:
        values: dict[str, Any] = restore(opened.stream, opened.buffers)
        return {name: values[name] for name in names}
    except KeyError as error:
        missing = error.args[0] if error.args else "?"
        if missing in opened.header.get("needs", ()):
            reason = f"{subject} needs '{missing}', which this step does not define before it loads"
        else:
            reason = f"{subject} cannot be loaded (KeyError: {error})"
    except ModuleNotFoundError as error:
        reason = f"{subject} needs the module '{error.name}', which this kernel cannot import"
    except Exception as error:  # noqa: BLE001 - the author's own __setstate__ may raise anything
        reason = f"{subject} cannot be loaded here ({type(error).__name__}: {str(error)[:300]})"
    wrong = [{"name": n, "kind": "unloadable", "type": "", "error": reason} for n in names]
    raise CannotLoad(f"step '{session.step}' cannot begin: {reason}. {explain.HINT}", wrong)


def _quoted(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def fail(session: Session, fault: CannotLoad) -> None:
    """Write the manifest of a step that cannot begin."""
    write_manifest(session, problems=fault.problems or [missing_input("", str(fault))])
