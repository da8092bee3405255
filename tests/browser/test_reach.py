"""For everybody: keyboard only, every theme, no barrier that axe-core knows of, Notebook 7."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.lab_page import Lab
from browser.lab_server import LabServer
from playwright.sync_api import Browser, expect

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
CELLS = (
    ("code", "import random", ["setup"]),
    ("code", "seed = 7\nsize = 10", ["parameters"]),
    ("code", "random.seed(seed)\nrows = [random.random() for _ in range(size)]", ["step:draw"]),
    ("code", "low = min(rows)", ["step:low", "memory:1Gi"]),
    ("code", "high = max(rows)", ["step:high"]),
    ("code", "print(low, high)", ["step:tell", "afer:draw"]),
)


def _barriers(lab: Lab, *parts: str) -> list[Any]:
    """What axe-core finds in these parts of the page."""
    lab.page.add_script_tag(path=AXE)
    script = (
        "async parts => (await axe.run({include: parts.map(p => [p])}, {runOnly: ['wcag2a', 'wcag2aa']})).violations"
    )
    found = lab.page.evaluate(script, list(parts))
    return [(v["id"], [n["html"][:160] for n in v["nodes"]]) for v in found]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_themes_and_axe(lab: Lab, write: Callable[..., Path], theme: str) -> None:
    lab.open(write("themes.ipynb", *CELLS))
    lab.theme(theme)
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(4)
    expect(panel.locator(".nb2flow-Problems li")).to_have_count(1)
    panel.locator(".nb2flow-Node[data-step='low']").click()
    lab.pictures("panel")
    assert _barriers(lab, ".nb2flow-FlowPanel", ".nb2flow-Badge") == []
    panel.get_by_role("button", name="List").click()
    expect(panel.locator(".nb2flow-List")).to_be_visible()
    assert _barriers(lab, ".nb2flow-FlowPanel") == []
    lab.command("nb2flow:show-runs")
    expect(lab.page.locator(".nb2flow-Runs")).to_be_visible()
    assert _barriers(lab, ".nb2flow-Runs") == []
    lab.theme("JupyterLab Light")  # the pictures of the other tests are in the usual theme


def test_keyboard_only(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write(
        "keys.ipynb", ("code", "import math"), ("code", "# Load the rows\nrows = [1, 2]"), ("code", "more = rows * 2"),
        ("code", "print(more)"), ("code", "print('not this')"),
    )  # fmt: skip
    lab.open(notebook)
    lab.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activate()")
    lab.keys("Escape", "n", "u")
    expect(lab.badge(0)).to_have_text("set-up")
    lab.keys("j", "n", "s")
    field = lab.page.locator(".nb2flow-Badge-input")
    expect(field).to_have_value("load-the-rows")
    lab.page.keyboard.type("Load It")
    lab.keys("Enter")
    expect(lab.badge(1)).to_have_text("load-it")
    assert lab.tags(1) == ["step:load-it"]

    # Given up, it writes nothing.
    lab.keys("j", "j", "n", "s")
    expect(field).to_be_visible()
    lab.keys("Escape")
    expect(field).to_have_count(0)
    assert lab.tags(3) == []

    lab.keys("n", "s")
    lab.page.keyboard.type("tell")
    lab.keys("Enter", "j", "n", "k")
    expect(lab.badge(4)).to_have_text("skipped")
    lab.keys("k", "k", "n", "n")
    expect(lab.badge(2)).to_have_text("load-it")
    assert [lab.tags(n) for n in range(5)] == [["setup"], ["step:load-it"], ["step:load-it"], ["step:tell"], ["skip"]]

    # Several cells at once, one undo.
    lab.keys("Shift+j", "n", "x")
    assert lab.tags(2) == lab.tags(3) == []
    lab.keys("z")
    assert [lab.tags(2), lab.tags(3)] == [["step:load-it"], ["step:tell"]]

    # And a run: chord, Enter.
    lab.keys("n", "Enter")
    expect(lab.page.locator(".jp-Dialog .jp-mod-accept")).to_be_focused()
    expect(lab.page.locator(".jp-Dialog")).to_contain_text("2 steps")
    lab.keys("Enter")
    expect(lab.page.locator(".nb2flow-Run .nb2flow-Status")).to_contain_text("succeeded")


def test_help_opens_the_guide(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("help.ipynb", *CELLS))
    lab.command("nb2flow:help")
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Open the Guide").click()
    guide = lab.page.locator(".nb2flow-Guide")
    expect(guide.get_by_role("heading", name="Tag cells")).to_be_visible()
    assert _barriers(lab, ".nb2flow-Guide") == []
    # Each command has a name to be found by.
    script = """() => window.jupyterapp.commands.listCommands().filter(id => id.startsWith('nb2flow:'))
        .map(id => [id, window.jupyterapp.commands.label(id)])"""
    named = lab.page.evaluate(script)
    assert len(named) >= 24
    assert [name for name, label in named if not label] == []


@pytest.fixture(scope="module")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """The same with Notebook 7 as the front."""
    folder = tmp_path_factory.mktemp("notebook7")
    (folder / "root").mkdir()
    made = LabServer(root=folder / "root", home=folder / "home", app="notebook")
    made.start()
    yield made
    made.stop()


def test_notebook_7(notebook_7: LabServer, browser: Browser, browser_context_args: dict[str, Any]) -> None:
    import json

    cells = [
        {"cell_type": "code", "id": f"c{i}", "source": s, "metadata": {"tags": t[0] if t else []}, "outputs": [],
         "execution_count": None}
        for i, (_, s, *t) in enumerate(CELLS)
    ]  # fmt: skip
    document = {"cells": cells, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}}
    (notebook_7.root / "seven.ipynb").write_text(json.dumps(document | {"nbformat": 4, "nbformat_minor": 5}))
    page = browser.new_context(
        **browser_context_args
    ).new_page()  # cookies know no ports: not those of the other server
    lab = Lab(page, notebook_7, Path(__file__).parent / "pictures", "notebook-7")
    page.goto(f"{notebook_7.url}notebooks/seven.ipynb?token={notebook_7.token}")
    expect(page.locator(".nb2flow-Badge-name").first).to_be_visible()
    lab.command("nb2flow:show-flow")
    expect(page.locator(".nb2flow-Node")).to_have_count(4)
    lab.pictures("panel")
    page.context.close()
    assert lab.errors == []
