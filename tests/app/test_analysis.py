"""Reading and analysing: star imports resolved by the kernel's interpreter, observations remembered."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import notebooks
import pytest

from nb2flow.app import observed, stars
from nb2flow.app.analysis import analyse, named_step
from nb2flow.app.compiling import compiled
from nb2flow.errors import NotebookError, UsageError, has_errors
from nb2flow.flow.model import Observations


def test_star_imports_are_resolved_in_the_notebooks_folder(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("print('hello from an import')\nimport os\ncircle = 1\n_hidden = 2\n")
    (tmp_path / "listed.py").write_text("__all__ = ['square']\nsquare = 4\nother = 5\n")
    found = stars.resolve(("shapes", "listed", "nowhere_at_all"), "python3", tmp_path, tmp_path / ".nb2flow")
    assert found == {"shapes": frozenset({"os", "circle"}), "listed": frozenset({"square"})}


def test_answers_are_kept_until_the_module_changes(tmp_path: Path) -> None:
    module, home = tmp_path / "m.py", tmp_path / ".nb2flow"
    module.write_text("import pathlib\npathlib.Path('asked').write_text('')\na = 1\n")
    assert stars.resolve(("m",), "python3", tmp_path, home) == {"m": frozenset({"a", "pathlib"})}
    (tmp_path / "asked").unlink()
    assert stars.resolve(("m",), "python3", tmp_path, home) == {"m": frozenset({"a", "pathlib"})}
    assert not (tmp_path / "asked").exists()
    module.write_text("b = 1\n")
    assert stars.resolve(("m",), "python3", tmp_path, home) == {"m": frozenset({"b"})}
    (home / "stars.json").write_text("not json")
    assert stars.resolve(("m",), "python3", tmp_path, home) == {"m": frozenset({"b"})}


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "import os; os._exit(1)", "syntax error", "1 / 0"])
def test_a_module_that_cannot_be_imported_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    assert stars.resolve(("bad",), "python3", tmp_path, tmp_path / ".nb2flow") == {}


def test_a_module_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hang.py").write_text("while True: pass")
    monkeypatch.setattr(stars, "TIMEOUT", 0.5)
    assert stars.resolve(("hang",), "python3", tmp_path, tmp_path / ".nb2flow") == {}


def test_no_kernel_no_answer(tmp_path: Path) -> None:
    assert stars.interpreter("no-such-kernel") is None
    assert stars.resolve(("os",), "no-such-kernel", tmp_path, tmp_path / ".nb2flow") == {}
    assert stars.interpreter("python3") == sys.executable


def test_star_names_reach_the_flow(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("def circle(r):\n    return 3 * r\n")
    path = notebooks.save(
        tmp_path / "n.ipynb", ("step:a", "from shapes import *\nx = circle(2)"), ("step:b", "print(circle(x))")
    )
    analysis = analyse(path)
    assert not has_errors(analysis.diagnostics), analysis.diagnostics
    assert [s.name for s in compiled(analysis).plan.steps] == ["a", "b"]


def test_observations_come_back_for_the_same_code_only(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "n.ipynb", *notebooks.PIPELINE)
    analysis = analyse(path)
    seen = Observations(
        frozenset({("c2", "data")}), frozenset({("c2", "cwd")}), frozenset({("c2", "in.csv")}), frozenset({("c3", "o")})
    )
    observed.remember(tmp_path / ".nb2flow", analysis.notebook, seen)
    assert analyse(path).seen == seen
    notebooks.save(path, *notebooks.PIPELINE[:-1], ("step:join", "print(total)"))
    assert analyse(path).seen == Observations()


def test_unreadable_observations_are_nothing(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "n.ipynb", *notebooks.PIPELINE)
    analysis = analyse(path)
    observed.remember(tmp_path / ".nb2flow", analysis.notebook, Observations(frozenset({("c2", "data")})))
    (file,) = (tmp_path / ".nb2flow" / "observed").iterdir()
    for text in ("", "[]", '{"reads": [1]}', json.dumps({"unknown": []})):
        file.write_text(text)
        assert analyse(path).seen == Observations()


def test_errors_forbid_a_plan(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "n.ipynb", ("step:a", "print(nowhere)"))
    with pytest.raises(NotebookError, match="has an error") as caught:
        compiled(analyse(path))
    assert [d.severity for d in caught.value.diagnostics] == ["error"]


def test_steps_by_name(tmp_path: Path) -> None:
    analysis = analyse(notebooks.save(tmp_path / "n.ipynb", *notebooks.PIPELINE))
    assert named_step(analysis.flow, "load") == "load"
    with pytest.raises(UsageError, match="no step 'laod'") as caught:
        named_step(analysis.flow, "laod")
    assert caught.value.hint == "did you mean 'load'?"
