"""Runs a flow without kernels: each step in a namespace of its own, state carried by pickle as the real thing does.

Good for thousands of small programs: what is under test is the flow (edges, inputs, replays), not the machinery.
"""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
import random
import sys
import types
from collections.abc import Callable
from typing import Any

from nb2flow.flow import build
from nb2flow.flow.model import Flow, Step
from nb2flow.notebook import lay_out, reads, writes
from nb2flow.runtime import classes

Saved = dict[str, tuple[bytes, dict[str, Any], frozenset[str]]]


def make_notebook(cells: list[tuple[str, str]]) -> bytes:
    """A notebook from (tags, source) pairs; tags are separated by blanks, `md` makes a Markdown cell."""
    made = []
    for k, (tags, source) in enumerate(cells):
        kind = "markdown" if tags == "md" else "code"
        cell: dict[str, Any] = {"cell_type": kind, "id": f"c{k}", "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
            cell["metadata"] = {"tags": tags.split()} if tags else {}
        made.append(cell)
    return writes(
        {"cells": made, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    )


def flow_of(cells: list[tuple[str, str]], split: str | None = None, **options: Any) -> Flow:
    """The flow of a notebook given as (tags, source) pairs."""
    notebook = reads(make_notebook(cells), "case")
    return build(notebook, lay_out(notebook, split), **options)


def _namespace() -> dict[str, Any]:
    """A fresh `__main__` of its own: classes look their module up in sys.modules."""
    module = types.ModuleType("__case__")
    sys.modules["__case__"] = module
    return module.__dict__


def _run(source: str, namespace: dict[str, Any]) -> str:
    out = io.StringIO()
    tree = ast.parse(source)
    with contextlib.redirect_stdout(out):
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
            exec(compile(tree, "<cell>", "exec"), namespace)
            value = eval(compile(last, "<cell>", "eval"), namespace)
            if value is not None:
                print(repr(value))
        else:
            exec(compile(tree, "<cell>", "exec"), namespace)
    return out.getvalue()


class _Pickler(pickle.Pickler):
    """Functions of the program by value, with live globals; classes by name; as the runtime does."""

    def __init__(self, file: io.BytesIO, namespace: dict[str, Any]) -> None:
        super().__init__(file)
        self.namespace = namespace

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, types.ModuleType):
            return ("module", obj.__name__)
        if isinstance(obj, types.FunctionType) and obj.__globals__ is self.namespace:
            cells = tuple(c.cell_contents for c in obj.__closure__ or ())
            return ("function", (obj.__code__, obj.__name__, obj.__defaults__, cells))
        if isinstance(obj, type) and obj.__module__ == "__case__":
            return ("class", obj.__qualname__)
        return None


def reference(cells: list[tuple[str, str]], skip: set[int]) -> dict[int, str]:
    """Outputs of every code cell, run from top to bottom in one namespace."""
    namespace = _namespace()
    return {k: _run(source, namespace) for k, (tags, source) in enumerate(cells) if tags != "md" and k not in skip}


def simulate(cells: list[tuple[str, str]], flow: Flow, order: Callable[[list[str]], str]) -> dict[int, str]:
    """Outputs of every author's cell when the steps run in an order picked by `order` among those ready."""
    saved: Saved = {}
    outputs: dict[int, str] = {}
    left = [s.name for s in flow.steps]
    while left:
        ready = [n for n in left if not set(flow.before(n)) & set(left)]
        assert ready, "no step is ready"
        name = order(ready)
        left.remove(name)
        step = flow.step(name)
        made = _by_element(cells, step, saved) if step.each is not None else None
        if made is None:
            namespace = _begun(step, saved)
            made = {cell: _run(cells[cell][1], namespace) for cell in step.cells}, namespace
        outputs.update(made[0])
        saved[name] = _save(made[1], step.outputs)
    return outputs


def _begun(step: Step, saved: Saved) -> dict[str, Any]:
    namespace = _namespace()
    for part in step.replay:
        _run(part.source, namespace)
    by_source: dict[str, list[str]] = {}
    for item in step.inputs:
        by_source.setdefault(item.source, []).append(item.name)
    for source, names in by_source.items():
        _restore(saved[source], names, namespace)
    return namespace


def _by_element(cells: list[tuple[str, str]], step: Step, saved: Saved) -> tuple[dict[int, str], dict[str, Any]] | None:
    """Outputs, and a namespace with what was collected; None when the step has to run over the whole list."""
    assert step.each is not None
    name = step.each.name
    whole = _begun(step, saved)
    elements = whole[name]
    others = {n: v for n, v in whole.items() if n != name and not n.startswith("__")}
    if type(elements) not in (list, tuple) or _mutable(list(elements)) & _mutable(others):
        return None
    if any(_mutable(a) & _mutable(b) for k, a in enumerate(elements) for b in elements[:k]):
        return None
    outputs = dict.fromkeys(step.cells, "")
    gathered: dict[str, Any] = {n: {} if kind == "dict" else [] for n, kind in step.each.gathers}
    for index in range(len(elements)):
        namespace = _begun(step, saved)
        namespace[name] = [namespace[name][index]]
        before = {n: v for n, v in namespace.items() if not n.startswith("__")}
        for cell in step.cells:
            outputs[cell] += _run(cells[cell][1], namespace)
        collected = {n: namespace[n] for n, _ in step.each.gathers if n in step.outputs}
        if _mutable(collected) & _mutable(before):
            return None
        again = _begun(step, saved)  # each instance's results come from a kernel of their own
        _restore(_save(namespace, tuple(collected)), list(collected), again)
        for n, kind in step.each.gathers:
            if n in collected:
                assert type(again[n]) is (dict if kind == "dict" else list)
                gathered[n].update(again[n]) if kind == "dict" else gathered[n].extend(again[n])
    whole.update(gathered)
    return outputs, whole


def _mutable(value: Any, seen: set[int] | None = None) -> set[int]:
    """Ids of all objects that can be changed and reached from the value."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return seen
    if isinstance(value, dict):
        seen.add(id(value))
        for part in (*value.keys(), *value.values()):
            _mutable(part, seen)
    elif isinstance(value, list | tuple | set):
        seen.update([] if isinstance(value, tuple) else [id(value)])
        for part in value:
            _mutable(part, seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type | types.ModuleType | types.FunctionType):
        seen.add(id(value))
        _mutable(vars(value), seen)
    return seen


def _save(namespace: dict[str, Any], names: tuple[str, ...]) -> tuple[bytes, dict[str, Any], frozenset[str]]:
    buffer = io.BytesIO()
    present = [n for n in names if n in namespace and ":" not in n]
    ids: dict[str, Any] = {}

    class Pickler(_Pickler):
        def persistent_id(self, obj: Any) -> Any:
            found = super().persistent_id(obj)
            if found is None:
                return None
            key = f"{len(ids)}"
            known = next((k for k, (o, _) in ids.items() if o is obj), None)
            if known is None:
                ids[key] = (obj, found)
            return known or key

    kinds = {n: namespace.get(classes.variable(n)) for n in names if classes.is_kept(n)}
    kept = {n: classes.Kept("", classes.kept_by(kind)) for n, kind in kinds.items() if isinstance(kind, type)}
    Pickler(buffer, namespace).dump({**{n: namespace[n] for n in present}, **kept})
    return buffer.getvalue(), {k: v for k, (_, v) in ids.items()}, frozenset(n for n in names if n not in namespace)


def _restore(saved: tuple[bytes, dict[str, Any], frozenset[str]], names: list[str], namespace: dict[str, Any]) -> None:
    data, ids, absent = saved
    made: dict[str, Any] = {}

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, key: str) -> Any:
            if key not in made:
                kind, value = ids[key]
                if kind == "module":
                    made[key] = __import__(value, fromlist=["x"])
                elif kind == "class":
                    made[key] = namespace.get(value) or type("Missing", (), {})  # harmless unless the step looks at it
                else:
                    code, name, defaults, cells = value
                    closure = tuple(types.CellType(c) for c in cells)
                    made[key] = types.FunctionType(code, namespace, name, defaults, closure)
            return made[key]

    loaded = Unpickler(io.BytesIO(data)).load()
    for name in names:
        if name in loaded and classes.is_kept(name):
            loaded[name].put_into(namespace[classes.variable(name)])
        elif name in loaded:
            namespace[name] = loaded[name]
        elif name in absent:
            namespace.pop(name, None)


def check_equal(cells: list[tuple[str, str]], seed: int = 0, split: str | None = None) -> Flow:
    """Assert that the flow gives each cell's output in a random topological order; gives the flow."""
    flow = flow_of(cells, split)
    errors = [d for d in flow.diagnostics if d.severity == "error"]
    assert not errors, errors
    notebook = reads(make_notebook(cells), "case")
    skip = set(lay_out(notebook, split).skipped)
    expected = reference(cells, skip)
    chooser = random.Random(seed)
    got = simulate(cells, flow, chooser.choice)
    for cell, output in got.items():
        assert output == expected[cell], (cell, cells[cell][1], output, expected[cell], flow.edges)
    parameters = {flow.parameters_cell} if flow.parameters_cell is not None else set()
    assert set(got) >= set(expected) - parameters
    return flow
