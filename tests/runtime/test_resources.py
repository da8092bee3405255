"""Random streams, working directory, environment, sys.path and options reach later steps."""

from __future__ import annotations

import pytest
from runtime.stepping import Steps

DRAW = "import random, numpy as np\nprint(random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn())"


def test_random_streams_go_on(steps: Steps) -> None:
    seed = "import random, numpy as np\nrandom.seed(1); np.random.seed(2); random.gauss(0, 1); np.random.randn()"
    whole = steps.run("whole", f"{seed}\n{DRAW}\n{DRAW}")
    resources = ["rng:python", "rng:numpy"]
    steps.run("first", seed, save=resources)
    one = steps.run("second", DRAW, load={"first": resources}, save=resources)
    two = steps.run("third", DRAW, load={"second": resources})
    assert f"{one}\n{two}" == whole
    beside = steps.run("beside", DRAW, load={"first": resources})
    assert beside == one


def test_loading_objects_does_not_move_the_streams(steps: Steps) -> None:
    definition = "import random\nclass Noisy:\n    def __setstate__(self, s): random.random()"
    steps.run("first", "random.seed(1)\nn = Noisy()\nn.x = 1", save=["n", "rng:python"], setup=definition)
    expected = steps.run("direct", "random.seed(1); print(random.random())", setup=definition)
    use = steps.run("use", "print(random.random())", load={"first": ["rng:python", "n"]}, setup=definition)
    assert use == expected


def test_a_stream_that_is_not_there_is_absent(steps: Steps) -> None:
    steps.run("first", "pass", save=["rng:numpy", "rng:torch"])
    assert steps.manifest("first")["outputs"] == {"rng:numpy": {"absent": True}, "rng:torch": {"absent": True}}
    steps.run("use", "pass", load={"first": ["rng:numpy", "rng:torch"]})


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("import numpy, pandas, matplotlib.pyplot", []),
        ("import numpy as np; np.random.seed(1)", ["rng:numpy"]),
        ("import numpy as np; np.random.rand()", ["rng:numpy"]),
        ("import numpy as np; np.random.default_rng(1).random()", []),
        ("import random; random.random()", ["rng:python"]),
        ("import os; os.environ['A'] = '1'", ["process:environ"]),
        ("import os; os.chdir('/')", ["process:cwd"]),
        ("import sys; sys.path.append('lib')", ["process:syspath"]),
        ("import warnings; warnings.simplefilter('ignore')", ["process:config"]),
        ("import numpy as np, warnings; warnings.filterwarnings('ignore')", ["process:config"]),
        ("import matplotlib; matplotlib.rcParams['lines.linewidth'] = 9", ["process:config"]),
        ("import pandas as pd; pd.set_option('display.max_rows', 7)", ["process:config"]),
        ("import decimal; decimal.getcontext().prec = 5", ["process:config"]),
        ("import decimal; decimal.Decimal(1) / 3", []),
        ("import sklearn; sklearn.set_config(transform_output='pandas')", ["process:config"]),
        ("import sklearn", []),
        ("import numpy as np; np.set_printoptions(precision=2)", ["process:config"]),
        ("import sys; sys.setrecursionlimit(5000)", ["process:config"]),
        ("import logging; logging.getLogger('a').setLevel('INFO')", ["process:config"]),
        ("import logging; logging.getLogger('a').warning('b')", []),
        ("import matplotlib.pyplot as plt; plt.figure()", ["process:figures"]),
        ("import matplotlib.pyplot as plt; plt.figure(); plt.close()", []),
        ("", []),
    ],
)
def test_what_changed_is_observed(steps: Steps, code: str, changed: list[str]) -> None:
    steps.run("first", code)
    assert steps.manifest("first")["observed"]["changed"] == changed


def test_process_state_is_restored_before_set_up(steps: Steps) -> None:
    (steps.home / "data").mkdir()
    (steps.home / "lib").mkdir()
    (steps.home / "lib" / "mine.py").write_text("import os\nLEVEL = os.environ['LEVEL']")
    code = """
import os, sys
os.environ['LEVEL'] = 'one'
os.environ.pop('HOME_OF_NOBODY', None)
sys.path.insert(0, os.path.abspath('lib'))
sys.path.append('last')
os.chdir('data')
"""
    process = ["process:cwd", "process:environ", "process:syspath"]
    steps.run("first", code, save=process)
    setup = "import mine, os, sys\nat_start = os.path.basename(os.getcwd())"
    show = "print(mine.LEVEL, at_start, sys.path[-1], sys.path[0] == os.path.dirname(mine.__file__))"
    assert steps.run("second", show, state=["first"], setup=setup, save=process) == "one data last True"
    steps.run("third", "os.environ['LEVEL'] = 'two'; os.chdir('..')", state=["second"], setup=setup, save=process)
    code = "print(os.environ['LEVEL'], os.path.basename(os.getcwd()), sys.path.count('last'))"
    assert steps.run("fourth", code, state=["first", "second", "third"], setup=setup) == "two project 1"


def test_a_working_directory_that_is_gone_is_named(steps: Steps) -> None:
    steps.run("first", "import os\nos.mkdir('data')\nos.chdir('data')", save=["process:cwd"])
    (steps.home / "data").rmdir()
    error = steps.run("second", "pass", state=["first"], fails=True)
    assert "data, which an earlier step changed to, cannot be entered: No such file or directory" in error


def test_a_project_that_moved_keeps_its_working_directory(steps: Steps) -> None:
    steps.run("first", "import os, sys\nos.makedirs('data/x')\nos.chdir('data/x')\nsys.path.append(os.getcwd())",
              save=["process:cwd", "process:syspath"])  # fmt: skip
    moved = steps.folder / "elsewhere"
    steps.home.rename(moved)
    steps.home = moved
    code = "import os, sys; print(os.getcwd(), sys.path[-1])"
    assert steps.run("second", code, state=["first"]) == f"{moved}/data/x {moved}/data/x"


OPTIONS = """
import decimal, sys, warnings
import matplotlib, numpy as np, pandas as pd, sklearn
"""
SET = """
matplotlib.rcParams['axes.prop_cycle'] = matplotlib.cycler(color=['r', 'g'])
matplotlib.rcParams['font.family'] = ['monospace']
np.set_printoptions(precision=2, formatter={'int': lambda i: '<%d>' % i})
np.seterr(divide='raise')
pd.set_option('display.max_rows', 7)
pd.set_option('display.float_format', '{:.1f}'.format)
decimal.getcontext().prec = 5
sklearn.set_config(transform_output='pandas')
decimal.getcontext().traps[decimal.Inexact] = True
sys.setrecursionlimit(4321)
warnings.filterwarnings('ignore', message='mine')
warnings.filterwarnings('error', category=UserWarning, append=True)
"""
SHOW = """
print([c['color'] for c in matplotlib.rcParams['axes.prop_cycle']], matplotlib.rcParams['font.family'])
print(np.array([1.2345]), np.array([3]), np.geterr()['divide'], pd.get_option('display.max_rows'))
print(pd.Series([1.25]).to_string(), decimal.getcontext().prec, decimal.getcontext().traps[decimal.Inexact])
print(sklearn.get_config()['transform_output'])
print(sys.getrecursionlimit(), [f[0] for f in warnings.filters], warnings.filters[0][1].pattern)
"""


def test_options_reach_a_later_step_through_others(steps: Steps) -> None:
    expected = steps.run("whole", SET + SHOW, setup=OPTIONS)
    steps.run("first", SET, save=["process:config"], setup=OPTIONS)
    shown = steps.run("second", SHOW, load={"first": ["process:config"]}, save=["process:config"], setup=OPTIONS)
    assert shown == expected
    change = "pd.set_option('display.max_rows', 9)\nwarnings.resetwarnings()"
    steps.run("third", change, load={"second": ["process:config"]}, save=["process:config"], setup=OPTIONS)
    lines = steps.run("last", SHOW.replace(", warnings.filters[0][1].pattern", ""), load={"third": ["process:config"]},
                      setup=OPTIONS).splitlines()  # fmt: skip
    assert lines[1] == expected.splitlines()[1].replace(" 7", " 9")
    assert lines[3:] == ["pandas", "4321 []"]


def test_letters_for_colours_and_flags_of_decimal_numbers_reach_a_later_step(steps: Steps) -> None:
    code = """
import decimal
import matplotlib.colors
matplotlib.colors.colorConverter.colors['b'] = (0.5, 0.25, 0.125)
third = decimal.Decimal(1) / 3
"""
    steps.run("first", code, save=["process:config"])
    show = "print(matplotlib.colors.to_rgb('b'), decimal.getcontext().flags[decimal.Inexact])"
    setup = "import decimal, matplotlib.colors"
    assert steps.run("second", show, load={"first": ["process:config"]}, setup=setup) == "(0.5, 0.25, 0.125) True"


def test_of_a_class_what_it_keeps_travels_and_is_put_in_when_it_is_asked_for(steps: Steps) -> None:
    define = """
class Kept:
    count, all, gone = 0, [], 1
    def __init__(self):
        Kept.count += 1
        Kept.all.append(self)
"""
    steps.run("first", define + "a = Kept()", save=["a", "class:Kept"])
    code = "b = Kept(); del Kept.gone; Kept.show = lambda self: Kept.count"
    steps.run("second", code, load={"first": ["a", "class:Kept"]}, setup=define, save=["class:Kept"])
    show = "print(Kept.count, len(Kept.all), hasattr(Kept, 'gone'), a.show(), type(a) is Kept)"
    both = {"second": ["class:Kept"], "first": ["a"]}
    assert steps.run("third", show, load=both, setup=define) == "2 2 False 2 True"
    show = "print(Kept.count, Kept.all[0] is a)"
    assert steps.run("fourth", show, load={"first": ["a", "class:Kept"]}, setup=define) == "1 True"


def test_options_import_only_the_libraries_they_are_about(steps: Steps) -> None:
    steps.run("first", "import pandas as pd, numpy as np\npd.set_option('display.max_rows', 7)",
              save=["process:config", "rng:numpy"], setup="import matplotlib, pandas, numpy")  # fmt: skip
    code = "import sys; print('pandas' in sys.modules, 'matplotlib' in sys.modules, 'decimal' in sys.modules)"
    assert steps.run("second", code, load={"first": ["process:config"]}).startswith("True False")


def test_secrets_of_the_environment_stay_out_of_the_manifest(steps: Steps) -> None:
    steps.run("first", "import os; os.environ['KEY'] = 'hunter2'", save=["process:environ"])
    assert "hunter2" not in steps.manifests["first"].read_text()
    assert steps.manifest("first")["outputs"]["process:environ"]["preview"] == "list of 1: 'KEY'"


def test_a_module_of_the_project_may_keep_anything(steps: Steps) -> None:
    text = """
class Node:
    asked = []
    def __init__(self, inner): self.inner = inner
    def __getattr__(self, name): Node.asked.append(name); raise RuntimeError(name)
deep = None
for _ in range(20): deep = Node(deep)
"""
    (steps.home / "nested.py").write_text(text)
    assert (
        steps.run("first", "print(nested.Node.asked)", setup="import sys; sys.path.insert(0, '.'); import nested")
        == "[]"
    )
    steps.run("second", "nested.deep.inner.inner = 3", setup="import sys; sys.path.insert(0, '.'); import nested")
    assert steps.manifest("second")["observed"]["changed"] == ["module:nested"]


LOCAL_MODULE = '''
import sys; sys.path.insert(0, ".")
import pathlib
pathlib.Path("kept.py").write_text("""
log, table, count = [], {"a": [1]}, 0
class Box:
    made = []
def keep(value, seen=[]):
    seen.append(value)
def bump():
    global count
    count += 1
def look():
    return [log, table, Box, len(log)]
""")
pathlib.Path("outer.py").write_text("from kept import Box, look")
import kept, outer
'''


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("kept.look(); [kept.Box() for _ in range(9)]", False),
        ("kept.log.append(1)", True),
        ("kept.table['a'].append(1)", True),
        ("kept.Box.made.append(1)", True),
        ("kept.keep(1)", True),
        ("kept.bump()", True),
    ],
)
def test_a_module_of_the_project_that_keeps_something_is_seen(steps: Steps, code: str, changed: bool) -> None:
    steps.run("first", code, setup=LOCAL_MODULE)
    expected = ["module:kept", "module:outer"] if changed else []
    assert steps.manifest("first")["observed"]["changed"] == expected


def test_loggers_reach_later_steps(steps: Steps) -> None:
    make = (
        "import logging, sys\nlog = logging.getLogger('a')\nhandler = logging.StreamHandler(sys.stdout)\n"
        "handler.setFormatter(logging.Formatter('<%(message)s>'))\nlog.addHandler(handler)\nlog.setLevel('INFO')"
    )
    steps.run("first", make, save=["process:config"])
    use = "import logging\nlogging.getLogger('a').info('seen')\nlogging.getLogger('a').debug('not')"
    assert steps.run("use", use, load={"first": ["process:config"]}) == "<seen>"


def test_a_handler_of_another_kind_cannot_be_carried(steps: Steps) -> None:
    make = "import logging\nclass Own(logging.Handler): pass\nlogging.getLogger('a').addHandler(Own())"
    assert "process:config" in steps.run("first", make, save=["process:config"], fails=True)
