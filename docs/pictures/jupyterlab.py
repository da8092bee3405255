"""Takes the README's pictures of JupyterLab: a finished run, and a failed one in the dark theme.

NB2FLOW_LAB_PYTHON=build/lab/bin/python PYTHONPATH=tests .venv/bin/python docs/pictures/jupyterlab.py
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from browser.lab_page import Lab
from browser.lab_server import LabServer
from playwright.sync_api import expect, sync_playwright

HERE = Path(__file__).parent


def run(lab: Lab, **parameters: str) -> None:
    """Press the button, fill in the form, run."""
    lab.page.locator("[data-jp-item-name='nb2flow-run'] jp-button").click()
    for name, text in parameters.items():
        lab.page.locator(".jp-Dialog").get_by_label(name).fill(text)
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Run", exact=True).click()


def main() -> None:
    """Take both."""
    folder = Path(tempfile.mkdtemp(prefix="nb2flow-pictures-"))
    root = folder / "root"
    ignore = shutil.ignore_patterns(".nb2flow", "*.pyc")
    shutil.copytree(HERE.parents[1] / "sample_notebooks", root, ignore=ignore)
    (root / "nb2flow.toml").write_text("")
    server = LabServer(root=root, home=folder / "home")
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 760}, reduced_motion="reduce")
            lab = Lab(page, server, HERE, "jupyterlab")
            lab.open(root / "wine_quality.ipynb")
            lab.command("application:toggle-left-area")
            panel = lab.show_flow()
            expect(panel.locator(".nb2flow-Node")).to_have_count(8)
            run(lab)
            status = panel.locator(".nb2flow-Run .nb2flow-Status")
            expect(status).to_contain_text("succeeded", timeout=500_000)
            panel.locator(".nb2flow-Node[data-step='choose']").click()
            expect(panel.locator(".nb2flow-Log")).to_be_visible()
            page.screenshot(path=HERE / "jupyterlab.png")
            lab.theme("JupyterLab Dark")
            run(lab, neighbours="5000")
            expect(status).to_contain_text("failed", timeout=500_000)
            panel.get_by_role("button", name="Go to the Failing Cell").click()
            page.screenshot(path=HERE / "jupyterlab-failed.png")
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
