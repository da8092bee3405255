"""What happens to a run when its process is disturbed: killed, interrupted, cancelled, without disk."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nb2flow.engine import cancel
from nb2flow.errors import UsageError
from nb2flow.runs.store import RunStore

SCRIPT = Path(__file__).with_name("driver_process.py")
RUN = "nb-aaaaaaaa"


class Driver:
    """A driving process whose printed lines can be waited for."""

    def __init__(self, folder: Path, pipeline: str, *words: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), pipeline, RUN, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        for found in self.process.stdout:
            self.lines.append(found.strip())
            if found.strip() == line:
                return
        raise AssertionError(f"{line!r} did not come: {self.lines}")

    def finish(self) -> list[str]:
        out, _ = self.process.communicate(timeout=60)
        self.lines += [line.strip() for line in out.splitlines()]
        return self.lines


Start = Callable[..., Driver]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    drivers: list[Driver] = []

    def begin(pipeline: str, *words: str, folder: Path = tmp_path, **environ: str) -> Driver:
        drivers.append(Driver(folder, pipeline, *words, **environ))
        return drivers[-1]

    yield begin
    for driver in drivers:
        if driver.process.poll() is None:
            os.killpg(driver.process.pid, signal.SIGKILL)
            driver.process.wait()


def descendants(pid: int) -> set[int]:
    """All processes below `pid`, also those in sessions of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def all_gone(pids: set[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not [pid for pid in pids if _alive(pid)]:
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_killed_in_mid_run_nothing_is_left_running_and_resume_goes_on(start: Start, tmp_path: Path) -> None:
    driver = start("waits")
    driver.wait_for("CellStarted waits")
    below = descendants(driver.process.pid)
    assert len(below) >= 3  # the fork server, a worker, a kernel
    driver.process.kill()
    driver.process.wait()
    assert all_gone(below), "a process outlived its driver"
    with RunStore(tmp_path / ".nb2flow") as store:
        state = store.state(RUN)
        assert state.status == "interrupted"
        assert {n: s.status for n, s in state.steps.items()} == {
            "first": "succeeded", "waits": "running", "last": "waiting",
        }  # fmt: skip
        assert [s.status for s in store.runs()] == ["interrupted"]
        with pytest.raises(UsageError, match="not running"):
            cancel(store, RUN)

    (tmp_path / "go").touch()
    lines = start("waits", "resume").finish()
    assert lines[-1] == "status succeeded"
    assert [line for line in lines if line.startswith("StepStarted")] == ["StepStarted waits", "StepStarted last"]
    assert start("waits", "resume").finish()[-1].startswith(f"UsageError: run {RUN} has finished")


def test_another_process_cancels_and_a_second_driver_is_refused(start: Start, tmp_path: Path) -> None:
    driver = start("waits")
    driver.wait_for("CellStarted waits")
    below = descendants(driver.process.pid)
    refused = start("waits", "resume").finish()
    assert refused[-1].startswith(f"UsageError: run {RUN} is running at this moment")
    with RunStore(tmp_path / ".nb2flow") as store:
        cancel(store, RUN)
        lines = driver.finish()
        assert lines[-1] == "status cancelled"
        state = store.state(RUN)
        assert {n: s.status for n, s in state.steps.items()} == {
            "first": "succeeded", "waits": "cancelled", "last": "cancelled",
        }  # fmt: skip
    assert all_gone(below)
    notebook = (tmp_path / ".nb2flow" / "runs" / RUN / "executed" / "waits.ipynb").read_text()
    assert "waiting" in notebook  # what it had printed is kept
    assert "KeyboardInterrupt" in notebook


def test_ctrl_c_stops_kernels_and_leaves_a_run_that_can_go_on(start: Start, tmp_path: Path) -> None:
    driver = start("waits")
    driver.wait_for("CellStarted waits")
    below = descendants(driver.process.pid)
    driver.process.send_signal(signal.SIGINT)
    assert driver.finish()[-1] == "status interrupted"
    assert all_gone(below)
    (tmp_path / "go").touch()
    assert start("waits", "resume").finish()[-1] == "status succeeded"


def test_the_second_ctrl_c_does_not_wait_for_a_cell_that_will_not_stop(start: Start) -> None:
    driver = start("stubborn")
    driver.wait_for("CellStarted stubborn")
    below = descendants(driver.process.pid)
    driver.process.send_signal(signal.SIGINT)
    driver.wait_for("CancelRequested")
    began = time.monotonic()
    driver.process.send_signal(signal.SIGINT)
    assert driver.finish()[-1] == "status interrupted"
    assert time.monotonic() - began < 4.9  # the grace of the first is five seconds
    assert all_gone(below)


@pytest.mark.parametrize(
    ("killed", "told"),
    [("worker", "the process that ran this step was killed"), ("zygote", "the kernel died")],
)
def test_a_process_that_is_killed_takes_the_kernel_along_and_is_told(
    start: Start, tmp_path: Path, killed: str, told: str
) -> None:
    driver = start("waits")
    driver.wait_for("CellStarted waits")
    (worker,) = _children(_child(driver.process.pid, "forkserver"))
    zygote = _child(driver.process.pid, "zygote")
    kernels = _children(zygote)
    assert kernels
    os.kill({"worker": worker, "zygote": zygote}[killed], signal.SIGKILL)
    assert driver.finish()[-1] == "status failed"
    assert all_gone(kernels)
    with RunStore(tmp_path / ".nb2flow") as store:
        failure = store.state(RUN).steps["waits"].failure
    assert failure is not None
    assert failure.message.startswith(told)


def _child(pid: int, command: str) -> int:
    (found,) = [child for child in _children(pid) if command in Path(f"/proc/{child}/cmdline").read_text()]
    return found


def _children(pid: int) -> set[int]:
    return {int(p) for task in Path(f"/proc/{pid}/task").iterdir() for p in (task / "children").read_text().split()}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB (needs root, which containers of CI have)."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_in_a_step_is_told_and_the_rest_is_skipped(start: Start, small_disk: Path) -> None:
    lines = start("big", folder=small_disk).finish()
    assert lines[-1] == "status failed"
    with RunStore(small_disk / ".nb2flow") as store:
        failure = store.state(RUN).steps["big"].failure
        assert failure is not None
        assert "No space left" in failure.message + "".join(failure.traceback)
        assert "disk is full" in failure.hint
        assert store.state(RUN).steps["after"].status == "skipped"


def test_a_disk_that_is_full_from_the_start_is_one_clear_message(start: Start, small_disk: Path) -> None:
    (small_disk / "nb.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    lines = start("big", folder=small_disk).finish()
    assert lines[-1].startswith("EnvironmentFault: ")
    assert "full" in lines[-1]


def test_a_folder_that_is_not_writable_is_one_clear_message(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    (folder / "nb.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        (folder / "nb.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        lines = start("big", folder=folder).finish()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert lines[-1].startswith("EnvironmentFault: cannot write")
    assert "NB2FLOW_HOME" in lines[-1]


@pytest.mark.slow
def test_twenty_steps_start_at_once(start: Start) -> None:
    lines = start("wide", TEST_JOBS="20").finish()
    assert lines[-1] == "status succeeded"
