"""Records what a real controller reports of Workflows, for the tests of how that is understood (executors/workflows).

python tests/cluster/recording.py NAMESPACE FOLDER      until it is interrupted, a file of lines for each Workflow
python tests/cluster/recording.py FILE > HISTORY.json   one of them, with nothing in it that is not looked at
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nb2flow.executors.kubernetes.cluster import Cluster, ClusterFault

NODE = ("id", "name", "displayName", "type", "phase", "message", "children", "nodeFlag", "hostNodeName", "templateName")


def scrubbed(workflow: dict[str, Any]) -> dict[str, Any]:
    """What `executors.argo.status` looks at."""
    status = workflow.get("status") or {}
    templates = []
    for template in workflow["spec"]["templates"]:
        kept = {"name": template["name"]}
        kept |= {"dag": {"tasks": template["dag"]["tasks"]}} if "dag" in template else {}
        again = template.get("retryStrategy", {}).get("expression")
        templates.append(kept | ({"retryStrategy": {"expression": again}} if again else {}))
    made = {
        "metadata": {"name": workflow["metadata"]["name"]},
        "spec": {"templates": templates},
        "status": {key: status[key] for key in ("phase", "message") if key in status},
    }
    if "shutdown" in workflow["spec"]:
        made["spec"]["shutdown"] = workflow["spec"]["shutdown"]
    nodes = {}
    for name, node in (status.get("nodes") or {}).items():
        kept = {key: node[key] for key in NODE if key in node}
        if "parameters" in node.get("inputs", {}):
            kept["inputs"] = {"parameters": node["inputs"]["parameters"]}
        if outputs := {
            key: node["outputs"][key] for key in ("exitCode", "parameters") if key in node.get("outputs", {})
        }:
            kept["outputs"] = outputs
        nodes[name] = kept
    made["status"] |= {"nodes": nodes} if nodes else {}
    return made


def record(namespace: str, folder: Path) -> None:
    """Write every change of every Workflow, as it comes."""
    cluster = Cluster(namespace=namespace)
    folder.mkdir(parents=True, exist_ok=True)
    version = cluster.list("workflows")[1]
    while True:
        try:
            for change in cluster.watch("workflows", "", version):
                version = change["object"]["metadata"]["resourceVersion"]
                if change["type"] in ("ADDED", "MODIFIED"):
                    with (folder / f"{change['object']['metadata']['name']}.jsonl").open("a") as file:
                        file.write(json.dumps(change["object"]) + "\n")
        except ClusterFault as fault:
            if fault.status:
                version = cluster.list("workflows")[1]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        record(sys.argv[1], Path(sys.argv[2]))
    history: list[Any] = []
    for line in Path(sys.argv[1]).read_text().splitlines():
        look = scrubbed(json.loads(line))
        if look not in history[-1:]:
            history.append(look)
    print(json.dumps(history, indent=1, sort_keys=True))
