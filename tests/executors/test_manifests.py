"""What is asked of a cluster: the Job of a step as a golden file, and the laws that hold for every Job."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nb2flow.executors.kubernetes import manifests
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.expand import instance
from nb2flow.pods.contract import PodTask
from nb2flow.pods.driver import driver, driver_name
from nb2flow.pods.spec import ELEMENT, STEP, Wish
from nb2flow.profiles import Profile, Volume

GOLDEN = Path(__file__).parent / "golden"
PLAIN = Profile("default", image="registry/step:1", store="s3://bucket/prefix")
FULL = Profile(
    "gpus",
    image="registry/step@sha256:" + "0" * 64,
    store="/mnt/store/nb2flow",
    store_secret="s3-keys",
    store_endpoint="http://minio:9000",
    pull_secrets=("registry",),
    pull_policy="IfNotPresent",
    node={"pool": "batch"},
    tolerations=({"key": "batch", "operator": "Exists"},),
    gpu_node={"accelerator": "a100"},
    gpu_tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
    queue="research",
    service_account="steps",
    volumes=(Volume("store", "/mnt/store"), Volume("data", "/mnt/data", read_only=True)),
    disk="5Gi",
)
OPTIONS = StepOptions(
    gpu=1,
    gpu_resource="nvidia.com/mig-1g.5gb",
    cpu="4",
    memory="16Gi",
    disk="20Gi",
    image="registry/other:2",
    node=(("zone", "a"),),
    env=(("COLOUR", "red"),),
    secrets=("TOKEN",),
    annotations=(("team", "x"),),
    labels=(("cost", "y"),),
)
TASK = PodTask(run_id="nb-aaaa2222", step="train", kernel="python3", language="python", notebook="0" * 64)


def made(profile: Profile, options: StepOptions) -> dict[str, Any]:
    name = manifests.job_name("train", "0123456789abcdef", 1)
    wish = Wish("nb-aaaa2222", "train", f"runs/nb-aaaa2222/{name}/task.json", options)
    return manifests.job(profile, wish, name, "0123456789abcdef")


def compare(name: str, value: Any) -> None:
    path = GOLDEN / name
    text = json.dumps(value, indent=1, sort_keys=True) + "\n"
    if os.environ.get("NB2FLOW_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_a_step_that_is_held_runs_as_it_did_with_its_results_elsewhere() -> None:
    wish = Wish("nb-aaaa2222", "train", "plans/x/train.json", arguments=("--run=runs/nb-aaaa2222/w",))
    (container,) = manifests.held(PLAIN, wish, "held", "runs/elsewhere", 60)["spec"]["template"]["spec"]["containers"]
    (asked,) = manifests.job(PLAIN, wish, "job", "")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [*asked["args"], "--output", "runs/elsewhere", "--hold=60"]


def test_a_plain_step() -> None:
    compare("job-plain.json", made(PLAIN, StepOptions()))


def test_a_step_that_asks_for_everything() -> None:
    compare("job-full.json", made(FULL, OPTIONS))


def test_the_driver() -> None:
    name = driver_name("wine-quality-aaaa2222", 1)
    compare("job-driver.json", driver(FULL, "wine-quality-aaaa2222", name, "runs/r/_run/drivers/d/order.json"))


def test_names_of_drivers_are_labels_and_tell_runs_apart() -> None:
    names = {driver_name(f"{'long-' * 8}{end}", 12) for end in ("aaaa2222", "aaaa2223")}
    assert len(names) == 2
    assert all(len(name) <= 52 and name.strip("-") == name for name in names)


def test_rights() -> None:
    compare("rights.json", manifests.rights("research", "nb2flow"))
    compare("rights-argo.json", manifests.rights("research", "nb2flow", argo=True))
    compare("rights-executor.json", manifests.executor_rights("research", "executor", own=True))
    shared = manifests.executor_rights("research", "steps", own=False)
    assert [m["kind"] for m in shared] == ["Role", "RoleBinding"]
    assert shared[1]["subjects"][0]["name"] == "steps"


def test_no_value_of_the_environment_or_of_a_secret_is_in_a_manifest() -> None:
    text = json.dumps(made(FULL, OPTIONS))
    assert "red" not in text
    assert "COLOUR" not in text
    assert '"secretKeyRef": {"name": "nb2flow-secrets", "key": "TOKEN"}' in text


def test_the_identity_is_of_the_work_and_not_of_the_run() -> None:
    import msgspec

    first = manifests.identity(PLAIN, TASK, StepOptions())
    other_run = msgspec.structs.replace(TASK, run_id="nb-bbbb3333", attempt=3)
    assert manifests.identity(PLAIN, other_run, StepOptions()) == first
    changed = [
        manifests.identity(PLAIN, msgspec.structs.replace(TASK, parameters={"n": 2}), StepOptions()),
        manifests.identity(PLAIN, msgspec.structs.replace(TASK, manifests={"load": "blobs/ab/abc"}), StepOptions()),
        manifests.identity(PLAIN, TASK, StepOptions(memory="8Gi")),
        manifests.identity(FULL, TASK, StepOptions()),
    ]
    assert len({first, *changed}) == 5


names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(step=names, number=st.integers(1, 9999), element=st.none() | st.integers(0, 9999))
def test_names_are_names(step: str, number: int, element: int | None) -> None:
    import re

    own = step if element is None else instance(step, element)
    name = manifests.job_name(own, "0123456789abcdef", number)
    told = manifests.job(PLAIN, Wish("run", own, "task.json"), name, "0" * 32)["metadata"]["labels"]
    assert (told[STEP], told.get(ELEMENT)) == (step, None if element is None else str(element))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)
    assert len(name) <= 57  # the pods' names add six characters


@given(st.booleans(), st.booleans(), st.sampled_from(["", "4Gi"]))
def test_every_pod_keeps_to_the_restricted_level_and_says_what_it_takes(full: bool, asks: bool, disk: str) -> None:
    profile = FULL if full else PLAIN
    template = made(profile, OPTIONS if asks else StepOptions(disk=disk or None))["spec"]["template"]["spec"]
    (container,) = template["containers"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    for kind in ("requests", "limits"):
        assert {"cpu", "memory"} <= set(container["resources"][kind])
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in template["volumes"]}
