"""What one cell asks for: its tags and its `nb2flow` metadata, read into the same settings.

Knows one cell at a time. Metadata wins over tags because the form in JupyterLab writes it; where they differ the cell's
author is told. What the settings of several cells make together is for `layout`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.notebook.model import Cell
from nb2flow.notebook.names import nearest
from nb2flow.notebook.tags import MANY, ROLES, Fault, Reading, read_tag, read_value

METADATA_KEY = "nb2flow"
_OWN_ENTRIES = ("role", "cell", "id", "lines")  # written by nb2flow itself
_FLAGS = ("parameters", "setup", "skip", "gather")
_ENTRIES: Mapping[str, str] = {
    **{k: k for k in ("step", "after", "gpu", "cpu", "memory", "disk", "image", "node", "retries", "timeout")},
    **{k: k for k in ("cache", "env", "secret", "each", "metric", "artifact")},
    "secrets": "secret",
    "metrics": "metric",
    "artifacts": "artifact",
    "annotations": "annotation",
    "labels": "label",
}
_PAIRS: Mapping[str, str] = {"env": "=", "node": "=", "annotation": ":", "label": ":"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a cell asks for: a word of the tag language and its typed value."""

    key: str
    value: Any
    place: Place
    origin: Literal["tag", "metadata"] = "tag"
    kale: bool = False

    @property
    def many(self) -> bool:
        """Whether a step may have several of these."""
        return self.key in MANY


@dataclass(frozen=True, slots=True)
class CellSettings:
    """All that a cell's tags and metadata say. Where both say a thing, metadata has won already."""

    cell: Cell
    settings: tuple[Setting, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def find(self, key: str) -> Setting | None:
        """The first setting with this key."""
        return next((s for s in self.settings if s.key == key), None)

    @property
    def options(self) -> tuple[Setting, ...]:
        """The settings that are neither a step's name nor a role of the cell."""
        return tuple(s for s in self.settings if s.key == "gather" or s.key not in (*ROLES, "step"))

    @property
    def has_code(self) -> bool:
        """Whether the cell holds more than blank lines and comments."""
        return self.cell.kind == "code" and has_code(self.cell.source)


def has_code(source: str) -> bool:
    """Whether `source` holds more than blank lines and comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in source.splitlines())


def cell_settings(cell: Cell) -> CellSettings:
    """Reads the cell's tags and its `nb2flow` metadata."""
    diagnostics: list[Diagnostic] = []
    from_tags = [s for tag in cell.tags for s in _from_tag(cell, tag, diagnostics)]
    from_metadata = list(_from_metadata(cell, diagnostics))
    settings = _won_by_metadata(cell, from_tags, from_metadata, diagnostics)
    return CellSettings(cell, tuple(settings), tuple(diagnostics))


def notebook_defaults(metadata: Mapping[str, Any], diagnostics: list[Diagnostic]) -> tuple[tuple[Setting, ...], Any]:
    """The settings for every step, and the split, that the notebook's own `nb2flow` metadata asks for.

    Kale's notebook metadata serves too: its image and its defaults for steps.
    """
    own = metadata.get(METADATA_KEY)
    entries = dict(own) if isinstance(own, dict) else {}
    split = entries.pop("split", None)
    for key in ("step", "after", *_FLAGS):
        entries.pop(key, None)
    settings = [s for k, v in entries.items() for s in _entry(k, v, Place(), diagnostics)]
    kale = metadata.get("kubeflow_notebook")
    if isinstance(kale, dict):
        image, steps = kale.get("docker_image"), kale.get("steps_defaults")
        tags = [f"image:{image}"] if isinstance(image, str) and image else []
        tags += [t for t in steps if isinstance(t, str)] if isinstance(steps, list) else []
        readings = (read_tag(t) for t in tags)
        settings = [Setting(r.key, r.value, Place()) for r in readings if r.key and not r.fault] + settings
    return tuple(settings), split


def _from_tag(cell: Cell, tag: str, diagnostics: list[Diagnostic]) -> Iterator[Setting]:
    reading = read_tag(tag)
    if reading.fault:
        diagnostics.append(_diagnostic(reading.fault, _place(cell, tag, reading.fault.start, reading.fault.end)))
    if reading.key:
        place = _place(cell, tag, reading.start, reading.end)
        yield Setting(reading.key, reading.value, place, kale=reading.kale)


def _from_metadata(cell: Cell, diagnostics: list[Diagnostic]) -> Iterator[Setting]:
    entries = cell.metadata.get(METADATA_KEY)
    if entries is None:
        return
    place = Place(cell=cell.index, cell_id=cell.id)
    if not isinstance(entries, dict):
        message = f"the `{METADATA_KEY}` metadata of cell {cell.index} is not a mapping"
        diagnostics.append(Diagnostic("NB227", Severity.ERROR, message, place, 'write {"step": "load"} or the like'))
        return
    for key, value in entries.items():
        yield from _entry(key, value, place, diagnostics)


def _entry(key: str, value: Any, place: Place, diagnostics: list[Diagnostic]) -> Iterator[Setting]:
    """The settings of one entry of the metadata mapping."""
    text = f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, default=str)}"[:200]
    start = len(json.dumps(key)) + 2
    where = Place(place.cell, place.cell_id, None, start, max(len(text), start + 1), text)
    if key in _OWN_ENTRIES or value is None:
        return
    if key in _FLAGS:
        if isinstance(value, bool):
            if value:
                yield Setting(key, True, where, "metadata")
        else:
            diagnostics.append(Diagnostic("NB227", Severity.ERROR, f"`{key}` is true or false", where, f"{key}: true"))
        return
    if key not in _ENTRIES:
        near = nearest(key, (*_ENTRIES, *_FLAGS))
        hint = f"did you mean {near!r}?" if near else "remove it; known entries are " + ", ".join((*_ENTRIES, *_FLAGS))
        key_place = Place(place.cell, place.cell_id, None, 0, start - 2, text)
        severity = Severity.ERROR if near else Severity.WARNING
        diagnostics.append(Diagnostic("NB227", severity, f"`nb2flow` metadata has no entry {key!r}", key_place, hint))
        return
    for item in _items(_ENTRIES[key], value):
        reading = read_value(_ENTRIES[key], item) if item is not None else _not_a_value(key)
        if reading.fault:
            diagnostics.append(_diagnostic(reading.fault, where))
        if reading.key and reading.key != "continue":
            yield Setting(reading.key, reading.value, where, "metadata")


def _items(word: str, value: Any) -> list[str | None]:
    """The entry's value as the texts that tags would have; None for a value of a wrong kind."""
    if isinstance(value, dict):
        if word == "gpu" and set(value) == {"resource", "count"}:
            return [f"{value['resource']}:{value['count']}"]
        if word in _PAIRS:
            return [f"{k}{_PAIRS[word]}{_scalar(v)}" if _scalar(v) is not None else None for k, v in value.items()]
        return [None]
    if isinstance(value, list):
        return [_scalar(v) for v in value] if word in MANY else [None]
    return [_scalar(value)]


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _not_a_value(key: str) -> Reading:
    message = f"the value of `{key}` has a kind that cannot be used"
    return Reading(fault=Fault("NB227", Severity.ERROR, message, "see the tag reference for what it takes", 0, 1))


def _won_by_metadata(
    cell: Cell, from_tags: list[Setting], from_metadata: list[Setting], diagnostics: list[Diagnostic]
) -> list[Setting]:
    kept = list(from_metadata)
    for setting in from_tags:
        twins = [s for s in from_metadata if _same_subject(s, setting)]
        if not twins:
            kept.append(setting)
        elif all(t.value != setting.value for t in twins):
            message = f"cell {cell.index} has another `{setting.key}` in its metadata than in its tags; metadata wins"
            hint = "remove the tag, or the metadata entry"
            diagnostics.append(Diagnostic("NB209", Severity.WARNING, message, setting.place, hint))
    return kept


def _same_subject(a: Setting, b: Setting) -> bool:
    """Whether two settings speak of the same thing, so that only one can hold."""
    if a.key != b.key:
        return False
    if a.key in _PAIRS:
        return bool(a.value[0] == b.value[0])
    return a.value == b.value if a.many else True


def _place(cell: Cell, tag: str, start: int, end: int) -> Place:
    return Place(cell.index, cell.id, None, start, end, tag)


def _diagnostic(fault: Fault, place: Place) -> Diagnostic:
    return Diagnostic(fault.code, fault.severity, fault.message, place, fault.hint)
