"""A run in two places: its folder and events here, and the same in the store.

Whoever drives a run sends, whoever looks at it from elsewhere fetches. Events lie in the store as objects that are only
ever added, named by their numbers; so a reader knows what is new, and a writer that tries again harms nothing. Files
are sent before the events that speak of them. Which file is which is decided by its name, here, on both sides: no name
in the store becomes a path unless it is one of ours. The run log itself is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nb2flow.executors.pods.store import Store
from nb2flow.pods.contract import RunPlace
from nb2flow.runs.events import AnyEvent, decode, encode
from nb2flow.runs.folders import Home, disk_faults, replace_file

_AT_ONCE = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\[\]-]{0,200}")  # an instance is called `count[3]`
_SEGMENT = re.compile(r"(\d{8})-(\d{6})\.jsonl")


class RunMirror:
    """The run `run_id` of the project whose folder is `home`, and its copy in `store`. `known` are the stamps of what
    is the same on both sides already, by name."""

    def __init__(self, store: Store, home: Home, run_id: str, known: Mapping[str, str] | None = None) -> None:
        folder = home.run(run_id)
        self._store = store
        self._place = RunPlace(run_id)
        self._single = {path.name: path for path in (folder.plan, folder.source, folder.refusal)}
        names = ("steps", "executed", "manifests", "logs")
        self._folders = {name: folder.path / name for name in names} | {"results": home.results}
        self._left_out = {path.name for path in _files(home.results)}
        self._sent: dict[str, tuple[int, int]] = {}
        self.known = dict(known or {})

    # ---- here to there ----

    def send_files(self) -> None:
        """Send all files that are new or other than when they were sent. StoreFault."""
        now = {name: (path, _stamp(path)) for name, path in self._here()}
        new = {name: path for name, (path, stamp) in now.items() if stamp and self._sent.get(name) != stamp}
        _side_by_side(lambda item: self._send(*item), new.items())
        for name in new:
            stamp = now[name][1]
            if stamp is not None:
                self._sent[name] = stamp

    def send_events(self, first: int, events: Sequence[AnyEvent]) -> None:
        """Add events, the first of which is number `first` (from 0) of the run. StoreFault."""
        if events:
            data = b"".join(encode(event) + b"\n" for event in events)
            self._store.write(self._place.segment(first, len(events)), data)

    def _send(self, name: str, path: Path) -> None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # a plan that was made anew has other steps
            return
        self._store.write(f"{self._place.files}/{name}", data)

    def _here(self) -> Iterator[tuple[str, Path]]:
        for name, path in self._single.items():
            if path.is_file():
                yield name, path
        for folder, place in self._folders.items():
            for path in _files(place):
                if folder != "results" or path.name not in self._left_out:
                    yield f"{folder}/{path.name}", path

    # ---- there to here ----

    def fetch_files(self) -> None:
        """Fetch all files that are new or other than when they were fetched. StoreFault, EnvironmentFault."""
        prefix = f"{self._place.files}/"
        there = {path.removeprefix(prefix): stamp for path, stamp in self._store.listing(self._place.files).items()}
        new = [
            (name, path) for name, stamp in there.items() if self.known.get(name) != stamp and (path := self._at(name))
        ]
        with disk_faults(next(iter(self._folders.values()))):
            # A result's document names its notebook, which must be there first.
            for last in (False, True):
                those = [(n, p) for n, p in new if (n.startswith("results/") and n.endswith(".json")) is last]
                _side_by_side(lambda item: self._fetch(*item), those)
        self.known = there

    def events(self, since: int) -> list[AnyEvent]:
        """The events from number `since` (from 0) on. StoreFault."""
        found: list[AnyEvent] = []
        for path in sorted(self._store.listing(self._place.events)):
            named = _SEGMENT.fullmatch(path.rpartition("/")[2])
            if named is None:
                continue
            first, count = int(named[1]), int(named[2])
            have = since + len(found)
            if first <= have < first + count:
                lines = (self._store.read(path) or b"").splitlines()
                found += [decode(line) for line in lines[have - first :]]
        return found

    def _fetch(self, name: str, path: Path) -> None:
        data = self._store.read(f"{self._place.files}/{name}")
        if data is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, data)
            stamp = _stamp(path)
            if stamp is not None:
                self._sent[name] = stamp  # it came from there

    def _at(self, name: str) -> Path | None:
        folder, slash, file = name.rpartition("/")
        if not slash:
            return self._single.get(name)
        place = self._folders.get(folder)
        return place / file if place is not None and _NAME.fullmatch(file) else None


def _files(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _side_by_side(do: Callable[[tuple[str, Path]], None], items: Iterable[tuple[str, Path]]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(do, items))
