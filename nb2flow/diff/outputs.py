"""Outputs of two matched cells: which belong together, and what kind of thing changed in each.

An output is compared by its richest representation that differs (an image rather than its repr, a table rather than its
text), and what differs at every execution is noise. Results are values; sizes and words for them are chosen where they
are shown. Nothing here looks at sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nb2flow.diff import noise
from nb2flow.diff.document import joined, metadata_of
from nb2flow.diff.layout import is_json
from nb2flow.diff.text import blocks

if TYPE_CHECKING:
    from nb2flow.diff import images, tables

_ANSI = r"\x1b\[[0-9;]*[A-Za-z]"
_RANK = (noise.WIDGET_VIEW, "image/", "text/html", "application/", "text/markdown", "text/latex", "text/")


class Output(NamedTuple):
    """One output as a reader sees it. `data` maps a MIME type (for streams `text/plain`) to its content."""

    kind: Literal["stream", "result", "display", "error", "unknown"]
    name: str
    data: dict[str, Any]
    raw: dict[str, Any]

    @property
    def text(self) -> str:
        """The plain text of it."""
        return joined(self.data.get("text/plain", ""))


class TextPart(NamedTuple):
    """Text of a MIME type changed."""

    mime: str
    old: str
    new: str


class TablePart(NamedTuple):
    """A table changed; the texts are its source, for those who want to see all of it."""

    mime: str
    old: str
    new: str
    change: tables.TableChange


class ImagePart(NamedTuple):
    """An image changed; the texts are base64, or SVG."""

    mime: str
    old: str
    new: str
    change: images.ImageChange


class ErrorPart(NamedTuple):
    """An error changed: names and messages, and the tracebacks as texts without colours."""

    old_name: str
    new_name: str
    old_value: str
    new_value: str
    old_traceback: str
    new_traceback: str


class ValuePart(NamedTuple):
    """JSON content changed (a Plotly figure, Vega, widgets): the leaves that differ."""

    mime: str
    changes: tuple[noise.ValueChange, ...]


class DataPart(NamedTuple):
    """Anything else: only sizes can be told; 0 where a side has none of that type."""

    mime: str
    old_size: int
    new_size: int


Part = TextPart | TablePart | ImagePart | ErrorPart | ValuePart | DataPart


class OutputChange(NamedTuple):
    """One output added, removed or changed. Indexes count a cell's outputs, adjacent streams of one name being one."""

    action: Literal["added", "removed", "changed"]
    base: int | None
    remote: int | None
    old: Output | None
    new: Output | None
    parts: tuple[Part, ...]


class PixelBudget:
    """How much work the comparison of images may still be, all outputs together."""

    def __init__(self, left: int) -> None:
        self.left = left

    def compare(self, old: str, new: str) -> images.ImageChange:
        """Two images in base64; pixels are counted while the budget lasts."""
        from nb2flow.diff import images  # few comparisons meet an image, and start-up counts

        found, spent = images.compare(old, new, self.left)
        self.left -= spent
        return found

    @staticmethod
    def drawing(old: str, new: str) -> images.ImageChange:
        """Two SVGs, of which only the length is known."""
        from nb2flow.diff import images

        return images.ImageChange(images.Image(0, 0, len(old)), images.Image(0, 0, len(new)), None)


def outputs_of(cell: dict[str, Any]) -> list[Output]:
    """The outputs of a cell in a readable shape; adjacent writes to one stream are one output."""
    found = cell.get("outputs")
    result: list[Output] = []
    for raw in found if isinstance(found, list) else ():
        if not isinstance(raw, dict):
            raw = {"output_type": "unknown", "text": json.dumps(raw, sort_keys=True)}
        output = _read(raw)
        last = result[-1] if result else None
        if last is not None and output.kind == "stream" and last.kind == "stream" and last.name == output.name:
            result[-1] = last._replace(data={"text/plain": last.text + output.text})
        else:
            result.append(output)
    return result


def _read(raw: dict[str, Any]) -> Output:
    kind = raw.get("output_type")
    if kind == "stream":
        return Output("stream", str(raw.get("name", "stdout")), {"text/plain": joined(raw.get("text", ""))}, raw)
    if kind == "error":
        return Output("error", str(raw.get("ename", "")), {"text/plain": traceback_of(raw)}, raw)
    data = raw.get("data")
    if kind in ("execute_result", "display_data", "update_display_data"):
        shape: Literal["result", "display"] = "result" if kind == "execute_result" else "display"
        return Output(shape, "", data if isinstance(data, dict) else {}, raw)
    return Output("unknown", str(kind), {"text/plain": joined(raw.get("text", ""))}, raw)


def traceback_of(raw: dict[str, Any]) -> str:
    """The traceback of an error output as plain text."""
    lines = raw.get("traceback")
    text = "\n".join(joined(line) for line in lines) if isinstance(lines, list) else joined(lines)
    return re.sub(_ANSI, "", text)


def compare_outputs(
    old_cell: dict[str, Any], new_cell: dict[str, Any], budget: PixelBudget
) -> tuple[tuple[OutputChange, ...], set[str]]:
    """What changed in the outputs of a matched cell, and the names of the noise in them."""
    old, new = outputs_of(old_cell), outputs_of(new_cell)
    changes: list[OutputChange] = []
    found: set[str] = set()
    keys_old, keys_new = [_key(o) for o in old], [_key(o) for o in new]
    for block in blocks(keys_old, keys_new):
        if block.tag == "equal":
            for k in range(block.a1 - block.a0):
                found |= _noise_of_equal(old[block.a0 + k].raw, new[block.b0 + k].raw)
            continue
        for i, j in _pair(old, new, range(block.a0, block.a1), range(block.b0, block.b1)):
            changes.append(_change(old, new, i, j, budget))
    return tuple(changes), found


def _key(output: Output) -> tuple[Any, ...]:
    """Equal for outputs that show the same thing."""
    content = tuple(sorted((mime, _settled(mime, value)) for mime, value in output.data.items()))
    if output.kind == "error":
        return "error", output.name, joined(output.raw.get("evalue", "")), content
    if output.kind == "stream":
        return "stream", output.name, content
    return (output.name, *content)  # a value shown by `display` is the same as one that a cell ends with


def _settled(mime: str, value: Any) -> str:
    if mime == noise.WIDGET_VIEW:
        return ""
    if mime.startswith("image/") and mime != "image/svg+xml":
        return joined(value).strip().replace("\n", "")
    text = value if isinstance(value, str) else _as_text(mime, value)
    return noise.settled(text.replace("\r\n", "\n")) if len(text) < 2_000_000 else text


def _as_text(mime: str, value: Any) -> str:
    if is_json(mime) or isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return joined(value)


def _noise_of_equal(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Why two outputs that show the same are not the same."""
    if old == new:
        return set()
    found: set[str] = set()
    if old.get("execution_count") != new.get("execution_count"):
        found.add(noise.COUNTS)
    if metadata_of(old) != metadata_of(new):
        found.add(noise.OUTPUT_METADATA)
    first, second = old.get("data"), new.get("data")
    if isinstance(first, dict) and isinstance(second, dict):
        for mime in first.keys() & second.keys():
            if mime == noise.WIDGET_VIEW and first[mime] != second[mime]:
                found.add(noise.WIDGETS)
            elif joined(first[mime]) != joined(second[mime]):
                found.add(_kind_of_noise(joined(first[mime]), joined(second[mime])))
    elif joined(old.get("text", "")) != joined(new.get("text", "")):
        found.add(_kind_of_noise(joined(old.get("text", "")), joined(new.get("text", ""))))
    return found


def _kind_of_noise(old: str, new: str) -> str:
    same = old.replace("\r\n", "\n").rstrip("\n") == new.replace("\r\n", "\n").rstrip("\n")
    return noise.LINE_ENDS if same else noise.ADDRESSES


def _pair(
    old: Sequence[Output], new: Sequence[Output], rows: range, columns: range
) -> list[tuple[int | None, int | None]]:
    """Outputs of one block of differences, side by side where they are of one kind."""
    pairs: list[tuple[int | None, int | None]] = []
    j = columns.start
    for i in rows:
        partner = next((k for k in range(j, columns.stop) if _shape(old[i]) == _shape(new[k])), None)
        if partner is None:
            pairs.append((i, None))
            continue
        pairs += [(None, k) for k in range(j, partner)]
        pairs.append((i, partner))
        j = partner + 1
    return pairs + [(None, k) for k in range(j, columns.stop)]


def _shape(output: Output) -> tuple[str, str]:
    if output.kind in ("stream", "error", "unknown"):
        return output.kind, "" if output.kind == "error" else output.name
    return "data", main_type(output).partition("/")[0]


def main_type(output: Output) -> str:
    """The MIME type that a front end would show."""
    return min(output.data, key=_rank, default="")


def _rank(mime: str) -> tuple[int, str]:
    return next((k for k, start in enumerate(_RANK) if mime.startswith(start)), len(_RANK)), mime


def _change(
    old: Sequence[Output], new: Sequence[Output], i: int | None, j: int | None, budget: PixelBudget
) -> OutputChange:
    first = None if i is None else old[i]
    second = None if j is None else new[j]
    if first is None or second is None:
        return OutputChange("removed" if second is None else "added", i, j, first, second, ())
    return OutputChange("changed", i, j, first, second, _parts(first, second, budget))


def _parts(old: Output, new: Output, budget: PixelBudget) -> tuple[Part, ...]:
    if old.kind == "error" == new.kind:
        values = joined(old.raw.get("evalue", "")), joined(new.raw.get("evalue", ""))
        return (ErrorPart(old.name, new.name, *values, old.text, new.text),)
    for mime in sorted(old.data.keys() & new.data.keys(), key=_rank):
        if _settled(mime, old.data[mime]) != _settled(mime, new.data[mime]):
            return (_part(mime, old.data[mime], new.data[mime], budget),)
    return tuple(
        DataPart(mime, _size(mime, old.data.get(mime)), _size(mime, new.data.get(mime)))
        for mime in sorted(old.data.keys() ^ new.data.keys(), key=_rank)
    )


def _size(mime: str, value: Any) -> int:
    return 0 if value is None else len(_as_text(mime, value))


def _part(mime: str, old: Any, new: Any, budget: PixelBudget) -> Part:
    if mime.startswith("image/"):
        first, second = joined(old), joined(new)
        if mime == "image/svg+xml":
            return ImagePart(mime, first, second, budget.drawing(first, second))
        return ImagePart(mime, first, second, budget.compare(first, second))
    if is_json(mime) and isinstance(old, dict | list) and isinstance(new, dict | list):
        found, _ = noise.sort_metadata({"": old}, {"": new}, {})
        return ValuePart(mime, tuple(c._replace(path=c.path[1:]) for c in found))
    first, second = _as_text(mime, old), _as_text(mime, new)
    change = _table_change(mime, first, second)
    return TextPart(mime, first, second) if change is None else TablePart(mime, first, second, change)


def _table_change(mime: str, old: str, new: str) -> tables.TableChange | None:
    if mime not in ("text/html", "text/plain"):
        return None
    from nb2flow.diff import tables  # few comparisons meet a table, and start-up counts

    if mime == "text/html":
        first, second = tables.read_html(old), tables.read_html(new)
        if first is None or second is None:
            return None
        change = tables.compare(first[0], second[0])
        return change if change is not None and (any(change) or first[1] == second[1]) else None
    before, after = tables.read_text(old), tables.read_text(new)
    return None if before is None or after is None else tables.compare(before, after)
