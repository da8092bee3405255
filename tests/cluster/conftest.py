"""A namespace of a real cluster, an S3 server that its pods can reach, and a profile for both. See README.md."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from executors import s3

from nb2flow.app import history
from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes import manifests
from nb2flow.executors.kubernetes.cluster import ARGO, Cluster, ClusterFault
from nb2flow.profiles import Profile
from nb2flow.runs.state import RunState
from nb2flow.runs.store import RunStore

NAMESPACE = os.environ.get("NB2FLOW_TEST_NAMESPACE", "nb2flow-test")
HERE = Path(__file__).parent
NEEDS_GPU = "spiral_training.ipynb"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them. What puts Argo's custom resources into the cluster comes after what says that they are not there."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")
    items.sort(key=lambda item: "with_argo" in getattr(item, "fixturenames", ()))


def needed(name: str) -> str:
    value = os.environ.get(name)
    assert value, f"{name} is not set: tests/cluster/README.md says what these tests need and how to get it"
    return value


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "bucket").mkdir()
    with s3.serving(folder, needed("NB2FLOW_TEST_HOST")) as served:
        given = s3.environ(served)
        os.environ.update(given)
        yield served
        for name in given:
            os.environ.pop(name, None)


@pytest.fixture(scope="session")
def cluster(endpoint: str) -> Iterator[Cluster]:
    needed("KUBECONFIG")
    made = Cluster(namespace=NAMESPACE)
    path = f"api/v1/namespaces/{NAMESPACE}"
    try:
        made.request("GET", path)
    except ClusterFault as fault:
        assert fault.status == 404, fault.message
    else:
        for kind in ("jobs", "pods"):
            there, _ = made.list(kind)
            assert not there, f"namespace {NAMESPACE} is not empty: the tests touch only an empty one"
        made.request("DELETE", path)
        wait(lambda: not exists(made, path), "the namespace is gone")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.request("POST", "api/v1/namespaces", {}, {"metadata": {"name": NAMESPACE, "labels": labels}})
    keys = {"AWS_ACCESS_KEY_ID": s3.KEY, "AWS_SECRET_ACCESS_KEY": s3.SECRET, "AWS_REGION": "us-east-1"}
    secret(made, "store", keys)
    secret(made, "nb2flow-secrets", {"TOKEN": "very-secret"})
    wait(lambda: exists(made, f"{path}/serviceaccounts/default"), "the namespace is ready")
    yield made
    made.request("DELETE", path)


def secret(cluster: Cluster, name: str, values: dict[str, str]) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    manifest = {"metadata": {"name": name}, "data": data}
    cluster.request("POST", f"api/v1/namespaces/{cluster.namespace}/secrets", {}, manifest)


def exists(cluster: Cluster, path: str) -> bool:
    try:
        cluster.request("GET", path)
    except ClusterFault as fault:
        assert fault.status == 404, fault.message
        return False
    return True


def wait(true: Callable[[], Any], what: str, seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.1)
    return found


def grant(cluster: Cluster, subject: str) -> None:
    """What `cluster manifests` prints for the service account `subject`, unless it is there already; role and binding
    are called after it, so that accounts of several tests do not meet."""
    for printed in manifests.rights(cluster.namespace, subject):
        made = {**printed, "metadata": {**printed["metadata"], "name": subject}}
        if "roleRef" in made:
            made["roleRef"] = {**made["roleRef"], "name": subject}
        group = "api/v1" if made["apiVersion"] == "v1" else f"apis/{made['apiVersion']}"
        path = f"{group}/namespaces/{cluster.namespace}/{made['kind'].lower()}s"
        if not exists(cluster, f"{path}/{subject}"):
            cluster.request("POST", path, {}, made)


@pytest.fixture(scope="session")
def profile(cluster: Cluster, endpoint: str) -> Profile:
    return Profile(
        "test",
        image=needed("NB2FLOW_TEST_IMAGE"),
        store="s3://bucket/nb2flow",
        namespace=NAMESPACE,
        store_secret="store",
        store_endpoint=endpoint,
        pull_policy="IfNotPresent",
        cpu="900m",
        memory="700Mi",
        jobs=20,
    )


@pytest.fixture(scope="session")
def with_argo(cluster: Cluster) -> Cluster:
    """The cluster, with Argo's custom resources in it and their full schemas; and a controller of the tests' namespace,
    where there is one."""
    command = os.environ.get("NB2FLOW_TEST_ARGO")
    if command:
        subprocess.run([command, cluster.namespace], check=True, capture_output=True)
    cluster.request("GET", ARGO)
    return cluster


PROBE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "probe"},
    "spec": {"entrypoint": "wait", "templates": [{"name": "wait", "suspend": {}}]},
}


@pytest.fixture(scope="session")
def argo(with_argo: Cluster) -> Cluster:
    """With a token for the account `workflow`, which has the rights of Argo's executor, in the namespace."""
    path = f"api/v1/namespaces/{with_argo.namespace}/secrets"
    if not exists(with_argo, f"{path}/workflow.service-account-token"):
        metadata = {"name": "workflow.service-account-token"}
        metadata |= {"annotations": {"kubernetes.io/service-account.name": "workflow"}}
        with_argo.request("POST", path, {}, {"metadata": metadata, "type": "kubernetes.io/service-account-token"})
    return with_argo


@pytest.fixture(scope="session")
def controlled(argo: Cluster) -> Iterator[Cluster]:
    argo.create("workflows", PROBE)
    try:
        deadline = time.monotonic() + 20
        while not (argo.get("workflows", "probe") or {}).get("status", {}).get("phase"):
            if time.monotonic() > deadline:
                pytest.skip("no controller of Argo looks after the tests' namespace")
            time.sleep(0.5)
        yield argo
    finally:
        argo.delete("workflows", "probe")


@pytest.fixture
def own_store(profile: Profile, tmp_path: Path) -> Profile:
    """The profile with a part of the store that nobody else uses."""
    return replace(profile, store=f"s3://bucket/{tmp_path.name}")


class Gate:
    """What steps in pods wait for until the test opens it: `code` is the cell that waits."""

    def __init__(self, host: str) -> None:
        opened = self._opened = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if opened.wait(1.0) else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer((host, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.code = WAITS % f"http://{host}:{self._server.server_address[1]}/"

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.set()
        self._server.shutdown()
        self._server.server_close()


WAITS = """
import time
from urllib.request import urlopen
while True:
    try:
        urlopen(%r, timeout=10).close()
        break
    except OSError:
        print("waits", flush=True)
        time.sleep(0.2)
"""


@pytest.fixture
def gate(endpoint: str) -> Iterator[Gate]:
    made = Gate(needed("NB2FLOW_TEST_HOST"))
    yield made
    made.close()


@pytest.fixture
def inside() -> Callable[..., str]:
    """Runs a command on the cluster's node: for tests marked `own_cluster`."""
    command = needed("NB2FLOW_TEST_INSIDE")
    assert shutil.which(command), command

    def run(*words: str) -> str:
        return subprocess.run([command, *words], check=True, capture_output=True, text=True).stdout

    return run


@contextmanager
def gpus(inside: Callable[..., str], count: int) -> Iterator[None]:
    """The node says that it has so many GPUs."""
    path = "/status/capacity/nvidia.com~1gpu"
    words = ("env", f"KUBECONFIG={needed('KUBECONFIG')}", "kubectl", "patch", "node", "node1", "--subresource=status")

    def patch(**change: str) -> None:
        inside(*words, "--type=json", "-p", json.dumps([{**change, "path": path}]))

    patch(op="add", value=str(count))
    try:
        yield
    finally:
        patch(op="remove")


@pytest.fixture
def one_gpu(inside: Callable[..., str]) -> Iterator[None]:
    with gpus(inside, 1):
        yield


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> str:
    """A sample notebook; the node has a GPU where it needs one."""
    name = str(request.param)
    if name == NEEDS_GPU:
        request.getfixturevalue("one_gpu")
    return name


def restart_api_server(inside: Callable[..., str]) -> None:
    """Kill it, and start it again two seconds later."""
    # Three commands, not one list: the server alone is in the background, and nothing else keeps our pipe open.
    restart = "set -e; p=$(pgrep -x kube-apiserver); mapfile -d '' a </proc/$p/cmdline; kill -9 $p; sleep 2; "
    restart += 'setsid "${a[@]}" >/dev/null 2>&1 </dev/null & sleep 1'
    inside("bash", "-c", restart)


class Machine:
    """A folder with a profile, and the command line in it, with these variables of its own."""

    def __init__(self, folder: Path, profile: Profile, **changes: Any) -> None:
        self.folder = folder
        self.environ = {"COLUMNS": "100"}
        folder.mkdir(exist_ok=True)
        (folder / "numbers.txt").write_text("20")
        names = ("image", "store", "namespace", "store_secret", "store_endpoint", "pull_policy", "cpu", "memory")
        given = {name: getattr(profile, name) for name in names} | changes
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        (folder / "nb2flow.toml").write_text(f"[profiles.default]\n{lines}\n")

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nb2flow", *words]
        environ = os.environ | self.environ
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environ, stdout=pipe, stderr=pipe, text=True)

    def do(self, *words: str, code: ExitCode = ExitCode.OK) -> str:
        done = self.begin(*words)
        out, err = done.communicate(timeout=240)
        assert done.returncode == code, out + err
        return out if code is ExitCode.OK else " ".join((out + err).split())

    def value(self, *words: str) -> Any:
        return json.loads(self.do(*words, "--json"))

    def detached(self, *words: str) -> str:
        return str(self.value("run", "nb.ipynb", "--engine", "kubernetes", "--detach", *words)["run"])

    def state(self, run_id: str) -> RunState:
        """As `show` would say it."""
        return history.find(self.folder, run_id).state

    def events(self, run_id: str) -> list[Any]:
        with RunStore(self.folder / ".nb2flow") as store:
            return [event for _, event in store.events(run_id)]


@pytest.fixture
def machine(tmp_path: Path, own_store: Profile, cluster: Cluster) -> Callable[..., Machine]:
    """Makes machines that share a store; the namespace has what `cluster manifests` prints."""
    grant(cluster, "nb2flow")
    return lambda name, **changes: Machine(tmp_path / name, own_store, **changes)


@pytest.fixture
def laptop(machine: Callable[..., Machine], controlled: Cluster) -> Machine:
    return machine("laptop", argo_executor="workflow")
