"""Threads that work for others and keep nobody from leaving."""

from __future__ import annotations

import subprocess
import sys
import threading

from nb2flow.executors.kubernetes.crew import Crew


def test_all_that_is_given_is_done_side_by_side() -> None:
    crew = Crew(3, "test")
    together = threading.Barrier(4)
    for _ in range(3):
        crew.submit(together.wait, 60)
    together.wait(60)
    done: list[int] = []
    for number in range(100):
        crew.submit(done.append, number)
    last = threading.Event()
    crew.submit(last.set)
    assert last.wait(60)
    crew.close(60)
    assert len(done) == 100


def test_what_hangs_is_left_behind_and_what_was_not_begun_is_given_up() -> None:
    """The interpreter ends, too: an executor's threads would keep it."""
    program = """
import threading
from nb2flow.executors.kubernetes.crew import Crew
crew, begun = Crew(1, "test"), threading.Event()
crew.submit(lambda: (begun.set(), threading.Event().wait()))
crew.submit(print, "never")
begun.wait()
crew.close(0.1)
print("left")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
