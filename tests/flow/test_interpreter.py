"""An interpreter that goes on from the first cell that was edited gives what a new one gives, whatever was edited."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from notebooks import document

from nb2flow import flow, notebook
from nb2flow.flow import interpret
from nb2flow.flow.machine import Machine
from nb2flow.flow.model import Flow, Observations
from nb2flow.flow.syntax import ParsedCell
from nb2flow.notebook.model import Cell, Layout, Notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("sample_notebooks/*.ipynb"), *ROOT.glob("tests/corpus/*/*.ipynb")])
EDITS = 12
# Code that later cells meet: what it changed must be as before when it is gone.
PIECES = (
    "del x", "import numpy as np", "import os.path\nos.environ['A'] = 'b'", "from __future__ import annotations",
    "exec('a = 1')", "for name in list(globals()): pass", "%cd /tmp", "print(", "rows.append(3)", "rows = rows or []",
    "class K(list):\n    n = []\n    def f(self): self.n.append(1)\nk = K()\nk.f()", "K.f = lambda self: rows\n",
    "def g():\n    global made\n    made = [rows]\ng()", "other = rows\nother.append(made)", "from m import *",
    "import builtins\nbuiltins.shown = print", "@register\ndef h(v): return v", "f = lambda v: v",
    "a = b = {}\na.k = b", "class L:\n    f = g", "x.__dict__.update(a)", "import random\nrandom.seed(1)",
)  # fmt: skip
TAGS = ("step:a", "step:b", "skip", "parameters", "setup", "each:rows", "gather")


def edited(cells: tuple[Cell, ...], chance: random.Random) -> tuple[Cell, ...]:
    """One edit: code put in, changed, taken away, moved, or a tag."""
    made = list(cells)
    k = chance.randrange(len(made))
    what = chance.choice(("change", "change", "shorten", "insert", "delete", "move", "tag"))
    if what == "change":
        made[k] = replace(made[k], source=chance.choice((*PIECES, *(c.source for c in cells))))
    elif what == "shorten":
        made[k] = replace(made[k], source="\n".join(made[k].source.splitlines()[:-1]))
    elif what == "insert":
        made.insert(k, Cell(k, f"new-{chance.random()}", "code", chance.choice(PIECES)))
    elif what == "delete" and len(made) > 1:
        del made[k]
    elif what == "move":
        made.insert(chance.randrange(len(made)), made.pop(k))
    elif what == "tag":
        made[k] = replace(made[k], tags=(*made[k].tags, chance.choice(TAGS)))
    return tuple(replace(cell, index=i) for i, cell in enumerate(made))


def sessions(start: Notebook, seed: str) -> Iterator[Notebook]:
    """States of a notebook that is being edited; at times an edit is undone."""
    chance = random.Random(seed)
    states = [start]
    for _ in range(EDITS):
        at = chance.choice(states) if chance.random() < 0.2 else states[-1]
        states.append(replace(at, cells=edited(at.cells, chance)))
        yield states[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_what_is_gone_on_with_is_what_is_begun_anew(path: Path) -> None:
    read = notebook.read(path)
    interpreter = flow.Interpreter()
    for number, state in enumerate(sessions(read, path.parent.name)):
        layout = notebook.lay_out(state, "cells" if number % 3 == 2 else None)
        assert flow.build(state, layout, interpreter=interpreter) == flow.build(state, layout)


# What the second cell did to things of the first is undone when it does something else.
REPLACED = {
    "owner": (
        "C = []\ndef make():\n    class K: pass\n    return K\nkept = [make()]", "C = kept[0]", "D = kept[0]", "x = D()"
    ),
    "flag": (
        "class K: pass\nshared = []\nk = K()\nk.other = shared", "k.__dict__ = {}", "pass", "k.z = 1"
    ),
    "version": ("rows = []", "rows = [1]", "pass", "print(rows)"),
    "link": ("a, b = [], []", "a.append(b)", "pass", "a[0] = 1"),
    "name": ("a = []", "del a", "pass", "a.append(1)"),
    "resource": ("import os", "os.chdir('..')", "pass", "print(open('x').read())"),
    "unknown": ("import os", "exec(os.name)", "pass", "print(nowhere)"),
}  # fmt: skip


@pytest.mark.parametrize("what", REPLACED)
def test_what_a_cell_did_is_undone(what: str) -> None:
    first, before, after, last = REPLACED[what]
    interpreter = flow.Interpreter()
    flows = []
    for second in (before, after, before):
        read = _read(*[(f"step:s{k}", c) for k, c in enumerate((first, second, last, "print(rows, shared, b)"))])
        layout = notebook.lay_out(read)
        flows.append(flow.build(read, layout, interpreter=interpreter))
        assert flows[-1] == flow.build(read, layout)
    assert flows[0] != flows[1]


def test_what_earlier_runs_showed_is_asked_for_anew() -> None:
    read = _read(("step:a", "rows = []"), ("step:b", "print(rows)"))
    interpreter, layout = flow.Interpreter(), notebook.lay_out(read)
    before = _flow(read, layout, interpreter, Observations())
    seen = Observations(changes=frozenset({(read.cells[0].id, "process:cwd")}))
    after = _flow(read, layout, interpreter, seen)
    assert (before, after) == (_flow(read, layout, None, Observations()), _flow(read, layout, None, seen))
    assert before != after


def test_only_what_follows_the_edit_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _read(*[("step:s", f"x{k} = [{k}]") for k in range(6)])
    interpreter = flow.Interpreter()
    flow.build(read, notebook.lay_out(read, "cells"), interpreter=interpreter)
    ran: list[int] = []
    run = interpret._run_cell

    def noted(m: Machine, parsed: ParsedCell) -> None:
        ran.append(parsed.cell.index)
        run(m, parsed)

    monkeypatch.setattr(interpret, "_run_cell", noted)
    state = replace(read, cells=tuple(replace(c, source="y = 1") if c.index == 4 else c for c in read.cells))
    flow.build(state, notebook.lay_out(state, "cells"), interpreter=interpreter)
    assert ran == [4, 5]


def test_an_edit_of_the_first_cell_leaves_no_garbage_that_only_a_search_finds() -> None:
    """Such garbage of a long notebook would hold a server up for a second once it is searched for."""
    interpreter = flow.Interpreter()

    def state(first: str) -> Notebook:
        return _read(("step:a", first), *[("step:b", f"x{k} = [{k}]\nx{k}.append(x{k})") for k in range(50)])

    states = [state(f"a = {k}") for k in range(3)]
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for each in states:
            flow.build(each, notebook.lay_out(each), interpreter=interpreter)
        gc.collect()
        ours = [type(found) for found in gc.garbage if type(found).__module__.startswith("nb2flow.")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not ours  # other tests of this process may leave something behind them


def _read(*cells: tuple[str, str]) -> Notebook:
    return notebook.of_values(document(*cells), "n", "n.ipynb")


def _flow(read: Notebook, layout: Layout, interpreter: flow.Interpreter | None, seen: Observations) -> Flow:
    return flow.build(read, layout, observed=seen, interpreter=interpreter)
