"""Steps that run for each element, as tasks that Argo expands. All but the first need a controller of Argo."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import notebooks
import pytest
import yaml
from cluster.conftest import Machine, wait
from cluster.test_each_in_pods import CELLS, laid_out, pods

from nb2flow.errors import ExitCode
from nb2flow.executors.argo import status
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.executors.pods.store import Store
from nb2flow.pods.spec import RUN
from nb2flow.profiles import Profile
from nb2flow.runs.events import StepStarted, StepSucceeded

ENGINE = ("--engine", "argo")
MANY = int(os.environ.get("NB2FLOW_TEST_ELEMENTS", "8"))


def in_argo(machine: Callable[..., Machine]) -> Machine:
    return laid_out(lambda name: machine(name, argo_executor="workflow"))


def workflows(cluster: Cluster, run_id: str) -> list[Any]:
    return sorted(cluster.list("workflows", f"{RUN}={run_id}")[0], key=lambda w: str(w["metadata"]["name"]))


def task(workflow: Any, step: str) -> Any:
    return next(t for t in workflow["spec"]["templates"][0]["dag"]["tasks"] if t["name"] == step)


def run_of(laptop: Machine) -> str:
    return str(laptop.value("runs")[0]["run"])


def succeeded(laptop: Machine, run_id: str) -> Counter[str]:
    return Counter(event.step for event in laptop.events(run_id) if isinstance(event, StepSucceeded))


def test_argo_is_given_what_is_left_of_a_list_that_is_known(
    machine: Callable[..., Machine], argo: Cluster, own_store: Profile
) -> None:
    """What the Jobs of another engine made counts, and lies where the pods of the Workflow look for it."""
    laptop = in_argo(machine)
    (laptop.folder / "b.txt").unlink()
    laptop.do("run", "nb.ipynb", "--engine", "kubernetes", code=ExitCode.RUN)
    (laptop.folder / "b.txt").write_text("xx")
    laptop.do("run", "nb.ipynb", *ENGINE, "--detach")
    run_id = run_of(laptop)
    (workflow,) = workflows(argo, run_id)
    assert status.steps_of(workflow) == ("count", "total")
    assert task(workflow, "count")["withItems"] == [1]
    store = Store(own_store.store)
    place = f"runs/{run_id}/{workflow['metadata']['name']}"
    there = {path.split("/")[-2] for path in store.listing(place) if path.endswith("manifest.json")}
    assert there == {"names", "count[0]", "count[2]"}
    laptop.do("cancel", run_id)


def test_each_element_has_a_pod_of_its_own_and_the_results_are_those_of_the_whole(
    machine: Callable[..., Machine], controlled: Cluster
) -> None:
    laptop = in_argo(machine)
    (laptop.folder / "b.txt").unlink()
    failed = laptop.do("run", "nb.ipynb", *ENGINE, code=ExitCode.RUN)
    assert "step count[1] failed at cell 2" in failed
    assert "b.txt" in failed
    run_id = run_of(laptop)
    assert pods(controlled, run_id) == {"names": 1, "count 0": 1, "count 1": 1, "count 2": 1}
    (first,) = workflows(controlled, run_id)
    told = [word for word in ("a.txt", "b.txt", "sizes") if word in json.dumps(first)]
    assert told == [], "numbers of elements, and nothing else of them"
    (laptop.folder / "b.txt").write_text("xx")
    done = laptop.value("resume", run_id)
    assert {step["status"] for step in done["steps"]} == {"succeeded"}
    assert pods(controlled, run_id) == {"names": 1, "count 0": 1, "count 1": 2, "count 2": 1, "total": 1}
    assert "6 ['a.txt', 'b.txt', 'c.txt']" in laptop.do("logs", run_id, "total")
    assert task(workflows(controlled, run_id)[1], "count")["withItems"] == [1]
    again = laptop.value("run", "nb.ipynb", *ENGINE)
    assert {step["status"] for step in again["steps"]} == {"cached"}


READ = "[line.strip() for line in open('names.txt')]"


@pytest.mark.parametrize(
    ("names", "elements", "result"),
    [("[]\nalso = 1", 0, "0 []"), (f"{READ}\nalso = names", 1, "6 ['a.txt', 'b.txt', 'c.txt']")],
    ids=["empty", "shared"],
)
def test_a_list_without_elements_or_that_cannot_be_divided(
    machine: Callable[..., Machine], controlled: Cluster, names: str, elements: int, result: str
) -> None:
    laptop = in_argo(machine)
    notebooks.save(laptop.folder / "nb.ipynb", ("step:names", f"names = {names}"), *CELLS[1:], "print(also)")
    done = laptop.value("run", "nb.ipynb", *ENGINE)
    assert {step["status"] for step in done["steps"]} == {"succeeded"}
    assert result in laptop.do("logs", done["run"], "total")
    seen = {name: count for name, count in pods(controlled, done["run"]).items() if name.startswith("count")}
    assert seen == ({"count all": 1} if elements else {})


def test_whoever_comes_back_finds_what_each_element_did(machine: Callable[..., Machine], controlled: Cluster) -> None:
    laptop = in_argo(machine)
    slow = "for name in names:\n    time.sleep(30 if name == 'b.txt' else 0)\n    sizes[name] = len(open(name).read())"
    head = ("step:names", f"import time\n{CELLS[0][1]}")
    notebooks.save(laptop.folder / "nb.ipynb", head, CELLS[1], ("step:count each:names", slow), CELLS[3])
    running = laptop.begin("run", "nb.ipynb", *ENGINE)
    wait(lambda: laptop.value("runs"), "the run is there")
    run_id = run_of(laptop)
    wait(lambda: succeeded(laptop, run_id).keys() >= {"names", "count[0]", "count[2]"}, "two elements are done")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    wait(lambda: status.is_over(workflows(controlled, run_id)[0]), "Argo is done", 240)
    seen = laptop.value("attach", run_id)
    assert {step["status"] for step in seen["steps"]} == {"succeeded"}
    assert len(workflows(controlled, run_id)) == 1
    assert pods(controlled, run_id) == {"names": 1, "count 0": 1, "count 1": 1, "count 2": 1, "total": 1}
    assert set(succeeded(laptop, run_id).values()) == {1}
    started = Counter(e.step for e in laptop.events(run_id) if isinstance(e, StepStarted))
    assert started["count[0]"] == started["count[2]"] == 1


def test_a_converted_notebook_expands_without_us(
    machine: Callable[..., Machine], controlled: Cluster, own_store: Profile
) -> None:
    laptop = in_argo(machine)
    laptop.do("convert", "nb.ipynb", "--to", "argo", "-o", "workflow.yaml")
    manifest = yaml.safe_load((laptop.folder / "workflow.yaml").read_bytes())
    made = controlled.create("workflows", manifest)
    name = made["metadata"]["name"]

    def over() -> Any:
        workflow = controlled.get("workflows", name)
        return workflow if workflow is not None and status.is_over(workflow) else None

    workflow = wait(over, "Argo is done", 240)
    assert workflow["status"]["phase"] == "Succeeded"
    assert {"names", "count[0]", "count[1]", "count[2]", "total"} == status.standings(workflow).keys()
    executed = Store(own_store.store).read(f"runs/{name}-{made['metadata']['uid']}/total/executed.ipynb") or b""
    assert "6 ['a.txt', 'b.txt', 'c.txt']" in executed.decode()


def test_many_elements_side_by_side(machine: Callable[..., Machine], controlled: Cluster) -> None:
    laptop = machine("laptop", argo_executor="workflow", cpu="400m", memory="400Mi")
    collect = "squares = []\nfor n in numbers:\n    squares.append(n * n)"
    cells = (f"numbers = list(range({MANY}))", collect, "print('sum', sum(squares), len(squares))")
    tags = ("step:numbers", "step:square each:numbers", "step:total gather")
    notebooks.save(laptop.folder / "nb.ipynb", *zip(tags, cells, strict=True))
    running = laptop.begin("run", "nb.ipynb", *ENGINE, "--json")
    out, err = running.communicate(timeout=60 + 20 * MANY)
    assert running.returncode == ExitCode.OK, out + err
    done = json.loads(out)
    assert {step["status"] for step in done["steps"]} == {"succeeded"}
    assert len(done["steps"]) == MANY + 3
    assert f"sum {sum(n * n for n in range(MANY))} {MANY}" in laptop.do("logs", done["run"], "total")
    (workflow,) = workflows(controlled, done["run"])
    assert len(status.standings(workflow)) == MANY + 2
