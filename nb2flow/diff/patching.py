"""Applying edit scripts, and refusing those that do not fit.

Takes a JSON value and operations as `edits` (or nbdime) writes them, returns a new value and leaves the old one alone.
Every operation is checked against what it finds: type, place, and the digest `was` where there is one. It knows JSON,
not notebooks.
"""

from __future__ import annotations

from typing import Any

from nb2flow.diff.edits import Edit, digest
from nb2flow.diff.text import lines_of
from nb2flow.errors import NotebookError

_DEEPEST = 200


class MisfitError(NotebookError):
    """The diff is not one of this notebook, or no diff at all; `place` is the path at which that shows."""

    def __init__(self, why: str, place: tuple[str | int, ...]) -> None:
        self.place = place
        where = "".join(f"/{p}" for p in place) or "the top"
        super().__init__(
            f"the diff does not fit: {why} (at {where})", hint="is it the version that the diff starts from?"
        )


def apply(value: Any, edits: Any, place: tuple[str | int, ...] = ()) -> Any:
    """The value after all edits. Raises `MisfitError`; then nothing was changed."""
    if not isinstance(edits, list):
        raise MisfitError("a list of edits was expected", place)
    if len(place) > _DEEPEST:
        raise MisfitError("it goes deeper than notebooks do", place)
    checked = [_checked(edit, place) for edit in edits]
    if isinstance(value, dict):
        return _apply_to_dict(value, checked, place)
    if isinstance(value, list):
        return _apply_to_list(value, checked, place)
    if isinstance(value, str):
        return _apply_to_text(value, checked, place)
    raise MisfitError("a number or constant cannot be changed in parts", place)


def _checked(edit: Any, place: tuple[str | int, ...]) -> Edit:
    if not isinstance(edit, dict) or not isinstance(edit.get("op"), str):
        raise MisfitError("an edit is an object with an `op`", place)
    key = edit.get("key")
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise MisfitError("an edit has a key or an index", place)
    needed = {"patch": "diff", "add": "value", "replace": "value", "addrange": "valuelist", "removerange": "length"}
    name = needed.get(edit["op"])
    if name is not None and name not in edit:
        raise MisfitError(f"the operation {edit['op']!r} needs {name!r}", (*place, key))
    return edit


def _apply_to_dict(value: dict[str, Any], edits: list[Edit], place: tuple[str | int, ...]) -> dict[str, Any]:
    new = dict(value)
    touched: set[str] = set()
    for edit in edits:
        op, key = edit["op"], edit["key"]
        here = (*place, key)
        if not isinstance(key, str) or key in touched:
            raise MisfitError("members are named by strings, each once", here)
        touched.add(key)
        made_up = op == "replace" and key == "id" and "was" not in edit  # nbdime knows an id for each cell
        if (key in value) == (op == "add") and not made_up:
            raise MisfitError("it is there already" if op == "add" else "it is not there", here)
        if op in ("add", "replace"):
            if op == "replace":
                _check(edit, value.get(key), here)
            new[key] = edit["value"]
        elif op == "remove":
            _check(edit, value[key], here)
            del new[key]
        elif op == "patch":
            _check(edit, value[key], here)
            new[key] = apply(value[key], edit["diff"], here)
        else:
            raise MisfitError(f"the operation {op!r} is none for objects", here)
    return new


def _apply_to_list(value: list[Any], edits: list[Edit], place: tuple[str | int, ...]) -> list[Any]:
    new: list[Any] = []
    taken = 0
    for edit in edits:
        op, index = edit["op"], _index(edit, len(value), taken, place)
        here = (*place, index)
        new += value[taken:index]
        taken = index
        if op == "addrange":
            if not isinstance(edit["valuelist"], list):
                raise MisfitError("the values to add are a list", here)
            new += edit["valuelist"]
        elif op == "removerange":
            taken = index + _length(edit, len(value) - index, here)
            _check(edit, value[index:taken], here)
        elif op == "patch" and index < len(value):
            _check(edit, value[index], here)
            new.append(apply(value[index], edit["diff"], here))
            taken = index + 1
        else:
            raise MisfitError(f"the operation {op!r} is none for this place in a list", here)
    return new + value[taken:]


def _apply_to_text(value: str, edits: list[Edit], place: tuple[str | int, ...]) -> str:
    """Line by line; inside a line (which only nbdime does), character by character."""
    lines = lines_of(value)
    new: list[str] = []
    taken = 0
    for edit in edits:
        index = _index(edit, len(lines), taken, place)
        new += lines[taken:index]
        taken = index
        if edit["op"] == "patch" and index < len(lines) and isinstance(edit["diff"], list):
            new.append(_apply_to_characters(lines[index], edit["diff"], (*place, index)))
            taken = index + 1
        elif edit["op"] == "addrange":
            new.append(_text(edit, (*place, index)))
        elif edit["op"] == "removerange":
            taken = index + _length(edit, len(lines) - index, (*place, index))
        else:
            raise MisfitError(f"the operation {edit['op']!r} is none for this place in a text", (*place, index))
    return "".join(new + lines[taken:])


def _apply_to_characters(line: str, edits: list[Any], place: tuple[str | int, ...]) -> str:
    new: list[str] = []
    taken = 0
    for edit in [_checked(e, place) for e in edits]:
        index = _index(edit, len(line), taken, place)
        new.append(line[taken:index])
        taken = index
        if edit["op"] == "addrange":
            new.append(_text(edit, place))
        elif edit["op"] == "removerange":
            taken = index + _length(edit, len(line) - index, place)
        else:
            raise MisfitError(f"the operation {edit['op']!r} is none for characters", place)
    return "".join(new) + line[taken:]


def _index(edit: Edit, length: int, taken: int, place: tuple[str | int, ...]) -> int:
    index = edit["key"]
    if not isinstance(index, int) or not taken <= index <= length:
        raise MisfitError(f"there is no place {index!r}, or it comes out of order ({length} there)", place)
    return index


def _length(edit: Edit, most: int, place: tuple[str | int, ...]) -> int:
    length = edit["length"]
    if isinstance(length, bool) or not isinstance(length, int) or not 0 < length <= most:
        raise MisfitError(f"{length!r} are to go, {most} are left", place)
    return length


def _text(edit: Edit, place: tuple[str | int, ...]) -> str:
    found = edit["valuelist"]
    if isinstance(found, list) and all(isinstance(line, str) for line in found):
        return "".join(found)
    if isinstance(found, str):
        return found
    raise MisfitError("only text can be added to a text", place)


def _check(edit: Edit, found: Any, place: tuple[str | int, ...]) -> None:
    if "was" in edit and edit["was"] != digest(found):
        raise MisfitError("something else is there than the diff was made from", place)
