"""One attempt of a step in the cluster, as seen from here: what was told of it, and what lies in the store for it.

Reports go out in order and end with `Ended`, whichever thread brings the news: all of it happens under the attempt's
lock. Fetches from the store; asks nothing of the cluster.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import EndedDocument, Progress, TaskFolder
from nb2flow.runs.attempt import CellBegan, Ended, Noted, Report, StepTask
from nb2flow.runs.events import Failure
from nb2flow.runs.folders import replace_file

CANCELLED = Failure(kind="cancelled", message="stopped because the run was cancelled")


class Attempt:
    """The attempt. `place` is its folder in the store and `job` its Job's name, once it has one."""

    def __init__(
        self, task: StepTask, report: Callable[[Report], None], cancel: Callable[[Attempt, bool], None]
    ) -> None:
        self.task = task
        self.lock = threading.RLock()
        self.job = ""
        self.place = TaskFolder("")
        self.ended = False
        self.failure: Failure | None = None  # how it ended
        self.cancelling: float | None = None
        self.lost_jobs = 0
        self.began = time.monotonic()
        self.before_end: Callable[[], None] = lambda: None
        self._report = report
        self._cancel = cancel
        self._cell: CellBegan | None = None
        self._said: set[str] = set()
        self._stamps: dict[str, str] = {}
        self._trouble = ("", 0.0)

    def cancel(self, *, kill: bool = False) -> None:
        """Ask the cluster to stop it."""
        self._cancel(self, kill)

    def note(self, text: str) -> None:
        """Tell something worth telling, once."""
        with self.lock:
            if not self.ended and text not in self._said:
                self._said.add(text)
                self._report(Noted(text))

    def end(self, failure: Failure | None) -> None:
        """The attempt is over."""
        with self.lock:
            if not self.ended:
                self.ended, self.failure = True, failure
                self.before_end()  # whoever hears of the end may begin the next attempt at once
                self._report(Ended(failure))

    def has_waited(self, what: str, seconds: float) -> bool:
        """Whether `what` has been the trouble for that long, without a break."""
        kind, since = self._trouble
        if kind != what:
            self._trouble = (what, time.monotonic())
            return seconds <= 0
        return time.monotonic() - since >= seconds

    def no_trouble(self) -> None:
        """Nothing is wrong now."""
        self._trouble = ("", 0.0)

    # ---- what lies in the store ----

    def fetch_grown(self, store: Store, found: Mapping[str, str]) -> bool:
        """Take over what the pod has sent since the last look, of what was `found` in the store; returns whether it
        says that the step has ended. A store that does not answer is asked again later."""
        with contextlib.suppress(StoreFault):
            for path in (self.place.progress, self.place.executed):
                stamp = found.get(path)
                if stamp is not None and self._stamps.get(path) != stamp:
                    self._stamps[path] = stamp
                    data = store.read(path)
                    if data is not None:
                        self._take(path, data)
        return self.place.ended in found

    def finish(self, store: Store, counts: Callable[[EndedDocument], bool] = lambda said: True) -> bool:
        """Take over the results and end, if the step has said that it ended and that word `counts`: in the same place
        may lie the word of an earlier pod. StoreFault, OSError."""
        data = store.read(self.place.ended)
        if data is None:
            return False
        document = msgspec.json.decode(data, type=EndedDocument)
        if not counts(document):
            return False
        for path in (self.place.progress, self.place.executed):
            content = store.read(path)
            if content is not None:
                self._take(path, content)
        for path, target in ((self.place.manifest, self.task.manifest), (self.place.log, self.task.log)):
            content = store.read(path)
            if content is not None:
                replace_file(Path(target), content)
        self.end(document.failure)
        return True

    def fetch_last(self, store: Store) -> None:
        """The executed notebook as far as it came, of a step that did not say that it ended."""
        with contextlib.suppress(StoreFault, OSError):
            content = store.read(self.place.executed)
            if content is not None:
                self._take(self.place.executed, content)

    def _take(self, path: str, data: bytes) -> None:
        if path == self.place.executed:
            replace_file(Path(self.task.executed), data)
            return
        progress = msgspec.json.decode(data, type=Progress)
        with self.lock:
            for text in progress.notes:
                self.note(text)
            if progress.cell is not None and progress.cell != self._cell and not self.ended:
                self._cell = progress.cell
                self._report(progress.cell)
