"""Profiles: where and how steps run that do not run here, as said in `[profiles.NAME]` of the project's file.

Read once with the settings and handed on as values. What a profile's words become in a cluster is not known here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nb2flow.errors import UsageError

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Volume:
    """A claim that all steps' pods mount at `path`."""

    claim: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One `[profiles.NAME]`.

    `image` runs the steps (a step's `image:` wins), `base` is what `nb2flow image` begins it with, and `store` is
    where the steps' results lie: `s3://bucket/prefix`, or a path below one of the `volumes`. `context` and
    `namespace` choose the cluster (default: the kubeconfig's own). `kernel` is the kernel's name in the image.
    `cpu`, `memory` and `disk` are for steps that ask for nothing else. `store_secret` names the Secret with the
    store's credentials and `store_endpoint` the server of an S3 that is not Amazon's; `secrets` names the Secret in
    which steps find what `secret:NAME` asks for. `node` and `tolerations` are for all pods, `gpu_node` and
    `gpu_tolerations` for those that ask for a GPU. `queue` is a Kueue queue. `user` is the pods' user id (0: what
    the image or the cluster says). `include` are patterns of files below the notebook's folder that travel with the
    run, and `requirements` is the one of them that says what pods install first. `jobs` steps run at once; a pod that
    was lost is replaced `pod_retries` times; finished Jobs are kept for
    `keep` seconds. `command` replaces the command that runs a step, `service_account` the pods' account,
    `driver_account` that of the pod which drives a detached run, `argo_executor` the account of Argo's own containers.
    `argo_on_exit` names a WorkflowTemplate (and one of its templates) that exported workflows end with.
    """

    name: str
    image: str = ""
    base: str = ""
    store: str = ""
    context: str = ""
    namespace: str = ""
    kernel: str = ""
    cpu: str = "1"
    memory: str = "2Gi"
    disk: str = ""
    store_secret: str = ""
    store_endpoint: str = ""
    secrets: str = "nb2flow-secrets"
    pull_secrets: tuple[str, ...] = ()
    pull_policy: str = ""
    node: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    gpu_node: Mapping[str, str] = field(default_factory=dict)
    gpu_tolerations: tuple[Mapping[str, Any], ...] = ()
    queue: str = ""
    user: int = 1000
    service_account: str = ""
    driver_account: str = "nb2flow"
    volumes: tuple[Volume, ...] = ()
    include: tuple[str, ...] = ()
    requirements: str = ""
    jobs: int = 100
    pod_retries: int = 3
    keep: int = 3600
    command: tuple[str, ...] = ("nb2flow-step",)
    argo_executor: str = ""
    argo_on_exit: str = ""


def read(given: object, told_by: str) -> dict[str, Profile]:
    """All profiles in the table `profiles` of a settings file. UsageError that names what is wrong."""
    if not isinstance(given, Mapping):
        raise UsageError(f"`profiles` in {told_by} must be tables: [profiles.NAME]")
    return {str(name): _profile(str(name), table, told_by) for name, table in given.items()}


def _profile(name: str, table: object, told_by: str) -> Profile:
    where = f"[profiles.{name}] in {told_by}"
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table of settings")
    kinds = {f.name: str(f.type) for f in fields(Profile) if f.name != "name"}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            near = difflib.get_close_matches(str(key), kinds, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"settings of a profile are: {', '.join(kinds)}"
            raise UsageError(f"unknown setting '{key}' in {where}", hint=hint)
        values[key] = _value(str(key), kinds[key], value, where)
    return Profile(name=name, **values)


def _value(key: str, kind: str, value: object, where: str) -> Any:
    if kind == "str" and isinstance(value, str):
        if (
            key in ("namespace", "queue", "service_account", "driver_account", "argo_executor")
            and value
            and not _LABEL.fullmatch(value)
        ):
            raise UsageError(f"{key} = '{value}' in {where} is not a name that Kubernetes takes")
        if key == "argo_on_exit" and value and not all(map(_LABEL.fullmatch, value.split("/", 1))):
            raise UsageError(f"{key} = '{value}' in {where} must be like NAME/TEMPLATE: a WorkflowTemplate's names")
        return value.strip()
    if kind == "str" and key in ("cpu",) and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if kind == "Mapping[str, str]" and isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()):
        return dict(value)
    if kind == "tuple[Mapping[str, Any], ...]" and isinstance(value, list):
        if all(isinstance(v, Mapping) for v in value):
            return tuple(dict(v) for v in value)
    elif kind == "tuple[Volume, ...]" and isinstance(value, list):
        return tuple(_volume(v, where) for v in value)
    expected = {"str": "a text", "int": "a whole number", "tuple[str, ...]": "a list of texts"}
    raise UsageError(f"{key} in {where} must be {expected.get(kind, 'written as the reference shows')}, not {value!r}")


def _volume(value: object, where: str) -> Volume:
    if isinstance(value, Mapping) and {"claim", "path"} <= set(value) <= {"claim", "path", "read_only"}:
        volume = Volume(str(value["claim"]), str(value["path"]), bool(value.get("read_only", False)))
        if volume.path.startswith("/") and _LABEL.fullmatch(volume.claim):
            return volume
    raise UsageError(f'volumes in {where} must be like {{claim = "data", path = "/mnt/data"}}, not {value!r}')


def choose(profiles: Mapping[str, Profile], name: str | None) -> Profile:
    """The profile called `name`; without a name, `default` or the only one. UsageError when there is none."""
    example = '[profiles.default]\nimage = "registry/image:tag"\nstore = "s3://bucket/prefix"'
    if name is None:
        name = "default" if "default" in profiles or not profiles else next(iter(profiles))
        if len(profiles) > 1 and "default" not in profiles:
            raise UsageError(
                f"there are several profiles: {', '.join(profiles)}", hint="choose one with --profile NAME"
            )
    if name not in profiles:
        there = f"; there are: {', '.join(profiles)}" if profiles else ""
        raise UsageError(f"there is no profile '{name}'{there}", hint=f"write one into nb2flow.toml:\n{example}")
    return profiles[name]
