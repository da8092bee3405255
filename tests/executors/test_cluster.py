"""What a cluster refuses, and a kubeconfig that is none, in words. No cluster is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.kubernetes.cluster import Cluster, in_words


@pytest.mark.parametrize("text", ["", "this: is: no YAML", "contexts: [", "- a list", "kind: Config"])
def test_a_kubeconfig_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    with pytest.raises(EnvironmentFault, match="no usable configuration") as fault:
        Cluster()
    assert "set KUBECONFIG" in fault.value.hint


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("apis/batch/v1/namespaces/n/jobs", "`nb2flow cluster manifests`"),
        ("apis/argoproj.io/v1alpha1/namespaces/n/workflows", "`nb2flow cluster manifests --argo`"),
        ("api/v1/namespaces/n/pods/p/portforward", "`nb2flow cluster manifests --hold`"),
    ],
)
def test_rights_that_are_missing_are_those_that_the_named_command_prints(path: str, command: str) -> None:
    assert command in in_words(403, {"message": "forbidden"}, "create", path, "https://there").hint


@pytest.mark.parametrize(
    ("said", "words", "hint"),
    [
        ("exceeded quota: q, requested: count/workflows.argoproj.io=1", "quota is used up", "run it again"),
        ("status unknown for quota: q, resources: count/workflows.argoproj.io", "not counted yet", "again in a minute"),
    ],
)
def test_a_quota_that_lets_no_workflow_in_is_no_missing_right(said: str, words: str, hint: str) -> None:
    path = "apis/argoproj.io/v1alpha1/namespaces/n/workflows"
    fault = in_words(403, {"message": f'workflows "w" is forbidden: {said}'}, "create", path, "https://there")
    assert fault.quota
    assert words in fault.message
    assert hint in fault.hint
