"""What lies in the folder of a run while it goes."""

from __future__ import annotations

from pathlib import Path

from engine.pipelines import S, compiled, request

from nb2flow.engine.workspace import Workspace


def test_a_step_that_was_started_by_an_earlier_plan_still_finds_its_notebook(tmp_path: Path) -> None:
    """Kernels take their time: the plan may be another, with other numbers, before a step has read what it runs."""
    drawn = compiled(S("make", ["x = 1"]), S("use", ["x"]), S("other", ["2"]))
    merged = compiled(S("make-use", ["x = 1", "x"]), S("other", ["2"]))
    space = Workspace(request(tmp_path, drawn))
    space.home.create()
    space.folder.create()
    space.lay_out(drawn)
    started = Path(space.task(drawn.plan.step("other"), 1).notebook)
    space.lay_out(merged, [drawn.plan.step("other").notebook])
    assert started.name == "03-other.ipynb"
    assert "2" in started.read_text()
    assert sorted(p.name for p in started.parent.iterdir()) == ["01-make-use.ipynb", "02-other.ipynb", "03-other.ipynb"]
    space.lay_out(merged)
    assert sorted(p.name for p in started.parent.iterdir()) == ["01-make-use.ipynb", "02-other.ipynb"]
