"""Notebooks that do random things to files, what their authors do between runs, and what plain Python makes of them.

In a `hidden` program all is done by a module beside the notebook, which analysis does not look into: only what is seen
while the steps run can tell that they depend on each other.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from notebooks import Cell, save

FILES = ("data/a.txt", "data/b.txt", "out/a.txt", "out/b.txt", "out/sub/c.txt", "log.txt")
FOLDERS = ("data", "out", "out/sub")
_OURS = (".nb2flow", "program.ipynb", "nb2flow.toml", "helper.py", "__pycache__")

HEAD = """import glob, json, os, shutil, sqlite3, tempfile
from pathlib import Path
total = 0
names = []
def put(path, n):
    with open(path, 'w') as file:
        file.write(f'put {n}')
def show(path):
    path = Path(path)
    print(path.read_text() if path.exists() else 'none')
def remember(n):
    Path('out/memory.txt').open('a').write(f'{n} ')
def remembered():
    path = Path('out/memory.txt')
    return path.read_text() if path.exists() else ''"""
FOLDERS_FIRST = "os.makedirs('data', exist_ok=True)\nos.makedirs('out/sub', exist_ok=True)"

OPERATIONS = Path(__file__).with_name("operations.txt").read_text(encoding="utf-8").splitlines()[2:]

HELPER = """import glob, os, shutil, sqlite3
from pathlib import Path
def write(f, t):
    Path(f).write_text(t)
def append(f, t):
    with open(f, 'a') as h:
        h.write(t)
def read(f):
    return open(f).read()
def read_if(f):
    return open(f).read() if os.path.exists(f) else None
def exists(f):
    return os.path.exists(f)
def listed(d):
    return sorted(os.listdir(d))
def found(pattern):
    return sorted(glob.glob(pattern))
def remove(f):
    if os.path.exists(f):
        os.remove(f)
def move(a, b):
    if os.path.exists(a):
        os.replace(a, b)
def copy(a, b):
    shutil.copy(a, b)
def empty(d):
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
def insert(n):
    c = sqlite3.connect('out/db.sqlite')
    c.execute('create table if not exists t (x)')
    c.execute('insert into t values (?)', (n,))
    c.commit()
    rows = c.execute('select count(*), sum(x) from t').fetchall()
    c.close()
    return rows
"""
HIDDEN = r"""
helper.write('F', 'w N')
helper.append('F', '+N')
print(helper.read('F'))
print(helper.read_if('F'))
print(helper.exists('F'))
print(helper.listed('D'))
print(helper.found('D/*'))
helper.remove('F')
helper.move('F', 'G')
helper.copy('F', 'G')
helper.empty('D')
print(helper.insert(N))
""".strip().splitlines()

Told = tuple[dict[str, str], dict[str, str]]  # what each cell printed, by its id; and all files with what is in them


class FailedError(Exception):
    """The program itself fails."""


@dataclass(frozen=True)
class Turn:
    """One run in a history: what the author changes before it, the program then, and what it should give."""

    change: Callable[[Path], None]
    program: tuple[str, ...]
    environ: dict[str, str]
    expected: Told


def history(number: int, scratch: Path, *, hidden: bool, turns: int) -> list[Turn] | None:
    """A program and what becomes of it, tried out in plain Python.

    None when it cannot be told what a run with a cache should give: where the program fails, or gives something else
    when it runs once more (it appends to a file, say).
    """
    chooser = random.Random(number)
    program = [_cell(chooser, hidden) for _ in range(chooser.randrange(3, 7))]
    if chooser.random() < 0.75:
        program.insert(0, FOLDERS_FIRST)
    program.insert(0, ("import helper, time\n" if hidden else "") + HEAD)
    never_run, used = scratch / "never-run", scratch / "used"
    begin(never_run)
    begin(used)
    environ: dict[str, str] = {}
    made = []
    for turn in range(turns):
        change, program, environ = _change(chooser, program, environ, hidden) if turn else (_nothing, program, environ)
        change(never_run)
        change(used)
        try:
            expected = run_plainly(used, program, environ)
            if turns > 1 and not _is_repeatable(never_run, used, program, environ, expected):
                return None
        except FailedError:
            return None
        made.append(Turn(change, tuple(program), environ, expected))
    return made


def _is_repeatable(never_run: Path, used: Path, program: list[str], environ: dict[str, str], expected: Told) -> bool:
    for folder in (never_run, used):
        again = folder.with_name("again")
        shutil.rmtree(again, ignore_errors=True)
        shutil.copytree(folder, again)
        if run_plainly(again, program, environ) != expected:
            return False
    return True


def begin(folder: Path) -> None:
    """Make the folder as it is before the first run."""
    (folder / "data").mkdir(parents=True)
    (folder / "out" / "sub").mkdir(parents=True)
    (folder / "data" / "a.txt").write_text("aa")
    (folder / "data" / "b.txt").write_text("bbb")
    (folder / "helper.py").write_text(HELPER)
    (folder / "nb2flow.toml").write_text("")


def write(folder: Path, program: Iterable[str]) -> Path:
    """Write the program as a notebook, each cell a step, and return its path."""
    cells: list[Cell] = [(f"step:s{k}", text) for k, text in enumerate(program)]
    return save(folder / "program.ipynb", *cells)


def contents(folder: Path) -> dict[str, str]:
    """Every file and folder (ending in `/`) but for our own, with what is in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if place.startswith(_OURS):
            continue
        if path.is_dir():
            found[f"{place}/"] = ""
        elif place.endswith(".sqlite"):
            with closing(sqlite3.connect(path)) as connection:
                found[place] = repr(connection.execute("select x from t").fetchall())
        else:
            found[place] = path.read_text(errors="replace")
    return found


def run_plainly(folder: Path, program: Iterable[str], environ: dict[str, str]) -> Told:
    """Run the program in one plain Python, in this folder. FailedError when it fails."""
    write(folder, program)
    command = [sys.executable, __file__, "program.ipynb"]
    without = {name: value for name, value in os.environ.items() if name != "TRIED"}
    told = {**without, "PYTHONDONTWRITEBYTECODE": "1", **environ}
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise FailedError(done.stderr)
    return json.loads(done.stdout), contents(folder)


def _cell(chooser: random.Random, hidden: bool) -> str:
    count = chooser.choice([1, 1, 2, 2, 3])
    lines = [_operation(chooser, HIDDEN if hidden else OPERATIONS) for _ in range(count)]
    return "\n".join([f"time.sleep(0.{chooser.randrange(6)})", *lines] if hidden else lines)


def _operation(chooser: random.Random, forms: list[str]) -> str:
    one, other = chooser.sample(FILES, 2)
    form = chooser.choice(forms).replace("\\n", "\n")
    for quoted, name in (("'F", f"'{one}"), ("'G'", f"'{other}'"), ("'D", f"'{chooser.choice(FOLDERS)}")):
        form = form.replace(quoted, name)
    return re.sub(r"\bN\b", str(chooser.randrange(100)), form)


def _nothing(folder: Path) -> None:
    return None


def _change(
    chooser: random.Random, program: list[str], environ: dict[str, str], hidden: bool
) -> tuple[Callable[[Path], None], list[str], dict[str, str]]:
    """One change of the author's: to the program, to the variable, or to files (then it is the function)."""
    program, k = list(program), chooser.randrange(1, len(program))
    kinds = ["nothing", "edit", "edit", "edit", "write", "write", "add", "remove", "environ", "swap", "delete", "touch"]
    kind = chooser.choice(kinds)
    file, folder, n = chooser.choice(FILES), chooser.choice(FOLDERS), chooser.randrange(9)

    def to_files(root: Path) -> None:
        path = root / file
        if kind == "write" and path.parent.is_dir():
            path.write_text(f"changed {n}")
        elif kind == "add" and (root / folder).is_dir():
            (root / folder / f"extra{n % 3}.txt").write_text("x")
        elif kind == "remove" and n < 3:
            shutil.rmtree(root / ("out", "out/sub", "out/copy")[n], ignore_errors=True)
        elif kind == "remove":
            (root / (file if n < 8 else "out/db.sqlite")).unlink(missing_ok=True)
        elif kind == "touch":
            for name in FILES:
                if (root / name).exists():
                    os.utime(root / name)

    if kind == "edit":
        program[k] = _cell(chooser, hidden)
    elif kind == "swap" and k + 1 < len(program):
        program[k], program[k + 1] = program[k + 1], program[k]
    elif kind == "delete" and len(program) > 3:
        program.pop(k)
    elif kind == "environ":
        environ = chooser.choice([{"TRIED": "1"}, {"TRIED": "2"}, {}])
    return to_files, program, environ


def _main(path: str) -> None:
    """Run a notebook's cells here; what each printed goes to standard output as JSON."""
    import contextlib
    import io

    sys.path.insert(0, "")
    names: dict[str, object] = {"__name__": "__main__"}
    told = {}
    for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cell["source"], cell["id"], "exec"), names)
        told[cell["id"]] = printed.getvalue()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    _main(sys.argv[1])
