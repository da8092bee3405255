"""The image of a notebook's steps: its files as values, and a build by whatever builder is here."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nb2flow.app import environment
from nb2flow.app.analysis import Analysis
from nb2flow.app.interpreter import ask_ours
from nb2flow.app.own_wheel import own_wheel
from nb2flow.environment import containerfile, lock
from nb2flow.environment.containerfile import FILE, LOCK, OURS, Image, reference
from nb2flow.environment.model import Environment, Installed, Pin
from nb2flow.environment.resolve import KERNEL
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.profiles import Profile, choose
from nb2flow.runs.folders import disk_faults, replace_file

BUILDERS = ("docker", "podman", "buildah")
_LOOKS: Mapping[str, tuple[str, ...]] = {  # answers only where it can build
    "docker": ("docker", "version"),
    "podman": ("podman", "info"),
    "buildah": ("buildah", "version"),
}
_BUILDS: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker", "build"),
    "podman": ("podman", "build"),
    "buildah": ("buildah", "build", "--layers"),
}
_NOT_IN_PODS = ("nbconvert",)  # writes scripts of steps; with all that it requires a tenth of nb2flow's libraries
_ALSO = ("s3fs", "kubernetes")  # where they are here: for stores, and for the pod that drives a detached run
_OLDEST = (3, 11)  # the Python that nb2flow itself needs


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a builder needs, by file name; the profile's image name if it has one; what was found on the way."""

    files: Mapping[str, bytes]
    name: str
    found: Environment

    @property
    def text(self) -> str:
        """The Containerfile."""
        return self.files[FILE].decode()


def recipe(
    analysis: Analysis,
    profile_name: str | None = None,
    *,
    base: str = "",
    whole: bool = False,
    without: Collection[str] = (),
) -> Recipe:
    """The image of the notebook's steps. UsageError for a profile or name that is none; EnvironmentFault when a module
    is missing, the kernel cannot be asked, or its Python is too old to run nb2flow beside it."""
    profile = _profile(analysis, profile_name)
    found, installed = environment.examined(analysis, profile, whole=whole, without=without)
    requirements = environment.locked(found)
    if KERNEL not in installed.distributions:
        raise EnvironmentFault(
            f"the environment of the kernel {found.kernel} has no {KERNEL}, so its image could start no kernel",
            hint=f"{installed.program} -m pip install {KERNEL}",
        )
    ours = ask_ours()
    our_pins = _our_pins(ours, profile)
    if tuple(map(int, installed.minor.split("."))) < _OLDEST:
        raise EnvironmentFault(
            f"the kernel {found.kernel} has Python {installed.python}, and nb2flow in its image needs 3.11",
            hint="move the kernel's environment to a newer Python, or make the image by hand with two Pythons in it",
        )
    name, wheel = own_wheel()
    exact = _runs_in_images(ours) and ours.minor == installed.minor
    oldest = [lock.oldest_python(found.lock, installed), *([lock.oldest_python(our_pins, ours)] if exact else [])]
    image = Image(
        base=base or (profile.base if profile else "") or f"python:{installed.minor}-slim",
        python=max(oldest, key=lambda release: tuple(map(int, release.split(".")))),
        kernel=found.kernel,
        wheel=name,
        exact=_runs_in_images(installed),
        ours_exact=exact,
    )
    files = {
        FILE: containerfile.containerfile(image).encode(),
        LOCK: requirements.encode(),
        OURS: lock.text(our_pins, "What runs steps in the image; nb2flow image wrote this.").encode(),
        name: wheel,
    }
    return Recipe(files, profile.image if profile and "@" not in profile.image else "", found)


def write(made: Recipe, folder: Path) -> None:
    """Write the files of an image into a folder. EnvironmentFault when that is not possible."""
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in made.files.items():
            replace_file(folder / name, data)


def build(
    made: Recipe,
    tag: str,
    say: Callable[[str], None],
    *,
    builder: str | None = None,
    push: bool = False,
    options: Sequence[str] = (),
) -> str:
    """Build the image and name it `tag`; with `push`, send it to its registry. `options` are the builder's own. What
    the builder says is said line by line. Returns the builder; EnvironmentFault when there is none or it fails."""
    reference(tag, "the tag")
    chosen = builder_here(builder)
    with tempfile.TemporaryDirectory(prefix="nb2flow-image-") as scratch:
        folder = Path(scratch)
        write(made, folder)
        command = [*_BUILDS[chosen], "--file", str(folder / FILE), "--tag", tag, *options, str(folder)]
        _do(command, say, f"{chosen} could not build the image")
    if push:
        _do([chosen, "push", tag], say, f"{chosen} could not push {tag}")
    return chosen


def builder_here(wanted: str | None = None) -> str:
    """A builder that works here. EnvironmentFault, with what each lacks, when none does."""
    told = []
    for name in (wanted,) if wanted else BUILDERS:
        why_not = _why_not(name)
        if not why_not:
            return name
        told.append(f"{name} {why_not}")
    raise EnvironmentFault(
        f"no builder of images works here: {'; '.join(told)}",
        hint="install one of docker, podman, buildah; or `nb2flow image show NOTEBOOK -o FOLDER` and build that folder "
        "where there is one",
    )


def _why_not(name: str) -> str:
    if shutil.which(name) is None:
        return "is not installed"
    try:
        done = subprocess.run(_LOOKS[name], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"does not answer ({error})"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return f"does not work ({lines[-1] if lines else f'it ended with {done.returncode}'})"


def _do(command: Sequence[str], say: Callable[[str], None], failed: str) -> None:
    last = ""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        for line in _lines(running):
            say(line)
            last = line.strip() or last
    if running.returncode:
        raise EnvironmentFault(f"{failed}: {last}", hint="its whole output is above")


def _lines(running: subprocess.Popen[str]) -> Iterator[str]:
    if running.stdout is not None:
        for line in running.stdout:
            yield line.rstrip("\n")


def _profile(analysis: Analysis, name: str | None) -> Profile | None:
    settings = analysis.settings
    if name is None and not settings.profiles:
        return None
    return choose(settings.profiles, name or settings.profile or None)


def _runs_in_images(installed: Installed) -> bool:
    return installed.markers.get("sys_platform") == "linux"


def _our_pins(ours: Installed, profile: Profile | None) -> list[Pin]:
    """nb2flow's own requirements at the versions that are here, with what the profile's store takes."""
    if profile is not None and profile.store.startswith("s3://") and "s3fs" not in ours.distributions:
        raise EnvironmentFault(
            "the profile's store is S3, and s3fs is not installed here, so its version cannot be locked",
            hint='pip install "nb2flow[s3]"',
        )
    if "nb2flow" not in ours.distributions:
        raise UsageError("nb2flow is not installed here", hint="pip install it")
    own = ours.distributions["nb2flow"]
    lean = replace(own, requires=tuple(r for r in own.requires if not r.startswith(_NOT_IN_PODS)))
    there = replace(ours, distributions={**ours.distributions, "nb2flow": lean})
    pins, _ = lock.pinned(["nb2flow", *_ALSO], there)
    return [p for p in pins if p.name != "nb2flow" and not ours.distributions[p.name].folder and lock.is_sound(p)]
