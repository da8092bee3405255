"""What goes wrong is shown in place: lost events, a notebook that is gone, an engine that cannot be had."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from browser.lab_page import Lab
from browser.lab_server import LabServer
from browser.test_runs import run_status, start
from playwright.sync_api import expect

NO_LONGER = 5_000  # ms that a status may be stale
WAITS = (
    "code",
    "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)",
    ["step:wait"],
)


def test_without_the_socket_of_events_nothing_is_stale(
    lab: Lab, server: LabServer, write: Callable[..., Path], folder: Path
) -> None:
    notebook = write("cut.ipynb", WAITS)
    cut = []
    lab.page.route_web_socket(re.compile("api/events/subscribe"), lambda socket: (cut.append(1), socket.close()))
    lab.open(notebook)
    lab.command("nb2flow:show-runs")
    table = lab.page.locator(".nb2flow-Runs")
    table.get_by_label("Filter runs").fill("cut.ipynb")
    rows = table.locator("tbody tr[data-run]")
    expect(rows).to_have_count(0)
    assert cut

    # Somebody else runs it; nothing tells this page but its own asking.
    path = notebook.relative_to(server.root).as_posix()
    content = json.loads(notebook.read_text())
    run = server.post("nb2flow/v1/runs", {"path": path, "content": content})["run"]
    expect(rows).to_have_count(1, timeout=NO_LONGER)
    (folder / "go").write_text("")
    while server.json(f"nb2flow/v1/runs/{run}")["summary"]["status"] in ("created", "running"):
        lab.page.wait_for_timeout(100)
    expect(rows.first).to_contain_text("succeeded", timeout=NO_LONGER)


def test_a_notebook_that_is_deleted_in_mid_run(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    notebook = write("gone.ipynb", WAITS)
    lab.open(notebook)
    panel = lab.show_flow()
    start(lab)
    expect(run_status(panel)).to_contain_text("running")
    notebook.unlink()
    (folder / "go").write_text("")
    expect(run_status(panel)).to_contain_text("succeeded")
    expect(panel.locator(".nb2flow-Run")).to_contain_text("notebook gone")
    lab.picture("gone")


def test_an_engine_that_cannot_be_had_is_told_in_the_panel(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    profile = '[profiles.gpu]\nimage = "x"\ncontext = "nowhere"\nstore = "s3://nowhere/x"\n'
    (folder / "nb2flow.toml").write_text(f'engine = "kubernetes"\n{profile}')
    lab.open(write("engine.ipynb", ("code", "print(1)", ["step:one"])))
    panel = lab.show_flow()
    start(lab)
    refused = panel.locator(".nb2flow-Refused")
    expect(refused).to_be_visible()
    expect(refused.locator(".nb2flow-Pill")).to_have_text(re.compile("not started|gave up"))
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    lab.pictures("refused")


def test_a_kernel_that_does_not_exist_is_told_in_the_panel(lab: Lab, write: Callable[..., Path]) -> None:
    notebook = write("kernel.ipynb", ("code", "print(1)", ["step:one"]))
    content = json.loads(notebook.read_text())
    content["metadata"]["kernelspec"] = {"name": "nowhere", "display_name": "Nowhere", "language": "python"}
    notebook.write_text(json.dumps(content))
    lab.open(notebook)
    # JupyterLab itself asks for another kernel; a person who wants none of it goes on.
    lab.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(1)
    start(lab)
    told = panel.get_by_role("alert").filter(has_text="nowhere")
    expect(told).to_contain_text("python3")  # the kernels that there are
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    lab.picture("kernel")
