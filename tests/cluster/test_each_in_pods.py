"""Steps that run for each element, as Jobs side by side: many at once, and one that puts together what they made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import notebooks
from cluster.conftest import Machine

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.pods.spec import ELEMENT, RUN, STEP

CELLS: tuple[notebooks.Cell, ...] = (
    ("step:names", "names = [line.strip() for line in open('names.txt') if line.strip()]"),
    ("step:count each:names", "sizes = {}"),
    (
        "step:count each:names",
        "for name in names:\n    print('counts', name)\n    sizes[name] = len(open(name).read())",
    ),
    ("step:total gather", "print(sum(sizes.values()), list(sizes))"),
)


def laid_out(machine: Callable[..., Machine]) -> Machine:
    laptop = machine("laptop")
    notebooks.save(laptop.folder / "nb.ipynb", *CELLS)
    (laptop.folder / "names.txt").write_text("a.txt\nb.txt\nc.txt\n")
    for name, size in (("a.txt", 1), ("b.txt", 2), ("c.txt", 3)):
        (laptop.folder / name).write_text("x" * size)
    return laptop


def pods(cluster: Cluster, run_id: str) -> Counter[str]:
    """How many pods each step, and each element, had."""
    there = [pod["metadata"]["labels"] for pod in cluster.list("pods", f"{STEP},{RUN}={run_id}")[0]]
    return Counter(f"{told[STEP]} {told.get(ELEMENT, '')}".strip() for told in there)


ALL = {"names": 1, "count 0": 1, "count 1": 1, "count 2": 1, "total": 1}


def test_each_element_has_its_pod_and_the_results_are_those_of_the_whole(
    machine: Callable[..., Machine], cluster: Cluster
) -> None:
    laptop = laid_out(machine)
    (laptop.folder / "b.txt").unlink()
    failed = laptop.do("run", "nb.ipynb", "--engine", "kubernetes", code=ExitCode.RUN)
    assert "step count[1] failed at cell 2" in failed
    assert "b.txt" in failed
    (laptop.folder / "b.txt").write_text("xx")
    done = laptop.value("run", "nb.ipynb", "--engine", "kubernetes")
    assert done["status"] == "succeeded"
    assert "6 ['a.txt', 'b.txt', 'c.txt']" in laptop.do("logs", done["run"], "total")


def test_a_driver_in_the_cluster_divides_too(machine: Callable[..., Machine], cluster: Cluster) -> None:
    laptop = laid_out(machine)
    run_id = laptop.detached()
    assert laptop.value("attach", run_id)["status"] == "succeeded"
    assert pods(cluster, run_id) == ALL
    assert "6 ['a.txt', 'b.txt', 'c.txt']" in laptop.do("logs", run_id, "total")
    assert "counts b.txt" in laptop.do("logs", run_id, "count[1]")
