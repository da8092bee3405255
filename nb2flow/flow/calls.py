"""Calls, abstractly: functions of the notebook are followed into, libraries are looked up, the rest may do anything.

Following means interpreting the body at each call with what the arguments stand for there, so that late-bound globals,
mutated arguments and aliases come out as they would at run time. Recursion and long chains end in the cautious answer.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nb2flow.flow import library, magics, scopes
from nb2flow.flow.dispatch import evaluate, execute, expression, fresh
from nb2flow.flow.library import Call
from nb2flow.flow.machine import MAX_DEPTH, Frame, Machine
from nb2flow.flow.values import SCALAR, Obj, Val, union

_PANDAS_PLAIN = frozenset(
    ["add", "append", "plot", "hist", "boxplot", "sort", "remove", "set", "update_", "eval", "index"]
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """Evaluated arguments of one call: positional and by keyword (`**kw` under the empty name)."""

    node: ast.Call
    positional: tuple[Val, ...]
    keywords: tuple[tuple[str, Val], ...]

    @property
    def values(self) -> list[Val]:
        return [*self.positional, *(v for _, v in self.keywords)]

    def keyword(self, name: str) -> ast.expr | None:
        """The expression given for keyword `name`."""
        return next((k.value for k in self.node.keywords if k.arg == name), None)

    def is_true(self, name: str) -> bool:
        """Whether keyword `name` is given and is not plainly False."""
        value = self.keyword(name)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)


@expression(ast.Call)
def call(m: Machine, node: ast.Call) -> Val:
    """Evaluate a call: arguments first, then every function that the callee may stand for."""
    if magics.is_magic(node):
        return magics.line_magic(m, node)
    func = node.func
    receiver: Val | None = None
    if isinstance(func, ast.Attribute):
        receiver = (
            evaluate(m, func.value)
            if not _is_super(func.value)
            else m.frames[-1].names.get("self", SCALAR)
            if m.frames
            else SCALAR
        )
        m.unit.attributes.add(func.attr)
    args = Arguments(
        node,
        tuple(evaluate(m, a) for a in node.args),
        tuple((k.arg or "", evaluate(m, k.value)) for k in node.keywords),
    )
    if not m.frames:
        m.line, m.column = node.lineno, node.col_offset
    if receiver is not None and isinstance(func, ast.Attribute):
        return _call_method(m, func.attr, receiver, args)
    if isinstance(func, ast.Name):
        local = bool(m.frames) and (func.id in m.frames[-1].local or func.id in m.frames[-1].outer)
        if not local and func.id not in m.names and func.id in library.BUILTINS:
            return _call_builtin(m, func.id, args)
        callee = _callee(m, func, local)
    else:
        callee = evaluate(m, func)
    return invoke(m, callee, args)


def _callee(m: Machine, func: ast.Name, local: bool) -> Val:
    if local:
        frame = m.frames[-1]
        return frame.names.get(func.id) or frame.outer.get(func.id) or SCALAR
    return m.read_name(func.id, mention=False)


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def invoke(m: Machine, callee: Val, args: Arguments) -> Val:
    """Call whatever `callee` may stand for."""
    results: list[Val] = []
    for obj in sorted(callee.objs, key=lambda o: o.kind):
        if obj.kind == "function":
            results.append(follow(m, obj, args.positional, args.keywords, args.node))
        elif obj.kind == "class":
            results.append(_instantiate(m, obj, args))
        elif obj.kind == "module":
            spec = library.call_by_path(obj.label)
            results.append(apply(m, spec or library.UNKNOWN, args, None, obj.label))
        elif member([obj], "__call__") or member([obj], "forward"):
            for method in (*member([obj], "__call__"), *member([obj], "forward")):
                results.append(follow(m, method, (Val(frozenset({obj})), *args.positional), args.keywords, args.node))
            results.append(apply(m, library.UNKNOWN, args, Val(frozenset({obj})), ""))
        elif obj.label.startswith(library.SELF_CONTAINED):
            results.append(apply(m, Call(touches="self", keeps=True, result="alias"), args, Val(frozenset({obj})), ""))
        else:
            results.append(apply(m, library.UNKNOWN, args, Val(frozenset({obj})), ""))
    if not callee.objs:
        return apply(m, library.UNKNOWN, args, None, "")
    return union(results)


def _call_method(m: Machine, name: str, receiver: Val, args: Arguments) -> Val:
    results: list[Val] = []
    plain: set[Obj] = set()
    for obj in receiver.objs:
        if obj.kind == "module":
            path = f"{obj.label}.{name}"
            m.unit.modules.add(path.split(".")[0])
            spec = library.call_by_path(path)
            results.append(apply(m, spec or library.UNKNOWN, args, None, path))
            continue
        methods = member([obj], name)
        for method in methods:
            bound = (Val(frozenset({obj})), *args.positional) if obj.kind != "class" else args.positional
            results.append(follow(m, method, bound, args.keywords, args.node))
        if not methods and not (obj.cls and is_plain_instance(obj)):  # else it has no such method
            plain.add(obj)
    if plain or not receiver.objs:
        spec = _method_spec(name, plain)
        results.append(apply(m, spec, args, Val(frozenset(plain), receiver.text), name))
    return union(results)


def _method_spec(name: str, receivers: set[Obj]) -> Call:
    if not receivers:
        known = library.call_by_method(name)
        return known if known is not None and known.file else library.PURE
    plain = [o for o in receivers if o.kind not in ("function", "class")]
    if not plain or any(o.cls is not None for o in plain):
        return (
            library.UNKNOWN
        )  # a method inherited from a library, or an attribute of a function: its name proves nothing
    if name in _PANDAS_PLAIN and all(o.label.startswith("pandas") for o in plain):
        return Call(result="unknown", draws=True) if name in library.PLOT_ATTRIBUTES else library.HOLDS
    spec = library.call_by_method(name)
    if spec is not None:
        return spec
    if all(o.label.startswith(library.SELF_CONTAINED) for o in plain):
        return Call(touches="self", keeps=True, result="alias")
    return library.UNKNOWN


def member(objs: Iterable[Obj], name: str) -> list[Obj]:
    """The notebook's functions that `obj.name` may be, for instances and classes defined in the notebook."""
    found: list[Obj] = []
    for obj in objs:
        todo = [obj if obj.kind == "class" else obj.cls]
        seen: set[Obj] = set()
        while todo:
            cls = todo.pop(0)
            if cls is None or cls in seen or cls.scope is None:
                continue
            seen.add(cls)
            if name in cls.scope:
                found.extend(o for o in cls.scope[name].objs if o.kind == "function")
                break
            todo.extend(o for o in cls.scope.get("__bases__", SCALAR).objs if o.kind == "class")
    return found


def is_plain_instance(obj: Obj) -> bool:
    """Whether all that an instance holds was put there by code that was followed: no base or decorator from elsewhere."""
    todo = [obj.cls]
    while todo:
        cls = todo.pop()
        if cls is None or cls.scope is None or getattr(cls.node, "decorator_list", None):
            return False
        bases = cls.scope.get("__bases__", SCALAR).objs
        if any(b.kind != "class" for b in bases):
            return False
        todo.extend(bases)
    return True


def run_methods(m: Machine, value: Val, names: tuple[str, ...], values: list[Val], node: ast.AST) -> None:
    """An operator or a loop runs special methods of the notebook's own classes."""
    for obj in value.objs:
        if obj.cls is None:
            continue
        for name in names:
            for method in member([obj], name):
                follow(m, method, (Val(frozenset({obj})), union(values)), (), node)


def _call_builtin(m: Machine, name: str, args: Arguments) -> Val:
    spec = library.BUILTINS[name]
    if name == "open":
        spec = replace(spec, file=_open_mode(args))
    elif name == "print" and args.keyword("file") is not None:
        spec = replace(spec, touches="deep")
    elif name == "display" and args.keyword("display_id") is None:
        spec = library.SCALAR
    elif (
        name == "eval"
        and args.positional
        and args.positional[0].text is not None
        and "{" not in args.positional[0].text
    ):
        from nb2flow.flow.syntax import parse_expression

        tree = parse_expression(args.positional[0].text)
        if tree is not None:
            return evaluate(m, tree)
    elif name in ("globals", "locals") or (name == "vars" and not args.positional):
        if m.frames and name != "globals":
            spec = library.PURE  # the local names of a function
        elif scopes.writes_namespace(m.active[-1] if m.active else m.unit.statement.node):
            spec = replace(spec, barrier="exec")
    elif name == "type" and len(args.positional) == 3:
        return fresh(m, args.node, args.values, kind="class")
    elif name == "id":
        m.identity = True
    elif name == "vars" and args.positional:
        spec = library.ALIAS
    elif name == "dir" and args.positional:
        spec = library.PURE
    elif name in ("list", "tuple", "set", "sorted", "dict", "sum", "max", "min", "any", "all", "next"):
        for value in args.positional[:1]:
            used = [o for o in value.objs if o.kind in ("iterator", "live", "unknown")]
            m.touch(used, f"{name}(…)")
    return apply(m, spec, args, None, name)


def _open_mode(args: Arguments) -> library.FileUse:
    node = args.keyword("mode") or (args.node.args[1] if len(args.node.args) > 1 else None)
    if node is None:
        return "r"
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return "rw"
    if "+" in node.value or "a" in node.value:
        return "rw"
    return "w" if set("wx") & set(node.value) else "r"


def apply(m: Machine, spec: Call, args: Arguments, receiver: Val | None, path: str) -> Val:
    """Do to the machine what `spec` says; the value is what the call may give."""
    node, text = args.node, _text(args.node)
    base = receiver or SCALAR
    everything = union([base, *args.values])
    results = _callbacks(m, args, everything)
    if spec.barrier:
        m.barrier(f"`{text}`", reads_only=spec.barrier != "exec")
    if spec.asks and not m.unit.asks:
        m.unit.asks = m.line
    _touch(m, spec, args, base, everything, text)
    if spec.keeps and base.objs:  # a figure draws its data and is done with them
        m.heap.link([o for o in base.objs if not o.label.startswith("matplotlib")], union(args.values).objs)
    if spec.config:
        set_config(m, "", spec.config)
    if path == "os.getcwd" or path.startswith(("os.path.abspath", "os.path.realpath")):
        m.use_resource("process:cwd", writes=False)
    if path in ("os.getenv", "os.environ.get"):
        m.use_resource("process:environ", writes=False)
    _random(m, spec, args, base, path, text)
    if spec.file:
        _file(m, spec, args, base)
    return union([_result(m, spec, args, base, everything, path), *results])


def _text(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name | ast.Attribute):
        return f"….{node.func.attr}(…)"
    short = ast.unparse(node.func)[:50]
    return f"{short}(…)" if node.args or node.keywords else f"{short}()"


def _callbacks(m: Machine, args: Arguments, everything: Val) -> list[Val]:
    """Functions passed to a library may be called by it, with anything that it was given."""
    results: list[Val] = []
    for value in args.values:
        for obj in value.objs:
            if obj.kind == "function" and isinstance(obj.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                given = Val(frozenset(o for o in m.heap.reach(everything.objs) if o.kind not in ("function", "class")))
                count = len(scopes.parameter_names(obj.node))
                results.append(follow(m, obj, (given,) * count, (), args.node))
    return results


def _touch(m: Machine, spec: Call, args: Arguments, base: Val, everything: Val, text: str) -> None:
    if spec.touches == "self" or args.is_true("inplace"):
        m.touch(base.objs, text)
    elif spec.touches == "first" and args.positional:
        m.touch(args.positional[0].objs, text)
        m.heap.link(args.positional[0].objs, union(args.values[1:]).objs) if spec.keeps else None
    elif spec.touches == "deep":
        m.touch(m.heap.mutable(everything.objs), text)
    for name, value in args.keywords:
        if name == "out":
            m.touch(value.objs, text)
    if spec.result != "iterator":
        m.touch([o for o in everything.objs if o.kind == "iterator"], text)


def set_config(m: Machine, path: str, resource: str = "") -> None:
    """A process-wide setting changes: one of the known kinds, or an attribute of a module."""
    if not resource:
        for prefix, known in library.CONFIG_TARGETS.items():
            if path == prefix or path.startswith(prefix + "."):
                resource = known
                break
        else:
            resource = "module:" + (path.rsplit(".", 1)[0] or path)
    m.use_resource(resource, writes=True)


def _random(m: Machine, spec: Call, args: Arguments, base: Val, path: str, text: str) -> None:
    for stream in spec.seeds:
        m.use_resource(stream, writes=True, fresh=True)
        m.unit.seeds.add(stream)
    streams = set(spec.rng)
    given = args.keyword("random_state") or args.keyword("seed") or args.keyword("rng")
    if given is not None and not (isinstance(given, ast.Constant) and given.value is None):
        if streams:
            keyword = next(v for k, v in args.keywords if k in ("random_state", "seed", "rng"))
            m.touch(keyword.objs, text)
        streams.clear()
    drawing = path.startswith("sklearn.model_selection") or spec is library.UNKNOWN
    if (
        not drawing
        and path.startswith(("sklearn", "xgboost", "lightgbm", "catboost"))
        and path.split(".")[-1][:1].isupper()
    ):
        return  # an estimator draws when it is fitted, not when it is made: see _result
    method = path if "." not in path else ""
    if drawing or method.startswith(("fit", "partial_fit", "score", "resample")):
        for obj in m.heap.reach(union([base, *args.values]).objs):
            streams |= {f for f in obj.flags if f.startswith("rng:")}
    if spec is library.UNKNOWN and "." in path:
        streams |= {library.NP, library.PY}
    for stream in sorted(streams):
        m.use_resource(stream, writes=True, text=text)


def _file(m: Machine, spec: Call, args: Arguments, base: Val) -> None:
    path: str | None = None
    if spec.path_arg == 98:
        path = base.text
    elif spec.path_arg < len(args.positional):
        path = args.positional[spec.path_arg].text
    elif spec.path_arg != 99:
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
    if path in ("pathlib.Path", "pathlib.PurePath", "os.path.join") and args.positional:
        texts = [v.text for v in args.positional]
        joined = posixpath.join(*[t for t in texts if t is not None]) if None not in texts else None
        return Val(frozenset({m.alloc("data", site=node)}) if "Path" in path else frozenset(), joined)
    if spec.result == "scalar":
        return SCALAR
    if spec.result == "fresh" and any(o.kind == "class" for o in m.heap.reach(everything.objs)):
        spec = library.ALIAS  # a copy of an instance: its class's methods go with it
    if path in library.MAKE_CLASSES:
        return fresh(m, node, args.values, kind="class")
    if spec.result == "alias":
        used_up = [o for o in everything.objs if o.kind == "iterator" or o.label == "a generator"]
        reach = m.heap.reach(everything.objs) - frozenset(used_up)
        new = m.alloc("data", _origin(path, base), site=node)
        return Val(frozenset(o for o in reach if o.kind not in ("class", "function", "module")) | {new})
    kind, label, held = "data", _origin(path, base), frozenset[Obj]()
    if args.is_true("chunksize") or args.is_true("iterator"):
        return fresh(m, node, kind="live", label="a reader that gives chunks")
    if spec.draws:
        label = "matplotlib"
    if spec.result in ("holds", "unknown", "iterator", "live"):
        inside = [o if o.kind != "iterator" and o.label != "a generator" else None for o in everything.objs]
        held = frozenset(o for o in inside if o is not None and o.kind != "module")
        for obj in everything.objs:
            if obj.kind == "iterator" or obj.label == "a generator":
                held |= obj.contains
    if spec.result == "unknown":
        kind = "data" if spec.draws else "unknown"
        held = m.heap.mutable(everything.objs) if spec.touches == "deep" else held
    elif spec.result in ("iterator", "live"):
        kind, label, held = spec.result, spec.label, everything.objs
    obj = m.alloc(kind, label, site=node, holds=held)  # type: ignore[arg-type]
    last = path.split(".")[-1]
    if spec.rng and last[:1].isupper() and args.keyword("random_state") is None:
        obj.flags.update(spec.rng)
    return Val(frozenset({obj}))


def _origin(path: str, base: Val) -> str:
    if "." in path:
        return path
    return next((o.label for o in base.objs if o.kind == "data" and o.label), "")


def _instantiate(m: Machine, cls: Obj, args: Arguments) -> Val:
    obj = m.alloc("data", cls.label, site=(args.node, cls), holds=[cls])
    obj.cls = cls
    value = Val(frozenset({obj}))
    methods = [*member([cls], "__init__"), *member([cls], "__new__"), *member([cls], "__post_init__")]
    for method in methods:
        given = args.positional if method.owner != "__post_init__" else ()
        follow(m, method, (value, *given), args.keywords, args.node)
    if not member([cls], "__init__"):
        m.heap.link([obj], union(args.values).objs)
    m.mention(Val(frozenset({cls})))
    return value


def follow(
    m: Machine, function: Obj, positional: tuple[Val, ...], keywords: tuple[tuple[str, Val], ...], site: ast.AST
) -> Val:
    """Interpret a notebook function's body with these arguments; gives what it may return."""
    node = function.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return SCALAR
    given = union([*positional, *(v for _, v in keywords)])
    if node in m.active or len(m.active) >= MAX_DEPTH:
        m.mention(Val(frozenset({function})))
        if len(m.active) >= MAX_DEPTH and node not in m.active:
            m.touch(m.heap.mutable(given.objs), f"{getattr(node, 'name', 'lambda')}(…)")
        return Val(given.objs | {m.alloc("unknown", site=site, holds=given.objs)})
    local, globals_, nonlocals = scopes.local_names(node)
    frame = Frame(
        _bind(m, node, function, positional, keywords), local, globals_, nonlocals, dict(function.scope or {})
    )
    before = m.calls
    m.calls = (*before, site)
    m.active.append(node)
    m.frames.append(frame)
    if function.flags and "eval" in function.flags:
        m.barrier("a function that it calls evaluates text as code", reads_only=True)
    try:
        if isinstance(node, ast.Lambda):
            frame.returned.append(evaluate(m, node.body))
        else:
            execute(m, node.body)
    finally:
        m.frames.pop()
        m.active.pop()
        m.calls = before
    result = union(frame.returned)
    if scopes.is_generator(node):
        return fresh(m, site, [result, given], kind="live", label="a generator")
    return result


def _bind(
    m: Machine,
    node: scopes.FunctionNode,
    function: Obj,
    positional: tuple[Val, ...],
    keywords: tuple[tuple[str, Val], ...],
) -> dict[str, Val]:
    defaults = Val((function.contains and frozenset(o for o in function.contains if o.kind != "module")) or frozenset())
    names: dict[str, Val] = {}
    a = node.args
    plain = [p.arg for p in (*a.posonlyargs, *a.args)]
    for name, value in zip(plain, positional, strict=False):
        names[name] = value
    extra = positional[len(plain) :]
    if a.vararg:
        names[a.vararg.arg] = fresh(m, a.vararg, extra) if extra else SCALAR
    known = {*plain, *(p.arg for p in a.kwonlyargs)}
    spread = union([v for k, v in keywords if not k])
    for key, value in keywords:
        if key in known:
            names[key] = value
    rest = [v for k, v in keywords if k and k not in known]
    if a.kwarg:
        names[a.kwarg.arg] = fresh(m, a.kwarg, [*rest, spread])
    for name in known:
        if name not in names:
            names[name] = defaults | Val(m.heap.reach(spread.objs))
    return names
