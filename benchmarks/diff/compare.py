"""The goal table of the diff, with nbdime beside it in the same run.

`python benchmarks/diff/compare.py --nbdime PYTHON [--pairs DIR [--only-pairs] [--whole N]]`, where PYTHON is the
interpreter of an environment with nbdime 4.0.4 and DIR was filled by `histories.py`. CPU seconds everywhere; both tools
see the same files one right after the other, our times are the best of three (they are short), nbdime's a single one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from synthetic import CASES

HERE = Path(__file__).parent


def environment() -> dict[str, str]:
    """The environment of all processes: our package from this checkout, compiled as an installed one is."""
    found = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    compiled = str(Path(tempfile.gettempdir()) / "nb2flow-benchmark-bytecode")
    return {**found, "PYTHONPATH": str(HERE.parents[1]), "PYTHONPYCACHEPREFIX": compiled, "PYTHONWARNINGS": "ignore"}


class Tool:
    """One side of the comparison. `mode` is "fresh" (a process started for each request), "fork" (one forked for each
    request) or "warm" (one for all)."""

    def __init__(self, python: str, side: str, mode: str) -> None:
        self.command = [python, str(HERE / "worker.py"), side, *(["fork"] if mode == "fork" else [])]
        self.kept = None if mode == "fresh" else self._start()

    def _start(self) -> subprocess.Popen[str]:
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=nowhere, text=True, env=environment())

    def ask(self, **request: Any) -> dict[str, Any]:
        """One answer."""
        process = self.kept or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        if process is not self.kept:
            process.stdin.close()
            process.wait()
        return answer

    def best(self, times: int, **request: Any) -> dict[str, Any]:
        """The quickest of several answers."""
        answers = [self.ask(**request) for _ in range(times)]
        return min(answers, key=lambda a: a.get("all", 0.0))


def cpu(command: list[str], repeat: int = 5, before: bool = True) -> float:
    """CPU seconds of a whole process, the median of several; one more runs `before` that, to compile what is not."""
    found = []
    quiet: dict[str, Any] = {"env": environment(), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if before:
        subprocess.run(command, **quiet, check=False)
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, **quiet, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found)


def say(what: str, value: str, goal: str = "") -> None:
    """One row."""
    sys.stdout.write(f"{what:58} {value:34} {goal}\n")
    sys.stdout.flush()


def startup(python: str | None) -> None:
    """Start-up of the commands."""
    us = [sys.executable, "-m", "nb2flow.cli.diff"]
    bare = cpu([sys.executable, "-c", "pass"])
    say("start-up: python -c pass", f"{bare:.3f} s")
    say("start-up: nb2flow-diff --version", f"{cpu([*us, '--version']):.3f} s", "≤ 0.08 s")
    with tempfile.TemporaryDirectory() as folder:
        a, b = Path(folder) / "a.ipynb", Path(folder) / "b.ipynb"
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "x = 1"}
        notebook: dict[str, Any] = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        a.write_text(json.dumps(notebook))
        b.write_text(json.dumps(notebook).replace("x = 1", "y = 1"))
        say("start-up: nb2flow-diff of two tiny notebooks", f"{cpu([*us, str(a), str(b)]):.3f} s")
        if python:
            nbdime = [python, "-m", "nbdime.nbdiffapp"]
            say(
                "start-up: nbdime's nbdiff of the same",
                f"{cpu([*nbdime, '--no-git', '--no-use-diff', str(a), str(b)], 3):.3f} s",
            )


def real_pairs(pairs: Path, ours: Tool, theirs: Tool | None, python: str | None, whole: int) -> None:
    """Real consecutive versions."""
    index = json.loads((pairs / "index.json").read_text())
    rows: list[tuple[float, float, float]] = []
    told: list[str] = []
    patched = unpatched = 0
    faults: list[str] = []
    compared: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(folder) / "script.json")
        for entry in index:
            files = {"a": f"{entry['dir']}/a.ipynb", "b": f"{entry['dir']}/b.ipynb"}
            mine = ours.best(3, **files, script=script)
            other = theirs.ask(**files, script=script) if theirs is not None and "fault" not in mine else {}
            if "fault" in mine or "fault" in other:
                said = f"ours {mine.get('fault', 'ok')[:70]}; nbdime {other.get('fault', '-')[:70]}"
                faults.append(f"{Path(entry['dir']).name}: {said}")
                continue
            compared.append(entry)
            patched += other.get("patched") is True
            if other.get("patched") is False:
                unpatched += 1
                faults.append(f"{Path(entry['dir']).name}: not the second file after nbdime's patch")
            rows.append((mine["all"], mine["full"], other.get("all", 0.0)))
            if other and other["all"] < 30 * mine["all"]:
                parts = ", ".join(f"{part} {mine[part] * 1000:.1f}" for part in ("diff", "dump"))
                sizes = "/".join(f"{entry[side] / 1e6:.2f}" for side in "ab")
                which = f"{Path(entry['dir']).name}, {sizes} MB"
                told.append(f"{other['all'] / mine['all']:.1f}×: {which}; ours {parts} ms, nbdime {other['all']:.3f} s")
    say("real pairs compared", f"{len(rows)} of {len(index)}")
    for name, column in (
        ("ours: read + diff + dump", 0),
        ("ours: everything told, as JSON", 1),
        ("nbdime: read + diff + dump", 2),
    ):
        values = sorted(r[column] for r in rows)
        say(name, f"median {values[len(values) // 2] * 1000:.2f} ms, worst {values[-1] * 1000:.0f} ms")
    if theirs is not None:
        ratios = sorted(r[2] / r[0] for r in rows)
        say("nbdime / ours", f"median {statistics.median(ratios):.0f}×, least {ratios[0]:.0f}×", "≥ 100×, ≥ 30×")
        say("pairs below 30×", f"{sum(r < 30 for r in ratios)} of {len(ratios)}")
        for line in sorted(told, key=lambda line: float(line.partition("×")[0])):
            say("  below 30×", line)
        say("our scripts patched by nbdime give the second file", f"{patched} of {patched + unpatched}", "100 %")
        whole_process(compared, python, whole)
    for fault in faults:
        say("  not compared", fault)


def whole_process(index: list[dict[str, Any]], python: str | None, most: int) -> None:
    """Whole processes, of so many pairs spread over all; the slowest are named."""
    ratios = []
    told = []
    for entry in index[:: max(1, len(index) // most)]:
        a, b = f"{entry['dir']}/a.ipynb", f"{entry['dir']}/b.ipynb"
        mine = cpu([sys.executable, "-m", "nb2flow.cli.diff", a, b], 3)
        nbdime = [str(python), "-m", "nbdime.nbdiffapp", "--no-git", "--no-use-diff", a, b]
        other = cpu(nbdime, 1, before=not ratios)
        ratios.append(other / mine)
        told.append((ratios[-1], f"{ratios[-1]:.1f}×: {Path(entry['dir']).name}, {mine:.3f} s, nbdime {other:.2f} s"))
    for _, line in sorted(told)[:10]:
        say("  a whole process", line)
    say(
        f"whole process, text on a pipe, {len(ratios)} pairs, nbdime / ours",
        f"median {statistics.median(ratios):.0f}×, least {min(ratios):.0f}×",
        "≥ 15×",
    )


def synthetic(ours: Tool, theirs: Tool | None) -> None:
    """Made-up notebooks of given sizes."""
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            a, b = Path(folder) / "a.ipynb", Path(folder) / "b.ipynb"
            first, second = case.make()
            a.write_bytes(first)
            b.write_bytes(second)
            mine = ours.best(3, a=str(a), b=str(b))
            times[case.name] = mine["all"]
            nbdime = theirs.ask(a=str(a), b=str(b)) if theirs is not None and case.bearable else {}
            other = f", nbdime {nbdime['all']:.2f} s" if "all" in nbdime else ""
            say(
                case.name,
                f"{mine['all']:.4f} s (+ told {mine['full']:.3f}), {mine['peak_mib']:.0f} MiB{other}",
                case.goal,
            )
    growth = times["5,000 cells, ids, one in fifty edited"] / times["1,000 cells, ids, one in fifty edited"]
    say("growth from 1,000 to 5,000 cells", f"{growth:.1f}×", "≤ 8×")


def main() -> int:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nbdime", help="python of an environment with nbdime")
    parser.add_argument("--pairs", type=Path, help="a folder that histories.py filled")
    parser.add_argument("--only-pairs", action="store_true", help="leave out the made-up notebooks")
    parser.add_argument("--whole", type=int, default=12, help="of how many pairs whole processes are compared")
    options = parser.parse_args()
    ours = Tool(sys.executable, "ours", "fresh")
    theirs = Tool(options.nbdime, "nbdime", "fork") if options.nbdime else None
    startup(options.nbdime)
    if not options.only_pairs:
        synthetic(ours, theirs)
    if options.pairs:
        real_pairs(options.pairs, ours, theirs, options.nbdime, options.whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
