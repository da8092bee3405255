"""State of the process that cells share without naming it: random streams, working directory, environment, options.

A resource has an id. Its state is captured before and after the author's cells; what is handed on is a delta (for a
random stream the whole state), which later deltas are merged into, so that one delta says all that a later step needs.
No library is imported to capture; restoring imports what the delta is about.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from pathlib import Path
from typing import Any, Callable, NamedTuple

from . import settings
from .faults import CannotLoad

AT_START = ("process:cwd", "process:environ", "process:syspath")


class Resource(NamedTuple):
    """What to do with one kind of state. `capture(home)` gives None when there is nothing of it in this process;
    `delta(base, now, home)` gives None when nothing changed (base is None when there was nothing at first)."""

    capture: Callable[[Path], Any]
    delta: Callable[[Any, Any, Path], Any]
    merge: Callable[[Any, Any], Any]
    apply: Callable[[Any, Path], None]


def is_resource(name: str) -> bool:
    """Whether a name means a resource: ids hold a colon, which no variable does."""
    return ":" in name


def capture(home: Path) -> dict[str, Any]:
    """The present state of every resource that this process has."""
    states = {name: resource.capture(home) for name, resource in RESOURCES.items()}
    return {name: state for name, state in states.items() if state is not None}


def changed(base: dict[str, Any], now: dict[str, Any], home: Path) -> list[str]:
    """Ids of the resources whose state differs."""
    found = [n for n in RESOURCES if n in now and RESOURCES[n].delta(base.get(n), now[n], home) is not None]
    return [n for n in found if n != "process:config" or settings.is_changed(base.get(n), now[n])]


def at_start(home: Path) -> dict[str, Any]:
    """The state of what is restored before all else, as this process began with it."""
    states = {name: RESOURCES[name].capture(home) for name in AT_START}
    return {name: state for name, state in states.items() if state is not None}


def to_hand_on(
    name: str, restored: Any, first: dict[str, Any], base: dict[str, Any], now: dict[str, Any], home: Path
) -> Any:
    """What a later step needs of a resource: what was restored here, and what changed since. None for nothing.

    What is restored before all else a later step gets before it replays anything: so that is compared with what this
    process began with, and what was replayed here counts, too.
    """
    if name not in now:
        return None
    resource = RESOURCES[name]
    if name.startswith("rng:"):
        return now[name]
    if name in first:
        return resource.delta(first[name], now[name], home)
    own = resource.delta(base.get(name), now[name], home)
    if restored is None or own is None:
        return restored if own is None else own
    return resource.merge(restored, own)


def merge(name: str, older: Any, newer: Any) -> Any:
    """One delta for two that follow each other."""
    return newer if older is None else RESOURCES[name].merge(older, newer)


def apply(name: str, delta: Any, home: Path) -> None:
    """Bring the process into the state that a delta tells of."""
    RESOURCES[name].apply(delta, home)


def _newest(older: Any, newer: Any) -> Any:
    return newer


def _python_delta(base: Any, now: Any, home: Path) -> Any:
    return None if base == now else now


def _python_apply(state: Any, home: Path) -> None:
    random.setstate(state)


def _numpy_capture(home: Path) -> Any:
    module = sys.modules.get("numpy.random.mtrand")
    generator = getattr(module, "_rand", None)
    if generator is None:
        return None
    state = generator.get_state(legacy=False)
    return {"state": state, "fresh": _numpy_is_fresh(generator, state)}


def _numpy_is_fresh(generator: Any, state: Any) -> bool:
    """Whether the stream is as importing NumPy left it: seeded from the system, nothing drawn."""
    bits = getattr(generator, "_bit_generator", None)
    seed = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)
    return bool(seed is not None and state.get("has_gauss") == 0 and state["state"].get("pos") in (623, 624))


def _numpy_delta(base: Any, now: Any, home: Path) -> Any:
    if base is None:
        return None if now["fresh"] else now
    return None if _plain(base["state"]) == _plain(now["state"]) else now


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return state.tobytes() if hasattr(state, "tobytes") else state


def _numpy_apply(state: Any, home: Path) -> None:
    importlib.import_module("numpy").random.set_state(state["state"])


def _torch_capture(home: Path) -> Any:
    torch = sys.modules.get("torch")
    if not hasattr(torch, "get_rng_state"):
        return None
    cpu = torch.get_rng_state().numpy().tobytes()  # type: ignore[union-attr]
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[union-attr]
    return {"cpu": cpu, "cuda": [s.numpy().tobytes() for s in cuda], "fresh": _torch_is_fresh(torch, cpu)}


def _torch_is_fresh(torch: Any, cpu: bytes) -> bool:
    """Whether the stream is as importing torch left it: a seed of 64 random bits, nothing drawn."""
    seed = torch.initial_seed()
    unused = torch.Generator().manual_seed(seed).get_state().numpy().tobytes()
    return bool(seed >= 1 << 48 and cpu == unused)


def _torch_delta(base: Any, now: Any, home: Path) -> Any:
    if base is None:
        return None if now["fresh"] else now
    return None if base["cpu"] == now["cpu"] and base["cuda"] in ([], now["cuda"]) else now


def _torch_apply(state: Any, home: Path) -> None:
    torch = importlib.import_module("torch")

    def tensor(data: bytes) -> Any:
        return torch.frombuffer(bytearray(data), dtype=torch.uint8)

    torch.set_rng_state(tensor(state["cpu"]))
    if state["cuda"] and torch.cuda.device_count() >= len(state["cuda"]):
        torch.cuda.set_rng_state_all([tensor(data) for data in state["cuda"]])


def _portable(path: str, home: Path) -> list[str]:
    """A path as (anchor, rest), so that a project that lies elsewhere in a later step is still found."""
    try:
        return ["home", Path(path).relative_to(home).as_posix()]
    except ValueError:
        return ["", path]


def _local(path: list[str], home: Path) -> str:
    return str(home / path[1]) if path[0] == "home" else path[1]


def _cwd_capture(home: Path) -> Any:
    try:
        return _portable(str(Path.cwd()), home)
    except OSError:  # the notebook removed the folder that it stands in
        return None


def _cwd_delta(base: Any, now: Any, home: Path) -> Any:
    return None if base == now else now


def _cwd_apply(delta: Any, home: Path) -> None:
    folder = _local(delta, home)
    try:
        os.chdir(folder)
    except OSError as error:
        raise CannotLoad(
            f"the working directory {folder}, which an earlier step changed to, cannot be entered: {error.strerror}"
        ) from None


def _environ_delta(base: Any, now: Any, home: Path) -> Any:
    delta: dict[str, str | None] = {key: value for key, value in now.items() if base.get(key) != value}
    delta.update({key: None for key in base if key not in now})
    return delta or None


def _environ_apply(delta: Any, home: Path) -> None:
    for key, value in delta.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


def _syspath_delta(base: Any, now: Any, home: Path) -> Any:
    """A list of one change: the entries `removed`, those `added` in their place, and the entry that they come `after`
    (None at the front)."""
    if base == now:
        return None
    front = back = 0
    most = min(len(base), len(now))
    while front < most and base[front] == now[front]:
        front += 1
    while back < most - front and base[-1 - back] == now[-1 - back]:
        back += 1
    paths = [_portable(entry, home) if os.path.isabs(entry) else ["", entry] for entry in now]  # noqa: PTH117
    return [
        {
            "removed": base[front : len(base) - back],
            "added": paths[front : len(now) - back],
            "after": paths[front - 1] if front else None,
        }
    ]


def _syspath_apply(delta: Any, home: Path) -> None:
    for change in delta:
        added = [_local(path, home) for path in change["added"]]
        after = None if change["after"] is None else _local(change["after"], home)
        for entry in change["removed"]:
            if entry in sys.path:
                sys.path.remove(entry)
        place = 0 if after is None else sys.path.index(after) + 1 if after in sys.path else len(sys.path)
        if sys.path[place : place + len(added)] != added:
            sys.path[place:place] = added


def _appended(older: Any, newer: Any) -> Any:
    return [change for change in older if change not in newer] + newer


def _updated(older: Any, newer: Any) -> Any:
    return {**older, **newer}


RESOURCES: dict[str, Resource] = {
    "process:cwd": Resource(_cwd_capture, _cwd_delta, _newest, _cwd_apply),
    "process:environ": Resource(lambda home: dict(os.environ), _environ_delta, _updated, _environ_apply),
    "process:syspath": Resource(lambda home: list(sys.path), _syspath_delta, _appended, _syspath_apply),
    "process:config": Resource(settings.capture, settings.delta, settings.merge, settings.apply),
    "rng:python": Resource(lambda home: random.getstate(), _python_delta, _newest, _python_apply),
    "rng:numpy": Resource(_numpy_capture, _numpy_delta, _newest, _numpy_apply),
    "rng:torch": Resource(_torch_capture, _torch_delta, _newest, _torch_apply),
}
