"""What steps did to files can be put back: whatever it was, whoever of them did it, and what others did stays."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.engine.undo import undo
from nb2flow.runtime import before, observe
from nb2flow.runtime.before import Before

NAMES = ["a.txt", "b.txt", "d/a.txt", "d/e/c.txt", "data.db"]
FOLDERS = ["d", "d/e", "new"]


def _write(path: str, other: str, folder: str) -> None:
    Path(path).write_text(f"written beside {other}")


def _append(path: str, other: str, folder: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"+{other}")


def _truncate(path: str, other: str, folder: str) -> None:
    os.truncate(path, 1)


def _rename(path: str, other: str, folder: str) -> None:
    Path(path).replace(other)


def _move(path: str, other: str, folder: str) -> None:
    shutil.move(path, folder)


def _copy(path: str, other: str, folder: str) -> None:
    shutil.copy(path, other)


def _remove(path: str, other: str, folder: str) -> None:
    Path(path).unlink()


def _empty(path: str, other: str, folder: str) -> None:
    shutil.rmtree(folder)


def _make(path: str, other: str, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)


def _copy_tree(path: str, other: str, folder: str) -> None:
    shutil.copytree("d", "copied", dirs_exist_ok=True)


def _link(path: str, other: str, folder: str) -> None:
    Path(path).symlink_to(other)


def _insert(path: str, other: str, folder: str) -> None:
    connection = sqlite3.connect("data.db")
    try:
        connection.execute("create table if not exists t (x)")
        connection.execute("insert into t values (?)", (path,))
        connection.commit()
    finally:
        connection.close()


Deed = Callable[[str, str, str], None]
DEEDS: list[Deed] = [
    _write,
    _append,
    _truncate,
    _rename,
    _move,
    _copy,
    _remove,
    _empty,
    _make,
    _copy_tree,
    _link,
    _insert,
]
DONE = st.tuples(st.sampled_from(DEEDS), st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(FOLDERS))
STEPS = st.lists(st.tuples(st.integers(0, 2), st.lists(DONE, max_size=6)), max_size=4)


def _tree(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
    return found


class World:
    """A project's folder, and a folder beside it in which steps keep what files were."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.kept = folder / "kept"
        (self.home / "d" / "e").mkdir(parents=True)
        (self.home / "a.txt").write_text("what a was")
        (self.home / "d" / "a.txt").write_text("what another was")
        (self.home / "d" / "e" / "c.txt").write_text("what c was")
        (self.home / "d" / "to-a").symlink_to("../a.txt")

    def step(self, number: int, deeds: list[tuple[Deed, str, str, str]]) -> Path:
        """Do this as the cells of a step would; what cannot be done is not done."""
        folder = self.kept / str(number)
        here = Path.cwd()
        os.chdir(self.home)
        observe.begin(Before(str(folder), observe.own_files(self.home, self.kept)))
        try:
            for deed, *arguments in deeds:
                try:
                    deed(*arguments)
                except (OSError, shutil.Error, sqlite3.Error):
                    continue
        finally:
            observe.pause()
            os.chdir(here)
        return folder


@given(STEPS)
def test_all_is_as_it_was(steps: list[tuple[int, list[tuple[Deed, str, str, str]]]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        then = _tree(world.home)
        kept = {world.step(number, deeds) for number, deeds in steps}
        assert undo(kept) == ()
        assert _tree(world.home) == then


@given(st.lists(DONE, max_size=6), st.lists(DONE, max_size=6))
def test_what_was_done_before_stays(first: list[tuple[Deed, str, str, str]], second: list) -> None:  # type: ignore[type-arg]
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        one = world.step(1, first)
        then = _tree(world.home)
        two = world.step(2, second)
        assert undo([two], [one]) == ()
        assert _tree(world.home) == then


def test_what_another_step_has_written_since_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    early = world.step(1, [(_write, "a.txt", "early", ""), (_write, "b.txt", "early", "")])
    other = world.step(2, [(_write, "a.txt", "other", "")])
    undo([early], [other])
    assert (world.home / "a.txt").read_text() == "written beside other"
    assert not (world.home / "b.txt").exists()


def test_a_folder_of_very_many_files_that_was_emptied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before, "MOST_IN_TREE", 2)
    world = World(tmp_path)
    step = world.step(1, [(_empty, "", "", "d")])
    assert undo([step]) == (str(world.home / "d") + "/",)


def test_what_another_has_gone_on_with_is_put_back_when_that_one_is_undone_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    then = _tree(world.home)
    early = world.step(1, [(_append, "a.txt", "early", ""), (_append, "b.txt", "early", "")])
    other = world.step(2, [(_append, "a.txt", "other", ""), (_append, "b.txt", "other", "")])
    undo([early], [other])
    assert (world.home / "a.txt").read_text() == "what a was+early+other"
    shutil.rmtree(early)
    undo([other])
    assert _tree(world.home) == then


def test_a_file_too_large_to_be_kept_is_told_if_it_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before, "LARGEST", 5)
    world = World(tmp_path)
    opened = [(_append_nothing, "d/a.txt", "", ""), (_append, "a.txt", "more", "")]
    step = world.step(1, opened)
    assert undo([step]) == (str(world.home / "a.txt"),)


def _append_nothing(path: str, other: str, folder: str) -> None:
    Path(path).open("a").close()


def test_a_file_written_to_under_another_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    then = _tree(world.home)
    undo([world.step(1, [(_link_hard, "new.txt", "a.txt", ""), (_write, "new.txt", "more", "")])])
    assert _tree(world.home) == then


def _link_hard(path: str, other: str, folder: str) -> None:
    Path(path).hardlink_to(other)


def test_forked_processes_keep_too_and_others_are_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    step = world.step(1, [(_in_child, "a.txt", "b.txt", "")])
    assert undo([step]) == ()
    assert (world.home / "a.txt").read_text() == "what a was"
    assert not (world.home / "b.txt").exists()


def _in_child(path: str, other: str, folder: str) -> None:
    process = os.fork()
    if process == 0:
        try:
            _write(path, "child", "")
            _write(other, "child", "")
        finally:
            os._exit(0)
    os.waitpid(process, 0)
