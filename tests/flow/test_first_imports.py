"""Which libraries may be loaded before a notebook's kernels begin."""

from __future__ import annotations

import pytest
from notebooks import Cell, document

from nb2flow.flow.first_imports import first_imports
from nb2flow.notebook.document import of_values
from nb2flow.runs.attempt import Import

NUMPY: Import = ("numpy", ())
PANDAS: Import = ("pandas", ())


def found(*cells: Cell) -> tuple[Import, ...]:
    everything = "\n".join(cell if isinstance(cell, str) else cell[1] for cell in cells)
    return first_imports(of_values(document(*cells), "demo", "demo.ipynb"), [everything] * 2)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["import numpy as np, pandas as pd\nimport numpy"], (NUMPY, PANDAS)),
        (["import os, json\nfrom pathlib import Path\nimport numpy", "", "import pandas"], (NUMPY, PANDAS)),
        (["'About this'\nSEED = 1\nimport numpy"], (NUMPY,)),
        (["%matplotlib inline\nimport numpy", "%load_ext autoreload\n%autoreload 2\nimport pandas"], (NUMPY, PANDAS)),
        (["from matplotlib import pyplot as plt"], (("matplotlib", ("pyplot",)),)),
        (["from sympy import *"], (("sympy", ("*",)),)),
        (["import matplotlib.pyplot as plt"], (("matplotlib.pyplot", ()),)),
        (["from __future__ import annotations\nfrom tqdm import tqdm\nimport numpy"], (NUMPY,)),
        (["def twice(x, n=2):\n    return n * x\nimport numpy"], (NUMPY,)),
        (
            ["import sys\nassert sys.version_info >= (3, 5)\nimport numpy\nimport requests\nimport pandas"],
            (NUMPY, PANDAS),
        ),
        # What comes first may matter to them.
        (["import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy"], ()),
        (["import sys\nsys.path.insert(0, 'src')", "import numpy"], ()),
        (["import warnings\nwarnings.filterwarnings('ignore')\nimport numpy"], ()),
        (["import numpy\nimport mine\nimport pandas"], (NUMPY,)),
        (["from . import mine\nimport numpy"], ()),
        (["import numpy, mine, pandas"], (NUMPY,)),
        (["try:\n    import numpy\nexcept ImportError:\n    pass\nimport pandas"], ()),
        (["FOLDER = input()\nimport numpy"], ()),
        (["%load_ext line_profiler\nimport numpy"], ()),
        (["!pip install pandas\nimport numpy"], ()),
        (["%env OMP_NUM_THREADS=1\nimport numpy"], ()),
        (["%%time\nimport numpy"], ()),
        (["def f(x=setup()):\n    return x\nimport numpy"], ()),
        (["import os\n@os.environ.update\ndef f():\n    return x\nimport numpy"], ()),
        (["assert setup()\nimport numpy"], ()),
        (["%%bash\nls", "import numpy"], ()),
        (["import numpy as\n", "import pandas"], ()),
    ],
)
def test_what_a_notebook_begins_with(cells: list[str], expected: tuple[Import, ...]) -> None:
    assert found("# Title", *cells) == expected


def test_cells_that_are_not_run_do_not_count() -> None:
    assert found(("skip", "import os; os.environ['A'] = '1'"), "import numpy") == (NUMPY,)


def test_what_one_step_alone_wants_it_imports_itself() -> None:
    notebook = of_values(document("import numpy\nimport sympy\nfrom scipy import stats"), "demo", "demo.ipynb")
    one, other = "from sympy import *\nfrom scipy import stats", "from scipy import stats, linalg"
    assert first_imports(notebook, [one, other]) == (NUMPY, ("scipy", ("stats",)))
    assert first_imports(notebook, [one, "# import sympy", "x = 1"]) == (NUMPY,)
    assert first_imports(notebook, [one]) == ()
