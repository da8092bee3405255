"""The event log on disk, files and locks: with real files, processes and SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runs.test_state import EVENTS, created

from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.runs.events import CancelRequested, RunCreated, RunFinished, RunStarted, StepNoted
from nb2flow.runs.files import ABSENT, FileDigests
from nb2flow.runs.folders import Home, checked_label, disk_faults, new_run_id, replace_file
from nb2flow.runs.lock import RunLock, is_held
from nb2flow.runs.manifest import read_manifest
from nb2flow.runs.store import RunStore


def a_run(run_id: str, at: float = 1.0) -> RunCreated:
    first = created("a")
    return RunCreated(at=at, run_id=run_id, notebook=first.notebook, plan=first.plan)


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    with RunStore(tmp_path / ".nb2flow") as store:
        store.create(created("a", "b", "c", "d"))
        store.append("p-aaaaaaaa", EVENTS[:5])
        last = store.events("p-aaaaaaaa")[-1][0]
        store.append("p-aaaaaaaa", EVENTS[5:])
        assert [e for _, e in store.events("p-aaaaaaaa")] == [created("a", "b", "c", "d"), *EVENTS]
        assert [e for _, e in store.events("p-aaaaaaaa", last)] == EVENTS[5:]
        assert store.state("p-aaaaaaaa").status == "interrupted"
        with pytest.raises(UsageError, match="already"):
            store.create(created("a"))
    assert (tmp_path / ".nb2flow" / ".gitignore").read_text() == "*\n"


def test_looking_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    with RunStore(tmp_path / "none") as store:
        assert store.runs() == []
        with pytest.raises(UsageError, match="no runs here yet"):
            store.find("last")
    assert not (tmp_path / "none").exists()


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    with RunStore(tmp_path / ".nb2flow") as store:
        for at, run_id in enumerate(("iris-aaaaaaaa", "iris-abbbbbbb", "wine-cccccccc")):
            store.create(a_run(run_id, float(at)))
        assert store.find("w") == "wine-cccccccc"
        assert store.find("iris-ab") == "iris-abbbbbbb"
        assert store.find("last") == "wine-cccccccc"
        assert [r.run_id for r in store.runs()] == ["wine-cccccccc", "iris-abbbbbbb", "iris-aaaaaaaa"]
        with pytest.raises(UsageError, match="may mean iris-aaaaaaaa, iris-abbbbbbb"):
            store.find("iris")
        with pytest.raises(UsageError, match="no run called 'x'"):
            store.find("x")


def test_a_run_without_a_driver_is_interrupted(tmp_path: Path) -> None:
    home = Home(tmp_path / ".nb2flow")
    with RunStore(home.path) as store:
        store.create(a_run("r"))
        store.append("r", [RunStarted(at=2, pid=1, jobs=1)])
        home.run("r").create()
        lock = RunLock(home.run("r").lock)
        lock.acquire("r")
        assert store.state("r").status == store.runs()[0].status == "running"
        with pytest.raises(UsageError, match="another process is running r"):
            RunLock(home.run("r").lock).acquire("r")
        lock.release()
        assert store.state("r").status == store.runs()[0].status == "interrupted"
        store.append("r", [RunFinished(at=3, status="succeeded", seconds=1)])
        assert store.state("r").status == "succeeded"
        assert store.runs()[0].seconds == 1


WRITER = """
import sys, time
from pathlib import Path
from nb2flow.runs.events import StepNoted
from nb2flow.runs.store import RunStore
store = RunStore(Path(sys.argv[1]))
for i in range(200):
    store.append("r", [StepNoted(at=i, step=sys.argv[2], text=str(i)), StepNoted(at=i, step=sys.argv[2], text="x")])
"""


def test_others_read_and_write_while_a_run_writes(tmp_path: Path) -> None:
    home = tmp_path / ".nb2flow"
    with RunStore(home) as store:
        store.create(a_run("r"))
        before = store.changes()
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(home), name]) for name in ("one", "two")]
        counts = []
        while any(w.poll() is None for w in writers):
            counts.append(len(store.events("r")))
            store.append("r", [CancelRequested(at=0, who="command")])
        assert [w.wait() for w in writers] == [0, 0]
        events = [e for _, e in store.events("r")]
        assert store.changes() != before
    assert counts == sorted(counts)
    for name in ("one", "two"):
        mine = [e for e in events if isinstance(e, StepNoted) and e.step == name]
        assert [e.at for e in mine] == [i // 2 for i in range(400)]
    assert sum(isinstance(e, CancelRequested) for e in events) == len(counts)


def test_a_database_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.create(a_run("r"))
    connection = sqlite3.connect(tmp_path / "runs.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with RunStore(tmp_path) as store, pytest.raises(EnvironmentFault, match=r"newer version of nb2flow .* 99"):
        store.runs()


def test_a_damaged_database_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"this is no database" * 1000)
    with RunStore(tmp_path) as store, pytest.raises(EnvironmentFault, match=r"cannot use the run log .*runs\.db"):
        store.runs()


@pytest.mark.parametrize("name", ["../up", "", "a/b", "A", "-a", "a" * 64, "a.b", "x\n"])
def test_only_labels_become_paths(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a step"):
        checked_label(name, "step")


@pytest.mark.parametrize(
    ("notebook", "slug"), [("My Notebook (2)", "my-notebook-2"), ("Ünï", "n"), ("é", "run"), ("x" * 99, "x" * 40)]
)
def test_a_run_id_tells_the_notebook_and_is_new(notebook: str, slug: str) -> None:
    one, two = new_run_id(notebook), new_run_id(notebook)
    assert one != two
    assert one.rpartition("-")[0] == slug
    assert checked_label(one, "run") == one


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(TypeError):
        replace_file(target, "text is not bytes")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    replace_file(target, b"new")
    assert target.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_for_whom_the_process_says_and_the_process_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mask is one for all threads: two that look at it by setting it leave the wrong one behind."""
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.delattr(os, "umask")
            replace_file(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_full_disk_is_told_apart_from_one_that_is_not_writable(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="the disk is full"), disk_faults(tmp_path):
        Path("/dev/full").write_bytes(b"x")
    with pytest.raises(EnvironmentFault, match="cannot use"), disk_faults(tmp_path):
        (tmp_path / "a" / "b").write_bytes(b"")


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "from pathlib import Path; from nb2flow.runs.lock import RunLock; import time\n"
        f"RunLock(Path({str(lock)!r})).acquire('r'); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_held(lock)
    holder.kill()
    holder.wait()
    assert not is_held(lock)
    assert not is_held(tmp_path / "nothing")


def test_digests_are_remembered_only_for_files_that_look_untouched(tmp_path: Path) -> None:
    file, memory = tmp_path / "data", tmp_path / "memory.json"
    file.write_text("one")
    old = time.time() - 100
    digests = FileDigests(memory)
    first = digests.digest(file)
    digests.remember()
    assert not memory.exists(), "a file changed a moment ago may change again unseen"
    file.write_text("two")
    assert digests.digest(file) != first
    assert digests.digest(tmp_path / "missing") == ABSENT
    folder = digests.digest(tmp_path)
    (tmp_path / "another").touch()
    assert digests.digest(tmp_path) != folder
    assert digests.digest(Path("/dev/null")) == "special"
    os.utime(file, (old, old))
    memory.write_text(json.dumps({str(file): [[1, 2, 3, 4, 5], "wrong"]}))
    assert FileDigests(memory).digest(file) == digests.digest(file) != "wrong"
    memory.write_text("damaged")
    assert FileDigests(memory).digest(file) == digests.digest(file)


@pytest.mark.parametrize("text", ["[]", "{", '{"version": 2}', '{"outputs": 3}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.json"
    assert read_manifest(path) is None
    path.write_text(text)
    with pytest.raises(EnvironmentFault):
        read_manifest(path)


def test_several_may_make_the_database_at_the_same_moment(tmp_path: Path) -> None:
    def append(place: int) -> None:
        together.wait()
        with RunStore(home) as store:
            store.append(f"run-{place}", [CancelRequested(at=0.0, who="command")])

    for number in range(40):
        home, together = tmp_path / str(number), threading.Barrier(4)
        Home(home).create()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(append, range(4)))
        with RunStore(home) as store:
            assert len(store.ids()) == 4
