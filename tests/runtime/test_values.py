"""Functions, classes and live objects of a notebook: taken along as they mean, or refused with a reason."""

from __future__ import annotations

import pytest
from runtime.stepping import Steps


def test_functions_see_the_live_globals_of_the_consumer(steps: Steps) -> None:
    steps.run(
        "load", "n = 1\ng = lambda: n\ndef f(k=2, *, m=3):\n    'doc'\n    return n + k + m", save=["f", "g", "n"]
    )
    code = "n = 5; print(f(), g(), f.__doc__, f.__globals__ is globals(), f.__name__, f.__module__)"
    assert steps.run("use", code, load={"load": ["f", "g", "n"]}) == "10 5 doc True f __main__"


def test_recursion_and_shared_closures_survive(steps: Steps) -> None:
    code = """
def outer():
    count = [0]
    total = 0
    def up():
        nonlocal total
        total += 1
        count[0] += 1
        return total, count[0]
    def look():
        return total, count[0]
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)
    return up, look, down
up, look, down = outer()
up()
def fact(n):
    return 1 if n < 2 else n * fact(n - 1)
"""
    steps.run("load", code, save=["up", "look", "down", "fact"])
    printed = steps.run("use", "up(); print(look(), down(7), fact(5))", load={"load": ["up", "look", "down", "fact"]})
    assert printed == "(2, 2) 7 120"


def test_a_replayed_function_is_the_carried_one(steps: Steps) -> None:
    definitions = "def f(x=1):\n    return x\ndef g(x):\n    return x"
    steps.run("load", "handlers = {'f': f, 'g': g}", save=["handlers"], setup=definitions)
    code = "print(handlers['f'] is f, handlers['g'] is g, handlers['g'](4), g(4))"
    setup = "\n\n" + definitions.replace("def g(x):\n    return x", "def g(x):\n    return -x")
    assert steps.run("use", code, load={"load": ["handlers"]}, setup=setup) == "True False 4 -4"


def test_function_attributes_defaults_and_decorators(steps: Steps) -> None:
    code = """
import functools
shared = [1]
def f(x, into=shared):
    into.append(x)
f.calls = {'n': 1}
def twice(function):
    @functools.wraps(function)
    def wrapper(*a):
        return 2 * function(*a)
    return wrapper
@twice
def g(x):
    return x + 1
part = functools.partial(g, 4)
class Meter:
    def read(self):
        return 42
meter = Meter()
method = meter.read
plain = Meter.read
"""
    names = ["f", "shared", "g", "part", "method", "plain", "meter"]
    steps.run("load", code, save=names)
    printed = steps.run(
        "use",
        "f(2); print(shared, f.calls, g(1), part(), method(), plain is Meter.read, method.__self__ is meter)",
        load={"load": names},
        setup="class Meter:\n    def read(self):\n        return 42",
    )
    assert printed == "[1, 2] {'n': 1} 4 10 42 True True"


def test_instances_belong_to_the_replayed_class(steps: Steps) -> None:
    definition = """
import dataclasses, enum
class Base:
    def hi(self): return type(self).__name__
class Child(Base):
    __slots__ = ('x',)
    def hi(self): return super().hi() + '!'
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int
    tags: list = dataclasses.field(default_factory=list)
    class Inner: pass
"""
    code = "c = Child(); c.x = 3\nr = Color.RED\np = Point(1)\ni = Point.Inner()\nk = [Child]"
    steps.run("load", code, setup=definition, save=["c", "r", "p", "i", "k"])
    code = "print(c.hi(), c.x, r is Color.RED, p == Point(1), type(i) is Point.Inner, k == [Child])"
    assert steps.run("use", code, load={"load": ["c", "r", "p", "i", "k"]}, setup=definition) == (
        "Child! 3 True True True True"
    )


def test_a_class_that_is_not_replayed_is_named(steps: Steps) -> None:
    steps.run("load", "class Point: pass\np = Point()", save=["p"])
    error = steps.run("use", "pass", load={"load": ["p"]}, fails=True)
    assert "'p' of step 'load' needs 'Point', which this step does not define before it loads" in error
    assert steps.manifest("use")["problems"][0]["kind"] == "unloadable"


def test_classes_without_a_name_travel_by_value(steps: Steps) -> None:
    code = """
import abc, collections, dataclasses, enum, functools, typing
def make():
    class Local(abc.ABC):
        kind = 'local'
        def __init__(self): self.n = 1
        @property
        def double(self): return 2 * self.n
        @staticmethod
        def s(): return 's'
        @classmethod
        def c(cls): return cls.kind
        @functools.cached_property
        def cached(self): return [self.n]
        def me(self): return __class__
    @dataclasses.dataclass(order=True)
    class Record:
        a: int
        b: list = dataclasses.field(default_factory=list)
    class Slots:
        __slots__ = ('a', 'b')
    return Local, Record, Slots
Local, Record, Slots = make()
local, record, slots = Local(), Record(1, [2]), Slots()
slots.a = 5
pair = collections.namedtuple('Elsewhere', 'x y', defaults=[7])(1)
shade = enum.Enum('Shade', 'LIGHT DARK')
dark = shade.DARK
class Old:
    v = 1
old = Old()
class Old:
    v = 2
"""
    names = ["local", "record", "slots", "pair", "shade", "dark", "old", "Local"]
    steps.run("load", code, save=names)
    check = """
import dataclasses
print(local.double, local.s(), local.c(), local.cached, local.me() is type(local) is Local)
print(record, record == type(record)(1, [2]), type(record)(0) < record, [f.name for f in dataclasses.fields(record)])
print(slots.a, hasattr(slots, 'b'), hasattr(slots, '__dict__'), pair, pair._replace(x=2))
print(dark is shade.DARK, dark.name, list(shade), old.v)
"""
    assert steps.run("use", check, load={"load": names}).splitlines() == [
        "2 s local [1] True",
        "make.<locals>.Record(a=1, b=[2]) True True ['a', 'b']",
        "5 False False Elsewhere(x=1, y=7) Elsewhere(x=2, y=7)",
        "True DARK [<Shade.LIGHT: 1>, <Shade.DARK: 2>] 1",
    ]


def test_a_class_that_is_saved_itself_comes_before_its_instances(steps: Steps) -> None:
    steps.run(
        "load", "import os\nclass Model:\n    size = 3\nmodels = [Model()]\nModel.size = 4", save=["models", "Model"]
    )
    code = "print(type(models[0]) is Model, models[0].size)"
    assert steps.run("use", code, load={"load": ["models", "Model"]}) == "True 4"


def test_a_class_from_one_step_serves_instances_from_another(steps: Steps) -> None:
    steps.run("define", "class Model:\n    size = 3", save=["Model"])
    steps.run("make", "m = Model()", save=["m"], load={"define": ["Model"]})
    code = "print(type(m) is Model, m.size)"
    assert steps.run("use", code, load={"make": ["m"], "define": ["Model"]}) == "True 3"


def test_process_objects_travel_by_name(steps: Steps) -> None:
    code = """
import logging, os, random, sys
import numpy as np
v = {'out': sys.stdout, 'env': os.environ, 'rng': random._inst, 'np': np.random.mtrand._rand, 'mod': np.linalg,
     'log': logging.getLogger('x'), 'draw': random.random, 'cls': np.ndarray, 'f': np.mean, 'u': np.add}
"""
    steps.run("load", code, save=["v"])
    check = """
import logging, os, random, sys, numpy as np
print(v['out'] is sys.stdout, v['env'] is os.environ, v['rng'] is random._inst, v['np'] is np.random.mtrand._rand,
      v['mod'] is np.linalg, v['log'] is logging.getLogger('x'), v['draw'].__self__ is random._inst,
      v['cls'] is np.ndarray, v['f'] is np.mean, v['u'] is np.add)
"""
    assert steps.run("use", check, load={"load": ["v"]}) == " ".join(["True"] * 10)


def test_methods_come_with_their_objects(steps: Steps) -> None:
    setup = """
import types
class Giving:
    def __init__(self): self.data = {}
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return self.data.setdefault(name, [])
    def put(self, x): self.data['put'] = x; return self
    def twice(self): return 2
    @classmethod
    def make(cls): return cls.__name__
    other = put
"""
    code = """
g = Giving()
named, another, of_class = g.put, g.other, Giving.make
given = types.MethodType(lambda self, x: self.data.update(x=x), g)
g.twice = types.MethodType(lambda self: 4, g)
hidden, library = types.MethodType(Giving.twice, g), 'a b'.split
"""
    names = ["g", "named", "another", "of_class", "given", "hidden", "library"]
    steps.run("load", code, save=names, setup=setup)
    use = """
given(1), another(2)
print(g.data, named(3) is g, g.data, of_class(), hidden(), g.twice(), library())
"""
    printed = steps.run("use", use, load={"load": names}, setup=setup)
    assert printed == "{'x': 1, 'put': 3} True {'x': 1, 'put': 3} Giving 2 4 ['a', 'b']"


def test_containers_of_the_notebook_are_filled_without_its_code(steps: Steps) -> None:
    setup = """
log = []
class Table(dict):
    def __init__(self, name): self.name = name; super().__init__()
    def __setitem__(self, key, value):
        log.append(key)
        super().__setitem__(self.name + key, value)
class Pile(list):
    __slots__ = ('top', '__dict__')
    def append(self, value): log.append(value); super().append([value])
    def extend(self, values): raise RuntimeError
    def __iter__(self): return iter(['mine'])
"""
    code = """
table, pile = Table('t.'), Pile()
table['a'] = pile
pile.append(table); pile.append(2); pile.top = pile.more = pile[0]
"""
    steps.run("load", code, save=["table", "pile"], setup=setup)
    use = """
print(log, list(table), len(pile), pile[1], pile[0][0] is table, table['t.a'] is pile, pile.top is pile.more is pile[0])
"""
    printed = steps.run("use", use, load={"load": ["table", "pile"]}, setup=setup)
    assert printed == "[] ['t.a'] 2 [2] True True True"


def test_views_of_a_dictionary_show_what_it_becomes(steps: Steps) -> None:
    steps.run("load", "d = {'a': 1}; k, v, i = d.keys(), d.values(), d.items()", save=["d", "k", "v", "i"])
    printed = steps.run("use", "d['b'] = 2; print(list(k), list(v), len(i))", load={"load": ["d", "k", "v", "i"]})
    assert printed == "['a', 'b'] [1, 2] 2"


def test_modules_written_by_the_notebook_are_imported_again(steps: Steps) -> None:
    code = """
import pathlib, sys
pathlib.Path('lib').mkdir()
pathlib.Path('lib/mine.py').write_text('class Thing:\\n    x = 1\\ndef make():\\n    return lambda: Thing\\n')
sys.path.insert(0, 'lib')
import mine
t, f, m = mine.Thing(), mine.make(), mine
"""
    steps.run("load", code, save=["t", "f", "m", "process:syspath"])
    check = "import mine; print(type(t) is mine.Thing, f() is mine.Thing, m is mine, f.__globals__ is vars(mine))"
    assert steps.run("use", check, load={"load": ["t", "f", "m"]}, state=["load"]) == "True True True True"
    error = steps.run("lost", "pass", load={"load": ["t"]}, fails=True)
    assert "'t' of step 'load' needs the module 'mine', which this kernel cannot import" in error
    assert steps.manifest("load")["observed"]["modules"] == ["lib/mine.py"]


def test_a_pipeline_of_spacy_finds_its_parts(steps: Steps) -> None:
    code = """
import pathlib, sys
pathlib.Path('lib/spacy/pipeline').mkdir(parents=True)
pathlib.Path('lib/spacy/__init__.py').write_text('')
pathlib.Path('lib/spacy/registrations.py').write_text('filled = []\\ndef populate_registry(): filled.append(1)\\n')
pathlib.Path('lib/spacy/language.py').write_text('class Language: pass\\n')
sys.path.insert(0, 'lib')
from spacy.language import Language
nlp = Language()
nlp.parts = ['a']
"""
    steps.run("load", code, save=["nlp", "process:syspath"])
    check = "import spacy.registrations as r; print(r.filled, nlp.parts, type(nlp).__name__)"
    assert steps.run("use", check, load={"load": ["nlp"]}, state=["load"]) == "[1] ['a'] Language"


REFUSED = [
    ("v = (i for i in [1])", "it cannot be saved (cannot pickle 'generator' object)"),
    ("v = {'a': [0, open(__file__)]}", "its part v['a'][1] (_io.TextIOWrapper) cannot be saved"),
    ("import threading\nclass C: pass\nv = C(); v.inner = C(); v.inner.lock = threading.Lock()",
     "its part v.inner.lock (_thread.lock) cannot be saved"),
    ("import sqlite3\nv = sqlite3.connect(':memory:')", "it cannot be saved (cannot pickle 'sqlite3"),
    ("import socket\nv = socket.socket()", "cannot be saved"),
    ("import weakref\nclass C: pass\nc = C()\nv = weakref.ref(c)", "cannot be saved"),
    ("import tempfile\nv = tempfile.TemporaryDirectory()", "is a temporary directory, which ends with its kernel"),
    ("import functools\n@functools.lru_cache\ndef v(x): return x", "whose cache cannot be carried"),
    ("v = globals()", "it holds the notebook's own namespace (globals())"),
    ("import sys\nv = [sys.modules]", "holds sys.modules"),
    ("import types\nv = types.ModuleType('made')", "is a module made at run time (made)"),
    ("exec('def f(): return 1', ns := {'__name__': 'elsewhere'})\nv = ns['f']", "a function whose globals are neither"),
    ("class E(Exception):\n    def __init__(self, a, b): super().__init__(a)\nv = E(1, 2)",
     "it can be saved but not loaded again (TypeError"),
    ("def fail(): raise KeyError('no')\nclass C:\n    def __reduce__(self): return (fail, ())\nv = C()",
     "it can be saved but not loaded again"),
    ("class C:\n    def __getstate__(self): raise ZeroDivisionError('mine')\nv = [C()]", "cannot be saved (mine)"),
    ("v = []\nfor _ in range(100_000): v = [v]", "it is nested too deeply to be saved"),
    ("import cloudpickle\nseen = []\nclass Lazy:\n"
     "    def __getstate__(self): return cloudpickle.dumps(lambda x: seen.append(x))\n"
     "    def __setstate__(self, state): pass\nv = Lazy()",
     "it holds a function that its library saves itself"),
    ("def f():\n    yield\nclass C: pass\nv = C()\nv.f = lambda x=f(): x", "(generator) cannot be saved"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message"), REFUSED)
def test_what_cannot_be_carried_is_refused_with_its_reason(steps: Steps, code: str, message: str) -> None:
    error = steps.run("load", code + "\nw = 1", save=["w", "v"], fails=True)
    assert "CannotCarry: step 'load' cannot hand on 'v' (" in error
    assert message in error
    assert "Keep the cells that use it in one step" in error
    assert "During handling" not in error
    manifest = steps.manifest("load")
    assert [p["name"] for p in manifest["problems"]] == ["v"]
    assert message in manifest["problems"][0]["error"]
    assert set(manifest["outputs"]) == {"w"}


def test_all_problems_are_told_at_once(steps: Steps) -> None:
    error = steps.run("load", "a = (i for i in [1])\nb = iter(open(__file__))", save=["a", "b"], fails=True)
    assert "step 'load' cannot hand on 2 variables:" in error
    assert "  'a' (generator): " in error
    assert "  'b' (_io.TextIOWrapper): " in error


def test_a_cached_function_inside_another_object_goes_by_its_name(steps: Steps) -> None:
    definition = "import functools\n@functools.lru_cache\ndef slow(x): return x"
    steps.run("load", "table = {'slow': slow}", save=["table"], setup=definition)
    assert steps.run("use", "print(table['slow'] is slow)", load={"load": ["table"]}, setup=definition) == "True"
    assert "needs 'slow'" in steps.run("lost", "pass", load={"load": ["table"]}, fails=True)


def test_previews_are_short_and_hide_secrets(steps: Steps) -> None:
    code = """
import numpy as np, pandas as pd
class Rude:
    def __repr__(self): raise SystemExit
    def __len__(self): raise SystemExit
rude = Rude()
text = 'x' * 10_000
big = 10 ** 5000
frame = pd.DataFrame(np.zeros((150, 4)))
array = np.zeros((3, 2), dtype='f4')
api_token = 'hunter2'
login = {'user': 'me', 'password': 'hunter2'}
many = list(range(1000))
rudes = [rude]
"""
    names = ["rude", "text", "big", "frame", "array", "api_token", "login", "many", "rudes"]
    steps.run("load", code, save=names, setup="")
    outputs = steps.manifest("load")["outputs"]
    previews = {name: outputs[name]["preview"] for name in names}
    assert max(map(len, previews.values())) <= 120
    assert "hunter2" not in steps.manifests["load"].read_text()
    assert previews["frame"] == "DataFrame 150 x 4"
    assert previews["array"] == "ndarray (3, 2) float32"
    assert previews["rude"] == "Rude"
    assert previews["many"].startswith("list of 1000: 0, 1, 2")
    assert previews["rudes"] == "list of 1: Rude"


def test_a_class_that_tells_no_module_has_a_preview(steps: Steps) -> None:
    code = "n = type('Kind', (), {'__module__': None, '__reduce__': lambda self: (int, (1,))})()"
    steps.run("made", code, save=["n"], setup="")
    assert steps.manifest("made")["outputs"]["n"]["preview"] == "Kind"
