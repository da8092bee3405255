"""Runs that fail, are stopped, reloaded and looked at again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser.lab_page import Lab
from playwright.sync_api import Locator, expect

BROKEN = (
    ("code", "size = 3", ["parameters"]),
    ("code", "rows = [n * n for n in range(size)]\nprint('made', rows)", ["step:make"]),
    ("code", "print('about to fail')\nratio = rows[1] / rows[0]", ["step:divide"]),
    ("code", "print(ratio)", ["step:tell"]),
)


def start(lab: Lab, **parameters: str) -> None:
    """Press the button, fill in parameters, run."""
    lab.page.locator("[data-jp-item-name='nb2flow-run']").get_by_role("button").or_(
        lab.page.locator("[data-jp-item-name='nb2flow-run'] jp-button")
    ).first.click()
    dialog = lab.page.locator(".jp-Dialog")
    for name, text in parameters.items():
        dialog.get_by_label(name).fill(text)
    dialog.get_by_role("button", name="Run", exact=True).click()


def run_status(panel: Locator) -> Locator:
    """The panel's word for how the run stands."""
    return panel.locator(".nb2flow-Run .nb2flow-Status")


def test_a_failing_run_and_into_the_failed_step(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("broken.ipynb", *BROKEN))
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(3)

    # A parameter of the wrong type is refused in the form.
    lab.command("nb2flow:run")
    dialog = lab.page.locator(".jp-Dialog")
    dialog.get_by_label("size").fill("three")
    expect(dialog.locator(".nb2flow-Fault")).to_contain_text("size must be a whole number")
    dialog.get_by_role("button", name="Cancel").click()

    start(lab, size="4")
    expect(run_status(panel)).to_contain_text("failed")
    failure = panel.locator(".nb2flow-Failure")
    expect(failure).to_contain_text("ZeroDivisionError")
    expect(failure.locator("pre")).to_contain_text("division by zero")
    expect(lab.cell(2).locator(".nb2flow-Badge-status.nb2flow-mod-here")).to_contain_text("failed")
    expect(panel.locator(".nb2flow-Node[data-step='tell']")).to_have_attribute("data-status", "skipped")
    lab.pictures("failed")

    # One click to the failing cell.
    lab.select(0)
    failure.get_by_role("button", name="Go to the Failing Cell").click()
    expect(lab.cell(2)).to_have_class(re.compile("jp-mod-active"))

    # The step opens as a notebook whose kernel has its inputs.
    panel.get_by_role("button", name="Open with Inputs").click()
    opened = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    expect(opened.locator(".jp-Cell", has_text="ratio = rows[1]")).to_be_visible()
    lab.kernel_is_idle("broken-divide-inputs.ipynb")
    lab.command("notebook:run-all-cells")
    expect(opened.locator(".jp-OutputArea", has_text="about to fail").first).to_be_visible()
    expect(opened.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_contain_text("ZeroDivisionError")
    lab.picture("with-inputs")


def test_a_run_survives_a_reload_and_is_cancelled_and_resumed(
    lab: Lab, write: Callable[..., Path], folder: Path
) -> None:
    notebook = write(
        "long.ipynb",
        ("code", "a = 1\nprint('first is done')", ["step:first"]),
        ("code", "import pathlib, time\nprint('waiting')", ["step:wait", "cache:off"]),
        ("code", "while not pathlib.Path('go').exists():\n    time.sleep(0.1)\nb = a"),
        ("code", "print(b)", ["step:last"]),
    )
    lab.open(notebook)
    panel = lab.show_flow()
    start(lab)
    waiting = panel.locator(".nb2flow-Node[data-step='wait']")
    expect(waiting).to_have_attribute("data-status", "running")
    expect(lab.page.locator(".nb2flow-StatusWord")).to_have_text("1 pipeline running")

    # Reloaded in mid-run: the status is there again, without doing anything.
    lab.command("docmanager:save")
    lab.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    lab.page.reload()
    lab.ready()
    panel = lab.show_flow()
    expect(waiting).to_have_attribute("data-status", "running")
    waiting.click()
    expect(panel.locator(".nb2flow-Log pre")).to_contain_text("waiting")
    lab.picture("reloaded")

    panel.get_by_role("button", name="Cancel").click()
    expect(run_status(panel)).to_contain_text("cancelled")
    (folder / "go").write_text("")
    panel.get_by_role("button", name="Resume").click()
    expect(run_status(panel)).to_contain_text("succeeded")
    expect(panel.locator(".nb2flow-Node[data-step='last']")).to_have_attribute("data-status", "succeeded")

    # Run only this, from its node.
    panel.locator(".nb2flow-Node[data-step='last']").click()
    panel.get_by_role("button", name="Run Only This").click()
    expect(panel.locator(".nb2flow-Node[data-step='first']")).to_have_attribute(
        "data-status", re.compile("cached|skipped")
    )
    expect(run_status(panel)).to_contain_text("succeeded")

    # The table has both runs; they are compared; one is deleted.
    lab.command("nb2flow:show-runs")
    table = lab.page.locator(".nb2flow-Runs")
    table.get_by_label("Filter runs").fill("long.ipynb")
    rows = table.locator("tbody tr[data-run]")
    expect(rows).to_have_count(2)
    for row in (0, 1):
        rows.nth(row).get_by_role("checkbox").check()
    table.get_by_role("button", name="Compare Two").click()
    expect(table.locator(".nb2flow-Compared")).to_contain_text("last")
    lab.pictures("runs")
    table.get_by_role("button", name="Diff of step last").click()
    expect(lab.page.locator(".nb2flow-Diff-words")).to_contain_text(":last")
    expect(lab.page.locator(".nb2flow-Diff-words")).to_contain_text("no changes")
    lab.command("nb2flow:show-runs")
    table.get_by_role("button", name="Close").click()
    rows.nth(0).get_by_role("button", name=re.compile("^Delete")).click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)


def test_a_step_that_runs_for_each_element(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(
        write(
            "each.ipynb",
            ("code", "words = ['a', 'bb', 'ccc']", ["step:words"]),
            (
                "code",
                "sizes = []\nfor word in words:\n    print('reads', word)\n    sizes.append(6 // (3 - len(word)))",
                ["step:measure", "each:words"],
            ),
            ("code", "print(sum(sizes))", ["step:total", "gather"]),
        )
    )
    panel = lab.show_flow()
    start(lab)
    node = panel.locator(".nb2flow-Node[data-step='measure']")
    expect(node).to_contain_text("×3")
    expect(run_status(panel)).to_contain_text("failed")
    expect(node).to_have_attribute("data-status", "failed")
    expect(panel.locator(".nb2flow-Node")).to_have_count(3)

    # The element that failed is what is shown; the others are one click away.
    expect(panel.locator(".nb2flow-Step h3")).to_contain_text("measure[2]")
    expect(panel.locator(".nb2flow-Failure")).to_contain_text("ZeroDivisionError")
    lab.pictures("each")
    panel.get_by_role("button", name="measure[1] succeeded").click()
    expect(panel.locator(".nb2flow-Log pre")).to_have_text(re.compile("^reads bb\\s*$"))
    panel.locator(".nb2flow-Instances").get_by_role("button", name="all 2/3").click()
    expect(panel.locator(".nb2flow-Step h3")).to_contain_text("1 of 3 failed")


def test_two_tabs_on_one_notebook(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    notebook = write(
        "tabs.ipynb",
        (
            "code",
            "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)",
            ["step:wait"],
        ),
    )
    lab.open(notebook)
    panel = lab.show_flow()
    second = Lab(lab.page.context.new_page(), lab.server, lab._pictures, "second-tab")
    second.open(notebook, workspace="second")
    other = second.show_flow()
    lab.page.bring_to_front()
    start(lab)
    expect(run_status(panel)).to_contain_text("running")
    second.page.bring_to_front()
    expect(run_status(other)).to_contain_text("running")
    (folder / "go").write_text("")
    expect(run_status(other)).to_contain_text("succeeded")
    lab.page.bring_to_front()
    expect(run_status(panel)).to_contain_text("succeeded")
    assert second.errors == []
