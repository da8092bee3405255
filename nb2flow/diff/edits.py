"""Edit scripts: lists of operations that turn one notebook's JSON into another's exactly.

One form for two purposes: nbdime's operations on notebooks with joined texts, for tools that read those, and the same
operations on the file's own JSON with a digest of everything that they replace, so that a patch can tell whether it
fits. The cells are aligned by our matching. It knows nothing of what a change means.
Source of the form: https://nbdime.readthedocs.io/en/latest/diffing.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from math import isfinite
from typing import TYPE_CHECKING, Any

import orjson

from nb2flow.diff.document import Document
from nb2flow.diff.layout import join_member, join_metadata
from nb2flow.diff.match import Matching
from nb2flow.diff.sameness import same
from nb2flow.diff.text import changes, lines_of
from nb2flow.diff.upgrade import lines_joined, upgrade_worksheets

if TYPE_CHECKING:
    from nb2flow.diff.lifting import Lifted

Edit = dict[str, Any]
_DEEPEST = 100
_FEW = 20  # pairs of elements that are compared one by one


def nbdime_edits(base: Document, remote: Document, matching: Matching, lifted: Lifted | None = None) -> list[Edit]:
    """The edit script as nbdime writes it, from and to `layout.join_notebook` of both versions' version-4 form.

    `lifted` is what they were read with.
    """
    old, new = (dict(_as_nbdime_reads(side)) for side in (base, remote))
    for side in (old, new):
        if isinstance(side.get("metadata"), dict):
            side["metadata"] = join_metadata(side["metadata"])
    if 2 in (base.format[0], remote.format[0]):  # cells that are identical to people may not be so to nbdime
        matching = matching._replace(head=0, tail=0)
    edits = _Script(guarded=False, view=join_member, lifted=lifted).notebook(old, new, matching)
    return _with_ids_replaced(edits) if base.format >= (4, 5) else edits


def _with_ids_replaced(edits: list[Edit]) -> list[Edit]:
    """From 4.5 on nbdime's reader gives each cell an id, at random where the file has none: none can be added then."""
    for edit in edits:
        if edit["key"] == "cells" and edit["op"] == "patch":
            for inner in (x for cell in edit["diff"] for x in cell.get("diff", ())):
                if inner["op"] == "add" and inner["key"] == "id":
                    inner["op"] = "replace"
    return edits


def _as_nbdime_reads(side: Document) -> dict[str, Any]:
    if side.format[0] == 2 and isinstance(side.json, dict) and isinstance(side.json.get("worksheets"), list):
        return upgrade_worksheets(lines_joined(side.json))
    return side.notebook


def exact_edits(base: Document, remote: Document, matching: Matching) -> list[Edit]:
    """The edit script between the files' own JSON, with a digest `was` wherever something is replaced or removed."""
    script = _Script(guarded=True, view=_untouched)
    if base.notebook is base.json and remote.notebook is remote.json:
        return script.notebook(base.json, remote.json, matching)
    return script.members(base.json, remote.json)


def restricted(edits: list[Edit], kept: Callable[[str], bool]) -> list[Edit]:
    """The edits of an `nbdime_edits` script without those inside of cells, and of the notebook, on members not kept."""
    found: list[Edit] = []
    for edit in edits:
        if edit["key"] != "cells" or edit["op"] != "patch":
            if kept(edit["key"]):
                found.append(edit)
            continue
        cells = [
            e if e["op"] != "patch" else {**e, "diff": [x for x in e["diff"] if kept(x["key"])]} for e in edit["diff"]
        ]
        cells = [e for e in cells if e["op"] != "patch" or e["diff"]]
        if cells:
            found.append({**edit, "diff": cells})
    return found


def digest(value: Any) -> str:
    """A short name for a JSON value: 16 hexadecimal digits; the order of keys does not matter."""
    found = blake2b(digest_size=8)
    try:
        for piece in _canonical_pieces(value):
            found.update(piece)
    except (TypeError, orjson.JSONEncodeError):
        found = blake2b(canonical(value), digest_size=8)
    return found.hexdigest()


def _canonical_pieces(value: Any) -> Iterator[bytes]:
    """What `canonical` gives, cell by cell for a notebook, which need not be in memory a second time. Raises as orjson
    does where that is not how it is written."""
    if not isinstance(value, dict) or not isinstance(value.get("cells"), list):
        yield _plainly(value)
        return
    for k, key in enumerate(sorted(value)):
        yield b"%s%s:" % (b"," if k else b"{", orjson.dumps(key))
        if key != "cells":
            yield _plainly(value[key])
            continue
        yield b"["
        for number, cell in enumerate(value[key]):
            yield b",%s" % _plainly(cell) if number else _plainly(cell)
        yield b"]"
    yield b"}"


def _plainly(value: Any) -> bytes:
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if b"null" in data and _holds_nan(value):  # which orjson takes for null
        raise TypeError
    return data


def canonical(value: Any) -> bytes:
    """Bytes that are equal for equal JSON values only."""
    try:
        return _plainly(value)
    except (TypeError, orjson.JSONEncodeError):  # integers beyond 64 bits, halves of surrogate pairs, NaN
        return json.dumps(value, sort_keys=True).encode("ascii")


def _holds_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nan(v) for v in value.values())
    if isinstance(value, list):
        return any(_holds_nan(v) for v in value)
    return isinstance(value, float) and not isfinite(value)


def _untouched(key: str, value: Any, kind: Any) -> Any:
    return value


class _Script:
    """Writes one edit script; `view` is applied to the members of a cell before they are looked at."""

    def __init__(self, guarded: bool, view: Callable[[str, Any, Any], Any], lifted: Lifted | None = None) -> None:
        self._guarded = guarded
        self._view = view
        self._lifted = lifted

    def notebook(self, old: dict[str, Any], new: dict[str, Any], matching: Matching) -> list[Edit]:
        """Two notebooks whose `cells` are aligned as `matching` says."""
        edits: list[Edit] = []
        for key in sorted(old.keys() | new.keys()):
            if key == "cells" and isinstance(old.get(key), list) and isinstance(new.get(key), list):
                inner = self._cells(old[key], new[key], matching)
                if inner:
                    edits.append({"op": "patch", "key": key, "diff": inner})
            elif key == "cells":
                self._member(edits, self._viewed(old), self._viewed(new), key, 0)
            else:
                self._member(edits, old, new, key, 0)
        return edits

    def _viewed(self, side: dict[str, Any]) -> dict[str, Any]:
        """A notebook whose cells are seen through the view, for the rare case that only one side has a list of them."""
        cells = side.get("cells")
        return {**side, "cells": [self._cell(c) for c in cells]} if isinstance(cells, list) else side

    def _cell(self, cell: Any) -> Any:
        if not isinstance(cell, dict):
            return cell
        kind = cell.get("cell_type")
        if self._lifted is not None and "outputs" in cell:
            cell = {**cell, "outputs": self._lifted.outputs(cell["outputs"])}
        return {key: self._view(key, value, kind) for key, value in cell.items()}

    def _cells(self, old: Sequence[Any], new: Sequence[Any], matching: Matching) -> list[Edit]:
        head, tail = matching.head, len(matching.pairs) - matching.tail  # what is between was not found identical
        stayed = [pair for pair in matching.pairs[head:tail] if pair not in matching.moved]
        edits: list[Edit] = []
        i = j = head
        for x, y in [*stayed, (len(old) - matching.tail, len(new) - matching.tail)]:
            if j < y:
                edits.append({"op": "addrange", "key": i, "valuelist": [self._cell(c) for c in new[j:y]]})
            if i < x:
                edits.append(self._removal(i, [self._cell(c) for c in old[i:x]] if self._guarded else old[i:x]))
            i, j = x + 1, y + 1
            if i <= len(old) - matching.tail and (first := old[x]) is not (second := new[y]):
                if isinstance(first, dict) and isinstance(second, dict):
                    self._members_of_cell(edits, x, first, second)
                else:
                    self._item(edits, x, first, second, 1)
        return edits

    def _members_of_cell(self, edits: list[Edit], index: int, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Two cells; members that are the same are not looked at through the view, which would cost more."""
        kind, other = old.get("cell_type"), new.get("cell_type")
        inner: list[Edit] = []
        for key in sorted(old) if old.keys() == new.keys() else sorted(old.keys() | new.keys()):
            if key in old and key in new:
                a, b = old[key], new[key]
                if a is b or (kind == other and same(a, b)):
                    continue
                if self._lifted is not None and key == "outputs":
                    self._lifted.look_into(a, b)
                self._change(inner, key, self._view(key, a, kind), self._view(key, b, other), 2)
            else:
                side = self._cell(
                    {key: old[key], "cell_type": kind} if key in old else {key: new[key], "cell_type": other}
                )
                self._one_sided(inner, key, side[key], key in new)
        if inner:
            edits.append({"op": "patch", "key": index, "diff": inner})

    def members(self, old: dict[str, Any], new: dict[str, Any], depth: int = 0) -> list[Edit]:
        """Two objects."""
        edits: list[Edit] = []
        for key in sorted(old) if old.keys() == new.keys() else sorted(old.keys() | new.keys()):
            self._member(edits, old, new, key, depth)
        return edits

    def _member(self, edits: list[Edit], old: dict[str, Any], new: dict[str, Any], key: str, depth: int) -> None:
        if key not in new:
            self._one_sided(edits, key, old[key], added=False)
        elif key not in old:
            self._one_sided(edits, key, new[key], added=True)
        else:
            self._change(edits, key, old[key], new[key], depth)

    def _one_sided(self, edits: list[Edit], key: str, value: Any, added: bool) -> None:
        if added:
            edits.append({"op": "add", "key": key, "value": value})
        else:
            edits.append(self._guard({"op": "remove", "key": key}, value))

    def _change(self, edits: list[Edit], key: str, old: Any, new: Any, depth: int) -> None:
        if same(old, new):
            return
        opaque = _opaque(key)
        if opaque and self._lifted is not None and self._lifted.equal(old, new):
            return
        inner = None if opaque else self._inside(old, new, depth + 1)
        if inner is None:
            edits.append(self._guard({"op": "replace", "key": key, "value": new}, old))
        elif inner:
            edits.append(self._patch(key, inner, old))

    def _item(self, edits: list[Edit], index: int, old: Any, new: Any, depth: int) -> None:
        """One element of a list; lists know no replacing."""
        if same(old, new):
            return
        inner = self._inside(old, new, depth + 1) if isinstance(old, dict | list) else None
        if inner is None:
            edits.append({"op": "addrange", "key": index, "valuelist": [new]})
            edits.append(self._removal(index, [old]))
        elif inner:
            edits.append(self._patch(index, inner, old))

    def _inside(self, old: Any, new: Any, depth: int) -> list[Edit] | None:
        """The edits inside a value that differs, or None where it is better replaced."""
        if depth > _DEEPEST:
            return None
        kind = type(old)
        lifted = self._lifted
        if lifted is not None and lifted.holds_lists and (kind is str or type(new) is str):
            old, new = lifted.opened(old), lifted.opened(new)
            kind = type(old)
        if kind is not type(new):
            return None
        if kind is str:
            if lifted is not None and lifted.holds_unread:
                lifted.look_into_lines(old, new)
            return self._lines(old, new) if "\n" in old and "\n" in new else None
        if kind is dict:
            return self.members(old, new, depth)
        return self._list(old, new, depth) if kind is list and old else None

    def _lines(self, old: str, new: str) -> list[Edit] | None:
        a, b = lines_of(old), lines_of(new)
        edits: list[Edit] = []
        for a0, a1, b0, b1 in changes(a, b):
            if b0 < b1:
                edits.append({"op": "addrange", "key": a0, "valuelist": b[b0:b1]})
            if a0 < a1:
                edits.append({"op": "removerange", "key": a0, "length": a1 - a0})
        return edits

    def _list(self, old: list[Any], new: list[Any], depth: int) -> list[Edit]:
        edits: list[Edit] = []
        one = len(old) == 1 == len(new)  # most often: the one output of a cell
        for a0, a1, b0, b1 in [(0, 1, 0, 1)] if one else changes(*_keys(old, new)):
            start, other = a0, b0
            while start < a1 and other < b1 and _alike(old[start], new[other]):
                self._item(edits, start, old[start], new[other], depth)
                start, other = start + 1, other + 1
            if other < b1:
                edits.append({"op": "addrange", "key": start, "valuelist": new[other:b1]})
            if start < a1:
                edits.append(self._removal(start, old[start:a1]))
        return edits

    def _removal(self, index: int, values: Sequence[Any]) -> Edit:
        return self._guard({"op": "removerange", "key": index, "length": len(values)}, values)

    def _patch(self, key: str | int, inner: list[Edit], old: Any) -> Edit:
        edit: Edit = {"op": "patch", "key": key, "diff": inner}
        return self._guard(edit, old) if isinstance(old, str) else edit

    def _guard(self, edit: Edit, old: Any) -> Edit:
        if self._guarded:
            edit["was"] = digest(old)
        return edit


def _opaque(key: str) -> bool:
    """Whether what stands under a key is an image, which is another one or the same: nobody reads its lines."""
    return key.startswith("image/")


def _keys(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """Something hashable for each element of two lists that differ, equal for equal elements only."""
    if len(old) * len(new) > _FEW:
        return [_key(x) for x in old], [_key(x) for x in new]
    known: list[Any] = []
    found: list[int] = []
    for value in (*old, *new):
        place = next((k for k, other in enumerate(known) if same(value, other)), len(known))
        if place == len(known):
            known.append(value)
        found.append(place)
    return found[: len(old)], found[len(old) :]


def _key(value: Any) -> str | bytes:
    return value if isinstance(value, str) else canonical(value)


def _alike(old: Any, new: Any) -> bool:
    """Whether one element may become the other piece by piece."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.get("output_type") == new.get("output_type")
    return isinstance(old, list) and isinstance(new, list)
