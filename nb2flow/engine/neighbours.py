"""Other runs of the same notebook that go on at the same time: files have no copy for each run, as variables do."""

from __future__ import annotations

from pathlib import Path

from nb2flow.runs.lock import is_held
from nb2flow.runs.store import RunStore


class Neighbours:
    """The other runs in a store, seen from one of them."""

    def __init__(self, store: RunStore, run_id: str, notebook: Path) -> None:
        self._store = store
        self._run_id = run_id
        self._notebook = str(notebook)
        self._notebooks: dict[str, str] = {}
        self._first = 0
        self._silent: set[str] | None = None

    def begin(self) -> None:
        """Runs that say something from now on are here at the same time."""
        self._first = self._store.last_number()

    def now(self) -> list[str]:
        """Runs of the same notebook that have gone on since `begin`, or still do."""
        if self._silent is None:  # those that were there before: who comes later, or ends, says so in the store
            self._silent = {i for i in self._store.ids() if self._is_driven(i)}
        ids = self._store.active_since(self._first) | self._silent
        return sorted(i for i in ids - {self._run_id} if self._notebook_of(i) == self._notebook)

    def _is_driven(self, run_id: str) -> bool:
        return is_held(self._store.home.run(run_id).lock)

    def _notebook_of(self, run_id: str) -> str:
        if run_id not in self._notebooks:
            self._notebooks[run_id] = self._store.notebook(run_id)
        return self._notebooks[run_id]
