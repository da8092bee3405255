"""The fuzz of `tests/diff/fuzzing.py` for as long as wanted: `python benchmarks/diff/fuzz.py --minutes 10`.

With `--nbdime PYTHON`, an interpreter of an environment with nbdime, nbdime also applies our scripts in its form: every
pair that nbdime can read must become the second notebook.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from diff.fuzzing import damaged, script_for_nbdime, survive

_WORKER = Path(__file__).with_name("patch_worker.py")


class Nbdime:
    """nbdime in a process of its own, asked line by line."""

    def __init__(self, python: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(_WORKER)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        self.patched = self.unreadable = 0

    def check(self, first: bytes, second: bytes) -> None:
        """Let nbdime apply our script; what nbformat cannot read is counted and passed by."""
        script = script_for_nbdime(first, second)
        if script is None:
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"a": first.decode(), "b": second.decode(), "script": script}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "unreadable" in answer:
            self.unreadable += 1
            return
        assert answer["patched"], f"nbdime's patch does not give the second notebook: {answer}"
        self.patched += 1


def main() -> int:
    """Compare, merge and patch damaged notebooks until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nbdime", help="python of an environment with nbdime")
    options = parser.parse_args()
    nbdime = Nbdime(options.nbdime) if options.nbdime else None
    end = time.monotonic() + 60 * options.minutes
    rounds = readable = 0
    while time.monotonic() < end:
        chance = random.Random((options.seed << 40) + rounds)
        first, second, third = (damaged(chance) for _ in range(3))
        try:
            if survive(first, second, third):
                readable += 1
                if nbdime is not None:
                    nbdime.check(first, second)
        except BaseException:
            sys.stderr.write(f"round {rounds} of seed {options.seed}\n")
            raise
        rounds += 1
    sys.stdout.write(f"{rounds} rounds, {readable} with readable notebooks, no fault\n")
    if nbdime is not None:
        sys.stdout.write(f"{nbdime.patched} scripts applied by nbdime, {nbdime.unreadable} that nbformat cannot read\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
