"""The store, as a folder and behind a server that speaks S3: one suite; and S3 as it is on bad days."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine.pipelines import S
from executors import s3
from executors.staged import Staged

from nb2flow.executors.pods.store import Store, StoreFault
from nb2flow.pods.contract import PodExit, blob_path
from nb2flow.runtime.blob import hash_file


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "bucket").mkdir()
    with s3.serving(folder) as served:
        yield served


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, endpoint: str) -> Store:
    if request.param == "folder":
        return Store(str(tmp_path / "store"))
    return Store(f"s3://bucket/{tmp_path.name}", s3.environ(endpoint))


def test_the_same_artifact_may_be_put_from_two_places_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods on a volume that they share, and steps that are staged side by side."""
    store, source = Store(str(tmp_path / "store")), tmp_path / "made"
    source.write_bytes(b"x" * 1000)
    digest, both, copy = hash_file(source), threading.Barrier(2), shutil.copyfile

    def copyfile(*paths: Path) -> None:
        copy(*paths)
        both.wait(60)

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store.put, [{digest: source}] * 2))
    (there,) = (path for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert hash_file(there) == digest


def test_objects_are_replaced_listed_and_removed(store: Store) -> None:
    store.examine()
    assert store.read("runs/r/a.json") is None
    assert store.listing("runs/r") == {}
    store.write("runs/r/a.json", b"1")
    store.write("runs/r/deep/b.json", b"2")
    before = store.listing("runs/r")
    assert set(before) == {"runs/r/a.json", "runs/r/deep/b.json"}
    store.write("runs/r/a.json", b"other")
    after = store.listing("runs/r")
    assert after["runs/r/a.json"] != before["runs/r/a.json"]
    assert after["runs/r/deep/b.json"] == before["runs/r/deep/b.json"]
    assert store.read("runs/r/a.json") == b"other"
    store.remove("runs/r/a.json")
    store.remove("runs/r/a.json")
    assert store.read("runs/r/a.json") is None


def test_blobs_are_sent_once_and_checked_when_they_come_back(store: Store, tmp_path: Path) -> None:
    names = {}
    for size in (0, 10, 9_000_000):
        path = tmp_path / f"blob-{size}"
        path.write_bytes(os.urandom(size))
        names[hash_file(path)] = path
    assert not store.has(names)
    store.put(names)
    assert store.has(names)
    store.get(names, tmp_path / "there")
    for name, path in names.items():
        assert (tmp_path / "there" / blob_path(name)).read_bytes() == path.read_bytes()

    damaged = next(iter(names))
    store.write(blob_path(damaged), b"something else")
    store.put({damaged: names[damaged]})  # it is there already: not sent again
    with pytest.raises(StoreFault, match="damaged"):
        store.get([damaged], tmp_path / "elsewhere")
    with pytest.raises(StoreFault, match="missing"):
        store.get(["0" * 64], tmp_path / "elsewhere")


def test_a_bucket_that_does_not_exist_and_credentials_that_are_wrong_are_told(endpoint: str) -> None:
    with pytest.raises(StoreFault, match="does not exist") as missing:
        Store("s3://nowhere/prefix", s3.environ(endpoint)).examine()
    assert "create the bucket" in missing.value.hint
    wrong = {**s3.environ(endpoint), "NB2FLOW_STORE_AWS_SECRET_ACCESS_KEY": "guessed"}
    with pytest.raises(StoreFault, match=r"credentials|permission"):
        Store("s3://bucket/prefix", wrong).examine()


def test_a_place_that_cannot_be_a_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="file"):
        Store(str(tmp_path / "file" / "store")).examine()
    with pytest.raises(StoreFault, match="not understood"):
        Store("nonsense://x")


def test_a_step_goes_through_a_server_that_is_slow_and_answers_503(endpoint: str, tmp_path: Path) -> None:
    unruly = s3.Unruly(endpoint, every=4, delay=0.05)
    given = s3.environ(unruly.endpoint)
    os.environ.update(given)
    try:
        staged = Staged(
            tmp_path / "p",
            "s3://bucket/unruly",
            S("a", ["x = bytes(300_000)"], outputs=("x",)),
            S("b", ["len(x)"], {"a": ("x",)}),
        )
        for name in ("a", "b"):
            code, said = staged.run(name)
            assert code == PodExit.SUCCEEDED, said
        assert staged.text("b", "b-c0") == "300000"
        assert unruly.refused > 5
    finally:
        unruly.close()
        for name in given:
            del os.environ[name]
