"""Libraries that are loaded once for all kernels of a run: no kernel can tell. With real kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executors.local_runs import Runner, printed

from nb2flow.engine.ports import KernelStarted, Noted
from nb2flow.executors import zygote
from nb2flow.runs.attempt import Import

IMPORTS: tuple[Import, ...] = (
    ("numpy", ()),
    ("pandas", ()),
    ("matplotlib", ("pyplot",)),
    ("sklearn.linear_model", ("LogisticRegression",)),
    ("scipy", ("stats",)),
)
FIRST_CELL = """\
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from scipy import stats
"""
ALL_THAT_LIBRARIES_SHOW = """
import atexit, decimal, faulthandler, json, locale, logging, matplotlib, os, signal, sys, threading, warnings
from pandas._config import config

def about(thing):
    return repr(thing).split(" at 0x")[0]

wide = pd.DataFrame({f"column {n}": np.arange(3) for n in range(40)})
warned, filters = sorted(map(about, globals().get("__warningregistry__", ()))), sorted(map(repr, warnings.filters))
warnings.simplefilter("ignore")  # some options are old
connection = sys.argv[2]
print(json.dumps({
    "options": {name: about(config.get_option(name)) for name in config._registered_options},
    "numbers": [about(np.get_printoptions()), np.geterr(), about(np.geterrcall())],
    "figures": [{k: about(v) for k, v in matplotlib.rcParams.items()}, plt.get_backend(), plt.isinteractive()],
    "colours": sorted(matplotlib.colormaps), "units": sorted(map(about, matplotlib.units.registry)),
    "shown": [repr(wide), wide._repr_html_()],
    "fitted": LogisticRegression().fit([[0], [1], [2]], [0, 1, 1]).coef_.tolist(),
    "dot": float((np.ones((300, 300)) @ np.ones((300, 300))).sum()), "density": float(stats.norm.pdf(0.3)),
    "modules": sorted(n for n in sys.modules if n.split(".")[0] not in ("psutil", "pwd")),
    "environ": dict(os.environ), "path": sys.path, "filters": filters,
    "handlers": list(map(about, logging.getLogger().handlers)), "logs": logging.root.manager.disable,
    "levels": {n: l.level for n, l in logging.root.manager.loggerDict.items() if hasattr(l, "level")},
    "finders": sorted(map(about, sys.meta_path)), "hooks": list(map(about, sys.path_hooks)),
    "calls": {k: sorted(map(about, v)) for k, v in get_ipython().events.callbacks.items()},
    "formatters": {
        k: sorted(map(about, f.type_printers)) for k, f in get_ipython().display_formatter.formatters.items()
    },
    "signals": {s.name: about(signal.getsignal(s)) for s in signal.Signals}, "threads": len(threading.enumerate()),
    "sums": about(decimal.getcontext()), "locale": locale.setlocale(locale.LC_ALL), "deep": sys.getrecursionlimit(),
    "faults": faulthandler.is_enabled(), "warned": warned,
}).replace(connection, "CONNECTION"))
"""
FIGURE = "plt.plot([1, 2, 3])"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path)
    yield made
    made.backend.close()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "0"}


def test_nothing_tells_that_they_were_loaded_before(runner: Runner) -> None:
    seen, figures = [], []
    for imports in ((), IMPORTS):
        _, document = runner.run(
            FIRST_CELL, ALL_THAT_LIBRARIES_SHOW, FIGURE, environ=environment(), context={"version": 1}, imports=imports
        )
        assert not document["cells"][0]["outputs"]
        seen.append(json.loads(printed(document, 1)))
        del seen[-1]["environ"]["JPY_PARENT_PID"]
        figures.append(document["cells"][2]["outputs"][1:])
    by_itself, before = seen
    assert before == by_itself
    assert figures[0] == figures[1]
    assert figures[0][0]["data"]["image/png"]


def test_they_are_loaded_once(runner: Runner) -> None:
    cell = "import sys\nprint('pandas' in sys.modules, 'sklearn.linear_model' in sys.modules, 'torch' in sys.modules)"
    for _ in range(2):
        assert printed(runner.run(cell, imports=IMPORTS)[1]) == "True True False\n"
    assert printed(runner.run(cell)[1]) == "False False False\n"
    assert len(runner.backend._zygotes._started) == 2


def test_each_kernel_draws_its_own_numbers(runner: Runner) -> None:
    cell = "import numpy\nprint(numpy.random.random(), numpy.random.default_rng().random())"
    drawn = [printed(runner.run(cell, imports=IMPORTS)[1]).split() for _ in range(2)]
    assert len({number for numbers in drawn for number in numbers}) == 4


def test_a_variable_of_one_step_alone_counts_when_they_are_loaded(runner: Runner) -> None:
    cell = "import matplotlib\nprint(matplotlib.get_backend())"
    for backend in ("svg", "pdf"):
        environ = {**environment(), "MPLBACKEND": backend}
        assert printed(runner.run(cell, imports=IMPORTS, environ=environ)[1]) == f"{backend}\n"


@pytest.mark.parametrize("what", ["beside the notebook", "a start-up file", "a profile's settings"])
def test_who_may_notice_imports_by_himself(runner: Runner, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    own = runner.folder / "ipython"
    if what == "beside the notebook":
        (runner.folder / "numpy.py").write_text("print('mine')\n")
    elif what == "a start-up file":
        (own / "profile_default" / "startup").mkdir(parents=True)
        (own / "profile_default" / "startup" / "00-mine.py").write_text("import os\nos.environ['MINE'] = '1'\n")
    else:
        (own / "profile_default").mkdir(parents=True)
        text = "# Settings\nc = get_config()\nc.InteractiveShellApp.exec_lines = ['import os']\n"
        (own / "profile_default" / "ipython_config.py").write_text(text)
    environ = {**environment(), "IPYTHONDIR": str(own)}
    cell = "import sys\nprint('numpy' in sys.modules)\nimport numpy"
    shown = printed(runner.run(cell, imports=IMPORTS, environ=environ)[1])
    assert shown == ("False\nmine\n" if what == "beside the notebook" else "False\n")


@pytest.mark.parametrize(
    ("source", "cell", "shown"),
    [
        ("print('mine')", "import xarray", "True False\nmine\n"),
        ("import sys\nsay = sys.stdout.write", "import xarray\nxarray.say('kept')", "True True\nkept"),
        ("import sys\nstream = sys.stdout", "import xarray\nxarray.stream.write('kept')", "True True\nkept"),
    ],
)
def test_what_libraries_write(runner: Runner, source: str, cell: str, shown: str) -> None:
    packages = runner.folder / "site-packages"
    packages.mkdir()
    (packages / "xarray.py").write_text(source + "\n")
    imports = (IMPORTS[0], ("xarray", ()), IMPORTS[1])
    cell = f"import sys\nprint('numpy' in sys.modules, 'xarray' in sys.modules)\n{cell}"
    reports, document = runner.run(cell, imports=imports, environ={**environment(), "PYTHONPATH": str(packages)})
    assert not any(isinstance(report, Noted) for report in reports)
    assert "".join(printed(document)) == shown


def test_a_run_that_is_cancelled_while_they_are_loaded_ends_at_once(runner: Runner) -> None:
    packages = runner.folder / "site-packages"
    packages.mkdir()
    (packages / "xarray.py").write_text("import os, time\nos.mkdir('loading')\ntime.sleep(120)\n")
    environ = {**environment(), "PYTHONPATH": str(packages)}
    attempt, reports, ended, _ = runner.start("print(1)", imports=(("xarray", ()),), environ=environ)
    while not (runner.folder / "loading").exists():
        time.sleep(0.02)
    attempt.cancel()
    assert ended.wait(30)
    failure = reports[-1].failure  # type: ignore[union-attr]
    assert failure is not None
    assert failure.kind == "cancelled"
    assert not any(isinstance(report, KernelStarted) for report in reports)


ASKED = """
import importlib.util, json, sys
specification = importlib.util.spec_from_file_location("zygote", sys.argv[1])
zygote = importlib.util.module_from_spec(specification)
specification.loader.exec_module(zygote)
vars(zygote)["__name__"] = "__main__"  # as which it runs
libraries = zygote.Libraries()
may_go_on = libraries.load([["json", []], [sys.argv[2], []], ["decimal", []]])
print(json.dumps([may_go_on, libraries.count, len(zygote._threads())]))
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("value = 1", [True, 3, 1]),
        ("print('hello')", [False, 1, 1]),
        ("import sys; sys.stderr.write('careful')", [False, 1, 1]),
        ("import os; os.write(1, b'from C')", [False, 1, 1]),
        ("import warnings; warnings.warn('old', DeprecationWarning, stacklevel=2)", [False, 1, 1]),
        ("import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", [False, 1, 2]),
        ("raise ImportError('something is missing')", [False, 1, 1]),
    ],
)
def test_a_library_that_shows_that_it_is_imported(tmp_path: Path, source: str, expected: list[Any]) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "library.py").write_text(source + "\n")
    for name in ("json", "decimal"):  # found there first: so they count as installed
        (packages / f"{name}.py").write_text("")
    code = ASKED.replace("import importlib.util, json, sys\n", "import importlib.util, json, sys, tempfile\n")
    code = code.replace("specification =", f"sys.path.insert(0, {str(packages)!r})\nspecification =", 1)
    done = subprocess.run(
        [sys.executable, "-c", code, zygote.__file__, "library"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )  # fmt: skip
    assert json.loads(done.stdout) == expected, done.stderr
