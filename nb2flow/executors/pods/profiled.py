"""What of a profile concerns every engine that runs steps in pods: that it is complete, and its store from here."""

from __future__ import annotations

import os
from collections.abc import Mapping

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.pods.store import Store
from nb2flow.profiles import Profile


def check_profile(profile: Profile) -> None:
    """EnvironmentFault when the profile does not say its image or store."""
    missing = [name for name in ("image", "store") if not getattr(profile, name)]
    if missing:
        raise EnvironmentFault(
            f"profile '{profile.name}' does not say its {' and '.join(missing)}",
            hint=f"in nb2flow.toml, below [profiles.{profile.name}]: " + ", ".join(f'{m} = "…"' for m in missing),
        )


def store_of(profile: Profile, environ: Mapping[str, str] | None = None) -> Store:
    """The profile's store, found with our own variables and the profile's endpoint."""
    own = dict(os.environ if environ is None else environ)
    if profile.store_endpoint:
        own.setdefault("NB2FLOW_STORE_AWS_ENDPOINT_URL", profile.store_endpoint)
    return Store(profile.store, own)
