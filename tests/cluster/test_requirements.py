"""Packages that the image lacks: the first pod installs them, those after it take them from the store."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import notebooks
import pytest
from cluster.conftest import Machine, needed
from executors.test_pods import wheel


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a page of wheels that pods can reach, and its folder."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    server = ThreadingHTTPServer((needed("NB2FLOW_TEST_HOST"), 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{needed('NB2FLOW_TEST_HOST')}:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


def test_a_notebook_runs_in_an_image_that_lacks_its_packages(
    machine: Callable[..., Machine], index: tuple[str, Path]
) -> None:
    address, wheels = index
    wheel(wheels, "travelling", "1.0", "word = 'from afar'")
    laptop = machine("laptop", requirements="requirements.txt")
    host = needed("NB2FLOW_TEST_HOST")
    lines = ("--no-index", f"--trusted-host {host}", f"--find-links {address}", "travelling==1.0")
    (laptop.folder / "requirements.txt").write_text("\n".join(lines))
    first = ("step:a", "import travelling\nx = int(open('numbers.txt').read())\nprint(travelling.word)")
    notebooks.save(laptop.folder / "nb.ipynb", first, ("step:b", "print(travelling.word, x)"))
    done = laptop.value("run", "nb.ipynb", "--engine", "kubernetes")
    assert done["status"] == "succeeded"
    assert "from afar 20" in laptop.do("logs", done["run"], "b")
    notes = {name: step.notes for name, step in laptop.state(done["run"]).steps.items()}
    assert any("installs the packages of requirements.txt" in note for note in notes["a"])
    assert not any("installs" in note for note in notes["b"])
    shutil.rmtree(wheels)
    again = laptop.value("run", "nb.ipynb", "--engine", "kubernetes", "--no-cache")
    assert again["status"] == "succeeded"
