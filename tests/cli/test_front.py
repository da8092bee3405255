"""The front door: help, unknown commands, faults as messages, exit codes, colours, broken pipes, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import notebooks
import pytest

from nb2flow import __version__
from nb2flow.cli import main as front
from nb2flow.cli.main import COMMANDS, Entry
from nb2flow.errors import ExitCode

Invoke = Callable[..., Any]


def nb2flow(*arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nb2flow", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def test_no_arguments_name_the_three_most_useful_commands(invoke: Invoke) -> None:
    result = invoke()
    assert result.code == 0
    assert [line.split()[1] for line in result.out.splitlines() if line.startswith("  nb2flow")] == [
        "check",
        "graph",
        "run",
    ]


def test_help_lists_every_command_and_each_has_help(invoke: Invoke) -> None:
    text = invoke("--help").out
    assert all(f"\n  {name} " in text for name in COMMANDS)
    for name, entry in COMMANDS.items():
        if not entry.raw:
            result = invoke(name, "-h")
            assert result.code == 0
            assert result.out.startswith(f"Usage: nb2flow {name}")


def test_every_entry_of_the_table_exists(invoke: Invoke) -> None:
    import importlib

    for entry in COMMANDS.values():
        module, _, attribute = entry.target.partition(":")
        assert callable(getattr(importlib.import_module(f"nb2flow.cli.{module}"), attribute))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "Did you mean 'check'?"),
        (["work.ipynb"], "nb2flow run work.ipynb"),
        (["zzz"], "nb2flow --help"),
        (["check"], "Missing argument"),
        (["graph", "x.ipynb", "--format", "png"], "'png' is not one of"),
        (["run", "x.ipynb", "--only", "a", "--from", "b"], "exclude each other"),
        (["why", "x.ipynb", "a"], "Missing argument"),
    ],
)
def test_a_wrong_line_ends_with_2_and_says_why(invoke: Invoke, arguments: list[str], words: str) -> None:
    result = invoke(*arguments)
    assert result.code == ExitCode.USAGE
    assert words in " ".join(result.err.split())
    assert result.out == ""


def test_version(invoke: Invoke) -> None:
    assert invoke("--version").out == f"nb2flow {__version__}\n"


def test_a_fault_of_ours_is_one_line_and_a_traceback_on_demand(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def broken() -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setitem(COMMANDS, "broken", Entry("main:broken", "x"))
    monkeypatch.setattr(front, "broken", broken, raising=False)
    result = invoke("broken")
    assert result.code == ExitCode.BUG
    assert "this is a fault of nb2flow, not yours (ZeroDivisionError): oh" in result.err
    assert "--debug" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in invoke("broken", "--debug").err


def test_interrupting_ends_with_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def slow() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(COMMANDS, "slow", Entry("main:slow", "x"))
    monkeypatch.setattr(front, "slow", slow, raising=False)
    assert invoke("slow").code == 130


def test_forwarded_commands_get_their_arguments_unread(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[list[str]] = []

    def taking(arguments: list[str]) -> int:
        heard.append(arguments)
        return 3

    monkeypatch.setitem(COMMANDS, "taking", Entry("main:taking", "x", raw=True))
    monkeypatch.setattr(front, "taking", taking, raising=False)
    assert invoke("taking", "a", "--help", "-x", "--stat", "--", "b").code == 3
    assert heard == [["a", "--help", "-x", "--stat", "--", "b"]]


def test_a_reader_who_leaves_is_no_fault(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "big.ipynb", *((f"step:s{i}", f"x{i} = {i}") for i in range(2000)))
    command = [sys.executable, "-m", "nb2flow", "graph", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_colours_only_where_they_are_wanted(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "a.ipynb", ("step:a", "x = y"))
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    assert "\x1b[" not in nb2flow("check", path, env=plain).stdout
    assert "\x1b[" in nb2flow("check", path, env=plain | {"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in nb2flow("check", path, env=plain | {"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout


def test_ascii_terminals_get_ascii(tmp_path: Path) -> None:
    path = notebooks.save(
        tmp_path / "a.ipynb", ("step:a", "import random\nx = random.random()"), ("step:b", "print(x)")
    )
    result = nb2flow("graph", path, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert "<- x (a)" in result.stdout


def imported(code: str, heavy: set[str]) -> list[str]:
    """Which of some modules a fresh interpreter has imported after this code."""
    code += f"\nimport sys; print(*sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.split()


def test_help_imports_nothing_heavy() -> None:
    code = "from nb2flow.cli.main import main; main(['--help'])"
    assert imported(code, {"rich", "nbformat", "papermill", "yaml", "IPython", "msgspec", "graphlay", "sqlite3"}) == []


def test_check_and_graph_import_no_papermill_and_no_nbformat(tmp_path: Path) -> None:
    path = str(notebooks.save(tmp_path / "a.ipynb", *notebooks.PIPELINE))
    code = f"from nb2flow.cli.main import main; main(['check', {path!r}]); main(['graph', {path!r}])"
    assert imported(code, {"nbformat", "papermill", "nbclient", "rich", "jsonschema", "jupyter_client"}) == []


def test_comparing_small_notebooks_does_without_the_fast_parser(tmp_path: Path) -> None:
    first = str(notebooks.save(tmp_path / "a.ipynb", ("step:a", "x = 1\nprint(x)"), ("step:b", "y = 2")))
    second = str(notebooks.save(tmp_path / "b.ipynb", ("step:a", "x = 3\nprint(x)"), ("step:b", "y = 2")))
    code = f"from nb2flow.cli.diff import main; assert main([{first!r}, {second!r}]) == 1"
    assert imported(code, {"orjson", "msgspec", "dataclasses", "rich", "yaml", "subprocess"}) == []


def test_magics_are_parsed_without_the_rest_of_ipython_which_stays_importable(tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "a.ipynb", ("step:a", "%matplotlib inline\nfiles = !ls"))
    code = (
        "import sys; from nb2flow.cli.main import main\n"
        f"print(main(['check', {str(path)!r}]), 'IPython' in sys.modules, file=sys.stderr)\n"
        "import IPython; from IPython.core import inputtransformer2\n"
        "print(IPython.InteractiveShell.__module__, inputtransformer2.__name__, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0", "False", "IPython.core.interactiveshell", "IPython.core.inputtransformer2"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = nb2flow("completion", shell)
    assert result.returncode == 0
    assert "_NB2FLOW_COMPLETE" in result.stdout


def test_completing_a_line_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.shell_completion import ShellComplete

    def start(arguments: list[str]) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr("nb2flow.app.ahead.expect_run", start)
    completed = ShellComplete(front.nb2flow, {}, "nb2flow", "_NB2FLOW_COMPLETE").get_completions(["run"], "--no-c")
    assert [item.value for item in completed] == ["--no-cache"]
    with pytest.raises(AssertionError):
        front.nb2flow.main(["run", "a.ipynb"], standalone_mode=False)


@pytest.mark.parametrize(
    ("line", "number", "expected"),
    [
        ("nb2flow gr", 1, ["graph"]),
        ("nb2flow check sm", 2, ["small.ipynb"]),
        ("nb2flow run small.ipynb --only la", 4, ["largest"]),
        ("nb2flow why small.ipynb jo", 3, ["join"]),
        ("nb2flow graph small.ipynb --format m", 4, ["mermaid"]),
        ("nb2flow show la", 2, ["last"]),
    ],
)
def test_completion(tmp_path: Path, line: str, number: int, expected: list[str]) -> None:
    notebooks.save(tmp_path / "small.ipynb", *notebooks.PIPELINE)
    environ = os.environ | {"_NB2FLOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(number)}
    result = nb2flow(env=environ, cwd=tmp_path)
    assert [v.partition(",")[2] for v in result.stdout.splitlines()] == expected
