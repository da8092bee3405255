"""The file format of artifacts: what is written is read, and what is damaged is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nb2flow.runtime.blob import LEAF, DamagedError, blob_path, hash_file, read_blob, write_blob, write_text

quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def views(data: list[bytes]) -> list[memoryview]:
    return [memoryview(bytearray(d)) if i % 2 else memoryview(d) for i, d in enumerate(data)]


@given(stream=st.binary(max_size=300), buffers=st.lists(st.binary(max_size=200), max_size=5), name=st.text(max_size=9))
@quick
def test_reading_gives_what_was_written(tmp_path: Path, stream: bytes, buffers: list[bytes], name: str) -> None:
    digest, size = write_blob(tmp_path, {"names": [name]}, stream, views(buffers))
    blob = read_blob(tmp_path, digest)
    assert blob.header["names"] == [name]
    assert bytes(blob.stream) == stream
    assert [bytes(b) for b in blob.buffers] == buffers
    assert [b.readonly for b in blob.buffers] == [i % 2 == 0 for i in range(len(buffers))]
    path = blob_path(tmp_path, digest)
    assert path.stat().st_size == size
    assert hash_file(path) == digest


@pytest.mark.parametrize("size", [0, 1, 64, 1 << 16, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF + 12345])
def test_buffers_of_every_size_are_writable_copies(tmp_path: Path, size: int) -> None:
    data = bytearray(os.urandom(1 << 16) * (size // (1 << 16)) + b"x" * (size % (1 << 16)))
    digest, _ = write_blob(tmp_path, {}, b"stream", [memoryview(data), memoryview(b"tail")])
    assert hash_file(blob_path(tmp_path, digest)) == digest
    one, other = read_blob(tmp_path, digest), read_blob(tmp_path, digest)
    assert one.buffers[0] == data
    if size:
        one.buffers[0][-1:] = b"!"
        assert other.buffers[0] == data
        assert hash_file(blob_path(tmp_path, digest)) == digest


@given(cut=st.integers(0, 2000), flip=st.integers(0, 2000))
@quick
def test_damage_is_noticed_before_anything_is_unpickled(tmp_path: Path, cut: int, flip: int) -> None:
    digest, size = write_blob(tmp_path, {"names": ["a"]}, b"s" * 1000, [memoryview(b"b" * 500)])
    path = blob_path(tmp_path, digest)
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % size])
    with pytest.raises(DamagedError):
        read_blob(tmp_path, digest)
    flipped = bytearray(whole)
    flipped[flip % size] ^= 0xFF
    path.write_bytes(flipped)
    try:
        blob = read_blob(tmp_path, digest)
    except DamagedError:
        pass
    else:  # in padding or a buffer, which are not read on opening: all that decides what is loaded is intact
        assert bytes(blob.stream) == b"s" * 1000
        assert blob.header["names"] == ["a"]
        assert [len(b) for b in blob.buffers] == [500]
    assert hash_file(path) != digest
    path.write_bytes(whole)


def test_a_blob_that_was_cut_short_is_written_again(tmp_path: Path) -> None:
    for buffers in ([], [memoryview(bytes(LEAF))]):
        digest, size = write_blob(tmp_path, {}, b"stream", buffers)
        path = blob_path(tmp_path, digest)
        path.write_bytes(path.read_bytes()[:100])
        assert write_blob(tmp_path, {}, b"stream", buffers) == (digest, size)
        assert path.stat().st_size == size


def test_files_of_another_format_are_refused(tmp_path: Path) -> None:
    digest, _ = write_blob(tmp_path, {}, b"stream", [])
    path = blob_path(tmp_path, digest)
    whole = path.read_bytes()
    path.write_bytes(b"#!/bin/sh is not an artifact")
    with pytest.raises(DamagedError, match="it is not an artifact"):
        read_blob(tmp_path, digest)
    path.write_bytes(whole[:7] + b"\x02" + whole[8:])
    with pytest.raises(DamagedError, match="it has format 2 and this runtime reads format 1"):
        read_blob(tmp_path, digest)


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.json"
    write_text(target, "one")
    write_text(target, "two é")
    assert target.read_text(encoding="utf-8") == "two é"
    assert [p.name for p in target.parent.iterdir()] == ["file.json"]
