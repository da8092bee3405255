"""Steps on this machine, and our papermill engine beside papermill's own: with real kernels."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from executors.local_runs import Runner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nb2flow.engine.ports import CellBegan, Ended, KernelStarted, Noted


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    made = Runner(tmp_path_factory.mktemp("local"))
    yield made
    made.backend.close()


def test_reports_come_in_order_and_end(runner: Runner) -> None:
    reports, document = runner.run("x = 1", "", "import os\nprint(os.getcwd())")
    assert [type(r) for r in reports] == [KernelStarted, CellBegan, CellBegan, Ended]
    cells = [r for r in reports if isinstance(r, CellBegan)]
    assert [(c.number, c.total) for c in cells] == [(1, 2), (2, 2)]
    assert reports[-1] == Ended(None)
    assert document["cells"][2]["outputs"][0]["text"] == [f"{runner.folder}\n"]


def test_the_kernel_inherits_what_it_is_given_and_no_more(runner: Runner) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLOUR": "red", "PYTHONPATH": "/mine"}
    _, document = runner.run(
        "import os, sys\nsorted(k for k in os.environ if k in ('COLOUR', 'NB2FLOW_CONTEXT')), sys.path[:3]",
        environ=environ,
        context={"version": 1},
    )
    (output,) = document["cells"][0]["outputs"]
    text = "".join(output["data"]["text/plain"])
    assert "['COLOUR', 'NB2FLOW_CONTEXT']" in text
    assert text.index(str(runner.folder)) < text.index("/mine")


def test_a_kernel_that_cannot_start_is_told_with_its_last_words(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = runner.folder / "kernels" / "broken"
    place.mkdir(parents=True)
    argv = [sys.executable, "-c", "raise SystemExit('no such thing as ipykernel here')"]
    (place / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "display_name": "broken"}))
    environ = {**os.environ, "JUPYTER_PATH": str(runner.folder)}
    reports, _ = runner.run("1", kernel="broken", environ=environ)
    (ended,) = [r for r in reports if isinstance(r, Ended)]
    assert ended.failure is not None
    assert ended.failure.kind == "kernel-start"
    assert "no such thing as ipykernel here" in "\n".join(ended.failure.traceback)


def test_a_step_is_cancelled_while_its_kernel_is_starting_or_running(runner: Runner) -> None:
    early, reports, ended, _ = runner.start("import time\ntime.sleep(60)")
    early.cancel()
    assert ended.wait(20)
    assert isinstance(reports[-1], Ended)
    assert reports[-1].failure is not None
    assert reports[-1].failure.kind == "cancelled"


def test_the_notebook_grows_on_disk_while_a_cell_runs(runner: Runner) -> None:
    _, _, ended, executed = runner.start(
        "print('early', flush=True)\nimport time\nfor i in range(28):\n    print(i, flush=True)\n    time.sleep(0.1)"
    )
    seen = set()
    while not ended.wait(0.05):
        if executed.exists():
            document = json.loads(executed.read_bytes())  # whole at every moment
            outputs = document["cells"][0]["outputs"]
            seen.add("early" in "".join(outputs[0]["text"]) if outputs else None)
    assert seen == {None, True}


def test_what_a_cell_printed_is_on_disk_though_the_next_one_says_nothing(runner: Runner) -> None:
    flag = runner.folder / "go"
    _, _, ended, executed = runner.start(
        "print('early')", f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.05)"
    )
    while "early" not in _printed(executed):
        assert not ended.wait(0.05)
    flag.touch()
    assert ended.wait(120)


def _printed(executed: Path) -> str:
    cells = json.loads(executed.read_bytes())["cells"] if executed.exists() else []
    return "".join(text for cell in cells for output in cell["outputs"] for text in output["text"])


def test_outputs_of_threads_and_displays_updated_later_reach_their_cell(runner: Runner) -> None:
    _, document = runner.run(
        "from IPython.display import display\nh = display('old', display_id=True)\nprint('first', end='')",
        "h.update('new')",
        "import asyncio\nawait asyncio.sleep(0.01)\n1 + 1",
    )
    first, second, third = document["cells"]
    assert first["outputs"][0]["data"]["text/plain"] == ["'new'"]
    assert first["outputs"][1]["text"] == ["first"]
    assert second["outputs"] == []
    assert third["outputs"][0]["data"]["text/plain"] == ["2"]


OUTPUT_WIDGET = """
import comm
state = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "msg_id": "", "outputs": []}
widget = comm.create_comm(target_name="jupyter.widget", data={"state": state, "buffer_paths": []})
def capture(text):
    for here in (get_ipython().kernel.get_parent()["header"]["msg_id"], ""):
        widget.send({"method": "update", "state": {"msg_id": here}, "buffer_paths": []})
        print(text, flush=True)
"""


def test_a_widget_that_talks_back_takes_no_reply_away(runner: Runner) -> None:
    reports, executed = runner.run(OUTPUT_WIDGET, *["capture('x')"] * 60, timeout=60)
    ended = reports[-1]
    assert isinstance(ended, Ended)
    assert ended.failure is None
    assert len(executed["cells"]) == 61


def test_closing_the_backend_leaves_no_process(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    _, reports, ended, _ = runner.start("import time\ntime.sleep(60)")
    while not any(isinstance(r, CellBegan) for r in reports):
        time.sleep(0.01)
    (kernel,) = [r.pid for r in reports if isinstance(r, KernelStarted)]
    runner.backend.close()
    assert ended.is_set()
    assert not Path(f"/proc/{kernel}").exists()


CONFORMANCE = (
    "import sys\nprint('out')\nprint('err', file=sys.stderr)",
    "from IPython.display import HTML, display, clear_output\ndisplay(HTML('<b>b</b>'), {'a': 1})\n'result'",
    "print('gone')\nclear_output()\nprint('stays')",
    "print('gone')\nclear_output(wait=True)\nprint('stays')",
    "handle = display('one', display_id='d')\ndisplay('two', display_id='d')",
    "handle.update('three')",
    "%%bash\necho from bash",
    "def f():\n    raise KeyError('k')\ntry:\n    f()\nexcept KeyError:\n    print('caught')",
    "class C:\n    def __repr__(self):\n        return 'c'\n    def _repr_html_(self):\n        return '<i>c</i>'\nC()",
    "get_ipython().run_line_magic('config', 'InlineBackend.figure_formats = [\"png\"]')\nprint('é ✓ \\U0001F600')",
)


def test_our_engine_gives_the_outputs_that_papermill_gives(tmp_path: Path) -> None:
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    cells = [new_markdown_cell("# text"), *(new_code_cell(c) for c in CONFORMANCE)]
    cells.append(new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}))
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), tmp_path / "in.ipynb")
    normal = []
    for engine in (None, "nb2flow"):
        output = tmp_path / f"{engine}.ipynb"
        with pytest.raises(papermill.PapermillExecutionError):  # stock papermill does not know the tag
            papermill.execute_notebook(tmp_path / "in.ipynb", output, engine_name=engine, progress_bar=False)
        document = nbformat.read(output, as_version=4)
        nbformat.validate(document)
        normal.append([_normal(c) for c in document.cells])
    assert normal[0] == normal[1]


def _normal(cell: Any) -> Any:
    outputs: list[Any] = []
    for output in cell.get("outputs", []):
        last = outputs[-1] if outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            outputs.append(json.loads(re.sub(r"ipykernel_\d+", "ipykernel_N", json.dumps(output))))
    return cell.source, cell.get("execution_count"), outputs, cell.metadata.get("papermill", {}).get("status")


def test_our_engine_works_where_an_event_loop_is_running(tmp_path: Path) -> None:
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(new_notebook(cells=[new_code_cell("6 * 7")], metadata={"kernelspec": spec}), tmp_path / "in.ipynb")
    code = (
        "import asyncio, papermill\n"
        "async def main():\n"
        f"    nb = {str(tmp_path / 'in.ipynb')!r}\n"
        "    return papermill.execute_notebook(nb, None, engine_name='nb2flow', progress_bar=False)\n"
        "print(asyncio.run(main()).cells[0].outputs[0]['data']['text/plain'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "42\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "line = 'x' * 1023\nfor _ in range(1_000_000):\n    print(line)",
        "print('x' * 1_000_000_000)",
    ],
    ids=["a million lines", "one line"],
)
def test_a_gigabyte_of_output_ends_in_bounded_memory(tmp_path: Path, source: str) -> None:
    runner = Runner(tmp_path)
    attempt, reports, ended, executed = runner.start(source, "print('after')")
    most = 0
    while not ended.wait(0.05):
        most = max(most, _peak_megabytes(attempt.worker))
    runner.backend.close()
    assert reports[-1] == Ended(None)
    assert executed.stat().st_size < 11_000_000
    assert next(r.text for r in reports if isinstance(r, Noted)).startswith(("990.0 MB", "1.01 GB", "1.02 GB"))
    assert most < 1500
    assert json.loads(executed.read_bytes())["cells"][1]["outputs"][0]["text"] == ["after\n"]


def _peak_megabytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)
