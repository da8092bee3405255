"""What of a profile concerns every engine that runs steps in pods: that it is complete, and its store from here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.pods.staging import Stager
from nb2flow.executors.pods.store import Store
from nb2flow.profiles import Profile
from nb2flow.runtime.blob import hash_file


def check_profile(profile: Profile) -> None:
    """EnvironmentFault when the profile does not say its image or store."""
    missing = [name for name in ("image", "store") if not getattr(profile, name)]
    if missing:
        raise EnvironmentFault(
            f"profile '{profile.name}' does not say its {' and '.join(missing)}",
            hint=f"in nb2flow.toml, below [profiles.{profile.name}]: " + ", ".join(f'{m} = "…"' for m in missing),
        )


def stager_of(profile: Profile, store: Store, files: Mapping[str, Path]) -> Stager:
    """What stages tasks as the profile wants it. EnvironmentFault when its requirements do not travel."""
    requirements_of(profile, files)
    return Stager(store, files, profile.kernel or None, profile.requirements)


def fingerprint(profile: Profile, kernel: str, files: Mapping[str, Path]) -> str:
    """What stands for the kernel in content keys: the image, which holds interpreter and packages, and the requirements
    that are installed in it; whoever starts the pods."""
    requirements = requirements_of(profile, files)
    also = f" {hash_file(requirements)}" if requirements else ""
    return f"kubernetes {profile.image} {profile.kernel or kernel}{also}"


def requirements_of(profile: Profile, files: Mapping[str, Path]) -> Path | None:
    """The file of requirements that pods install. EnvironmentFault when it is not among those that travel."""
    if profile.requirements and profile.requirements not in files:
        raise EnvironmentFault(
            f"profile '{profile.name}' wants {profile.requirements} installed, which does not travel with the notebook",
            hint="write it there: `nb2flow env NOTEBOOK --lock -o FILE`; it must lie below the notebook's folder, and "
            "among `include`, if the profile has that",
        )
    return files[profile.requirements] if profile.requirements else None


def store_of(profile: Profile, environ: Mapping[str, str] | None = None) -> Store:
    """The profile's store, found with our own variables and the profile's endpoint."""
    own = dict(os.environ if environ is None else environ)
    if profile.store_endpoint:
        own.setdefault("NB2FLOW_STORE_AWS_ENDPOINT_URL", profile.store_endpoint)
    return Store(profile.store, own)
