"""A notebook as plain text, for tools that know lines only: `git log -p`, `git blame`, `grep`.

Stable and readable: one rule a cell, its source, its outputs in brief; no ids, no counts, no editors' metadata, and
images by a digest, so that lines differ only where a reader would say that something changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nb2flow.diff import noise
from nb2flow.diff.document import Cell, Document, joined, metadata_of
from nb2flow.diff.edits import digest
from nb2flow.diff.images import decode, measure
from nb2flow.diff.outputs import Output, main_type, outputs_of
from nb2flow.diff.show.words import size, value


def render(document: Document, outputs: bool = True) -> Iterator[str]:
    """The notebook line by line, without line ends."""
    changes, _ = noise.sort_metadata({}, document.metadata, noise.NOTEBOOK_KEYS)
    for change in changes:
        yield f"# {'/'.join(change.path)}: {value(change.new)}"
    for cell in document.cells:
        yield f"# %% [{cell.type}]{_tags(cell)}"
        yield from cell.source.split("\n")
        if outputs and cell.type == "code":
            for output in outputs_of(cell.raw):
                yield from _output(output)
        yield ""


def _tags(cell: Cell) -> str:
    changes, _ = noise.sort_metadata({}, metadata_of(cell.raw), noise.CELL_KEYS)
    said = [_metadata(change.path, change.new) for change in changes]
    return f" {' '.join(said)}" if said else ""


def _metadata(path: tuple[str, ...], found: Any) -> str:
    if path == ("tags",) and isinstance(found, list):
        return " ".join(f"#{tag}" for tag in found)
    return f"{'/'.join(path)}={value(found)}"


def _output(output: Output) -> Iterator[str]:
    mime = main_type(output)
    if output.kind == "error":
        yield f"#! {output.name}: {joined(output.raw.get('evalue', ''))}".split("\n")[0]
        return
    if mime.startswith("image/"):
        text = joined(output.data[mime])
        image = measure(decode(text))
        place = f"{image.width}×{image.height}, " if image.width else ""
        yield f"#> [{mime}: {place}{size(image.bytes or len(text))}, {digest(text.strip())}]"
        return
    text = output.text
    if not text.strip() and mime:
        yield f"#> [{mime}: {digest(output.data[mime])}]"
        return
    for line in noise.settled(noise.brief(text)).rstrip("\n").split("\n"):
        yield f"#> {line}"
