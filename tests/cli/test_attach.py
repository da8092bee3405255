"""Leaving a run that goes on elsewhere."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal
from nb2flow.cli.attach import leaving

class Client:
    def __del__(self):  # Python prints what is raised here, and goes on
        os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
with leaving() as wait:
    client = Client()
    del client
    try:
        wait(60)
    except KeyboardInterrupt:
        print("left")
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_ctrl_c_counts_whenever_it_comes() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.stdout == "left\nTrue\n", done.stderr
