"""Notebooks for the tests of diff and merge, written in a line each, and hypothesis strategies for them and for edits.

`nb(code("x = 1"), md("# Title"))` is a parsed notebook; `changes(a, b)` says what happened in a few words, so that a
test reads like the table it comes from.
"""

from __future__ import annotations

import copy
import json
import struct
import zlib
from base64 import b64encode
from typing import Any

from hypothesis import strategies as st

from nb2flow.diff.changes import NotebookDiff, Scope
from nb2flow.diff.compare import diff
from nb2flow.diff.document import Document, document, reads

Json = dict[str, Any]


def code(source: str, *outputs: Json, id: str | None = None, count: int | None = None, **metadata: Any) -> Json:
    """A code cell."""
    cell: Json = {
        "cell_type": "code",
        "execution_count": count,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }
    return cell if id is None else {**cell, "id": id}


def md(source: str, id: str | None = None, **metadata: Any) -> Json:
    """A Markdown cell."""
    cell: Json = {"cell_type": "markdown", "metadata": metadata, "source": source}
    return cell if id is None else {**cell, "id": id}


def nb(*cells: Json, minor: int = 5, **metadata: Any) -> Json:
    """A notebook of version 4."""
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def numbered(notebook: Json, start: str = "id") -> Json:
    """The same notebook with an id for each cell that tells nothing of its place."""
    cells = [{**c, "id": f"{start}-{zlib.crc32(f'{start}{k}'.encode()):08x}"} for k, c in enumerate(notebook["cells"])]
    return {**notebook, "cells": cells}


def stream(text: str, name: str = "stdout") -> Json:
    """A stream output."""
    return {"output_type": "stream", "name": name, "text": text}


def result(count: int | None = None, **data: Any) -> Json:
    """An execute_result; keys are MIME types with `_` for `/` (`text_plain`, `image_png`)."""
    bundle = {k.replace("_", "/", 1): v for k, v in data.items()}
    return {"output_type": "execute_result", "execution_count": count, "data": bundle, "metadata": {}}


def error(name: str, value: str, *traceback: str) -> Json:
    """An error output."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)}


def png(width: int, height: int, pixels: bytes, kinds: bytes | None = None) -> str:
    """A PNG in base64 from RGB bytes; `kinds` are the filters of its rows (none: 0)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    stride = 3 * width
    rows = [pixels[y * stride : (y + 1) * stride] for y in range(height)]
    filtered = b"".join(
        bytes([kind]) + _filter(kind, row, rows[y - 1] if y else bytes(stride))
        for y, (row, kind) in enumerate(zip(rows, kinds or bytes(height), strict=True))
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(filtered)) + chunk(b"IEND", b"")
    return b64encode(b"\x89PNG\r\n\x1a\n" + body).decode("ascii")


def _filter(kind: int, row: bytes, above: bytes) -> bytes:
    out = bytearray()
    for k, x in enumerate(row):
        left = row[k - 3] if k >= 3 else 0
        up, corner = above[k], above[k - 3] if k >= 3 else 0
        p = left + up - corner
        nearest = min((left, up, corner), key=lambda v: abs(p - v))
        guess = (0, left, up, (left + up) // 2, nearest)[kind]
        out.append((x - guess) & 255)
    return bytes(out)


def doc(value: Any, name: str = "notebook.ipynb") -> Document:
    """A document from a parsed notebook or from bytes."""
    return reads(value, name) if isinstance(value, bytes) else document(copy.deepcopy(value), name)


def compare(a: Any, b: Any, scope: Scope | None = None) -> NotebookDiff:
    """The comparison of two notebooks."""
    return diff(doc(a, "a.ipynb"), doc(b, "b.ipynb"), scope)


def changes(a: Any, b: Any) -> list[str]:
    """What happened to the cells that changed: `added 2`, `moved 0→3`, `split 1→1,2,3` (numbers from 0)."""
    found = []
    for change in compare(a, b).cells:
        if change.kind != "unchanged":
            sides = [",".join(str(c.number) for c in side) for side in (change.base, change.remote)]
            found.append(f"{change.kind} {'→'.join(s for s in sides if s)}")
    return found


def dump(notebook: Any) -> bytes:
    """A notebook as a file has it."""
    return json.dumps(notebook, indent=1).encode("utf-8")


# strategies: one generator for many laws

names = st.sampled_from(["df", "model", "x", "y", "table", "scores", "train", "total", "plot", "path", "rows", "label"])
calls = st.sampled_from(["head", "mean", "fit", "plot", "merge", "dropna", "sum", "describe", "groupby", "reshape"])


@st.composite
def code_lines(draw: st.DrawFn) -> str:
    """One line of code, mostly unlike others."""
    a, b, call = draw(names), draw(names), draw(calls)
    number = draw(st.integers(0, 9999))
    return draw(
        st.sampled_from(
            [f"{a} = {b}.{call}({number})", f"{a}_{number} = {call}({b})", f"print({a}, {number})", f"{a}.{call}()", ""]
        )
    )


scalars = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3))
sources = st.lists(code_lines(), min_size=0, max_size=6).map("\n".join)
texts = st.one_of(sources, sources.map(lambda s: s.splitlines(True)), st.text(max_size=12))
metadata = st.dictionaries(st.sampled_from(["tags", "collapsed", "nb2flow", "colab", "x"]), values, max_size=2)
outputs = st.one_of(
    st.builds(lambda t: stream(t), texts),
    st.builds(lambda t, v: result(1, text_plain=t, application_json=v), texts, values),
    st.builds(lambda t: error("ValueError", t, "line 1", t), st.text(max_size=10)),
)


@st.composite
def cells(draw: st.DrawFn) -> Json:
    """One cell of any kind."""
    source = draw(texts)
    identity = draw(st.none() | st.text("abcdef0123456789", min_size=8, max_size=8))
    if draw(st.integers(0, 3)) == 0:
        return md(source, id=identity, **draw(metadata))  # type: ignore[arg-type]
    found = draw(st.lists(outputs, max_size=3))
    return code(source, *found, id=identity, count=draw(st.none() | st.integers(1, 99)), **draw(metadata))  # type: ignore[arg-type]


notebooks = st.builds(lambda c, m: nb(*c, **m), st.lists(cells(), max_size=8), metadata)


@st.composite
def edited(draw: st.DrawFn, notebook: Json, most: int = 4) -> Json:
    """The notebook after a few edits such as people make."""
    new = copy.deepcopy(notebook)
    for _ in range(draw(st.integers(0, most))):
        found: list[Json] = new["cells"]
        place = draw(st.integers(0, len(found)))
        action = draw(st.sampled_from(["add", "remove", "edit", "move", "outputs", "metadata", "type"]))
        if action == "add" or not found:
            found.insert(place, draw(cells()))
            continue
        cell = found[min(place, len(found) - 1)]
        if action == "remove":
            found.remove(cell)
        elif action == "edit":
            text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            lines = text.split("\n")
            lines[draw(st.integers(0, len(lines) - 1))] = draw(code_lines())
            cell["source"] = "\n".join(lines)
        elif action == "move":
            found.remove(cell)
            found.insert(draw(st.integers(0, len(found))), cell)
        elif action == "outputs" and cell["cell_type"] == "code":
            cell["outputs"] = draw(st.lists(outputs, max_size=3))
        elif action == "metadata":
            cell["metadata"] = draw(metadata)
        elif action == "type":
            cell["cell_type"] = "raw"
    return new


pairs = notebooks.flatmap(lambda n: st.tuples(st.just(n), edited(n)))
triples = notebooks.flatmap(lambda n: st.tuples(st.just(n), edited(n), edited(n)))
