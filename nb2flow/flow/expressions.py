"""Expressions, abstractly: what each may stand for, and what evaluating it does to the machine.

One function for each kind of node that matters; `dispatch` finds it, and for any other kind evaluates the children and
takes the result for a fresh object that may hold them. Calls are in `calls`.
"""

from __future__ import annotations

import ast
import posixpath

from nb2flow.flow import callbacks, classes, instances, known, known_modules, lasting, outcomes, scopes, tables
from nb2flow.flow.dispatch import evaluate, expression, fresh
from nb2flow.flow.machine import Branch, Frame, Machine
from nb2flow.flow.values import ATTRIBUTES, SCALAR, Obj, Val, in_order, union


def lookup(m: Machine, name: str, *, mention: bool = True) -> Val:
    """A name, by Python's rules: local, enclosing, global, builtin."""
    if m.frames:
        frame = m.frames[-1]
        if name in frame.local and (frame.encloses or name in frame.names):  # a class sees names before it binds them
            return frame.names.get(name, SCALAR)
        if name not in frame.globals and name in frame.outer:
            return frame.outer[name]
    return m.read_name(name, mention=mention)


def assign_name(m: Machine, name: str, value: Val) -> None:
    """Bind a name in the scope at work."""
    if m.frames:
        frame = m.frames[-1]
        if name in frame.local:
            old = frame.names.get(name)
            frame.names[name] = value if old is None or not frame.conditional else old | value
            return
        if name in frame.nonlocals:
            frame.outer[name] = frame.outer.get(name, SCALAR) | value
            text = f"nonlocal {name}"
            m.touch(m.functions[-1:], text)  # the function itself keeps it from call to call
            m.touch([o for function in m.functions[-1:] for o in function.contains if o.label == _CELLS], text)
            return
    instances.finalize(m, name, m.unit.statement.node)
    m.write_name(name, value)


@expression(ast.Constant)
def _constant(m: Machine, node: ast.Constant) -> Val:
    return Val(text=node.value) if isinstance(node.value, str) else SCALAR


@expression(ast.Name)
def _name(m: Machine, node: ast.Name) -> Val:
    if m.frames and node.id in m.frames[-1].local and m.frames[-1].encloses:
        return m.frames[-1].names.get(node.id, SCALAR)
    value = lookup(m, node.id)
    if node.id in m.parameters and m.names.get(node.id) is value and node.id in m.versions:
        return Val(value.objs, "{" + node.id + "}")
    return value


@expression(ast.Attribute)
def _attribute(m: Machine, node: ast.Attribute) -> Val:
    return attribute(m, node, evaluate(m, node.value))


def attribute(m: Machine, node: ast.Attribute, base: Val) -> Val:
    """`base.attr`, read."""
    m.unit.attributes.add(node.attr)
    found: list[Val] = []
    rest: set[Obj] = set()
    for obj in in_order(base.objs):
        if obj.kind == "module":
            path = f"{obj.label}.{node.attr}"
            if path in known_modules.CONFIG_TARGETS and path in _READ_BY_CONSTANTS:
                m.use_resource(known_modules.CONFIG_TARGETS[path], writes=False)
            found.append(m.module(path))
            _read_submodule(m, path)
        elif obj.kind == "class" and obj.scope and node.attr in obj.scope:
            found.append(obj.scope[node.attr])
        elif obj.label.startswith("matplotlib"):
            found.append(
                Val(frozenset({obj}))
            )  # parts of a figure are the figure; the data drawn are not reached by it
        else:
            rest.add(obj)
    if rest and node.attr == "__class__":
        return union([*found, classes.class_of(Val(frozenset(rest)))])
    if rest and node.attr in m.accessors:
        own = (Val(frozenset(rest)),)
        found += [classes.instantiate(m, cls, own, (), node) for cls in in_order(m.accessors[node.attr])]
    if rest and node.attr in ("__array_interface__", "ctypes"):
        return fresh(m, node, kind="live", label=known.ADDRESS)
    if rest and node.attr == ATTRIBUTES:
        found.append(Val(frozenset({m.alloc("data", ATTRIBUTES, site=node, holds=rest)})))
    if rest and node.attr not in known_modules.SCALAR_ATTRIBUTES:
        methods = [classes.bound(m, f, obj, node) for obj in in_order(rest) for f in classes.member([obj], node.attr)]
        if methods:
            found.append(Val(frozenset(methods)))
        found.append(instances.run_getters(m, rest, node))
        inside: set[Obj] = set()
        for obj in rest:  # an attribute of an instance is something that it holds; of anything else it may be a view
            held = m.heap.reach(frozenset(obj.contains - {obj.cls})) if obj.cls else frozenset[Obj]()
            inside |= held
            if not held or not classes.is_plain_instance(obj):
                inside |= m.heap.reach(frozenset({obj}))
            if obj.cls and obj.cls.scope and node.attr in obj.cls.scope:
                inside |= m.heap.reach(obj.cls.scope[node.attr].objs)
        if not any(o.cls for o in rest):
            inside = {o for o in inside if o.kind not in ("class", "function")} or set(rest)
        inside = {o for o in inside if "method" not in o.flags and (o.kind != "class" or o in rest)}
        if node.attr in ("__defaults__", "__kwdefaults__", "__closure__"):  # a tuple of what is inside
            inside |= fresh(m, node, [Val(frozenset(inside))]).objs
        inside |= {o for obj in rest if obj.cls for o in classes.class_value(obj, node.attr).objs if o.kind == "class"}
        found.append(Val(frozenset(inside)))
    return union(found) if found else SCALAR


def _read_submodule(m: Machine, path: str) -> None:
    """`a.b` is there because it was imported: by the last statement that did, if what it bound still tells."""
    name = m.submodules.get(path)
    if name is not None and name in m.names:
        bound = [o.label for o in m.names[name].objs if o.kind == "module"]
        if any(label == path or label.startswith(path + ".") or path.startswith(label + ".") for label in bound):
            m.read_name(name)


# What `name = os.environ["HOME"]` and the like look at, which is run again in later steps.
_READ_BY_CONSTANTS = frozenset(["os.environ", "sys.path", "matplotlib.rcParams", "matplotlib.pyplot.rcParams"])
_COPYING_INDEX = (ast.Compare, ast.List, ast.ListComp)


@expression(ast.Subscript)
def _subscript(m: Machine, node: ast.Subscript) -> Val:
    base = evaluate(m, node.value)
    index = evaluate(m, node.slice)
    made = [
        v
        for obj in in_order(base.objs)
        if obj.label == "collections.defaultdict"
        for v in callbacks.held_functions(m, obj, [index], node)
    ]
    own = instances.run_methods(m, base, ("__getitem__", "__missing__"), [index], node)
    _as_key(m, index, node)
    m.touch([o for o in base.objs if o.label == "collections.defaultdict"], f"{ast.unparse(node)[:60]}")  # adds a key
    return union([subscript(m, node, base), own, *made])


def _as_key(m: Machine, value: Val, node: ast.AST) -> None:
    """Instances that are looked up by, or put into a set, are asked for their hash."""
    if m.classes:
        instances.run_methods(m, value, ("__hash__", "__eq__", "__index__"), [value], node)


def subscript(m: Machine, node: ast.Subscript, base: Val) -> Val:
    """`base[…]`, read. Boolean and list indices copy (NumPy, pandas); the rest may be a view or an element."""
    if not base.objs:
        return SCALAR
    index = node.slice
    masks = isinstance(index, ast.BinOp) and isinstance(index.op, ast.BitAnd | ast.BitOr)
    inverted = isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert)
    if isinstance(index, _COPYING_INDEX) or masks or inverted:
        selected = m.alloc("data", _origin(base), site=node)
        tables.keep_cells(m, selected, base)
        return Val(frozenset({selected}))
    if tables.is_text_of_cells(node.value, base.objs):
        return Val(frozenset({m.alloc("data", _origin(base), site=node)}))
    modules = [o for o in base.objs if o.kind == "module"]
    if modules:
        own = isinstance(index, ast.Constant) and index.value != "__main__"
        if not own and any(o.label == "sys.modules" for o in modules):
            m.barrier("`sys.modules` may give the namespace itself")
        return union([*(m.module(o.label) for o in modules), fresh(m, node)])
    if isinstance(index, ast.Slice):
        copies = fresh(m, node, [parts(m, base)])  # of a list; of an array it is a view
        for obj in copies.objs:
            obj.flags.add("container")
        return copies | Val(frozenset(o for o in base.objs if "container" not in o.flags))
    return parts(m, base)


def _origin(value: Val) -> str:
    return next((o.label for o in in_order(value.objs) if o.kind == "data" and o.label), "")


@expression(ast.BinOp)
def _binop(m: Machine, node: ast.BinOp) -> Val:
    left, right = evaluate(m, node.left), evaluate(m, node.right)
    if isinstance(node.op, ast.Mod) and (left.text is not None or isinstance(node.left, ast.Constant)):
        instances.show(m, right, node)
    if left.text is not None and right.text is not None:
        if isinstance(node.op, ast.Div):
            return Val(left.objs | right.objs, posixpath.join(left.text, right.text))
        if isinstance(node.op, ast.Add):
            return Val(left.objs | right.objs, left.text + right.text)
    if not left.objs and not right.objs:
        return SCALAR
    own = SCALAR
    for operand in (left, right):
        own |= instances.run_methods(
            m, operand, (_BINARY.get(type(node.op), ""), _REFLECTED.get(type(node.op), "")), [left, right], node
        )
    joins = isinstance(node.op, ast.Add) or (
        isinstance(node.op, ast.BitOr) and any("container" in o.flags for o in left.objs | right.objs)
    )
    holding = [left, right] if joins and left.objs and right.objs else []
    if isinstance(node.op, ast.Mult):  # `rows * 2` has each row twice
        lists = all("container" in o.flags for o in left.objs | right.objs)
        holding = [parts(m, left | right)] if lists and not (left.objs and right.objs) else []
    obj = m.alloc(
        "data",
        _origin(left) or _origin(right),
        site=node,
        holds=frozenset().union(*(v.objs for v in holding)) if holding else (),
    )
    return Val(frozenset({obj})) | own


_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "__add__", ast.Sub: "__sub__", ast.Mult: "__mul__", ast.Div: "__truediv__", ast.MatMult: "__matmul__",
    ast.FloorDiv: "__floordiv__", ast.Mod: "__mod__", ast.Pow: "__pow__", ast.BitAnd: "__and__", ast.BitOr: "__or__",
    ast.BitXor: "__xor__", ast.LShift: "__lshift__", ast.RShift: "__rshift__",
}  # fmt: skip
IN_PLACE = {op: "__i" + name[2:] for op, name in _BINARY.items()}
_REFLECTED = {op: "__r" + name[2:] for op, name in _BINARY.items()}
_UNARY: dict[type[ast.AST], str] = {ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__"}


def operate_in_place(m: Machine, node: ast.AugAssign, old: Val, value: Val) -> Val:
    """What the operators of the notebook's own classes do to `old` in `old += value`, and give."""
    kind = type(node.op)
    own = instances.run_methods(m, old, (IN_PLACE.get(kind, ""), _BINARY.get(kind, "")), [value], node)
    return own | instances.run_methods(m, value, (_REFLECTED.get(kind, ""),), [old], node)


@expression(ast.BoolOp)
def _boolop(m: Machine, node: ast.BoolOp) -> Val:
    values = [evaluate(m, node.values[0])]
    with Branch(m):
        values += [evaluate(m, v) for v in node.values[1:]]
    for value in values[:-1]:
        instances.ask_truth(m, value, node)
    return union(values)


@expression(ast.Compare)
def _compare(m: Machine, node: ast.Compare) -> Val:
    values = [evaluate(m, v) for v in (node.left, *node.comparators)]
    asks = any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
    if asks and not any(isinstance(v, ast.Constant) for v in (node.left, *node.comparators)):
        m.identity = True
    for value in values:
        instances.run_methods(
            m, value, ("__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__", "__contains__"), values, node
        )
    for op, value in zip(node.ops, values[1:], strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            instances.use_up(m, value, ast.unparse(node)[:60], node)
            instances.compare(m, values, node)
    return SCALAR if not any(v.objs for v in values) else fresh(m, node)


@expression(ast.UnaryOp)
def _unary(m: Machine, node: ast.UnaryOp) -> Val:
    value = evaluate(m, node.operand)
    if isinstance(node.op, ast.Not):
        instances.ask_truth(m, value, node)
        return SCALAR
    own = instances.run_methods(m, value, (_UNARY[type(node.op)],), [], node)
    return SCALAR if not value.objs else fresh(m, node) | own


@expression(ast.IfExp)
def _ifexp(m: Machine, node: ast.IfExp) -> Val:
    instances.ask_truth(m, evaluate(m, node.test), node)
    with Branch(m):
        return evaluate(m, node.body) | evaluate(m, node.orelse)


@expression(ast.JoinedStr)
def _joined(m: Machine, node: ast.JoinedStr) -> Val:
    parts: list[str | None] = []
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value))
        elif isinstance(value, ast.FormattedValue):
            part = evaluate(m, value.value)
            instances.show(m, part, node)
            parts.append(part.text if value.format_spec is None else None)
            if value.format_spec is not None:
                evaluate(m, value.format_spec)
    return Val(text="".join(p for p in parts if p is not None) if None not in parts else None)


@expression(ast.List, ast.Set, ast.Dict)
def _container(m: Machine, node: ast.expr) -> Val:
    if isinstance(node, ast.Dict):
        keys = [evaluate(m, k) for k in node.keys if k is not None]
        values = [evaluate(m, v) for v in node.values]
        values = [parts(m, v) if k is None else v for k, v in zip(node.keys, values, strict=True)]
    else:
        keys = values = [evaluate(m, c) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
    if not isinstance(node, ast.List):
        for key in keys:
            _as_key(m, key, node)
    return _holder(m, node, [*keys, *values] if keys is not values else values)


def _holder(m: Machine, node: ast.expr, values: list[Val]) -> Val:
    """A list, tuple, set or dict: its elements are what it holds, never the container itself (as a view might be)."""
    value = fresh(m, node, values)
    for obj in value.objs:
        obj.flags.add("container")
    return value


def parts(m: Machine, value: Val) -> Val:
    """What an element, an item or a view of `value` may be."""
    found: set[Obj] = set()
    for obj in value.objs:
        if "keys" in obj.flags:
            continue
        if "container" in obj.flags:
            found |= obj.contains
        elif obj.kind == "iterator":
            for held in obj.contains:
                found |= held.contains if "container" in held.flags else m.heap.reach(frozenset({held}))
        else:
            found |= m.heap.reach(frozenset({obj})) - m.classes
    return Val(frozenset([o for o in found if "method" not in o.flags]))


@expression(ast.Tuple)
def _tuple(m: Machine, node: ast.Tuple) -> Val:
    values = [evaluate(m, e) for e in node.elts]
    if not any(v.objs for v in values):
        return SCALAR
    made = _holder(m, node, values)
    for obj in made.objs:
        obj.items = tuple(values) if not any(isinstance(e, ast.Starred) for e in node.elts) else None
    return made


@expression(ast.Starred)
def _starred(m: Machine, node: ast.Starred) -> Val:
    value = evaluate(m, node.value)
    iterate(m, value, node.value)
    return Val(m.heap.reach(value.objs))


@expression(ast.Lambda)
def _lambda(m: Machine, node: ast.Lambda) -> Val:
    defaults = [evaluate(m, d) for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
    return Val(frozenset({function_object(m, node, defaults)}))


def function_object(m: Machine, node: scopes.FunctionNode, holds: list[Val]) -> Obj:
    """The object that a `def` or `lambda` makes; it holds its defaults and what it closes over."""
    obj = m.alloc("function", site=node, holds=frozenset().union(*(v.objs for v in holds)) if holds else ())
    obj.node = node
    if scopes.evaluates_text(node):
        obj.flags.add("eval")
    if m.frames:
        frame = m.frames[-1]
        obj.scope = {**frame.outer, **frame.names} if frame.encloses else dict(frame.outer)
        inner = scopes.global_names(node)
        m.heap.link(
            [obj], frozenset().union(*(v.objs for n, v in obj.scope.items() if n in inner)) if obj.scope else ()
        )
        m.heap.link([obj], _cells(m))
        frame.made.append(obj)
    return obj


_CELLS = "the variables of a function"


def _cells(m: Machine) -> list[Obj]:
    """What the functions made in one call share if one of them binds a variable of it (`nonlocal`), and so do those
    made in them."""
    found = [o for function in m.functions[-1:] for o in function.contains if o.label == _CELLS]
    if m.active and scopes.binds_outside(m.active[-1]):
        found.append(m.alloc("data", _CELLS, site=("cells", m.active[-1])))
    return found


@expression(ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
def _comprehension(m: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Val:
    names, walruses = scopes.names_of_comprehension(node)
    outer = m.frames[-1] if m.frames else None
    first = evaluate(m, node.generators[0].iter)
    frame = Frame({}, names)
    if outer is not None:
        frame.outer = {**outer.outer, **outer.names}
        frame.globals = outer.globals
    m.frames.append(frame)
    try:
        for k, generator in enumerate(node.generators):
            value = first if k == 0 else evaluate(m, generator.iter)
            assign_each(m, generator.target, generator.iter, value)
            for test in generator.ifs:
                instances.ask_truth(m, evaluate(m, test), node)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        values = [evaluate(m, p) for p in parts]
    finally:
        m.frames.pop()
    for name in walruses:
        assign_name(m, name, union(values))
    if isinstance(node, ast.GeneratorExp):
        obj = m.alloc("live", "a generator", site=node, holds=frozenset().union(first.objs, *(v.objs for v in values)))
        return Val(frozenset({obj}))
    return _holder(m, node, values)


@expression(ast.NamedExpr)
def _named(m: Machine, node: ast.NamedExpr) -> Val:
    value = evaluate(m, node.value)
    assign_name(m, node.target.id, value)
    return value


@expression(ast.Await)
def _await(m: Machine, node: ast.Await) -> Val:
    return evaluate(m, node.value)


@expression(ast.Yield, ast.YieldFrom)
def _yield(m: Machine, node: ast.Yield | ast.YieldFrom) -> Val:
    value = evaluate(m, node.value) if node.value is not None else SCALAR
    if m.frames:
        m.frames[-1].returned.append(value)
    return SCALAR


@expression(ast.Slice)
def _slice(m: Machine, node: ast.Slice) -> Val:
    for part in (node.lower, node.upper, node.step):
        if part is not None:
            evaluate(m, part)
    return SCALAR


def iterate(m: Machine, value: Val, node: ast.expr) -> Val:
    """One element of `value`. Iterators are used up by it: that changes them."""
    if not value.objs:
        return SCALAR
    if any(o.kind in ("iterator", "live", "unknown") for o in value.objs):
        instances.use_up(m, value, f"for … in {ast.unparse(node)[:40]}", node)
    instances.begin_loop(m, value, node)
    own = instances.run_methods(m, value, ("__iter__", "__next__", "__getitem__", "__len__"), [value], node)
    return parts(m, value) | own


def assign(m: Machine, target: ast.expr, value: Val) -> None:
    """Store `value` into a target of any shape."""
    if isinstance(target, ast.Name):
        if not m.frames:
            m.line = target.lineno
        assign_name(m, target.id, value)
    elif isinstance(target, ast.Tuple | ast.List):
        for part, element in zip(target.elts, _unpacked(m, value, target.elts), strict=True):
            assign(m, part, element)
    elif isinstance(target, ast.Starred):
        assign(m, target.value, fresh(m, target, [value]))
    elif isinstance(target, ast.Attribute | ast.Subscript):
        store_part(m, target, value)


def _unpacked(m: Machine, value: Val, targets: list[ast.expr]) -> list[Val]:
    count = len(targets)
    rows = [o.items for o in value.objs if o.items is not None]
    plain = not any(isinstance(t, ast.Starred) for t in targets)
    if plain and rows and len(rows) == len(value.objs) and all(len(r) == count for r in rows):
        return [union([row[k] for row in rows]) for k in range(count)]
    return [iterate(m, value, targets[0]) if value.objs else SCALAR] * count


def assign_each(m: Machine, target: ast.expr, node: ast.expr, value: Val) -> None:
    """The target of a loop over `node` (evaluated to `value`); `zip`, `enumerate` and `.items()` by position."""
    element = iterate(m, value, node)
    if isinstance(node, ast.Call) and isinstance(target, ast.Tuple):
        places = _places(m, node, len(target.elts))
        if places is not None:
            for part, held in zip(target.elts, places, strict=True):
                assign(m, part, held)
            return
    assign(m, target, element)


def _places(m: Machine, node: ast.Call, count: int) -> list[Val] | None:
    """What stands at each place of the tuples that the call gives; None when that cannot be told."""
    name = node.func.id if isinstance(node.func, ast.Name) and node.func.id not in m.names else ""
    if any(isinstance(a, ast.Starred) for a in node.args):
        return None
    if name == "zip" and len(node.args) == count:
        return [parts(m, _again(m, a)) for a in node.args]
    if name == "enumerate" and node.args and count == 2:
        return [SCALAR, parts(m, _again(m, node.args[0]))]
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in ("items", "iterrows", "iteritems")
        and not node.args
        and count == 2
    ):
        return [SCALAR, parts(m, _again(m, node.func.value))]
    return None


def _again(m: Machine, node: ast.expr) -> Val:
    """The value of an expression that was evaluated just before (the same objects: sites are remembered)."""
    return evaluate(m, node)


_ONE_DICTIONARY = "an instance whose attributes lie in a dictionary that others have, too"


def store_part(m: Machine, target: ast.Attribute | ast.Subscript, value: Val) -> None:
    """`x.a = v`, `x[k] = v`: changes the object itself, which holds the value from now on."""
    if isinstance(target, ast.Subscript) and scopes.is_namespace(target.value) and not m.frames:
        key = target.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            m.write_name(key.value, value)
            return
    base = evaluate(m, target.value)
    if isinstance(target, ast.Subscript):
        _as_key(m, evaluate(m, target.slice), target)
    modules = outcomes.modules_meant(base)
    if isinstance(target, ast.Attribute) and target.attr in lasting.STREAM_ATTRIBUTES:
        lasting.give_stream(m, base.objs, value)
        modules = []
    for obj in modules:
        path = f"{obj.label}.{target.attr}" if isinstance(target, ast.Attribute) else obj.label
        lasting.hand_over(m, value, target, outcomes.set_config(m, path))
    if base.objs and not modules:
        lasting.change_what_is_kept(m, target.value)
    rest = m.meant(o for o in in_order(base.objs) if o.kind != "module")
    given = value.objs
    text = ast.unparse(target)[:60] + " = …"
    m.touch(rest, text)
    for root, depth in (("pandas", 2), ("numpy", 1)) if given else ():
        if any(o.root == root for o in rest):
            tables.find_cells(m, [value], depth)
    if isinstance(target.value, ast.Subscript) and getattr(target.value.value, "attr", "") in (
        "loc",
        "iloc",
        "at",
        "iat",
    ):
        tables.change_cell(m, target.value, rest)
    if not base.objs:
        m.change_name(scopes.root_name(target.value))
    if (
        isinstance(target, ast.Attribute) and target.attr == "__dict__"
    ):  # what is set on one is set on all that share it
        for obj in rest:
            m.flag(obj, "borrows")
        if any(o.holders or m.named(o) for o in given):
            m.heap.link(rest, [m.alloc("live", _ONE_DICTIONARY, site=target)])
    m.touch([o for obj in rest if "borrows" in obj.flags for o in obj.contains - {obj.cls}], text)
    if isinstance(target, ast.Subscript):
        instances.run_methods(m, base, ("__setitem__",), [value], target)
    else:
        if given:
            classes.note_attribute(m, rest, target.attr.replace("__dict__", ""))
        instances.run_methods(m, base, ("__setattr__", target.attr), [value], target)
        instances.run_descriptors(m, base.objs, target.attr, "__set__", [base, value], target)
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
        given |= outcomes.held(m, given)
    m.heap.link(rest, given)
