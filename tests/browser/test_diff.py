"""Versions of a notebook side by side."""

from __future__ import annotations

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
