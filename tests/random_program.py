"""Makes programs of random statements over Python's objects and the state of a process.

`statements.txt` has what they are made of. Which statements fit depends on what the names hold, so the program is run
while it is made, and those that fail are left out. That may do anything to the process: `cells` starts one for it.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAD = """import abc, builtins, collections, contextlib, contextvars, copy, dataclasses, datetime, decimal, enum
import asyncio, fractions, functools, hashlib, heapq, io, itertools, json, logging, math, operator, os, pickle, queue
import random, re, statistics, string, sys, textwrap, threading, types, warnings, weakref
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from functools import lru_cache, partial, reduce, wraps
from pathlib import Path
import numpy as np
import pandas as pd
rng = np.random.default_rng(0)
random.seed(0)
np.random.seed(0)"""
START = "a = [1, 2]\nb = {'k': [3], 'j': 1}\nc = 5"
VALUES, FUNCTIONS, CLASSES = "abcdegh", ("f1", "f2", "f3"), ("C1", "C2")
_PLACE = re.compile(r"\{(L2|DD|OD|PS|GB|f2|RS|NG|LG|CV|TL|QU|SI|BI|RE|MA|BA|NS|co|ag|[LDSIXYGQABFfCORTV]|[nm])\}")
_EVERYWHERE = {"n", "m", "X", "Y", "L", "D"}


def cells(seed: int, count: int) -> list[str]:
    """The cells of a program: imports, a few values, and `count` cells of one to three statements."""
    command = [sys.executable, __file__, str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def edited(chooser: random.Random, program: list[str]) -> list[str]:
    """The program after one change of its author's, who leaves imports and first values alone."""
    program = list(program)
    kind, k = chooser.choice(["number", "number", "delete", "swap", "double"]), chooser.randrange(2, len(program))
    numbers = list(re.finditer(r"(?<![\w.'])\d(?![\w.'])", program[k]))
    if kind == "number" and numbers:
        found = chooser.choice(numbers)
        other = str((int(found.group()) + 1) % 9)
        program[k] = program[k][: found.start()] + other + program[k][found.end() :]
    elif kind == "swap" and k + 1 < len(program):
        program[k], program[k + 1] = program[k + 1], program[k]
    elif kind == "double" and "%%" not in "".join(program):
        program[k] += "\n" + program[chooser.randrange(2, len(program))]
    else:
        program.pop(k)
    return program


class _Maker:
    def __init__(self, seed: int) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.utils.capture import capture_output

        self._chooser = random.Random(seed)
        self._shell = InteractiveShell.instance()
        self._captured = capture_output
        self._names: dict[str, Any] = self._shell.user_ns
        self._kinds = _kinds()
        lines = Path(__file__).with_name("statements.txt").read_text(encoding="utf-8").splitlines()
        self._statements = [line for line in lines if line[:1] != "#"]

    def make(self, count: int) -> list[str]:
        program = [HEAD, START]
        for code in program:
            assert self._succeeds(code), code
        while len(program) < count + 2:
            cell: list[str] = []
            for _ in range(self._chooser.choice([1, 1, 1, 2, 2, 3])):
                code = self._statement()
                if (cell and code.startswith("%%")) or not self._succeeds(code):
                    continue
                cell.append(code)
                if code.startswith("%%"):
                    break
            if cell:
                program.append("\n".join(cell))
        return program

    def _succeeds(self, code: str) -> bool:
        with self._captured():
            return bool(self._shell.run_cell(code, store_history=True).success)

    def _statement(self) -> str:
        while True:
            form = self._chooser.choice(self._statements)
            usual = set(_PLACE.findall(form)) <= _EVERYWHERE
            if usual and self._chooser.random() < (0.2 if "print" in form else 0.45):
                continue  # those that need something special fit more seldom
            filled = self._filled(form.replace("\\n", "\n"))
            if filled:
                return filled

    def _filled(self, form: str) -> str:
        """The statement with names in its places; empty when nothing fits."""
        for word, names in {"N": VALUES, "M": VALUES, "F1": FUNCTIONS, "C1": CLASSES}.items():
            form = re.sub(rf"\b{word}\b", self._chooser.choice(names), form)
        chosen = {kind: self._holding(kind) for kind in {*_PLACE.findall(form)} - {"n", "m"}}
        if not all(chosen.values()):
            return ""

        def name(found: re.Match[str]) -> str:
            if found[1] in "nm":
                return str(self._chooser.randrange(2, 9) if found[1] == "n" else self._chooser.randrange(1, 5))
            return chosen[found[1]]

        return _PLACE.sub(name, form).replace("{{", "{").replace("}}", "}")

    def _holding(self, kind: str) -> str:
        pool = FUNCTIONS if kind in ("f", "f2", "co", "ag") else CLASSES if kind == "C" else VALUES
        fits = [name for name in pool if name in self._names and self._kinds[kind](self._names[name])]
        return self._chooser.choice(fits) if fits else ""


def _kinds() -> dict[str, Callable[[Any], bool]]:
    import collections
    import contextvars
    import inspect
    import io
    import logging
    import queue
    import threading
    import types

    import numpy as np
    import pandas as pd

    def of(kind: Any) -> Callable[[Any], bool]:
        return lambda value: isinstance(value, kind)

    def exactly(*kinds: type) -> Callable[[Any], bool]:
        return lambda value: type(value) in kinds

    def anything(value: Any) -> bool:
        return True

    return {
        "X": anything,
        "Y": anything,
        "L": exactly(list),
        "L2": exactly(list),
        "D": exactly(dict),
        "S": exactly(set),
        "T": exactly(tuple),
        "I": exactly(int),
        "G": lambda value: hasattr(type(value), "__next__"),
        "Q": of(collections.deque),
        "DD": of(collections.defaultdict),
        "OD": of(collections.OrderedDict),
        "V": exactly(type({}.items()), type({}.keys())),
        "BA": of(bytearray),
        "A": of(np.ndarray),
        "B": of(np.ndarray),
        "F": of(pd.DataFrame),
        "PS": of(pd.Series),
        "GB": lambda value: type(value).__name__ == "DataFrameGroupBy",
        "f": callable,
        "f2": callable,
        "co": inspect.iscoroutinefunction,
        "ag": inspect.isasyncgenfunction,
        "C": of(type),
        "O": lambda value: type(value).__module__ == "__main__" or isinstance(value, types.SimpleNamespace),
        "NS": of(types.SimpleNamespace),
        "R": of(random.Random),
        "RS": of(np.random.RandomState),
        "NG": of(np.random.Generator),
        "LG": of(logging.Logger),
        "CV": of(contextvars.ContextVar),
        "TL": of(threading.local),
        "QU": of(queue.Queue),
        "SI": of(io.StringIO),
        "BI": of(io.BytesIO),
        "RE": of(re.Pattern),
        "MA": of(re.Match),
    }


if __name__ == "__main__":
    made = _Maker(int(sys.argv[1])).make(int(sys.argv[2]))
    sys.__stdout__.write("\n" + json.dumps(made) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
