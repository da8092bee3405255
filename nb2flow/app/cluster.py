"""What a cluster has and lacks for runs with a profile, and the least rights that they need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nb2flow.app.engines import chosen
from nb2flow.app.history import settings_at
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.executors.kubernetes import checking, manifests
from nb2flow.executors.kubernetes.checking import Answer
from nb2flow.executors.pods.store import Store
from nb2flow.profiles import Profile


def profile_at(start: Path, name: str | None) -> Profile:
    """The profile of the project at `start`. UsageError when there is none."""
    _, profile = chosen(settings_at(start), "kubernetes", name)
    if profile is None:
        raise UsageError("there is no profile")
    return profile


def check(profile: Profile, *, inside: bool = True) -> Iterator[Answer]:
    """Look at everything, one answer after the other; `inside`: also from a pod, which takes some seconds."""
    store: Store | None = None
    if profile.store:
        environ = dict(os.environ)
        if profile.store_endpoint:
            environ.setdefault("NB2FLOW_STORE_AWS_ENDPOINT_URL", profile.store_endpoint)
        try:
            store = Store(profile.store, environ)
        except EnvironmentFault as fault:
            yield Answer("store from here", False, fault.message, fault.hint)
            return
    yield from checking.examine(profile, store, inside=inside)


def rights(profile: Profile, *, argo: bool = False, hold: bool = False) -> str:
    """YAML for whoever administers the namespace: a service account with the least rights that runs need, with `argo`
    also those that Argo goes through, and what its own containers need, with `hold` to look into failed steps."""
    import yaml

    namespace = profile.namespace or "default"
    found = manifests.rights(namespace, "nb2flow", argo=argo, hold=hold)
    if argo:
        account = profile.argo_executor or profile.service_account or "default"
        found += manifests.executor_rights(namespace, account, own=bool(profile.argo_executor))
    return yaml.safe_dump_all(found, sort_keys=False)
