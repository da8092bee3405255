"""The libraries that a notebook imports before it does anything else: what every later cell ran with.

They may be loaded before a step's kernel is begun, once for all steps, because nothing that the notebook does itself
comes before them: no variable of the environment is set, no search path changed, no warning silenced. Only libraries
count of which it is known that they do not mind; the first import of any other ends the search, since it may do what
it likes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from nb2flow.flow.standard_library import MODULES
from nb2flow.flow.syntax import parse_cell
from nb2flow.notebook.model import Notebook
from nb2flow.notebook.settings import cell_settings

# Large libraries that import nothing but what they need, print nothing, and may be forked afterwards. (Not the largest:
# steps that use PyTorch take minutes, and one that does not would wait for it.)
_LOADED_EARLY = frozenset(
    (
        "matplotlib", "networkx", "numpy", "pandas", "PIL", "scipy", "seaborn", "sklearn", "statsmodels", "sympy",
        "xarray", "mpl_toolkits",
    )
)  # fmt: skip
_WANTED_UNNAMED = frozenset(("numpy", "pandas"))
# These need not be loaded early, and leave alone what those do.
_NEUTRAL = frozenset(
    (
        *MODULES, "__future__", "altair", "bs4", "h5py", "IPython", "ipywidgets", "joblib", "nltk", "plotly",
        "requests", "tabulate", "tqdm", "yaml",
    )
)  # fmt: skip
_NEUTRAL_MAGICS = frozenset(
    ("matplotlib", "autoreload", "config", "load_ext autoreload", "load_ext watermark", "watermark")
)


def first_imports(notebook: Notebook, steps: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The imports of such libraries with which the notebook begins, in order, each once, as far as several steps want
    them: modules, each with the names that are wanted of it. `steps` are the steps' sources; NumPy and pandas are
    wanted by most that do not name them."""
    sources = list(steps)

    def is_wanted(package: str) -> bool:
        name = re.compile(rf"^\s*(?:import|from)\b.*\b{package}\b", re.MULTILINE)
        return sum(bool(name.search(source)) for source in sources) > 1

    found = dict.fromkeys(_imports(notebook))
    packages = {module.partition(".")[0] for module, _ in found}
    wanted = {package for package in packages if package in _WANTED_UNNAMED or is_wanted(package)}
    return tuple(one for one in found if one[0].partition(".")[0] in wanted) if len(sources) > 1 else ()


def _imports(notebook: Notebook) -> Iterator[tuple[str, tuple[str, ...]]]:
    for cell in notebook.cells:
        if cell.kind != "code" or cell_settings(cell).find("skip") is not None:
            continue
        parsed = parse_cell(cell)
        if parsed.magics or parsed.fault is not None:
            return
        for statement in parsed.statements:
            node = statement.node
            if isinstance(node, ast.Import):
                wanted: list[tuple[str, tuple[str, ...]]] = [(alias.name, ()) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted = [(node.module, tuple(alias.name for alias in node.names))]
            elif _does_nothing(node):
                continue
            else:
                return
            for module, names in wanted:
                package = module.partition(".")[0]
                if package in _LOADED_EARLY:
                    yield module, names
                elif package not in _NEUTRAL:
                    return


def _does_nothing(node: ast.stmt) -> bool:
    """Whether the statement is nothing to a library that is imported later: text, a constant, a function that is not
    called yet, how to show figures."""
    if isinstance(node, ast.FunctionDef):
        return not (node.decorator_list or _calls(node.args) or (node.returns and _calls(node.returns)))
    if isinstance(node, ast.Assert):
        return not _calls(node)
    if isinstance(node, ast.Assign):
        return isinstance(node.value, ast.Constant) and all(isinstance(t, ast.Name) for t in node.targets)
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    match node.value:
        case ast.Call(func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(str(name)), ast.Constant(line)]):
            return name in _NEUTRAL_MAGICS or f"{name} {line!s}" in _NEUTRAL_MAGICS
    return False


def _calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))
