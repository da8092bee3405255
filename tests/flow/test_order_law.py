"""The law: any topological order of the steps gives what the notebook gives, on generated programs."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulate import check_equal

NAMES = ["a", "b", "c", "d"]
HEAD = """import copy
class Box:
    def __init__(self, v):
        self.v = v
        self.log = []
    def put(self, w):
        self.log.append(w)
        return self.v
def same(x): return x
def pair(x, y): return [x, y]
def fill(x):
    x.append(len(x))
def read_a(): return len(a)
def grow_b():
    global b
    b = b + [0]
def show(*values): print(*[text(v) for v in values])
def text(v, depth=0):
    if isinstance(v, Box): return 'Box(' + text(v.v, depth + 1) + text(v.log, depth + 1) + ')'
    if isinstance(v, list): return '[' + ','.join(text(x, depth + 1) for x in v) + ']' if depth < 6 else '...'
    if isinstance(v, dict) and depth < 6: return '{' + ','.join(f'{k}:{text(x, depth + 1)}' for k, x in v.items()) + '}'
    if isinstance(v, dict): return '...'
    return str(v)
a = [1]
b = [2]
c = {'k': [3]}
d = Box([4])
"""

name = st.sampled_from(NAMES)
lists = st.sampled_from(["a", "b"])


def listy(n: str) -> str:
    """An expression that is a list, whatever kind the name holds by default."""
    return {"a": "a", "b": "b", "c": "c['k']", "d": "d.v"}[n]


statements = st.one_of(
    st.builds(lambda x, y: f"{x} = {listy(y)}", lists, name),
    st.builds(lambda x, y: f"{x} = list({listy(y)})", lists, name),
    st.builds(lambda x, y: f"{x} = {listy(y)}[:]", lists, name),
    st.builds(lambda x, y: f"{x} = copy.deepcopy({listy(y)})", lists, name),
    st.builds(lambda x, y: f"{listy(x)}.append(len({listy(y)}))", name, name),
    st.builds(lambda x, y: f"fill({listy(x)})", name, name),
    st.builds(lambda x, y: f"{x} = same({listy(y)})", lists, name),
    st.builds(lambda x, y: f"{x} = pair({listy(x)}, {listy(y)})", lists, name),
    st.builds(lambda x, y: f"{x} += {listy(y)}[:1]", lists, name),
    st.builds(lambda x, y: f"c['k'] = {listy(y)}", name, name),
    st.builds(lambda x, y: f"c['{x}'] = {listy(y)}", name, name),
    st.builds(lambda x, y: f"d = Box({listy(y)})", name, name),
    st.builds(lambda x, y: f"d.v = {listy(y)}", name, name),
    st.builds(lambda x, y: f"{x} = d.put({listy(y)})", lists, name),
    st.builds(lambda x, y: f"if len({listy(y)}) > 2:\n    {x} = [0]", lists, name),
    st.builds(lambda x, y: f"for q in {listy(y)}[:2]:\n    {x} = {x} + [1]", lists, name),
    st.builds(lambda x, y: f"for q in {listy(y)}[:2]:\n    {listy(x)}.append(7)", name, name),
    st.builds(lambda x, y: f"{x} = [w for w in {listy(y)}]", lists, name),
    st.builds(lambda x, y: f"print(read_a(), len({listy(y)}))", name, name),
    st.builds(lambda x, y: "grow_b()", name, name),
    st.builds(lambda x, y: f"{x}, spare = {listy(y)}, {x}", lists, name),
    st.builds(lambda x, y: f"({listy(x)} if len({listy(y)}) % 2 else {listy(y)}).append(5)", name, name),
    st.builds(lambda x, y: f"with_{x} = lambda: len({x})\nprint(with_{x}())", lists, name),
    st.builds(lambda x, y: f"show({x}, {y})", name, name),
    st.builds(lambda x, y: f"print({listy(x)} is {listy(y)}, len({listy(x)}))", name, name),
)

programs = st.lists(st.lists(statements, min_size=1, max_size=3), min_size=2, max_size=6)


@given(programs, st.integers(0, 1000))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_topological_order_gives_the_notebook(cells: list[list[str]], seed: int) -> None:
    program = [("step:start", HEAD)]
    for k, body in enumerate(cells):
        program.append((f"step:s{k}", "\n".join(body)))
    program.append(("step:end", "show(a, b, c, d)"))
    check_equal(program, random.Random(seed).randrange(1000))
