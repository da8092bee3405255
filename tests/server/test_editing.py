"""What an editor asks while somebody types: the flow and its reasons, fixes, suggestions, versions."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jupyter_server_process import Jupyter, edited, notebook


def analysed(server: Jupyter, document: dict[str, Any], **more: Any) -> Any:
    body = {"path": "x.ipynb", "revision": 1, "cells": edited(document), "metadata": document["metadata"], **more}
    answer = server.post("/analyse", body)
    assert answer.status == 200, answer.body
    return answer.json


def test_the_flow_says_why(server: Jupyter) -> None:
    document = notebook(
        ("parameters", "count = 3"),
        ("step:load", "import random\nrandom.seed(1)\nrows = [random.random() for _ in range(count)]"),
        ("step:total", "total = sum(rows)"),
        ("step:show", "print(total, random.random())"),
    )
    reply = analysed(server, document, revision=7)
    flow = reply["flow"]
    assert (reply["revision"], reply["stale"], flow["runnable"]) == (7, False, True)
    assert [s["name"] for s in flow["steps"]] == ["load", "total", "show"]
    edge = next(e for e in flow["edges"] if (e["source"], e["target"]) == ("load", "total"))
    reason = edge["reasons"][0]
    assert edge["carries"] == ["rows"]
    assert reason["defined"] == {
        "cell": 1, "cell_id": "cell-1", "line": 3, "code": "rows = [random.random() for _ in range(count)]"
    }  # fmt: skip
    assert reason["used"]["cell_id"] == "cell-2"
    hidden = next(e for e in flow["edges"] if (e["source"], e["target"]) == ("load", "show"))
    assert hidden["hidden"] and hidden["reasons"][0]["name"] == "rng:python"
    assert flow["parameters"] == [{"name": "count", "type": "int", "default": 3, "source": "3", "line": 1}]


def test_a_syntax_error_while_typing_is_a_diagnostic_and_the_rest_is_there(server: Jupyter) -> None:
    flow = analysed(server, notebook(("step:a", "x = 1"), ("step:b", "print(x"), ("step:c", "print(x)")))["flow"]
    assert flow["broken"] == ["cell-1"]
    assert not flow["runnable"]
    assert [s["name"] for s in flow["steps"]] == ["a", "b", "c"]
    fault = next(d for d in flow["diagnostics"] if d["code"] == "NB301")
    assert (fault["cell_id"], fault["line"], fault["severity"]) == ("cell-1", 1, "error")


def test_a_mistyped_tag_comes_with_the_change_that_mends_it(server: Jupyter) -> None:
    document = notebook(("stpe:load", "x = 1"), ("step:b", "print(x)"))
    fault = next(d for d in analysed(server, document)["flow"]["diagnostics"] if d["code"] == "NB201")
    assert fault["fix"]["changes"] == [{"cell_id": "cell-0", "add": ["step:load"], "remove": ["stpe:load"]}]
    document["cells"][0]["metadata"]["tags"] = ["step:load"]
    assert analysed(server, document)["flow"]["diagnostics"] == []


def test_an_empty_notebook_is_no_error(server: Jupyter) -> None:
    flow = analysed(server, notebook())["flow"]
    assert flow["steps"] == []
    assert [d["code"] for d in flow["diagnostics"]] == ["NB108"]


def test_an_earlier_revision_is_not_worked_on_when_a_later_one_is_here(server: Jupyter) -> None:
    document = notebook(("step:a", "x = 1"))
    newest = analysed(server, document, client="editor", revision=9)
    assert newest["flow"] is not None
    late = analysed(server, document, client="editor", revision=3)
    assert late == {"revision": 3, "stale": True, "flow": None}
    assert analysed(server, document, client="another", revision=3)["flow"] is not None


def test_opening_a_notebook_runs_nothing_of_it(server: Jupyter) -> None:
    (server.root / "trap.py").write_text("open('sprung', 'w').close()\n")
    document = notebook(("step:a", "from trap import *\nprint(something)"))
    flow = analysed(server, document)["flow"]
    assert "NB305" in [d["code"] for d in flow["diagnostics"]]
    assert not (server.root / "sprung").exists()
    assert not (server.root / ".nb2flow").exists() or not (server.root / ".nb2flow" / "stars.json").exists()


def test_many_editors_are_answered_each_with_its_own(server: Jupyter) -> None:
    def ask(number: int) -> str:
        document = notebook((f"step:only-{number}", f"x = {number}"))
        return str(analysed(server, document, client=f"c{number}")["flow"]["steps"][0]["name"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == [f"only-{n}" for n in range(24)]


def test_headings_suggest_tags_and_nothing_is_written(server: Jupyter) -> None:
    document = notebook("import math", "# Load", "rows = [1]", "more = rows", "# Show it", "print(more, math.pi)")
    body = {"path": "x.ipynb", "cells": edited(document)}
    reply = server.post("/suggest", body).json
    assert [(s["name"], s["cells"]) for s in reply["steps"]] == [
        ("load", ["cell-2", "cell-3"]),
        ("show-it", ["cell-5"]),
    ]
    assert reply["changes"] == [
        {"cell_id": "cell-2", "add": ["step:load"], "remove": []},
        {"cell_id": "cell-5", "add": ["step:show-it"], "remove": []},
    ]
    for change in reply["changes"]:
        cell = next(c for c in document["cells"] if c["id"] == change["cell_id"])
        cell["metadata"]["tags"] = change["add"]
    tagged = analysed(server, document)["flow"]
    assert [s["name"] for s in tagged["steps"]] == ["load", "show-it"]
    assert tagged["setup"] == ["cell-0"]
    assert server.post("/suggest", {**body, "cells": edited(document)}).json["changes"] == []


def test_engines_are_those_of_the_configuration(server: Jupyter) -> None:
    assert [e["name"] for e in server.get("/engines").json["engines"]] == ["local"]
    folder = server.root / "cluster"
    folder.mkdir()
    (folder / "nb2flow.toml").write_text('engine = "kubernetes"\n[profiles.gpu]\nimage = "x"\nstore = "s3://b/p"\n')
    told = server.get("/engines?path=cluster").json["engines"]
    assert [(e["name"], e["profile"], e["default"]) for e in told] == [
        ("local", None, False), ("kubernetes", "gpu", True), ("argo", "gpu", False)
    ]  # fmt: skip


def test_versions_are_compared_with_git_with_files_and_with_the_screen(server: Jupyter) -> None:
    folder = server.root / "versions"
    folder.mkdir()
    path = folder / "n.ipynb"
    first = notebook(("step:a", "x = 1\ny = 2"), "print(x)")
    path.write_text(json.dumps(first))
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run(["git", "-c", "user.name=N", "-c", "user.email=n@example.org", *words], cwd=folder, check=True)
    refs = server.get("/git/refs?path=versions/n.ipynb").json
    assert (refs["repository"], refs["head"], refs["tracked"], refs["branches"]) == (True, "main", True, ["main"])
    assert [c["subject"] for c in refs["commits"]] == ["First"]
    screen = notebook(("step:a", "x = 10\ny = 2"), "print(x)", "print(y)")
    body = {
        "base": {"kind": "git", "path": "versions/n.ipynb"},
        "remote": {"kind": "content", "content": screen, "name": "screen"},
    }
    diff = server.post("/diff", body).json
    assert [c["change"] for c in diff["cells"]] == ["modified", "unchanged", "added"]
    rows = diff["cells"][0]["hunks"][0]["rows"]
    assert [s["text"] for s in rows[0]["remote"] if s["changed"]] == ["10"]
    same = {"base": {"kind": "path", "path": "versions/n.ipynb"}, "remote": {"kind": "git", "path": "versions/n.ipynb"}}
    assert server.post("/diff", same).json["changed"] is False
    unknown = server.post("/diff", {**body, "base": {"kind": "git", "path": "versions/n.ipynb", "ref": "nowhere"}})
    assert unknown.status == 422 and "nowhere" in unknown.json["message"]
    assert server.get("/git/refs?path=x.ipynb").json["repository"] in (True, False)
