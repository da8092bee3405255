"""What is kept of a cell's output: consecutive text of one stream is one output, and there is a limit.

A cell that prints a gigabyte must neither fill the memory nor the disk, and joining text must not cost the square of
its length. So pieces are collected in a list and joined when somebody looks, and past the limit they are only counted.
Knows the notebook format's outputs, nothing of kernels.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

# Tables and pictures are what a notebook is for: they get more room than printed text, yet not without end.
RICH_FACTOR = 10
_RICH = ("display_data", "execute_result")


@dataclass
class _Count:
    kept: int = 0
    dropped: int = 0
    rich_kept: int = 0
    rich_dropped: int = 0
    told: tuple[int, int] = (0, 0)


@dataclass
class OutputKeeper:
    """Collects the outputs of cells, numbered by their index; `limit` is bytes of text for each cell."""

    limit: int
    _counts: dict[int, _Count] = field(default_factory=dict)
    _open: dict[str, Any] | None = None
    _pieces: list[str] = field(default_factory=list)

    def drops(self, index: int, kind: str, size: int) -> bool:
        """Whether a message of this type and size (bytes) is past the limit of cell `index`; if so it is counted."""
        count = self._counts.setdefault(index, _Count())
        if kind == "stream":
            if count.kept >= self.limit:
                count.dropped += size
                return True
        elif kind in _RICH:
            if count.rich_kept + size > self.limit * RICH_FACTOR:
                count.rich_dropped += 1
                return True
            count.rich_kept += size
        return False

    def room(self, index: int) -> int:
        """How much more text of cell `index` will be kept."""
        return max(0, self.limit - self._counts.setdefault(index, _Count()).kept)

    def dropped(self, index: int, size: int) -> None:
        """Count `size` bytes of text of cell `index` that are not kept."""
        self._counts.setdefault(index, _Count()).dropped += size

    def add_text(self, outputs: list[Any], index: int, name: str, text: str, new_output: Any) -> None:
        """Add `text` of stream `name` to `outputs`; `new_output(name)` makes an empty stream output."""
        count = self._counts.setdefault(index, _Count())
        room = self.limit - count.kept
        if len(text) > room:
            count.dropped += len(text) - room
            text = text[:room]
        count.kept += len(text)
        if not (outputs and outputs[-1] is self._open and self._open["name"] == name):
            self.close()
            self._open = new_output(name)
            outputs.append(self._open)
        self._pieces.append(text)

    def close(self) -> None:
        """Join what has been collected: the outputs are now complete, and more text may still follow."""
        if self._open is not None and self._pieces:
            self._open["text"] += "".join(self._pieces)
            self._pieces.clear()

    @property
    def cells(self) -> tuple[int, ...]:
        """Indices of the cells that had output."""
        return tuple(self._counts)

    def cleared(self, index: int) -> None:
        """The outputs of cell `index` were taken back (clear_output): they no longer count."""
        count = self._counts.setdefault(index, _Count())
        count.kept = count.rich_kept = 0
        self._pieces.clear()
        self._open = None

    def end(self, index: int) -> str:
        """Join all text and say in one sentence what was left out of cell `index` (empty: nothing new to say)."""
        self.close()
        count = self._counts.get(index, _Count())
        if (count.dropped, count.rich_dropped) == count.told:
            return ""
        count.told = (count.dropped, count.rich_dropped)
        left_out = []
        if count.dropped:
            left_out.append(f"{_size(count.dropped)} of printed text")
        if count.rich_dropped:
            left_out.append(f"{count.rich_dropped} displayed objects")
        return f"{' and '.join(left_out)} left out: the limit for each cell is {_size(self.limit)} of text"


_STREAM = re.compile(rb'\{"name":\s?"(\w+)",\s?"text":\s?"')


def beginning_of_stream(content: memoryview, most: int) -> tuple[str, str, int]:
    """Name of a stream message, the first `most` characters or so of its text, and the bytes of text after those.

    The JSON after them is not decoded.
    """
    found = _STREAM.match(content[:100])
    if found is None:
        return "stdout", "", len(content)
    end = len(content) - len(b'"}')
    text = bytes(content[found.end() : min(end, found.end() + most)])
    for cut in range(13):  # no escape sequence is longer: perhaps the end of this piece lies within one
        try:
            decoded: str = json.loads(b'"' + text[: len(text) - cut] + b'"')
        except ValueError:
            continue
        return found[1].decode(), decoded, end - found.end() - len(text) + cut
    return found[1].decode(), "", end - found.end()


def _size(number: int) -> str:
    value = float(number)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"
