"""Git with our drivers, as git itself calls them: real repositories, real commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diff.conftest import FIRST, SECOND, Repository
from diff.making import code, dump, md, nb, result, stream


def settings(repository: Repository) -> dict[str, bytes | None]:
    """Every file that enabling may touch."""
    home = Path(repository.environment["HOME"])
    git = repository.folder / ".git"
    places = [git / "config", git / "info" / "attributes", home / ".gitconfig", home / ".config" / "git" / "attributes"]
    return {str(p): p.read_bytes() if p.exists() else None for p in places}


@pytest.mark.parametrize("scope", [[], ["--global"]])
@pytest.mark.parametrize("clean", [[], ["--clean"]])
def test_disable_undoes_enable_completely(repository: Repository, scope: list[str], clean: list[str]) -> None:
    repository.git("config", "diff.jupyternotebook.command", "other-tool")
    repository.git("config", "--global", "user.name", "somebody")
    before = settings(repository)
    assert "not enabled" in repository.ours("main", "status", *scope, check=False).stdout
    for _ in range(2):  # twice is the same as once
        repository.ours("main", "enable", *scope, *clean)
    done = repository.ours("main", "status", *scope)
    assert done.stdout.endswith("enabled\n")
    assert settings(repository) != before
    repository.ours("main", "disable", *scope)
    assert settings(repository) == before
    assert repository.ours("main", "status", *scope, check=False).returncode == 1


def test_disable_leaves_no_file_that_was_not_there(repository: Repository) -> None:
    home = Path(repository.environment["HOME"])
    repository.ours("main", "enable", "--global", "--clean")
    assert (home / ".gitconfig").is_file()
    assert (home / ".config" / "git" / "attributes").is_file()
    repository.ours("main", "disable", "--global")
    assert list(home.rglob("*")) == []


def test_other_attributes_stay(repository: Repository) -> None:
    place = repository.folder / ".git" / "info" / "attributes"
    place.write_text("*.csv -diff\n*.ipynb diff=jupyternotebook\n")
    repository.ours("main", "enable")
    assert place.read_text().startswith("*.csv -diff\n*.ipynb diff=jupyternotebook\n# nb2flow")
    assert "diff: nb2flow" in repository.git("check-attr", "diff", "wines.ipynb")
    repository.ours("main", "disable")
    assert place.read_text() == "*.csv -diff\n*.ipynb diff=jupyternotebook\n"


def test_git_diff_show_and_log_read_well(repository: Repository) -> None:
    repository.ours("main", "enable")
    shown = repository.git("diff", "HEAD~1")
    assert "cells: 1 added, 1 modified" in shown
    assert "- x = 1\n+ x = 10\n" in shown
    assert '"cell_type"' not in shown
    log = repository.git("log", "-p", "-1")
    assert "-x = 1\n+x = 10\n" in log
    assert '"cell_type"' not in log
    blame = repository.git("blame", "-s", "wines.ipynb")
    assert ") x = 10\n" in blame
    assert '"source"' not in blame
    assert "wines.ipynb" in repository.git("diff", "--stat", "HEAD~1")
    coloured = repository.git("-c", "color.ui=always", "diff", "HEAD~1")
    assert "\x1b[32m" in coloured


def test_git_diff_of_added_deleted_renamed_and_broken_notebooks(repository: Repository) -> None:
    repository.ours("main", "enable")
    repository.git("mv", "wines.ipynb", "cellar.ipynb")
    repository.write("new.ipynb", FIRST)
    (repository.folder / "broken.ipynb").write_text("{")
    repository.git("add", "-A")
    shown = repository.git("diff", "--cached")
    assert "cells: 3 added" in shown
    assert "shown as text" in shown
    repository.commit("third")
    repository.git("rm", "-q", "new.ipynb")
    assert "cells: 3 removed" in repository.git("diff", "--cached")


def test_git_diff_tells_a_changed_mode(repository: Repository) -> None:
    repository.ours("main", "enable")
    (repository.folder / "wines.ipynb").chmod(0o755)
    shown = repository.git("diff")
    assert shown.startswith("diff --nb2flow a/wines.ipynb b/wines.ipynb\nmode 100644 → 100755\n")
    assert shown.endswith("no change\n")
    assert "mode" not in repository.git("diff", "HEAD~1", "HEAD")


def branch(repository: Repository, name: str, cells: list[dict[str, object]]) -> None:
    """A branch from `base` with these cells."""
    repository.git("checkout", "-q", "-b", name, "base")
    repository.write("wines.ipynb", {**FIRST, "cells": cells})
    repository.commit(name)


def diverged(repository: Repository, left: list[dict[str, object]], right: list[dict[str, object]]) -> None:
    """Branches `left` (checked out) and `right` from the first commit."""
    repository.ours("main", "enable")
    repository.git("branch", "base", "HEAD~1")
    branch(repository, "right", right)
    branch(repository, "left", left)


A, B, C = FIRST["cells"]
LONG = {**B, "source": "x = 1\ny = 2\n\n# the rest\nz = 3\nw = 4"}


def test_git_merge_keeps_cells(repository: Repository) -> None:
    diverged(repository, [A, C, B], [A, {**B, "source": "x = 1\ny = 20"}, C])
    done = repository.run("git", "merge", "right", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((repository.folder / "wines.ipynb").read_text())
    assert sorted("".join(c["source"]) for c in found["cells"]) == ["# Wines", "print(x + y)", "x = 1\ny = 20"]
    assert [c["id"] for c in found["cells"]] == ["a1", "c3", "b2"]


def test_git_merge_conflicts_stay_inside_a_cell(repository: Repository) -> None:
    diverged(repository, [A, {**B, "source": "x = 5\ny = 2"}, C], [A, {**B, "source": "x = 7\ny = 2"}, C])
    done = repository.run("git", "merge", "right", check=False)
    assert done.returncode == 1
    assert "wines.ipynb: conflict in cell 2: source" in done.stderr
    found = json.loads((repository.folder / "wines.ipynb").read_text())
    assert "".join(found["cells"][1]["source"]) == "<<<<<<< ours\nx = 5\n=======\nx = 7\n>>>>>>> theirs\ny = 2"
    assert "++<<<<<<< ours\n +x = 5\n++=======\n+ x = 7\n" in repository.git("diff")


def test_mergetool_and_difftool(repository: Repository) -> None:
    diverged(repository, [A, {**B, "source": "x = 5\ny = 2"}, C], [A, {**B, "source": "x = 7\ny = 2"}, C])
    shown = repository.git("difftool", "--no-prompt", "--tool=nb2flow", "base", "left")
    assert "- x = 1\n+ x = 5\n" in shown
    repository.run("git", "merge", "right", check=False)
    done = repository.run("git", "mergetool", "--no-prompt", "--tool=nb2flow", check=False)
    assert done.returncode == 1  # conflicts remain, and git is told so
    assert "conflict in cell 2: source" in done.stderr
    assert "then: git add wines.ipynb" in done.stderr


def test_difftool_starts_the_tool_that_was_named(repository: Repository) -> None:
    repository.ours("main", "enable")
    repository.git("config", "difftool.other.cmd", 'echo "seen: $MERGED"; grep -h "x =" "$LOCAL" "$REMOTE"')
    shown = repository.git("difftool", "--no-prompt", "--tool=other", "HEAD~1")
    assert shown.startswith("seen: wines.ipynb\n")
    assert "x = 10" in shown
    assert "nb2flow" not in shown


def test_a_merge_keeps_the_form_of_the_file(repository: Repository) -> None:
    def form(*sources: str) -> bytes:
        """As Colab and others write it: other members first, two spaces, texts in one string, escapes, no line end."""
        cells = [
            {"metadata": {}, "source": s, "cell_type": "code", "execution_count": None, "outputs": []} for s in sources
        ]
        notebook = {"nbformat": 4, "nbformat_minor": 0, "metadata": {"b": 1, "a": 2}, "cells": cells}
        return json.dumps(notebook, indent=2, ensure_ascii=True).encode()

    path = repository.folder / "colab.ipynb"
    repository.ours("main", "enable")
    path.write_bytes(form("a = 'größe'\nb = 1", "c = 2"))
    repository.commit("base")
    repository.git("branch", "base")
    for name, sources in (("right", ("a = 'größe'\nb = 9", "c = 2")), ("left", ("a = 'größe'\nb = 1", "c = 5"))):
        repository.git("checkout", "-q", "-b", name, "base")
        path.write_bytes(form(*sources))
        repository.commit(name)
    repository.git("merge", "-q", "--no-edit", "right")
    assert path.read_bytes() == form("a = 'größe'\nb = 9", "c = 5")


def test_mergetool_resolves_what_git_alone_could_not_merge(repository: Repository) -> None:
    diverged(repository, [A, C, B], [A, {**B, "source": "x = 9\ny = 2"}, C])
    (repository.folder / ".git" / "info" / "attributes").write_text("")  # as in a merge that began before `enable`
    assert repository.run("git", "merge", "right", check=False).returncode == 1
    assert repository.git("ls-files", "--unmerged")
    done = repository.run("git", "mergetool", "--no-prompt", "--tool=nb2flow", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not repository.git("ls-files", "--unmerged")
    found = json.loads((repository.folder / "wines.ipynb").read_text())
    assert [(c["id"], "".join(c["source"])) for c in found["cells"]] == [
        ("a1", "# Wines"),
        ("c3", "print(x + y)"),
        ("b2", "x = 9\ny = 2"),
    ]
    repository.git("commit", "--no-edit", "-q")


def test_a_merge_of_what_is_no_notebook_is_gits_own(repository: Repository) -> None:
    repository.ours("main", "enable")
    path = repository.folder / "wines.ipynb"
    repository.git("branch", "base")
    for name, text in (("right", "{\n a\n b\n c\n 2\n"), ("left", "{\n 1\n b\n c\n d\n")):
        repository.git("checkout", "-q", "-b", name, "base")
        path.write_text(text)
        repository.commit(name)
    done = repository.run("git", "merge", "right", check=False)
    assert done.returncode == 1
    assert "merged as text" in done.stderr
    assert "<<<<<<<" in path.read_text()


def test_the_clean_filter_strips_what_was_chosen(repository: Repository) -> None:
    repository.ours("main", "enable", "--clean", "outputs,counts")
    kept = {"tags": ["step:load", "gpu:1"], "nb2flow": {"retries": 2}, "collapsed": True}
    notebook = nb(code("x", result(3, text_plain="1"), stream("hello"), id="a1", count=3, **kept))
    repository.write("wines.ipynb", notebook)
    repository.commit("run")
    stored = json.loads(repository.git("show", "--no-textconv", "HEAD:wines.ipynb"))
    assert stored["cells"][0]["outputs"] == []
    assert stored["cells"][0]["execution_count"] is None
    assert stored["cells"][0]["metadata"] == kept
    assert json.loads((repository.folder / "wines.ipynb").read_text()) == notebook
    assert repository.git("status", "--porcelain") == ""


def test_clean_in_place_check_and_as_a_filter(repository: Repository) -> None:
    dirty = nb(
        code("x", stream("hello"), id="a1", count=3, tags=["parameters"], ExecuteTime={"end": 1}),
        code("y", stream("keep"), id="b2", tags=["keep_output"]),
        md("text", id="c3"),
        kernelspec={"name": "python3"},
        widgets={"x": 1},
    )
    repository.write("wines.ipynb", dirty)
    path = repository.folder / "wines.ipynb"
    assert repository.ours("clean_main", "--check", "wines.ipynb", check=False).returncode == 1
    assert json.loads(path.read_text()) == dirty
    assert repository.ours("clean_main", ".").stdout == "cleaned wines.ipynb\n"
    cleaned = json.loads(path.read_text())
    first, second, _ = cleaned["cells"]
    assert (first["outputs"], first["execution_count"], first["metadata"]) == ([], None, {"tags": ["parameters"]})
    assert second["outputs"] == [stream("keep")]
    assert cleaned["metadata"] == {"kernelspec": {"name": "python3"}}
    assert repository.ours("clean_main", "--check", "wines.ipynb").returncode == 0
    filtered = repository.ours("clean_main", "--strip", "ids,kernel", stdin=dump(dirty)).stdout
    assert "id" not in json.loads(filtered)["cells"][0]
    assert repository.ours("clean_main", stdin=b"no notebook").stdout == "no notebook"
    assert "there is no part" in repository.ours("clean_main", "--strip", "tags", "wines.ipynb", check=False).stderr


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
@pytest.mark.parametrize("escaped", [True, False])
def test_clean_keeps_the_layout_of_the_file(repository: Repository, indent: int | None, escaped: bool) -> None:
    def written(count: int | None) -> bytes:
        notebook = {"nbformat": 4, **nb(code("print('größe')", id="a1", count=count))}
        separators = (",", ": ") if indent else None
        return json.dumps(notebook, indent=indent, ensure_ascii=escaped, separators=separators).encode()

    path = repository.folder / "wines.ipynb"
    path.write_bytes(written(3))
    repository.ours("clean_main", "wines.ipynb")
    assert path.read_bytes() == written(None)


def test_the_drivers_work_from_a_linked_worktree(repository: Repository) -> None:
    repository.git("worktree", "add", "-q", "../linked", "HEAD")
    linked = Repository.__new__(Repository)
    linked.folder, linked.environment = repository.folder.parent / "linked", repository.environment
    linked.ours("main", "enable")
    assert "cells: 1 added" in linked.git("diff", "HEAD~1")
    assert SECOND["cells"][3]["source"] == "z = 3"


def test_status_knows_what_is_enabled_for_all_repositories(repository: Repository) -> None:
    repository.ours("main", "enable", "--global")
    told = repository.ours("main", "status").stdout
    assert told.endswith("enabled\n")
    assert ".config/git/attributes: *.ipynb is set" in told


def test_links_to_files_stay_links(repository: Repository) -> None:
    """As people have them who keep their settings in a repository of their own, and notebooks on another disk."""
    home = Path(repository.environment["HOME"])
    kept = home.parent / "kept"
    kept.mkdir()
    (kept / "attributes").write_text("*.csv text\n")
    (kept / "wines.ipynb").write_bytes(dump(nb(code("x", stream("out"), count=1))))
    place = home / ".config" / "git" / "attributes"
    place.parent.mkdir(parents=True)
    place.symlink_to(kept / "attributes")
    (repository.folder / "linked.ipynb").symlink_to(kept / "wines.ipynb")
    repository.ours("main", "enable", "--global")
    assert "diff=nb2flow" in (kept / "attributes").read_text()
    repository.ours("main", "disable", "--global")
    assert place.is_symlink()
    assert (kept / "attributes").read_text() == "*.csv text\n"
    repository.ours("clean_main", "linked.ipynb")
    assert (repository.folder / "linked.ipynb").is_symlink()
    assert json.loads((kept / "wines.ipynb").read_text())["cells"][0]["outputs"] == []


def test_clean_keeps_escapes_that_are_meant_for_web_pages(repository: Repository) -> None:
    def written(count: str) -> bytes:
        cell = (
            f'{{"cell_type":"code","execution_count":{count},"metadata":{{}},"outputs":[],"source":"1 \\u003c 2 & 3"}}'
        )
        return f'{{"cells":[{cell}],"metadata":{{}},"nbformat":4,"nbformat_minor":4}}\n'.encode()

    path = repository.folder / "wines.ipynb"
    path.write_bytes(written("3"))
    repository.ours("clean_main", "wines.ipynb")
    assert path.read_bytes() == written("null")
