"""Runs by the command line, with real kernels: mending, being killed, the cache, parameters, other kernels."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import notebooks
import pytest
from nbclient import NotebookClient

from nb2flow.app.kept import load
from nb2flow.errors import ExitCode, UsageError

Nb2flow = Callable[..., Any]
Begin = Callable[..., subprocess.Popen[str]]
SAMPLES = Path(__file__).parents[2] / "sample_notebooks"

READING: tuple[notebooks.Cell, ...] = (
    ("step:names", "names = sorted(['b', 'a'])\nprint(names)"),
    (
        "step:numbers",
        "def parsed(text):\n    return [int(x) for x in text.split()]\n\nnumbers = parsed(open('n.txt').read())",
    ),
    ("step:total", "print('total', sum(numbers))"),
    ("step:count", "print('names', len(names), names[0].upper())"),
)


def test_a_failure_is_told_the_rest_goes_on_and_mending_the_data_is_enough(nb2flow: Nb2flow, tmp_path: Path) -> None:
    path = notebooks.save(tmp_path / "reading.ipynb", *READING)
    source = path.read_bytes()
    (tmp_path / "n.txt").write_text("1 two 3")
    failed = nb2flow("run", "reading.ipynb")
    assert failed.code == ExitCode.RUN
    for words in (
        "step numbers failed at cell 1 [c1], line 2",
        "❱ 2 │     return [int(x) for x in text.split()]",
        "ValueError: invalid literal for int() with base 10: 'two'",
        "nb2flow debug",
        "nb2flow resume reading-",
    ):
        assert words in failed.out, failed.out
    assert "Traceback" not in failed.err
    shown = nb2flow("show", "--json")
    assert shown.statuses == {"names": "succeeded", "numbers": "failed", "total": "skipped", "count": "succeeded"}
    notebook = json.loads(Path(nb2flow("open", "last", "numbers").out.strip()).read_text())
    assert [o["ename"] for c in notebook["cells"] for o in c.get("outputs", []) if "ename" in o] == ["ValueError"]

    (tmp_path / "n.txt").write_text("1 2 3")
    resumed = nb2flow("resume", "--json")
    assert resumed.code == 0, resumed.err
    assert set(resumed.statuses.values()) == {"succeeded"}
    assert {s["step"]: s["attempt"] for s in resumed.json["steps"]} == {
        "names": 1,
        "numbers": 2,
        "total": 1,
        "count": 1,
    }
    assert nb2flow("logs", "last", "total").out == "total 6\n"
    assert path.read_bytes() == source


@pytest.mark.slow
def test_killed_at_once_and_resumed(nb2flow: Nb2flow, begin: Begin, tmp_path: Path) -> None:
    notebooks.save(
        tmp_path / "long.ipynb",
        ("step:first", "import os, time\nopen('starts.txt', 'a').write('first ')\nx = os.getpid() * 0 + 41"),
        (
            "step:waits",
            "open('starts.txt', 'a').write('waits ')\nwhile not os.path.exists('go'):\n    time.sleep(0.05)",
        ),
        ("step:last", "print('answer', x + 1)"),
    )
    process = begin("run", "long.ipynb")
    assert process.stdout is not None
    assert any("waits started" in line for line in process.stdout)
    while "waits" not in (tmp_path / "starts.txt").read_text():
        assert process.poll() is None
    process.kill()
    process.wait()
    assert nb2flow("show", "--json").json["status"] == "interrupted"
    (tmp_path / "go").touch()
    resumed = nb2flow("resume", "--json")
    assert resumed.code == 0, resumed.err
    assert set(resumed.statuses.values()) == {"succeeded"}
    assert (tmp_path / "starts.txt").read_text() == "first waits waits "
    assert nb2flow("logs", "last", "last").out == "answer 42\n"


def kernelspec(folder: Path, name: str, argv: list[str]) -> None:
    """A kernel to be found with JUPYTER_PATH=`folder`."""
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    spec = {"argv": [*argv, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": name}
    (place / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))


def test_unchanged_work_starts_no_kernel_and_changed_data_does(
    nb2flow: Nb2flow, tmp_path: Path, environ: dict[str, str]
) -> None:
    """Every start of the kernel leaves a line in a file: no start goes unseen."""
    starts = tmp_path / "starts.txt"
    wrapper = tmp_path / "counted.sh"
    wrapper.write_text(f'#!/bin/sh\necho start >> "{starts}"\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    kernelspec(tmp_path / "jupyter", "counted", [str(wrapper)])
    environ["JUPYTER_PATH"] = str(tmp_path / "jupyter")
    notebooks.save(tmp_path / "reading.ipynb", *READING, kernel="counted")
    (tmp_path / "n.txt").write_text("1 2 3")

    first = nb2flow("run", "reading.ipynb", "--json")
    assert first.code == 0, first.err
    assert len(starts.read_text().split()) == 4
    again = nb2flow("run", "reading.ipynb", "--json")
    assert set(again.statuses.values()) == {"cached"}
    assert len(starts.read_text().split()) == 4
    (tmp_path / "n.txt").write_text("1 2 4")
    changed = nb2flow("run", "reading.ipynb", "--json")
    assert changed.statuses == {"names": "cached", "numbers": "succeeded", "total": "succeeded", "count": "cached"}
    assert len(starts.read_text().split()) == 6
    assert nb2flow("logs", "last", "total").out == "total 7\n"


PARAMETERS = """\
count = 3
rate = 0.5
name = "O'Neil"
flag = False
nothing = None
sizes = [1, 2]
options = {"a": 1}"""


def test_parameters_of_every_type_arrive_as_they_were_given(nb2flow: Nb2flow, tmp_path: Path) -> None:
    notebooks.save(
        tmp_path / "typed.ipynb",
        ("parameters", PARAMETERS),
        ("step:one", "print(repr((count, rate, name, flag)))"),
        ("step:two", "print(repr((nothing, sizes, options)))"),
    )
    hostile = """a 'b' "c" \\ {d} $e `f` %g\nimport os"""
    (tmp_path / "p.yaml").write_text(json.dumps({"name": "from the file", "sizes": [[1], {"x": None}], "count": 1}))
    pairs = ["count=-7", "rate=2", f"name={hostile}", "flag=true", "nothing=null", 'options={"k": [1.5, "it\'s"]}']
    done = nb2flow("run", "typed.ipynb", "-f", "p.yaml", *(x for p in pairs for x in ("-p", p)), "--json")
    assert done.code == 0, done.err
    assert nb2flow("logs", "last", "one").out == repr((-7, 2.0, hostile, True)) + "\n"
    assert nb2flow("logs", "last", "two").out == repr((None, [[1], {"x": None}], {"k": [1.5, "it's"]})) + "\n"


@pytest.fixture(scope="session")
def bare_python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of a virtual environment that holds ipykernel and nothing of ours; kept between sessions."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("bare-kernel") / f"{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "ipykernel"]
        subprocess.run(install, check=True)
        (folder / "ready").touch()
    return python


@pytest.mark.slow
def test_a_kernel_in_an_environment_without_anything_of_ours(
    nb2flow: Nb2flow, tmp_path: Path, environ: dict[str, str], bare_python: Path
) -> None:
    ours = "import importlib.util as u\nprint([m for m in ('nb2flow', 'papermill', 'msgspec') if u.find_spec(m)])"
    kernelspec(tmp_path / "jupyter", "bare", [str(bare_python), "-P"])
    environ["JUPYTER_PATH"] = str(tmp_path / "jupyter")
    notebooks.save(
        tmp_path / "bare.ipynb",
        ("parameters", "n = 2"),
        ("step:there", f"import sys\nprint(sys.prefix)\n{ours}"),
        (
            "step:make",
            "import random\nrandom.seed(n)\na = [random.random()]\nb = {'a': a}\n\ndef twice(x):\n    return 2 * x",
        ),
        ("step:change", "a.append(twice(21))\nprint(round(random.random(), 6))"),
        ("step:show", "print(b['a'][1:], b['a'] is a)"),
        kernel="bare",
    )
    environ.pop("PYTHONPATH", None)
    done = nb2flow("verify", "bare.ipynb", "-p", "n=5", "--json")
    assert done.code == 0, done.out + done.err
    assert {c["verdict"] for c in done.json["cells"]} == {"equal"}
    assert nb2flow("logs", "last", "there").out == f"{bare_python.parents[1]}\n[]\n"
    assert nb2flow("logs", "last", "show").out == "[42] True\n"


STATE = """\
import os, random
random.seed(4)
os.environ['STAGE'] = 'on'
first = random.random()
kept = [first]
same = kept"""


def test_a_conversion_is_the_same_twice_and_its_notebooks_run_one_by_one(nb2flow: Nb2flow, tmp_path: Path) -> None:
    path = notebooks.save(
        tmp_path / "state.ipynb",
        "# # State of many kinds",
        ("parameters", "n = 2"),
        ("step:make", STATE),
        ("step:change", "second = random.random()\nsame.append(n)\nopen('made.txt', 'w').write('made')"),
        ("step:show", "print(kept == [first, 2], os.environ['STAGE'], open('made.txt').read())\nround(second, 6)"),
    )
    source = path.read_bytes()
    for folder in ("one", "two"):
        done = nb2flow("convert", "state.ipynb", "-o", folder)
        assert done.code == 0, done.err
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert path.read_bytes() == source

    printed = []
    for step in sorted((tmp_path / "one").glob("*.ipynb")):
        document = nbformat.read(step, as_version=4)
        NotebookClient(document, timeout=60, resources={"metadata": {"path": str(step.parent)}}).execute()
        printed += [o for c in document.cells if c.cell_type == "code" for o in c.outputs]
    texts = ["".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in printed]
    assert "True on made\n" in texts, texts
    whole = nbformat.read(path, as_version=4)
    NotebookClient(whole, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert whole.cells[-1].outputs[-1]["data"]["text/plain"] in texts
    assert path.read_bytes() == source


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_kales_tags_give_the_same_result(nb2flow: Nb2flow, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path, ignore=shutil.ignore_patterns(".nb2flow"), dirs_exist_ok=True)
    printed = {}
    for name in ("wine_quality", "wine_quality_kale"):
        done = nb2flow("run", f"{name}.ipynb", "--no-cache", "--json")
        assert done.code == 0, done.err
        printed[name] = nb2flow("logs", "last", "judge").out
    assert "misses the mark" in printed["wine_quality"]
    assert printed["wine_quality"] == printed["wine_quality_kale"]


def test_metrics_and_artifacts_are_shown_kept_and_loaded_also_of_a_step_that_is_cached(
    nb2flow: Nb2flow, tmp_path: Path
) -> None:
    path = notebooks.save(
        tmp_path / "fit.ipynb",
        ("step:fit", "model = {'w': [1.0]}\nerror = 0.25"),
        ("step:tell", "print(sum(model['w']))"),
    )
    assert nb2flow("run", "fit.ipynb").code == 0
    document = json.loads(path.read_text())
    document["cells"][0]["metadata"]["tags"] += ["metric:error", "artifact:model"]
    path.write_text(json.dumps(document))
    asked = nb2flow("run", "fit.ipynb", "--json")
    assert asked.statuses == {"fit": "succeeded", "tell": "cached"}  # who comes after it need not run again
    assert {"name": "error", "step": "fit", "value": "0.25"} in asked.json["metrics"]
    again = nb2flow("run", "fit.ipynb")
    assert "error  0.25" in again.out
    assert nb2flow("show", "--json").statuses == {"fit": "cached", "tell": "cached"}
    assert load("last", "model", folder=tmp_path) == {"w": [1.0]}
    with pytest.raises(UsageError, match="has saved no 'error'"):  # it is shown, and not kept
        load("last", "error", folder=tmp_path)
    page = (tmp_path / nb2flow("report", "last").out.strip()).read_text()
    assert "error (fit)" in page
    assert "Kept" in page
