"""Calls of libraries that change what they are given, or what the receiver was made from.

The libraries need not be installed: the last cell must come after all steps that change what it shows.
"""

from __future__ import annotations

import pytest
from simulate import flow_of

CASES = {
    "an optimizer changes its model": "import torch; x=torch.ones(2,2) | model=torch.nn.Linear(2,2)"
    " | opt=torch.optim.SGD(model.parameters(), lr=1) | model(x).sum().backward() | opt.step() | print(model.weight)",
    "a scheduler changes the optimizer": "import torch; m=torch.nn.Linear(2,2)"
    "; opt=torch.optim.SGD(m.parameters(), lr=1) | s=torch.optim.lr_scheduler.StepLR(opt, 1)"
    " | s.step() | print(opt.param_groups[0]['lr'])",
    "gradients": "import torch; w=torch.ones(2, requires_grad=True) | (w*2).sum().backward() | print(w.grad)",
    "a part of a model": "import torch; m=torch.nn.Sequential(torch.nn.Linear(2,2)); part=m[0]"
    " | m.load_state_dict({}) | print(part.weight)",
    "in place by name": "import torch; a=torch.ones(2) | torch.nn.functional.relu_(a) | print(a)",
    "in place by option": "import torch; a=torch.ones(2) | torch.nn.functional.relu(a, inplace=True) | print(a)",
    "a method of a class": "import pandas as pd; t=pd.DataFrame() | pd.DataFrame.insert(t, 0, 'a', [1]) | print(t)",
    "a method by another name": "import numpy as np; a=np.ones(2); f=np.ndarray.sort | f(a) | print(a)",
    "an estimator without copies": "from sklearn.preprocessing import StandardScaler; from mk import mk; a=mk()"
    "; s=StandardScaler(copy=False) | s.fit_transform(a) | print(a)",
    "a pipeline of one": "from sklearn.preprocessing import StandardScaler; from sklearn.pipeline import make_pipeline"
    "; from mk import mk; a=mk(); p=make_pipeline(StandardScaler(copy=False)) | p.fit_transform(a) | print(a)",
    "a list shuffled by a stream": "import numpy as np; r=np.random.default_rng(0); from mk import mk; a=mk()"
    " | r.shuffle(a) | print(a)",
    "a list shuffled by Python's": "import random; r=random.Random(0); from mk import mk; a=mk()"
    " | r.shuffle(a) | print(a)",
    "a graph": "import networkx as nx; g=nx.Graph() | nx.set_node_attributes(g, 3, 'w') | print(g.nodes(data=True))",
    "where to put the result": "import numpy as np; a=np.ones(3) | np.sqrt(a, a) | print(a)",
    "an output array": "import scipy.ndimage as nd; from mk import mk; a=mk() | nd.sobel(a, output=a) | print(a)",
    "an input that may be overwritten": "import scipy.linalg as la; from mk import mk; a=mk()"
    " | la.lu_factor(a, overwrite_a=True) | print(a)",
    "no copy": "from sklearn.preprocessing import scale; from mk import mk; a=mk() | scale(a, copy=False) | print(a)",
    "a csv writer": "import csv, io; s=io.StringIO(); w=csv.writer(s) | w.writerow([1]) | print(s.getvalue())",
    "a picture drawn on": "from PIL import Image, ImageDraw; im=Image.new('L',(2,2)); d=ImageDraw.Draw(im)"
    " | d.line((0,0,1,1)) | print(im.getpixel((0,0)))",
    "a child in a tree": "import xml.etree.ElementTree as ET; r=ET.Element('a'); c=ET.SubElement(r,'b')"
    " | c.text='x' | print(ET.tostring(r))",
    "bytes packed": "import struct; b=bytearray(4) | struct.pack_into('i',b,0,7) | print(b)",
    "a buffer written": "import io, numpy as np; b=io.BytesIO() | np.save(b, [1]) | print(b.getvalue())",
    "axes": "import seaborn as sns; from mk import mk; ax=mk() | sns.heatmap([[1]], ax=ax) | ax.figure",
    "properties of artists": "import matplotlib.pyplot as plt; from mk import mk; ax=mk()"
    " | plt.setp(ax, title='x') | ax.figure",
    "a path renamed": "from pathlib import Path | q=Path('a').rename('b') | print(Path('b').read_text())",
    "a list of columns": "import pandas as pd; t=pd.read_csv('t') | c=t.columns.tolist() | c.remove('a') | print(c)",
    "a list of values": "import pandas as pd; t=pd.read_csv('t.csv'); c=t['a'].tolist() | c.append(1) | print(c)",
    "a list in a cell of a table": "import pandas as pd; t=pd.read_csv('t.csv') | t.loc[0, 'a'].append(1) | print(t)",
    "an array in a dictionary": "import numpy as np; a=np.ones(2); d={'a': a} | d['a'] += 1 | print(a)",
    "the generator of a loader": "import torch; from mk import mk; g=torch.Generator().manual_seed(1)"
    " | d=torch.utils.data.DataLoader(mk(), generator=g) | x=[b for b in d] | print(torch.rand(1, generator=g))",
    "the table of a chart": "import altair as alt; import pandas as pd; t=pd.read_csv('t')"
    " | c=alt.Chart(t).mark_bar().encode(x='a') | t['a']=1 | print(c.to_dict())",
    "what an accessor remembers": "import pandas as pd; t=pd.read_csv('t'); seen=[]"
    " | @pd.api.extensions.register_dataframe_accessor('my')\nclass My:\n    def __init__(self, t): self.t=t\n"
    "    def total(self): seen.append(1) | t.my.total() | print(seen)",
    "a list in a copy of a table": "import pandas as pd; t=pd.read_csv('t'); c=t.copy()"
    " | c.loc[0, 'a'].append(1) | print(t)",
    "a dictionary in a part of a table": "import pandas as pd; t=pd.read_csv('t'); c=t[t['b'] > 1]"
    " | c.loc[0, 'a']['k'] = 1 | print(t)",
    "lists in a table, one by one": "import pandas as pd; t=pd.read_csv('t'); c=t['a'].str.split(); d=c.copy()"
    " | for w in d: w.append(1) | print(c)",
    "lists in a table, by a lambda": "import pandas as pd; t=pd.read_csv('t'); c=t.copy()"
    " | c['a'].apply(lambda w: w.append(1)) | print(t)",
    "a list that a table split, in a list": "import pandas as pd; c=pd.read_csv('t')['a'].str.split(); x=c.tolist()"
    " | x[0].append(1) | print(c)",
    "a list that a function gave a table": "import pandas as pd; c=pd.read_csv('t')['a'].map(lambda t: t.split())"
    "; x=c.values.tolist() | x[0].append(1) | print(c)",
    "a list of a group": "import pandas as pd; c=pd.read_csv('t').groupby('a')['b'].agg(list); x=c.to_dict()"
    " | x[0].append(1) | print(c)",
    "a dictionary read from a cell": "import json; import pandas as pd; c=pd.read_csv('t')['a'].map(json.loads)"
    "; x=c.copy() | for d in x: d['k']=1 | print(c)",
    "a list in a copy of an array": "import numpy as np; a=np.empty(2, dtype=object); a[0]=[1]; c=a.copy()"
    " | c[0].append(2) | print(a)",
    "a view that nobody knows": "import mk; import numpy as np; a=np.ones(3); b=mk.turned(a) | b[0]=1 | print(a)",
    "a part that nobody knows": "import mk; a=[[1]]; b=mk.first(a) | b.append(1) | print(a)",
    "the object itself, perhaps": "import mk; a=mk.Plan(); b=a.with_steps(3) | b.name='x' | print(a)",
    "a part of a part": "import xarray as xr; a=xr.open_dataset('t'); b=a.isel(y=0).sel(x=3) | b[:]=1 | print(a)",
    "what a getter gives": "from operator import attrgetter\nclass A: pass\na=A(); a.x=[]; b=attrgetter('x')(a)"
    " | b.append(1) | print(a.x)",
    "parts of a tensor": "import torch; a=torch.ones(4); b, c=a.split(2) | b.zero_() | print(a)",
    "the diagonal": "import numpy as np; a=np.ones((3, 3)); b=np.einsum('ii->i', a) | b[:]=0 | print(a)",
    "the real part": "import numpy as np; a=np.ones(3, dtype=complex); b=a.real | b[0]=0 | print(a)",
    "an image that is converted already": "from skimage import img_as_float; import numpy as np; a=np.ones(3)"
    "; b=img_as_float(a) | b += 1 | print(a)",
    "a queue": "import queue; q=queue.Queue() | q.get() | print(q.qsize())",
    "a sample drawn": "import random; r=random.Random(0) | print(r.sample([1, 2], 1)) | print(r.random())",
    "a buffer cut": "import io; s=io.StringIO('abc') | s.truncate(0) | print(s.getvalue())",
    "a model converted": "import torch; m=torch.nn.Linear(2,2) | m.double() | print(m.weight.dtype)",
    "what is found in a page": "from bs4 import BeautifulSoup; s=BeautifulSoup('<a><b/></a>', 'html.parser')"
    " | s.find('b')['k']='v' | print(s)",
    "what is cut out of a page": "from bs4 import BeautifulSoup; s=BeautifulSoup('<a><b/></a>', 'html.parser')"
    " | x=s.b.extract() | print(s)",
    "elements of a tree": "import xml.etree.ElementTree as ET; r=ET.fromstring('<a><b/></a>')"
    " | for c in r.findall('b'): c.set('k', 'v') | print(ET.tostring(r))",
    "an attribute of an element": "import xml.etree.ElementTree as ET; r=ET.Element('a')"
    " | r.set('k', 'v') | print(ET.tostring(r))",
    "a child that a tree was given": "import xml.etree.ElementTree as ET; r=ET.Element('a')"
    "; c=ET.Element('b'); r.append(c) | c.text='x' | print(ET.tostring(r))",
    "an array partly sorted": "import numpy as np; a=np.array([3, 1, 2]) | a.partition(1) | print(a)",
    "a stream of compressed bytes": "import zlib; c=zlib.compressobj() | d=c.compress(b'x') | print(c.flush())",
    "an object of a class that nobody knows": "from mk import Tally; t=Tally() | t.count() | print(t.seen)",
    "what an object of such a class holds": "import mk; t=mk.Tally() | t.inner.replace(1) | print(t.inner)",
    "the data under a loader": "import torch; from torch.utils.data import Dataset, DataLoader, random_split"
    "\nclass Toy(Dataset):\n    def __init__(self): self.seen=[]\n    def __getitem__(self, i): self.seen.append(i)"
    "\nd=Toy(); a, b=random_split(d, [2, 1]) | next(iter(DataLoader(a))) | print(d.seen)",
    "the same in a loop": "from torch.utils.data import DataLoader\nclass Toy:\n    def __init__(self): self.seen=[]"
    "\n    def __getitem__(self, i): self.seen.append(i)\nd=Toy(); a=DataLoader(d) | for x in a: pass | print(d.seen)",
    "what a loader calls": "from torch.utils.data import DataLoader; seen=[]"
    "; d=DataLoader([1], collate_fn=lambda b: seen.append(1)) | for b in d: pass | print(seen)",
    "the stream of a distribution": "import scipy.stats as st; import numpy as np; r=np.random.default_rng(1)"
    "; d=st.norm(); d.random_state=r | d.rvs(3) | print(r.normal())",
    "draws that only a name tells of": "import statsmodels.api as sm; import numpy as np; np.random.seed(0)"
    "; a=sm.tsa.ArmaProcess([1], [1]) | a.generate_sample(3) | print(a.generate_sample(3))",
    "a loader draws its order": "import torch; from torch.utils.data import DataLoader; torch.manual_seed(0)"
    "; d=DataLoader([1, 2], shuffle=True)"
    " | print(next(iter(d))) | print(next(iter(d)))",
    "a loop over a loader": "import torch; from torch.utils.data import DataLoader; torch.manual_seed(0)"
    "; d=DataLoader([1, 2], shuffle=True)"
    " | for x in d: print(x) | for x in d: print(x)",
    "a trainer changes what it is given": "import pytorch_lightning as pl; from mk import Mod; m=Mod(); t=pl.Trainer()"
    " | t.fit(m) | print(m.loss)",
    "callbacks": "import tensorflow as tf; m=tf.keras.Sequential(); cb=tf.keras.callbacks.History()"
    " | m.fit([1], [1], callbacks=[cb]) | print(cb.history)",
    "names in an expression": "import pandas as pd; from mk import mk; a=mk() | a[0]=3 | print(pd.eval('a+1'))",
    "names in a query": "import duckdb; from mk import mk; a=mk() | a['x']=3 | print(duckdb.sql('select * from a'))",
    "the table under its groups": "import pandas as pd; from mk import mk; df=mk(); g=df.groupby('k')"
    " | df.loc[0, 'v']=100 | print(g['v'].sum())",
    "the table under a window": "import pandas as pd; from mk import mk; df=mk(); r=df.rolling(2)"
    " | df.loc[0, 'v']=100 | print(r.sum())",
    "the first rows": "import pandas as pd; from mk import mk; df=mk(); h=df.head(2) | df.iloc[0, 0]=5 | print(h)",
    "the array of a table": "import pandas as pd; from mk import mk; df=mk(); a=df.to_numpy()"
    " | df.iloc[0, 0]=5 | print(a)",
    "the array of a tensor": "import torch; t=torch.ones(2); a=t.detach().numpy() | t.fill_(3) | print(a)",
    "a copy that is none": "import numpy as np; a=np.arange(4); b=a.astype(int, copy=False) | a[0]=9 | print(b)",
    "a splitter that draws": "import numpy as np; from sklearn.model_selection import ShuffleSplit"
    "; s=ShuffleSplit(2, random_state=np.random.RandomState(3))"
    " | print(list(s.split([1, 2]))) | print(list(s.split([1])))",
    "what is left to an exit stack": "from contextlib import ExitStack; e=ExitStack(); seen=[]"
    "; e.callback(seen.append, 'bye') | e.close() | print(seen)",
    "what listens to an engine": "import sqlalchemy as sa; e=sa.create_engine('sqlite://'); seen=[]"
    " | @sa.event.listens_for(e, 'connect')\ndef f(*a): seen.append(1) | e.connect() | print(seen)",
    "what was told to listen": "import sqlalchemy as sa; e=sa.create_engine('sqlite://'); seen=[]"
    " | def f(*a): seen.append(1)\nsa.event.listen(e, 'connect', f) | e.connect() | print(seen)",
    "data of an estimator's class": "from sklearn.base import BaseEstimator; from sklearn.pipeline import Pipeline"
    "; from sklearn.model_selection import GridSearchCV\nclass L(BaseEstimator):\n    seen=[]"
    "\n    def fit(self, X):\n        L.seen.append(1)\n        return self"
    " | g=GridSearchCV(Pipeline([('l', L())]), {}) | g.fit([1]) | print(L.seen)",
    "a scorer": "from sklearn.metrics import make_scorer; from sklearn.model_selection import cross_val_score; seen=[]"
    "\ndef score(y, p):\n    seen.append(1)\n    return 1\ns=make_scorer(score)"
    " | cross_val_score(None, [1], scoring=s).shape | print(seen)",
    "a count of a class that a library reads": "from gensim.models import Word2Vec\nclass S:\n    n=0"
    "\n    def __iter__(self):\n        S.n+=1\n        yield ['a'] | s=S() | w=Word2Vec(s) | print(S.n)",
    "a count by way of `type`": "import mk\nclass S:\n    n=0\n    def rows(self):\n        type(self).n+=1"
    "\n        return []\ns=S() | mk.read(s) | print(S.n)",
    "a record of a training": "import lightgbm as lgb; res={}"
    " | lgb.train({}, 1, callbacks=[lgb.record_evaluation(res)]) | print(res)",
    "a stream that is given": "import networkx as nx; import numpy as np; r=np.random.default_rng(0)"
    " | g=nx.gnp_random_graph(9, 0.5, seed=r) | print(r.random())",
    "a random graph": "import networkx as nx; import random; random.seed(1)"
    " | g=nx.gnp_random_graph(9, 0.5) | print(random.random())",
    "places of nodes": "import networkx as nx; import numpy as np; np.random.seed(1); g=nx.path_graph(3)"
    " | nx.draw(g) | print(np.random.random())",
    "a stream of PyTorch's that is given": "import torch; g=torch.Generator().manual_seed(0)"
    " | t=torch.rand(2, generator=g) | print(torch.rand(2, generator=g))",
    "defaults of a function": "d={'a': 1}\ndef f(o=d): return o['a'] | f.__defaults__[0]['a']=5 | print(d, f())",
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_shown_comes_after_what_changes_it(name: str) -> None:
    cells = [("", source) for source in CASES[name].split(" | ")]
    flow = flow_of(cells, "cells")
    before: dict[str, set[str]] = {}
    for edge in flow.edges:
        before.setdefault(edge.target, set()).add(edge.source)
    step_of = {cell: step.name for step in flow.steps for cell in step.cells}
    todo, found = [step_of[len(cells) - 1]], set[str]()
    while todo:
        new = before.get(todo.pop(), set()) - found
        found |= new
        todo.extend(new)
    assert step_of[len(cells) - 2] in found | {step_of[len(cells) - 1]}


SET_UP = {
    "a level that a module keeps": "import mk | mk.set_level(3) | print(mk.run())",
    "the same, by name": "from mk import set_level, run | set_level(3) | print(run())",
    "a level that a function tells": "import mk\ndef level():\n    print('told')\n    return 3"
    " | mk.set_level(level()) | mk.run()",
    "a list that a module keeps": "import nltk | nltk.data.path.append('data') | print(nltk.word_tokenize('a b'))",
    "a float's size": "from tensorflow.keras import backend as K | K.set_floatx('float16')"
    " | import tensorflow as tf; print(tf.keras.layers.Dense(1))",
    "a week that begins on Sunday": "import calendar | calendar.setfirstweekday(6) | print(calendar.month(2024, 1))",
    "a name put beside Python's own": "import builtins | builtins.shout = str.upper | print(shout('x'))",
    "tracing of memory": "import tracemalloc | tracemalloc.start() | print(tracemalloc.is_tracing())",
    "how scikit-learn shows things": "from sklearn import set_config; from sklearn.svm import SVC"
    " | set_config(display='text') | SVC()",
    "gradients that are off": "import torch | torch.set_grad_enabled(False) | torch.ones(1)",
    "a display hook": "import rich | rich.pretty.install() | 5",
    "how SymPy prints vectors": "from sympy.physics import mechanics | mechanics.init_vprinting() | 5",
    "how SymPy prints": "from sympy.interactive import printing | printing.init_printing(use_latex=True) | 5",
    "defaults": "import holoviews as hv | hv.opts.defaults(1) | hv.Curve([1])",
    "a context that is entered by hand": "import numpy as np; c=np.errstate(divide='raise') | c.__enter__() | print(1)",
    "a context on a stack": "import contextlib; s=contextlib.ExitStack() | s.enter_context(contextlib.chdir('x'))"
    " | print(open('y').read())",
    "a function that is mocked": "import os; from unittest import mock; m=mock.patch('os.getcwd') | m.start()"
    " | print(os.getcwd())",
    "a session, which is begun once": "import mlflow | mlflow.start_run() | mlflow.log_metric('a', 1)",
    "a setting of a library's": "import calendar | calendar.setfirstweekday(calendar.SUNDAY) | print(calendar.week(1))",
    "a decorator that registers": "import mylib; nlp=mylib.blank('en') | @mylib.component('count')\ndef f(x): return x"
    " | print(nlp.pipe_names, mylib.names())",
    "what a module keeps is added to": "from sympy import Q; from sympy.assumptions.assume import global_assumptions"
    " | global_assumptions.add(Q.positive(3)) | import sympy; print(sympy.ask(Q.positive(3)))",
    "what a function gives without a name": "import rich; import mk | mk.get_console().width = 20 | mk.write('x')",
    "what a function gives that is asked for nothing": "import bokeh.io as bio; import bokeh.plotting as bp"
    " | bio.curdoc().theme = 'dark' | print(bp.figure())",
    "a function that is private": "import seaborn as sns | sns.palettes._patch_display(); n = 1 | sns.color_palette()",
}


HOOKS = {
    "a handler of a logger": "import logging\nlog=[]\nclass H(logging.Handler):\n    def emit(self, r): log.append(1)"
    "\nlogging.getLogger('q').addHandler(H())",
    "a handler that keeps": "import logging\nclass H(logging.Handler):\n    def emit(self, r): self.log.append(1)"
    "\nh=H(); h.log=log=[]\nlogging.getLogger('q').addHandler(h)",
    "a filter": "import logging\nlog=[]\ndef flt(r): log.append(1)\nlogging.getLogger('q').addFilter(flt)",
    "a hook": "import sys\nlog=[]\ndef hook(a): log.append(a)\nsys.displayhook=hook",
    "Python's own function": "import builtins\nlog=[]\nold=print\ndef new(*a): log.append(a)\nbuiltins.print=new",
    "a function of a library": "import requests\nlog=[]\ndef get(u): log.append(u)\nrequests.get=get",
    "the same, by name": "import requests\nlog=[]\ndef get(u): log.append(u)\nsetattr(requests, 'get', get)",
    "who is called for errors": "import numpy as np\nlog=[]\nclass E:\n    def write(self, m): log.append(m)"
    "\nnp.seterrcall(E())",
}


@pytest.mark.parametrize("name", HOOKS)
def test_what_the_process_calls_when_it_likes_stays_with_what_it_changes(name: str) -> None:
    flow = flow_of([("", source) for source in (HOOKS[name], "work()\ndef work(): pass", "print(log)")], "cells")
    assert [step.cells for step in flow.steps] == [(0, 1, 2)]


def test_steps_stay_apart_after_a_hook_that_changes_nothing() -> None:
    hook = "import logging\nclass H(logging.Handler):\n    def emit(self, r): print(r)"
    flow = flow_of([("", hook), ("", "logging.getLogger('q').addHandler(H())"), ("", "print(1)")], "cells")
    assert [step.cells for step in flow.steps] == [(0,), (1,), (2,)]


def test_the_first_word_of_a_cell_is_no_list() -> None:
    cells = (
        "import pandas as pd; t=pd.read_csv('t'); t['f']=t['n'].str.split().str[0] | u=t[t['a'] > 1] | f(u) | print(t)"
    )
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    assert {e.source for e in flow.edges if e.target == flow.steps[-1].name} == {flow.steps[0].name}


def test_a_table_with_a_missing_value_changes_no_library() -> None:
    cells = "import numpy as np; import pandas as pd | t=pd.DataFrame({'a': [1, np.nan]})"
    cells += " | for k, g in t.groupby('a'): g['b']=0 | d={'t': t}; d['t']['c']=1; del d['t']['c'] | print(t)"
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    assert not any(name.startswith("module:") for step in flow.steps for name in step.changes)


def test_a_function_that_is_called_later_reads_what_it_names_then() -> None:
    cells = (
        "import dask | @dask.delayed\ndef f(x): return x + y | later = f(1) | y = len('ab') | print(later.compute())"
    )
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    last = flow.steps[-1]
    assert {"later"} <= {i.name for i in last.inputs}
    assert any(i.name == "y" for i in last.inputs) or any("y = " in r.source for r in last.replay)


def test_a_function_that_is_compiled_is_defined_again_with_what_it_names() -> None:
    cells = "import numpy as np | import numba | @numba.jit(nopython=True)\ndef f(x): return np.sum(x) | print(f(1))"
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    assert {replay.cell for replay in flow.steps[-1].replay} == {0, 1, 2}


def test_what_is_drawn_on_a_figure_is_no_function_that_it_calls() -> None:
    cells = "import control; from matplotlib.pyplot import subplots | n=[1] | def f(t): return n | s=control.ss(f)"
    cells += " | fig, ax = subplots() | ax.plot(s.time, s.outputs[0], label='s') | ax.set_title('t')"
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    assert "n" not in {i.name for i in flow.steps[-1].inputs}


def test_a_magic_that_sets_what_is_imported_comes_after_the_imports_before_it() -> None:
    cells = "import numpy as np\n%precision 4 | import numpy as np\nnp.set_printoptions(suppress=True)"
    cells += " | print(np.ones(1))"
    flow = flow_of([("", source) for source in cells.split(" | ")], "cells")
    again = [(replay.cell, replay.line) for replay in flow.steps[-1].replay]
    assert again == [(0, 1), (1, 1)] or again == [(0, 1), (0, 2), (1, 1), (1, 2)]


@pytest.mark.parametrize("name", SET_UP)
def test_what_a_library_keeps_is_set_up_for_who_uses_it(name: str) -> None:
    flow = flow_of([("", source) for source in SET_UP[name].split(" | ")], "cells")
    last = next(step for step in flow.steps if 2 in step.cells)
    again = any(replay.cell == 1 for replay in last.replay)
    assert 1 in last.cells or again or any(i.source == "cell-1" for i in last.inputs)
    assert not (again and "session" in name)
