"""Steps that run for each element, by the command line and with real kernels. That they give what the notebook gives is
tested on the cases `each-…` of the corpus, and by law in `tests/flow/test_each_law.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import notebooks
import pytest

from nb2flow import load
from nb2flow.errors import ExitCode

Nb2flow = Callable[..., Any]
COUNTING: tuple[notebooks.Cell, ...] = (
    ("step:names", "names = [line.strip() for line in open('names.txt') if line.strip()]"),
    ("step:count each:names", "sizes = {}"),
    (
        "step:count each:names",
        "for name in names:\n    print('counts', name)\n    sizes[name] = len(open(name).read())",
    ),
    ("step:total gather", "print(sum(sizes.values()), list(sizes))"),
)


@pytest.mark.slow
def test_an_instance_fails_the_others_are_kept_and_a_new_element_runs_alone(nb2flow: Nb2flow, tmp_path: Path) -> None:
    notebooks.save(tmp_path / "counting.ipynb", *COUNTING)
    (tmp_path / "names.txt").write_text("a.txt\nb.txt\nc.txt\n")
    (tmp_path / "a.txt").write_text("1")
    (tmp_path / "c.txt").write_text("333")
    failed = nb2flow("run", "counting.ipynb")
    assert failed.code == ExitCode.RUN
    assert "step count[1] failed at cell 2" in failed.out and "b.txt" in failed.out, failed.out
    shown = nb2flow("show", "--json")
    expected = {"names": "succeeded", "count[0]": "succeeded", "count[1]": "failed", "count[2]": "succeeded"}
    assert shown.statuses == {**expected, "count": "skipped", "total": "skipped"}
    assert nb2flow("report").code == 0
    assert Path(nb2flow("open", "last", "count[1]").out.strip()).is_file()

    (tmp_path / "b.txt").write_text("22")
    resumed = nb2flow("resume", "--json")
    assert set(resumed.statuses.values()) == {"succeeded"}, resumed.err
    assert {s["step"]: s["attempt"] for s in resumed.json["steps"]}["count[2]"] == 1
    assert "6 ['a.txt', 'b.txt', 'c.txt']" in Path(nb2flow("open", "last", "total").out.strip()).read_text()
    gathered = Path(nb2flow("open", "last", "count").out.strip()).read_text()
    assert "counts a.txt\\ncounts b.txt\\ncounts c.txt\\n" in gathered.replace('",\n', "").replace('    "', "")

    assert load("last", "sizes", folder=tmp_path) == {"a.txt": 1, "b.txt": 2, "c.txt": 3}
    assert load("last", "sizes", step="count[1]", folder=tmp_path) == {"b.txt": 2}

    (tmp_path / "d.txt").write_text("4444")
    (tmp_path / "names.txt").write_text("d.txt\na.txt\nb.txt\nc.txt\n")
    more = nb2flow("run", "counting.ipynb", "--json")
    cached = {"count[1]": "cached", "count[2]": "cached", "count[3]": "cached"}
    assert more.statuses == {**dict.fromkeys(("names", "count[0]", "count", "total"), "succeeded"), **cached}

    (tmp_path / "names.txt").write_text("")
    assert set(nb2flow("run", "counting.ipynb", "--json").statuses) == {"names", "count", "total"}
    assert "0 []" in Path(nb2flow("open", "last", "total").out.strip()).read_text()
    assert load("last", "sizes", folder=tmp_path) == {}
