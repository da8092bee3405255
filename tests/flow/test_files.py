"""When two paths may mean the same file."""

from __future__ import annotations

import pytest

from nb2flow.flow.effects import FileUse
from nb2flow.flow.files import reason
from nb2flow.flow.model import Site

SITE = Site("cell", 1)


@pytest.mark.parametrize(
    ("read", "written", "related"),
    [
        ("data/*", "data/b.txt", True),
        ("data/*.csv", "data/b.txt", False),
        ("data/*.csv", "data", True),
        ("data/*.csv", "data/{n}.csv", True),
        ("data/*/x.csv", "data/q", True),
        ("data/*", "out/b.txt", False),
        ("*.csv", "x.csv", True),
        ("*.csv", "data/x.csv", False),
        ("**/*.csv", "a/b/c.csv", True),
        ("*.csv", ".", True),
        ("out[1].txt", "out[1].txt", True),
        ("data", "data/b.txt", True),
        ("data", "database/b.txt", False),
        ("a/{n}", "b/{n}", False),
        (None, "anything", True),
    ],
)
def test_a_pattern_finds_files(read: str | None, written: str, related: bool) -> None:
    reads, writes = FileUse(read, writes=False, reads=True, site=SITE), FileUse(written, True, False, SITE)
    assert (reason([writes], [reads]) is not None) is related
    assert (reason([reads], [writes]) is not None) is related
