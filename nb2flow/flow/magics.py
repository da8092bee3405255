"""IPython's magics and shell escapes: parsed, never stripped; each is given the effects that it has.

A magic that nobody knows may do anything: it is a barrier. `!cmd` may read and write any file, unless the command is
known only to look.
"""

from __future__ import annotations

import ast
import re
import shlex

from nb2flow.flow import following, known_modules, scripts, standard_library
from nb2flow.flow.dispatch import evaluate, execute, fresh
from nb2flow.flow.effects import BACKEND, HISTORY, INTERPRETER, MAGICS, PLOT
from nb2flow.flow.machine import Machine
from nb2flow.flow.syntax import CellMagic, parse_expression, parse_statements
from nb2flow.flow.values import SCALAR, Val

_CONFIG = {
    **dict.fromkeys(["load_ext", "reload_ext", "unload_ext", "alias", "unalias", "alias_magic"], MAGICS),
    **dict.fromkeys(["precision", "autoreload", "aimport", "colors", "xmode"], INTERPRETER),
    **dict.fromkeys(["doctest_mode", "pdb", "automagic", "gui", "autocall", "autoindent", "subshell"], INTERPRETER),
    **dict.fromkeys(["cd", "pushd", "popd"], "process:cwd"),
}
# fmt: off
_HARMLESS = frozenset([
    "lsmagic", "magic", "quickref", "pinfo", "pinfo2", "psource", "pdoc", "pfile", "psearch", "pwd", "page",
    "history", "hist", "recall", "rep", "dhist", "watermark", "pycat", "ls", "ll", "lf", "lk", "ldir", "lx", "cat",
    "more", "less", "man", "clear", "notebook", "logstart", "logstop", "logon", "logoff", "logstate", "bookmark",
    "version_information", "memory_usage", "tb", "load_sysinfo", "profile", "connect_info", "qtconsole",
    "code_wrap",
])
# fmt: on
_LOOKS_AT_FILES = frozenset(["ls", "ll", "lf", "lk", "ldir", "lx", "cat", "more", "less", "pycat", "pfile"])
_NAMESPACE = frozenset(["who", "who_ls", "whos"])
_UNKNOWABLE = frozenset(["load", "loadpy", "edit", "debug", "rerun", "macro", "save", "sql_"])
_ASKS_WHAT_WAS_TYPED = frozenset(
    ["history", "hist", "dhist", "macro", "save", "rerun", "recall", "rep", "edit", "notebook", "pastebin", "logstart"]
)
_PACKAGES = frozenset(["pip", "conda", "mamba", "uv"])
_OTHERS = (
    frozenset(["config", "matplotlib", "pylab", "env", "set_env", "system", "sx", "sc", "run"])
    | _UNKNOWABLE
    | _PACKAGES
)
_ALIASES = frozenset(["cp", "mv", "rm", "mkdir", "rmdir"])  # of commands of the system, beside those that only look
# Magics that run the code behind their options; the options as `getopt` writes them.
_RUNS_CODE = {
    "time": "",
    "timeit": "n:r:tcp:qov:",
    "prun": "D:l:rs:T:q",
    "memit": "r:t:i:coh",
    "lprun": "rsf:m:D:T:u:z",
    "mprun": "rf:T:c",
    "pyinstrument": "",
}
_DISPLAY_CELLS = frozenset(
    ["html", "HTML", "javascript", "js", "Javascript", "svg", "SVG", "latex", "markdown", "mermaid", "css"]
)
_SHELL_CELLS = frozenset(
    ["bash", "sh", "script", "system", "sx", "!", "cmd", "perl", "ruby", "python", "python2", "python3", "pypy"]
)
# fmt: off
_LOOKING_COMMANDS = frozenset([
    "ls", "cat", "head", "tail", "wc", "echo", "pwd", "which", "nvidia-smi", "date", "whoami", "uname", "df", "du",
    "free", "file", "stat", "grep", "find", "sort", "uniq", "cut", "tree", "hostname", "printf", "lscpu", "nproc",
    "type", "dir", "env", "printenv", "id", "more", "less", "awk", "ps",
])
# fmt: on
# What an assignment, a tuple or a question makes of the line comes first.
_WITHOUT_PERCENT = re.compile(r"([A-Za-z_]\w*)(?![\w.*])(?!\s*[=,])(?:.*[^?])?")
_FOLDER_BEFORE = re.compile(r"(?:^|\s)-(?:\d*|-\S+)(?:\s|$)")  # `%cd -`, `%cd -2`, `%cd --name`
_EXPANSION = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)|\{([^{}]+)\}")


def is_magic(node: ast.Call) -> bool:
    """Whether the call is on `get_ipython()`, which is what magics, `!` and `?` become."""
    func = node.func
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "get_ipython"
    )


def line_magic(m: Machine, node: ast.Call) -> Val:
    """`%name rest`, `!cmd`, `x = %name`, `x = !cmd`, or any other method of the shell."""
    assert isinstance(node.func, ast.Attribute)
    method = node.func.attr
    texts = [a.value if isinstance(a, ast.Constant) and isinstance(a.value, str) else None for a in node.args]
    if method in ("run_line_magic", "magic") and texts and texts[0] is not None:
        name, rest = texts[0], texts[1] if len(texts) > 1 and texts[1] is not None else ""
        if method == "magic":
            name, _, rest = name.lstrip("%").partition(" ")
        return _magic(m, name, rest, node)
    if method in ("system", "getoutput", "getoutputs", "system_raw", "system_piped"):
        for text, arg in zip(texts, node.args, strict=True):
            if text is None:
                evaluate(m, arg)
        shell(m, texts[0] if texts and texts[0] is not None else "")
        return fresh(m, node)
    if method == "run_cell_magic" and len(texts) == 3 and None not in texts:
        cell_magic(m, CellMagic(texts[0] or "", texts[1] or "", texts[2] or "", m.line), node)
        return SCALAR
    for arg in (*node.args, *(k.value for k in node.keywords)):
        evaluate(m, arg)
    if method.startswith("register_"):
        m.use_resource(MAGICS, writes=True)
    elif method in ("set_custom_exc", "set_hook"):
        m.use_resource(INTERPRETER, writes=True)
    elif method.startswith(("set_", "add_")) or method in ("enable_matplotlib", "push"):
        m.use_resource(INTERPRETER, writes=True)
        if method == "push":
            m.barrier("`get_ipython().push(…)`")
    elif method in ("run_cell", "ex", "ev", "run_code", "reset", "safe_execfile", "run_line_magic", "magic"):
        m.barrier(f"`get_ipython().{method}(…)`")
    return fresh(m, node, kind="unknown")


def _read_libraries(m: Machine) -> None:
    """The magic sets NumPy's options, too, if by then something has imported NumPy."""
    for name in sorted(m.names):
        if any(o.kind == "module" and o.root not in standard_library.MODULES for o in m.names[name].objs):
            m.read_name(name)


def _magic(m: Machine, name: str, rest: str, node: ast.AST) -> Val:
    if name in _RUNS_CODE:
        return _run_code(m, name, rest)
    expand(m, rest)
    if name in _ASKS_WHAT_WAS_TYPED:
        m.use_resource(HISTORY, writes=False, text="In")
    if name in _CONFIG:
        m.use_resource(_CONFIG[name], writes=True)
        if name == "precision":
            _read_libraries(m)
        if name == "popd" or (name == "cd" and _FOLDER_BEFORE.search(rest)):
            m.use_resource(HISTORY, writes=False, text="the folders that it was in")
        if name == "load_ext" and rest.strip() not in ("autoreload", "tensorboard"):
            m.unit.modules.add(rest.strip().split(".")[0])
    elif name == "config":
        inline = rest.strip().startswith("InlineBackend")
        m.use_resource(BACKEND if inline else INTERPRETER, writes="=" in rest)
        if inline and "InlineBackend.rc" in rest:
            m.use_resource(PLOT, writes=True)
    elif name == "matplotlib":
        m.use_resource(BACKEND, writes=True)
        m.use_resource(PLOT, writes=True)
    elif name == "pylab":
        m.use_resource(BACKEND, writes=True)
        m.use_resource(PLOT, writes=True)
        for module in known_modules.STARS_OF_PYLAB:
            star_import(m, module)
        for alias, path in (
            ("np", "numpy"),
            ("numpy", "numpy"),
            ("plt", "matplotlib.pyplot"),
            ("pyplot", "matplotlib.pyplot"),
            ("matplotlib", "matplotlib"),
            ("pylab", "matplotlib.pylab"),
            ("mlab", "matplotlib.mlab"),
            ("figsize", "IPython.core.pylabtools.figsize"),
            ("getfigs", "IPython.core.pylabtools.getfigs"),
        ):
            m.write_name(alias, m.module(path))
    elif name in ("env", "set_env"):
        m.use_resource("process:environ", writes=bool(rest.strip()) and ("=" in rest or " " in rest.strip()))
    elif name in _PACKAGES:
        if rest.split()[:1] and rest.split()[0] in (
            "install",
            "uninstall",
            "update",
            "upgrade",
            "remove",
            "add",
            "sync",
        ):
            m.use_resource("process:packages", writes=True)
    elif name in ("system", "sx", "sc", "!"):
        shell(m, rest)
    elif name in _ALIASES:
        shell(m, f"{name} {rest}")
    elif name in _NAMESPACE:
        m.barrier(f"`%{name}` lists every name", reads_only=True)
    elif name in ("pinfo", "pinfo2", "psource", "pdoc"):
        _read_expression(m, rest)
    elif name in _HARMLESS:
        if name in _LOOKS_AT_FILES:
            m.use_file(rest.strip() or ".", writes=False, reads=True)
        if name == "pwd":
            m.use_resource("process:cwd", writes=False)
    elif name in _UNKNOWABLE:
        m.barrier(f"`%{name}`")
    elif name == "run" and scripts.run(m, rest):
        pass
    elif name == "run":
        m.use_file(None, writes=True, reads=True)
        m.barrier(f"`%run {rest[:40]}` runs another file in this namespace")
    elif not _own_magic(m, name, node):
        m.use_resource(MAGICS, writes=False)
        m.barrier(f"`%{name}` may do anything to the namespace")
    return fresh(m, node, kind="unknown")


def _own_magic(m: Machine, name: str, node: ast.AST | None) -> bool:
    """A magic that is a function of the notebook: followed like any call, with text for arguments."""
    value = m.names.get(name)
    made = [o for o in value.objs if "magic" in o.flags] if value is not None else []
    for function in made:
        m.use_resource(MAGICS, writes=False)
        m.read_name(name, mention=False)
        site = node if node is not None else ast.Pass()
        following.follow(m, function, (SCALAR, SCALAR), (), site)
    return bool(made)


def _run_code(m: Machine, name: str, rest: str) -> Val:
    body = _code_of(m, name, rest)
    if body is not None:
        run_body(m, body, keeps_names=name != "timeit")
    return SCALAR


def run_timed(m: Machine, magic: CellMagic, body: list[ast.stmt]) -> None:
    """A `%%timeit` cell: what stands behind its options is run once before the body."""
    m.line = magic.line
    setup = _code_of(m, magic.name, magic.args)
    if setup is not None:
        run_body(m, [*setup, *body], keeps_names=False)


def _code_of(m: Machine, name: str, rest: str) -> list[ast.stmt] | None:
    """The code in a magic's line, all of it on the line of the magic; None (and a barrier) when it is not Python."""
    body = parse_statements(behind_options(name, rest))
    if body is None:
        m.barrier(f"`%{name} {rest[:40]}` cannot be parsed")
        return None
    for part in (p for statement in body for p in ast.walk(statement)):
        if hasattr(part, "lineno"):
            part.lineno = part.end_lineno = m.line  # type: ignore[attr-defined]
    return body


def behind_options(name: str, rest: str) -> str:
    """The code behind the options of a magic that runs code: `-n 10 f(x)` gives `f(x)`."""
    takes = _RUNS_CODE[name]
    while (found := re.match(r"\s*-([A-Za-z]\S*)\s*", rest)) is not None:
        after = rest[found.end() :]
        for place, letter in enumerate(found[1], 1):
            at = takes.find(letter)
            if at < 0:
                return rest.strip()  # no option: the code begins with a minus
            if takes[at + 1 : at + 2] == ":":  # the rest of the word is its value, or else the next word is
                if place == len(found[1]):
                    after = re.sub(r"^(?:\"[^\"]*\"|'[^']*'|\S+)\s*", "", after)
                break
        rest = after
    return re.sub(r"^--(?:\s+|no-raise-error\b)", "", rest.strip()).strip()


def without_percent(source: str) -> str | None:
    """The magic that a cell of one line calls if no name hides it: IPython's automagic."""
    found = _WITHOUT_PERCENT.fullmatch(source.strip())
    name = found[1] if found else ""
    known = name in _CONFIG or name in _HARMLESS or name in _NAMESPACE or name in _RUNS_CODE or name in _OTHERS
    return name if known or name in _ALIASES else None


def run_body(m: Machine, body: list[ast.stmt], *, keeps_names: bool) -> None:
    """Statements inside a magic; with `keeps_names` False (`%timeit`) what they bind is gone afterwards."""
    if keeps_names:
        execute(m, body)
        return
    names = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    saved = {n: m.names.get(n) for n in names}
    bound, writes, weak = set(m.bound), dict(m.unit.writes), set(m.unit.weak)
    execute(m, body)
    for name, value in saved.items():
        m.bind(name, value)
        if name not in writes:
            m.unit.writes.pop(name, None)
            m.unit.weak.discard(name)
            if name not in bound:
                m.bound.discard(name)
    m.unit.weak |= weak


def cell_magic(m: Machine, magic: CellMagic, node: ast.AST | None = None) -> None:
    """A `%%name` cell whose body is not Python of this namespace (those are parsed as statements)."""
    if magic.name in ("writefile", "file"):
        words = [w for w in _words(magic.args) if not w.startswith("-")]
        appends = "-a" in _words(magic.args) or "--append" in _words(magic.args)
        expand(m, magic.args)
        m.use_file(words[-1] if words and not _EXPANSION.search(words[-1]) else None, writes=True, reads=appends)
    elif magic.name in _DISPLAY_CELLS:
        return
    elif magic.name in _SHELL_CELLS:
        expand(m, magic.args)
        shell(m, magic.body if magic.name not in ("python", "python2", "python3", "pypy") else "python -c …")
        for option in ("--out", "--err", "--proc"):
            words = _words(magic.args)
            if option in words and words.index(option) + 1 < len(words):
                m.write_name(words[words.index(option) + 1], SCALAR)
    elif not _own_magic(m, magic.name, node):
        m.use_resource(MAGICS, writes=False)
        m.use_file(None, writes=True, reads=True)
        m.barrier(f"`%%{magic.name}` may do anything to the namespace")


def capture_name(args: str) -> str | None:
    """The name that `%%capture [options] name` binds."""
    words = [w for w in _words(args) if not w.startswith("-")]
    return words[0] if words and words[0].isidentifier() else None


def shell(m: Machine, command: str) -> None:
    """A shell command: which files it may use, whether it installs packages, which names it mentions."""
    expand(m, command)
    if re.search(r"\b(?:pip3?|conda|mamba|uv)\b.*\b(?:install|uninstall|add|sync)\b", command):
        m.use_resource("process:packages", writes=True)
        return
    commands = re.split(r"[\n;|&]+", command)
    heads = {_words(c)[0].split("/")[-1] for c in commands if _words(c)}
    looks = heads <= _LOOKING_COMMANDS and ">" not in command and "tee" not in heads
    m.use_resource("process:cwd", writes=False)
    m.use_resource("process:environ", writes=False)
    if not (looks and heads <= {"echo", "pwd", "date", "whoami", "uname", "nvidia-smi", "nproc", "lscpu", "hostname"}):
        m.use_file(None, writes=not looks, reads=True)


def expand(m: Machine, text: str) -> None:
    """`$name` and `{expression}` in a magic's text are filled in from the namespace."""
    for dollar, braces in _EXPANSION.findall(text):
        if dollar:
            if dollar in m.names:
                m.read_name(dollar)
        else:
            _read_expression(m, braces, quiet=True)


def _read_expression(m: Machine, text: str, *, quiet: bool = False) -> None:
    tree = parse_expression(text)
    if tree is None:
        return
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    if names & m.names.keys() or not quiet:
        for name in sorted(names & m.names.keys()):
            m.read_name(name)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def star_import(m: Machine, module: str) -> None:
    """`from module import *`: its names where they could be found out, else names that nobody can tell."""
    names = m.outside.stars.get(module)
    if names is None:
        m.unit.defines_unknown = module
        m.unknown_from = m.unit.index
        return
    for name in sorted(names):
        m.write_name(name, m.module(f"{module}.{name}"))
