"""Local modules are followed as Python would import them."""

from __future__ import annotations

from nb2flow.environment.imports import of_file
from nb2flow.environment.sources import Reached, Sources


def follow(code: str, files: dict[str, str], roots: tuple[str, ...] = (".",), **more: dict[str, str]) -> list[Reached]:
    return list(Sources(files.get, roots, **more).follow(of_file(code, "").imports))


def outside(found: list[Reached]) -> list[str]:
    return [r.told.module for r in found if not r.file]


def test_a_module_beside_the_notebook_and_what_it_imports() -> None:
    found = follow("import helper\nimport numpy", {"helper.py": "import yaml\nimport other", "other.py": "import rich"})
    assert outside(found) == ["numpy", "yaml", "rich"]
    assert {(r.file, r.via) for r in found if r.file} == {("helper.py", ""), ("other.py", "helper.py")}


def test_only_the_parts_of_a_package_that_are_imported_count() -> None:
    files = {
        "p/__init__.py": "from . import a",
        "p/a.py": "from .inner.deep import x\nimport one",
        "p/inner/deep.py": "from ..b import y",
        "p/b.py": "import two",
        "p/never.py": "import three",
    }
    assert outside(follow("from p import something", files)) == ["one", "two"]
    assert "three" in outside(follow("from p import never", files))


def test_folders_without_an_init_are_packages_too() -> None:
    assert outside(follow("import src.features.build", {"src/features/build.py": "import a"})) == ["a"]


def test_modules_that_import_each_other_end() -> None:
    found = follow("import a", {"a.py": "import b\nimport x", "b.py": "import a"})
    assert outside(found) == ["x"]


def test_further_roots_and_modules_that_the_notebook_writes() -> None:
    assert outside(follow("import a", {"../src/a.py": "import x"}, (".", "../src"))) == ["x"]
    assert outside(follow("import a", {}, written={"./a.py": "import x"})) == ["x"]


def test_a_local_module_hides_an_installed_one_but_no_implied_one() -> None:
    assert follow("import numpy", {"numpy.py": ""})[0].file == "numpy.py"
    assert outside(follow("import pandas", {"numexpr.py": ""})) == ["pandas", "numexpr", "bottleneck"]
