"""What cannot go on is told in words over HTTP: a cluster out of reach, a disk that fills up; outputs compared."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_server_process import Jupyter, notebook, serving

_GONE = """
apiVersion: v1
kind: Config
clusters: [{name: gone, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: gone, context: {cluster: gone, user: nobody}}]
current-context: gone
users: [{name: nobody, user: {token: none}}]
"""


def test_a_cluster_that_cannot_be_reached_is_told_by_the_run(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "kubeconfig").write_text(_GONE)
    profile = f'[profiles.far]\nimage = "x"\nstore = "{tmp_path / "store"}"\n'
    (root / "nb2flow.toml").write_text(f'engine = "kubernetes"\n{profile}')
    with serving(root, environ={"KUBECONFIG": str(tmp_path / "kubeconfig")}) as server:
        run = server.run("n.ipynb", notebook(("step:a", "print(1)")))
        summary = server.ended(run, "interrupted")["summary"]
        assert "https://127.0.0.1:9 cannot be reached" in summary["gave_up"]["message"]
        assert "kubeconfig" in summary["gave_up"]["hint"]
        assert server.get("/runs").json["runs"][0]["gave_up"] == summary["gave_up"]


@pytest.fixture
def small_disk(server: Jupyter) -> Iterator[Path]:
    """A folder below the server's root that takes little."""
    folder = server.root / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_began(server: Jupyter, small_disk: Path) -> None:
    (small_disk / "nb2flow.toml").write_text("")
    content = notebook(("step:a", f"print('{'x' * 100_000}')"))
    answer = server.post("/runs", {"path": "small/n.ipynb", "content": content})
    assert (answer.status, answer.json["code"]) == (503, "environment")
    assert "full" in answer.json["message"] + answer.json["hint"]


def test_outputs_that_differ_come_with_the_comparison(server: Jupyter) -> None:
    def version(text: str) -> dict[str, object]:
        document = notebook("show()")
        document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
        return {"kind": "content", "content": document}

    body = {"base": version("before\n"), "remote": version("after\n")}
    output = server.post("/diff", body).json["cells"][0]["outputs"][0]
    assert output["old"] == {"output_type": "stream", "name": "stdout", "text": "before\n"}
    assert output["new"] == {"output_type": "stream", "name": "stdout", "text": "after\n"}
    huge = server.post("/diff", {**body, "remote": version("x" * 3_000_000)}).json["cells"][0]["outputs"][0]
    assert (huge["old"]["text"], huge["new"], huge["remote"]) == ("before\n", None, 0)
