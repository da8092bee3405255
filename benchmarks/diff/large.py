"""Two notebooks of about 195 MB each, compared by the command in every form: CPU seconds and memory.

`python benchmarks/diff/large.py`. They hold images, as real ones of that size do. Once a cell was edited, once every
image is another one. Memory is to be at most four times the sizes of both files together.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from compare import environment
from synthetic import cells, notebook

_CELLS = 195
_SIDE = 498  # pixels: 1 MB in base64
_FORMS: tuple[list[str], ...] = (["--stat"], [], ["--json"], ["--html", os.devnull], ["--out", os.devnull])


def _part(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def picture(chance: random.Random) -> str:
    """A PNG of noise, in base64."""
    header = _SIDE.to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    lines = b"".join(b"\x00" + chance.randbytes(3 * _SIDE) for _ in range(_SIDE))
    parts = _part(b"IHDR", header) + _part(b"IDAT", zlib.compress(lines, 0)) + _part(b"IEND", b"")
    return b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def with_pictures(seed: int) -> list[dict[str, Any]]:
    """Cells with a picture each."""
    chance = random.Random(seed)
    found = cells(_CELLS, True)
    for cell in found:
        data = {"image/png": picture(chance), "text/plain": "<Figure>"}
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    return found


def run(a: Path, b: Path, form: list[str]) -> tuple[float, float, int]:
    """CPU seconds, GB and exit code of one command."""
    command = [sys.executable, "-m", "nb2flow.cli.diff", *form, str(a), str(b)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9, os.waitstatus_to_exitcode(status)


def make(folder: Path) -> None:
    """Write the three notebooks."""
    first = with_pictures(1)
    (folder / "a.ipynb").write_bytes(notebook(first))
    first[7]["source"] += "\nx = 1"
    (folder / "b.ipynb").write_bytes(notebook(first))
    (folder / "c.ipynb").write_bytes(notebook(with_pictures(2)))


def main() -> int:
    """Make them in a process of its own, whose memory would be counted otherwise, and run all."""
    if len(sys.argv) > 1:
        make(Path(sys.argv[1]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, folder], check=True)
        a, b, c = (Path(folder) / f"{name}.ipynb" for name in "abc")
        for what, other in (("a cell edited", b), ("every image changed", c)):
            both = (a.stat().st_size + other.stat().st_size) / 1e9
            for form in _FORMS:
                seconds, memory, code = run(a, other, form)
                sys.stdout.write(
                    f"{what}, {form[0] if form else 'text':6}: {seconds:.1f} s, {memory:.2f} GB,"
                    f" {memory / both:.2f} times both files, exit code {code}\n"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
