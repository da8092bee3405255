"""Old notebooks in today's shape: versions 1 to 3 become version 4.0, and nothing is invented.

Pure conversion of plain JSON, tolerant of every missing or odd part, and without making up cell ids, so that an old and
a new version of one notebook can be matched by what is in them. It must not know about differences or warnings.
Facts about the formats: https://nbformat.readthedocs.io/en/latest/changelog.html and the format's own schemas.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_TEXT = {str}
_MIME_TYPES = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}


def upgrade_worksheets(value: dict[str, Any]) -> dict[str, Any]:
    """A notebook of version 1, 2 or 3 (cells in worksheets, or version 1's top-level cells) as version 4.0."""
    cells: list[Any] = []
    sheets = value.get("worksheets")
    if not isinstance(sheets, list):
        sheets = [value]
    for sheet in sheets:
        found = sheet.get("cells") if isinstance(sheet, dict) else None
        cells.extend(_cell(c) if isinstance(c, dict) else c for c in (found if isinstance(found, list) else []))
    metadata = value.get("metadata")
    kept = {k: v for k, v in metadata.items() if k not in ("name", "signature")} if isinstance(metadata, dict) else {}
    return {"cells": cells, "metadata": kept, "nbformat": 4, "nbformat_minor": 0}


def lines_joined(value: dict[str, Any]) -> dict[str, Any]:
    """A notebook of version 2 with its lines joined as that version's definition has it: by line ends, even where the
    lines kept theirs. People see no doubled lines in such a file; the reference library does."""
    sheets = value["worksheets"]
    return {**value, "worksheets": [_map(sheet, ("cells",), _cell_joined) for sheet in sheets]}


def _cell_joined(cell: Any) -> Any:
    return _texts_joined(_map(cell, ("outputs",), _texts_joined))


def _texts_joined(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = ("input", "source", "rendered", "text", "html", "svg", "latex", "javascript", "json")
    lists = {k: v for k, v in value.items() if k in names and isinstance(v, list)}
    return {**value, **{k: "\n".join(v) for k, v in lists.items() if all(isinstance(line, str) for line in v)}}


def _map(value: Any, keys: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: [change(x) for x in v] if k in keys and isinstance(v, list) else v for k, v in value.items()}


def _cell(old: dict[str, Any]) -> dict[str, Any]:
    kind = old.get("cell_type")
    metadata = old.get("metadata")
    new: dict[str, Any] = {"cell_type": kind, "metadata": dict(metadata) if isinstance(metadata, dict) else {}}
    if kind == "code":
        if "collapsed" in old:
            new["metadata"]["collapsed"] = old["collapsed"]
        new["execution_count"] = old.get("prompt_number")
        outputs = old.get("outputs")
        new["outputs"] = (
            [_output(o) if isinstance(o, dict) else o for o in outputs] if isinstance(outputs, list) else []
        )
        new["source"] = _join(old.get("input", old.get("code", "")))
        return new
    source = _join(old.get("source", old.get("text", "")))
    if kind == "heading":
        level = old.get("level", 1)
        hashes = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        source = f"{hashes} {' '.join(source.splitlines())}" if isinstance(source, str) else source
    if kind in ("heading", "html", "text"):
        new["cell_type"] = "markdown"
    new["source"] = source
    return new


def _output(old: dict[str, Any]) -> dict[str, Any]:
    kind = old.get("output_type")
    if kind == "stream":
        return {"output_type": kind, "name": old.get("stream", "stdout"), "text": _join(old.get("text", ""))}
    if kind == "pyerr":
        return {**old, "output_type": "error"}
    if kind not in ("pyout", "display_data"):
        return old
    metadata = old.get("metadata")
    known = {_MIME_TYPES.get(k, k): v for k, v in metadata.items()} if isinstance(metadata, dict) else {}
    new: dict[str, Any] = {"output_type": kind, "metadata": known, "data": {}}
    if kind == "pyout":
        new["output_type"], new["execution_count"] = "execute_result", old.get("prompt_number")
    for key, content in old.items():
        if key not in ("output_type", "prompt_number", "metadata"):
            mime = _MIME_TYPES.get(key, key)
            new["data"][mime] = _embedded_json(content) if mime == "application/json" else _join(content)
    return new


def _embedded_json(content: Any) -> Any:
    try:
        return json.loads(_join(content))
    except (TypeError, ValueError, RecursionError):
        return content


def _join(value: Any) -> Any:
    """Version 3 wrote lines with or without their ends; a list whose first line has no end lost them all."""
    if isinstance(value, list) and set(map(type, value)) <= _TEXT:
        return ("" if value and value[0].endswith(("\n", "\r")) else "\n").join(value)
    return value
