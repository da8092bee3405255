"""Calls, abstractly: functions of the notebook are followed into, libraries are looked up, the rest may do anything."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import replace

from nb2flow.flow import known, known_methods, known_modules, lasting, library, magics, reexports, scopes, tables, texts
from nb2flow.flow.callbacks import held_functions
from nb2flow.flow.classes import (
    Methods,
    ancestors,
    class_of,
    class_value,
    extends_container,
    instantiate,
    is_own_class,
    is_plain_instance,
    member,
    note_attribute,
    own_methods,
)
from nb2flow.flow.dispatch import evaluate, expression, fresh
from nb2flow.flow.effects import HISTORY, INTERPRETER
from nb2flow.flow.following import follow
from nb2flow.flow.instances import ASKED_BY, add, ask, begin_loop, compare, copy, show, use_up
from nb2flow.flow.known import Call
from nb2flow.flow.machine import LATER, MANAGED, OF_NOTEBOOK, UNBOUND, Machine
from nb2flow.flow.outcomes import Arguments, apply, set_config
from nb2flow.flow.values import ATTRIBUTES, NOT_DATA, SCALAR, Obj, Val, in_order, union

_READING = frozenset(("read", "readline", "readlines", "read1", "tell"))
_FETCHING = frozenset(("fetchone", "fetchmany", "fetchall"))
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
    from_super = isinstance(func, ast.Attribute) and _is_super(func.value)
    if isinstance(func, ast.Attribute):
        receiver = _own_object(m, func.value) if from_super else evaluate(m, func.value)
        m.unit.attributes.add(func.attr)
    args = Arguments(
        node,
        tuple([evaluate(m, a) for a in node.args]),
        tuple([(k.arg or "", evaluate(m, k.value)) for k in node.keywords]),
    )
    if not m.frames:
        m.line, m.column = node.lineno, node.col_offset
    if receiver is not None and isinstance(func, ast.Attribute):
        if from_super:
            return _call_inherited(m, func.attr, receiver, args)
        if func.attr in ("__setattr__", "__delattr__") and _is_named(m, func.value, "object"):
            return _call_builtin(m, func.attr.strip("_"), args)
        if args.positional and _is_builtin_type(m, func.value):  # `list.append(a, 1)`
            args, receiver = replace(args, positional=args.positional[1:]), args.positional[0]
        if _is_attributes(func.value):
            _change_attributes(m, func.attr, receiver, args)
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


def _is_builtin_type(m: Machine, node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in MUTABLE_TYPES and node.id not in m.names


def _is_named(m: Machine, node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and name not in m.names


def _is_attributes(node: ast.expr) -> bool:
    """`vars(x)` or `x.__dict__`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "__dict__"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars" and bool(node.args)


def _change_attributes(m: Machine, name: str, receiver: Val, args: Arguments) -> None:
    """A method of the dictionary of an instance's attributes changes the instance."""
    spec = library.call_by_method(name)
    if spec is not None and spec.touches == "self":
        owners = [o for o in receiver.objs if o.kind != "module"]
        m.touch(owners, f"….{name}(…)")
        m.heap.link(owners, union(args.values).objs)
        note_attribute(m, owners, "")


def _own_object(m: Machine, node: ast.expr) -> Val:
    """What `super()` stands for in a method: its first parameter; in `super(C, x)` it is x."""
    given = node.args if isinstance(node, ast.Call) else []
    if len(given) == 2:
        return evaluate(m, given[1])
    function = m.active[-1] if m.active else None
    a = getattr(function, "args", None)
    first = next((p.arg for p in (*a.posonlyargs, *a.args)), "") if a is not None else ""
    return m.frames[-1].names.get(first, SCALAR) if m.frames else SCALAR


def _call_inherited(m: Machine, name: str, receiver: Val, args: Arguments) -> Val:
    """`super().name(…)`: the method of this name of any ancestor that may come next; one that is inherited from
    elsewhere changes its object at most."""
    here = m.functions[-1].home if m.functions else None
    methods, outside = Methods(), set[Obj]()
    for obj in in_order(receiver.objs):
        later = [
            c for c in ancestors(obj if obj.kind == "class" else obj.cls) if here is None or here not in ancestors(c)
        ]
        found = [f for c in later for f in own_methods(c, name)]
        for method in found:
            methods.add(method, obj)
        if not found:
            outside.add(obj)
    results = methods.follow(m, args.positional, args.keywords, args.node)
    if outside or not receiver.objs:
        results.append(apply(m, _INHERITED, args, Val(frozenset(outside)), name))
    return union(results)


_INHERITED = Call(touches="self", keeps=True, result="alias")


def invoke(m: Machine, callee: Val, args: Arguments) -> Val:
    """Call whatever `callee` may stand for."""
    results: list[Val] = []
    for obj in sorted(in_order(callee.objs), key=lambda o: o.kind):
        if obj.kind == "function":
            results.append(follow(m, obj, args.positional, args.keywords, args.node))
            if LATER in obj.flags:
                results.append(fresh(m, args.node, [Val(frozenset({obj})), *args.values], kind="unknown"))
        elif obj.kind == "class":
            results.append(instantiate(m, obj, args.positional, args.keywords, args.node))
        elif obj.kind == "module":
            results.append(_call_library(m, obj.label, args))
        elif member([obj], "__call__") or member([obj], "forward"):
            own = (Val(frozenset({obj})), *args.positional)
            methods = (*member([obj], "__call__"), *member([obj], "forward"))
            results += [follow(m, method, own, args.keywords, args.node) for method in methods]
            results.append(apply(m, known.UNKNOWN, args, Val(frozenset({obj})), ""))
        elif obj.label.startswith(known_modules.SELF_CONTAINED):
            results.append(apply(m, Call(touches="self", keeps=True, result="alias"), args, Val(frozenset({obj})), ""))
        else:
            if obj.label == UNBOUND:
                m.barrier("a function whose code is not seen", reads_only=OF_NOTEBOOK not in obj.flags)
                results.append(apply(m, known.UNKNOWN, args, None, ""))
                continue
            results += held_functions(m, obj, args.values, args.node)
            results.append(apply(m, known.UNKNOWN, args, Val(frozenset({obj})), ""))
    if not callee.objs:
        return apply(m, known.UNKNOWN, args, None, "")
    return union(results)


def _call_library(m: Machine, path: str, args: Arguments) -> Val:
    if path.startswith(("copy.", "pickle.")):
        copy(m, args.values, args.node)
    name = _method_of_class(path)
    if (
        name and not (library.call_by_path(path) or known.PURE).config and args.positional and args.positional[0].objs
    ):  # `pd.DataFrame.insert(table, …)`
        return _call_method(m, name, args.positional[0], replace(args, positional=args.positional[1:]))
    spec = library.call_by_path(path) or known.UNKNOWN
    if spec is known.UNKNOWN and library.seems_to_seed(path):
        spec = replace(spec, rng=(known.PY, known.NP, known.TORCH))
        m.unit.seeds |= frozenset(spec.rng)
        m.unit.fixed = True
    settles = args.node in m.unused and _settles(m, path, args)
    if settles and spec is known.UNKNOWN and library.sets_python_up(path):
        spec = Call(result="scalar")
    if settles:
        resource = INTERPRETER if library.changes_python(path) else "module:" + path.partition(".")[0]
        m.use_resource(resource, writes=True)
        lasting.hand_over(m, union(args.values), args.node, resource)
        m.unit.fixed = m.unit.fixed or library.begins_a_session(path)
    return apply(m, spec, args, None, path)


def _settles(m: Machine, path: str, args: Arguments) -> bool:
    """Whether a call whose value nobody gets changes what a library keeps."""
    if library.adds_to_what_it_keeps(path) or (library.sets_python_up(path) and args.values):
        return True
    data = any(o.kind not in NOT_DATA for o in union(args.values).objs)
    private = path.rpartition(".")[2]
    if private[:1] == "_" and private[:2] != "__" and not data:  # `sns.palettes._patch_colormap_display()`
        return True
    return not data and (library.sets_itself_up(path) or library.changes_what_was_added(path, m.resources))


def _method_of_class(path: str) -> str:
    """The method that a path to a library's class names, if it is one that changes its object; otherwise empty."""
    owner, _, name = path.rpartition(".")
    spec = library.call_by_method(name) if owner.rpartition(".")[2][:1].isupper() or owner in _ARRAYS else None
    return name if spec is not None and spec.touches == "self" else ""


_ARRAYS = frozenset({"numpy.ndarray", "collections.deque", "collections.defaultdict"})


def _call_method(m: Machine, name: str, receiver: Val, args: Arguments) -> Val:
    results: list[Val] = []
    plain: set[Obj] = set()
    methods = Methods()
    if name == "__subclasses__" and m.classes:
        return _subclasses(m, receiver, args.node)
    if name in ("query", "eval"):
        _names_in_query(m, args)
    elif name == "backward":  # gradients go to all that the value was computed from, which nothing here remembers
        made = (o for v in list(m.names.values()) for o in m.heap.reach(v.objs) if o.root == "torch")
        m.touch({o for o in made if o.kind != "module"}, f"….{name}()")
    for obj in in_order(receiver.objs):
        if obj.kind == "module":
            path = reexports.defined_as(f"{obj.label}.{name}")
            if obj.label == "IPython.shell":
                results.append(magics.line_magic(m, args.node))
                continue
            m.unit.modules.add(path.split(".")[0])
            results.append(_call_library(m, path, args))
            continue
        if methods.find(obj, name):
            continue
        nested = [o for o in in_order(class_value(obj, name).objs) if o.kind == "class"] if m.classes else []
        if nested:
            results += [invoke(m, Val(frozenset({cls})), args) for cls in nested]
            continue
        if obj.cls and is_plain_instance(obj):  # no method, so an attribute that was set: `self.callback(…)`
            results += [invoke(m, Val(frozenset({held})), args) for held in _callable(obj)]
            results += _call_given(m, obj, name, args)
        else:
            plain.add(obj)
    results += methods.follow(m, args.positional, args.keywords, args.node)
    if name in _COMPARING_METHODS:
        compare(m, [Val(frozenset(plain)), *args.values], args.node)
    if plain or not receiver.objs:
        of_path = name == "rename" or (name == "replace" and len(args.values) == 1 and receiver.objs)
        if of_path and receiver.text is not None:  # and not of a table, or a text
            for end in (receiver, *args.positional[:1]):
                m.use_file(posixpath.normpath(end.text) if end.text else None, writes=True, reads=end is receiver)
        spec = _method_spec(name, plain, unused=args.node in m.unused)
        for obj in (o for o in plain if o.kind == "class" and spec is known.UNKNOWN and not is_own_class(o)):
            m.flag(obj, MANAGED)  # `Shape.register(Square)`
        lasts = lasting.sets_for_good(m, name, plain)
        if lasts:
            spec = Call(touches="self", config=lasts, keeps=True, result="alias")
        if name == "copy" and any(not o.label.startswith(known_modules.SELF_CONTAINED) for o in plain):
            spec = known.HOLDS  # of a list or dict: what it holds is shared
        if not receiver.objs and spec is known.PURE and receiver.text is None:
            _no_scalar_after_all(m, name, args.node)
        if name == "keys" and not args.node.args:
            spec = known.HOLDS
        if tables.may_change_a_cell(m, name, args.node) and isinstance(args.node.func, ast.Attribute):
            tables.change_cell(m, args.node.func.value, plain)
        results.append(apply(m, spec, args, Val(frozenset(plain), receiver.text), name))
        if name == "keys":  # a view: its elements are plain, what it shows is what the dictionary has by then
            for obj in results[-1].objs:
                m.flag(obj, "keys")
    return union(results)


def _subclasses(m: Machine, receiver: Val, node: ast.Call) -> Val:
    """`Shape.__subclasses__()`: all classes made from it must be there."""
    asked = receiver.objs & m.classes
    found = [c for c in in_order(m.classes) if not asked or any(a in asked for a in ancestors(c) if a is not c)]
    for cls in found:
        if any(o is cls for o in m.names.get(cls.owner, SCALAR).objs):
            m.read_name(cls.owner)
    return fresh(m, node, [Val(frozenset(found))])


def _no_scalar_after_all(m: Machine, name: str, node: ast.Call) -> None:
    """A name whose value was taken for a number, and which has a method that changes things."""
    by_name = library.call_by_method(name)
    if by_name is not None and by_name.touches == "self" and isinstance(node.func, ast.Attribute):
        m.change_name(scopes.root_name(node.func.value))


def _call_given(m: Machine, obj: Obj, name: str, args: Arguments) -> list[Val]:
    """A method that an instance gets from whom it stands for, by `__getattr__`."""
    own = Val(frozenset({obj}))
    getters = [*member([obj], "__getattr__"), *member([obj], "__getattribute__")]
    given = union(follow(m, getter, (own, Val(text=name)), (), args.node) for getter in getters).objs
    others = frozenset(o for o in given if o.cls is None)  # not one of a kind that may ask itself again
    return [_call_method(m, name, Val(others), args)] if others else []


def _callable(obj: Obj) -> list[Obj]:
    """What an instance holds and its code may call, in the order of the places where it was defined."""
    held = [
        o
        for o in obj.contains
        if o is not obj.cls and "method" not in o.flags and (o.kind in ("function", "class") or member([o], "__call__"))
    ]
    return in_order(held)


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


def _method_spec(name: str, receivers: set[Obj], *, unused: bool) -> Call:
    if not receivers:
        by_name = library.call_by_method(name)
        return by_name if by_name is not None and by_name.file else known.PURE
    plain = [o for o in receivers if o.kind not in ("function", "class")]
    if not plain or any(o.cls is not None and not extends_container(o.cls) for o in plain):
        return (
            known.UNKNOWN
        )  # a method inherited from a library, or an attribute of a function: its name proves nothing
    if name in _PANDAS_PLAIN and all(o.label.startswith("pandas") for o in plain):
        if name in known_modules.PLOT_ATTRIBUTES:
            return Call(result="unknown", draws=True)
        if not unused:  # of a list in a cell of the table, say: tables have no such method that changes them
            return known.HOLDS
    if name in _READING and all(o.kind == "live" and o.label == "an open file" for o in plain):
        return Call(touches="self")  # text or bytes, which know nothing of the file any more
    if name in _FETCHING and any(o.kind == "live" for o in plain):
        return Call(touches="self")  # rows, which know nothing of the connection
    spec = known_methods.call_by_receiver(name, frozenset(o.label for o in plain)) or library.call_by_method(name)
    if spec is not None and (spec.touches != "none" or not any(library.is_of_unknown_class(o.label) for o in plain)):
        if spec is known.PURE and all(o.kind == "unknown" for o in plain):
            return known.HOLDS  # its name proves little: `chart.encode(…)` still has its table
        return spec
    if all(o.label.startswith(known_modules.SELF_CONTAINED) for o in plain):
        return Call(touches="self", keeps=True, result="alias")
    return known.UNKNOWN


_COPYING = frozenset({"list", "tuple", "set", "sorted", "frozenset"})
_COMPARING = frozenset({"sorted", "min", "max", "set", "frozenset", "dict"})
_COMPARING_METHODS = frozenset({"sort", "index", "count", "remove"})
_SHOWING = frozenset({"print", "str", "repr", "format", "display", "ascii"})
MUTABLE_TYPES = frozenset({"list", "dict", "set", "bytearray"})


def _call_builtin(m: Machine, name: str, args: Arguments) -> Val:
    spec = known_methods.BUILTINS[name]
    for value in args.values if name in ASKED_BY else ():
        ask(m, value, name, args.node)
    if name == "sum":
        add(m, args.values, args.node)
    if name == "iter":
        begin_loop(m, union(args.values), args.node)
    if name in _SHOWING:
        show(m, union(args.values), args.node)
    elif name in _COMPARING:
        compare(m, args.values, args.node)
    if name == "open":
        spec = replace(spec, file=_open_mode(args))
    elif name == "print" and args.keyword("file") is not None:
        spec = replace(spec, touches="deep")
    elif name == "display" and args.keyword("display_id") is None:
        spec = known.SCALAR
    elif name in ("eval", "exec"):
        found = texts.run(m, args)
        if found is not None:
            return found if name == "eval" else SCALAR
        if name == "exec":
            texts.run_unseen(m, args)
    elif name == "compile" and args.positional and not isinstance(args.node.args[0], ast.Starred):
        return Val(fresh(m, args.node, args.positional[:1]).objs, args.positional[0].text)
    elif name in ("globals", "locals") or (name == "vars" and not args.positional):
        if m.frames and name != "globals":
            return apply(m, known.PURE, args, None, name)  # the local names of a function
        _list_namespace(m, args)
        if not m.frames and _is_kept(m, args.node):
            apply(m, spec, args, None, name)
            everything = frozenset(o for v in m.names.values() for o in v.objs)
            return fresh(m, args.node, [Val(everything)], kind="live", label="the namespace itself")
        if scopes.writes_namespace(m.active[-1] if m.active else m.unit.statement.node):
            spec = replace(spec, barrier="exec")
    elif name == "object":  # made to be told from all others
        made = fresh(m, args.node)
        m.identified |= made.objs
        return made
    elif name == "type" and len(args.positional) == 3:
        return fresh(m, args.node, args.values, kind="class")
    elif name == "type" and args.positional:
        return class_of(args.positional[0])
    elif name in ("setattr", "delattr") and len(args.positional) > 1:
        note_attribute(m, args.positional[0].objs, args.positional[1].text or "")
        for obj in in_order(args.positional[0].objs):
            if obj.kind == "module":
                resource = set_config(m, f"{obj.label}.{args.positional[1].text or 'unknown'}")
                lasting.hand_over(m, union(args.positional[2:]), args.node, resource)
    elif name == "id":
        m.identity = True
        return fresh(m, args.node, kind="live", label=known.ADDRESS)
    elif name == "dir" and not args.positional:
        if m.frames:
            spec = known.PURE
        else:
            _list_namespace(m, args)
    elif name == "vars" and args.positional:
        held = [o for o in args.positional[0].objs if o.kind not in NOT_DATA]
        attributes = frozenset({m.alloc("data", ATTRIBUTES, site=args.node, holds=held)} if held else ())
        return apply(m, known.ALIAS, args, None, name) | Val(attributes)
    elif name == "dict" and args.positional and any(o.label == ATTRIBUTES for o in args.positional[0].objs):
        owners = frozenset(h for o in args.positional[0].objs if o.label == ATTRIBUTES for h in o.contains)
        return fresh(m, args.node, [*args.values[1:], Val(frozenset(h for o in owners for h in o.contains - {o.cls}))])
    elif name == "sum" and len(args.values) > 1:
        spec = known.ALIAS
    elif (name == "dir" and args.positional) or (
        name in _COPYING and args.values and all("keys" in o.flags for v in args.values for o in v.objs)
    ):
        spec = known.PURE
    elif name in ("list", "tuple", "set", "sorted", "dict", "sum", "max", "min", "any", "all", "next"):
        for value in args.positional[:1]:
            use_up(m, value, f"{name}(…)", args.node)
    return apply(m, spec, args, None, name)


def _list_namespace(m: Machine, args: Arguments) -> None:
    """The names of the whole namespace are asked for, among them what IPython calls the cells' inputs and outputs."""
    node = m.active[-1] if m.active else m.unit.statement.node
    if scopes.lists_namespace(node) or args.node not in ast.walk(node):  # it stands in a text
        m.use_resource(HISTORY, writes=False, text="the names of all inputs and outputs")


def _is_kept(m: Machine, node: ast.Call) -> bool:
    """Whether the value of a call is given a name at once."""
    statement = m.unit.statement.node
    return isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is node


def _open_mode(args: Arguments) -> known.FileUse:
    node = args.keyword("mode") or (args.node.args[1] if len(args.node.args) > 1 else None)
    if node is None:
        return "r"
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return "rw"
    if "+" in node.value or "a" in node.value:
        return "rw"
    return "w" if set("wx") & set(node.value) else "r"
