"""The whole story: an untagged notebook is tagged, run, looked into; nothing is written unless it was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
from browser.lab_page import Lab
from playwright.sync_api import Locator, expect

THREE_STEPS = (
    ("markdown", "# A small story"),
    ("code", "import time\nfactor = 2"),
    ("markdown", "## Load"),
    ("code", "rows = list(range(5))\nprint('loaded', len(rows))"),
    ("markdown", "## Double"),
    ("code", "doubled = [factor * row for row in rows]"),
    ("code", "total = sum(doubled)"),
    ("markdown", "## Tell"),
    ("code", "print('total', total)"),
)


def _without_outputs(path: Path) -> list[tuple[str, list[str]]]:
    document = nbformat.read(path, as_version=4)
    return [(cell.id, cell.metadata.get("tags", [])) for cell in document.cells]


def test_from_an_untagged_notebook_to_a_finished_run(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write("story.ipynb", *THREE_STEPS)
    before = _without_outputs(notebook)
    lab.open(notebook)

    # Headings make steps by themselves; badges say so, and nothing has been written.
    expect(lab.badge(3)).to_have_text("load")
    expect(lab.badge(6)).to_have_text("double")
    assert lab.tags(3) == []
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(3)
    lab.pictures("untagged")

    # Suggested steps are shown first, applied together, and taken back by one undo.
    panel.get_by_role("button", name="Suggest Steps…").click()
    dialog = lab.page.locator(".jp-Dialog")
    expect(dialog.locator(".nb2flow-List-name")).to_have_text(["load", "double", "tell"])
    lab.picture("suggested")
    assert lab.tags(3) == []
    dialog.get_by_role("button", name="Apply").click()
    expect(panel.get_by_role("button", name="Suggest Steps…")).to_be_hidden()
    assert [lab.tags(3), lab.tags(5), lab.tags(8)] == [["step:load"], ["step:double"], ["step:tell"]]
    lab.select(3)
    lab.keys("z")
    expect(panel.get_by_role("button", name="Suggest Steps…")).to_be_visible()
    assert [lab.tags(n) for n in range(9)] == [[]] * 9
    lab.keys("Shift+Z")
    expect(panel.get_by_role("button", name="Suggest Steps…")).to_be_hidden()

    # Two clicks run it.
    lab.page.get_by_role("button", name="Run as a Pipeline").or_(
        lab.page.locator("[data-jp-item-name='nb2flow-run'] button, [data-jp-item-name='nb2flow-run'] jp-button")
    ).first.click()
    lab.picture("run-dialog")
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Run", exact=True).click()
    expect(panel.locator(".nb2flow-Run .nb2flow-Status")).to_contain_text("succeeded")
    expect(panel.locator(".nb2flow-Node[data-status='succeeded']")).to_have_count(3)
    expect(lab.cell(5).locator(".nb2flow-Badge-status")).to_contain_text("succeeded")

    # A click on a step goes to its cells and shows what it printed.
    panel.locator(".nb2flow-Node[data-step='tell']").click()
    expect(lab.cell(8)).to_have_class(re.compile("jp-mod-active"))
    expect(panel.locator(".nb2flow-Log pre")).to_contain_text("total 20")
    lab.pictures("finished")

    # The executed step notebook opens beside it.
    panel.get_by_role("button", name="Executed Notebook").click()
    executed = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)", has_text="total 20")
    expect(executed).to_be_visible()

    # The file on disk has not been saved by anybody.
    assert _without_outputs(notebook) == before


def _point_at_an_arrow(lab: Lab, why: Locator) -> None:
    """Move the pointer to the first arrow of the drawing, again while the drawing is still being fitted in."""
    arrow = lab.page.locator(".react-flow__edge-interaction").first
    arrow.wait_for(state="attached")
    script = """path => {
        const middle = path.getPointAtLength(path.getTotalLength() / 2);
        const {x, y} = new DOMPoint(middle.x, middle.y).matrixTransform(path.getScreenCTM());
        return [x, y];
    }"""
    for turn in range(300):
        x, y = arrow.evaluate(script)
        lab.page.mouse.move(x + turn % 2, y)
        if why.is_visible():
            return
        lab.page.wait_for_timeout(100)


def test_the_flow_follows_what_is_typed(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write(
        "typed.ipynb",
        ("code", "import random", ["setup"]),
        ("code", "random.seed(1)\na = random.random()", ["step:one"]),
        ("code", "b = random.random()", ["step:two"]),
        ("code", "print(1)", ["step:three"]),
    )
    lab.open(notebook)
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(3)

    # An arrow says why it is there: the hidden state, where it is made and where it is used.
    why = panel.locator(".nb2flow-Popover")
    _point_at_an_arrow(lab, why)
    expect(why.locator(".nb2flow-Why-title")).to_have_text("one → two")
    expect(why.locator(".nb2flow-Pill")).to_have_text("hidden state")
    expect(why.locator("[data-role='defined']")).to_contain_text("cell 2")
    expect(why.locator("[data-role='used']")).to_contain_text("cell 3")
    lab.picture("why")
    why.locator("[data-role='used'] button").click()
    expect(lab.cell(2)).to_have_class(re.compile("jp-mod-active"))

    # A new use makes a new edge; the list has it in words.
    panel.get_by_role("button", name="List").click()
    three = panel.locator(".nb2flow-List > li", has=lab.page.locator(".nb2flow-List-name", has_text="three"))
    expect(three.locator("summary")).to_have_count(0)
    lab.cell(3).locator(".cm-content").click()
    lab.keys("Control+End")
    lab.page.keyboard.type("\nprint(a)")
    expect(three.locator("summary")).to_contain_text("one (a)")
    three.locator("summary").click()
    expect(three.locator(".nb2flow-Why")).to_contain_text("a")
    lab.picture("list")

    # While a cell does not parse the last good graph stays, and the cell says what is wrong.
    lab.cell(3).locator(".cm-content").click()
    lab.keys("Control+End")
    lab.page.keyboard.type("\nif")
    expect(panel.locator(".nb2flow-Flow-graph")).to_have_class(re.compile("nb2flow-mod-behind"))
    expect(three.locator("summary")).to_contain_text("one (a)")
    expect(lab.cell(3).locator(".nb2flow-Badge-problem")).to_be_visible()
    lab.pictures("syntax-error")
    lab.keys("Backspace", "Backspace", "Backspace")
    expect(panel.locator(".nb2flow-Flow-graph")).not_to_have_class(re.compile("nb2flow-mod-behind"))

    # Hidden state is shown as such: the two steps share one stream of random numbers.
    two = panel.locator(".nb2flow-List > li", has=lab.page.locator(".nb2flow-List-name", has_text="two"))
    two.locator("summary").click()
    expect(two.locator(".nb2flow-Why .nb2flow-Pill")).to_have_text("hidden state")


def test_a_problem_has_a_fix(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write(
        "problem.ipynb",
        ("code", "a = 1", ["step:one"]),
        ("code", "b = a", ["stpe:two"]),
    )
    lab.open(notebook)
    panel = lab.show_flow()
    problem = panel.locator(".nb2flow-Problems li", has_text="NB201")
    expect(problem).to_be_visible()
    expect(lab.cell(1).locator(".nb2flow-Badge-problem")).to_have_text("NB201")
    expect(panel.get_by_role("button", name="Run", exact=False).first).to_be_disabled()
    lab.pictures("problem")
    problem.locator(".nb2flow-Button").click()
    expect(problem).to_be_hidden()
    assert lab.tags(1) == ["step:two"]
    expect(lab.badge(1)).to_have_text("two")


def test_settings_of_a_step(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write(
        "settings.ipynb",
        ("code", "a = 1", ["step:one"]),
        ("code", "b = a", ["step:two", "memory:2Gi"]),
    )
    lab.open(notebook)
    expect(lab.badge(1)).to_have_text("two")
    lab.select(1)
    lab.page.locator("li.lm-TabBar-tab[data-id='jp-property-inspector']").click()
    form = lab.page.locator(".nb2flow-Form")
    expect(form.get_by_label("Memory")).to_have_value("2Gi")
    form.get_by_label("Memory").fill("16Gi")
    form.get_by_label("Retries").fill("2")
    form.get_by_label("Time limit").fill("soon")
    form.get_by_label("Time limit").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("soon")
    lab.picture("form-problem")
    form.get_by_label("Time limit").fill("2h")
    form.get_by_label("Time limit").press("Enter")
    expect(form.get_by_role("alert")).to_have_count(0)
    lab.pictures("form")
    assert lab.tags(1) == ["step:two"]
    script = "() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.getMetadata('nb2flow')"
    assert lab.page.evaluate(script) == {"memory": "16Gi", "retries": 2, "timeout": "2h"}

    # JupyterLab's own tag editor and the badge are two views of one thing.
    lab.page.get_by_text("Common Tools", exact=True).click()
    editor = lab.page.locator(".jp-CellTags")
    expect(editor).to_contain_text("step:two")
    assert json.loads(notebook.read_text())["cells"][1]["metadata"] == {"tags": ["step:two", "memory:2Gi"]}


def test_a_step_stays_under_the_pointer_that_is_pressed_on_it(lab: Lab, write: Callable[..., Path]) -> None:
    """The drawing is fitted to its room, but not between the two halves of a click."""
    lab.open(write("still.ipynb", ("code", "a = 1", ["step:first"]), ("code", "print(a)", ["step:last"])))
    panel = lab.show_flow()
    node = panel.locator(".nb2flow-Node[data-step='last']")
    expect(node).to_be_visible()
    node.hover()
    lab.page.mouse.down()
    before = node.bounding_box()
    lab.page.set_viewport_size({"width": 1280, "height": 560})
    lab.page.wait_for_function("() => window.innerHeight === 560")
    lab.page.evaluate("() => new Promise(done => setTimeout(done, 500))")  # as long as a fitting takes, and more
    assert node.bounding_box() == before
    lab.page.mouse.up()
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    expect(panel.locator(".nb2flow-Step h3")).to_have_text("last")
