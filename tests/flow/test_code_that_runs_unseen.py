"""Small notebooks in which code runs, or things change, without being called by name: special methods, descriptors,
metaclasses, iterators that are used up, methods that are handed on.

Written as in `test_hazards`: cells separated by ` | `, every cell a step of its own.
"""

from __future__ import annotations

import pytest
from simulate import check_equal

HAZARDS = {
    "chain-map": "from collections import ChainMap; a={}; b={'k': 1} | c=ChainMap(a,b) | c['x']=2 | c.maps[1]['k']=3 | c.pop('x') | print(a,b)",
    "insort": "import bisect; xs=[1,5] | bisect.insort(xs,3) | print(xs)",
    "property-effect": "class C:\n    n=0\n    log=[]\n    @property\n    def v(self):\n        C.log.append(1)\n        return 5 | c=C() | print(c.v) | print(C.log)",
    "contains-effect": "class C:\n    def __init__(self): self.seen=[]\n    def __contains__(self,k):\n        self.seen.append(k)\n        return True | c=C() | print(3 in c) | print(c.seen)",
    "bool-effect": "class C:\n    def __init__(self): self.n=0\n    def __bool__(self):\n        self.n+=1\n        return True | c=C() | if c: print('y') | print(c.n)",
    "eq-effect": "log=[]\nclass C:\n    def __eq__(self,o):\n        log.append('eq')\n        return True | c=C() | print(c==1) | print(log)",
    "str-effect": "log=[]\nclass C:\n    def __str__(self):\n        log.append('s')\n        return 'C' | c=C() | print(c) | print(log)",
    "repr-effect": "log=[]\nclass C:\n    def __repr__(self):\n        log.append('s')\n        return 'C' | c=C() | print(f'{c!r}') | print(log)",
    "format-effect": "log=[]\nclass C:\n    def __format__(self,s):\n        log.append('s')\n        return 'C' | c=C() | print(f'{c:3}') | print(log)",
    "hash-effect": "log=[]\nclass C:\n    def __hash__(self):\n        log.append('h')\n        return 1 | c=C() | d={c:1} | print(log)",
    "iter-effect": "log=[]\nclass C:\n    def __iter__(self):\n        log.append('i')\n        return iter([1,2]) | c=C() | a,b=c | print(log) | print([*c]) | print(log)",
    "descriptor": "log=[]\nclass D:\n    def __get__(self,o,t):\n        log.append('get')\n        return 1\nclass C:\n    x=D() | c=C() | print(c.x) | print(log)",
    "descriptor-set": "log=[]\nclass D:\n    def __set__(self,o,v):\n        log.append(v)\nclass C:\n    x=D() | c=C() | c.x=5 | print(log)",
    "setattr-effect": "log=[]\nclass C:\n    def __setattr__(self,k,v):\n        log.append(k)\n        object.__setattr__(self,k,v) | c=C() | c.x=5 | print(log, c.x)",
    "delitem-effect": "log=[]\nclass C:\n    def __delitem__(self,k): log.append(k) | c=C() | del c['a'] | print(log)",
    "del-effect": "log=[]\nclass C:\n    def __del__(self): log.append('gone') | c=C() | del c | print(log)",
    "del-rebound": "log=[]\nclass C:\n    def __del__(self): log.append('gone') | c=C() | c=None | print(log)",
    "init-subclass": "R=[]\nclass B:\n    def __init_subclass__(cls): R.append(cls.__name__) | class X(B): pass | class Y(B): pass | print(R)",
    "metaclass": "R=[]\nclass M(type):\n    def __new__(m,n,b,d):\n        R.append(n)\n        return super().__new__(m,n,b,d) | class X(metaclass=M): pass | class Y(X): pass | print(R)",
    "set-name": "R=[]\nclass D:\n    def __set_name__(self,o,n): R.append(n) | class X:\n    a=D() | print(R)",
    "class-decorator": "R={}\ndef reg(c):\n    R[c.__name__]=c\n    return c | @reg\nclass A: pass | @reg\nclass B: pass | print(sorted(R))",
    "decorator-class": "class Count:\n    def __init__(self,f): self.f=f; self.n=0\n    def __call__(self,*a):\n        self.n+=1\n        return self.f(*a) | @Count\ndef f(x): return x | print(f(1)) | print(f.n) | f(2) | print(f.n)",
    "exec": "exec('q=[1]') | q.append(2) | print(q)",
    "operator": "import operator; a=[1]; b=a | operator.iadd(a,[2]) | print(b)",
    "operator-setitem": "import operator; a=[1]; b=a | operator.setitem(a,0,7) | print(b)",
    "list.append": "a=[1] | list.append(a,2) | print(a)",
    "dict.update": "d={} | dict.update(d,a=1) | dict.__setitem__(d,'b',2) | print(d)",
    "map-append": "a=[] | list(map(a.append,[1,2])) | print(a)",
    "comp-append": "a=[] | _x=[a.append(i) for i in range(3)] | print(a)",
    "bound-user-method": "class C:\n    def __init__(self): self.n=0\n    def inc(self):\n        self.n+=1\n        return self.n | c=C(); f=c.inc | print(f()) | print(c.n) | f() | print(c.n)",
    "star-copy": "a=[[1]]; b=[*a]; d={'k':a}; e={**d} | b[0].append(2) | e['k'].append(3) | print(a,d)",
    "defaultdict": "from collections import defaultdict; d=defaultdict(list) | d['a'].append(1) | x=d['zz'] | print(dict(d))",
    "iter-zip": "x=iter([1,2,3,4]); g=zip(x,x) | print(next(g)) | print(next(x)) | print(list(g))",
    "iter-sentinel": "q=[3,2,0]; it=iter(q.pop,3) | print(next(it)) | print(q)",
    "sub-list": "class S(list):\n    def push(self,x): self.append(x) | s=S() | s.push(1) | s.append(2) | print(s)",
    "sub-dict": "class S(dict):\n    def __missing__(self,k):\n        self[k]=0\n        return 0 | s=S() | print(s['a']) | print(s)",
    "class-count": "class C:\n    n=0\n    def __init__(self): type(self).n+=1 | a=C() | b=C() | print(C.n)",
    "super-init": "class A:\n    made=[]\n    def __init__(self): A.made.append(type(self).__name__)\nclass B(A):\n    def __init__(self): super().__init__() | b=B() | print(A.made)",
    "chainmap": "from collections import ChainMap; a={}; b={}; m=ChainMap(a,b) | m['x']=1 | print(a) | b['y']=2 | print(m['y'])",
    "map-lazy": "log=[]\ndef f(x):\n    log.append(x)\n    return x | m=map(f,[1,2]) | print(log) | print(list(m)) | print(log)",
    "filter-lazy": "log=[] | m=filter(lambda x: log.append(x) or True,[1,2]) | print(next(m)) | print(log) | print(list(m),log)",
    "iter-class": "class It:\n    def __init__(self): self.n=0\n    def __iter__(self): return self\n    def __next__(self):\n        self.n+=1\n        if self.n>3: raise StopIteration\n        return self.n | it=It() | print(next(it)) | print(it.n) | print(list(it)) | print(it.n)",
    "unpack-iter": "it=iter([1,2,3,4]) | a,b=next(it),next(it) | print(a,b,next(it)) | c,=it | print(c)",
    "star-iter": "it=iter([1,2,3]) | print(*it) | print(list(it))",
    "in-iter": "it=iter([1,2,3]) | print(2 in it) | print(list(it))",
    "islice": "import itertools; it=itertools.count() | print(list(itertools.islice(it,2))) | print(next(it))",
    "chain": "import itertools; a=iter([1,2]); c=itertools.chain(a,[3]) | print(next(c)) | print(next(a)) | print(list(c))",
    "set-update-iter": "it=iter([1,2]) ; s=set() | s.update(it) | print(sorted(s),list(it))",
    "str-format": "log=[]\nclass C:\n    def __str__(self):\n        log.append(1)\n        return 'c' | c=C() | print('{}'.format(c)) | print(log) | print('%s' % c) | print(log)",
    "join-map": "log=[]\nclass C:\n    def __str__(self):\n        log.append(1)\n        return 'c' | cs=[C(),C()] | print(','.join(map(str,cs))) | print(log)",
    "print-list": "log=[]\nclass C:\n    def __repr__(self):\n        log.append(1)\n        return 'c' | cs=[C()] | print(cs) | print(log) | cs | print(log)",
    "sorted-lt": "n=[0]\nclass C:\n    def __init__(s,v): s.v=v\n    def __lt__(s,o):\n        n[0]+=1\n        return s.v<o.v | cs=[C(2),C(1)] | print([c.v for c in sorted(cs)]) | print(n) | cs.sort() | print(n) | print(min(cs).v) | print(n)",
    "set-eq": "n=[0]\nclass C:\n    def __hash__(s): return 1\n    def __eq__(s,o):\n        n[0]+=1\n        return True | a=C(); b=C() | print(len({a,b})) | print(n) | print(len(set([a,b]))) | print(n)",
    "list-in": "n=[0]\nclass C:\n    def __eq__(s,o):\n        n[0]+=1\n        return False | cs=[C()] | print(3 in cs) | print(n) | print(cs.count(3)) | print(n)",
    "redirect": "import io, contextlib; buf=io.StringIO() | with contextlib.redirect_stdout(buf): print('hi') | print(repr(buf.getvalue()))",
    "json-dump": "import json,io; b=io.StringIO() | json.dump({'a':1},b) | print(b.getvalue())",
    "pool": "from concurrent.futures import ThreadPoolExecutor; out=[] | with ThreadPoolExecutor(1) as ex: ex.submit(out.append,1) | print(out)",
    "pool-map": "from concurrent.futures import ThreadPoolExecutor; out=[]\ndef w(x): out.append(x) | with ThreadPoolExecutor(1) as ex: list(ex.map(w,[1,2])) | print(out)",
    "dispatch-dict": "acc={'n':0}\ndef inc(): acc['n']+=1\ndef dec(): acc['n']-=1\nops={'i':inc,'d':dec} | ops['i']() | ops['i']() | print(acc)",
    "state-machine": "class S:\n    def __init__(s): s.st='a'; s.h={'a':s.fa,'b':s.fb}\n    def fa(s): s.st='b'\n    def fb(s): s.st='a'\n    def go(s): s.h[s.st]() | s=S() | s.go() | print(s.st) | s.go() | print(s.st)",
    "observer": "class Sub:\n    def __init__(s): s.obs=[]\n    def reg(s,o): s.obs.append(o)\n    def fire(s,v):\n        for o in s.obs: o.update(v)\nclass Ob:\n    def __init__(s): s.got=[]\n    def update(s,v): s.got.append(v) | s=Sub(); o=Ob() | s.reg(o) | s.fire(1) | print(o.got)",
    "mixin": "log=[]\nclass L:\n    def f(s):\n        log.append('L')\nclass A(L):\n    def f(s):\n        log.append('A'); super().f()\nclass B(L):\n    def f(s):\n        log.append('B'); super().f()\nclass C(A,B): pass | c=C() | c.f() | print(log)",
    "new-singleton": "class S:\n    _i=None\n    def __new__(c):\n        if c._i is None: c._i=super().__new__(c); c._i.v=[]\n        return c._i | a=S() | a.v.append(1) | b=S() | print(b.v)",
    "borg": "class B:\n    _s={}\n    def __init__(s): s.__dict__=B._s | a=B() | a.x=1 | b=B() | print(b.x)",
    "monkey-method": "class C:\n    def f(s): return 1 | c=C() | C.f=lambda s: 2 | print(c.f())",
    "eval-mut": "a=[1] | eval('a.append(2)') | print(a)",
    "globals-read": "a=[1] | g=globals() | g['a'].append(2) | print(a)",
    "sum-lists": "a=[[1],[2]] | flat=sum(a,[]) | flat.append(3) | print(a,flat)",
    "copy-dict": "d={'a':[1]}; e=d.copy() | e['a'].append(2) | print(d)",
    "fromkeys": "d=dict.fromkeys('ab',[]) | d['a'].append(1) | print(d)",
    "values-alias": "d={'a':[1]} | for v in d.values(): v.append(2) | print(d)",
    "itemgetter": "from operator import itemgetter; d={'a':[1]} ; g=itemgetter('a') | g(d).append(2) | print(d)",
    "deepcopy-hook": "import copy; log=[]\nclass C:\n    def __deepcopy__(s,m):\n        log.append(1)\n        return C() | c=C() | d=copy.deepcopy(c) | print(log)",
    "dict-merge": "a={'x':[1]} ; b={'y':[2]} ; c=a|b | c['x'].append(9) | print(a)",
    "vars-update": "class C: pass\nc=C() | vars(c).update(x=1) | print(c.x)",
    "namedtuple-mut": "from collections import namedtuple; P=namedtuple('P','xs'); p=P([1]); q=p._replace() | q.xs.append(2) | print(p)",
    "cache-info": "from functools import lru_cache\n@lru_cache\ndef fib(n): return n if n<2 else fib(n-1)+fib(n-2) | print(fib(9)) | print(fib.cache_info().currsize)",
    "map-of-its-holder": "from functools import partial\nclass H: pass\nh=H()\nh.log=[] | def g(h, x):\n    h.log.append([x])\n    return x\nh.its=map(partial(g, h), [1, 2]) | print([x for x in h.its]) | print(h.log)",
    "default-factory-effect": "log=[]\nfrom dataclasses import dataclass, field\ndef mk():\n    log.append(1)\n    return []\n@dataclass\nclass D:\n    x: list = field(default_factory=mk) | d=D() | print(log)",
}


@pytest.mark.parametrize("name", HAZARDS)
def test_any_order_gives_what_the_notebook_gives(name: str) -> None:
    cells = [("", source) for source in HAZARDS[name].split(" | ")]
    for seed in range(3):
        check_equal(cells, seed=seed, split="cells")
