"""The law of `each:`: what instances make, put together, is what the notebook makes, on generated loops.

Programs that nb2flow refuses are not run; that enough are taken, and that what is not element by element is refused, is
tested by name. Instances are simulated as the engine and the runtime have them: each in a namespace of its own, with
its element in a copy of the list of one; a list whose elements share objects is not divided, and results that share
objects with what an instance began with make the step run whole.
"""

from __future__ import annotations

import random

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from simulate import flow_of, make_notebook, reference, simulate

from nb2flow.notebook import lay_out, reads

Cells = list[tuple[str, str]]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)  # explaining takes minutes
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)

HEAD = """import copy
shared = {'k': [0]}
log = []
last = 0
class Box:
    def __init__(self, v):
        self.v = v
def grow(x):
    log.append(x)
    return len(log)
def look(): return len(out)
def ahead(): return len(items)
def remember(x):
    global last
    last = x
    return x
def recall(): return last
def fill(x):
    x.append(len(x))
    return x
def same(x): return x
def text(v, depth=0):
    if isinstance(v, Box): return 'Box(' + text(v.v, depth + 1) + ')'
    if isinstance(v, (list, tuple)): return '[' + ','.join(text(x, depth + 1) for x in v) + ']' if depth < 6 else '...'
    if isinstance(v, dict): return '{' + ','.join(f'{k}:{text(x, depth + 1)}' for k, x in v.items()) + '}'
    return str(v)
"""
LISTS = st.sampled_from(
    [
        "items = [[1], [2, 3], [4]]",
        "p = [1]\nitems = [p, [2], p]",
        "p = [1]\nitems = [p, [2], [3]]",
        "items = [[k] * k for k in range(5)]",
        "items = []",
        "items = ([7], [8])",
        "items = [shared['k'], [5]]",
        "items = {'a': 1, 'bb': 2}",
    ]
)
VALUES = st.sampled_from(
    [
        *("i", "len(i)", "t", "[t]", "len(t)", "list(i)", "copy.deepcopy(i)", "same(i)", "fill(list(i))", "fill(i)"),
        *("grow(i)", "look()", "ahead()", "remember(i)", "recall()", "shared['k']", "len(shared['k'])", "Box(i)"),
        *(
            "[w for w in i]",
            "sum(len(i) for w in i)",
            "max(i, key=lambda w: -w, default=0)",
            "Box(list(i)).v",
            "len(u)",
        ),
        *("len(items)", "len(out)", "(lambda: len(i))()", "log", "last"),
    ]
)


def _lines(body: str) -> str:
    return "\n".join("    " + line for line in body.split("\n"))


simple = st.one_of(
    st.builds("t = {}".format, VALUES),
    st.builds("u = [{}]".format, VALUES),
    st.builds("out.append({})".format, VALUES),
    st.builds("out.extend([{}, 1])".format, VALUES),
    st.builds("out += [{}]".format, VALUES),
    st.builds("table[len(i)] = {}".format, VALUES),
    st.builds("table[str({0})] = len({0})".format, st.sampled_from(["i", "t", "out"])),
    st.builds("print(text({}))".format, VALUES),
    st.sampled_from(
        ["continue", "break", "t.append(1)", "shared['k'].append(1)", "i.append(9)", "last = 1", "t = t + t"]
    ),
    st.sampled_from(["u = t", "t += [1]", "out = []", "del t", "(u := [2])", "import math", "pass", "i = [1]"]),
)
statement = st.one_of(
    simple,
    st.builds(lambda s: "if len(i) > 1:\n" + _lines(s), simple),
    st.builds(lambda s, r: "if i == [2]:\n" + _lines(s) + "\nelse:\n" + _lines(r), simple, simple),
    st.builds(lambda s: "for w in range(2):\n" + _lines(s), simple),
    st.builds(lambda s: "try:\n" + _lines(s) + "\nexcept TypeError:\n    t = [0]", simple),
)
loop = st.one_of(
    st.builds(
        lambda ss: "for i in items:\n" + _lines("t = [len(i)]\n" + "\n".join(ss)), st.lists(statement, max_size=4)
    ),
    st.builds(lambda ss: "for i in items:\n" + _lines("\n".join(ss)), st.lists(statement, min_size=1, max_size=4)),
    st.builds("more = [{} for i in items]".format, VALUES),
    st.builds("more = {{len(i): {} for i in items if i != [2]}}".format, VALUES),
)
after = st.sampled_from(
    [
        *(
            "print(text(out), text(table))",
            "out.append([1])\nprint(text(out))",
            "print(text(items))",
            "print(text(shared))",
        ),
        *(
            "for o in out:\n    if isinstance(o, list): o.append(3)\nprint(text(out), text(items), text(shared))",
            "print(text(t))",
        ),
        *(
            "shared = None\nfor o in out:\n    if isinstance(o, list): o.append(3)\nprint(text(out))",
            "print(text(log), last)",
        ),
        *(
            "items = None\nfor o in out:\n    if isinstance(o, list): o.append(3)\nprint(text(out))",
            "print(text(more))",
        ),
        *("table['x'] = out\nprint(text(table))", "print(recall())", "print(look(), ahead())"),
    ]
)
programs = st.builds(
    lambda made, loops, rest: [
        ("setup", HEAD),
        ("step:items", made),
        (
            "step:all each:items",
            "out = []\ntable = {}\nmore = []" if "more" not in "".join(loops) else "out = []\ntable = {}",
        ),
        *(("step:all each:items", body) for body in loops),
        *((f"step:r{k}", body) for k, body in enumerate(rest)),
    ],
    LISTS,
    st.lists(loop, min_size=1, max_size=2),
    st.lists(after, min_size=1, max_size=3),
)


def _agrees(cells: Cells, seed: int) -> bool:
    """Whether the program is taken; asserts that it then gives what the notebook gives."""
    flow = flow_of(cells)
    if any(d.severity == "error" for d in flow.diagnostics):
        return False
    skip = set(lay_out(reads(make_notebook(cells), "case"), None).skipped)
    try:
        expected = reference(cells, skip)
    except Exception:  # noqa: BLE001 - the notebook itself fails: it has no meaning to compare with
        return False
    got = simulate(cells, flow, random.Random(seed).choice)
    for cell, output in got.items():
        program = "\n# ----\n".join(source for _, source in cells[1:])
        assert output == expected[cell], f"cell {cell} of\n{program}"
    return any(step.each is not None for step in flow.steps)


@given(programs, st.integers(0, 1000))
@settings(max_examples=300, deadline=None, phases=PHASES, suppress_health_check=SLOW)
def test_the_instances_of_a_step_give_what_the_notebook_gives(cells: Cells, seed: int) -> None:
    assume(_agrees(cells, seed))
