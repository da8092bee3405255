"""When pyplot has chosen how it draws, which it does for the first figure: that makes it interactive.

What saves all settings of matplotlib and puts them back (`rc_context`, `rcParams.update(rcParamsDefault)`) does so with
that one, too. So it matters whether a figure had been drawn by then, which a later step's own kernel does not know.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from nb2flow.flow import known_modules
from nb2flow.flow.effects import BACKEND, Unit
from nb2flow.flow.known import each
from nb2flow.flow.machine import Machine
from nb2flow.flow.model import Replay
from nb2flow.flow.values import Val
from nb2flow.notebook.model import Notebook

_CONTEXTS = frozenset(
    f"matplotlib.{name}" for name in ("rc_context", "pyplot.rc_context", "style.context", "pyplot.style.context")
)
_PUT_BACK = frozenset(["seaborn.reset_defaults", "seaborn.reset_orig"])
_SETTINGS = ("matplotlib.rcParams", "matplotlib.pyplot.rcParams")
_NOT_DRAWING = each(
    """
        get_cmap set_cmap rc rc_context rcdefaults ion ioff isinteractive interactive close get_fignums fignum_exists
        get_figlabels get_backend switch_backend setp getp get colormaps imread imsave xkcd
    """,
    True,
)
_DRAWN_BY_SEABORN = ("plot", "map", "Grid")


def note(m: Machine, path: str, base: Val, given: Iterable[Val]) -> None:
    """A library is called: it may draw, look at all of matplotlib's settings, or set them as they once were."""
    thing, _, name = path.rpartition(".")
    if (
        (thing == "matplotlib.pyplot" and name[:1].islower() and name not in _NOT_DRAWING)
        or (thing == "seaborn" and name.endswith(_DRAWN_BY_SEABORN))
        or (not thing and name in ("plot", "hist", "boxplot") and any(o.root == "pandas" for o in base.objs))
    ):
        m.unit.draws = True
    if path == "boxplot" and m.unit.draws:  # pandas makes the axes in a context of its own
        m.unit.keeps_settings = m.unit.draws_aside = True
    if path in _CONTEXTS or path in _PUT_BACK or name in ("isinteractive", "is_interactive"):
        m.unit.keeps_settings = True
    elif thing in _SETTINGS:
        literal = name == "update" and all("container" in o.flags for v in given for o in v.objs)
        m.unit.keeps_settings = m.unit.keeps_settings or not literal
    elif any(o.label.startswith(_SETTINGS) for v in given for o in v.objs if o.kind == "module"):
        m.unit.keeps_settings = True


def first_figure(units: Sequence[Unit]) -> Unit | None:
    """The first unit that draws, if it matters to anything after it that it did: settings are put back somewhere, and
    no magic says how to draw."""
    first = next((u for u in units if u.draws), None)
    if first is None or BACKEND in first.snapshot or not any(u.keeps_settings for u in units[first.index :]):
        return None
    return first


def draws(units: Iterable[Unit]) -> bool:
    """Whether a step of these units (replayed ones, too) has to do with figures."""
    return any(
        u.keeps_settings
        or {"matplotlib", "seaborn"} & (u.modules | u.uses)
        or known_modules.PLOT_ATTRIBUTES & u.attributes
        for u in units
    )


def as_replay(notebook: Notebook, unit: Unit) -> Replay:
    """What the first figure did to pyplot."""
    cell, line = notebook.cells[unit.cell], unit.statement.line
    source = "(lambda m: m.pyplot.switch_backend(m.get_backend())"
    if unit.draws_aside or (
        isinstance(unit.statement.node, ast.With) and unit.keeps_settings
    ):  # it was put back where that ended
        source += " or m.interactive(False)"
    source += ')(__import__("matplotlib.pyplot"))  # as the first figure, which is drawn here, does'
    return Replay(cell.index, cell.id, line, line, source, "configuration")
