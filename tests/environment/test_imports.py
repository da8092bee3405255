"""What code imports, as it stands."""

from __future__ import annotations

import pytest

from nb2flow.environment import imports
from nb2flow.environment.model import Import
from nb2flow.notebook.model import Cell


def of(source: str) -> tuple[Import, ...]:
    return imports.of_cell(Cell(0, "c0", "code", source)).imports


def told(source: str) -> list[tuple[str, bool]]:
    return [(i.module, i.optional) for i in of(source) if i.how != "implied"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np, os.path", [("numpy", False), ("os.path", False)]),
        ("from sklearn.svm import SVC", [("sklearn.svm", False)]),
        ("from __future__ import annotations", []),
        ("def f():\n    import yaml", [("yaml", False)]),
        ("try:\n    import a\nexcept ImportError:\n    import b", [("a", True), ("b", True)]),
        ("try:\n    import a\nexcept (ValueError, ModuleNotFoundError):\n    a = None", [("a", True)]),
        ("try:\n    import a\nexcept ValueError:\n    pass", [("a", False)]),
        ("try:\n    import a\nfinally:\n    print(1)", [("a", False)]),
        ("if IN_COLAB:\n    import google.colab\nelse:\n    import b", [("google.colab", True), ("b", True)]),
        ("if True:\n    import a", [("a", False)]),
        ("if __name__ == '__main__':\n    import a", [("a", False)]),
        ("import importlib\nm = importlib.import_module('a.b')", [("importlib", False), ("a.b", False)]),
        ("m = __import__('a')", [("a", False)]),
        ("name = 'a'\nm = __import__(name)", []),
        ("%matplotlib inline", [("matplotlib", False)]),
        ("%pylab", [("numpy", False), ("matplotlib", False)]),
        ("%load_ext autoreload\n%load_ext line_profiler", [("IPython", False), ("line_profiler", False)]),
        ("%time import a", [("a", False)]),
        ("%%time\nimport a", [("a", False)]),
        ("%%bash\nimport a", []),
        ("this is no Python", []),
    ],
)
def test_modules_and_whether_code_goes_on_without_them(source: str, expected: list[tuple[str, bool]]) -> None:
    assert told(source) == expected


def test_places_are_lines_of_the_cell() -> None:
    assert [i.place.line for i in of("x = 1\n\nimport a\nif x:\n    import b")] == [3, 5]
    assert [i.place.line for i in of("%%time\nx = 1\nimport a")] == [3]


def test_what_no_import_says() -> None:
    source = "import pandas as pd\npd.read_excel('a.xls')\npd.read_parquet('s3://b/c')\nBeautifulSoup(page, 'lxml')"
    implied = {i.module: i.because for i in of(source) if i.how == "implied"}
    assert {"openpyxl", "xlrd", "pyarrow", "s3fs", "lxml", "numexpr", "bottleneck"} <= set(implied)
    assert implied["pyarrow"] == "read_parquet"
    assert implied["numexpr"] == "pandas"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("%pip install -q tabulate==0.9 'rich>=13'", [("tabulate==0.9", "rich>=13")]),
        ("!pip3 install numpy && echo done", [("numpy",)]),
        ("!python -m pip install -U a[b]", [("a[b]",)]),
        ("import sys\n!{sys.executable} -m pip install a", [("a",)]),
        ("%%bash\ncd x\npip install a\nuv pip install b", [("a",), ("b",)]),
        ("%conda install -c conda-forge a", [("a",)]),
        ("!pip install -r requirements.txt", [()]),
        ("!pip list", []),
        ("# pip install a\nx = 'pip install a'", []),
    ],
)
def test_lines_that_install(source: str, names: list[tuple[str, ...]]) -> None:
    found = imports.of_cell(Cell(0, "c0", "code", source)).installs
    assert [one.names for one in found] == names


def test_modules_that_the_notebook_writes_and_folders_it_adds() -> None:
    assert imports.of_cell(Cell(0, "c0", "code", "%%writefile lib/a.py\nimport b\n")).writes == (
        ("lib/a.py", "import b\n"),
    )
    assert imports.of_cell(Cell(0, "c0", "code", "import sys\nsys.path.insert(0, '../src')")).paths == ("../src",)
