"""Plans as manifests for Argo: golden files, and the laws that hold for every manifest."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import DIAMOND, flow_of, plan_of

from nb2flow.errors import PlanError, UsageError
from nb2flow.exports import argo
from nb2flow.exports.manifest import Schedule
from nb2flow.flow.model import Parameter
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.model import Plan, PlanEach
from nb2flow.pods.spec import OneRun
from nb2flow.profiles import Profile, Volume

GOLDEN = Path(__file__).parent / "golden"
TASKS = "plans/0123"
PLAIN = Profile("default", image="registry/step:1", store="s3://bucket/prefix")
FULL = Profile(
    "gpus",
    image="registry/step@sha256:" + "0" * 64,
    store="s3://bucket/prefix",
    namespace="research",
    store_secret="s3-keys",
    store_endpoint="http://minio:9000",
    pull_secrets=("registry",),
    node={"pool": "batch"},
    gpu_node={"accelerator": "a100"},
    gpu_tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
    queue="research",
    service_account="steps",
    argo_executor="executor",
    argo_on_exit="tell-the-team/status",
    volumes=(Volume("data", "/mnt/data", read_only=True),),
    jobs=8,
)
TRAIN = StepOptions(
    gpu=1,
    cpu="4",
    memory="16Gi",
    disk="20Gi",
    retries=2,
    timeout=7200.0,
    secrets=("TOKEN",),
    annotations=(("team", "x"),),
    labels=(("cost", "y"),),
)
PARAMETERS = (
    Parameter("alpha", "float", 0.5, "0.5", 1),
    Parameter("name", "str", "a: b\n# c", "…", 2),
    Parameter("sizes", "list", [1, 2], "(1, 2)", 3),
    Parameter("when", "any", None, "date(2026, 1, 1)", 4),
)


def diamond(**options: StepOptions) -> Plan:
    named = {name.replace("_", "-"): value for name, value in options.items()}
    return plan_of(flow_of(*DIAMOND, options=named, parameters=PARAMETERS))


def templates(manifest: dict[str, Any]) -> dict[str, Any]:
    return {t["name"]: t for t in manifest["spec"]["templates"]}


def compare(name: str, manifest: dict[str, Any]) -> None:
    path, text = GOLDEN / name, argo.text(manifest)
    assert yaml.safe_load(text) == manifest
    if os.environ.get("NB2FLOW_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_a_plain_workflow() -> None:
    compare("workflow.yaml", argo.workflow(diamond(), PLAIN, TASKS))


def test_a_template_that_asks_for_everything() -> None:
    compare("template.yaml", argo.workflow(diamond(fit_b=TRAIN), FULL, TASKS, kind="WorkflowTemplate"))


def test_a_schedule() -> None:
    made = argo.workflow(diamond(), PLAIN, TASKS, schedule=Schedule("0  3 * * *", "Europe/Berlin"))
    compare("cron.yaml", made)
    assert made["spec"]["workflowSpec"] == argo.workflow(diamond(), PLAIN, TASKS)["spec"]


@pytest.mark.parametrize("cron", ["", "0 3 * *", "0 3 * * * *", "{{x}} * * * *", "every day", "@often"])
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(UsageError, match="is no schedule"):
        argo.workflow(diamond(), PLAIN, TASKS, schedule=Schedule(cron))


def test_five_hundred_steps_that_all_wait_for_twenty_stay_small() -> None:
    arrows = [f"load-{i % 20:03d} -> step-number-{i:03d}: a" for i in range(480)]
    arrows += [f"load-{j:03d} -> step-number-{i:03d}" for i in range(480) for j in range(20) if j != i % 20]
    plan = plan_of(flow_of(*arrows))
    assert len(plan.steps) == 500
    made = argo.workflow(plan, FULL, TASKS)
    assert len(json.dumps(made)) < 300_000
    assert set(templates(made)) == {"pipeline", "pipeline-1", "pipeline-2", "pipeline-3", "step", "on-exit"}
    assert any("500" in note for note in argo.left_out(plan))
    earlier: set[str] = set()
    for task in templates(made)["pipeline"]["dag"]["tasks"]:
        part = templates(made)[task["template"]]["dag"]["tasks"]
        assert len(part) <= argo.MOST_ITEMS
        here = {t["name"] for t in part}
        for inner in part:
            waits = set(inner.get("dependencies", ()))
            assert waits <= here
            assert waits == set(plan.step(inner["name"]).after) - earlier
        assert not here & earlier
        earlier |= here
    assert earlier == {step.name for step in plan.steps}


def test_a_manifest_that_no_cluster_would_take_is_refused() -> None:
    options = {f"step-{i}": StepOptions(annotations=(("why", f"{i} " + "x" * 6000),)) for i in range(190)}
    with pytest.raises(PlanError, match="MB"):
        argo.workflow(plan_of(flow_of(*options, options=options)), PLAIN, TASKS)
    options = {f"step-{i}": StepOptions(annotations=(("why", str(i)),)) for i in range(200)}
    with pytest.raises(PlanError, match="200 templates"):
        argo.workflow(plan_of(flow_of(*options, options=options)), PLAIN, TASKS)


def test_the_same_plan_gives_the_same_bytes_and_dependencies_follow_the_plan() -> None:
    plan = diamond(fit_b=TRAIN)
    assert argo.text(argo.workflow(plan, FULL, TASKS)) == argo.text(argo.workflow(plan, FULL, TASKS))
    tasks = templates(argo.workflow(plan, FULL, TASKS))["pipeline"]["dag"]["tasks"]
    assert {t["name"]: set(t.get("dependencies", ())) for t in tasks} == {s.name: set(s.after) for s in plan.steps}
    assert all(t["arguments"]["parameters"] == [{"name": "step", "value": t["name"]}] for t in tasks)


def test_every_pod_is_restricted_bounded_and_has_a_command() -> None:
    made = argo.workflow(diamond(fit_b=TRAIN, best=StepOptions(memory="1Gi")), FULL, TASKS)
    assert made["spec"]["securityContext"]["runAsNonRoot"] is True
    assert made["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    pods = [t["container"] for t in made["spec"]["templates"] if "container" in t]
    assert len(pods) == 3
    for pod in pods:
        security = pod["securityContext"]
        assert security["allowPrivilegeEscalation"] is False and security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"] is True
        assert pod["command"] == ["nb2flow-step"]
        assert pod["resources"]["limits"] == pod["resources"]["requests"]


def test_a_lost_pod_is_replaced_and_a_notebook_error_only_as_often_as_the_step_says() -> None:
    def again(template: dict[str, Any], code: int, retries: int, message: str = "pod deleted") -> bool:
        """The expression, read as Python: its language and Python agree on these few words."""
        text = template["retryStrategy"]["expression"].replace("&&", "and").replace("||", "or")
        text = text.replace("lastRetry.exitCode", "code")
        text, found = re.subn(r"\(lastRetry.message matches '([^']*)'\)", r"re.search('\1', message)", text)
        assert found
        told = {"asInt": int, "code": str(code), "retries": str(retries), "re": re, "message": message}
        return bool(eval(text, told))

    made = templates(argo.workflow(diamond(fit_b=TRAIN), FULL, TASKS))
    usual, twice = made["step"], made["step-fit-b"]
    for lost in (-1, 20, 137, 143):
        assert again(usual, lost, 0) and again(twice, lost, 4)
    for template in (usual, twice):
        assert not again(template, 11, 0)
        assert not again(template, 137, 0, "OOMKilled (exit code 137)")
        assert not again(template, -1, 0, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"')
    assert not again(usual, 10, 0)
    assert [again(twice, 10, n) for n in range(4)] == [True, True, False, False]
    assert (usual["retryStrategy"]["limit"], twice["retryStrategy"]["limit"]) == (3, 5)


def test_the_steps_own_timeout_comes_before_that_of_the_pod() -> None:
    made = templates(argo.workflow(diamond(fit_b=TRAIN), FULL, TASKS))
    assert made["step-fit-b"]["activeDeadlineSeconds"] > 7200
    assert "activeDeadlineSeconds" not in made["step"]


def test_nothing_of_a_notebook_becomes_a_variable_of_argo() -> None:
    parameters = (
        Parameter("greeting", "str", "Hello {{workflow.uid}}", "…", 1),
        Parameter("größe", "int", 1, "1", 2),
        Parameter("x", "int", 1, "1", 3),
    )
    plan = plan_of(flow_of("a -> b", parameters=parameters))
    made = argo.workflow(plan, PLAIN, TASKS)
    assert made["spec"]["arguments"]["parameters"] == [{"name": "x", "value": "1"}]
    assert [note.split()[1] for note in argo.left_out(plan)] == ["greeting", "größe"]
    variables = set(re.findall(r"{{.*?}}", argo.text(made)))
    known = {"workflow.name", "workflow.uid", "workflow.parameters.x", "inputs.parameters.step"}
    assert variables == {f"{{{{{name}}}}}" for name in known}
    for options in (
        StepOptions(image="{{x}}"),
        StepOptions(labels=(("a", "{{x}}"),)),
        StepOptions(annotations=(("a", "{{x}}"),)),
        StepOptions(node=(("{{x}}", "a"),)),
    ):
        with pytest.raises(PlanError, match="step 'best'"):
            argo.workflow(diamond(best=options), PLAIN, TASKS)


def test_what_a_profile_wants_at_the_end_runs_at_the_end_of_exports_alone() -> None:
    made = argo.workflow(diamond(), replace(PLAIN, argo_on_exit="tell-the-team"), TASKS)
    last = templates(made)[made["spec"]["onExit"]]
    assert last["steps"][0][0]["templateRef"] == {"name": "tell-the-team", "template": "main"}
    run = OneRun(run_id="r", name="nb2flow-r-1", folder="runs/r/nb2flow-r-1", steps=frozenset({"best"}), jobs=1)
    assert "onExit" not in argo.workflow(diamond(), FULL, TASKS, run=run)["spec"]


def test_names_that_kubernetes_takes() -> None:
    for name, made in (("Ünïcode & Co", "unicode-co-"), ("名前", "notebook-"), ("x" * 300, "x" * 40 + "-")):
        manifest = argo.workflow(replace_name(diamond(), name), PLAIN, TASKS)
        assert manifest["metadata"]["generateName"] == made


def replace_name(plan: Plan, name: str) -> Plan:
    import msgspec

    return msgspec.structs.replace(plan, name=name)


def test_without_an_account_for_argo_the_pods_account_is_argos_too() -> None:
    spec = argo.workflow(diamond(), replace(FULL, argo_executor=""), TASKS)["spec"]
    assert "automountServiceAccountToken" not in spec and spec["serviceAccountName"] == "steps"
    spec = argo.workflow(diamond(), FULL, TASKS)["spec"]
    assert spec["automountServiceAccountToken"] is False and spec["executor"] == {"serviceAccountName": "executor"}


def test_a_run_of_ours_names_its_place_and_leaves_out_what_is_done() -> None:
    run = OneRun(
        run_id="sample-aaaa2222",
        name="nb2flow-sample-aaaa2222-2",
        folder="runs/sample-aaaa2222/nb2flow-sample-aaaa2222-2",
        steps=("fit-b", "best", "report"),
        jobs=4,
    )
    made = argo.workflow(diamond(fit_b=TRAIN), FULL, TASKS, run=run)
    compare("run.yaml", made)
    assert "arguments" not in made["spec"]
    tasks = {task["name"]: task.get("dependencies", []) for task in templates(made)["pipeline"]["dag"]["tasks"]}
    assert tasks == {"fit-b": [], "best": ["fit-b"], "report": ["best"]}


# ---- steps that run for each element ----


def listed(*arrows: str, each: dict[str, tuple[str, str]], **options: StepOptions) -> Plan:
    """A plan in which steps run for each element: `each` says of which list, made by which step."""
    import msgspec

    plan = plan_of(flow_of(*arrows, options={name.replace("_", "-"): value for name, value in options.items()}))
    made = {
        name: PlanEach(name=variable, source=source, gathers={"sizes": "dict"})
        for name, (variable, source) in each.items()
    }
    steps = [msgspec.structs.replace(step, each=made.get(step.name)) for step in plan.steps]
    return msgspec.structs.replace(plan, steps=tuple(steps))


EACH = listed(
    "names -> count: names",
    "names -> weigh: names",
    "count -> total: sizes",
    "weigh -> total: sizes",
    each={"count": ("names", "names"), "weigh": ("names", "names")},
    weigh=TRAIN,
)


def tasks_of(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["name"]: task for task in template["dag"]["tasks"]}


def test_a_step_that_runs_for_each_element_is_expanded_by_argo() -> None:
    made = argo.workflow(EACH, PLAIN, TASKS)
    compare("each.yaml", made)
    graph = tasks_of(templates(made)["pipeline"])
    given = {out["name"] for out in templates(made)[graph["names"]["template"]]["outputs"]["parameters"]}
    for step in ("count", "weigh"):
        name = graph[step]["withParam"].removeprefix("{{tasks.names.outputs.parameters.").removesuffix("}}")
        assert name in given
        assert {p["name"] for p in templates(made)[graph[step]["template"]]["inputs"]["parameters"]} == {
            p["name"] for p in graph[step]["arguments"]["parameters"]
        }
    assert not {"withParam", "withItems"} & graph["total"].keys()


def test_a_list_that_is_known_is_in_the_graph_as_what_is_left_of_it() -> None:
    named = {"run_id": "r", "name": "nb2flow-r-2", "folder": "runs/r/nb2flow-r-2", "jobs": 4}
    run = OneRun(**named, steps=("count", "weigh", "total"), elements={"count": (0, 2)})
    made = argo.workflow(EACH, PLAIN, TASKS, run=run)
    compare("each-run.yaml", made)
    graph = tasks_of(templates(made)["pipeline"])
    assert graph["count"]["withItems"] == [0, 2]
    assert not {"withParam", "withItems"} & graph["weigh"].keys(), "no instances were made of it: it runs as a whole"
    assert graph["total"]["dependencies"] == ["count", "weigh"]


def test_a_list_goes_from_one_part_of_a_large_graph_to_another() -> None:
    arrows = ["names -> near: names", *(f"step-{i:03d}" for i in range(300)), "names -> late: names", "late -> last"]
    arrows += [f"step-{i:03d} -> late" for i in range(300)]
    plan = listed(*arrows, each={"near": ("names", "names"), "late": ("names", "names")})
    made = templates(argo.workflow(plan, PLAIN, TASKS))
    outer = tasks_of(made["pipeline"])
    parts = {step: part for part in outer for step in tasks_of(made[part])}
    assert parts["names"] != parts["late"]
    late = tasks_of(made[parts["late"]])["late"]
    assert late["withParam"] == "{{inputs.parameters.elements-for-late}}"
    assert {"name": "elements-for-late"} in made[parts["late"]]["inputs"]["parameters"]
    given = {p["name"]: p for p in outer[parts["late"]]["arguments"]["parameters"]}
    assert given["elements-for-late"] == {
        "name": "elements-for-late",
        "value": f"{{{{tasks.{parts['names']}.outputs.parameters.elements-for-late}}}}",
    }
    gives = {out["name"]: out["valueFrom"] for out in made[parts["names"]]["outputs"]["parameters"]}
    assert gives["elements-for-late"] == {"parameter": "{{tasks.names.outputs.parameters.elements-for-late}}"}


def test_of_lists_the_manifest_has_no_name_and_no_element() -> None:
    plan = listed("names -> count: x", each={"count": ("größen_der_dateien", "names")})
    text = argo.text(argo.workflow(plan, PLAIN, TASKS))
    assert "größen" not in text and "sizes" not in text
    known = {"workflow.name", "workflow.uid", "inputs.parameters.step", "inputs.parameters.element", "item"}
    known |= {"tasks.names.outputs.parameters.elements-for-count"}
    assert set(re.findall(r"{{.*?}}", text)) == {f"{{{{{name}}}}}" for name in known}
