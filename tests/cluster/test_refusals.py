"""What a cluster or a store will not let us do ends in one message with what to do, as a user reads it in the terminal.

No pods, but for the one user who may do just what `cluster manifests` prints: that much is enough.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import notebooks
import pytest
import yaml
from cluster.conftest import Gate, Machine, grant, needed, wait
from cluster.test_faults import notes, worlds  # noqa: F401 - a fixture
from engine.pipelines import S
from executors.contract import Laid

from nb2flow.errors import ExitCode
from nb2flow.executors.kubernetes.cluster import Cluster
from nb2flow.pods.spec import RUN, STEP
from nb2flow.profiles import Profile

Begin = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, profile: Profile) -> Begin:
    """Run a notebook with `nb2flow run --engine kubernetes`, its profile and kubeconfig changed."""
    notebooks.save(tmp_path / "nb.ipynb", ("step:a", "x = 20"), ("step:b", "print(x + 1)"))

    def call(kubeconfig: Path | None = None, **changes: Any) -> subprocess.CompletedProcess[str]:
        names = ("image", "store", "namespace", "store_secret", "store_endpoint", "pull_policy", "cpu", "memory")
        given = {name: getattr(profile, name) for name in names} | {"store": f"s3://bucket/{tmp_path.name}"} | changes
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        (tmp_path / "nb2flow.toml").write_text(f"[profiles.default]\n{lines}\n")
        environ = os.environ | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {}) | {"COLUMNS": "100"}
        environ["NB2FLOW_STORE_AWS_ENDPOINT_URL"] = str(given["store_endpoint"])
        command = [sys.executable, "-m", "nb2flow", "run", "nb.ipynb", "--engine", "kubernetes"]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=180)

    return call


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., Path]:
    """A kubeconfig like the tests' own, with the user or parts of the cluster replaced: one file, written anew."""

    def make(user: dict[str, Any] | None = None, **cluster: Any) -> Path:
        given = yaml.safe_load(Path(needed("KUBECONFIG")).read_bytes())
        context = next(c["context"] for c in given["contexts"] if c["name"] == given["current-context"])
        (its,) = (c["cluster"] for c in given["clusters"] if c["name"] == context["cluster"])
        (who,) = (u["user"] for u in given["users"] if u["name"] == context["user"])
        its |= cluster
        given["clusters"] = [{"name": "c", "cluster": {k: v for k, v in its.items() if v is not None}}]
        given["users"] = [{"name": "u", "user": user or who}]
        given["contexts"] = [{"name": "x", "context": {"cluster": "c", "user": "u"}}]
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(given | {"current-context": "x"}))
        return path

    return make


def account(cluster: Cluster, name: str) -> str:
    """A service account with no rights; returns a token of it."""
    path = f"api/v1/namespaces/{cluster.namespace}/serviceaccounts"
    cluster.request("POST", path, {}, {"metadata": {"name": name}})
    return token(cluster, name)


def token(cluster: Cluster, name: str) -> str:
    path = f"api/v1/namespaces/{cluster.namespace}/serviceaccounts/{name}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    return str(cluster.request("POST", path, {}, asked)["status"]["token"])


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One message with a hint, the exit code of the stage, and no traceback."""
    said = " ".join(done.stderr.split())
    assert done.returncode == ExitCode.ENVIRONMENT, said
    for text in (*words, "hint: "):
        assert text in said
    assert "Traceback" not in said
    assert said.count("error: ") == 1


def test_a_user_without_rights_is_told_which_and_how_to_get_them(run: Begin, cluster: Cluster, kubeconfig: Any) -> None:
    user = {"token": account(cluster, "nobody")}
    refused(run(kubeconfig(user)), "you have no right to create", "nb2flow cluster manifests")


def test_credentials_that_count_no_more_are_told(run: Begin, cluster: Cluster, kubeconfig: Any) -> None:
    user = {"token": account(cluster, "gone")}
    cluster.request("DELETE", f"api/v1/namespaces/{cluster.namespace}/serviceaccounts/gone")
    refused(run(kubeconfig(user)), "does not accept your credentials", "log in again")


def test_a_kubeconfig_that_is_not_there_is_told(run: Begin, tmp_path: Path) -> None:
    refused(run(tmp_path / "nowhere"), "no usable configuration for a cluster", "nowhere", "set KUBECONFIG")


def test_a_kubeconfig_that_is_none_is_told(run: Begin, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("this: is: no YAML")
    refused(run(tmp_path / "broken"), "no usable configuration for a cluster", "line 1", "set KUBECONFIG")


def test_a_kubeconfig_of_another_cluster_is_told(run: Begin, kubeconfig: Any) -> None:
    strange = kubeconfig(**{"certificate-authority": None, "certificate-authority-data": None})
    refused(run(strange), "is not the one that the kubeconfig knows", "get a new one")


def test_a_cluster_that_does_not_answer_is_told(run: Begin, kubeconfig: Any) -> None:
    silent = kubeconfig(server=f"https://{needed('NB2FLOW_TEST_HOST')}:1")
    refused(run(silent), "cannot be reached", "is the kubeconfig right")


def test_a_context_that_is_not_there_is_told(run: Begin) -> None:
    refused(run(context="nowhere"), "no usable configuration for a cluster", "nowhere")


def test_a_namespace_that_does_not_exist_is_told(run: Begin) -> None:
    refused(run(namespace="nowhere"), "the namespace does not exist", '"nowhere"', "correct `namespace`")


def test_a_bucket_that_does_not_exist_is_told(run: Begin) -> None:
    refused(run(store="s3://nowhere/prefix"), "s3://nowhere/prefix does not exist", "create the bucket")


def test_a_store_that_does_not_answer_is_told(run: Begin) -> None:
    silent = f"http://{needed('NB2FLOW_TEST_HOST')}:1"
    refused(
        run(store_endpoint=silent), "s3://bucket", "does not answer", "is it reachable from here", "`store_endpoint`"
    )


def test_the_rights_that_are_printed_are_enough(run: Begin, cluster: Cluster, kubeconfig: Any) -> None:
    grant(cluster, "least")
    done = run(kubeconfig({"token": token(cluster, "least")}))
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert "2 steps" in done.stdout or "succeeded" in done.stdout


def test_credentials_that_end_in_mid_run_are_told_and_new_ones_go_on(
    machine: Callable[..., Machine], cluster: Cluster, kubeconfig: Any, gate: Gate
) -> None:
    laptop = machine("laptop")
    grant(cluster, "passing")
    first = token(cluster, "passing")
    laptop.environ["KUBECONFIG"] = str(kubeconfig({"token": first}))
    notebooks.save(
        laptop.folder / "nb.ipynb", ("step:a", f"{gate.code}\nx = int(open('numbers.txt').read())"), ("step:b", "x + 1")
    )
    running = laptop.begin("run", "nb.ipynb", "--engine", "kubernetes")
    wait(lambda: laptop.value("runs"), "the run is there")
    run_id = laptop.value("runs")[0]["run"]
    wait(lambda: laptop.state(run_id).steps["a"].cell, "step a is in its cell")
    path = f"api/v1/namespaces/{cluster.namespace}/serviceaccounts"
    cluster.request("DELETE", f"{path}/passing")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": first}}
    reviews = "apis/authentication.k8s.io/v1/tokenreviews"
    wait(lambda: not cluster.request("POST", reviews, {}, review)["status"].get("authenticated"), "it counts no more")
    gate.open()
    told = "does not accept your credentials"
    wait(lambda: any(told in n for s in laptop.state(run_id).steps.values() for n in s.notes), "it is told")
    grant(cluster, "passing")
    kubeconfig({"token": token(cluster, "passing")})
    said, also = running.communicate(timeout=240)
    assert running.returncode == ExitCode.OK, said + also
    assert {pod["metadata"]["labels"][STEP] for pod in cluster.list("pods", f"{STEP},{RUN}={run_id}")[0]} == {"a", "b"}
    assert len(cluster.list("pods", f"{STEP},{RUN}={run_id}")[0]) == 2


class Registry(BaseHTTPRequestHandler):
    """What any registry says to those whom it does not know."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def registry() -> Iterator[str]:
    """The address of a registry that lets nobody in; the node speaks plain HTTP to this port alone."""
    server = ThreadingHTTPServer((needed("NB2FLOW_TEST_HOST"), 5000), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{needed('NB2FLOW_TEST_HOST')}:5000"
    server.shutdown()
    server.server_close()


@pytest.mark.own_cluster
def test_a_registry_that_does_not_let_the_cluster_in_is_told(
    worlds: Any,  # noqa: F811
    own_store: Profile,
    registry: str,
) -> None:
    profile = replace(own_store, image=f"{registry}/team/steps:1", pull_policy="")
    begun = Laid(worlds(profile), S("a", ["1"])).start("a")
    wait(lambda: "does not let the cluster in" in notes(begun), "the refusal is told")
    assert "`pull_secrets`" in notes(begun)
    assert f"{registry}/team/steps:1" in notes(begun)
    begun.attempt.cancel()
    begun.end()
