"""Values that a run saved, brought into the process that asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from nb2flow.app import engines, history
from nb2flow.app.history import Found
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.runs.folders import Home
from nb2flow.runs.manifest import Manifest, Output
from nb2flow.runtime.blob import DamagedError, read_blob
from nb2flow.runtime.carrier import restore
from nb2flow.runtime.elements import put_together

_SHOWN = 10  # names in a message


def load(run: str, name: str, *, step: str = "", folder: Path | str = ".") -> Any:
    """What `name` was when `step` of `run` had ended (the last step that saved it, when no step is named).

    That is code of the run's own: load nothing from a run that you don't trust. UsageError when the run has not saved
    it, EnvironmentFault when it is neither here nor in the store of the run's profile, or cannot be made again in this
    process.
    """
    found = history.find(Path(folder), run)
    steps = [found.step(step)] if step else list(reversed(found.state.steps))
    saved: dict[str, Output] = {}
    for one in steps:
        made = _saved(found, one)
        if name in made:
            return _value(found, one, name, made[name])
        saved = {**made, **saved}
    names = [f"'{n}'" for n in saved if n.isidentifier()]
    told = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    where = f"step '{step}' of run" if step else "run"
    hint = f"it has saved {told or 'nothing'}; a tag `artifact:{name}` on the step that makes it has it kept"
    raise UsageError(f"{where} {found.state.run_id} has saved no '{name}'", hint=hint)


def _saved(found: Found, step: str) -> dict[str, Output]:
    try:
        manifest = msgspec.json.decode(found.folder.manifest(step).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return {}
    return {n: o for n, o in {**manifest.kept, **manifest.outputs}.items() if o.identity}


def _value(found: Found, step: str, name: str, output: Output) -> Any:
    if not output.gathers:
        return _restored(found, step, name, output.blob)
    return put_together(output.gathers, [_restored(found, step, name, part) for part in output.parts])


def _restored(found: Found, step: str, name: str, blob: str) -> Any:
    what = f"'{name}' of step '{step}' of run {found.state.run_id}"
    home = Home(found.settings.home)
    if not home.blob(blob).is_file():
        _fetch(found, blob, home, what)
    try:
        opened = read_blob(home.store, blob)
        values: dict[str, Any] = restore(opened.stream, opened.buffers)
    except OSError as error:
        raise EnvironmentFault(f"{what} cannot be read: {error.strerror}") from None
    except DamagedError as error:
        raise EnvironmentFault(f"{what} is damaged: {error}", hint="run the step again") from None
    except Exception as error:  # noqa: BLE001 - code of the notebook may raise anything
        hint = "it needs the libraries of the notebook, and what the notebook defines, in this process"
        reason = f"{type(error).__name__}: {error}"
        raise EnvironmentFault(f"{what} cannot be loaded here ({reason})", hint=hint) from None
    return values[name]


def _fetch(found: Found, blob: str, home: Home, what: str) -> None:
    """A run elsewhere left its values in the store of its profile."""
    state = found.state
    _, profile = engines.chosen(found.settings, state.engine, state.profile or None)
    if profile is None:
        raise EnvironmentFault(f"{what} is not on this machine any more", hint="run the notebook again")
    from nb2flow.executors.pods.profiled import store_of

    store_of(profile).get([blob], home.store)
