"""A converted notebook run as Argo would run it: each step by the manifest's own command, in the order of its graph."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from notebooks import Cell, save

from nb2flow.app.analysis import analyse
from nb2flow.app.exporting import to_argo, to_kubernetes
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.executors.pods.store import Store
from nb2flow.pods import elements
from nb2flow.pods.contract import ANY_RUN, PodExit, decode_order

SETTINGS = '[profiles.default]\nimage = "registry/step:1"\nstore = "{store}"\n'


class Project:
    """A notebook in a folder with a profile whose store is a folder, too."""

    def __init__(self, folder: Path, *cells: Cell) -> None:
        self.folder, self.store = folder, folder.parent / "store"
        folder.mkdir()
        self.path = save(folder / "sample.ipynb", *cells)
        (folder / "nb2flow.toml").write_text(SETTINGS.format(store=self.store))

    def manifest(self, **options: Any) -> dict[str, Any]:
        made: dict[str, Any] = yaml.safe_load(to_argo(analyse(self.path), **options).text)
        return made

    def run(
        self, manifest: dict[str, Any], step: str, run: str, element: str = "", **parameters: str
    ) -> tuple[int, str]:
        """The step's process, with Argo's variables replaced in its arguments."""
        spec = manifest["spec"]
        graph = {task["name"]: task for task in spec["templates"][0]["dag"]["tasks"]}
        template = next(t for t in spec["templates"] if t["name"] == graph[step]["template"])
        values = {p["name"]: p["value"] for p in spec.get("arguments", {}).get("parameters", ())} | parameters
        known = {f"workflow.parameters.{name}": value for name, value in values.items()}
        known |= {"inputs.parameters.step": step, "workflow.name": run, "workflow.uid": "u"}
        known |= {"inputs.parameters.element": element}
        arguments = list(template["container"]["args"])
        for name, value in known.items():
            arguments = [text.replace(f"{{{{{name}}}}}", value) for text in arguments]
        assert not any("{{" in text for text in arguments)
        scratch = self.folder.parent / f"scratch-{run}-{step}-{element}"
        arguments = [text.replace(elements.FOLDER, str(self.told_in(run, step))) for text in arguments]
        done = subprocess.run(
            [sys.executable, "-m", "nb2flow.executors.pods.step", *arguments, "--scratch", str(scratch)],
            capture_output=True,
            text=True,
            timeout=120,
            env=dict(os.environ),
            cwd=self.folder.parent,
        )
        return done.returncode, done.stdout + done.stderr

    def told_in(self, run: str, step: str) -> Path:
        """A pod has a folder of its own for what it says of its lists."""
        return self.folder.parent / f"elements-{run}-{step}"

    def expand(self, manifest: dict[str, Any], step: str, run: str) -> list[tuple[int, str]]:
        """A pod for each item of the parameter that the step's list is said by, as Argo would start them."""
        graph = {task["name"]: task for task in manifest["spec"]["templates"][0]["dag"]["tasks"]}
        source, parameter = graph[step]["withParam"].strip("{}").split(".")[1::3]
        template = next(t for t in manifest["spec"]["templates"] if t["name"] == graph[source]["template"])
        (output,) = (out for out in template["outputs"]["parameters"] if out["name"] == parameter)
        told = self.told_in(run, source) / Path(output["valueFrom"]["path"]).relative_to(elements.FOLDER)
        return [self.run(manifest, step, run, str(item)) for item in json.loads(told.read_text())]

    def result(self, step: str, run: str) -> str:
        document = json.loads(Store(str(self.store)).read(f"runs/{run}-u/{step}/executed.ipynb") or b"{}")
        outputs = [o for c in document["cells"] for o in c.get("outputs", ()) if o["output_type"] == "execute_result"]
        return "".join(outputs[-1]["data"]["text/plain"])


def test_steps_run_by_the_manifests_command_with_parameters_and_results_of_their_run(tmp_path: Path) -> None:
    project = Project(
        tmp_path / "project",
        ("parameters", "n = 2\npair = (1, 2)"),
        ("step:load", "numbers = [n] * 3"),
        ("step:total", "sum(numbers), type(pair).__name__"),
    )
    manifest = project.manifest()
    assert manifest == project.manifest()
    for run, given in (("first", {}), ("second", {"n": "10"})):
        for step in ("load", "total"):
            code, said = project.run(manifest, step, run, **given)
            assert code == PodExit.SUCCEEDED, said
    assert project.result("total", "first") == "(6, 'tuple')"
    assert project.result("total", "second") == "(30, 'tuple')"
    code, said = project.run(manifest, "load", "third", n="many")
    assert code == PodExit.REFUSED
    assert "'many' is not a whole number" in said


def test_a_step_that_shows_the_plan_to_be_wrong_fails(tmp_path: Path) -> None:
    project = Project(
        tmp_path / "project",
        ("step:move", "x = 1\ngetattr(__import__('os'), 'ch' + 'dir')('/')"),
        ("step:look", "import os\nos.getcwd()"),
    )
    manifest = project.manifest()
    code, said = project.run(manifest, "move", "first")
    assert code == PodExit.REFUSED, said
    ended = json.loads(Store(str(project.store)).read("runs/first-u/move/ended.json") or b"{}")
    assert "changed process:cwd, which the plan did not foresee" in ended["failure"]["message"]


def test_a_dry_conversion_sends_nothing_and_says_the_same(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", ("step:a", "x = 1"))
    dry = project.manifest(upload=False)
    assert not project.store.exists()
    assert dry == project.manifest()
    assert project.store.is_dir()


def test_the_manifest_holds_nothing_of_the_code(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", ("step:a", "secret_formula = 'a' * 42"))
    assert "secret_formula" not in to_argo(analyse(project.path)).text


def test_a_driver_finds_all_that_it_needs_in_the_store(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", ("parameters", "n = 2"), ("step:a", "secret_formula = n"))
    (project.folder / "data.csv").write_text("1")
    text = to_kubernetes(analyse(project.path)).text
    assert "secret_formula" not in text
    assert text == to_kubernetes(analyse(project.path), upload=False).text
    assert not project.folder.joinpath(".nb2flow", "runs").exists()
    path = yaml.safe_load(text)["metadata"]["annotations"]["nb2flow.dev/plan"]
    order = decode_order(Store(str(project.store)).read(path) or b"")
    assert set(order.files) == {"data.csv", "nb2flow.toml"}
    kept = {name.removeprefix(f"runs/{ANY_RUN}/") for name in order.kept}
    assert {"plan.json", "created.json"} <= kept
    assert Store(str(project.store)).has(frozenset({*order.files.values(), *order.kept.values()}))
    assert str(tmp_path) not in json.dumps(
        [Store(str(project.store)).read(f"blobs/{d[:2]}/{d}").decode() for d in order.kept.values()]
    )


def test_bad_requests(tmp_path: Path) -> None:
    from nb2flow.exports.manifest import Schedule

    project = Project(tmp_path / "project", ("step:a", "x = 1"))
    with pytest.raises(UsageError, match="no time zone 'Mars/Olympus'"):
        to_argo(analyse(project.path), schedule=Schedule("0 3 * * *", "Mars/Olympus"))
    (project.folder / "nb2flow.toml").write_text('[profiles.default]\nimage = "x"\n')
    with pytest.raises(EnvironmentFault, match="does not say its store"):
        to_argo(analyse(project.path))
    assert not project.store.exists()


EACH: tuple[Cell, ...] = (
    ("parameters", "text = 'a bb ccc'"),
    ("step:names", "names = text.split()\nif text == 'shared':\n    one = ['x']\n    names = [one, one]"),
    ("step:count each:names", "sizes = {}\nseen = []"),
    ("step:count each:names", "for name in names:\n    sizes[str(name)] = len(name)\n    seen.append(name[0])"),
    ("step:total gather", "sum(sizes.values()), list(sizes), seen"),
)


@pytest.mark.parametrize(
    ("text", "pods", "result"),
    [
        ("a bb ccc", 3, "(6, ['a', 'bb', 'ccc'], ['a', 'b', 'c'])"),
        ("", 0, "(0, [], [])"),
        ("shared", 1, "(1, [\"['x']\"], ['x', 'x'])"),
    ],
    ids=["each", "none", "shared"],
)
def test_a_step_runs_for_each_element_and_the_next_one_has_all_that_was_collected(
    tmp_path: Path, text: str, pods: int, result: str
) -> None:
    project = Project(tmp_path / "project", *EACH)
    manifest = project.manifest()
    code, said = project.run(manifest, "names", "first", text=text)
    assert code == PodExit.SUCCEEDED, said
    ended = project.expand(manifest, "count", "first")
    assert [code for code, _ in ended] == [PodExit.SUCCEEDED] * pods, ended
    code, said = project.run(manifest, "total", "first", text=text)
    assert code == PodExit.SUCCEEDED, said
    assert project.result("total", "first") == result


def test_a_list_that_is_made_again_is_the_one_that_counts(tmp_path: Path) -> None:
    """As in a workflow that was told to do all of it again, in the same folder."""
    project = Project(tmp_path / "project", *EACH)
    manifest = project.manifest()
    for text, result in (("shared", "(1, [\"['x']\"], ['x', 'x'])"), ("a bb", "(3, ['a', 'bb'], ['a', 'b'])")):
        assert project.run(manifest, "names", "first", text=text)[0] == PodExit.SUCCEEDED
        project.expand(manifest, "count", "first")
        code, said = project.run(manifest, "total", "first", text=text)
        assert code == PodExit.SUCCEEDED, said
        assert project.result("total", "first") == result
    code, said = project.run(manifest, "count", "first", "7")
    assert code == PodExit.REFUSED
    assert "element 7 of `names`" in said


def test_a_pod_whose_neighbours_are_not_done_does_not_begin(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", *EACH)
    manifest = project.manifest()
    project.run(manifest, "names", "first")
    assert project.run(manifest, "count", "first", "1")[0] == PodExit.SUCCEEDED
    code, said = project.run(manifest, "total", "first")
    assert code == PodExit.PLATFORM
    assert "count[0] is not in the store" in said
