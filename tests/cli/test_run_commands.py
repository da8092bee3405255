"""run, resume, cancel and what looks at runs: real kernels, in subprocesses or in this process."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import notebooks
import pytest

from nb2flow.errors import ExitCode

Invoke = Callable[..., Any]
COMMAND = [sys.executable, "-m", "nb2flow"]


def read_terminal(
    command: list[str], folder: Path, *, until: str = "", then: Callable[[int], None] | None = None
) -> str:
    """Run a command on a terminal of its own and return all that it wrote; `then(pid)` is called once `until` shows."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests are a shell's background job
        os.execvpe(command[0], command, os.environ | {"TERM": "xterm-256color", "COLUMNS": "90", "LINES": "30"})
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        seen += data
        if then is not None and until.encode() in seen:
            then(pid)
            then = None
    os.close(master)
    _, status = os.waitpid(pid, 0)
    return f"{seen.decode(errors='replace')}\nexit {os.waitstatus_to_exitcode(status)}"


@pytest.fixture
def ran(invoke: Invoke, here: Path) -> Any:
    """A finished run of the small pipeline."""
    notebooks.save(here / "small.ipynb", *notebooks.PIPELINE)
    return invoke("run", "small.ipynb", "-p", "count=5")


def test_before_the_first_run(invoke: Invoke, here: Path) -> None:
    assert "no runs yet" in invoke("runs").out
    assert "nb2flow run NOTEBOOK" in invoke("runs").out
    assert json.loads(invoke("runs", "--json").out) == []
    for command in ("show", "logs", "open", "report", "resume", "cancel"):
        result = invoke(command)
        assert result.code == ExitCode.USAGE
        assert "no runs" in result.err
    assert list(here.iterdir()) == []


def test_a_run_from_beginning_to_report(invoke: Invoke, here: Path, ran: Any) -> None:
    assert ran.code == 0, ran.out + ran.err
    assert re.search(r"✓ load done in [\d.]+ s", ran.out)
    assert re.search(r"run small-\w{8} succeeded", ran.out)
    assert "nb2flow report small-" in ran.out
    assert "results: .nb2flow/runs/small-" in ran.out

    again = invoke("run", "small.ipynb", "-p", "count=5")
    assert again.code == 0
    assert again.out.count("unchanged since run small-") == 4

    states = json.loads(invoke("runs", "--json").out)
    assert [s["status"] for s in states] == ["succeeded", "succeeded"]
    assert {s["status"] for s in states[0]["steps"]} == {"cached"}
    assert states[1]["parameters"] == {"count": 5}
    assert len(invoke("runs", "-n", "1").out.splitlines()) == 2

    shown = invoke("show", states[1]["run"][:6])
    assert shown.code == ExitCode.USAGE  # both runs begin like that
    shown = invoke("show", states[1]["run"])
    assert "✓" in shown.out
    assert "count=5" in shown.out

    logs = invoke("logs", states[1]["run"]).out
    assert "== load\n5 x\n" in logs
    assert "largest 8" in invoke("logs", "last", "largest").out

    path = Path(invoke("open", "last", "join").out.strip())
    assert json.loads(path.read_text())["cells"]
    unknown = invoke("open", "last", "jion")
    assert unknown.code == ExitCode.USAGE
    assert "did you mean 'join'" in unknown.err

    assert invoke("report", "last", "-o", "r.html").out == "r.html\n"
    html = (here / "r.html").read_text()
    assert "unchanged since small-" in html
    assert "<script" not in html
    assert str(here) not in html


def test_only_and_from(invoke: Invoke, here: Path, ran: Any) -> None:
    only = json.loads(invoke("run", "small.ipynb", "-p", "count=5", "--only", "total", "--json").out)
    assert {s["step"]: s["status"] for s in only["steps"]}["total"] == "succeeded"
    after = json.loads(invoke("run", "small.ipynb", "-p", "count=5", "--from", "largest", "--json").out)
    assert {s["step"]: s["status"] for s in after["steps"]} == {
        "load": "cached", "total": "cached", "largest": "succeeded", "join": "succeeded",
    }  # fmt: skip
    unknown = invoke("run", "small.ipynb", "--only", "totla")
    assert unknown.code == ExitCode.USAGE
    assert "total" in unknown.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "count=many"], "not a whole number"),
        (["-p", "cuont=3"], "did you mean 'count'?"),
        (["-p", "count"], "NAME=VALUE"),
        (["-f", "missing.yaml"], "cannot read the parameters file missing.yaml"),
        (["-f", "list.yaml"], "one mapping"),
        (["-f", "broken.json"], "not JSON"),
        (["-f", "broken.yaml"], "not YAML"),
        (["-f", "wrong.json"], "not a whole number"),
    ],
)
def test_wrong_parameters(invoke: Invoke, here: Path, arguments: list[str], words: str) -> None:
    notebooks.save(here / "small.ipynb", *notebooks.PIPELINE)
    (here / "list.yaml").write_text("- 1\n")
    (here / "broken.json").write_text("{")
    (here / "broken.yaml").write_text("a: [1")
    (here / "wrong.json").write_text('{"count": 1.5}')
    result = invoke("run", "small.ipynb", *arguments)
    assert result.code == ExitCode.USAGE
    assert words in result.err
    assert not (here / ".nb2flow" / "runs.db").exists()


def test_parameters_from_a_file_and_the_line(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "small.ipynb", *notebooks.PIPELINE)
    (here / "p.yaml").write_text("count: 4\nlabel: 'from file'\n")
    value = json.loads(invoke("run", "small.ipynb", "-f", "p.yaml", "-p", "label=typed", "--json").out)
    assert value["parameters"] == {"count": 4, "label": "typed"}
    assert invoke("logs", "last", "load").out == "4 typed\n"


def test_a_kernel_that_is_not_there(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "k.ipynb", ("step:a", "x = 1"), kernel="no-such-kernel")
    result = invoke("run", "k.ipynb")
    assert result.code == ExitCode.ENVIRONMENT
    assert "no-such-kernel" in result.err
    assert "python3" in result.err
    assert invoke("run", "k.ipynb", "--kernel", "python3").code == 0


def test_failing_looking_mending_resuming(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "fail.ipynb", *notebooks.FAILING)
    result = invoke("run", "fail.ipynb")
    assert result.code == ExitCode.RUN
    assert "step bad failed at cell 2 [c2], line 2" in result.out
    assert "❱ 2 │     return 1 / x" in result.out
    assert "ZeroDivisionError: division by zero" in result.out
    assert "\x1b" not in result.out
    value = json.loads(invoke("show", "--json").out)
    assert {s["step"]: s["status"] for s in value["steps"]} == {
        "load": "succeeded", "good": "succeeded", "bad": "failed", "join": "skipped",
    }  # fmt: skip
    assert "nb2flow resume fail-" in invoke("show").out
    assert invoke("open").out.strip().endswith("bad.ipynb")
    assert "What failed" in Path(invoke("report").out.strip()).read_text()
    opened = Path(invoke("debug").out.strip())
    assert (opened.name, opened.parent) == ("fail-bad-inputs.ipynb", here)
    assert "NB2FLOW_CONTEXT" in opened.read_text()
    assert "inputs of step 'join' are not there" in invoke("debug", "last", "join").err

    resumed = invoke("resume", "--json")
    assert resumed.code == ExitCode.RUN
    steps = {s["step"]: s for s in json.loads(resumed.out)["steps"]}
    assert steps["load"]["attempt"] == 1
    assert steps["bad"]["attempt"] == 2
    assert "edited" not in resumed.err

    notebooks.save(here / "fail.ipynb", *notebooks.FAILING[:-1], ("step:join", "1"))
    assert "fail.ipynb was edited since: this goes on with it as it was" in invoke("resume", "--json").err
    here.rename(here.with_name("moved"))
    try:
        moved = invoke("resume", "--project", str(here.with_name("moved")))
        assert (moved.code, "its folder is gone" in moved.err) == (ExitCode.USAGE, True)
    finally:
        here.with_name("moved").rename(here)


def test_a_terminal_sees_progress_and_ctrl_c_leaves_a_run_to_resume(here: Path) -> None:
    notebooks.save(
        here / "slow.ipynb",
        ("step:load", "import os\nword = os.environ.get('HOME', '')[:0] + 'x'"),
        (
            "step:slow",
            "import time\nfor i in range(200 if not os.path.exists('go') else 1):\n    time.sleep(0.1)\nprint(word)",
        ),
        ("step:end after:slow", "print('end', word)"),
    )
    shown = read_terminal(
        [*COMMAND, "run", "slow.ipynb"], here, until="cell 1 of 1", then=lambda pid: os.kill(pid, signal.SIGINT)
    )
    assert "\x1b[" in shown
    assert "stopping (Ctrl-C)" in shown
    assert "interrupted" in shown
    assert "nb2flow resume slow-" in shown
    assert shown.endswith("exit 130")
    (here / "go").touch()
    done = subprocess.run([*COMMAND, "resume"], cwd=here, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "end done" in done.stdout


def test_cancel_from_another_terminal_while_logs_follow(here: Path) -> None:
    notebooks.save(
        here / "slow.ipynb",
        ("step:slow", "import time\nfor i in range(300):\n    print('tick', i)\n    time.sleep(0.1)"),
    )
    run = subprocess.Popen([*COMMAND, "run", "slow.ipynb"], cwd=here, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert any("slow started" in line for line in run.stdout)
    logs = subprocess.Popen([*COMMAND, "logs", "-f"], cwd=here, stdout=subprocess.PIPE, text=True)
    assert logs.stdout is not None
    assert any("slow │ tick 0" in line for line in logs.stdout)
    done = subprocess.run([*COMMAND, "cancel"], cwd=here, capture_output=True, text=True, timeout=60, check=True)
    assert "is cancelled" in done.stdout
    assert run.wait(30) == ExitCode.RUN
    assert logs.wait(30) == 0
    again = subprocess.run([*COMMAND, "cancel"], cwd=here, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == ExitCode.USAGE


def test_commands_find_the_runs_of_a_folder_below(invoke: Invoke, here: Path) -> None:
    (here / "work").mkdir()
    notebooks.save(here / "work" / "one.ipynb", ("step:a", "print(1)"))
    assert invoke("run", "work/one.ipynb").code == 0
    assert "one-" in invoke("runs").out
    assert "one-" in invoke("runs", "--project", "work/one.ipynb").out


def test_verify(invoke: Invoke, here: Path) -> None:
    notebooks.save(here / "small.ipynb", *notebooks.PIPELINE, ("step:late", "import time\nprint(time.time_ns())"))
    result = invoke("verify", "small.ipynb", "--json")
    assert result.code == 0, result.out + result.err
    told = json.loads(result.out)
    assert told["equivalent"] is True
    assert {k: told["steps"][k] for k in ("drawn", "kept", "width")} == {"drawn": 5, "kept": 5, "width": 2}
    cells = {c["cell_id"]: c["verdict"] for c in told["cells"]}
    assert cells == {
        "c1": "equal",
        "c2": "equal",
        "c3": "equal",
        "c4": "equal",
        "c5": "equal",
        "c6": "nondeterministic",
    }


def test_verify_notices_a_difference_and_a_notebook_that_fails(invoke: Invoke, here: Path) -> None:
    notebooks.save(
        here / "pid.ipynb", ("step:a", "import os\nfirst = os.getpid()"), ("step:b", "print(first == os.getpid())")
    )
    different = invoke("verify", "pid.ipynb")
    assert different.code == ExitCode.MISMATCH
    assert "not equivalent" in different.out
    assert "notebook 'True', pipeline 'False'" in different.out
    notebooks.save(here / "fail.ipynb", ("step:a", "import os\nprint(1)"), ("step:b", "int(os.sep)"))
    failing = invoke("verify", "fail.ipynb")
    assert failing.code == ExitCode.RUN
    assert "the notebook itself fails" in failing.out
    assert json.loads(invoke("verify", "fail.ipynb", "--json").out)["equivalent"] is None


def test_what_was_the_same_twice_by_chance_is_not_judged(invoke: Invoke, here: Path) -> None:
    chance = "import pathlib\nseen = pathlib.Path('seen')\nn = len(seen.read_text()) if seen.exists() else 0"
    notebooks.save(
        here / "chance.ipynb",
        ("step:a", "import time\nprint(time.time_ns())"),
        ("step:b", f"{chance}\nseen.write_text('x' * (n + 1))\nprint('few' if n < 2 else 'many')"),
    )
    result = invoke("verify", "chance.ipynb", "--json")
    assert result.code == 0, result.out + result.err
    assert {c["cell_id"]: c["verdict"] for c in json.loads(result.out)["cells"]}["c1"] == "nondeterministic"
    assert (here / "seen").read_text() == "xxxx"


def test_doctor(invoke: Invoke, here: Path) -> None:
    result = invoke("doctor", "--json")
    found = {f["what"]: f["ok"] for f in json.loads(result.out)}
    assert found["kernel python3"]
    assert found["folder"]
    assert "processors" in invoke("doctor").out


def test_doctor_tells_of_a_full_disk(invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    result = invoke("doctor", "--json")
    folder = next(f for f in json.loads(result.out) if f["what"] == "folder")
    assert (result.code, folder["ok"]) == (ExitCode.ENVIRONMENT, False)
    assert folder["hint"].startswith("make room")


@pytest.mark.parametrize("owner", ["nb2flow", "nbdime"])
def test_doctor_says_whose_nbdiff_is(invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    script = here / "programs" / "nbdiff"
    script.parent.mkdir()
    script.write_text(f"#!/usr/bin/python3\nimport sys\nfrom {owner}.diffing import main\nsys.exit(main())\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    found = {f["what"]: f for f in json.loads(invoke("doctor", "--json").out)}
    assert found["nbdiff"]["ok"]
    assert found["nbdiff"]["found"].startswith(f"{owner}'s ({script})")


def test_the_graph_of_a_run_shows_how_its_steps_fared(invoke: Invoke, here: Path, ran: Any) -> None:
    result = invoke("graph", "small.ipynb", "--run", "last")
    assert result.code == 0
    assert result.out.count("✓") == 4
    assert invoke("graph", "small.ipynb", "--run", "last", "-o", "run.svg").code == 0
    assert (here / "run.svg").read_text().count('nf-s-succeeded"') == 4
