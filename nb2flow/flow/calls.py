"""Calls, abstractly: functions of the notebook are followed into, libraries are looked up, the rest may do anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from nb2flow.flow import known, known_methods, library, magics, scopes
from nb2flow.flow.dispatch import evaluate, expression, fresh
from nb2flow.flow.following import follow
from nb2flow.flow.known import Call
from nb2flow.flow.machine import UNBOUND, Machine
from nb2flow.flow.outcomes import Arguments, apply, held_functions, set_config
from nb2flow.flow.values import SCALAR, Obj, Val, union

_READING = frozenset(("read", "readline", "readlines", "read1", "tell"))
_PANDAS_PLAIN = frozenset(
    ["add", "append", "plot", "hist", "boxplot", "sort", "remove", "set", "update_", "eval", "index"]
)


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
        if func.id == "get_ipython" and not local and func.id not in m.names:
            return m.module("IPython.shell")
        if not local and func.id not in m.names and func.id in known_methods.BUILTINS:
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
            results.append(apply(m, spec or known.UNKNOWN, args, None, obj.label))
        elif member([obj], "__call__") or member([obj], "forward"):
            own = (Val(frozenset({obj})), *args.positional)
            methods = (*member([obj], "__call__"), *member([obj], "forward"))
            results += [follow(m, method, own, args.keywords, args.node) for method in methods]
            results.append(apply(m, known.UNKNOWN, args, Val(frozenset({obj})), ""))
        elif obj.label.startswith(library.SELF_CONTAINED):
            results.append(apply(m, Call(touches="self", keeps=True, result="alias"), args, Val(frozenset({obj})), ""))
        else:
            if obj.label == UNBOUND:
                m.barrier("a function whose code is not seen", reads_only=True)
            results += held_functions(m, obj, args.values, args.node)
            results.append(apply(m, known.UNKNOWN, args, Val(frozenset({obj})), ""))
    if not callee.objs:
        return apply(m, known.UNKNOWN, args, None, "")
    return union(results)


def _call_method(m: Machine, name: str, receiver: Val, args: Arguments) -> Val:
    results: list[Val] = []
    plain: set[Obj] = set()
    methods = _Methods()
    if name in ("query", "eval"):
        _names_in_query(m, args)
    for obj in receiver.objs:
        if obj.kind == "module":
            path = f"{obj.label}.{name}"
            if obj.label == "IPython.shell":
                results.append(magics.line_magic(m, args.node))
                continue
            m.unit.modules.add(path.split(".")[0])
            spec = library.call_by_path(path)
            results.append(apply(m, spec or known.UNKNOWN, args, None, path))
            continue
        if methods.find(obj, name):
            continue
        if obj.cls and is_plain_instance(obj):  # no method, so an attribute that was set: `self.callback(…)`
            results += [invoke(m, Val(frozenset({held})), args) for held in _callable(obj)]
        else:
            plain.add(obj)
    results += methods.follow(m, args.positional, args.keywords, args.node)
    if plain or not receiver.objs:
        spec = _method_spec(name, plain)
        results.append(apply(m, spec, args, Val(frozenset(plain), receiver.text), name))
    return union(results)


def _callable(obj: Obj) -> list[Obj]:
    """What an instance holds and its code may call, in the order of the places where it was defined."""
    held = [
        o
        for o in obj.contains
        if o is not obj.cls and "method" not in o.flags and (o.kind in ("function", "class") or member([o], "__call__"))
    ]
    return sorted(held, key=lambda o: (getattr(o.node, "lineno", 0), getattr(o.node, "col_offset", 0)))


def _names_in_query(m: Machine, args: Arguments) -> None:
    """pandas looks up `@name` in the text of `.query` and `.eval` in the notebook's namespace."""
    text = args.positional[0].text if args.positional else None
    if text is None:
        if args.positional and not args.positional[0].objs:
            m.barrier("a query whose text is not seen", reads_only=True)
        return
    for name in sorted(set(re.findall(r"@([A-Za-z_]\w*)", text))):
        if name in m.names:
            m.read_name(name)


def _method_spec(name: str, receivers: set[Obj]) -> Call:
    if not receivers:
        by_name = library.call_by_method(name)
        return by_name if by_name is not None and by_name.file else known.PURE
    plain = [o for o in receivers if o.kind not in ("function", "class")]
    if not plain or any(o.cls is not None for o in plain):
        return (
            known.UNKNOWN
        )  # a method inherited from a library, or an attribute of a function: its name proves nothing
    if name in _PANDAS_PLAIN and all(o.label.startswith("pandas") for o in plain):
        return Call(result="unknown", draws=True) if name in library.PLOT_ATTRIBUTES else known.HOLDS
    if name in _READING and all(o.kind == "live" and o.label == "an open file" for o in plain):
        return Call(touches="self")  # text or bytes, which know nothing of the file any more
    spec = library.call_by_method(name)
    if spec is not None:
        return spec
    if all(o.label.startswith(library.SELF_CONTAINED) for o in plain):
        return Call(touches="self", keeps=True, result="alias")
    return known.UNKNOWN


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


def _receiver(method: Obj, obj: Obj) -> Obj | None:
    """What a method that was found through `obj` gets as its first argument."""
    names = {ast.unparse(d) for d in getattr(method.node, "decorator_list", ())}
    if "classmethod" in names:
        return obj.cls or obj
    return None if "staticmethod" in names or obj.kind == "class" else obj


def bound(m: Machine, method: Obj, obj: Obj, site: ast.AST) -> Obj:
    """`obj.method`: the function together with what it is called on."""
    receiver = _receiver(method, obj)
    if receiver is None:
        return method
    made = m.alloc("function", site=(site, obj, method), holds=[receiver, *method.contains])
    made.node, made.scope, made.owner, made.receiver = method.node, method.scope, method.owner, receiver
    made.flags |= method.flags - {"method"}
    return made


class _Methods:
    """The methods that a call may run, each with all the objects that it may be run on.

    What a method makes is told apart by the place of the call, not by the object, so following it once for all of them
    gives what following it for each would, and many objects cost no more than one.
    """

    def __init__(self) -> None:
        self._receivers: dict[tuple[Obj, bool], set[Obj]] = {}

    def find(self, obj: Obj, *names: str) -> bool:
        """Add the methods of these names that `obj` has; whether it has any."""
        any_found = False
        for name in names:
            for method in member([obj], name):
                receiver = _receiver(method, obj)
                held = self._receivers.setdefault((method, receiver is not None), set())
                if receiver is not None:
                    held.add(receiver)
                any_found = True
        return any_found

    def follow(
        self, m: Machine, positional: tuple[Val, ...], keywords: tuple[tuple[str, Val], ...], site: ast.AST
    ) -> list[Val]:
        """Follow each of them with these arguments."""
        found: list[Val] = []
        for (method, is_bound), receivers in self._receivers.items():
            own = (Val(frozenset(receivers)),) if is_bound else ()
            found.append(follow(m, method, (*own, *positional), keywords, site))
        return found


def is_plain_instance(obj: Obj) -> bool:
    """Whether only code that was followed put anything into an instance: no base or decorator from elsewhere."""
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


def run_methods(m: Machine, value: Val, names: tuple[str, ...], values: list[Val], node: ast.AST) -> Val:
    """An operator or a loop runs special methods of the notebook's own classes; gives what they may return."""
    methods = _Methods()
    for obj in value.objs:
        if obj.cls is not None:
            methods.find(obj, *names)
    return union(methods.follow(m, (union(values),), (), node))


def run_getters(m: Machine, objs: Iterable[Obj], node: ast.Attribute) -> Val:
    """Reading an attribute of an instance runs its property, or `__getattr__` where there is no such attribute."""
    results: list[Val] = []
    for obj in objs:
        own = Val(frozenset({obj}))
        if obj.cls is None:
            continue
        methods = member([obj], node.attr)
        for method in methods:
            decorators = [ast.unparse(d) for d in getattr(method.node, "decorator_list", ())]
            if decorators and not {"staticmethod", "classmethod"} & set(decorators):
                results.append(follow(m, method, (own,), (), node))
                if any("cache" in d for d in decorators):
                    m.touch([obj], ast.unparse(node)[:60])
        if not methods:
            others = [*member([obj], "__getattr__"), *member([obj], "__getattribute__")]
            results += [follow(m, method, (own, SCALAR), (), node) for method in others]
    return union(results)


_ASKED_BY = {"len": ("__len__",), "hash": ("__hash__",), "bool": ("__bool__", "__len__"), "abs": ("__abs__",)}
_ASKED_BY |= dict.fromkeys(("print", "str", "repr", "format", "display"), ("__str__", "__repr__", "__format__"))


def _call_builtin(m: Machine, name: str, args: Arguments) -> Val:
    spec = known_methods.BUILTINS[name]
    for value in args.values if name in _ASKED_BY else ():
        run_methods(m, value, _ASKED_BY[name], [], args.node)
    if name == "open":
        spec = replace(spec, file=_open_mode(args))
    elif name == "print" and args.keyword("file") is not None:
        spec = replace(spec, touches="deep")
    elif name == "display" and args.keyword("display_id") is None:
        spec = known.SCALAR
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
            spec = known.PURE  # the local names of a function
        elif scopes.writes_namespace(m.active[-1] if m.active else m.unit.statement.node):
            spec = replace(spec, barrier="exec")
    elif name == "type" and len(args.positional) == 3:
        return fresh(m, args.node, args.values, kind="class")
    elif name in ("setattr", "delattr") and len(args.positional) > 1:
        for obj in args.positional[0].objs:
            if obj.kind == "module":
                set_config(m, f"{obj.label}.{args.positional[1].text or 'unknown'}")
    elif name == "id":
        m.identity = True
    elif name == "vars" and args.positional:
        spec = known.ALIAS
    elif name == "dir" and args.positional:
        spec = known.PURE
    elif name in ("list", "tuple", "set", "sorted", "dict", "sum", "max", "min", "any", "all", "next"):
        for value in args.positional[:1]:
            used = [o for o in value.objs if o.kind in ("iterator", "live", "unknown")]
            m.touch(used, f"{name}(…)")
    return apply(m, spec, args, None, name)


def _open_mode(args: Arguments) -> known.FileUse:
    node = args.keyword("mode") or (args.node.args[1] if len(args.node.args) > 1 else None)
    if node is None:
        return "r"
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return "rw"
    if "+" in node.value or "a" in node.value:
        return "rw"
    return "w" if set("wx") & set(node.value) else "r"


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
