"""What changes in a notebook without anybody having changed it: the table of noise, and its recognition.

A reader wants noise in one line, by name and number. Whatever is not listed here is content: when in doubt, it is
shown. The file knows keys and patterns of the tools that write notebooks; it does not know how a difference is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

IDS = "cell ids"
COUNTS = "execution counts"
FORMAT = "format version"
LINE_ENDS = "line endings"
WIDGETS = "widget state"
ADDRESSES = "memory addresses and random ids"
OUTPUT_METADATA = "output metadata"

_COLAB = "Colab metadata"
_KAGGLE = "Kaggle metadata"
_EDITOR = "VS Code metadata"
_VIEW = "view state"
_TIMES = "execution times"
_PAPERMILL = "papermill metadata"
_PYCHARM = "PyCharm metadata"

CELL_KEYS: dict[str, str] = {
    "ExecuteTime": _TIMES,
    "execution": _TIMES,
    "start_time": _TIMES,
    "colab": _COLAB,
    "colab_type": _COLAB,
    "id": _COLAB,
    "outputId": _COLAB,
    "base_uri": _COLAB,
    "executionInfo": _COLAB,
    "cellView": _COLAB,
    "_cell_guid": _KAGGLE,
    "_uuid": _KAGGLE,
    "_kg_hide-input": _KAGGLE,
    "_kg_hide-output": _KAGGLE,
    "_execution_state": _KAGGLE,
    "vscode": _EDITOR,
    "azdata": _EDITOR,
    "dotnet_interactive": _EDITOR,
    "polyglot_notebook": _EDITOR,
    "notebookRunGroups": _EDITOR,
    "papermill": _PAPERMILL,
    "pycharm": _PYCHARM,
    "collapsed": _VIEW,
    "scrolled": _VIEW,
    "trusted": _VIEW,
    "hidden": _VIEW,
    "hide_input": _VIEW,
    "hide_output": _VIEW,
    "inputHidden": _VIEW,
    "outputHidden": _VIEW,
    "outputExpanded": _VIEW,
    "heading_collapsed": _VIEW,
    "code_folding": _VIEW,
    "jp-MarkdownHeadingCollapsed": _VIEW,
    "jupyter": _VIEW,
    "toc-hr-collapsed": _VIEW,
    "run_control": _VIEW,
    "ein.hycell": _VIEW,
    "button": _VIEW,
    "new_sheet": _VIEW,
    "lines_to_next_cell": "jupytext metadata",
    "lines_to_end_of_cell_marker": "jupytext metadata",
    "language": "cell language",
}

NOTEBOOK_KEYS: dict[str, str] = {
    "kernelspec": "kernelspec",
    "language_info": "kernel version",
    "widgets": WIDGETS,
    "colab": _COLAB,
    "gpuClass": _COLAB,
    "kaggle": _KAGGLE,
    "papermill": _PAPERMILL,
    "vscode": _EDITOR,
    "interpreter": _EDITOR,
    "pycharm": _PYCHARM,
    "signature": "signature",
    "name": "name",
    "orig_nbformat": FORMAT,
    "orig_nbformat_minor": FORMAT,
    "toc": _VIEW,
    "toc-autonumbering": _VIEW,
    "toc-showcode": _VIEW,
    "toc-showmarkdowntxt": _VIEW,
    "toc-showtags": _VIEW,
    "varInspector": _VIEW,
    "latex_envs": _VIEW,
    "nav_menu": _VIEW,
    "hide_input": _VIEW,
    "celltoolbar": _VIEW,
    "notify_time": _VIEW,
    "nbTranslate": _VIEW,
    "anaconda-cloud": _VIEW,
    "canvas": _VIEW,
    "execution_info": _TIMES,
}

OUTPUT_KEYS: dict[str, str] = dict.fromkeys(
    ("needs_background", "filenames", "executionInfo", "base_uri", "height", "outputId", "id", "tags", "jupyter"),
    OUTPUT_METADATA,
)

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

_VOLATILE = re.compile(
    r"\b0x[0-9a-fA-F]{6,16}\b"  # <matplotlib.axes.Axes at 0x7f…>
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # Plotly, Bokeh, Altair
    r"|(?<=T_)[0-9a-f]{5,8}(?=[_ \"'{#.])"  # pandas' Styler
    r"|(?<=df-)[0-9a-f]{8,36}"  # Colab's interactive tables
    r"|(?<=quickchart-)[0-9a-f]{8,36}"
    r"|(?<=\bid=\")sk-[\w-]+|(?<=#)sk-[\w-]+"  # scikit-learn's estimator diagrams
    r"|ipykernel_\d+/\d+\.py"  # where a warning or a traceback says it comes from
)
_OF_MAPS = r"(?<=_)[0-9a-f]{32}(?![0-9a-f])"  # Folium names everything on a map so; compiled where there is one
_MARKS = ("0x", "T_", "df-", "quickchart-", "sk-", "ipykernel_")  # one of them, or the middle of a UUID, is in each
_IN_UUID = re.compile(r"-[0-9a-f]{4}-")
_PAYLOAD = re.compile(r"base64,([A-Za-z0-9+/=]{200,})")


class ValueChange(NamedTuple):
    """One value of some metadata: at `path`; `old` or `new` is `MISSING` where that side has none."""

    path: tuple[str, ...]
    old: Any
    new: Any


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def settled(text: str) -> str:
    """A text with what is different at every execution (addresses, random ids) replaced by one mark."""
    if "base64," not in text:
        return _settled(text)
    parts: list[str] = []
    place = 0
    for payload in _PAYLOAD.finditer(text):  # a sound or a picture holds none, and is long
        parts += _settled(text[place : payload.start()]), payload[0]
        place = payload.end()
    return "".join([*parts, _settled(text[place:])])


@lru_cache(maxsize=64)  # many outputs hold the same script
def _settled(text: str) -> str:
    if "leaflet" in text:
        text = re.sub(_OF_MAPS, "…", text)
    if any(mark in text for mark in _MARKS) or _IN_UUID.search(text):
        return _VOLATILE.sub("…", text)  # looks at every place, which takes a second for a few million of them
    return text


def brief(text: str) -> str:
    """A text in which pictures and sounds that it holds in base64 are told by a checksum: nobody reads those."""
    if "base64," not in text:
        return text
    return _PAYLOAD.sub(lambda found: f"base64,…{crc32(found[1].encode('ascii')):08x}", text)


def sort_metadata(
    old: Mapping[str, Any], new: Mapping[str, Any], known: Mapping[str, str]
) -> tuple[list[ValueChange], set[str]]:
    """Differences of two metadata objects: those that mean something, and the names of the noise among them."""
    changes: list[ValueChange] = []
    noise: set[str] = set()
    for key in [*old, *(k for k in new if k not in old)]:
        first, second = old.get(key, MISSING), new.get(key, MISSING)
        if first is second or (first == second and type(first) is type(second)):
            continue
        if key in known:
            noise.add(known[key])
        elif key == "jupytext":
            noise.add("jupytext metadata")
        elif not (first is MISSING and _void(second)) and not (second is MISSING and _void(first)):
            changes += _leaves((key,), first, second)
    return changes, noise


def _void(value: Any) -> bool:
    """An empty list of tags is no list of tags."""
    return value is None or value == [] or value == {}


def _leaves(path: tuple[str, ...], old: Any, new: Any) -> list[ValueChange]:
    if isinstance(old, dict) and isinstance(new, dict) and len(path) < 8:
        found: list[ValueChange] = []
        for key in [*old, *(k for k in new if k not in old)]:
            first, second = old.get(key, MISSING), new.get(key, MISSING)
            if first != second or type(first) is not type(second):
                found += _leaves((*path, key), first, second)
        return found
    return [ValueChange(path, old, new)]
