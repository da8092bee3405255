"""Consecutive versions of notebooks out of the histories of clones; nothing of them is kept in this repository.

`python benchmarks/diff/histories.py OUT CLONE...` writes `OUT/<repository>__<n>/{a,b}.ipynb` and `OUT/index.json`: for
each clone a reproducible choice of commits that changed a notebook, at most two of one notebook, files up to 8 MB.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

LARGEST = 8_000_000


def git(clone: Path, *arguments: str) -> bytes:
    """What a git command says about a clone; clones may lack old objects, then it says less."""
    return subprocess.run(["git", "--git-dir", str(clone), *arguments], capture_output=True, check=False).stdout


def git_folder(clone: Path) -> Path:
    """The git directory of a clone, bare or not."""
    return clone / ".git" if (clone / ".git").exists() else clone


def changes(clone: Path) -> list[tuple[str, str, str, str]]:
    """Commit, old blob, new blob and path of every change of a notebook."""
    log = git(clone, "log", "--no-merges", "--raw", "--no-abbrev", "--diff-filter=M", "--format=@%H", "--", "*.ipynb")
    found: list[tuple[str, str, str, str]] = []
    commit = ""
    for line in log.decode("utf-8", "replace").splitlines():
        if line.startswith("@"):
            commit = line[1:]
        elif line.startswith(":"):
            fields, _, path = line.partition("\t")
            _, _, old, new, _ = fields.split()
            found.append((commit, old, new, path))
    return found


def extract(clone: Path, name: str, out: Path, most: int) -> list[dict[str, object]]:
    """Write up to `most` pairs of one clone; returns their index entries."""
    found = changes(clone)
    random.Random(name).shuffle(found)
    seen: dict[str, int] = {}
    entries: list[dict[str, object]] = []
    for commit, old, new, path in found:
        if len(entries) >= most:
            break
        if seen.get(path, 0) >= 2:
            continue
        a, b = git(clone, "cat-file", "blob", old), git(clone, "cat-file", "blob", new)
        if not a or not b or max(len(a), len(b)) > LARGEST:
            continue
        seen[path] = seen.get(path, 0) + 1
        folder = out / f"{name}__{len(entries)}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.ipynb").write_bytes(a)
        (folder / "b.ipynb").write_bytes(b)
        entries.append({"dir": str(folder), "repo": name, "commit": commit, "path": path, "a": len(a), "b": len(b)})
    return entries


def main() -> int:
    """Extract from every clone named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("clones", type=Path, nargs="+")
    parser.add_argument("--each", type=int, default=4, help="pairs from each clone")
    options = parser.parse_args()
    index: list[dict[str, object]] = []
    for clone in options.clones:
        folder = git_folder(clone)
        name = next(part for part in reversed(clone.parts) if part not in ("repo", ".git"))
        index += extract(folder, name.replace("+", "-"), options.out, options.each)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "index.json").write_text(json.dumps(index, indent=1))
    sys.stdout.write(f"{len(index)} pairs from {len(options.clones)} clones\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
