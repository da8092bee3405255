"""Generic functions, classes and type aliases, which Python 3.12 brought."""

from __future__ import annotations

import sys

import pytest
from simulate import check_equal

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="older Pythons cannot parse it")

CASES = {
    "alias": "type Row = dict[str, int] | def f(r: Row) -> Row: return r | print(f({'a': 1})) | print(Row.__value__)",
    "generic alias": "type Pair[T] = tuple[T, T] | def f(p: Pair[int]): return p[0] | print(f((1, 2)))",
    "function": "base=[1]\ndef first[T](xs: list[T]) -> T:\n    base.append(xs[0])\n    return xs[0]"
    " | print(first([3])) | print(base)",
    "class": "seen=[]\nclass Box[T]:\n    def __init__(self, x: T): seen.append(x); self.x = x\n"
    "    def get(self) -> T: return self.x"
    " | b=Box(4) | print(b.get()) | print(seen)",
    "bound": "class A: pass | def f[T: A, *Ts, **P](x: T, *more: *Ts) -> T: return x | print(type(f(A())).__name__)",
    "a name of its own": "T=[1]\ndef f[T](x: T) -> T: return x | T.append(2) | print(T, f(3))",
    "a variable called type": "type=[1] | type.append(2) | print(type)",
}


@pytest.mark.parametrize("name", CASES)
def test_any_order_gives_what_the_notebook_gives(name: str) -> None:
    for seed in range(3):
        check_equal([("", source) for source in CASES[name].split(" | ")], seed=seed, split="cells")
