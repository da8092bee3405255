"""Which cells form which step: by tags (ours and Kale's), metadata, headings, cells; and what is told about them.

A cell is written `kind|tags|source`: `code|step:load gpu:1|x = 1`; a text with a leading `#` is Markdown.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.errors import Diagnostic, UsageError
from nb2flow.notebook import CODES, lay_out, reads
from nb2flow.notebook.model import Layout, Notebook


def cell(text: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(text, dict):
        return {"cell_type": "code", "source": "x = 1", "metadata": text}
    if text.startswith("#"):
        return {"cell_type": "markdown", "metadata": {}, "source": text}
    kind, tags, source = text.split("|", 2)
    return {"cell_type": kind, "metadata": {"tags": tags.split()} if tags else {}, "source": source}


def notebook(*cells: str | dict[str, Any], **metadata: Any) -> Notebook:
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell(c) for c in cells]}
    return reads(json.dumps(document).encode(), "demo")


def steps(layout: Layout) -> dict[str, tuple[int, ...]]:
    return {s.name: s.cells for s in layout.steps}


def told(layout: Layout) -> list[tuple[str, str, int | None]]:
    return [(d.code, d.severity.value, d.place.cell) for d in layout.diagnostics]


def only(layout: Layout, code: str) -> Diagnostic:
    (found,) = [d for d in layout.diagnostics if d.code == code]
    return found


def test_tags_make_steps() -> None:
    layout = lay_out(
        notebook(
            "code||import os",
            "code|parameters|N = 3",
            "# text",
            "code|step:load|a = 1",
            "code||b = 2",
            "code|skip|plot(a)",
            "code||c = 3",
            "code|setup|def f(): pass",
            "code||d = 4",
            "code|step:fit_model after:load|e = 5",
        )
    )
    assert layout.dialect == "nb2flow"
    assert steps(layout) == {"load": (3, 4, 6, 8), "fit-model": (9,)}
    assert (layout.setup, layout.parameters, layout.skipped) == ((0, 7), 1, (5,))
    assert layout.steps[1].after == ("load",)
    assert layout.steps[1].title == "Fit model"
    assert layout.diagnostics == ()


def test_options_of_all_cells_of_a_step_are_merged() -> None:
    layout = lay_out(
        notebook(
            "code|step:train gpu:1 memory:16Gi env:A=1|x",
            "code|cpu:4 env:B=2 retries:2 timeout:2h cache:off|y",
            "code|step:train memory:16Gi disk:20Gi image:python:3.12 node:a=b secret:S|z",
            "code|metric:m artifact:x artifact:y|z",
        )
    )
    options = layout.steps[0].options
    assert (options.gpu, options.gpu_resource, options.cpu, options.memory) == (1, "nvidia.com/gpu", "4", "16Gi")
    assert (options.disk, options.image, options.node) == ("20Gi", "python:3.12", (("a", "b"),))
    assert (options.retries, options.timeout, options.cache) == (2, 7200.0, False)
    assert (options.env, options.secrets) == ((("A", "1"), ("B", "2")), ("S",))
    assert (options.metrics, options.artifacts) == (("m",), ("x", "y"))
    assert layout.diagnostics == ()


TOLD: dict[str, tuple[list[str | dict[str, Any]], list[tuple[str, str, int | None]], dict[str, tuple[int, ...]]]] = {
    "nearly right": (["code|stpe:load|x"], [("NB201", "error", 0)], {"load": (0,)}),
    "renamed": (["code|step:Load!Data|x", "code|step:Load!Data|y"], [("NB202", "warning", 0)], {"load-data": (0, 1)}),
    "underscores are silent": (["code|step:load_data|x"], [], {"load-data": (0,)}),
    "too long": ([f"code|step:{'x' * 70}|x"], [("NB202", "warning", 0)], {"x" * 63: (0,)}),
    "no name left": (["code|step:a|x", "code|step:日本|y"], [("NB203", "error", 1)], {"a": (0, 1)}),
    "no name": (["code|step:a|x", "code|step:|y"], [("NB226", "error", 1)], {"a": (0, 1)}),
    "two names": (["code|step:a step:b|x"], [("NB204", "error", 0)], {"a": (0,)}),
    "parameters win": (["code|step:a parameters|x", "code|step:a|y"], [("NB205", "warning", 0)], {"a": (1,)}),
    "setup wins": (["code|setup step:a|x", "code|step:a|y"], [("NB205", "warning", 0)], {"a": (1,)}),
    "skip wins": (["code|skip step:a|x", "code|step:a|y"], [("NB205", "warning", 0)], {"a": (1,)}),
    "tag on text": (["markdown|step:a|x", "code|step:b|y"], [("NB206", "warning", 0)], {"b": (1,)}),
    "typo on text": (["markdown|stpe:a|x", "code|step:b|y"], [("NB206", "warning", 0)], {"b": (1,)}),
    "other tags on text": (["markdown|skip intro|x", "code|step:b|y"], [], {"b": (1,)}),
    "option on set-up": (["code|gpu:1|x", "code|step:b|y"], [("NB207", "warning", 0)], {"b": (1,)}),
    "option on parameters": (["code|parameters gpu:1|x", "code|step:b|y"], [("NB207", "warning", 0)], {"b": (1,)}),
    "conflict": (["code|step:a memory:1Gi|x", "code|memory:2Gi|y"], [("NB208", "error", 1)], {"a": (0, 1)}),
    "conflict in one cell": (["code|step:a gpu:1 gpu:2|x"], [("NB208", "error", 0)], {"a": (0,)}),
    "env conflict": (["code|step:a env:K=1|x", "code|env:K=2|y"], [("NB208", "error", 1)], {"a": (0, 1)}),
    "two parameters": (
        ["code|parameters|x", "code|parameters|y", "code|step:a|z"],
        [("NB210", "error", 1)],
        {"a": (2,)},
    ),
    "interleaved": (
        ["code|step:a|x", "code|step:b|y", "code|step:a|z", "code||z"],
        [("NB211", "warning", 2)],
        {"a": (0,), "b": (1,), "a-2": (2, 3)},
    ),
    "interleaved with a name taken": (
        ["code|step:a|x", "code|step:a-2|y", "code|step:a|z"],
        [("NB211", "warning", 2)],
        {"a": (0,), "a-2": (1,), "a-3": (2,)},
    ),
    "set-up between is no gap": (["code|step:a|x", "code|setup|y", "code|step:a|z"], [], {"a": (0, 2)}),
    "after nowhere": (
        ["code|step:load|x", "code|step:b after:laod|y"],
        [("NB212", "error", 1)],
        {"load": (0,), "b": (1,)},
    ),
    "after itself": (["code|step:a after:a|x"], [("NB213", "error", 0)], {"a": (0,)}),
    "after a later one": (["code|step:a after:b|x", "code|step:b|y"], [("NB214", "error", 0)], {"a": (0,), "b": (1,)}),
    "cycle": (
        ["code|step:a after:b|x", "code|step:b after:a|y"],
        [("NB215", "error", 0)],
        {"a": (0,), "b": (1,)},
    ),
    "two spellings": (["code|step:fit_a|x", "code|step:fit-a|y"], [("NB216", "warning", 1)], {"fit-a": (0, 1)}),
    "bad quantity": (["code|step:a memory:16G|x", "code|cpu:four|y"], [("NB220", "error", 1)], {"a": (0, 1)}),
    "each": (["code|step:a each:files|x"], [], {"a": (0,)}),
    "gather": (["code|step:a gather|x"], [], {"a": (0,)}),
    "nothing runs": (["code|skip|x"], [("NB244", "error", None)], {}),
    "step of comments": (["code|step:a|# later", "code|step:b|x"], [("NB245", "warning", 0)], {"a": (0,), "b": (1,)}),
    "step notebook": (
        ["code|nb2flow-injected|x", "code|step:a|y"],
        [("NB246", "error", 0)],
        {"a": (1,)},
    ),
    "papermill's cell": (["code|injected-parameters|N = 3", "code|step:a|y"], [("NB247", "warning", 0)], {"a": (1,)}),
    "faults on skipped cells are told": (["code|skip gpu:x|x", "code|step:a|y"], [("NB221", "error", 0)], {"a": (1,)}),
    "no tags": (["code||x", "code||y"], [("NB240", "info", None)], {"main": (0, 1)}),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_is_told(case: str) -> None:
    cells, diagnostics, expected = TOLD[case]
    layout = lay_out(notebook(*cells))
    assert told(layout) == diagnostics
    assert steps(layout) == expected
    assert all(d.hint for d in layout.diagnostics)


def test_a_caret_can_be_shown() -> None:
    place = only(lay_out(notebook("code||x", "code|step:a memory:16Gb|x")), "NB220").place
    assert (place.cell, place.cell_id, place.line, place.text) == (1, "cell-1", None, "memory:16Gb")
    assert (place.text or "")[place.column : place.end_column] == "Gb"


def test_after_suggests_and_cycles_are_spelt_out() -> None:
    layout = lay_out(notebook("code|step:load|x", "code|step:fit after:laod|y"))
    assert "after:load" in only(layout, "NB212").hint
    layout = lay_out(notebook("code|step:a after:c|x", "code|step:b after:a|y", "code|step:c after:b|z"))
    assert "'a' after 'c' after 'b' after 'a'" in only(layout, "NB215").message
    assert layout.steps[1].after == ("a",)


def test_parts_of_an_interleaved_step() -> None:
    layout = lay_out(
        notebook(
            "code|step:a gpu:1|x",
            "code|step:b after:a|x",
            "code|step:a after:b|x",
            "code|step:c after:a|x",
            "code|step:d after:a-2|x",
        )
    )
    assert {s.name: s.after for s in layout.steps} == {
        "a": (),
        "b": ("a",),
        "a-2": ("a", "b"),
        "c": ("a", "a-2"),
        "d": ("a-2",),
    }
    assert [s.options.gpu for s in layout.steps] == [1, 0, 1, 0, 0]


def test_metadata_says_all_that_tags_say() -> None:
    settings = {
        "step": "train",
        "gpu": 1,
        "cpu": 0.5,
        "memory": "16Gi",
        "disk": "1Gi",
        "image": "a/b:1",
        "node": {"disktype": "ssd"},
        "retries": 2,
        "timeout": 90,
        "cache": False,
        "env": {"K": "V", "N": 3},
        "secrets": ["S"],
        "metrics": ["m"],
        "artifact": "x",
        "after": ["load"],
        "labels": {"team": "a"},
        "annotations": {"a/b": "c:d"},
    }
    layout = lay_out(notebook({"nb2flow": {"step": "load"}}, {"nb2flow": settings}))
    assert layout.diagnostics == ()
    step = layout.steps[1]
    options = step.options
    assert (step.name, step.after, options.gpu, options.cpu, options.memory) == ("train", ("load",), 1, "0.5", "16Gi")
    assert (options.node, options.retries, options.timeout, options.cache) == ((("disktype", "ssd"),), 2, 90.0, False)
    assert (options.env, options.secrets, options.metrics) == ((("K", "V"), ("N", "3")), ("S",), ("m",))
    assert (options.labels, options.annotations) == ((("team", "a"),), (("a/b", "c:d"),))


METADATA: dict[str, tuple[Any, list[str], list[tuple[str, str]], str]] = {  # metadata, tags, diagnostics, steps' names
    "wins": ({"step": "b", "gpu": 2}, ["step:a", "gpu:1"], [("NB209", "warning")] * 2, "b"),
    "agrees": ({"step": "a", "gpu": 1}, ["step:a", "gpu:1"], [], "a"),
    "adds": ({"env": {"B": "2"}}, ["step:a", "env:A=1"], [], "a"),
    "other value of one variable": ({"env": {"A": "2"}}, ["step:a", "env:A=1"], [("NB209", "warning")], "a"),
    "no mapping": (["step"], ["step:a"], [("NB227", "error")], "a"),
    "near entry": ({"memroy": "1Gi"}, ["step:a"], [("NB227", "error")], "a"),
    "unknown entry": ({"colour": "red"}, ["step:a"], [("NB227", "warning")], "a"),
    "own entries": ({"role": "author", "cell": 3, "id": "x"}, ["step:a"], [], "a"),
    "bad flag": ({"setup": "yes"}, ["step:a"], [("NB227", "error")], "a"),
    "bad kind": ({"memory": ["1Gi"]}, ["step:a"], [("NB227", "error")], "a"),
    "bad kind in pairs": ({"env": {"A": [1]}}, ["step:a"], [("NB227", "error")], "a"),
    "bad value": ({"memory": "16 GB"}, ["step:a"], [("NB220", "error")], "a"),
    "negative": ({"gpu": -1}, ["step:a"], [("NB221", "error")], "a"),
    "null is absent": ({"gpu": None}, ["step:a"], [], "a"),
    "gpu resource": ({"gpu": {"resource": "amd.com/gpu", "count": 1}}, ["step:a"], [], "a"),
    "flag off": ({"setup": False}, ["step:a"], [], "a"),
}


@pytest.mark.parametrize("case", METADATA)
def test_metadata(case: str) -> None:
    metadata, tags, diagnostics, names = METADATA[case]
    layout = lay_out(notebook({"nb2flow": metadata, "tags": tags}))
    assert [(d.code, d.severity.value) for d in layout.diagnostics] == diagnostics
    assert " ".join(steps(layout)) == names
    for d in layout.diagnostics:
        assert d.place.cell == 0
        assert d.hint


def test_metadata_gives_roles() -> None:
    layout = lay_out(
        notebook(
            {"nb2flow": {"parameters": True}},
            {"nb2flow": {"setup": True}},
            {"nb2flow": {"skip": True}},
            {"nb2flow": {"step": "a"}},
        )
    )
    assert (layout.parameters, layout.setup, layout.skipped, steps(layout)) == (0, (1,), (2,), {"a": (3,)})


def test_the_notebooks_metadata_gives_defaults_and_split() -> None:
    cells = ["# A", "code|memory:2Gi|x", "# B", "code||y"]
    layout = lay_out(notebook(*cells, nb2flow={"memory": "1Gi", "env": {"K": "V"}, "split": "cells"}))
    assert {s.name: s.options.memory for s in layout.steps} == {"cell-1": "2Gi", "cell-3": "1Gi"}
    assert layout.steps[0].options.env == (("K", "V"),)
    layout = lay_out(notebook(*cells, nb2flow={"split": "pages"}))
    assert [(d.code, d.severity.value) for d in layout.diagnostics] == [("NB227", "error")]


def test_kales_dialect() -> None:
    layout = lay_out(
        notebook(
            "code||!pip install x",
            "code|imports|import numpy as np",
            "code||import os",
            "code|pipeline-parameters|N = 3",
            "code|functions|def f(): pass",
            "code|block:load_data limit:nvidia.com/gpu:2|a = 1",
            "code|block:|b = 2",
            "code|skip prev:load_data|plot()",
            "code||c = 3",
            "code|functions|def g(): pass",
            "code||def h(): pass",
            "code|step:fit prev:load_data annotation:a:b:c label:team:x|d = 4",
            "code|pipeline-metrics|print(a)\nprint(d)",
            kubeflow_notebook={"docker_image": "me/kale:1", "steps_defaults": ["label:access-rok:true", "limit:cpu:2"]},
        )
    )
    assert layout.dialect == "kale"
    assert steps(layout) == {"load-data": (5, 6, 8), "fit": (11,), "pipeline-metrics": (12,)}
    assert (layout.setup, layout.parameters, layout.skipped) == ((0, 1, 2, 4, 9, 10), 3, (7,))
    assert told(layout) == [("NB248", "info", 0)]
    load, fit, metrics = layout.steps
    assert (load.options.gpu, load.options.image, load.options.cpu) == (2, "me/kale:1", "2")
    assert fit.after == ("load-data",)
    assert (fit.options.annotations, fit.options.labels) == ((("a", "b:c"),), (("access-rok", "true"), ("team", "x")))
    assert metrics.options.metrics == ("a", "d")


def test_kale_with_several_parameters_cells_and_scattered_cells() -> None:
    layout = lay_out(
        notebook(
            "code|pipeline-parameters|N = 3",
            "code|pipeline-parameters|M = 3",
            "code|block:a|x",
            "code|block:b prev:a|y",
            "code|block:a|z",
        )
    )
    assert (layout.parameters, layout.setup) == (0, (1,))
    assert steps(layout) == {"a": (2,), "b": (3,), "a-2": (4,)}
    assert told(layout) == [("NB210", "warning", 1), ("NB211", "warning", 4)]


def test_a_step_above_metrics_in_our_dialect_mixed_with_kales() -> None:
    layout = lay_out(notebook("code|step:a|x", "code|block:b after:a gpu:1|y"))
    assert (layout.dialect, steps(layout)) == ("kale", {"a": (0,), "b": (1,)})
    assert layout.steps[1].after == ("a",)
    assert layout.diagnostics == ()


HEADINGS: dict[str, tuple[list[str | dict[str, Any]], dict[str, tuple[int, ...]], tuple[int, ...]]] = {
    "title and sections": (
        ["# Title", "code||import os", "## Load", "code||x", "code||y", "### Detail", "code||z", "## Fit", "code||w"],
        {"load": (3, 4, 6), "fit": (8,)},
        (1,),
    ),
    "first level": (["# A", "code||x", "## B", "code||y", "# C", "code||z"], {"a": (1, 3), "c": (5,)}, ()),
    "deeper when needed": (["## A", "code||x", "### B", "code||y", "### C", "code||z"], {"b": (3,), "c": (5,)}, (1,)),
    "title in the same cell": (["# T\n\n## A\ntext", "code||x", "## B", "code||y"], {"a": (1,), "b": (3,)}, ()),
    "shallower heading ends a section": (
        ["# T", "## A", "code||x", "## B", "code||y", "# End", "code||z", "## C", "code||w"],
        {"t": (2, 4), "end": (6, 8)},
        (),
    ),
    "comments join": (
        ["code||# hello", "# A", "code||x", "# B", "code||# todo", "code||", "# C", "code||z"],
        {"a": (2, 4, 5), "c": (7,)},
        (0,),
    ),
    "same titles": (["# A", "code||x", "# A", "code||y", "# A", "code||z"], {"a": (1,), "a-2": (3,), "a-3": (5,)}, ()),
    "titles without letters": (["# 日本", "code||x", "# 2.", "code||y"], {"section-1": (1,), "2": (3,)}, ()),
    "roles stay": (
        ["# A", "code|parameters|N = 1", "code|setup|import os", "code||x", "# B", "code|skip|p", "code||y"],
        {"a": (3,), "b": (6,)},
        (2,),
    ),
    "one section": (["# A", "code||x", "code||y"], {"main": (1, 2)}, ()),
    "headings in code fences": (["## T\n```\n# A\n```", "code||x", "## B", "code||y"], {"t": (1,), "b": (3,)}, ()),
}


@pytest.mark.parametrize("case", HEADINGS)
def test_headings_make_steps(case: str) -> None:
    cells, expected, setup = HEADINGS[case]
    layout = lay_out(notebook(*cells))
    assert steps(layout) == expected
    assert layout.setup == setup
    assert layout.dialect == ("whole" if list(expected) == ["main"] else "headings")
    assert lay_out(notebook(*cells), "headings") == layout


def test_options_and_orders_work_under_headings() -> None:
    layout = lay_out(notebook("# Load", "code|gpu:1|x", "# Fit it", "code||y", "code|after:load memory:1Gi|z"))
    assert [(s.name, s.title, s.options.gpu, s.options.memory, s.after) for s in layout.steps] == [
        ("load", "Load", 1, None, ()),
        ("fit-it", "Fit it", 0, "1Gi", ("load",)),
    ]
    assert layout.diagnostics == ()


def test_split_by_cells() -> None:
    layout = lay_out(notebook("code||# hello", "code||x", "code||", "code|setup|import os", "code||y"), "cells")
    assert (layout.dialect, steps(layout), layout.setup) == ("cells", {"cell-1": (1, 2), "cell-4": (4,)}, (0, 3))


def test_split_by_tags_wants_tags() -> None:
    layout = lay_out(notebook("code||x"), "tags")
    assert told(layout) == [("NB241", "error", None)]


def test_another_split_over_tags_is_told() -> None:
    cells = ["# A", "code|step:a gpu:1|x", "# B", "code|step:b gpu:2 each:files|y"]
    layout = lay_out(notebook(*cells[:3], "code|step:b gpu:2|y"), "headings")
    assert (layout.dialect, list(steps(layout))) == ("headings", ["a", "b"])
    assert told(layout) == [("NB242", "info", 1)]
    whole = lay_out(notebook(*cells), "whole")
    assert (whole.dialect, steps(whole), whole.diagnostics) == ("whole", {"main": (1, 3)}, ())
    assert whole.steps[0].options.gpu == 0


def test_orders_among_ignored_steps_still_hold() -> None:
    layout = lay_out(
        notebook(
            "# One", "code|step:a|x", "# Two", "code|step:b|y", "code|step:c after:a after:b|z", "# End", "code||w"
        ),
        "headings",
    )
    assert {s.name: s.after for s in layout.steps} == {"one": (), "two": ("one",), "end": ()}
    assert told(layout) == [("NB242", "info", 1)]
    layout = lay_out(notebook("code|block:a|x", "code|block:|y", "code|block:b prev:a|z"), "cells")
    assert {s.name: s.after for s in layout.steps} == {"cell-0": (), "cell-1": (), "cell-2": ("cell-0", "cell-1")}


def test_whole_keeps_setup_in_its_place() -> None:
    layout = lay_out(notebook("code||x", "code|setup|y", "code|skip|z", "code|parameters|N = 1", "code||w"), "whole")
    assert (steps(layout), layout.setup, layout.skipped, layout.parameters) == ({"main": (0, 1, 4)}, (), (2,), 3)


def test_other_languages_are_one_step() -> None:
    layout = lay_out(
        notebook("# A", "code|step:a|x <- 1", "# B", "code||y", kernelspec={"name": "ir", "language": "R"})
    )
    assert (layout.dialect, steps(layout)) == ("whole", {"main": (1, 3)})
    assert told(layout) == [("NB243", "info", None)]


def test_an_unknown_split_is_the_callers_fault() -> None:
    with pytest.raises(UsageError, match="no split 'pages'"):
        lay_out(notebook("code||x"), "pages")


WORDS = st.sampled_from(
    [
        *(
            "step:a",
            "step:b",
            "step:A_b",
            "step:a-2",
            "step:",
            "step:日本",
            "stpe:c",
            "block:b",
            "block:",
            "prev:a",
            "skip",
        ),
        *("after:a", "after:b", "after:a-2", "after:zzz", "parameters", "setup", "imports", "functions", "gather"),
        *("pipeline-metrics", "pipeline-parameters", "gpu:1", "gpu:2", "memory:1Gi", "cpu:x", "env:K=1", "env:K=2"),
        *("each:x", "injected-parameters", "own-tag", "step: d", "paramters", "label:a:b", "limit:cpu:1"),
    ]
)
METADATA_VALUES = st.none() | st.dictionaries(
    st.sampled_from(["step", "setup", "gpu", "after", "env", "skip", "junk", "parameters"]),
    st.sampled_from(["a", "b-c", True, 1, -1, ["a"], {"K": "V"}, None, 1.5, ""]),
    max_size=3,
)


@st.composite
def cells(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["code", "code", "code", "markdown", "raw"]))
    source = draw(st.sampled_from(["x = 1", "# A", "## B", "", "# note", "print(x)", "Title\n===", "日本"]))
    metadata: dict[str, Any] = {"tags": draw(st.lists(WORDS, max_size=4))}
    own = draw(METADATA_VALUES)
    if own is not None:
        metadata["nb2flow"] = own
    return {"cell_type": kind, "source": source, "metadata": metadata}


@given(st.lists(cells(), max_size=12), st.sampled_from([None, "tags", "headings", "cells", "whole"]))
def test_every_code_cell_is_in_exactly_one_group(drawn: list[dict[str, Any]], split: str | None) -> None:
    sure = {"cell_type": "code", "source": "y = 2", "metadata": {}}
    document = {"nbformat": 4, "metadata": {}, "cells": [*drawn, sure]}
    made = reads(json.dumps(document).encode(), "any")
    layout = lay_out(made, split)
    placed = [*layout.setup, *layout.skipped, *(i for s in layout.steps for i in s.cells)]
    if layout.parameters is not None:
        placed.append(layout.parameters)
    assert sorted(placed) == [c.index for c in made.code]
    names = [s.name for s in layout.steps]
    assert len(set(names)) == len(names)
    position = {name: i for i, name in enumerate(names)}
    for step in layout.steps:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", step.name)
        assert step.cells
        assert list(step.cells) == sorted(step.cells)
        assert all(position[a] < position[step.name] for a in step.after)
    firsts = [s.cells[0] for s in layout.steps]
    assert firsts == sorted(firsts)
    assert all(a.cells[-1] < b.cells[0] for a, b in zip(layout.steps, layout.steps[1:], strict=False))
    for diagnostic in layout.diagnostics:
        assert diagnostic.code in CODES
        assert diagnostic.message
    assert lay_out(made, split) == layout
