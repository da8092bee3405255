"""What a step does to files and the world is seen, between the end of load and the beginning of save."""

from __future__ import annotations

from typing import Any

from runtime.stepping import Steps


def observed(steps: Steps, code: str, setup: str = "") -> dict[str, Any]:
    steps.run("step", code, setup=setup)
    result: dict[str, Any] = steps.manifest("step")["observed"]
    return result


def test_reads_writes_and_deletions(steps: Steps) -> None:
    (steps.home / "in.txt").write_text("in")
    (steps.home / "log.txt").write_text("log")
    (steps.home / "old.txt").write_text("old")
    (steps.home / "gone").mkdir()
    outside = steps.folder / "outside.txt"
    code = f"""
import os, pathlib, shutil
open('in.txt').read()
with open('out.txt', 'w') as f: f.write('x')
with open('log.txt', 'a') as f: f.write('x')
with open('both.txt', 'w+') as f: f.write('x')
with open('both.txt', 'r+') as f: f.read()
pathlib.Path({str(outside)!r}).write_text('x')
os.rename('old.txt', 'new.txt')
os.mkdir('made')
os.remove('out.txt')
shutil.copy('in.txt', 'made/copy.txt')
shutil.rmtree('gone')
os.listdir('made')
fd = os.open('low.bin', os.O_WRONLY | os.O_CREAT); os.close(fd)
"""
    found = observed(steps, code)
    assert found["reads"] == ["both.txt", "gone", "in.txt", "log.txt", "made/", "old.txt"]
    names = ["both.txt", "log.txt", "low.bin", "made", "made/copy.txt", "new.txt", "out.txt"]
    assert found["writes"] == sorted([str(outside), *names])
    assert found["deleted"] == ["gone", "old.txt", "out.txt"]
    assert (found["subprocess"], found["network"]) == (False, False)


def test_set_up_is_not_watched(steps: Steps) -> None:
    found = observed(steps, "pass", setup="open('before.txt', 'w').close()")
    assert found["writes"] == []


def test_libraries_are_no_files_of_the_project(steps: Steps) -> None:
    found = observed(steps, "import pandas, matplotlib.pyplot, sqlite3, scipy.stats, json.tool")
    assert found["reads"] == found["writes"] == found["modules"] == []


def test_paths_follow_the_working_directory(steps: Steps) -> None:
    (steps.home / "data").mkdir()
    found = observed(steps, "import os\nos.chdir('data')\nopen('x.txt', 'w').close()\nopen('../y.txt', 'w').close()")
    assert found["writes"] == ["data/x.txt", "y.txt"]


def test_data_libraries_are_seen(steps: Steps) -> None:
    code = """
import numpy as np, pandas as pd, matplotlib
matplotlib.use('agg')
import matplotlib.pyplot as plt
pd.DataFrame({'a': [1]}).to_csv('t.csv')
pd.read_csv('t.csv')
np.save('a.npy', np.zeros(3))
np.load('a.npy')
plt.plot([1]); plt.savefig('p.png')
"""
    found = observed(steps, code)
    assert found["writes"] == ["a.npy", "p.png", "t.csv"]
    assert found["reads"] == ["a.npy", "t.csv"]


def test_databases_subprocesses_and_connections(steps: Steps) -> None:
    code = """
import socket, sqlite3, subprocess, sys
sqlite3.connect('my.db').close()
sqlite3.connect(':memory:').close()
sqlite3.connect('file:uri.db?mode=rwc', uri=True).close()
"""
    found = observed(steps, code)
    assert found["writes"] == found["reads"] == ["my.db", "uri.db"]
    assert not found["subprocess"]
    assert observed(steps, "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])")["subprocess"]
    assert observed(steps, "import os\nos.system('true')")["subprocess"]
    connect = "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
    assert not observed(steps, connect)["network"]
    assert observed(steps, connect + "socket.create_connection(server.getsockname())")["network"]


def test_modules_of_the_project_are_listed(steps: Steps) -> None:
    (steps.home / "pkg").mkdir()
    (steps.home / "pkg" / "__init__.py").write_text("from . import part")
    (steps.home / "pkg" / "part.py").write_text("")
    found = observed(steps, "pass", setup="import sys\nsys.path.insert(0, '')\nimport pkg")
    assert found["modules"] == ["pkg/__init__.py", "pkg/part.py"]


def test_odd_arguments_disturb_nothing(steps: Steps) -> None:
    code = """
import os, pathlib
for bad in (b'bytes.txt', pathlib.Path('path.txt'), 'null\\0byte', '', 10 ** 6):
    try:
        open(bad, 'w').close()
    except (OSError, ValueError):
        pass
r, w = os.pipe(); open(w, 'w').close()
"""
    found = observed(steps, code)
    assert found["writes"] == ["bytes.txt", "path.txt"]


def test_what_is_kept_is_bounded(steps: Steps) -> None:
    found = observed(steps, "for i in range(12_000):\n    try: open(f'no/{i}')\n    except OSError: pass")
    assert found["truncated"] is True
    assert len(found["reads"]) == 10_000


def test_a_second_load_begins_anew(steps: Steps) -> None:
    code = (
        "open('one.txt', 'w').close()\nimport nb2flow_runtime\nnb2flow_runtime.load({})\nopen('two.txt', 'w').close()"
    )
    assert observed(steps, code)["writes"] == ["two.txt"]
