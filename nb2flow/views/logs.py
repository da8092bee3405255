"""What steps printed, as lines for a terminal. Pure: takes executed notebooks as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nb2flow.views.notebook_html import role_of, text_of
from nb2flow.views.terminal import Terminal, colours_only, stripped


def printed(notebook: Mapping[str, Any], terminal: Terminal) -> str:
    """Everything that the cells of a step printed or showed, in order; pictures and pages by their kind."""
    cells = notebook.get("cells")
    parts = []
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, Mapping) or (role_of(cell) != "author" and not _has_error(cell)):
            continue
        parts += [_text(o) for o in cell.get("outputs") or [] if isinstance(o, Mapping)]
    clean = colours_only if terminal.color else stripped
    return clean("".join(p if p.endswith("\n") else p + "\n" for p in parts if p))


def _has_error(cell: Mapping[str, Any]) -> bool:
    return any(o.get("output_type") == "error" for o in cell.get("outputs") or [] if isinstance(o, Mapping))


def _text(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        lines = text_of(output.get("text")).split("\n")
        return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    if kind == "error":
        return "\n".join(map(str, output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]))
    data = output.get("data")
    if not isinstance(data, Mapping):
        return ""
    text = text_of(data.get("text/plain"))
    shown = next((m for m in data if m.startswith("image/")), None)
    return f"[{shown}] {text}".rstrip() if shown else text
