"""Step notebooks: valid, deterministic, readable, in the agreed order, and running by hand one after another."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from nb2flow.errors import PlanError
from nb2flow.flow.model import Edge, Flow, Input, Parameter, Reason, Replay, Site, Step
from nb2flow.notebook import reads, writes
from nb2flow.plan import compile_plan, converted_files
from nb2flow.runtime.bundle import runtime_files

GOLDEN = Path(__file__).parent / "golden"


def roles(document: dict[str, Any]) -> list[str]:
    return [c["metadata"].get("nb2flow", {}).get("role", "text") for c in document["cells"]]


def source(document: dict[str, Any], role: str) -> str:
    (found,) = [c["source"] for c in document["cells"] if c["metadata"].get("nb2flow", {}).get("role") == role]
    return str(found)


@pytest.mark.parametrize("name", ["01-load.ipynb", "02-fit.ipynb"])
def test_golden_step_notebooks(example: Any, name: str, tmp_path: Path) -> None:
    made = writes(example.compile().notebooks[name])
    (tmp_path / name).write_bytes(made)
    assert made.decode() == (GOLDEN / f"{name}.json").read_text(), (
        f"the step notebook changed: compare with {tmp_path / name}"
    )


def test_order_of_cells_and_validity(example: Any) -> None:
    compiled = example.compile()
    load, fit = compiled.notebooks["01-load.ipynb"], compiled.notebooks["02-fit.ipynb"]
    front = ["header", "parameters", "start", "replay", "load"]
    assert roles(load) == [*front, "text", "author", "author", "save"]
    assert roles(fit) == ["header", "start", "replay", "load", "text", "author", "text", "save"]
    for document in (load, fit):
        nbformat.validate(nbformat.from_dict(document))  # type: ignore[no-untyped-call]
        injected = [c for c in document["cells"] if "nb2flow-injected" in c["metadata"].get("tags", [])]
        assert len(injected) == len([r for r in roles(document) if r not in ("text", "author", "parameters")])


def test_authors_cells_are_kept_without_outputs(example: Any) -> None:
    load = example.compile().notebooks["01-load.ipynb"]
    cells = {c["id"]: c for c in load["cells"]}
    assert cells["load-2"]["metadata"] == {"tags": ["mine"], "nb2flow": {"role": "author", "cell": 5, "id": "load-2"}}
    assert cells["load-2"]["outputs"] == []
    assert cells["load-2"]["execution_count"] is None
    assert cells["params"]["metadata"]["tags"] == ["parameters"]
    assert cells["about-load"]["attachments"] == {"a.png": {"image/png": "iVBORw0KGgo="}}


def test_tags_of_tools_do_not_come_along(example: Any) -> None:
    cells = tuple(
        replace(c, tags=("injected-parameters", "parameters", "raises-exception")) if c.id == "fit-1" else c
        for c in example.notebook.cells
    )
    fit = replace(example, notebook=replace(example.notebook, cells=cells)).compile().notebooks["02-fit.ipynb"]
    (made,) = [c for c in fit["cells"] if c["id"] == "fit-1"]
    assert made["metadata"]["tags"] == ["raises-exception"]


def test_the_plan(example: Any) -> None:
    plan = example.compile().plan
    load, fit = plan.steps
    assert (plan.name, plan.source, plan.watch) == ("demo", "demo.ipynb", ("rng:python",))
    assert (load.notebook, load.cells, load.first_number) == ("01-load.ipynb", ("load-1", "load-2"), 3)
    assert (fit.after, fit.inputs, fit.state) == (("load",), {"load": ("data", "rng:python")}, ("load",))
    assert fit.first_number == 6
    assert fit.options.retries == 2
    (edge,) = plan.edges
    assert edge.carries == ("data", "rng:python")
    assert edge.why == (
        "data is made in cell 4, line 2 and used in cell 8, line 1",
        "Python's random numbers: changed in cell 4, line 1, relied on in cell 8, line 2",
        "the author asks for it (after:load)",
    )


def test_skipped_and_empty_cells_have_no_number(example: Any) -> None:
    cells = tuple(
        replace(c, tags=("skip",)) if c.id == "load-2" else replace(c, source=" ") if c.id == "scale" else c
        for c in example.notebook.cells
    )
    made = replace(example, notebook=replace(example.notebook, cells=cells)).with_step("load", cells=(4,)).compile()
    assert made.plan.step("fit").first_number == 4


def test_magics_and_future_imports_head_their_cells(example: Any) -> None:
    replay = (
        Replay(1, "imports", 1, 1, "import random", "import"),
        Replay(2, "params", 3, 3, "from __future__ import annotations", "import"),
        Replay(2, "params", 4, 4, "%matplotlib inline\n", "configuration"),
        Replay(6, "scale", 1, 2, "%%html\n<b>x</b>", "configuration"),
        Replay(6, "scale", 1, 1, "def f():\n    pass", "definition"),
        Replay(7, "other", 5, 5, "y = 1", "constant"),
    )
    fit = example.with_step("fit", replay=replay).compile().notebooks["02-fit.ipynb"]
    made = [c for c in fit["cells"] if c["metadata"].get("nb2flow", {}).get("role") == "replay"]
    assert [c["source"] for c in made] == [
        "# from cell 1, line 1\nimport random",
        "# from cell 2, line 3\nfrom __future__ import annotations\n%matplotlib inline",
        "%%html\n<b>x</b>",
        "# from cell 6, line 1\ndef f():\n    pass\n\n# from cell 7, line 5\ny = 1",
    ]
    assert [c["id"] for c in made] == ["nb2flow-replay", "nb2flow-replay-2", "nb2flow-replay-3", "nb2flow-replay-4"]
    assert made[3]["metadata"]["nb2flow"]["lines"] == [
        {"first": 2, "last": 3, "cell": 6, "id": "scale", "line": 1},
        {"first": 6, "last": 6, "cell": 7, "id": "other", "line": 5},
    ]


def test_ids_of_ours_give_way_to_the_authors(example: Any) -> None:
    cells = tuple(replace(c, id="nb2flow-load") if c.id == "fit-1" else c for c in example.notebook.cells)
    fit = replace(example, notebook=replace(example.notebook, cells=cells)).compile().notebooks["02-fit.ipynb"]
    ids = [c["id"] for c in fit["cells"]]
    assert "nb2flow-load-2" in ids
    assert len(set(ids)) == len(ids)


def test_what_is_no_name_gets_nowhere_near_code(example: Any) -> None:
    for more in ({"outputs": ("x'); evil(",)}, {"inputs": (Input("a b", "load"),)}, {"name": "../x"}):
        with pytest.raises(PlanError):
            example.with_step("fit", **more).compile()
    home = 'it\'s "here"\n'
    start = source(example.compile(home=home).notebooks["02-fit.ipynb"], "start")
    assert start.splitlines()[-1] == f"_nb2flow.start('fit', home={home!r}, state=['load'])"


def test_long_lists_are_laid_out(example: Any) -> None:
    names = tuple(f"a_rather_long_name_{i}" for i in range(20))
    made = example.with_step("load", outputs=names).with_step("fit", inputs=tuple(Input(n, "load") for n in names))
    fit = made.compile().notebooks["02-fit.ipynb"]
    assert "{\n    'load': ['a_rather_long_name_0'" in source(fit, "load")
    save = source(made.compile().notebooks["01-load.ipynb"], "save")
    assert max(map(len, save.splitlines())) < 100
    compile(save, "save", "exec")


def test_flows_that_are_none_are_refused(example: Any) -> None:
    with pytest.raises(PlanError, match="has no steps"):
        replace(example, flow=replace(example.flow, steps=())).compile()
    with pytest.raises(PlanError, match="not an earlier step"):
        example.with_step("load", inputs=(Input("x", "fit"),)).compile()


def test_another_kernel_and_another_language(example: Any) -> None:
    flow = replace(example.flow, kernel="conda-x")
    fit = replace(example, flow=flow).compile().notebooks["02-fit.ipynb"]
    assert fit["metadata"]["kernelspec"] == {"name": "conda-x", "display_name": "conda-x", "language": "python"}
    main = Step("main", "Demo", (1, 4, 5, 6, 8))
    flow = replace(example.flow, language="R", kernel="ir", steps=(main,), edges=())
    compiled = compile_plan(flow, example.notebook, runtime_digest="r1")
    whole = compiled.notebooks["01-main.ipynb"]
    assert [c["id"] for c in whole["cells"]] == [c.id for c in example.notebook.cells]
    assert roles(whole)[:4] == ["text", "author", "parameters", "text"]
    nbformat.validate(nbformat.from_dict(whole))  # type: ignore[no-untyped-call]
    assert sorted(converted_files(compiled, {"a.py": b""})) == ["01-main.ipynb", "plan.yaml"]


def test_file_names_sort_in_order(make_example: Callable[[], Any]) -> None:
    example = make_example()
    steps = tuple(Step(f"s{i}", "", (4,)) for i in range(100))
    names = list(
        compile_plan(replace(example.flow, steps=steps, edges=()), example.notebook, runtime_digest="r").notebooks
    )
    assert names[0] == "001-s0.ipynb"
    assert names == sorted(names)


sources = st.sampled_from(["x = 1", "", "# c", "print('é')", "%%time\ny", "a\n\nb", "x = '''\n\ud83d'''"])


@given(st.lists(st.tuples(sources, st.booleans()), min_size=1, max_size=8), st.text(max_size=20), st.text(max_size=20))
def test_compiling_is_deterministic_and_valid(drawn: list[tuple[str, bool]], title: str, note: str) -> None:
    def once() -> dict[str, bytes]:
        cells: list[dict[str, Any]] = [
            {"cell_type": "code" if c else "markdown", "source": s, "metadata": {}} for s, c in drawn
        ]
        cells.append({"cell_type": "code", "source": "z = 1", "metadata": {}})
        notebook = reads(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode(), "any")
        code = [c.index for c in notebook.code]
        steps = tuple(Step(f"s{i}", title, (i,), outputs=(f"v{i}",), notes=(note,)) for i in code)
        edges = tuple(
            Edge(f"s{a}", f"s{b}", (Reason("variable", f"v{a}", Site(a, 1), Site(b, 1)),))
            for a, b in itertools.pairwise(code)
        )
        parameters = (Parameter("p", "any", None, title, 1),)
        flow = Flow("any", "python", "python3", "cells", steps, edges, parameters)
        return converted_files(compile_plan(flow, notebook, runtime_digest="r"), {"__init__.py": b"x"})

    files = once()
    assert files == once()
    for name, data in files.items():
        if name.endswith(".ipynb"):
            nbformat.validate(nbformat.reads(data.decode(), as_version=4))  # type: ignore[no-untyped-call]


def test_converted_notebooks_run_one_by_one(example: Any, tmp_path: Path) -> None:
    files = converted_files(example.compile(home="."), runtime_files())
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    shown: list[Any] = []
    for name in ("01-load.ipynb", "02-fit.ipynb"):
        step = nbformat.read(tmp_path / name, as_version=4)  # type: ignore[no-untyped-call]
        NotebookClient(step, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
        shown += [o for c in step.cells if c.id in ("load-1", "load-2", "fit-1") for o in c.outputs]
    namespace: dict[str, Any] = {}
    for cell in example.notebook.code:
        exec(cell.source.replace("print(total, more)", "shown = f'{total} {more}\\n'"), namespace)
    assert (shown[0].execution_count, shown[0].data["text/plain"]) == (3, repr(namespace["data"]))
    assert [o.text for o in shown[1:]] == ["3\n", namespace["shown"]]
