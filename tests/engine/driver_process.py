"""A process that drives one of a few pipelines: `python driver_process.py FOLDER PIPELINE RUN_ID [resume]`.

Prints a line for each event, so that a test can wait for the moment it wants to disturb.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.pipelines import S, compiled, request

from nb2flow.engine import drive, resume
from nb2flow.errors import Nb2flowError
from nb2flow.executors.local import LocalBackend
from nb2flow.runs.store import RunStore
from nb2flow.runtime.bundle import runtime_digest, runtime_files

WAITS = """\
import time, pathlib
print('waiting', flush=True)
for _ in range(600):
    if pathlib.Path('go').exists():
        break
    time.sleep(0.1)
"""
STUBBORN = """\
import time
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
PIPELINES = {
    "waits": (
        S("first", ["x = 1"], outputs=("x",)),
        S("waits", [WAITS, "y = x"], {"first": ("x",)}, ("y",)),
        S("last", ["print(y)"], {"waits": ("y",)}),
    ),
    "stubborn": (S("stubborn", [STUBBORN]),),
    "big": (
        S("big", ["data = bytearray(20_000_000)"], outputs=("data",)),
        S("after", ["len(data)"], {"big": ("data",)}),
    ),
    "wide": tuple(S(f"s{i}", [f"x = {i}"]) for i in range(20)),
}


def main(folder: Path, pipeline: str, run_id: str, resuming: bool) -> int:
    plan = compiled(*PIPELINES[pipeline])
    with RunStore(folder / ".nb2flow") as store:
        try:
            asked = request(folder, plan, run_id=run_id, jobs=int(os.environ.get("TEST_JOBS", "2")))
            if resuming:
                asked = resume(
                    store,
                    run_id,
                    runtime=runtime_files(),
                    runtime_digest=runtime_digest(),
                    environ=dict(os.environ),
                    jobs=2,
                )
            state = drive(
                asked,
                LocalBackend(),
                store,
                on_event=lambda e: print(type(e).__name__, getattr(e, "step", ""), flush=True),
            )
        except Nb2flowError as error:
            print(f"{type(error).__name__}: {error.message} | {error.hint}", flush=True)
            return int(error.exit_code)
    print("status", state.status, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], "resume" in sys.argv[4:]))
