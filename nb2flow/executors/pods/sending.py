"""What a pod sends back while its step runs and when it ends, in an order in which whoever looks is never misled.

Growing things are sent when they changed and not more often than useful. At the end artifacts go first, then what
names them, and that the step ended goes last.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import msgspec
import orjson

from nb2flow.executors.pods import inside_pod
from nb2flow.executors.pods.inside_pod import Here
from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import EndedDocument, Progress, TaskFolder, encode
from nb2flow.runs.attempt import CellBegan, Noted, Report
from nb2flow.runs.events import Failure
from nb2flow.runs.manifest import MANIFEST_VERSION, Manifest
from nb2flow.runtime.blob import blob_path, hash_file

PROGRESS_EVERY = 0.5  # seconds at least
NOTEBOOK_EVERY = 2.0
_SHARE_FOR_SENDING = 0.1  # of the time at most, in the long run


class Sender:
    """Sends what belongs into `folder`."""

    def __init__(self, store: Store, folder: TaskFolder) -> None:
        self._store = store
        self._folder = folder
        self._progress = Progress(pod=platform.node())
        self._sent = self._progress
        self._executed: Path | None = None
        self._held: Path | None = None
        self._stamp = 0
        self._next_progress = 0.0
        self._next_notebook = 0.0

    def succeeded_before(self) -> bool:
        """Whether an earlier pod of the same task did all of it and was lost before its end was known."""
        data = self._store.read(self._folder.ended)
        return data is not None and msgspec.json.decode(data, type=EndedDocument).failure is None

    def forget_earlier(self) -> None:
        """Remove the results of an earlier pod of the same task: from here on there is only this one."""
        for path in (self._folder.ended, self._folder.manifest):
            self._store.remove(path)

    def watch(self, executed: Path) -> None:
        """The executed notebook grows at this path."""
        self._executed = executed

    def watch_held(self, held: Path) -> None:
        """At this path will be how to reach the kernel, once it is kept."""
        self._held = held

    def hear(self, report: Report) -> None:
        """Take note of a report; it is sent with the next look."""
        ticks = self._progress.ticks + 1
        if isinstance(report, CellBegan):
            self._progress = msgspec.structs.replace(self._progress, cell=report, ticks=ticks)
        elif isinstance(report, Noted):
            notes = (*self._progress.notes, report.text)
            self._progress = msgspec.structs.replace(self._progress, notes=notes, ticks=ticks)

    def send_grown(self, *, last: bool = False) -> None:
        """Send what has changed, if it is time. A store that cannot be reached just now is tried later."""
        began = time.monotonic()
        try:
            if self._progress != self._sent and (last or began >= self._next_progress):
                self._store.write(self._folder.progress, encode(self._progress))
                self._sent = self._progress
                self._next_progress = _next(began, PROGRESS_EVERY)
            self._send_held()
            if last or began >= self._next_notebook:
                self._send_notebook()
                self._next_notebook = _next(began, NOTEBOOK_EVERY)
        except StoreFault:
            if last:
                raise
            self._next_progress = self._next_notebook = time.monotonic() + 5.0

    def finish(
        self, here: Here, before: dict[str, tuple[int, int, int]], failure: Failure | None, seconds: float
    ) -> None:
        """Send the results and, last, how the step ended."""
        manifest = self._complete_manifest(Path(here.task.manifest), here, before)
        wanted = msgspec.json.decode(manifest, type=Manifest).blobs
        self._store.put({blob: path for blob in wanted if (path := blob_path(here.store, blob)).is_file()})
        self.send_grown(last=True)
        log = Path(here.task.log)
        if log.is_file() and log.stat().st_size:
            self._store.write(self._folder.log, log.read_bytes()[-1_000_000:])
        self._store.write(self._folder.manifest, manifest)
        self.tell_end(failure, seconds)

    def tell_end(self, failure: Failure | None, seconds: float) -> None:
        """Say that the step is over."""
        self.send_grown(last=True)
        document = EndedDocument(pod=self._progress.pod, failure=failure, seconds=seconds)
        self._store.write(self._folder.ended, encode(document))

    def _send_held(self) -> None:
        if self._held is not None and self._held.is_file():
            self._store.write(self._folder.executed, self._executed.read_bytes() if self._executed else b"")
            self._store.write(self._folder.held, self._held.read_bytes())
            self._held = None

    def _send_notebook(self) -> None:
        if self._executed is None or not self._executed.is_file():
            return
        stamp = self._executed.stat().st_mtime_ns
        if stamp != self._stamp:
            self._store.write(self._folder.executed, self._executed.read_bytes())
            self._stamp = stamp

    def _complete_manifest(self, path: Path, here: Here, before: dict[str, tuple[int, int, int]]) -> bytes:
        """The step's manifest as the runtime wrote it, and what the step did to its folder."""
        after = inside_pod.tree(here.home)
        new = [name for name, look in after.items() if before.get(name) != look]
        files: dict[str, str] = {}
        for name in new:
            if name.endswith("/"):
                files[name] = ""
                continue
            digest = hash_file(here.home / name)
            self._store.put({digest: here.home / name})
            files[name] = digest
        removed = sorted(name for name in before if name not in after and not name.endswith("/"))
        document = {"version": MANIFEST_VERSION, "step": here.task.step}
        if path.is_file():
            document = orjson.loads(path.read_bytes())
        document |= {"files": files} if files else {}
        document |= {"removed": removed} if removed else {}
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


def _next(began: float, every: float) -> float:
    now = time.monotonic()
    return now + max(every, (now - began) / _SHARE_FOR_SENDING)
