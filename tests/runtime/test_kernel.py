"""Steps in a real ipykernel: numbering, figures, options that live in contexts, and errors as people see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime.stepping import ALIAS, Kernel, Steps

START = f"{ALIAS}_nb2flow.start({{step!r}}, home='../project')"


def begin(kernel: Callable[[str], Kernel], step: str, load: str = "{}", setup: str = "pass", number: int = 1) -> Kernel:
    running = kernel(step)
    running.text(START.format(step=step))
    running.text(setup)
    assert running.run(f"{ALIAS}_nb2flow.load({load}, number={number})") == []
    return running


def save(running: Kernel, names: str) -> None:
    assert running.run(f"{ALIAS}_nb2flow.save({names.split()!r})") == []


def test_cells_are_numbered_as_in_the_notebook(kernel: Callable[[str], Kernel]) -> None:
    later = begin(kernel, "later", number=7)
    assert later.text("'seven'") == "'seven'"
    assert (
        later.text("Out, In[7], In[1], len(In), _7, _i7") == "({7: 'seven'}, \"'seven'\", '', 9, 'seven', \"'seven'\")"
    )
    assert later.text("'_i1' in globals(), _i7") == "(False, \"'seven'\")"
    assert later.text("[n for n in globals() if n.startswith('_nb2flow')]") == "[]"


@pytest.mark.parametrize("engine", [True, False])
def test_numbers_can_go_back_without_a_word(tmp_path: Path, engine: bool) -> None:
    running = Kernel(Steps(tmp_path, engine), "first")
    try:
        check_numbers_that_go_back(running)
    finally:
        running.stop()


def check_numbers_that_go_back(running: Kernel) -> None:
    first = begin(lambda step: running, "first", number=1)
    for n in range(1, 6):
        assert first.text(f"print(len(In), {n})") == f"{n + 1} {n}"
    assert first.text(
        "get_ipython().history_manager.writeout_cache(); print(sorted(k for k in globals() if k[:2] == '_i'))"
    )
    assert first.run("1 + 1")[0]["execution_count"] == 7


def test_a_cell_that_loads_again_numbers_again(kernel: Callable[[str], Kernel]) -> None:
    step = begin(kernel, "step", number=3)
    step.text("x = 1")
    step.text("x = 2")
    step.text(f"{ALIAS}_nb2flow.load({{}}, number=3)")
    assert step.text("len(In)") == "4"


def test_a_figure_does_not_show_itself_again(kernel: Callable[[str], Kernel]) -> None:
    first = begin(kernel, "first", setup="%matplotlib inline\nimport matplotlib.pyplot as plt")
    shown = first.run("fig, ax = plt.subplots(); ax.plot([1, 2]); plt.show()")
    assert [o["type"] for o in shown] == ["display_data"]
    first.run("get_ipython().run_line_magic('config', 'InlineBackend.close_figures = False')")
    first.run("open_fig, open_ax = plt.subplots()\nopen_ax.plot([3, 4])")
    assert [o["type"] for o in first.run(f"{ALIAS}_nb2flow.save(['fig', 'ax', 'open_fig'])")] in ([], ["display_data"])
    inputs = "{'first': ['fig', 'ax', 'open_fig']}"
    later = begin(kernel, "later", inputs, "%matplotlib inline\nimport matplotlib.pyplot as plt")
    assert later.run("x = ax.figure is fig") == []
    assert later.text("x, plt.get_fignums(), len(open_fig.axes)") == "(True, [], 1)"
    assert "image/png" in later.run("fig")[0]["data"]


def test_options_in_contexts_stay_for_later_cells(kernel: Callable[[str], Kernel]) -> None:
    setup = "import decimal, numpy as np"
    first = begin(kernel, "first", setup=setup)
    first.text("decimal.getcontext().prec = 4; np.set_printoptions(precision=3); np.seterr(all='ignore');")
    save(first, "process:config")
    later = begin(kernel, "later", "{'first': ['process:config']}", setup)
    assert later.text("decimal.getcontext().prec, np.array([1.23456]), np.geterr()['over']") == (
        "(4, array([1.235]), 'ignore')"
    )


def test_functions_keep_their_source_lines(kernel: Callable[[str], Kernel]) -> None:
    first = begin(kernel, "first")
    first.text("def half(x):\n    return 1 / x  # the author's line")
    save(first, "half")
    later = begin(kernel, "later", "{'first': ['half']}")
    error = later.run("half(0)")[0]
    assert error["ename"] == "ZeroDivisionError"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    assert "return 1 / x" in plain
    assert "the author's line" in later.text("import inspect; print(inspect.getsource(half))")


def test_the_same_function_gives_the_same_bytes(kernel: Callable[[str], Kernel], steps: Steps) -> None:
    digests = set()
    for name in ("one", "two"):
        running = begin(kernel, name)
        running.text("def f():\n    return (lambda: 1)()")
        save(running, "f")
        digests.add(steps.manifest(name)["outputs"]["f"]["blob"])
    assert len(digests) == 1


def test_an_error_is_one_message(kernel: Callable[[str], Kernel], steps: Steps) -> None:
    first = begin(kernel, "first")
    first.text("numbers = (n for n in range(3))")
    [error] = first.run(f"{ALIAS}_nb2flow.save(['numbers'])")
    assert error["ename"] == "CannotCarry"
    assert error["traceback"] == [f"CannotCarry: {error['evalue']}"]
    assert error["evalue"].startswith("step 'first' cannot hand on 'numbers' (generator): it cannot be saved")
    assert steps.manifest("first")["problems"][0]["name"] == "numbers"
    assert first.text("[n for n in globals() if n.startswith('_nb2flow')]") == "[]"


def test_objects_of_the_kernel_travel_by_name(kernel: Callable[[str], Kernel]) -> None:
    first = begin(kernel, "first")
    first.text("import sys\nkept = {'shell': get_ipython(), 'out': sys.stdout}\nhandle = display(1, display_id=True)")
    save(first, "kept")
    later = begin(kernel, "later", "{'first': ['kept']}")
    assert later.text("import sys; print(kept['shell'] is get_ipython(), kept['out'] is sys.stdout)") == "True True"
    [error] = first.run(f"{ALIAS}_nb2flow.save(['handle'])")
    assert "is a handle to an output of this step" in error["evalue"]


def test_a_step_is_watched_in_a_kernel(kernel: Callable[[str], Kernel], steps: Steps) -> None:
    (steps.home / "in.txt").write_text("text")
    first = begin(kernel, "first")
    first.text("text = open('in.txt').read(); open('out.txt', 'w').write(text)")
    first.run("1 / 0")
    first.text("%timeit -n 1 -r 1 sum(range(10))")
    save(first, "text")
    seen = steps.manifest("first")["observed"]
    assert (seen["reads"], seen["writes"], seen["changed"]) == (["in.txt"], ["out.txt"], [])
    assert not seen["subprocess"]
    assert not seen["network"]
