"""The order in which sets have their elements, which differs from process to process, is nothing to a flow."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import document

from nb2flow import flow, notebook
from nb2flow.flow.values import Obj
from nb2flow.notebook.model import Notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("sample_notebooks/*.ipynb"), *ROOT.glob("tests/corpus/*/*.ipynb")])
# What a name may stand for has two kinds of origin, and what its method does depends on which is asked.
EITHER = (
    "import numpy as np, pandas as pd, random",
    "x = np.zeros(3) if random.random() > 0.5 else pd.Series([1.0])",
    "y = x * 2",
    "y.hist()",
    "print(y)",
)


def flows(read: Notebook, monkeypatch: pytest.MonkeyPatch) -> list[flow.Flow]:
    """The notebook's flow under several orders of the elements of sets."""
    found = []
    for factor in (1, 0x9E3779B97F4A7C15, -1, 0xC2B2AE3D27D4EB4F):
        numbers: dict[int, int] = {}
        with monkeypatch.context() as patched:
            # Equal numbers for equal objects; which of two comes first in a set depends on the factor.
            patched.setattr(
                Obj, "__hash__", lambda obj, f=factor, n=numbers: n.setdefault(id(obj), len(n) + 1) * f % (2**61 - 1)
            )
            found.append(flow.build(read, notebook.lay_out(read, "cells")))
    return found


def test_what_may_be_either_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    read = notebook.of_values(document(*EITHER), "n", "n.ipynb")
    first, *others = flows(read, monkeypatch)
    assert all(other == first for other in others)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_real_ones(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = flows(notebook.read(path), monkeypatch)
    assert all(other == first for other in others)
