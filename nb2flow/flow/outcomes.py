"""What a call into a library does to the machine, given the fact that is known of it (or that nothing is known)."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import dataclass, field
from functools import lru_cache

from nb2flow.flow import callbacks, drawing, known, known_calls, known_modules, lasting, library, tables
from nb2flow.flow.dispatch import fresh
from nb2flow.flow.effects import DISPLAYS, STREAM
from nb2flow.flow.known import Call
from nb2flow.flow.machine import VIEW, Machine
from nb2flow.flow.values import NOT_DATA, SCALAR, Obj, Val, in_order, union

# Methods that put into their object what their argument holds.
_TAKES_ITEMS = frozenset({"extend", "extendleft", "update"})


@dataclass(slots=True)
class Arguments:
    """Evaluated arguments of one call: positional, by keyword (`**kw` under the empty name), and all of them."""

    node: ast.Call
    positional: tuple[Val, ...]
    keywords: tuple[tuple[str, Val], ...]
    values: tuple[Val, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.values = (*self.positional, *[v for _, v in self.keywords]) if self.keywords else self.positional

    def keyword(self, name: str) -> ast.expr | None:
        """The expression given for keyword `name`."""
        for given in self.node.keywords:
            if given.arg == name:
                return given.value
        return None

    def is_false(self, name: str) -> bool:
        """Whether keyword `name` is plainly given as False."""
        value = self.keyword(name)
        return isinstance(value, ast.Constant) and value.value is False

    def is_true(self, name: str) -> bool:
        """Whether keyword `name` is given and is not plainly False."""
        value = self.keyword(name)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)


_DRAWING = ("fit", "partial_fit", "score", "resample", "split", "rvs")
_DRAWING_BY_NAME = re.compile(r"(^|_)sample|simulat|bootstrap|rvs|random")
_STREAMS = frozenset(["numpy.random.RandomState", "numpy.random.default_rng", "numpy.random.Generator"])
_GIVEN_STREAMS = _STREAMS | {"torch.Generator", "random.Random"}
_GIVEN_AS = ("random_state", "seed", "rng", "generator", "prng", "random")
_PARTS_OF_STREAMS = ("spawn", "jumped")  # the others give what was drawn


def apply(m: Machine, spec: Call, args: Arguments, receiver: Val | None, path: str) -> Val:
    """Do to the machine what `spec` says; the value is what the call may give."""
    text = _text(args.node)
    base = receiver or SCALAR
    everything = union([base, *args.values])
    results = callbacks.run(m, args.values, base, path, args.node, unknown=spec is known.UNKNOWN)
    mutated = _mutated_by_methods(args)
    if mutated and spec.result != "iterator" and path != "functools.partial":  # these call it later
        m.touch(m.heap.mutable(mutated), text)
    if spec.barrier:
        m.barrier(f"`{text}`", reads_only=spec.barrier != "exec")
    formula = path.startswith("patsy.") or (path.startswith("statsmodels.") and "formula" in path)
    if formula or path in _LOOK_NAMES_UP or any(o.root == "duckdb" for o in base.objs):
        _read_formula(m, args)
    if path in known_calls.UNPICKLING and (path != "numpy.load" or args.is_true("allow_pickle")):
        _read_definitions(m)
    if path in ("typing.get_type_hints", "inspect.get_annotations"):
        m.read_annotations(everything)
    if spec.binds:
        _bind_names(m, args, text)
    drawing.note(m, path, base, args.values)
    if spec.asks and not m.unit.asks:
        m.unit.asks = m.line
    _touch(m, spec, args, base, everything, text, path)
    if base.objs and (spec.keeps or spec.draws):
        _keep(m, spec, args, base, path)
    elif spec is known.UNKNOWN:
        _keep_functions(m, args)
    if spec.config:
        for resource in spec.config.split():
            lasting.hand_over(m, union(args.values), args.node, set_config(m, "", resource))
    if args.keyword("display_id") is not None:  # the output of one cell may be changed by another
        m.use_resource(DISPLAYS, writes=True)
    if path in _TELL_FOLDER:
        m.use_resource("process:cwd", writes=False)
    if path in ("os.getenv", "os.environ.get"):
        m.use_resource("process:environ", writes=False)
    _draw_from_given(m, args, path, text)
    _random(m, spec, args, base, path, text)
    if spec.file:
        _file(m, spec, args, base)
    value = _result(m, spec, args, base, everything, path)
    if results and callbacks.calls_for_each(path):  # what it makes holds what the function gave
        m.heap.link([o for o in value.objs - everything.objs if o.kind not in NOT_DATA], union(results).objs)
        if any(o.root == "pandas" for o in base.objs):
            tables.find_cells(m, results, 1)
    return union([value, *results])


def _keep(m: Machine, spec: Call, args: Arguments, base: Val, path: str) -> None:
    """The receiver holds what it was given. A figure draws its data and is done with them, but for functions that it
    calls whenever it is drawn: `axis.set_major_formatter(lambda v, _: f"{v} {unit}")`."""
    given = union(args.values).objs
    if path in _TAKES_ITEMS:
        given |= held(m, given)
    figures = [o for o in base.objs if o.label.startswith("matplotlib")]
    if spec.keeps and len(figures) < len(base.objs):
        m.heap.link(base.objs.difference(figures), given)
    if figures and m.functions_made:
        m.heap.link(figures, [o for o in given if o in m.functions_made or _is_to_call(m, o, data=spec.draws)])


def _is_to_call(m: Machine, obj: Obj, *, data: bool) -> bool:
    """Whether it is there for the function of the notebook that it holds: a formatter, a partial, or a pair of them
    where no `data` are drawn."""
    made_for_it = obj.drawn or obj.cls is not None or obj.label == "functools.partial"
    made_for_it = made_for_it or (not data and "container" in obj.flags)
    return made_for_it and not m.functions_made.isdisjoint(obj.contains)


# Functions and methods that tell the working directory, or a path in it.
_TELL_FOLDER = known.each(
    "os.getcwd os.getcwdb os.path.abspath os.path.realpath os.path.relpath pathlib.Path.cwd resolve absolute cwd", True
)


def _keep_functions(m: Machine, args: Arguments) -> None:
    """`event.listen(engine, "connect", greet)`: the engine will call the function."""
    given = union(args.values).objs
    functions = given & m.functions_made
    keepers = [o for o in given if o.kind in ("unknown", "live")] if functions else []
    if keepers:
        m.heap.link(keepers, functions)


# They look the names in their text up in the notebook.
_LOOK_NAMES_UP = frozenset(
    ["pandas.eval", "numexpr.evaluate", "duckdb.sql", "duckdb.query", "duckdb.execute", "duckdb.from_query"]
)


def _read_formula(m: Machine, args: Arguments) -> None:
    """A formula is text that may call functions of the notebook and name its variables; so may a query be."""
    first = next((v for k, v in args.keywords if k in ("formula", "formula_like", "expr", "query")), None)
    text = (args.positional[0] if args.positional else first or SCALAR).text
    if text is None:
        m.barrier("a formula whose text is not seen", reads_only=True)
        return
    for name in sorted(set(re.findall(r"[A-Za-z_]\w*", text))):
        if name in m.names:
            m.read_name(name)


def _read_definitions(m: Machine) -> None:
    for name, value in list(m.names.items()):
        if any(o.kind == "class" or callbacks.has_body(o) for o in value.objs):
            m.read_name(name, mention=False)


def _bind_names(m: Machine, args: Arguments, text: str) -> None:
    """Names given in a text, as `x y` or `x, y`; anything more may be any names."""
    given = args.positional[0].text if args.positional else None
    names = (given or "").replace(",", " ").split()
    if not names or not all(name.isidentifier() for name in names):
        m.barrier(f"`{text}`")
        return
    for name in names:
        m.write_name(name, fresh(m, args.node, label="sympy"))


@lru_cache(maxsize=8192)
def _text(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name | ast.Attribute):
        return f"….{node.func.attr}(…)"
    short = _dotted(node.func)[:50]
    return f"{short}(…)" if node.args or node.keywords else f"{short}()"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ast.unparse(node)


def _mutated_by_methods(args: Arguments) -> frozenset[Obj]:
    """Objects of which a method that changes them is handed on, as in `map(found.append, names)`."""
    call = args.node
    if not any(isinstance(a, ast.Attribute) for a in call.args) and not call.keywords:
        return frozenset()
    nodes = [*call.args[len(call.args) - len(args.positional) :], *(k.value for k in call.keywords)]
    found = frozenset[Obj]()
    for node, value in zip(nodes, args.values, strict=False):
        if isinstance(node, ast.Attribute):
            spec = library.call_by_method(node.attr)
            if spec is not None and spec.touches == "self":
                found |= frozenset(o for o in value.objs if o.kind != "module")
    return found


def _touch(m: Machine, spec: Call, args: Arguments, base: Val, everything: Val, text: str, path: str) -> None:
    if spec.touches == "self" or args.is_true("inplace"):
        m.touch([*base.objs, *(o for b in base.objs if "borrows" in b.flags for o in b.contains - {b.cls})], text)
        if path.startswith(("fit", "partial_fit", "set_params")):  # a pipeline passes it on to what it was made of
            m.touch([o for o in m.heap.reach(base.objs) if _is_estimator(o)], text)
    elif spec.touches == "first" and args.positional:
        m.touch(args.positional[0].objs, text)
        m.heap.link(args.positional[0].objs, union(args.values[1:]).objs) if spec.keeps else None
    elif spec.touches == "second":
        files = [*args.positional[1:2], *(v for k, v in args.keywords if k in ("fp", "file", "stream"))]
        m.touch(union(files).objs, text)
    elif spec.touches == "deep":
        m.touch(m.heap.mutable(everything.objs), text)
        if path[:1] != "_" and library.call_by_method(path) is None:  # inherited from a library, as `register` of ABC
            m.touch([o for o in base.objs if o.kind in ("class", "function")], text)
    if args.keywords or "." in path:
        m.touch(_asked_to_change(m, args, path), text)
    if base.objs and args.positional and any(_UNCOPIED in o.flags for o in m.heap.reach(base.objs)):
        m.touch(m.heap.mutable(args.positional[0].objs), text)
    if spec.result != "iterator" and everything.objs:
        m.touch([o for o in everything.objs if o.kind == "iterator"], text)


def _asked_to_change(m: Machine, args: Arguments, path: str) -> list[Obj]:
    """What the way of calling says is changed, whatever the function: `out=a`, `inplace=True`, `relu_(a)`."""
    changed = [value for name, value in args.keywords if name in known.CHANGED_BY_NAME]
    changed += [Val(held(m, value.objs) | value.objs) for name, value in args.keywords if name == "callbacks"]
    if "." in path and args.positional:
        root, name = path.partition(".")[0], path.rpartition(".")[2]
        if args.is_true("inplace") or (root == "torch" and name[-1:] == "_") or _takes_no_copy(args, root):
            changed.append(args.positional[0])
        if root == "numpy":
            changed += args.positional[known.ARRAYS_OF_UFUNCS.get(name, len(args.positional)) :]
        if any(name.startswith("overwrite_") and args.is_true(name) for name, _ in args.keywords):
            changed += args.positional
    return [o for value in changed for o in value.objs if o.kind != "module"]


def _takes_no_copy(args: Arguments, root: str) -> bool:
    return root in ("numpy", "networkx", "sklearn") and args.is_false("copy")


_UNCOPIED = "changes what it is given"  # an estimator that was made with `copy=False`


def held(m: Machine, objs: frozenset[Obj]) -> frozenset[Obj]:
    """What these objects hold: it goes over into a list that is extended by them, they themselves do not."""
    return frozenset().union(*(o.contains if "container" in o.flags else m.heap.reach(frozenset({o})) for o in objs))


def _is_estimator(obj: Obj) -> bool:
    last = obj.label.split(".")[-1]
    return obj.label.startswith("sklearn.") and (last[:1].isupper() or last.startswith("make_"))


def modules_meant(base: Val) -> list[Obj]:
    """The modules of which something is set where `base` has something set. What a table holds (`numpy.nan`) is not
    meant, but for what is known to be settings."""
    modules = in_order(o for o in base.objs if o.kind == "module")
    if len(modules) == len(base.objs):
        return modules
    return [o for o in modules if o.label.startswith(tuple(known_modules.CONFIG_TARGETS))]


def set_config(m: Machine, path: str, resource: str = "") -> str:
    """A process-wide setting changes: one of the known kinds, or an attribute of a module. Gives the resource."""
    if path.startswith("builtins."):
        m.note(m.builtins, path.removeprefix("builtins."))
    if not resource:
        for prefix, target in known_modules.CONFIG_TARGETS.items():
            if path == prefix or path.startswith(prefix + "."):
                resource = target
                break
        else:
            resource = "module:" + (path.rsplit(".", 1)[0] or path)
    m.use_resource(resource, writes=True)
    return resource


@lru_cache(maxsize=4096)
def _tells_of_drawing(method: str) -> bool:
    return _DRAWING_BY_NAME.search(method) is not None


def _draw_from_given(m: Machine, args: Arguments, path: str, text: str) -> None:
    """`nx.gnp_random_graph(9, 0.5, seed=rng)`: who is given a stream draws from it, but for classes, which keep it."""
    name = path.rpartition(".")[2]
    if name[:1].isupper() or path.startswith(_KEEPING_STREAMS):
        return
    given = [*(args.positional if "." in path else ()), *(v for k, v in args.keywords if k in _GIVEN_AS)]
    m.touch([o for v in given for o in v.objs if o.label in _GIVEN_STREAMS], text)


_KEEPING_STREAMS = ("copy.", "pickle.", "functools.")


def _random(m: Machine, spec: Call, args: Arguments, base: Val, path: str, text: str) -> None:
    by_name = bool(base.objs) and "." not in path and _tells_of_drawing(path)
    settled = "." not in path and not path.startswith(_DRAWING) and spec is not known.UNKNOWN and not by_name
    if settled and not spec.seeds and not spec.rng:
        return
    for stream in spec.seeds:
        m.use_resource(stream, writes=True, fresh=True)
        m.unit.seeds |= {stream}
    streams = set(spec.rng)
    if by_name and any(o.root in ("statsmodels", "scipy") for o in base.objs):
        streams.add(known.NP)
    given = args.keyword("random_state") or args.keyword("seed") or args.keyword("rng")
    if given is not None and not (isinstance(given, ast.Constant) and given.value is None):
        if streams:
            keyword = next(v for k, v in args.keywords if k in ("random_state", "seed", "rng"))
            m.touch(keyword.objs, text)
        streams.clear()
    drawing = path.startswith("sklearn.model_selection") or spec is known.UNKNOWN
    if (
        not drawing
        and path.startswith(("sklearn", "xgboost", "lightgbm", "catboost"))
        and path.split(".")[-1][:1].isupper()
    ):
        return  # an estimator draws when it is fitted, not when it is made: see _result
    if path.startswith("networkx.draw") and (len(args.positional) > 1 or args.keyword("pos") is not None):
        return  # the nodes have their places
    method = path if "." not in path else ""
    if given is None and not method and _tells_of_drawing(path.rpartition(".")[2]):
        lasting.draw_from_own(m, path.rpartition(".")[0], text)
    if drawing or method.startswith(_DRAWING):
        reach = m.heap.reach(union([base, *args.values]).objs)
        streams |= {f for obj in reach for f in obj.flags if f.startswith("rng:")}
        m.touch([obj for obj in reach if obj.label in _STREAMS or STREAM in obj.flags], text)
    if spec is known.UNKNOWN and "." in path:
        streams |= {known.NP, known.PY}
    for stream in sorted(streams):
        m.use_resource(stream, writes=True, text=text)


def _is_file_like(obj: Obj, spec: Call) -> bool:
    if obj.label.startswith(("io.", "tempfile.")) or obj.kind == "live":
        return True
    return "w" in spec.file and obj.kind == "unknown" and not obj.label.startswith("pathlib")


def _file(m: Machine, spec: Call, args: Arguments, base: Val) -> None:
    path: str | None = None
    if spec.path_arg == known.RECEIVER:
        path = base.text
    elif spec.path_arg < len(args.positional):
        given = args.positional[spec.path_arg]
        path = given.text
        if path is None:  # a buffer, perhaps: it goes on from where it was left
            m.touch([o for o in given.objs if _is_file_like(o, spec)], _text(args.node))
    elif spec.path_arg != known.NOWHERE:
        names = (
            "path",
            "path_or_buf",
            "filepath_or_buffer",
            "fname",
            "file",
            "filename",
            "io",
            "name",
            "fp",
            "path_or_buffer",
        )
        path = next((v.text for k, v in args.keywords if k in names), None)
        if not args.positional and path is None and spec.file == "w" and not args.keywords:
            return  # `df.to_csv()` gives text
    elif spec.touches == "first":
        return  # reads or writes an open file: the object is what carries it
    m.use_file(posixpath.normpath(path) if path else None, writes="w" in spec.file, reads="r" in spec.file)


def _result(m: Machine, spec: Call, args: Arguments, base: Val, everything: Val, path: str) -> Val:
    node = args.node
    if path in known_modules.PROCESS_OBJECTS:
        return m.module(known_modules.PROCESS_OBJECTS[path])
    if path in ("pathlib.Path", "pathlib.PurePath", "os.path.join") and args.positional:
        texts = [v.text for v in args.positional]
        joined = posixpath.join(*[t for t in texts if t is not None]) if None not in texts else None
        return Val(frozenset({m.alloc("data", site=node)}) if "Path" in path else frozenset(), joined)
    if spec.result == "scalar":
        return SCALAR
    if path == "numpy.einsum" and len(args.positional) == 2:  # a diagonal, or other order of the axes
        spec = known.ALIAS
    if spec.result == "fresh" and (args.is_false("copy") or not m.classes.isdisjoint(m.heap.reach(everything.objs))):
        spec = known.ALIAS  # no copy; or one of an instance: its class's methods go with it
    root = path.partition(".")[0] if "." in path else ""
    if spec.result == "fresh" and root and root not in _COMPUTING and not m.functions_made.isdisjoint(everything.objs):
        spec = known.HOLDS  # `make_scorer(f)`: what calls the function later
    if path in known_modules.MAKE_CLASSES:
        return fresh(m, node, args.values, kind="class")
    if spec.result == "alias":
        used_up = [o for o in everything.objs if o.kind == "iterator" or o.label == "a generator"]
        reach = m.heap.reach(everything.objs) - frozenset(used_up)
        new = m.alloc("data", _origin(path, base), site=node)
        return Val((reach - m.definitions) | {new})
    kind, label, held = "data", _origin(path, base), frozenset[Obj]()
    if args.is_true("chunksize") or args.is_true("iterator"):
        return fresh(m, node, kind="live", label="a reader that gives chunks")
    if spec.draws:
        label = "matplotlib"
    elif path == "warnings.catch_warnings" and args.is_true("record"):
        label = lasting.RECORDER
    if spec.result in ("holds", "unknown", "iterator", "live"):
        inside = [o if o.kind != "iterator" and o.label != "a generator" else None for o in everything.objs]
        held = frozenset(o for o in inside if o is not None and o.kind != "module")
        for obj in everything.objs:
            if obj.kind == "iterator" or obj.label == "a generator":
                held |= obj.contains
    if spec.result == "unknown":
        kind = "data" if spec.draws else "unknown"
        if spec.touches == "deep":
            reach = m.heap.reach(everything.objs)
            held = (reach - m.definitions) | {o for o in reach & m.functions_made if "method" not in o.flags}
    elif spec.result in ("iterator", "live"):
        kind, label, held = spec.result, spec.label, everything.objs
    obj = m.alloc(kind, label, site=node, holds=held)  # type: ignore[arg-type]
    if spec.result == "iterator" and _mutated_by_methods(args):
        obj.flags.add("mutates")
    last = path.split(".")[-1]
    if spec.rng and last[:1].isupper() and args.keyword("random_state") is None:
        obj.flags.update(spec.rng)
    if _is_estimator(obj) and (args.is_false("copy") or args.is_false("copy_X") or args.is_false("copy_x")):
        obj.flags.add(_UNCOPIED)
    if path == "collections.ChainMap":
        obj.flags.add("borrows")
    if path in tables.MAKERS:
        tables.find_cells(m, args.values, tables.MAKERS[path])
    tables.keep_cells(m, obj, everything)
    if spec is known.UNKNOWN:
        obj.flags.add(VIEW)
    if base.objs:
        tables.make_cells(m, obj, path, node)
    elif path in _SPLITTING:  # of a text: it holds nothing but texts
        obj.flags.add("container")
    return Val(frozenset({obj}))


_COMPUTING = ("numpy", "pandas")  # they call a function that they are given at once
_SPLITTING = frozenset(["split", "rsplit", "splitlines"])
_PYTHONS_OWN = frozenset(["tolist", "to_list", "to_dict", "to_pylist"])  # they give lists and dicts, whoever has them


def _origin(path: str, base: Val) -> str:
    if "." in path:
        return path
    if path in _PYTHONS_OWN:
        return ""
    label = next((o.label for o in in_order(base.objs) if o.kind == "data" and o.label), "")
    return "numpy" if label in _STREAMS and path not in _PARTS_OF_STREAMS else label
