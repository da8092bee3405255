"""Images in outputs: their size, and the share of pixels that differ between two PNGs.

A PNG is unpacked here with zlib and integer arithmetic, row by row; equal rows above the first difference are never
unpacked, and a budget bounds the rest. Formats other than PNG tell their size only. Bytes in, numbers out.
Sources: https://www.w3.org/TR/png-3/ (chunks, filters), and the JPEG and GIF headers.
"""

from __future__ import annotations

import binascii
import re
import zlib
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIGNED = "iVBORw0KGgo"  # the signature in base64
_START = 64  # letters of base64 that have a PNG's header
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_RUN = {pixel: rb"\0{%d,}" % (8 * pixel) for pixel in _CHANNELS.values()}
BUDGET = 400_000  # bytes that may be unfiltered one at a time
_UNPACKED = 50  # bytes that are decompressed while one is unfiltered


class Image(NamedTuple):
    """Width and height in pixels (0 where unknown) and size in bytes."""

    width: int
    height: int
    bytes: int


class ImageChange(NamedTuple):
    """Two images; `share` is the part of pixels that differ (0 to 1), None where that was not counted."""

    old: Image
    new: Image
    share: float | None


class _Png(NamedTuple):
    width: int
    height: int
    pixel: int
    stride: int
    palette: bytes
    data: bytes


def decode(text: str) -> bytes:
    """The bytes of a base64 text as notebooks hold it; empty when it is none."""
    try:
        return binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return b""


def measure(data: bytes) -> Image:
    """The size of an image, from its header."""
    if data.startswith(_SIGNATURE) and len(data) >= 24:
        return Image(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), len(data))
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return Image(int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"), len(data))
    if data.startswith(b"\xff\xd8"):
        return Image(*_jpeg_size(data), len(data))
    return Image(0, 0, len(data))


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return 0, 0


def compare(old: str, new: str, budget: int = BUDGET) -> tuple[ImageChange, int]:
    """Two images in base64, and how much of the budget their comparison took.

    Nothing is raised for damaged images, and beyond the budget (in bytes unfiltered one at a time): their pixels are
    just not counted.
    """
    (head, size), (other_head, other_size) = _start(old), _start(new)
    sizes = size, other_size
    if sizes[0][:2] != sizes[1][:2] or not sizes[0].width or sizes[0].width * sizes[0].height > 8 * budget:
        return ImageChange(*sizes, None), 0
    unpacking = (_unpacked(head) + _unpacked(other_head)) // _UNPACKED
    if unpacking > budget:
        return ImageChange(*sizes, None), 0
    a, b = _unpack(decode(old)), _unpack(decode(new))
    if a is None or b is None or a.pixel != b.pixel or a.palette != b.palette:
        return ImageChange(*sizes, None), unpacking
    left, right = _Rows(a), _Rows(b)
    changed = _count(left, right, budget - unpacking)
    share = None if changed is None else changed / (a.width * a.height)
    return ImageChange(*sizes, share), left.spent + right.spent + unpacking


def _start(text: str) -> tuple[bytes, Image]:
    """The first bytes of an image in base64, as far as they tell what it is, and its size; of a PNG no more is decoded,
    which takes longest where many images changed."""
    start = text[:_START]
    if start.startswith(_SIGNED) and "\n" not in start and len(start) == _START:
        data = decode(start)
        if len(data) == _START // 4 * 3:
            letters = len(text) - text.count("\n") - text.count("=", -4)
            return data, measure(data)._replace(bytes=letters * 3 // 4)
    data = decode(text)
    return data, measure(data)


def _unpacked(data: bytes) -> int:
    """How many bytes a PNG will be."""
    if not data.startswith(_SIGNATURE) or len(data) < 33:
        return 0
    width, height, _ = measure(data)
    return (width * _CHANNELS.get(data[25], 0) + 1) * height


def _unpack(data: bytes) -> _Png | None:
    """The filtered rows of a PNG of 8 bits a channel without interlacing; None for any other."""
    if not data.startswith(_SIGNATURE) or len(data) < 33:
        return None
    depth, colour, _, _, interlaced = data[24:29]
    if depth != 8 or colour not in _CHANNELS or interlaced:
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    packed: list[bytes] = []
    palette = b""
    place = 8
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        if kind == b"IDAT":
            packed.append(body)
        elif kind in (b"PLTE", b"tRNS"):
            palette += body
        place += 12 + length
    pixel = _CHANNELS[colour]
    stride = width * pixel + 1
    try:
        rows = zlib.decompressobj().decompress(b"".join(packed), stride * height)
    except zlib.error:
        return None
    return _Png(width, height, pixel, stride, palette, rows) if len(rows) == stride * height else None


def _count(a: _Rows, b: _Rows, budget: int) -> int | None:
    """How many pixels differ; None when the budget does not suffice."""
    height = a.png.height
    first = next((y for y in range(height) if a.packed(y) != b.packed(y)), height)
    if first == height:
        return 0
    start = first
    while start > 0 and a.packed(start)[0] > 1:  # a row filtered by the one above needs that one
        start -= 1
    if a.cost(start) + b.cost(start) > budget:
        return None
    changed = 0
    for y in range(start, height):
        if a.spent + b.spent > budget:
            return None
        if a.row == b.row and a.packed(y) == b.packed(y):
            a.step(y)
            b.row = a.row
        else:
            a.step(y)
            b.step(y)
            changed += _differing(a.row ^ b.row, a.png)
    return changed


def _differing(bits: int, png: _Png) -> int:
    """The number of pixels in which any bit is set."""
    if not bits:
        return 0
    wide, covered = 8 * png.pixel, 1
    while covered < wide:  # gather all bits of a pixel in its lowest one
        shift = min(covered, wide - covered)
        bits |= bits >> shift
        covered += shift
    lowest = int.from_bytes((b"\x01" + bytes(png.pixel - 1)) * png.width, "little")
    return (bits & lowest).bit_count()


class _Rows:
    """The rows of an image, unfiltered one after the other. A row is one little-endian integer, because sums and
    comparisons of long integers are the only fast arithmetic on bytes that plain Python has."""

    def __init__(self, png: _Png) -> None:
        self.png = png
        self.length = png.stride - 1
        self.row = 0
        self.spent = 0
        self._low = int.from_bytes(b"\x7f" * self.length, "little")
        self._high = int.from_bytes(b"\x80" * self.length, "little")

    def packed(self, y: int) -> bytes:
        """Row `y` with its filter byte in front."""
        return self.png.data[y * self.png.stride : (y + 1) * self.png.stride]

    def cost(self, start: int) -> int:
        """What unfiltering from row `start` on will take at least, in bytes that go one at a time."""
        stride = self.png.stride
        kinds = self.png.data[start * stride :: stride]
        zeros = self.png.data.count(0, start * stride)
        looped = self.length * (kinds.count(3) + kinds.count(4)) - zeros
        return max(looped, 0) + (self.length >> 3) * len(kinds)

    def step(self, y: int) -> None:
        """Go on to row `y`."""
        packed = self.packed(y)
        kind, above, pixel = packed[0], self.row, self.png.pixel
        self.spent += self.length >> 3
        row = int.from_bytes(packed[1:], "little")
        if kind == 4 and not above:
            kind = 1
        if kind == 2:
            row = self._add(row, above)
        elif kind == 1:
            step = 8 * pixel
            while step < 8 * self.length:
                row = self._add(row, row << step & ((1 << 8 * self.length) - 1))
                step *= 2
        elif kind in (3, 4):
            over = above.to_bytes(self.length, "little")
            if kind == 4 and not row and over == over[:pixel] * self.png.width:
                row = above
            else:
                out = self._paeth(packed[1:], row, over) if kind == 4 else _unfilter_average(packed[1:], over, pixel)
                self.spent += self.length if kind == 3 else 0
                row = int.from_bytes(out, "little")
        self.row = row

    def _paeth(self, packed: bytes, row: int, over: bytes) -> bytes:
        """A row with the filter that nothing but a loop undoes. Runs of pixels where the filter left nothing and the
        row above does not change (most of a drawing) repeat the pixel before them: those are not looped over."""
        pixel = self.png.pixel
        busy = row | (self.row ^ (self.row << 8 * pixel & ((1 << 8 * self.length) - 1)))
        out = bytearray(self.length)
        place = 0
        for run in re.finditer(_RUN[pixel], busy.to_bytes(self.length, "little")):
            start, stop = -(-run.start() // pixel) * pixel, run.end() // pixel * pixel
            _unfilter_paeth(packed, over, pixel, out, place, start)
            self.spent += start - place
            before = bytes(out[start - pixel : start]) if start else bytes(pixel)
            out[start:stop] = before * ((stop - start) // pixel)
            place = stop
        _unfilter_paeth(packed, over, pixel, out, place, self.length)
        self.spent += self.length - place
        return bytes(out)

    def _add(self, x: int, y: int) -> int:
        """Byte-wise sums modulo 256."""
        low = self._low
        return ((x & low) + (y & low)) ^ ((x ^ y) & self._high)


def _unfilter_average(row: bytes, above: bytes, pixel: int) -> bytes:
    out = bytearray(row)
    for k in range(min(pixel, len(row))):
        out[k] = (row[k] + (above[k] >> 1)) & 255
    for k in range(pixel, len(row)):
        out[k] = (row[k] + ((out[k - pixel] + above[k]) >> 1)) & 255
    return bytes(out)


def _unfilter_paeth(row: bytes, above: bytes, pixel: int, out: bytearray, start: int, stop: int) -> None:
    """One stretch of a row, byte by byte, into `out`."""
    for channel in range(pixel):
        left = out[start - pixel + channel] if start else 0
        corner = above[start - pixel + channel] if start else 0
        values: list[int] = []
        for x, up in zip(row[start + channel : stop : pixel], above[start + channel : stop : pixel], strict=True):
            if left == corner:
                best = up
            elif up == corner:
                best = left
            else:
                p, q = up - corner, left - corner
                r = p + q if p + q >= 0 else -p - q
                p, q = (p if p >= 0 else -p), (q if q >= 0 else -q)
                best = left if p <= q and p <= r else up if q <= r else corner
            corner, left = up, (x + best) & 255
            values.append(left)
        out[start + channel : stop : pixel] = bytes(values)
