"""Every way to what nb2flow does: palette, menus, launcher, settings, where to run, run from here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser.lab_page import Lab
from browser.test_runs import run_status, start
from playwright.sync_api import expect

CHAIN = (
    ("code", "rows = [1, 2, 3]\nprint('made')", ["step:make"]),
    ("code", "total = 0\nfor row in rows:\n    total += row", ["step:add"]),
    ("code", "print('total', total)", ["step:tell"]),
)


def test_every_command_is_in_the_palette(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("palette.ipynb", *CHAIN))
    expect(lab.badge(0)).to_have_text("make")
    script = "() => window.jupyterapp.commands.listCommands().filter(id => id.startsWith('nb2flow:')).sort()"
    commands = lab.page.evaluate(script)
    lab.command("apputils:activate-command-palette")
    palette = lab.page.locator("#modal-command-palette")
    palette.locator("input").fill("nb2flow")
    items = palette.locator(".lm-CommandPalette-item[data-command^='nb2flow:']")
    expect(items).to_have_count(len(commands))
    assert sorted(item.get_attribute("data-command") or "" for item in items.all()) == commands
    lab.picture("palette")
    # One of them does what it says.
    palette.locator("[data-command='nb2flow:show-runs']").click()
    expect(lab.page.locator(".nb2flow-Runs")).to_be_visible()


def test_the_launcher_has_a_card(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("card.ipynb", *CHAIN))
    lab.command("launcher:create")
    lab.page.locator(".jp-LauncherCard", has_text="Pipeline Runs").click()
    expect(lab.page.locator(".nb2flow-Runs")).to_be_visible()


def test_a_cell_is_tagged_by_its_context_menu(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("menu.ipynb", *CHAIN))
    expect(lab.badge(1)).to_have_text("add")
    lab.cell(1).locator(".jp-InputPrompt").click(button="right")
    lab.page.locator(".lm-Menu-item", has_text="Pipeline Step").hover()
    lab.page.locator(".lm-Menu-item[data-command='nb2flow:same-step']").click()
    expect(lab.badge(1)).to_have_text("make")
    assert lab.tags(1) == ["step:make"]
    # What was clicked is meant, not what was selected before.
    lab.cell(2).locator(".jp-InputPrompt").click(button="right")
    lab.page.locator(".lm-Menu-item", has_text="Pipeline Step").hover()
    lab.page.locator(".lm-Menu-item[data-command='nb2flow:mark-skip']").click()
    expect(lab.cell(2).locator(".nb2flow-Badge")).to_contain_text("skip")
    assert [lab.tags(1), lab.tags(2)] == [["step:make"], ["skip"]]


def test_badges_can_be_switched_off(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("quiet.ipynb", *CHAIN))
    expect(lab.badge(0)).to_have_text("make")
    save = "text => window.jupyterapp.serviceManager.settings.save('nb2flow:badges', text)"
    try:
        lab.page.evaluate(save, '{"badges": false}')
        lab.page.reload()
        lab.ready()
        expect(lab.show_flow().locator(".nb2flow-Node")).to_have_count(3)
        expect(lab.page.locator(".nb2flow-Badge")).to_have_count(0)
    finally:
        lab.page.evaluate(save, "{}")


def test_where_to_run_is_picked_from_the_profiles(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    profile = '[profiles.gpu]\nimage = "x"\ncontext = "nowhere"\nstore = "s3://nowhere/x"\n'
    (folder / "nb2flow.toml").write_text(profile)
    lab.open(write("where.ipynb", *CHAIN))
    panel = lab.show_flow()
    lab.command("nb2flow:run")
    dialog = lab.page.locator(".jp-Dialog")
    where = dialog.get_by_label("Where")
    gpu = where.locator("option", has_text="gpu").first
    expect(gpu).to_be_attached()
    expect(where.locator("option:checked")).to_contain_text(re.compile("this machine|here|local", re.IGNORECASE))
    lab.picture("where")
    where.select_option(gpu.get_attribute("value"))
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(panel.locator(".nb2flow-Refused")).to_be_visible()  # that cluster cannot be had


def test_a_run_goes_on_from_a_step(lab: Lab, write: Callable[..., Path]) -> None:
    lab.open(write("again.ipynb", *CHAIN))
    panel = lab.show_flow()
    start(lab)
    expect(run_status(panel)).to_contain_text("succeeded")
    node = {name: panel.locator(f".nb2flow-Node[data-step='{name}']") for name in ("make", "add", "tell")}
    node["add"].click()
    panel.get_by_role("button", name="Run from Here").click()
    expect(node["make"]).to_have_attribute("data-status", "cached")
    expect(node["add"]).to_have_attribute("data-status", "succeeded")
    expect(node["tell"]).to_have_attribute("data-status", "succeeded")
    expect(run_status(panel)).to_contain_text("succeeded")
