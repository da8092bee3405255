"""Results of finished steps, kept by content key so that unchanged work need not be done again.

A result is a JSON document beside a copy of the executed notebook; the artifacts themselves are blobs of the store.
This file reads, writes and copies; whether a result may be used is `engine.cache`'s matter.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from nb2flow.runs.folders import Home, disk_faults, replace_file
from nb2flow.runs.manifest import Manifest

RESULT_VERSION = 1
_KEY = re.compile(r"[0-9a-zA-Z]{8,128}")


class Depended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The world that a step depended on, each part with a text that changes when it does (`engine.world` says how).

    `seen` are files that it read (and local modules), `looked` those that it only looked for, `written` those that it
    wrote; paths are relative to the notebook's folder when below it. `variables` are of the environment; `place` is the
    folder it works in, if it asked.
    """

    seen: dict[str, str] = {}
    looked: dict[str, str] = {}
    written: dict[str, str] = {}
    variables: dict[str, str] = {}
    place: str = ""


class StepResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finished step.

    `executed` is the file of its notebook in the store, `size` its bytes, which the store finds out.
    `inputs` maps what it loaded to the digests of the blobs (`engine.cache` says how). `not_reusable` is empty, or says
    why the result serves only as the input of a step that is run alone.
    """

    key: str
    run_id: str
    step: str
    seconds: float
    manifest: msgspec.Raw
    executed: str
    size: int = 0
    inputs: dict[str, str] = {}
    world: Depended = Depended()
    not_reusable: str = ""
    version: int = RESULT_VERSION

    def read_manifest(self) -> Manifest:
        """The manifest's fields that we know; `manifest` itself is kept as the runtime wrote it."""
        return msgspec.json.decode(self.manifest, type=Manifest)


def documents_of(home: Home, key: str) -> list[Path]:
    """The files of the result with this key: its document and its executed notebook. None when there is no result."""
    document = home.results / f"{key}.json"
    try:
        result = msgspec.json.decode(document.read_bytes(), type=StepResult)
    except (OSError, msgspec.DecodeError):
        return []
    return [home.results / Path(result.executed).name, document]


class ResultStore:
    """The results in a `.nb2flow` folder."""

    def __init__(self, home: Home, holds: Callable[[frozenset[str], Path], bool]) -> None:
        """`holds` says whether artifacts are where this run's steps load them from (`StepBackend.holds`)."""
        self._home = home
        self._holds = holds

    def get(self, key: str) -> StepResult | None:
        """The latest result with this content key, if it can be read and all of its artifacts are there."""
        if not _KEY.fullmatch(key):
            return None
        try:
            result = msgspec.json.decode((self._home.results / f"{key}.json").read_bytes(), type=StepResult)
            manifest = result.read_manifest()
        except (OSError, msgspec.DecodeError):
            return None
        if result.version != RESULT_VERSION or not self._is_whole(result):
            return None
        return result if self.has_blobs(manifest) else None

    def has_blobs(self, manifest: Manifest) -> bool:
        """Whether all artifacts that the manifest names are where steps load them from."""
        return self._holds(manifest.blobs, self._home.path)

    def put(self, result: StepResult, executed: Path) -> None:
        """Keep a result and its executed notebook, in place of an older one. EnvironmentFault when it cannot be."""
        if not _KEY.fullmatch(result.key):
            raise ValueError(f"not a content key: {result.key!r}")
        older = self.get(result.key)
        with disk_faults(self._home.results):
            document = executed.read_bytes()
            result = msgspec.structs.replace(result, size=len(document))
            replace_file(self._executed(result), document)
            replace_file(self._home.results / f"{result.key}.json", msgspec.json.encode(result))
            if older is not None and older.executed != result.executed:
                self._executed(older).unlink(missing_ok=True)

    def drop(self, key: str) -> None:
        """Forget the result with this key: it came about in a way that makes it wrong."""
        if _KEY.fullmatch(key):
            (self._home.results / f"{key}.json").unlink(missing_ok=True)

    def take(self, result: StepResult, executed: Path, manifest: Path) -> bool:
        """Put copies of a result's notebook and manifest where a run keeps them; false when another run has just
        replaced it.

        A copy and not a link: Jupyter saves a notebook in place, and an edit must not reach into the store.
        """
        with disk_faults(executed):
            try:
                shutil.copyfile(self._executed(result), executed)
            except FileNotFoundError:
                return False
            replace_file(manifest, bytes(result.manifest))
            return True

    def _is_whole(self, result: StepResult) -> bool:
        try:
            return self._executed(result).stat().st_size == result.size
        except OSError:
            return False

    def _executed(self, result: StepResult) -> Path:
        return self._home.results / Path(result.executed).name
