"""Notebooks without what should not be committed: outputs, counts, editors' metadata, as one chooses.

Bytes in, bytes out, in the layout that the file had (indentation, order, escapes, last line end), and the same bytes
when there is nothing to strip. Tags and `nb2flow` metadata always stay, because a pipeline is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nb2flow.diff import noise
from nb2flow.diff.document import parse
from nb2flow.diff.form import form_of, writes

PARTS: Mapping[str, str] = {
    "outputs": "outputs of code cells (all but those of cells tagged keep_output)",
    "counts": "execution counts",
    "noise": "metadata that editors write: view state, execution times, Colab, VS Code, papermill",
    "widgets": "the state of widgets",
    "kernel": "the kernel's name and version",
    "ids": "cell ids",
}
USUAL = ("outputs", "counts", "noise", "widgets")

_KEPT = frozenset({"tags", "nb2flow"})
_KERNEL = frozenset({"kernelspec", "language_info"})


def clean(data: bytes, parts: frozenset[str], name: str) -> bytes:
    """The notebook without the chosen parts (names of `PARTS`). Raises `NotebookError` for what is no JSON."""
    notebook = parse(data, name)
    if not isinstance(notebook, dict):
        return data
    stripped = strip(notebook, parts)
    if stripped == notebook:
        return data
    return writes(stripped, form_of(data))


def strip(notebook: dict[str, Any], parts: frozenset[str]) -> dict[str, Any]:
    """The same on parsed JSON; the given object is left alone."""
    new = dict(notebook)
    metadata = new.get("metadata")
    if isinstance(metadata, dict):
        new["metadata"] = {k: v for k, v in metadata.items() if not _goes(k, parts, noise.NOTEBOOK_KEYS)}
    for holder in ("cells", "worksheets"):
        if isinstance(new.get(holder), list):
            new[holder] = [_strip_any(item, parts) for item in new[holder]]
    return new


def _strip_any(item: Any, parts: frozenset[str]) -> Any:
    if not isinstance(item, dict):
        return item
    if isinstance(item.get("cells"), list):  # a worksheet of version 3
        return {**item, "cells": [_strip_any(cell, parts) for cell in item["cells"]]}
    return _strip_cell(item, parts)


def _strip_cell(cell: dict[str, Any], parts: frozenset[str]) -> dict[str, Any]:
    new = dict(cell)
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    keep = isinstance(tags, list) and ("keep_output" in tags or "keep-output" in tags)
    if isinstance(metadata, dict):
        new["metadata"] = {k: v for k, v in metadata.items() if not _goes(k, parts, noise.CELL_KEYS)}
    if "ids" in parts:
        new.pop("id", None)
    if cell.get("cell_type") == "code":
        if "outputs" in parts and not keep and cell.get("outputs"):
            new["outputs"] = []
        for key in ("execution_count", "prompt_number"):
            if "counts" in parts and new.get(key) is not None:
                new[key] = None
        if "counts" in parts and isinstance(new.get("outputs"), list):
            new["outputs"] = [_without_count(output) for output in new["outputs"]]
    return new


def _without_count(output: Any) -> Any:
    if isinstance(output, dict) and output.get("execution_count") is not None:
        return {**output, "execution_count": None}
    return output


def _goes(key: str, parts: frozenset[str], known: Mapping[str, str]) -> bool:
    if key in _KEPT or key not in known:
        return False
    if key in _KERNEL:
        return "kernel" in parts
    if key == "widgets":
        return "widgets" in parts
    return "noise" in parts
