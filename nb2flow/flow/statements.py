"""Statements, abstractly: binding, branching, defining.

What a branch or a loop writes is written perhaps; a loop's body is gone through twice, so that what its end does is
seen by its beginning (reachability only ever grows, so twice is enough for one nesting).
"""

from __future__ import annotations

import ast
from itertools import accumulate
from weakref import WeakKeyDictionary

from nb2flow.flow import (
    calls,
    classes,
    expressions,
    following,
    instances,
    lasting,
    library,
    magics,
    outcomes,
    reexports,
    scopes,
    standard_library,
)
from nb2flow.flow.dispatch import evaluate, execute, fresh, statement
from nb2flow.flow.effects import INTERPRETER, MAGICS
from nb2flow.flow.machine import BUILTIN_NAMES, LATER, Branch, Frame, Machine
from nb2flow.flow.values import NOT_DATA, SCALAR, Obj, Val, in_order

_CACHES = ("functools.lru_cache", "functools.cache")
_COMPILED = "a function that is compiled with the values that names had then"
_CALLING_LATER = ("dask", "ray", "prefect", "joblib")  # what they decorate is called when somebody asks for the result
_REGISTER_MAGIC = ("IPython.core.magic.register_", "IPython.core.magic.magics_class")


def _branches(m: Machine, bodies: list[list[ast.stmt]], *, exhaustive: bool) -> None:
    """Alternatives: bound for certain is only what each of them binds."""
    before = set(m.bound)
    outcomes: list[set[str]] = []
    with Branch(m):
        for body in bodies:
            m.bound = set(before)
            execute(m, body)
            if not _leaves(body):
                outcomes.append(m.bound)
    if not exhaustive:
        outcomes.append(before)
    m.bound = set.intersection(*outcomes) if outcomes else before


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break)


@statement(ast.Assign)
def _assign(m: Machine, node: ast.Assign) -> None:
    value = _own_definition(m, node.targets, evaluate(m, node.value))
    for target in node.targets:
        expressions.assign(m, target, value)


def _own_definition(m: Machine, targets: list[ast.expr], value: Val) -> Val:
    for obj in in_order(value.objs):
        if obj.kind in ("function", "class") and not obj.owner and isinstance(targets[0], ast.Name):
            m.own(obj, targets[0].id, obj.home)
    return value


@statement(ast.AnnAssign)
def _annotated(m: Machine, node: ast.AnnAssign) -> None:
    if not m.future_annotations and not (m.frames and m.frames[-1].encloses):  # of local names nobody looks at them
        evaluate(m, node.annotation)
    if node.value is not None:
        expressions.assign(m, node.target, evaluate(m, node.value))
    if m.keeps_annotations and not m.frames and isinstance(node.target, ast.Name):
        with Branch(m):
            m.write_name("__annotations__", fresh(m, node))
        m.bound.discard("__annotations__")  # an item is added: what was there before is part of it


@statement(ast.AugAssign)
def _augmented(m: Machine, node: ast.AugAssign) -> None:
    value = evaluate(m, node.value)
    target = node.target
    if isinstance(target, ast.Name):
        old = expressions.lookup(m, target.id)
        if old.objs:
            m.touch(old.objs, ast.unparse(node)[:60])
            m.heap.link([o for o in old.objs if o.kind != "module"], value.objs)
            result = old | fresh(m, node, [value])
        else:
            text = old.text + value.text if isinstance(node.op, ast.Add) and old.text and value.text else None
            result = Val(text=text) if not value.objs else fresh(m, node, [value])
        result |= expressions.operate_in_place(m, node, old, value)
        expressions.assign_name(m, target.id, result)
        return
    old = evaluate(m, _loaded(target))
    own = expressions.operate_in_place(m, node, old, value)
    if isinstance(target, ast.Subscript) or classes.may_hold(evaluate(m, target.value).objs, target.attr):
        _change_held(m, node, old, value)
    expressions.store_part(m, target, value | own)


def _change_held(m: Machine, node: ast.AugAssign, old: Val, value: Val) -> None:
    """An item or attribute is changed itself, for whoever else has it, where it can be: a list by another list, an
    array by anything."""
    changed = [o for o in old.objs if (value.objs or "container" not in o.flags) and not classes.is_plain_instance(o)]
    m.touch(changed, ast.unparse(node)[:60])
    m.heap.link([o for o in changed if o.kind != "module"], value.objs)


def _loaded(target: ast.Attribute | ast.Subscript) -> ast.expr:
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)


@statement(ast.Delete)
def _delete(m: Machine, node: ast.Delete) -> None:
    for target in node.targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(part, ast.Name):
                if m.frames and part.id in m.frames[-1].local:
                    m.frames[-1].names.pop(part.id, None)
                else:
                    instances.finalize(m, part.id, part)
                    m.delete_name(part.id)
            elif isinstance(part, ast.Attribute | ast.Subscript):
                base = evaluate(m, part.value)
                if isinstance(part, ast.Subscript):
                    evaluate(m, part.slice)
                for obj in outcomes.modules_meant(base):
                    outcomes.set_config(m, obj.label)
                m.touch(base.objs, f"del {ast.unparse(part)[:50]}")
                if isinstance(part, ast.Attribute):
                    instances.run_methods(m, base, ("__delattr__",), [], part)
                    instances.run_descriptors(m, base.objs, part.attr, "__delete__", [base], part)
                else:
                    instances.run_methods(m, base, ("__delitem__",), [], part)


@statement(ast.If)
def _if(m: Machine, node: ast.If) -> None:
    instances.ask_truth(m, evaluate(m, node.test), node)
    if _is_main_guard(node.test):
        execute(m, node.body)
        return
    _branches(m, [node.body, node.orelse], exhaustive=True)


def _is_main_guard(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )


@statement(ast.For, ast.AsyncFor)
def _for(m: Machine, node: ast.For | ast.AsyncFor) -> None:
    value = evaluate(m, node.iter)
    before = set(m.bound)
    with Branch(m):
        for _ in range(2):
            expressions.assign_each(m, node.target, node.iter, value)
            execute(m, node.body)
        m.bound = set(before)
        execute(m, node.orelse)
    m.bound = before


@statement(ast.While)
def _while(m: Machine, node: ast.While) -> None:
    instances.ask_truth(m, evaluate(m, node.test), node)
    before = set(m.bound)
    with Branch(m):
        for _ in range(2):
            execute(m, node.body)
            instances.ask_truth(m, evaluate(m, node.test), node)
        m.bound = set(before)
        execute(m, node.orelse)
    m.bound = before


@statement(ast.Try, ast.TryStar)
def _try(m: Machine, node: ast.Try | ast.TryStar) -> None:
    before = set(m.bound)
    with Branch(m):
        execute(m, node.body)
        execute(m, node.orelse)
        outcomes = [set(m.bound)]
        for handler in node.handlers:
            m.bound = set(before)
            if handler.type is not None:
                evaluate(m, handler.type)
            if handler.name:
                expressions.assign_name(m, handler.name, SCALAR)
                m.bound.discard(handler.name)
            execute(m, handler.body)
            if not _leaves(handler.body):
                outcomes.append(set(m.bound))
    m.bound = set.intersection(*outcomes)
    execute(m, node.finalbody)


@statement(ast.With, ast.AsyncWith)
def _with(m: Machine, node: ast.With | ast.AsyncWith) -> None:
    for item in node.items:
        value = evaluate(m, item.context_expr)
        entered = instances.run_methods(m, value, ("__enter__", "__exit__"), [], node)
        if item.optional_vars is not None:
            expressions.assign(m, item.optional_vars, value | entered)
    execute(m, node.body)
    for item in node.items:  # closed at the end: what is left of it is a closed file, which nobody carries on purpose
        if isinstance(item.optional_vars, ast.Name) and not m.frames:
            name = item.optional_vars.id
            held = m.names.get(name)
            if held is not None and any(o.kind == "live" for o in held.objs):
                m.unit.live[name] = "a closed resource"


@statement(ast.Match)
def _match(m: Machine, node: ast.Match) -> None:
    subject = evaluate(m, node.subject)
    for case in node.cases:
        for name in scopes.bound_names([case.pattern]):
            with Branch(m):
                expressions.assign_name(m, name, Val(m.heap.reach(subject.objs)))
        if case.guard is not None:
            evaluate(m, case.guard)
    _branches(m, [case.body for case in node.cases], exhaustive=False)


@statement(ast.Return)
def _return(m: Machine, node: ast.Return) -> None:
    if node.value is not None:
        value = evaluate(m, node.value)
        if m.frames:
            m.frames[-1].returned.append(value)


@statement(ast.Import)
def _import(m: Machine, node: ast.Import) -> None:
    for alias in node.names:
        _may_configure(m, alias.name)
        if alias.asname:
            expressions.assign_name(m, alias.asname, m.module(alias.name))
            _note_submodules(m, alias.name, alias.asname)
        else:
            top = alias.name.split(".")[0]
            m.module(alias.name)
            already = m.names.get(top) if not m.frames else None
            if "." in alias.name:
                m.note(m.dotted, top)
            if already is not None and top in m.dotted and top in m.versions and top not in m.bound:
                m.unit.read(top, m.versions[top], m.line)  # `import a.b` adds to what `import a` bound
            expressions.assign_name(m, top, m.module(top))
            _note_submodules(m, alias.name, top)


def _note_submodules(m: Machine, path: str, name: str) -> None:
    """An import puts the modules of a path into those above them: after `from a.b import c` there is `a.b`."""
    if not m.frames:
        for module in accumulate(path.split("."), "{}.{}".format):
            if "." in module:
                m.imported(module, name)


def _may_configure(m: Machine, module: str) -> None:
    """A module that no table knows may set options when it is first imported: every later step imports it too."""
    if not library.is_quiet(reexports.defined_as(module)) and module not in m.names:
        m.use_resource("process:config", writes=True)


@statement(ast.ImportFrom)
def _import_from(m: Machine, node: ast.ImportFrom) -> None:
    module = "." * node.level + (node.module or "")
    if module == "__future__":
        m.future_annotations = m.future_annotations or any(a.name == "annotations" for a in node.names)
        m.use_resource(INTERPRETER, writes=True)
        return
    _may_configure(m, module)
    for alias in node.names:
        if alias.name == "*":
            m.module(module or ".")
            magics.star_import(m, module)
        else:
            name = alias.asname or alias.name
            expressions.assign_name(m, name, m.module(f"{module}.{alias.name}"))
            _note_submodules(m, f"{module}.{alias.name}", name)


@statement(ast.FunctionDef, ast.AsyncFunctionDef)
def _function(m: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    a = node.args
    defaults = [evaluate(m, d) for d in (*a.defaults, *a.kw_defaults) if d is not None]
    if not m.future_annotations:
        for annotation in (*(p.annotation for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)), node.returns):
            if annotation is not None:
                evaluate(m, annotation)
    obj = expressions.function_object(m, node, defaults)
    obj.owner = obj.owner or node.name
    value = _decorate(m, node.decorator_list, Val(frozenset({obj})), node)
    if m.frames and m.frames[-1].encloses and obj.scope is not None:
        obj.scope[node.name] = value
    expressions.assign_name(m, node.name, value)


def _decorate(m: Machine, decorators: list[ast.expr], value: Val, node: ast.AST) -> Val:
    if decorators and m.future_annotations and isinstance(node, ast.FunctionDef):
        m.read_annotations(value)  # `@show.register` looks at what was not evaluated so far
    for decorator in reversed(decorators):
        made = evaluate(m, decorator)
        _register(m, decorator, value)
        if any(o.label.startswith(_REGISTER_MAGIC) for o in made.objs):
            m.use_resource(MAGICS, writes=True)
            for obj in value.objs:
                m.flag(obj, "magic")
        followed: list[Val] = []
        for obj in in_order(made.objs):
            if obj.kind in ("function", "class") or obj.cls is not None:
                args = outcomes.Arguments(_as_call(decorator), (value,), ())
                followed.append(calls.invoke(m, Val(frozenset({obj})), args))
            elif obj.kind != "module":
                m.heap.link(value.objs, [obj])
                if obj.kind == "unknown":  # `@event.listens_for(engine, "connect")`: the engine keeps what is decorated
                    keepers = in_order(o for o in obj.contains if o.kind in ("unknown", "live") and o not in value.objs)
                    m.touch(keepers, f"@{ast.unparse(decorator)[:50]}")
                    m.heap.link(keepers, value.objs)
            if obj.root in _CALLING_LATER:
                for function in value.objs & m.functions_made:
                    m.flag(function, LATER)
            if obj.root == "numba":
                m.mention(value)  # it is saved with what it names
            if obj.root == "numba" and not m.varying.isdisjoint(scopes.global_names(node)):
                m.heap.link(value.objs, fresh(m, node, kind="live", label=_COMPILED).objs)
            if obj.label in _CACHES and isinstance(node, ast.FunctionDef) and (m.asks_caches or _has_effects(m, node)):
                m.heap.link(value.objs, fresh(m, node, kind="live", label="a function that remembers its results").objs)
        for result in followed:
            value = value | result
            m.heap.link([o for o in result.objs if o not in value.objs], value.objs)
    return value


def _has_effects(m: Machine, node: ast.FunctionDef) -> bool:
    """Whether a function prints, or changes what a global name stands for (which may be known by now or not)."""
    outside = scopes.global_names(node)
    known = {n for n in outside if n in m.names and all(o.kind in NOT_DATA for o in m.names[n].objs)}
    data = outside - known - BUILTIN_NAMES
    return scopes.has_effects(node, frozenset(data))


def _as_call(decorator: ast.expr) -> ast.Call:
    """The call that a decorator is (the same one each time: places tell objects apart)."""
    made = _DECORATOR_CALLS.get(decorator)
    if made is None:
        made = ast.copy_location(ast.Call(decorator, [], []), decorator)
        _DECORATOR_CALLS[decorator] = made
    return made


_DECORATOR_CALLS: WeakKeyDictionary[ast.expr, ast.Call] = WeakKeyDictionary()


def _register(m: Machine, decorator: ast.expr, value: Val) -> None:
    """`@thing.method`, `@thing.method(…)`: the thing may keep what is decorated; so may a library under a name that it
    is given (`@Language.component("counter")`)."""
    _give_accessor(m, decorator, value)
    if isinstance(decorator, ast.Call) and decorator.args and evaluate(m, decorator.args[0]).text is not None:
        for obj in in_order(o for o in evaluate(m, decorator.func).objs if o.kind == "module"):
            if library.call_by_path(obj.label) is None and obj.root not in standard_library.MODULES:
                m.use_resource("module:" + obj.root, writes=True)
                lasting.hand_over(m, value, decorator, "module:" + obj.root)
    root = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(root, ast.Attribute):
        keepers = [o for o in evaluate(m, root.value).objs if o.kind != "module" and not classes.member([o], root.attr)]
        m.touch(keepers, f"@{ast.unparse(root)[:50]}")
        m.heap.link([o for o in keepers if o not in value.objs], value.objs)


def _give_accessor(m: Machine, decorator: ast.expr, value: Val) -> None:
    """`@pd.api.extensions.register_dataframe_accessor("name")`: tables have an attribute of that name from now on."""
    if isinstance(decorator, ast.Call) and decorator.args and value.objs <= m.classes:
        given = evaluate(m, decorator.func)
        name = evaluate(m, decorator.args[0]).text
        if name and any(o.label.endswith(("_accessor", "_namespace")) for o in given.objs):
            m.give_accessor(name, value.objs)


@statement(ast.ClassDef)
def _class(m: Machine, node: ast.ClassDef) -> None:
    bases = [evaluate(m, b) for b in node.bases]
    keywords = tuple((k.arg or "", evaluate(m, k.value)) for k in node.keywords)
    parents = frozenset(o for v in bases for o in v.objs)
    metaclasses = frozenset(o for k, v in keywords if k == "metaclass" for o in v.objs if o.kind == "class")
    metaclasses |= frozenset(o.metaclass for o in parents if o.metaclass is not None)
    bases += [v for _, v in keywords]
    obj = m.alloc("class", site=node, holds=frozenset[Obj]().union(*(v.objs for v in bases)) if bases else ())
    obj.node, obj.owner, obj.label, obj.root = node, "" if m.frames else node.name, "", ""
    obj.made_in = m.unit.index if m.unit.statement.node is node else -1
    if scopes.evaluates_text(node):
        obj.flags.add("eval")
    local = frozenset(scopes.bound_names(list(node.body)))
    outer = {**m.frames[-1].outer, **m.frames[-1].names} if m.frames else {}
    frame = Frame(
        {"__bases__": Val(frozenset().union(*(v.objs for v in bases)) if bases else frozenset())},
        local,
        outer=outer,
        encloses=False,
    )
    m.frames.append(frame)
    try:
        execute(m, node.body)
    finally:
        m.frames.pop()
    obj.scope = frame.names
    obj.builtin = any(
        isinstance(b, ast.Name) and b.id in calls.MUTABLE_TYPES and b.id not in m.names for b in node.bases
    )
    obj.metaclass = next(iter(in_order(metaclasses)), None)
    for name, value in frame.names.items():
        for held in in_order(value.objs):
            if held.kind == "function":
                m.own(held, name, held.home or obj)
                m.flag(held, "method")  # reached through instances, but no value that they hold
        m.heap.link([obj], [o for o in value.objs if o.kind != "module"])
    own = Val(frozenset({obj}))
    if obj.made_in >= 0 and not metaclasses and not classes.member(parents, "__init_subclass__"):
        m.unit.bases = _only_bases(node)
    for hook in classes.member(parents, "__init_subclass__"):
        following.follow(m, hook, (own,), keywords, node)
    for name in list(frame.names):
        if name != "__bases__":
            instances.run_methods(m, frame.names[name], ("__set_name__",), [own], node)
    for metaclass in metaclasses:
        for hook in classes.member([metaclass], "__new__") + classes.member([metaclass], "__init__"):
            following.follow(m, hook, (own, SCALAR, Val(parents), Val(frozenset(obj.contains))), keywords, node)
    expressions.assign_name(m, node.name, _decorate(m, node.decorator_list, Val(frozenset({obj})), node))


def _only_bases(node: ast.ClassDef) -> frozenset[str]:
    """The names of bases that the definition of a class does not look at for anything else."""
    names = {base.id for base in node.bases if isinstance(base, ast.Name)}
    inner = scopes.own_nodes([*node.decorator_list, *node.keywords, *node.body])
    return frozenset(names - {n.id for n in inner if isinstance(n, ast.Name)})


@statement(ast.Expr)
def _expression(m: Machine, node: ast.Expr) -> None:
    m.unused.add(node.value)
    value = evaluate(m, node.value)
    if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Call):  # `themes.register("own")(theme)`
        for given in node.value.args:
            _register(m, node.value.func, evaluate(m, given))
    if not m.frames:
        instances.show(m, value, node)


@statement(ast.Assert)
def _assert(m: Machine, node: ast.Assert) -> None:
    instances.ask_truth(m, evaluate(m, node.test), node)
    if node.msg is not None:
        evaluate(m, node.msg)


@statement(ast.Global, ast.Nonlocal, ast.Pass, ast.Break, ast.Continue)
def _nothing(m: Machine, node: ast.stmt) -> None:
    return None
