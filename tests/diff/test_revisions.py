"""`nbdiff` with git revisions: what is compared with what, and what is told of notebooks that came, went or broke."""

from __future__ import annotations

import pytest
from diff.conftest import FIRST, Repository, Run


@pytest.fixture
def inside(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The repository, with this process in it."""
    monkeypatch.chdir(repository.folder)
    for name, value in repository.environment.items():
        monkeypatch.setenv(name, value)
    return repository


def test_git_revisions(inside: Repository, nbdiff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nbdiff() == (0, "", "")
    status, out, _ = nbdiff("HEAD~1")
    assert status == 1
    assert "--- wines.ipynb (HEAD~1)\n+++ wines.ipynb (working tree)" in out
    assert nbdiff("HEAD~1", "HEAD")[0] == nbdiff("HEAD~1..HEAD")[0] == nbdiff("HEAD~1", "wines.ipynb")[0] == 1
    assert nbdiff("HEAD~1:wines.ipynb", "wines.ipynb")[0] == 1
    assert nbdiff("HEAD", "HEAD")[0] == 0
    (inside.folder / "notes").mkdir()
    monkeypatch.chdir(inside.folder / "notes")
    assert "wines.ipynb" in nbdiff("--name-only", "HEAD~1")[1]
    assert nbdiff("HEAD~1:../wines.ipynb", "../wines.ipynb")[0] == 1


def test_revisions_of_a_bare_repository(inside: Repository, nbdiff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.git("clone", "-q", "--bare", ".", "../bare")
    monkeypatch.chdir(inside.folder.parent / "bare")
    assert nbdiff("--stat", "HEAD~1", "HEAD")[1] == " wines.ipynb | cells: 1 added, 1 modified\n"
    status, _, err = nbdiff("HEAD~1")
    assert (status, err) == (2, "nbdiff: git diff says: this operation must be run in a work tree\n")


def test_a_renamed_notebook_is_told_with_both_names(inside: Repository, nbdiff: Run) -> None:
    inside.git("mv", "wines.ipynb", "red wines.ipynb")
    inside.commit("renamed")
    assert nbdiff("HEAD~1", "HEAD") == (0, "--- wines.ipynb (HEAD~1)\n+++ red wines.ipynb (HEAD)\nno change\n", "")
    assert nbdiff("--stat", "HEAD~1")[1] == " wines.ipynb → red wines.ipynb | no change\n"
    assert nbdiff("--name-only", "HEAD~1") == (0, "", "")


def test_one_notebook_that_cannot_be_read_does_not_hide_the_others(inside: Repository, nbdiff: Run) -> None:
    for name in ("a.ipynb", "z.ipynb"):
        (inside.folder / name).write_text('{"cells": [\n<<<<<<< HEAD\n')
    inside.git("add", "-A")
    inside.write("wines.ipynb", FIRST)
    status, out, err = nbdiff("--stat")
    assert (status, out) == (2, " wines.ipynb | cells: 1 removed, 1 modified\n")
    assert [line[:15] for line in err.splitlines() if line[0] != " "] == ["nbdiff: a.ipynb", "nbdiff: z.ipynb"]
    assert nbdiff("--name-only")[:2] == (2, "wines.ipynb\n")
    status, out, err = nbdiff("--flow")
    assert (status, out.splitlines()[0]) == (2, "--- wines.ipynb (HEAD)")
    assert "a.ipynb" in err


def test_a_notebook_of_a_submodule_is_not_called_unchanged(inside: Repository, nbdiff: Run) -> None:
    inside.git("clone", "-q", ".", "inner")
    inside.git("-c", "advice.addEmbeddedRepo=false", "add", "inner")
    inside.write("inner/wines.ipynb", FIRST)
    status, _, err = nbdiff("inner/wines.ipynb")
    assert status == 2
    assert "inner/wines.ipynb belongs to another repository" in err
    assert nbdiff("wines.ipynb")[0] == 0


def test_git_working_tree_index_added_and_deleted(inside: Repository, nbdiff: Run) -> None:
    inside.write("new folder/ünïcode.ipynb", FIRST)
    inside.git("add", "-A")
    assert nbdiff("--cached", "--stat")[1] == " new folder/ünïcode.ipynb | cells: 3 added\n"
    inside.commit("third")
    (inside.folder / "wines.ipynb").unlink()
    assert nbdiff("--stat")[1] == " wines.ipynb | cells: 4 removed\n"
    assert nbdiff("wines.ipynb")[0] == 1
    status, _, err = nbdiff("no-such-branch", "wines.ipynb")
    assert status == 2
    assert "no-such-branch" in err
