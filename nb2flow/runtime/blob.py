"""One file for one group of variables: a header, a pickle stream, and raw buffers that can be mapped into memory.

Layout: 8 bytes magic (the last is the version), 4 bytes header length and 4 bytes header checksum (CRC-32), both
little-endian, the header (JSON), then from the next multiple of 64 on (the "body") the pickle stream and each buffer,
every one at a multiple of 64. The file is named by the hash of its bytes and never changed once it has that name. This
file knows bytes only: what they mean is the business of `saving` and `loading`.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from json import dumps, loads  # kept, because a notebook may put its own in their place
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple

MAGIC = b"NB2FLOW\x01"
ALIGNMENT = 64
LEAF = 8 << 20  # bytes: a larger blob is hashed as a tree, so that several threads can share the work
SMALL = 256 << 10  # bytes: below, hash first and write only what is new
MAPPED_FROM = 64 << 10  # bytes: smaller blobs are read, since each mapping costs a page table and a descriptor
MAX_MAPPED_FILES = 200  # a mapping keeps a file descriptor; the usual limit of a process is 1,024
CHECKED_STREAM = 64 << 20  # bytes of pickle stream up to which its checksum is verified on loading


class DamagedError(Exception):
    """The bytes are not those of a whole blob of this version; the message says in which way."""


class Blob(NamedTuple):
    """A blob in memory. `header` is its JSON object; `buffers` are writable unless they were saved read-only."""

    header: dict[str, Any]
    stream: memoryview
    buffers: list[memoryview]


def write_blob(store: Path, header: dict[str, Any], stream: bytes, buffers: list[memoryview]) -> tuple[str, int]:
    """Put a blob into `store` and return (hash, bytes). `buffers` are contiguous bytes."""
    pieces = list(_pieces(header, stream, buffers))
    size = sum(len(piece) for piece in pieces)
    if size <= SMALL:
        data = b"".join(pieces)
        name = _hash([memoryview(data)])
        target = blob_path(store, name)
        if not _is_there(target, size):
            _replace(target, [memoryview(data)])
        return name, size
    temporary = _temporary(store / "blobs")
    try:
        name = _write_hashed(temporary, pieces)
        target = blob_path(store, name)
        if not _is_there(target, size):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
    finally:
        if temporary.exists():
            temporary.unlink()
    return name, size


def read_blob(store: Path, name: str) -> Blob:
    """Open a blob: large buffers are mapped copy-on-write, so that nothing is read before it is touched.

    Raises FileNotFoundError and DamagedError. Buffers are not hashed here (that would read them); `hash_file` does.
    """
    with blob_path(store, name).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header, body = _read_header(file, size)
        view = _body(file, size, bool(header["buffers"]))[body:]
    offset, length, checksum = header["stream"]
    stream = view[offset : offset + length]
    if length <= CHECKED_STREAM and zlib.crc32(stream) != checksum:
        raise DamagedError("its checksum is wrong")
    buffers = []
    for start, length, readonly in header["buffers"]:
        buffer = view[start : start + length]
        buffers.append(buffer.toreadonly() if readonly else buffer)
    return Blob(header, stream, buffers)


def blob_path(store: Path, name: str) -> Path:
    """Where the blob with this hash lies in a store."""
    return store / "blobs" / name[:2] / name


def _is_there(path: Path, size: int) -> bool:
    """Whether the blob is in the store; one that was cut short is written again."""
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def hash_file(path: Path) -> str:
    """The hash of a blob file; equal to its name unless it is damaged."""
    leaves: list[bytes] = []
    with path.open("rb") as file:
        while True:
            chunk = file.read(LEAF)
            if not chunk and leaves:
                break
            leaves.append(_digest([memoryview(chunk)]))
    return _root(leaves)


def _pieces(header: dict[str, Any], stream: bytes, buffers: list[memoryview]) -> Iterator[memoryview]:
    """The bytes of the file in order, without copying buffers."""
    table = []
    end = _aligned(len(stream))
    for buffer in buffers:
        table.append([end, len(buffer), buffer.readonly])
        end = _aligned(end + len(buffer))
    complete = dict(header, version=1, stream=[0, len(stream), zlib.crc32(stream)], buffers=table)
    text = dumps(complete, sort_keys=True, separators=(",", ":")).encode("utf-8")
    head = MAGIC + len(text).to_bytes(4, "little") + zlib.crc32(text).to_bytes(4, "little") + text
    yield memoryview(head + bytes(_aligned(len(head)) - len(head)))
    for part in itertools.chain([memoryview(stream)], buffers):
        yield part
        padding = _aligned(len(part)) - len(part)
        if padding:
            yield memoryview(bytes(padding))


def _aligned(size: int) -> int:
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def _leaves(pieces: Iterable[memoryview]) -> Iterator[list[memoryview]]:
    """The same bytes, cut into lists of LEAF bytes each (the last may be shorter)."""
    leaf: list[memoryview] = []
    room = LEAF
    for piece in pieces:
        rest = piece
        while len(rest) >= room:
            leaf.append(rest[:room])
            rest = rest[room:]
            yield leaf
            leaf, room = [], LEAF
        if len(rest):
            leaf.append(rest)
            room -= len(rest)
    if leaf:
        yield leaf


def _digest(pieces: list[memoryview]) -> bytes:
    digest = hashlib.sha256()  # which processors have instructions for: twice as fast there as any other of Python's
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _root(leaves: list[bytes]) -> str:
    """The name of a blob: the digest of its only leaf, or of all leaves' digests."""
    return leaves[0].hex() if len(leaves) == 1 else hashlib.sha256(b"".join(leaves)).hexdigest()


def _hash(pieces: list[memoryview]) -> str:
    return _root([_digest(leaf) for leaf in _leaves(pieces)])


def _write_hashed(path: Path, pieces: list[memoryview]) -> str:
    """Write and hash at the same time (both let other threads run); returns the hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool, _create(path) as file:
        digests: list[Future[bytes]] = []
        for leaf in _leaves(pieces):
            digests.append(pool.submit(_digest, leaf))
            for piece in leaf:
                file.write(piece)
        return _root([digest.result() for digest in digests])


def _replace(target: Path, pieces: list[memoryview]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target.parent)
    try:
        with _create(temporary) as file:
            for piece in pieces:
                file.write(piece)
        temporary.replace(target)
    finally:
        if temporary.exists():
            temporary.unlink()


def write_text(target: Path, text: str) -> None:
    """Replace a small file atomically."""
    _replace(target, [memoryview(text.encode("utf-8"))])


def _temporary(folder: Path) -> Path:
    return folder / f".new-{os.urandom(12).hex()}"  # the store may be shared by machines


def _create(path: Path) -> Any:
    """A new file that only its owner can read: artifacts may hold whatever the notebook holds."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 1 << 20)


def _read_header(file: Any, size: int) -> tuple[dict[str, Any], int]:
    """(header, offset of the body); the sizes in the header are checked against the file's."""
    start = file.read(16)
    if len(start) < 16 or start[:7] != MAGIC[:7]:
        raise DamagedError("it is not an artifact")
    if start[7] != MAGIC[7]:
        raise DamagedError(f"it has format {start[7]} and this runtime reads format {MAGIC[7]}")
    text = file.read(min(int.from_bytes(start[8:12], "little"), size))
    if zlib.crc32(text) != int.from_bytes(start[12:], "little"):
        raise DamagedError("its header is not whole")
    header: dict[str, Any] = loads(text)
    body = _aligned(16 + len(text))
    end = body + max(_aligned(part[0] + part[1]) for part in [header["stream"], *header["buffers"]])
    if end != size:
        raise DamagedError(f"it has {size} bytes instead of {end}")
    return header, body


class _Mapped:
    files = 0


def _body(file: Any, size: int, has_buffers: bool) -> memoryview:
    """The whole file as writable memory that belongs to this process alone."""
    if has_buffers and size >= MAPPED_FROM:
        if _Mapped.files < MAX_MAPPED_FILES:
            _Mapped.files += 1
            return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY))
        anonymous = memoryview(mmap.mmap(-1, size))
        file.seek(0)
        file.readinto(anonymous)
        return anonymous
    file.seek(0)
    return memoryview(bytearray(file.read()))
