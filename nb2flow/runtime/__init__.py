"""All that a step's kernel imports: what the first, the load and the save cell of a step notebook call.

This folder is copied under the name `nb2flow_runtime` onto the import path of kernels that have nothing of ours:
standard library only, Python 3.8 or newer, relative imports, no other room of nb2flow. A step calls `start`, replays
its set-up, calls `load`, runs the author's cells, calls `save`; when one of these fails, the engine calls `failed`.
Everything else here is reached through those four.
"""

from __future__ import annotations

from typing import Iterable, Mapping

from . import loading, observe, replaying, saving, session, shell
from .faults import CannotCarry, CannotLoad, StepError
from .session import VERSION

__all__ = ["VERSION", "CannotCarry", "CannotLoad", "StepError", "failed", "load", "save", "start"]


def start(step: str, home: str = "..", state: Iterable[str] = ()) -> None:
    """Begin a step: go to its working folder and restore the process state (cwd, environ, sys.path) that the steps in
    `state` left, in that order. `home` is relative to the folder that holds this package. Raises CannotLoad."""
    running = session.begin(step, home)
    try:
        loading.enter(running, state)
    except CannotLoad as fault:
        loading.fail(running, fault)
        raise fault from None
    replaying.begin()
    observe.begin_set_up()


def load(inputs: Mapping[str, Iterable[str]], number: int | None = None) -> None:
    """Load variables and resources, step by step, into the namespace of the notebook; the next cell is In[number].
    Raises CannotLoad, after writing the step's manifest."""
    shell.forget_alias()
    running = session.current()
    try:
        loading.load_inputs(running, inputs)
    except CannotLoad as fault:
        loading.fail(running, fault)
        raise fault from None
    if number is not None:
        shell.number_next_cell(number, keep_history=running.inputs is None)


def save(
    names: Iterable[str], each: Iterable[str] = (), metrics: Iterable[str] = (), artifacts: Iterable[str] = ()
) -> None:
    """Save variables and resources for later steps, and write the step's manifest. A variable that is not defined is
    saved as absent. Lists in `each` are saved by element, too. `metrics` are shown, `artifacts` are kept, for people:
    no step depends on them. Raises CannotCarry, after writing the manifest, when something cannot be handed on."""
    shell.forget_alias()
    saving.save_outputs(session.current(), names, each, metrics, artifacts)


def failed() -> None:
    """Say what the step was seen to do until a cell failed."""
    saving.tell_failure(session.current())
