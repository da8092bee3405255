"""Runs over HTTP: begun with what was posted, followed, failed, looked into, compared, deleted. Real kernels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_server_process import Jupyter, notebook, serving, wait_for
from nbclient import NotebookClient

from nb2flow.runs.events import RunFinished
from nb2flow.runs.store import RunStore
from nb2flow.server.projects import Projects
from nb2flow.server.watching import Watcher

STORY = notebook(
    ("parameters", "count = 3"),
    ("step:load", "import os\nrows = [os.getpid()]\nrows = list(range(count))\nprint('loaded', len(rows))"),
    ("step:secrets", "print([k for k in os.environ if k.startswith(('JPY_SECRET', 'JUPYTER_TOKEN', 'JUPYTERHUB'))])"),
    ("step:judge", "total = sum(rows)\nassert total > 100, f'only {total}'"),
)

STORY["cells"][3]["metadata"]["tags"].append("metric:total")


@pytest.fixture(scope="module")
def story(server: Jupyter) -> tuple[str, Any]:
    """A run of which one step failed: its id, and the run in full."""
    (server.root / "story.ipynb").write_text(json.dumps(notebook(("step:other", "print('what lies on disk')"))))
    run = server.run("story.ipynb", STORY, parameters={"count": 5})
    return run, server.ended(run, "failed")


def test_what_was_posted_is_what_runs(server: Jupyter, story: tuple[str, Any]) -> None:
    run, told = story
    assert [(s["name"], s["status"]) for s in told["steps"]] == [
        ("load", "succeeded"), ("secrets", "succeeded"), ("judge", "failed")
    ]  # fmt: skip
    assert told["summary"]["path"] == "story.ipynb"
    assert told["summary"]["parameters"] == {"count": 5}
    assert told["metrics"] == [{"name": "total", "step": "judge", "value": None}]
    assert told["notebook_now"] == "changed"
    assert len(told["content_hash"]) == 64
    on_disk = json.loads((server.root / "story.ipynb").read_text())
    assert on_disk["cells"][0]["source"] == "print('what lies on disk')"
    log = server.get(f"/runs/{run}/steps/load/log").json
    assert (log["text"], log["reset"], log["ended"]) == ("loaded 5\n", False, True)
    assert server.get(f"/runs/{run}/steps/load/log?since={log['since']}").json["text"] == ""


def test_a_run_knows_nothing_of_jupyters_tokens(server: Jupyter, story: tuple[str, Any]) -> None:
    assert server.get(f"/runs/{story[0]}/steps/secrets/log").json["text"] == "[]\n"
    folder = server.root / ".nb2flow" / "runs" / story[0]
    assert all(server.token.encode() not in p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_a_failure_leads_to_its_cell(story: tuple[str, Any]) -> None:
    failure = story[1]["steps"][2]["failure"]
    assert (failure["cell_id"], failure["line"], failure["ename"]) == ("cell-3", 2, "AssertionError")
    assert failure["traceback"]


def test_events_are_told_once(server: Jupyter, story: tuple[str, Any]) -> None:
    first = server.get(f"/runs/{story[0]}/events").json
    assert first["events"][0]["event"]["event"] == "run-created"
    assert "plan" not in first["events"][0]["event"]
    assert first["events"][-1]["event"]["event"] == "run-finished"
    assert server.get(f"/runs/{story[0]}/events?since={first['since']}").json["events"] == []
    assert server.get(f"/runs/{story[0]}/events?since=many").status == 400


def test_the_report_is_a_page_that_can_do_nothing(server: Jupyter, story: tuple[str, Any]) -> None:
    answer = server.get(f"/runs/{story[0]}/report")
    assert answer.headers["content-type"].startswith("text/html")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"AssertionError" in answer.body


def test_the_failed_step_opens_with_its_inputs_in_a_live_kernel(server: Jupyter, story: tuple[str, Any]) -> None:
    before = {p: p.read_bytes() for p in (server.root / ".nb2flow" / "runs" / story[0] / "manifests").iterdir()}
    path = server.post(f"/runs/{story[0]}/steps/judge/open", {"what": "inputs"}).json["path"]
    assert path == "story-judge-inputs.ipynb"
    opened = nbformat.read(server.root / path, as_version=4)
    nbformat.validate(opened)
    assert "cell-3" in [c.id for c in opened.cells]
    opened.cells[-1].source = "print(rows, sorted(n for n in ('sys', '_nb2flow') if n in globals()))"
    NotebookClient(opened, timeout=120, resources={"metadata": {"path": str(server.root)}}).execute()
    assert opened.cells[-1].outputs[0].text == "[0, 1, 2, 3, 4] []\n"
    assert {p: p.read_bytes() for p in before} == before
    again = server.post(f"/runs/{story[0]}/steps/judge/open", {}).json["path"]
    assert again == "story-judge-inputs-2.ipynb"
    executed = server.post(f"/runs/{story[0]}/steps/load/open", {"what": "executed"}).json["path"]
    assert "loaded 5" in (server.root / executed).read_text()


def test_runs_compare_with_what_made_them_differ(server: Jupyter, story: tuple[str, Any]) -> None:
    other = server.run("story.ipynb", STORY, parameters={"count": 50})
    told = server.ended(other, "succeeded")
    assert told["steps"][1]["status"] == "cached"
    assert told["metrics"] == [{"name": "total", "step": "judge", "value": "1225"}]
    found = server.get(f"/compare?left={story[0]}&right={other}&step=load").json
    assert found["parameters"] == [{"name": "count", "left": "5", "right": "50", "same": False}]
    assert found["metrics"] == [{"name": "total", "left": None, "right": "1225", "same": False}]
    assert {s["name"]: s["same_key"] for s in found["steps"]} == {"load": False, "secrets": True, "judge": False}
    words = [o["name"] for c in found["notebook"]["cells"] for o in c["outputs"]]
    assert "stdout" in words
    side = {"kind": "run", "run": other, "step": "load"}
    assert server.post("/diff", {"base": side, "remote": side}).json["changed"] is False


def test_the_list_tells_what_changed_and_what_is_gone(server: Jupyter, story: tuple[str, Any]) -> None:
    everything = server.get("/runs").json
    assert everything["complete"] and story[0] in [r["run"] for r in everything["runs"]]
    nothing = server.get(f"/runs?since={everything['since']}").json
    assert (nothing["complete"], nothing["runs"]) == (False, [])
    again = server.post(f"/runs/{story[0]}/rerun", {"step": "judge", "what": "only"}).json["run"]
    server.ended(again, "failed")
    news = server.get(f"/runs?since={everything['since']}").json
    assert [r["run"] for r in news["runs"]] == [again]
    assert server.get("/runs?path=story.ipynb&limit=1").json["runs"][0]["run"] == again
    assert server.request("DELETE", f"/runs/{again}").status == 204
    after = server.get(f"/runs?since={news['since']}").json
    assert after["complete"] and again not in [r["run"] for r in after["runs"]]
    assert server.get(f"/runs/{again}").status == 404
    assert not (server.root / ".nb2flow" / "runs" / again).exists()
    assert server.get("/runs?since=rubbish").json["complete"]


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"kernel": "no-such-kernel"}, 503, "no-such-kernel"),
        ({"parameters": {"cuont": 1}}, 422, "cuont"),
        ({"parameters": {"count": "many"}}, 422, "count"),
        ({"start_from": "laod"}, 422, "laod"),
        ({"only": "judge", "start_from": "load"}, 422, "not both"),
        ({"engine": "abacus"}, 422, "abacus"),
        ({"engine": "kubernetes"}, 422, "profile"),
        ({"content": notebook(("step:a", "x = ("))}, 422, "error"),
        ({"content": {"cells": "none"}}, 422, "notebook"),
    ],
)
def test_what_cannot_run_is_told_and_leaves_nothing(
    server: Jupyter, more: dict[str, Any], status: int, said: str
) -> None:
    before = server.get("/runs").json["runs"]
    answer = server.post("/runs", {"path": "story.ipynb", "content": STORY, **more})
    assert answer.status == status, answer.json
    assert said in answer.json["message"] + answer.json["hint"]
    assert server.get("/runs").json["runs"] == before
    folder = server.root / ".nb2flow" / "runs"
    assert len([p for p in folder.iterdir() if p.is_dir()]) == len(before) if folder.is_dir() else True


def test_a_disk_that_cannot_be_written_is_told(server: Jupyter) -> None:
    folder = server.root / "blocked"
    folder.mkdir()
    (folder / "file").write_text("in the way")
    (folder / "nb2flow.toml").write_text('home = "file/below"\n')
    answer = server.post("/runs", {"path": "blocked/x.ipynb", "content": STORY})
    assert (answer.status, answer.json["code"]) == (503, "environment")
    (folder / "nb2flow.toml").write_text("jobs = 'none'\n")
    assert server.get("/engines?path=blocked").status == 422


def test_a_run_is_cancelled_and_resumed_and_its_notebook_may_be_gone(server: Jupyter) -> None:
    folder = server.root / "slow"
    folder.mkdir()
    flag = folder / "go"
    waiting = (
        f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.05)\nprint('went')"
    )
    document = notebook(("step:first", "x = 1"), ("step:wait", waiting))
    (folder / "n.ipynb").write_text(json.dumps(document))
    run = server.run("slow/n.ipynb", document)
    wait_for(lambda: server.get(f"/runs/{run}").json["steps"][1]["cell_id"] == "cell-1")
    assert server.request("DELETE", f"/runs/{run}").status == 422
    assert server.post(f"/runs/{run}/resume").status == 422
    (folder / "n.ipynb").unlink()
    assert server.post(f"/runs/{run}/cancel").status == 202
    told = server.ended(run, "cancelled")
    assert told["notebook_now"] == "missing"
    assert server.post(f"/runs/{run}/cancel").status == 422
    flag.touch()
    assert server.post(f"/runs/{run}/resume").status == 202
    server.ended(run, "succeeded")
    assert server.get(f"/runs/{run}/steps/wait/log").json["text"] == "went\n"
    grown = server.get(f"/runs/{run}/steps/wait/notebook").json
    assert grown["ended"] and grown["content"]["cells"]
    assert server.get(f"/runs/{run}/steps/wait/notebook?since={grown['since']}").json["content"] is None


@pytest.mark.slow
def test_runs_outlive_the_server_and_those_of_the_command_line_are_seen(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "deep" / "project").mkdir(parents=True)
    flag = root / "go"
    document = notebook(
        ("step:wait", f"import os, time\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.05)")
    )
    path = root / "deep" / "project" / "n.ipynb"
    path.write_text(json.dumps(document))
    with serving(root) as server:
        run = server.run("deep/project/n.ipynb", document)
        wait_for(lambda: server.get(f"/runs/{run}").json["steps"][0]["cell_id"])
        assert server.process is not None
        analysing = _analysing(server.process.pid)
        assert analysing
        server.stop(9)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in analysing))
        server.start()
        told = wait_for(lambda: server.get("/runs").json["runs"])
        assert [(r["run"], r["status"], r["path"]) for r in told] == [(run, "running", "deep/project/n.ipynb")]
        flag.touch()
        server.ended(run, "succeeded")
        since = server.get("/runs").json["since"]
        done = subprocess.run(
            [sys.executable, "-m", "nb2flow", "run", str(path), "--no-cache", "--json"], capture_output=True, check=True
        )
        news = server.get(f"/runs?since={since}").json
        assert [r["run"] for r in news["runs"]] == [json.loads(done.stdout)["run"]]


def _analysing(server: int) -> list[int]:
    """The processes that a server analyses notebooks in."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == server and b"multiprocessing.spawn" in command:
            found.append(int(entry.name))
    return found


def test_the_watcher_says_which_run_changed(server: Jupyter, story: tuple[str, Any], tmp_path: Path) -> None:
    """A copy of a real log, so that the log may be written to."""
    home = tmp_path / ".nb2flow"
    home.mkdir()
    with RunStore(server.root / ".nb2flow") as store:
        events = [event for _, event in store.events(story[0])]
    told: list[tuple[str, str]] = []
    with RunStore(home) as store:
        store.create(events[0])  # type: ignore[arg-type]
        watcher = Watcher(Projects(tmp_path), lambda run, status: told.append((run, status)))
        watcher.look()
        assert told == []
        store.append(story[0], events[1:])
        watcher.look()
        watcher.look()
        assert told == [(story[0], "failed")]
        assert isinstance(events[-1], RunFinished)
        store.delete(story[0])
        watcher.look()
    assert told[-1] == (story[0], "deleted")
