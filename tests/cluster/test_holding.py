"""Into a step that failed in a pod: its kernel is kept there, and reached from here."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import notebooks
import pytest
from cluster.conftest import Machine, wait
from jupyter_client.blocking.client import BlockingKernelClient

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes import manifests
from nb2flow.executors.kubernetes.cluster import Cluster

FAILS_IN_B = (("step:a", "x = int(open('numbers.txt').read())"), ("step:b", "y = x + 1\ny / 0"))


def look_into(laptop: Machine, cluster: Cluster) -> None:
    run_id = laptop.value("runs")[0]["run"]
    debugging = laptop.begin("debug", run_id, "b", "--hold", "10m")
    try:
        assert debugging.stdout is not None
        said = iter(debugging.stdout.readline, "")
        (path,) = next(m.groups() for line in said if (m := re.search(r"\(connection file (.+\.json);", line)))
        client: Any = BlockingKernelClient(connection_file=path)
        client.load_connection_file()
        client.start_channels()
        try:
            reply = client.execute("", user_expressions={"y": "y"}, reply=True, timeout=60)
            assert reply["content"]["user_expressions"]["y"]["data"]["text/plain"] == "21"
            wait(client.is_alive, "its heart beats")
        finally:
            client.stop_channels()
    finally:
        debugging.send_signal(signal.SIGINT)
        _, also = debugging.communicate(timeout=120)
    assert debugging.returncode == ExitCode.OK, also
    wait(lambda: not cluster.list("jobs", f"{manifests.HELD}=true")[0], "its Job is gone")


def test_a_step_is_held_where_it_failed(machine: Callable[..., Machine], cluster: Cluster) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *FAILS_IN_B)
    laptop.do("run", "nb.ipynb", "--engine", "kubernetes", code=ExitCode.RUN)
    before = laptop.events(laptop.value("runs")[0]["run"])
    look_into(laptop, cluster)
    assert laptop.events(laptop.value("runs")[0]["run"]) == before


@pytest.mark.parametrize(
    ("cells", "words", "said"),
    [
        (FAILS_IN_B, ("debug", "last", "a", "--hold", "soon"), "--hold 'soon'"),
        ((("step:a", "x = 20"),), ("debug", "last", "a", "--hold", "10m"), "nothing to look into"),
    ],
)
def test_what_cannot_be_held_is_told(machine: Callable[..., Machine], cells: Any, words: Any, said: str) -> None:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *cells)
    laptop.begin("run", "nb.ipynb", "--engine", "kubernetes").communicate(timeout=240)
    assert said in laptop.do(*words, code=ExitCode.USAGE)
