"""Broken notebooks without end: random damage to a good one, in its bytes or in its values.

`damaged(random)` gives the bytes of one; `survive(a, b)` compares, merges and patches two of them in every form and
lets only `Nb2flowError` pass, and the two faults that the command itself turns into a message.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from nb2flow.diff.compare import diff
from nb2flow.diff.document import Document, reads
from nb2flow.diff.edits import exact_edits, nbdime_edits
from nb2flow.diff.form import writes
from nb2flow.diff.lifting import Lifted
from nb2flow.diff.match import match
from nb2flow.diff.merge import merge
from nb2flow.diff.patching import apply
from nb2flow.diff.sameness import same
from nb2flow.diff.script import edit_script
from nb2flow.diff.shared import reads_both
from nb2flow.diff.show import as_text, terminal
from nb2flow.diff.show.document_json import to_json
from nb2flow.diff.show.page import render_page
from nb2flow.errors import Nb2flowError

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    "",
    "x\r\ny",
    "\ud800",
    "<script>",
    [],
    {},
    [None],
    {"": {}},
]
TABLE = "<table><tr><th></th><th>a</th></tr><tr><th>0</th><td>1</td></tr></table>"


def good(chance: random.Random) -> dict[str, Any]:
    """A notebook with something of everything."""
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", f"{chance.random()}\n"]},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m", "line"]},
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "metadata": {},
            "data": {"text/html": TABLE.replace("1", str(chance.randrange(9))), "text/plain": "   a\n0  1"},
        },
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo=", "application/json": {}}},
    ]
    cells = [
        {"cell_type": "markdown", "id": "m1", "metadata": {}, "source": ["# T\n", "* a ![i](attachment:i.png)"],
         "attachments": {"i.png": {"image/png": "aGk="}}},
        {"cell_type": "code", "id": "c1", "execution_count": 1, "metadata": {"tags": ["a"]}, "source": "x = 1\ny = 2",
         "outputs": outputs},
        {"cell_type": "raw", "id": "r1", "metadata": {}, "source": f"raw {chance.random()}"},
    ]  # fmt: skip
    state = {f"m{k}": {"model_name": "Text", "state": {"value": chance.randrange(2), "a": [1.5]}} for k in range(5)}
    metadata = {"kernelspec": {"name": "python3"}, "widgets": {"state": state}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    if chance.random() < 0.2:  # as Colab writes it
        notebook = {key: notebook[key] for key in ("nbformat", "nbformat_minor", "metadata", "cells")}
    if chance.random() < 0.15:
        old = [
            {"cell_type": "heading", "level": 2, "source": ["T"]},
            {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": "1"}], "prompt_number": 1},
        ]
        notebook = {"worksheets": [{"cells": old}], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}
    return notebook


def damaged(chance: random.Random) -> bytes:
    """One notebook with up to five faults."""
    notebook: Any = good(chance)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 6])):
        notebook = _change_somewhere(notebook, chance)
    try:
        data = json.dumps(notebook, indent=chance.choice([None, 1, 1, 2, "\t"])).encode()
    except (ValueError, RecursionError):
        return b"{}"
    for _ in range(chance.choice([0, 0, 0, 0, 0, 0, 0, 0, 1, 3])):
        place = chance.randrange(len(data) + 1)
        data = chance.choice(
            [data[:place], data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :], data + data[place:]]
        )
    return data


def _change_somewhere(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.08 or not isinstance(value, dict | list) or not value:
        return copy.deepcopy(chance.choice(ODD))
    if isinstance(value, dict):
        key = chance.choice(list(value))
        if chance.random() < 0.2:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _change_somewhere(value[key], chance)}
    place = chance.randrange(len(value))
    if chance.random() < 0.2:
        return value[:place] + value[place + 1 :] + value[place : place + 1] * chance.randrange(3)
    return [*value[:place], _change_somewhere(value[place], chance), *value[place + 1 :]]


def survive(first: bytes, second: bytes, third: bytes) -> bool:
    """Do everything with them; returns whether the first two could be read at all."""
    try:
        a, b = reads(first, "a"), reads(second, "b")
    except Nb2flowError:
        return False
    matching = match(a.cells, b.cells)
    found = diff(a, b)
    for style in (terminal.Style(terminal.COLOURS), terminal.Style(inline=True, outputs=None)):
        "\n".join(terminal.render(found, style))
    render_page([found])
    "\n".join(as_text.render(a))
    edits = exact_edits(a, b, matching)
    json.dumps(to_json(found, edits))
    assert _same(apply(a.json, edits), b.json)
    edits = nbdime_edits(a, b, matching)
    x, y = reads_both(first, second, ("a", "b"), exact=True)
    assert _same(nbdime_edits(x, y, match(x.cells, y.cells)), edits)
    x, y = reads_both(first, second, ("a", "b"), exact=True, whole=True, large=0)
    assert _same([x.json, y.json], [a.json, b.json])
    lifted = Lifted("0a1b", long=16, step=24)
    short = json.dumps(edit_script(first, second, ("a", "b"), lifted)).encode()
    assert _same(json.loads(b"".join(lifted.restore(short))), edits)
    try:
        c = reads(third, "c")
    except Nb2flowError:
        return True
    _merge(a, b, c)
    return True


def script_for_nbdime(first: bytes, second: bytes) -> Any:
    """Our script in nbdime's form, as nbdime would read it; None where it is no JSON that nbdime could hold."""
    a, b = reads(first, "a"), reads(second, "b")
    return nbdime_edits(a, b, match(a.cells, b.cells))


def _same(a: Any, b: Any) -> bool:
    """The same, NaN being NaN."""
    return same(a, b) or json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _merge(a: Document, b: Document, c: Document) -> None:
    result = merge(a, b, c)
    writes(result.notebook, split=True)
    reads(writes(result.notebook), "merged")
