"""The event log of all runs: one SQLite database in WAL mode, so that others can read while a run writes.

Events are only ever added, many in one transaction, or all those of a run deleted. The database knows their order
and their run; what they mean is `runs.state`'s matter. Any process may append (that is how `cancel` reaches a run in
another terminal). One object belongs to one thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.runs.events import AnyEvent, RunCreated, RunFinished, RunStarted, decode, encode
from nb2flow.runs.folders import Home
from nb2flow.runs.lock import is_driven
from nb2flow.runs.state import RunState, RunStatus, fold

SCHEMA_VERSION = 1
_PATIENCE = 10.0  # seconds to wait for others who write
_DAMAGED = (
    "the file is damaged: remove it, and those beside it called runs.db-wal and runs.db-shm; "
    "the history is lost then, results of steps are kept"
)
_HINTS = {
    "SQLITE_FULL": "make room on the disk; what was finished is kept",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_run ON events (run_id, kind);
"""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line about a run. `created_at` is Unix time, `seconds` the time it took (None: it has not ended)."""

    run_id: str
    notebook: str
    created_at: float
    status: RunStatus
    seconds: float | None


class RunStore:
    """The runs kept in `folder` (a `.nb2flow` folder). Nothing is made on disk before the first event."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def create(self, event: RunCreated) -> None:
        """Begin the log of a new run. UsageError when there is one of this id already."""
        self.home.create()
        with self._writing() as connection:
            if connection.execute("SELECT 1 FROM events WHERE run_id = ? LIMIT 1", (event.run_id,)).fetchone():
                raise UsageError(f"there is a run called {event.run_id} already")
            _insert(connection, event.run_id, [event])

    def append(self, run_id: str, events: Sequence[AnyEvent]) -> None:
        """Add events to a run, all or none. EnvironmentFault when the disk will not have them."""
        if events:
            with self._writing() as connection:
                _insert(connection, run_id, events)

    def events(self, run_id: str, since: int = 0) -> list[tuple[int, AnyEvent]]:
        """The events of a run with numbers above `since`, in order, each with its number."""
        query = "SELECT number, body FROM events WHERE run_id = ? AND number > ? ORDER BY number"
        rows = self._rows(query, run_id, since)
        return [(number, decode(body)) for number, body in rows]

    def changes(self) -> int:
        """A number that is another one when some other connection has written since; cheap to ask."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def heads(self) -> dict[str, tuple[int, int]]:
        """For each run the numbers of its first and its last event, the oldest run first."""
        rows = self._rows("SELECT run_id, MIN(number), MAX(number) FROM events GROUP BY run_id ORDER BY 2")
        return {run_id: (first, last) for run_id, first, last in rows}

    def ids(self) -> set[str]:
        """The ids of all runs."""
        return {row[0] for row in self._rows("SELECT DISTINCT run_id FROM events")}

    def last_number(self) -> int:
        """The number of the last event of all."""
        return int(self._rows("SELECT COALESCE(MAX(number), 0) FROM events")[0][0])

    def active_since(self, number: int) -> set[str]:
        """The ids of runs that have events with numbers above this one."""
        return {row[0] for row in self._rows("SELECT DISTINCT run_id FROM events WHERE number > ?", number)}

    def notebook(self, run_id: str) -> str:
        """The path of the notebook that was run; empty when there is no such run."""
        query = "SELECT body FROM events WHERE run_id = ? AND kind = 'run-created' LIMIT 1"
        created = [decode(row[0]) for row in self._rows(query, run_id)]
        return "".join(event.notebook for event in created if isinstance(event, RunCreated))

    def delete(self, run_id: str) -> None:
        """Take all events of a run out of the log."""
        with self._writing() as connection:
            connection.execute("DELETE FROM events WHERE run_id = ?", (run_id,))

    def runs(self) -> list[RunSummary]:
        """All runs, the newest first."""
        kinds = "('run-created', 'run-started', 'run-finished')"
        rows = self._rows(f"SELECT run_id, body FROM events WHERE kind IN {kinds} ORDER BY number")  # noqa: S608
        summaries: dict[str, RunSummary] = {}
        for run_id, body in rows:
            event = decode(body)
            if isinstance(event, RunCreated):
                summaries[run_id] = RunSummary(run_id, event.notebook, event.at, "created", None)
            elif isinstance(event, RunStarted):
                summaries[run_id] = replace(summaries[run_id], status="running", seconds=None)
            elif isinstance(event, RunFinished):
                status: RunStatus = event.status  # type: ignore[assignment]
                summaries[run_id] = replace(summaries[run_id], status=status, seconds=event.seconds)
        newest_first = sorted(summaries.values(), key=lambda s: s.created_at, reverse=True)
        return [replace(s, status=self._as_it_is(s.run_id, s.status)) for s in newest_first]

    def find(self, name: str) -> str:
        """The id of the run that `name` means: an id, the beginning of just one, or `last`. UsageError otherwise."""
        ids = [row[0] for row in self._rows("SELECT run_id FROM events WHERE kind = 'run-created' ORDER BY number")]
        if not ids:
            raise UsageError("there are no runs here yet", hint="`nb2flow run NOTEBOOK` makes one")
        if name == "last":
            return str(ids[-1])
        matches = [i for i in ids if i == name] or [i for i in ids if i.startswith(name) and name]
        if len(matches) == 1:
            return str(matches[0])
        if matches:
            raise UsageError(f"'{name}' may mean {', '.join(matches[-5:])}", hint="give more of the run's id")
        raise UsageError(f"there is no run called '{name}'", hint="`nb2flow runs` lists them; `last` is the newest")

    def state(self, run_id: str) -> RunState:
        """Where the run stands. A run that says it is running though nobody drives it was interrupted."""
        events = [event for _, event in self.events(run_id)]
        if not events:
            raise UsageError(f"there is no run called '{run_id}'", hint="`nb2flow runs` lists them")
        state = fold(events)
        return replace(state, status=self._as_it_is(run_id, state.status))

    def _as_it_is(self, run_id: str, status: RunStatus) -> RunStatus:
        if status in ("created", "running") and not is_driven(self.home.run(run_id)):
            return "interrupted"
        return status

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        if self._connection is None and not self.home.database.exists():
            return [(0,)] if query.startswith("PRAGMA") else []
        with self._faults():
            return self._open().execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._faults():
            connection = self._open()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self.home.database, timeout=_PATIENCE, isolation_level=None)
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                connection.close()
                raise EnvironmentFault(
                    f"{self.home.database} was written by a newer version of nb2flow (its format is {version})",
                    hint="use that version here, or another folder (NB2FLOW_HOME)",
                )
            if version < SCHEMA_VERSION:
                _begin(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._connection = connection
        return self._connection

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = _HINTS.get(getattr(error, "sqlite_errorname", ""), "is the folder writable, with room on its disk?")
            raise EnvironmentFault(f"cannot use the run log {self.home.database}: {error}", hint=hint) from error


def _begin(connection: sqlite3.Connection) -> None:
    """Make a new database what it is to be. Others may be doing the same: SQLite does not wait for them by itself when
    the journal is changed, whatever the connection's timeout."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _insert(connection: sqlite3.Connection, run_id: str, events: Iterable[AnyEvent]) -> None:
    rows = [(run_id, event.__struct_config__.tag, encode(event)) for event in events]
    connection.executemany("INSERT INTO events (run_id, kind, body) VALUES (?, ?, ?)", rows)
