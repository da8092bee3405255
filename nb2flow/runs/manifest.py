"""What a step says about itself when it ends: the document that the runtime writes in the kernel, checked on entry.

Unknown fields are let pass (a newer runtime may say more), another version is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from nb2flow.errors import EnvironmentFault

MANIFEST_VERSION = 1


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One saved name: the digest of its blob, its type, size in bytes and a short preview; or it does not exist.

    `elements` are blobs of a list's elements, `undivided` says why it has none though a step runs for each of them.
    What instances collected lies in `parts`, one blob for each, and `gathers` says how it is put together.
    """

    blob: str = ""
    type: str = ""
    size: int = 0
    preview: str = ""
    absent: bool = False
    elements: tuple[str, ...] | None = None
    undivided: str = ""
    parts: tuple[str, ...] = ()
    gathers: str = ""

    @property
    def identity(self) -> str:
        """Equal when it is the same value, made in the same way; empty when there is none."""
        return self.blob or (f"{self.gathers}:{','.join(self.parts)}" if self.gathers else "")


class Warned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A warning that was shown: `who` is category, text, file and line; `text` what was written to standard error;
    `after` how many changes of the warnings filters the step's own code had made by then, `imports` how many modules
    had been loaded."""

    who: tuple[str, ...]
    text: str
    after: int = 0
    imports: int = 0


class SetUp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Files that replayed set-up read, and that it looked for: they matter to the result, and to no other step."""

    reads: tuple[str, ...] = ()
    looked: tuple[str, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the step's own cells did: resources they changed, files and folders they touched (relative to the
    notebook's folder when below it) or only looked for, local modules they imported, variables of the environment that
    they read, whether they asked for the working folder, other programs and the network used or not."""

    changed: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    looked: tuple[str, ...] = ()
    set_up: SetUp = SetUp()
    modules: tuple[str, ...] = ()
    environ: tuple[str, ...] = ()
    folder: bool = False
    subprocess: bool = False
    network: bool = False
    truncated: bool = False
    warned: tuple[Warned, ...] = ()
    filter_changes: int = 0
    filter_imports: tuple[tuple[str, int], ...] = ()


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name that could not be carried: `unpicklable`, `unloadable` or `missing-input`."""

    name: str
    kind: str = "unpicklable"
    type: str = ""
    error: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole document. `kept` are metrics (without a blob) and artifacts, which people asked for and no step loads.

    `files` and `removed` are said by a step that ran away from the notebook's folder: what it wrote below it (path ->
    blob; a folder's path ends in `/` and has none) and what it removed there.
    """

    version: int = MANIFEST_VERSION
    step: str = ""
    python: str = ""
    outputs: dict[str, Output] = {}
    kept: dict[str, Output] = {}
    observed: Observed = Observed()
    problems: tuple[Problem, ...] = ()
    files: dict[str, str] = {}
    removed: tuple[str, ...] = ()

    @property
    def blobs(self) -> frozenset[str]:
        """Digests of all blobs that the outputs, what is kept (and files that were written) lie in."""
        saved = {output.blob for output in (*self.outputs.values(), *self.kept.values()) if output.blob}
        for output in self.outputs.values():
            saved.update(output.elements or (), output.parts)
        return frozenset(saved | {blob for blob in self.files.values() if blob})

    @property
    def previews(self) -> dict[str, tuple[str, str]]:
        """Type and short preview of what was saved and what is kept, for people. A metric is told as one."""
        named = {**self.outputs, **self.kept}
        return {name: (output.type, output.preview) for name, output in named.items() if not output.absent}


def gathered(step: str, python: str, kinds: Mapping[str, str], parts: Sequence[Manifest]) -> Manifest:
    """The manifest of a step whose instances made `parts`, in the order of the list: each name in `kinds` is what all
    of them collected (a `list`, a `dict`). Nothing of it is opened. Warnings are told by the instances."""
    outputs = {
        name: Output(
            type=kind,
            size=sum(part.outputs[name].size for part in parts),
            preview=f"collected by {len(parts)} instances",
            parts=tuple(part.outputs[name].blob for part in parts),
            gathers=kind,
        )
        for name, kind in kinds.items()
    }
    return Manifest(step=step, python=python, outputs=outputs, observed=_all_seen([part.observed for part in parts]))


def _all_seen(seen: Sequence[Observed]) -> Observed:
    def all_of(told: Callable[[Observed], Iterable[str]]) -> tuple[str, ...]:
        return tuple(sorted({name for one in seen for name in told(one)}))

    return Observed(
        reads=all_of(lambda one: one.reads),
        writes=all_of(lambda one: one.writes),
        deleted=all_of(lambda one: one.deleted),
        looked=all_of(lambda one: one.looked),
        set_up=SetUp(reads=all_of(lambda one: one.set_up.reads), looked=all_of(lambda one: one.set_up.looked)),
        modules=all_of(lambda one: one.modules),
        environ=all_of(lambda one: one.environ),
        folder=any(one.folder for one in seen),
        subprocess=any(one.subprocess for one in seen),
        network=any(one.network for one in seen),
        truncated=any(one.truncated for one in seen),
    )


def encode(manifest: Manifest) -> bytes:
    """The document, as the runtime reads it."""
    document = {"problems": [], "version": manifest.version, **msgspec.to_builtins(manifest)}
    return msgspec.json.encode(document, order="deterministic")


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at `path`; None when there is none. EnvironmentFault when it is not one of this version."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise EnvironmentFault(f"{path} is not a manifest: {error}") from error
    if manifest.version != MANIFEST_VERSION:
        raise EnvironmentFault(f"{path} has version {manifest.version}; this nb2flow reads {MANIFEST_VERSION}")
    return manifest
