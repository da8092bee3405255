"""The end of a step: its variables and resources become blobs, and the manifest says what they are.

Resources are captured before anything is pickled, since pickling runs the author's code. Whatever cannot be carried is
collected, written into the manifest and then raised as one exception: a step never hands on half of its outputs as if
they were all.
"""

from __future__ import annotations

from typing import Any, Iterable

from . import classes, elements, explain, groups, imports, observe, resources, warned
from .blob import write_blob
from .carrier import without_garbage_collection
from .faults import CannotCarry
from .manifest import PYTHON, write_manifest
from .preview import figure, preview, type_name
from .session import Session
from .shell import namespace


def save_outputs(
    session: Session,
    names: Iterable[str],
    each: Iterable[str] = (),
    metrics: Iterable[str] = (),
    artifacts: Iterable[str] = (),
) -> None:
    """Save variables and resources by name; raises CannotCarry after the manifest is written."""
    observe.pause()
    now = resources.capture(session.home)
    base = session.baseline if session.baseline is not None else now
    observed = observe.seen(session.home, session.store)
    observed.update(warned.end())
    observed["changed"] = resources.changed(imports.end() or base, now, session.home)
    observed["changed"] += session.watch.changed() if session.watch is not None else []
    wanted = list(dict.fromkeys(names))
    outputs: dict[str, Any] = {}
    problems: list[dict[str, str]] = []
    user = namespace()
    if session.element is not None:
        problems.extend(elements.not_gathered(session, {n: user[n] for n in wanted if n in user}))
    kept = classes.find(wanted)
    _save_variables(session, {**{n: user[n] for n in wanted if n in user}, **kept}, outputs, problems, set(each))
    for name in wanted:
        if classes.is_kept(name):
            if name not in kept:
                outputs[name] = {"absent": True}
        elif resources.is_resource(name):
            _save_resource(session, name, base, now, outputs, problems)
        elif name not in user:
            outputs[name] = {"absent": True}
    shown = {n: {"type": type_name(user[n]), "preview": figure(n, user[n])} for n in metrics if n in user}
    for name in artifacts:
        if outputs.get(name, {}).get("blob"):
            shown[name] = outputs[name]  # it is saved already
        elif name in user:
            shown.update(_keep(session, {name: user[name]}))
    write_manifest(session, outputs, observed, problems, shown)
    if problems:
        raise explain.cannot_carry(session.step, problems)


def tell_failure(session: Session) -> None:
    """Say what a step was seen to do until a cell of it failed: it may have run too early."""
    observe.pause()
    write_manifest(session, observed=observe.seen(session.home, session.store), failed=True)


def _keep(session: Session, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Objects that people want to have later. What cannot be saved is told, and no reason to fail: no step needs it."""
    outputs: dict[str, Any] = {}
    for name, value in values.items():
        problems: list[dict[str, str]] = []
        _save_variables(session, {name: value}, outputs, problems, set())
        for problem in problems:
            outputs[name] = {"type": type_name(value), "preview": "could not be kept: " + problem.get("error", "")}
    return outputs


def _save_variables(
    session: Session,
    values: dict[str, Any],
    outputs: dict[str, Any],
    problems: list[dict[str, str]],
    each: set[str],
) -> None:
    with without_garbage_collection():
        found, wrong = groups.pickle_groups(values)
    problems.extend(dict(problem, name=classes.variable(problem["name"])) for problem in wrong)
    for group in found:
        types = [type_name(values[name]) for name in group.names]
        blob, size = _write(session, group, types)
        for name, kind in zip(group.names, types):
            outputs[name] = {"blob": blob, "type": kind, "size": size, "preview": preview(name, values[name])}
        for name in each.intersection(group.names):
            made, why_not = elements.split(name, values[name], group.names)
            blobs = [_write(session, element, [type_name([])])[0] for element in made]
            outputs[name].update({"undivided": why_not} if why_not else {"elements": blobs})


def _save_resource(
    session: Session,
    name: str,
    base: dict[str, Any],
    now: dict[str, Any],
    outputs: dict[str, Any],
    problems: list[dict[str, str]],
) -> None:
    if name not in resources.RESOURCES:
        error = "this state of the process cannot be carried"
        problems.append({"name": name, "kind": "unpicklable", "type": "resource", "error": error})
        return
    delta = resources.to_hand_on(name, session.deltas.get(name), session.first, base, now, session.home)
    if delta is None:
        outputs[name] = {"absent": True}
        return
    found, wrong = groups.pickle_groups({name: delta})
    problems.extend(dict(problem, type="resource") for problem in wrong)
    for group in found:
        blob, size = _write(session, group, ["resource"])
        outputs[name] = {"blob": blob, "type": "resource", "size": size, "preview": _summary(name, delta)}


def _summary(name: str, delta: Any) -> str:
    """What a resource is about, without values that may be secret."""
    if name in ("process:environ", "process:config"):
        return preview("", sorted(delta))
    return "state of the random numbers" if name.startswith("rng:") else preview("", delta)


def _write(session: Session, group: groups.Group, types: list[str]) -> tuple[str, int]:
    header = {"names": group.names, "types": types, "python": PYTHON, "needs": group.needs}
    try:
        return write_blob(session.store, header, group.stream, group.buffers)
    except OSError as error:
        raise CannotCarry(
            f"step '{session.step}' cannot write {', '.join(group.names)} to {session.store}: {error.strerror}. "
            "Nothing was handed on; make room or choose another folder, and run the step again."
        ) from None
