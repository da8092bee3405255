"""The two shapes of a notebook's JSON: with joined texts, as programs hold it, and with lists of lines, as files do.

Pure conversions, made to agree with what the reference library does when it reads and writes version 4, so that edit
scripts computed here fit what other tools hold in memory. Nothing is copied that need not be.
Source: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

from typing import Any

_SPLIT_MIMES = ("application/javascript", "image/svg+xml")
_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")


def is_json(mime: str) -> bool:
    """Whether a MIME type's content is JSON itself, never lines of text."""
    return mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json"))


def join_notebook(notebook: dict[str, Any]) -> dict[str, Any]:
    """A whole notebook with joined texts and without what must not be stored."""
    joined = dict(notebook)
    if isinstance(joined.get("metadata"), dict):
        joined["metadata"] = join_metadata(joined["metadata"])
    if isinstance(joined.get("cells"), list):
        joined["cells"] = [join_cell(cell) for cell in joined["cells"]]
    return joined


def join_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """The notebook's metadata without what must not be stored."""
    return {k: v for k, v in metadata.items() if k not in _TRANSIENT}


def join_cell(cell: Any) -> Any:
    """One cell with joined texts."""
    if not isinstance(cell, dict):
        return cell
    kind = cell.get("cell_type")
    return {key: join_member(key, value, kind) for key, value in cell.items()}


def join_member(key: str, value: Any, kind: Any) -> Any:
    """One member of a cell of some type, with joined texts."""
    if isinstance(value, list):
        if key == "source":
            return _join(value)
        if key == "outputs" and kind == "code":
            return [_map_output(output, False) for output in value]
    elif isinstance(value, dict):
        if key == "metadata" and "trusted" in value:
            return {k: v for k, v in value.items() if k != "trusted"}
        if key == "attachments":
            return {name: _map_bundle(bundle, False) for name, bundle in value.items()}
    return value


def split_cell(cell: Any) -> Any:
    """One cell with its texts as lists of lines."""
    if not isinstance(cell, dict):
        return cell
    new = dict(cell)
    if isinstance(new.get("source"), str):
        new["source"] = new["source"].splitlines(True)
    attachments = new.get("attachments")
    if isinstance(attachments, dict):
        new["attachments"] = {name: _map_bundle(bundle, True) for name, bundle in attachments.items()}
    if isinstance(new.get("outputs"), list):
        new["outputs"] = [_map_output(output, True) for output in new["outputs"]]
    return new


def _map_output(output: Any, split: bool) -> Any:
    if not isinstance(output, dict):
        return output
    if output.get("output_type") in ("execute_result", "display_data"):
        return {**output, "data": _map_bundle(output["data"], split)} if "data" in output else output
    text = output.get("text")
    if split and isinstance(text, str):
        return {**output, "text": text.splitlines(True)}
    if not split and output.get("output_type") and isinstance(text, list):
        return {**output, "text": _join(text)}
    return output


def _map_bundle(bundle: Any, split: bool) -> Any:
    if not isinstance(bundle, dict):
        return bundle
    return {mime: _split_value(mime, v) if split else _join_value(mime, v) for mime, v in bundle.items()}


def _join_value(mime: str, value: Any) -> Any:
    if isinstance(value, list) and not is_json(mime):
        return _join(value)
    return value


def _split_value(mime: str, value: Any) -> Any:
    if isinstance(value, str) and (mime.startswith("text/") or mime in _SPLIT_MIMES):
        return value.splitlines(True)
    return value


def _join(lines: list[Any]) -> Any:
    try:
        return "".join(lines)
    except TypeError:  # not all of them are strings
        return lines
