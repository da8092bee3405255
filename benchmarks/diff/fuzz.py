"""The fuzz of `tests/diff/fuzzing.py` for as long as wanted: `python benchmarks/diff/fuzz.py --minutes 10`."""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from diff.fuzzing import damaged, survive


def main() -> int:
    """Compare, merge and patch damaged notebooks until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    rounds = readable = 0
    while time.monotonic() < end:
        chance = random.Random((options.seed << 40) + rounds)
        try:
            readable += survive(damaged(chance), damaged(chance), damaged(chance))
        except BaseException:
            sys.stderr.write(f"round {rounds} of seed {options.seed}\n")
            raise
        rounds += 1
    sys.stdout.write(f"{rounds} rounds, {readable} with readable notebooks, no fault\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
