"""Kernels that are forked: nothing tells them from kernels that were started by themselves. With real kernels."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors.local_runs import Runner, printed

from nb2flow.engine.ports import Ended, KernelStarted, Noted
from nb2flow.executors.zygotes import Launch, Zygotes, taken_apart

Begin = Callable[..., Runner]

# psutil is imported by ipykernel itself: by some versions when they start, by others when they end.
ALL_THAT_CAN_BE_SEEN = """
import atexit, builtins, gc, json, locale, logging, os, resource, signal, sys, threading, warnings

def depth(frame):
    return 0 if frame is None else 1 + depth(frame.f_back)

def about(thing):
    return repr(thing).split(" at ")[0]

connection = sys.argv[2]
print(json.dumps({
    "path": sys.path, "argv": sys.argv, "command": sys.orig_argv, "order": list(os.environ),
    "environ": dict(os.environ), "folder": os.getcwd(), "flags": repr(sys.flags), "options": sys._xoptions,
    "signals": {s.name: about(signal.getsignal(s)) for s in signal.Signals}, "umask": os.umask(0o22),
    "warned": sys.warnoptions,
    "blocked": repr(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "finders": list(map(about, sys.meta_path)),
    "leads": os.getpid() == os.getpgid(0) == os.getsid(0),
    "threads": len(threading.enumerate()), "next": threading.Thread(target=print).name, "depth": depth(sys._getframe()),
    "filters": list(map(repr, warnings.filters)),
    "modules": sorted(n for n in sys.modules if n.split(".")[0] not in ("psutil", "pwd")),
    "searched": sorted(p for p in sys.path_importer_cache if not p.endswith("psutil")),
    "handlers": list(map(about, logging.getLogger().handlers)),
    "loggers": sorted(n for n, l in logging.root.manager.loggerDict.items() if getattr(l, "handlers", None)),
    "garbage": [gc.get_threshold(), gc.isenabled()], "locale": locale.setlocale(locale.LC_ALL),
    "streams": [[s.encoding, s.errors, s.line_buffering, s.isatty()] for s in (sys.__stdout__, sys.__stderr__)],
    "hooks": list(map(about, [sys.excepthook, threading.excepthook, sys.displayhook, sys.gettrace()])),
    "input": os.read(0, 1).decode(), "limits": [resource.getrlimit(k) for k in range(10)], "hash": hash("text"),
    "main": {name: about(type(value)) for name, value in vars(sys.modules["__main__"]).items()},
    "builtins": sorted(vars(builtins)), "program": sys.executable,
}).replace(connection, "CONNECTION"))
"""


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    made: list[Runner] = []

    def make(*, forked: bool = True) -> Runner:
        runner = Runner(tmp_path)
        made.append(runner)
        if not forked:
            monkeypatch.setattr(runner.backend._zygotes, "line", lambda *args: None)
        return runner

    yield make
    for runner in made:
        runner.backend.close()


def test_nothing_tells_it_from_one_that_was_started(begin: Begin) -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "0", "NB2FLOW_TEST": "é"}
    seen = []
    for forked in (False, True):
        runner = begin(forked=forked)
        reports, document = runner.run(ALL_THAT_CAN_BE_SEEN, environ=environ, context={"version": 1})
        assert not any(isinstance(report, Noted) for report in reports)
        seen.append(json.loads(printed(document)))
        del seen[-1]["environ"]["JPY_PARENT_PID"]
        assert bool(runner.backend._zygotes._started) == forked
    started, forked_one = seen
    assert forked_one == started


def test_each_draws_its_own_random_numbers(begin: Begin) -> None:
    runner = begin()
    cell = (
        "import random, secrets, tempfile, uuid\n"
        "print(random.random(), uuid.uuid4(), secrets.token_hex(), next(tempfile._get_candidate_names()))"
    )
    drawn = [printed(runner.run(cell)[1]).split() for _ in range(2)]
    assert len(drawn[0]) == 4
    assert not set(drawn[0]) & set(drawn[1])


LAST_ACTS = """
import atexit, sys, weakref
import keeps_a_file
unclosed = open("unclosed.txt", "w")
unclosed.write("flushed")
keeps_a_file.write("flushed too")
atexit.register(lambda: open("atexit.txt", "w").write("ran " + __import__("json").dumps("x")))

class Last:
    def __del__(self):
        open("deleted.txt", "w").write("deleted")

last, thing = Last(), Last
weakref.finalize(thing, lambda: open("finalized.txt", "w").write("finalized"))
"""


@pytest.mark.parametrize("forked", [True, False])
def test_what_is_done_at_the_end_is_done(begin: Begin, tmp_path: Path, forked: bool) -> None:
    (tmp_path / "keeps_a_file.py").write_text('file = open("kept.txt", "w")\nwrite = file.write\n')
    reports, _ = begin(forked=forked).run(LAST_ACTS)
    assert reports[-1] == Ended(None)
    found = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    assert found == {
        "unclosed.txt": "flushed",
        "kept.txt": "flushed too",
        "atexit.txt": 'ran "x"',
        "deleted.txt": "deleted",
        "finalized.txt": "finalized",
    }


def test_variables_that_count_at_the_start_count(begin: Begin) -> None:
    runner = begin()
    cell = """import os, subprocess, sys
colour = os.environ.get('COLOUR')
print(sys.warnoptions, colour, colour and subprocess.getoutput('echo $COLOUR'))"""
    for environ, expected in (
        ({"COLOUR": "red"}, "[] red red"),
        ({"COLOUR": "blue"}, "[] blue blue"),
        ({"PYTHONWARNINGS": "always"}, "['always'] None None"),
        ({}, "[] None None"),
    ):
        _, document = runner.run(cell, environ={**os.environ, **environ})
        assert printed(document).strip() == expected
    assert len(runner.backend._zygotes._started) == 2


def test_a_module_that_an_earlier_step_wrote_is_found(begin: Begin) -> None:
    runner = begin()
    runner.run("1")
    runner.run("open('written.py', 'w').write('value = 1')")
    _, document = runner.run("import written\nprint(written.value)")
    assert printed(document) == "1\n"


def test_where_importing_starts_a_thread_kernels_are_started_one_by_one_and_that_is_said(
    begin: Begin, tmp_path: Path
) -> None:
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "sitecustomize.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    reports, document = begin().run("print('right')", environ={**os.environ, "PYTHONPATH": str(tmp_path / "early")})
    assert [type(report) for report in reports][1] is Noted
    (note,) = [report.text for report in reports if isinstance(report, Noted)]
    assert note == (
        "the kernel was started by itself, which takes longer: importing ipykernel starts threads in this environment"
    )
    assert printed(document) == "right\n"


def test_where_the_process_that_forks_is_gone_kernels_are_started_one_by_one(begin: Begin) -> None:
    runner = begin()
    runner.run("1")
    (zygote,) = runner.backend._zygotes._started.values()
    assert zygote._process is not None
    zygote._process.kill()
    zygote._process.wait()
    reports, document = runner.run("print('right')")
    assert reports[-1] == Ended(None)
    assert printed(document) == "right\n"


def test_how_it_died_is_told(begin: Begin) -> None:
    runner = begin()
    for cell, told in (("import os\nos._exit(7)", "exit status 7"), ("import os\nos.kill(os.getpid(), 9)", "SIGKILL")):
        reports, _ = runner.run(cell)
        ended = reports[-1]
        assert isinstance(ended, Ended)
        assert ended.failure is not None
        assert ended.failure.kind == "kernel-died"
        assert told in ended.failure.message


def test_many_at_once(begin: Begin) -> None:
    runner = begin()
    begun = [runner.start(f"import time\ntime.sleep(0.2)\nprint({k})") for k in range(12)]
    pids = set()
    for number, (_, reports, ended, executed) in enumerate(begun):
        assert ended.wait(120)
        assert reports[-1] == Ended(None)
        assert printed(json.loads(executed.read_bytes())) == f"{number}\n"
        pids.update(report.pid for report in reports if isinstance(report, KernelStarted))
    assert len(pids) == 12
    (zygote,) = runner.backend._zygotes._started.values()
    assert zygote._process is not None
    children = [task / "children" for task in Path(f"/proc/{zygote._process.pid}/task").iterdir()]
    deadline = time.monotonic() + 30
    while left := "".join(file.read_text() for file in children):  # it is waited for once its step has let go of it
        assert time.monotonic() < deadline, f"ended kernels were not waited for: {left}"
        time.sleep(0.01)


def test_a_kernel_of_another_name_is_not_forked_from_this_one(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = begin()
    original = Zygotes.line

    def mistaken(self: Zygotes, spec: Any, *rest: Any) -> Any:
        return original(
            self, spec.__class__(spec.name, spec.folder, (sys.executable, "-b", *spec.argv[1:]), "python"), *rest
        )

    monkeypatch.setattr(Zygotes, "line", mistaken)
    reports, document = runner.run("import sys\nprint(sys.flags.bytes_warning)")
    assert any(isinstance(report, Noted) and "another kernel" in report.text for report in reports)
    assert printed(document) == "0\n"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["p", "-m", "ipykernel_launcher", "-f", "x"], Launch(("p",), "ipykernel_launcher", ("-f", "x"))),
        (["p", "-Xdev", "-bb", "-m", "ipykernel", "-f", "x"], Launch(("p", "-Xdev", "-bb"), "ipykernel", ("-f", "x"))),
        (["conda", "run", "-n", "e", "p", "-m", "ipykernel_launcher", "-f", "x"], None),
        (["p", "-m", "xeus", "-f", "x"], None),
        (["p", "-c", "code", "-m", "ipykernel_launcher"], None),
        (["R", "--slave"], None),
        (["p", "-m"], None),
        ([], None),
    ],
)  # fmt: skip
def test_what_is_forked_is_ipykernel_run_as_a_module(argv: list[str], expected: Launch | None) -> None:
    assert taken_apart(argv) == expected
