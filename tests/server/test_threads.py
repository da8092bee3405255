"""msgspec's descriptions of structs are made before there are threads (made by two at once, they crash the process)."""

from __future__ import annotations

import subprocess
import sys

_MANY_AT_ONCE = """
import sys, threading
import msgspec
from nb2flow.server.extension import prepare_structs
from nb2flow.plan.model import Plan
prepare_structs(msgspec.Struct)
sys.setswitchinterval(1e-6)
plan = {"name": "a", "source": "b", "source_digest": "c", "language": "p", "kernel": "k", "dialect": "x",
        "steps": [{"name": "a", "title": "b", "notebook": "c", "cells": [], "first_number": 1, "code": "x"}],
        "edges": [{"source": "a", "target": "b"}]}
threads = [threading.Thread(target=msgspec.convert, args=(plan, Plan)) for _ in range(32)]
[t.start() for t in threads]
[t.join() for t in threads]
"""


def test_threads_find_finished_descriptions() -> None:
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", _MANY_AT_ONCE], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
