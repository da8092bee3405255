"""What is installed, asked of real interpreters; and what real notebooks beside real files need."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import venv
from pathlib import Path

import notebooks
import pytest
from packaging.utils import canonicalize_name

from nb2flow.app import environment as use
from nb2flow.app.analysis import analyse
from nb2flow.app.interpreter import ask
from nb2flow.environment.model import Environment, Need
from nb2flow.errors import EnvironmentFault, NotebookError


def needs(found: Environment, step: str | None = None) -> dict[str, Need]:
    return {n.module: n for s in found.steps for n in s.needs if step in (None, s.step)}


def codes(found: Environment) -> set[str]:
    return {p.code for p in found.problems}


@pytest.fixture
def other_python(tmp_path: Path) -> tuple[Path, Path]:
    """The interpreter and the site-packages of an environment of its own, with nothing in it."""
    folder = tmp_path / "other"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    return folder / "bin" / "python", site


def install(site: Path, name: str, version: str, files: dict[str, str], *lines: str, **more: str) -> None:
    """Put a distribution there as an installer would."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    head = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
    every = {**files, f"{info}/METADATA": f"{head}\n", **{f"{info}/{k}": v for k, v in more.items()}}
    record = "".join(f"{path},,\n" for path in every)
    for path, text in {**every, f"{info}/RECORD": record}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)


def test_modules_are_found_in_the_distributions_that_importlib_names_for_them(tmp_path: Path) -> None:
    expected = {
        module: {canonicalize_name(name) for name in names}
        for module, names in importlib.metadata.packages_distributions().items()
        if module.isidentifier() and module not in {*sys.stdlib_module_names, "nb2flow", "__pycache__"}
    }
    assert {"sklearn", "PIL", "yaml", "dateutil"} <= set(expected)
    answer = ask(sys.executable, sorted(expected), tmp_path, {})
    assert {module: set(answer.owners.get(module, ())) for module in expected} == expected
    assert answer.owners["PIL"] == ("pillow",)
    assert answer.distributions["scikit-learn"].version == importlib.metadata.version("scikit-learn")


def test_a_namespace_that_several_distributions_share(tmp_path: Path, other_python: tuple[Path, Path]) -> None:
    python, site = other_python
    install(site, "google-cloud-storage", "2.0", {"google/cloud/storage/__init__.py": ""}, "Requires-Dist: Proto")
    install(site, "google.cloud-bigquery", "3.0", {"google/cloud/bigquery/__init__.py": ""})
    install(site, "proto", "1.0", {"google/protobuf/__init__.py": "", "proto.cpython-311-x86_64-linux-gnu.so": ""})
    install(site, "cv-one", "1.0", {"cv2/__init__.py": ""})
    install(site, "cv-two", "1.0", {"cv2/__init__.py": ""})
    kernel(tmp_path, python)
    path = tmp_path / "nb.ipynb"
    source = "from google.cloud import bigquery\nimport google.cloud.storage as gs\nimport cv2, proto"
    notebooks.save(path, ("step:a", source), kernel="other")
    found = use.environment(analyse(path))
    held = {module: need.distributions for module, need in needs(found).items()}
    assert held == {
        "google.cloud": ("google-cloud-bigquery",),
        "google.cloud.storage": ("google-cloud-storage",),
        "cv2": ("cv-one", "cv-two"),
        "proto": ("proto",),
    }
    assert [p.line for p in found.lock] == [
        "cv-one==1.0", "cv-two==1.0", "google-cloud-bigquery==3.0", "google-cloud-storage==2.0", "proto==1.0",
    ]  # fmt: skip
    assert found.program == str(python)


def test_editable_local_and_url_installs(tmp_path: Path, other_python: tuple[Path, Path]) -> None:
    python, site = other_python
    project = tmp_path / "project"
    (project / "mine").mkdir(parents=True)
    (project / "mine" / "__init__.py").write_text("")
    (site / "mine.pth").write_text(f"{project}\n")
    told = {"url": project.as_uri(), "dir_info": {"editable": True}}
    install(site, "mine", "0.1", {}, "Requires-Dist: tool", **{"direct_url.json": json.dumps(told)})
    told = {"url": "https://example.org/t.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
    install(site, "tool", "1.0", {"tool.py": ""}, **{"direct_url.json": json.dumps(told)})
    install(site, "torchy", "2.0+cu118", {"torchy.py": ""})
    kernel(tmp_path, python)
    path = tmp_path / "nb.ipynb"
    notebooks.save(path, ("step:a", "import mine, torchy"), kernel="other")
    found = use.environment(analyse(path))
    assert [p.line for p in found.lock] == ["tool @ git+https://example.org/t.git@abc123", "torchy==2.0+cu118"]
    assert {"NB503", "NB504"} <= codes(found)


def kernel(folder: Path, python: Path) -> None:
    place = folder / "jupyter" / "kernels" / "other"
    place.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (place / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "display_name": "Other"}))


@pytest.fixture(autouse=True)
def jupyter_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


def test_local_modules_data_and_what_is_missing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "lib").mkdir(parents=True)
    (home / "helper.py").write_text("import yaml\nfrom lib import part\n")
    (home / "lib" / "part.py").write_text("import rich, no_such_thing_at_all")
    (home / "data.csv").write_text("1,2\n")
    (tmp_path / "outside.py").write_text("")
    (tmp_path / "far.csv").write_text("1\n")
    notebooks.save(
        home / "nb.ipynb",
        ("setup", "import helper"),
        ("step:load", "rows = open('data.csv').read() + open('../far.csv').read()\nx = helper"),
        ("step:more", "import sys\nsys.path.append('..')\nimport outside\nimport json"),
    )
    found = use.environment(analyse(home / "nb.ipynb"))
    load, more = needs(found, "load"), needs(found, "more")
    assert (load["helper"].kind, load["helper"].file) == ("local", "helper.py")
    assert (load["yaml"].via, load["yaml"].distributions) == ("helper.py", ("pyyaml",))
    assert (load["rich"].via, load["no_such_thing_at_all"].kind) == ("lib/part.py", "missing")
    assert more["json"].kind == "stdlib"
    assert more["outside"].file == "../outside.py"
    files = {f.path: f.travels for s in found.steps for f in s.files if s.step == "load"}
    assert files == {"data.csv": True, "../far.csv": False}
    assert codes(found) == {"NB501", "NB505", "NB506"}
    with pytest.raises(EnvironmentFault) as told:
        use.locked(found)
    assert "lib/part.py" in told.value.diagnostics[0].message
    again = use.environment(analyse(home / "nb.ipynb"), without=["no_such_thing_at_all"])
    assert codes(again) == {"NB502", "NB505", "NB506"}
    assert "pyyaml==" in use.locked(again)


def test_a_kernel_that_is_not_there_and_a_notebook_in_another_language(tmp_path: Path) -> None:
    notebooks.save(tmp_path / "a.ipynb", ("step:a", "import yaml"), kernel="gone")
    with pytest.raises(EnvironmentFault, match="'gone' is not installed"):
        use.environment(analyse(tmp_path / "a.ipynb"))
    notebooks.save(tmp_path / "r.ipynb", "library(dplyr)", kernel="ir", language="R")
    with pytest.raises(NotebookError, match="for Python alone"):
        use.environment(analyse(tmp_path / "r.ipynb"))


def test_all_that_is_installed(tmp_path: Path, other_python: tuple[Path, Path]) -> None:
    python, site = other_python
    install(site, "used", "1.0", {"used.py": ""})
    install(site, "unused", "1.0", {"unused.py": ""})
    kernel(tmp_path, python)
    notebooks.save(tmp_path / "a.ipynb", ("step:a", "import used"), kernel="other")
    assert [p.name for p in use.environment(analyse(tmp_path / "a.ipynb")).lock] == ["used"]
    assert [p.name for p in use.environment(analyse(tmp_path / "a.ipynb"), whole=True).lock] == ["unused", "used"]
