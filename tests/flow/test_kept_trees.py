"""Analysing a notebook again, with trees kept from the time before, gives what analysing it afresh gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from nb2flow import flow, notebook
from nb2flow.errors import NotebookError
from nb2flow.flow import syntax

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("sample_notebooks/*.ipynb"), *ROOT.glob("tests/corpus/*/*.ipynb")])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_second_time_is_like_the_first(path: Path) -> None:
    try:
        read = notebook.read(path)
    except NotebookError:
        return
    layout = notebook.lay_out(read)
    syntax._kept.cache_clear()
    first = flow.build(read, layout)
    assert flow.build(read, layout) == first
