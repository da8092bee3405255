"""What goes wrong is shown in place: lost events, a server, a notebook or a disk's room that is gone, an engine that
cannot be had, a notebook that is too large."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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


def test_a_notebook_that_is_renamed_in_mid_run(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    notebook = write("before.ipynb", WAITS)
    lab.open(notebook)
    panel = lab.show_flow()
    start(lab)
    expect(run_status(panel)).to_contain_text("running")
    path = notebook.relative_to(lab.server.root).as_posix()
    script = "([old, now]) => window.jupyterapp.serviceManager.contents.rename(old, now)"
    lab.page.evaluate(script, [path, path.replace("before", "after")])
    expect(lab.page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text("after.ipynb")
    (folder / "go").write_text("")
    expect(run_status(panel)).to_contain_text("succeeded")
    expect(panel.locator(".nb2flow-Run")).to_contain_text("renamed after this run began")
    # It runs under its new name.
    start(lab)
    expect(panel.locator(".nb2flow-Run")).not_to_contain_text("renamed")
    expect(run_status(panel)).to_contain_text("succeeded")


def test_a_server_that_is_restarted_in_mid_run(lab: Lab, server: LabServer, write: Callable[..., Path]) -> None:
    notebook = write("restart.ipynb", WAITS)
    lab.open(notebook)
    panel = lab.show_flow()
    start(lab)
    expect(run_status(panel)).to_contain_text("running")
    server.stop()
    away = panel.get_by_role("alert").filter(has_text="The Jupyter server does not answer.")
    expect(away).to_be_visible()
    lab.picture("away")
    server.start()
    expect(away).to_have_count(0)
    expect(run_status(panel)).to_contain_text("running")
    (notebook.parent / "go").write_text("")
    expect(run_status(panel)).to_contain_text("succeeded")
    expect(panel.locator(".nb2flow-Node[data-step='wait']")).to_have_attribute("data-status", "succeeded")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A project on a small disk of its own."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    (disk / "nb2flow.toml").write_text("")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_in_the_panel(lab: Lab, write: Callable[..., Path], small_disk: Path) -> None:
    lab.open(write("disk/full.ipynb", ("code", "print(1)", ["step:one"])))
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(1)
    # JupyterLab writes a copy of its own when it opens a notebook; after that something else fills the disk.
    expect(lab.page.locator(".jp-NotebookPanel .nb2flow-Badge-name")).to_have_text("one")
    lab.kernel_is_idle("full.ipynb")
    with pytest.raises(OSError, match="No space"), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    start(lab)
    refused = panel.locator(".nb2flow-Refused")
    expect(refused).to_contain_text("full")
    expect(refused.locator(".nb2flow-Pill")).to_have_text("not started")
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    lab.picture("full")


def test_a_notebook_of_100_mb_has_a_flow_and_is_told_to_be_too_large_to_run(
    lab: Lab, write: Callable[..., Path]
) -> None:
    notebook = write("large.ipynb", ("code", "a = 1", ["step:one"]), ("code", "print(a)", ["step:two"]))
    content = json.loads(notebook.read_text())
    image = {"output_type": "display_data", "data": {"image/png": "A" * 104_000_000}, "metadata": {}}
    content["cells"][0]["outputs"] = [image]
    notebook.write_text(json.dumps(content))
    lab.open(notebook)
    panel = lab.show_flow()
    expect(panel.locator(".nb2flow-Node")).to_have_count(2)
    start(lab)
    refused = panel.locator(".nb2flow-Refused")
    expect(refused).to_contain_text("too large")
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    lab.picture("large")


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
