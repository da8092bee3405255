"""Fixtures of the browser tests: Debian's chromium, a real `jupyter lab`, notebooks, and pictures of what was seen."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser.lab_page import Lab
from browser.lab_server import LabServer
from playwright.sync_api import Browser, BrowserContext, Page

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
_ARGS = [
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser, and takes its time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How the browser is started."""
    return {"executable_path": os.environ.get("CHROMIUM", "/usr/bin/chromium"), "args": _ARGS, "headless": True}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """How a page is: a usual laptop's size, no animation."""
    return {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def profile(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """One profile for all tests, as one person has: JupyterLab's scripts are fetched and compiled once."""
    made = browser.new_context(**browser_context_args)
    yield made
    made.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    """A tab of its own, and none of its own left open."""
    made = profile.new_page()
    yield made
    for tab in profile.pages:
        tab.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One server for all tests; each works in a folder of its own below its root."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "root").mkdir()
    made = LabServer(root=folder / "root", home=folder / "home")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def folder(server: LabServer, request: pytest.FixtureRequest) -> Iterator[Path]:
    """This test's folder below the server's root; a project of its own. A run that a failed test left behind ends."""
    made = server.root / re.sub(r"\W+", "-", request.node.name)
    made.mkdir()
    (made / "nb2flow.toml").write_text("")
    yield made
    server.end_runs(made)


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Writes a notebook: cells are (kind, source) or (kind, source, tags)."""

    def writer(name: str, *cells: tuple[Any, ...]) -> Path:
        document = nbformat.v4.new_notebook()
        document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        for number, (kind, source, *tags) in enumerate(cells):
            make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
            metadata = {"tags": tags[0]} if tags else {}
            document.cells.append(make(source, id=f"c{number}", metadata=metadata))
        path = folder / name
        path.write_text(json.dumps(document))
        return path

    return writer


@pytest.fixture
def lab(page: Page, server: LabServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """JupyterLab in the browser. What the page says of errors fails the test; its last sight is kept."""
    made = Lab(page, server, PICTURES, re.sub(r"\W+", "-", request.node.name))
    yield made
    made.picture("last")
    assert made.errors == []
