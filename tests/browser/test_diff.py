"""Versions of a notebook side by side."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from browser.lab_page import Lab
from playwright.sync_api import expect


def _git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_changes_since_the_last_commit(lab: Lab, write: Callable[..., Path], folder: Path) -> None:
    cells = [("code", f"value_{n} = {n}\nprint(value_{n})") for n in range(12)]
    notebook = write("history.ipynb", *cells)
    _git(folder, "init", "-q")
    _git(folder, "add", notebook.name)
    _git(folder, "commit", "-qm", "First version")
    cells[2] = ("code", "value_2 = 20\nprint(value_2)")
    del cells[7]
    cells.append(("code", "print('the end')"))
    write("history.ipynb", *cells)
    lab.open(notebook)
    lab.command("nb2flow:diff")
    diff = lab.page.locator(".nb2flow-Diff")
    expect(diff.locator(".nb2flow-DiffCell[data-change='modified']").first).to_be_visible()
    expect(diff.locator(".cm-merge-a").first).to_contain_text("value_2 = 2")
    expect(diff.locator(".cm-merge-b").first).to_contain_text("value_2 = 20")
    lab.pictures("side-by-side")
    diff.get_by_label("Inline").check()
    expect(diff.locator(".cm-deletedChunk").first).to_be_visible()
    diff.get_by_role("button", name="Next").click()
    expect(diff.locator(".nb2flow-DiffCell").first).to_be_focused()
    diff.get_by_role("button", name="Next").click()
    expect(diff.locator(".nb2flow-DiffCell").nth(1)).to_be_focused()
    lab.pictures("inline")

    # What is on the screen counts, not what was saved; and another version can be picked.
    diff.get_by_label("Compare with").select_option("disk")
    expect(diff.locator(".nb2flow-Diff-words")).to_contain_text("no changes")


def test_outputs_are_drawn_and_noise_is_hidden(lab: Lab, folder: Path) -> None:
    notebook = folder / "outputs.ipynb"
    table = "<table><tr><td>{}</td></tr></table><script>document.body.dataset.trap = 'sprung'</script>"

    def version(count: int, value: str) -> None:
        shown = {"output_type": "display_data", "metadata": {}, "data": {"text/html": table.format(value)}}
        printed = {"output_type": "stream", "name": "stdout", "text": f"printed {value}\n"}
        cell = {
            "cell_type": "code", "id": "a", "metadata": {}, "source": "show()", "execution_count": count,
            "outputs": [printed, shown],
        }  # fmt: skip
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook.write_text(json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))

    version(1, "before")
    _git(folder, "init", "-q")
    _git(folder, "add", notebook.name)
    _git(folder, "commit", "-qm", "First version")
    version(2, "after")
    lab.open(notebook)
    lab.command("nb2flow:diff")
    diff = lab.page.locator(".nb2flow-Diff")
    expect(diff.locator(".nb2flow-Diff-words")).to_contain_text("no changes")
    diff.get_by_label("Outputs").check()
    base, remote = diff.locator("[data-side='base']"), diff.locator("[data-side='remote']")
    expect(base.first).to_contain_text("printed before")
    expect(remote.first).to_contain_text("printed after")
    expect(remote.locator("table td")).to_have_text("after")
    assert lab.page.evaluate("() => document.body.dataset.trap ?? ''") == ""
    lab.pictures("outputs")
    expect(diff.locator(".nb2flow-Diff-value")).to_have_count(0)
    diff.get_by_label("Noise").check()
    expect(diff.locator(".nb2flow-Diff-value", has_text="execution_count")).to_be_visible()
