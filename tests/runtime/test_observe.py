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
    assert found["deleted"] == ["gone", "gone/", "old.txt", "out.txt"]
    assert (found["subprocess"], found["network"]) == (False, False)


def test_set_up_is_not_watched(steps: Steps) -> None:
    found = observed(steps, "pass", setup="open('before.txt', 'w').close()")
    assert found["writes"] == []


def test_libraries_are_no_files_of_the_project(steps: Steps) -> None:
    found = observed(steps, "import pandas, matplotlib.pyplot, sqlite3, scipy.stats, json.tool")
    assert found["reads"] == found["writes"] == found["modules"] == []


def test_the_working_folder_is_listed_without_a_path(steps: Steps) -> None:
    (steps.home / "data").mkdir()
    found = observed(steps, "import os\nos.chdir('data')\nos.listdir(), list(os.scandir())")
    assert found["reads"] == ["data/"]


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


def test_modules_from_elsewhere_are_listed_and_installed_packages_are_not(steps: Steps) -> None:
    elsewhere = steps.folder / "src"
    elsewhere.mkdir()
    (elsewhere / "helper.py").write_text("")
    found = observed(steps, "pass", setup=f"import sys\nsys.path.append({str(elsewhere)!r})\nimport helper, msgspec")
    assert found["modules"] == [str(elsewhere / "helper.py")]


def test_code_that_was_compiled_before_counts_as_its_source(steps: Steps) -> None:
    (steps.home / "part.py").write_text("x = 1")
    load = """
import importlib.util, sys
sys.dont_write_bytecode = False
spec = importlib.util.spec_from_file_location('part_of_it', 'part.py')
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
    assert observed(steps, load)["reads"] == ["part.py"]
    assert observed(steps, load)["reads"] == ["part.py"]


def test_what_set_up_reads_is_told_apart(steps: Steps) -> None:
    (steps.home / "conf.txt").write_text("1")
    setup = "import os\nopen('conf.txt').read()\nos.path.exists('other.txt')\nos.environ.get('MODE')"
    found = observed(steps, "open('own.txt', 'w').close()", setup)
    assert found["set_up"] == {"looked": ["other.txt"], "reads": ["conf.txt"]}
    assert (found["reads"], found["looked"], found["writes"]) == ([], [], ["own.txt"])
    assert found["environ"] == ["MODE"]


def test_files_that_are_only_looked_for(steps: Steps) -> None:
    (steps.home / "data" / "a").mkdir(parents=True)
    (steps.home / "data" / "a" / "x.csv").write_text("1")
    code = """
import glob, os, pathlib
os.path.exists('one.txt'); pathlib.Path('two.txt').is_file(); os.path.isdir('data'); os.path.getsize('data/a/x.csv')
list(pathlib.Path('data').glob('*/y.csv')), glob.glob('data/*/z.csv')
os.path.exists('both.txt'); open('both.txt', 'w').close()
for bad in (0, 'null\\0byte', b'bytes.txt'):
    os.path.exists(bad)
"""
    found = observed(steps, code)
    files = {"bytes.txt", "data/a/x.csv", "data/a/z.csv", "one.txt", "two.txt"}
    looked = {path for path in found["looked"] if not path.endswith("/")}
    assert looked - {"data/a/y.csv"} == files
    assert "data/a/y.csv" in looked or "data/a/" in found["reads"]  # Path.glob of Python 3.12 lists the folder
    assert "data/" in found["looked"]


def test_what_a_cell_may_ask_the_entries_of_a_folder(steps: Steps) -> None:
    (steps.home / "data").mkdir()
    (steps.home / "data" / "x.csv").write_text("1")
    found = observed(steps, "import os\n[(e.name, e.stat().st_size) for e in os.scandir('data')]")
    assert (found["reads"], found["looked"]) == (["data/"], ["data/x.csv"])
    found = observed(steps, "import os\nlist(os.walk('data')), os.listdir('data')")
    assert (found["reads"], [path for path in found["looked"] if path != "data/"]) == (["data/"], [])


def test_the_wrapped_functions_are_as_they_were_and_gone_in_the_end(steps: Steps) -> None:
    code = """
import inspect, os, shutil
assert os.stat in os.supports_follow_symlinks and os.stat in os.supports_fd
assert (os.stat.__name__, os.lstat.__name__, os.getcwd.__name__) == ('stat', 'lstat', 'getcwd')
open('a.txt', 'w').close(); os.symlink('a.txt', 'b'); shutil.copystat('a.txt', 'b', follow_symlinks=False)
assert dict(os.environ) == {k: os.environ[k] for k in os.environ} == os.environ.copy()
assert 'NO_SUCH' not in os.environ and os.getenv('NO_SUCH') is None
kept = os.stat
"""
    steps.run(
        "step", code + "import nb2flow_runtime.observe as o; o.pause()\nassert os.stat is not kept; kept('a.txt')"
    )


def test_variables_and_the_folder_count_when_the_authors_code_asks(steps: Steps) -> None:
    (steps.home / "conf.py").write_text("import os\nlevel = os.environ.get('LEVEL')")
    code = """
import sys; sys.path.insert(0, '')
import os, pathlib, shutil, conf
os.environ['MODE'] if 'MODE' in os.environ else os.getenv('OTHER')
dict(os.environ), os.environ.copy(), list(os.environ.items())
os.path.expandvars('$WHERE'), shutil.which('true')
"""
    found = observed(steps, code)
    assert found["environ"] == ["LEVEL", "MODE", "OTHER", "WHERE"]
    assert found["folder"] is False
    assert observed(steps, "import os\nos.getcwd()")["folder"] is True
    assert observed(steps, "import pathlib\npathlib.Path('x').resolve()")["folder"] is True


def test_processes_that_are_forked_tell_what_they_touch(steps: Steps) -> None:
    (steps.home / "in.txt").write_text("in")
    code = """
import multiprocessing, os
def work(name):
    os.path.exists('looked.txt')
    if name == 'in.txt':
        return open(name).read()
    return open(name, 'w').close()
with multiprocessing.get_context('fork').Pool(2) as pool:
    pool.map(work, ['in.txt', 'out.txt'])
"""
    found = observed(steps, code)
    assert (found["reads"], found["writes"], found["looked"]) == (["in.txt"], ["out.txt"], ["looked.txt"])
    assert found["subprocess"] is False
    assert observed(steps, "import os\nif not os.fork():\n    os.system('true'); os._exit(0)\nos.wait()")["subprocess"]


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
