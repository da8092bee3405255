"""The image of a notebook's steps, as a Containerfile: the same bytes for the same needs.

Layers from what changes least to what changes most: nb2flow's own libraries in an environment of their own (so that
they never meet the notebook's versions), the notebook's locked packages, nb2flow. The notebook, its local modules and
its data are in none of them: they travel through the store, with each run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from nb2flow.errors import UsageError

FILE = "Containerfile"
OURS = "requirements-nb2flow.txt"
LOCK = "requirements.txt"
USER = 1000  # the pods' user, unless their profile says otherwise
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_KERNEL = re.compile(r"[A-Za-z0-9._-]+")
_NATIVE = "python3"


@dataclass(frozen=True, slots=True)
class Image:
    """What the Containerfile is made from. `python` is the oldest release that will do (`3.11.5`). `wheel` is
    nb2flow's own; `exact` and `ours_exact` say whether the locks hold for the image's Python and system, so that
    nothing else need be installed.
    """

    base: str
    python: str
    kernel: str
    wheel: str
    exact: bool = True
    ours_exact: bool = True


def reference(text: str, what: str) -> str:
    """`text` if it can be the name of an image. UsageError otherwise."""
    if not _REFERENCE.fullmatch(text):
        raise UsageError(f"'{text}' is no name of an image ({what})", hint="such as registry.example.org/team/steps:1")
    return text


def containerfile(image: Image) -> str:
    """The text of the Containerfile."""
    return "\n\n".join(
        [
            "# The image of a notebook's steps: `nb2flow image` wrote this, and writes it anew.",
            f"FROM {reference(image.base, 'the base image')}",
            "# Of the builder, where it needs them: --build-arg PIP_INDEX_URL=…\n"
            "ARG PIP_INDEX_URL\nARG PIP_EXTRA_INDEX_URL\nARG PIP_CERT",
            "# The locks hold for one minor version of Python.\n" + _run("python3", "-c", _same_python(image.python)),
            _layer("/opt/nb2flow", OURS, image.ours_exact, "What runs steps, apart from what they use."),
            _layer("/opt/notebook", LOCK, image.exact, "What the notebook uses."),
            "\n".join(["# The notebook's kernel, where nb2flow finds it.", *_kernels(image.kernel)]),
            f"COPY {image.wheel} /opt/\n"
            + _run(*_pip("/opt/nb2flow"), "--no-deps", f"/opt/{image.wheel}")
            + "\n"
            + _compile("/opt/nb2flow/lib"),
            "# Not root, and nothing below / is written but /scratch and /tmp.\n"
            f"RUN mkdir -p /scratch && chown {USER}:{USER} /scratch\n"
            'ENV PATH="/opt/notebook/bin:/opt/nb2flow/bin:$PATH"\n'
            f"USER {USER}:{USER}\n"
            "WORKDIR /scratch\n"
            'CMD ["nb2flow-step", "--help"]\n',
        ]
    )


def _layer(place: str, requirements: str, exact: bool, what: str) -> str:
    options = ("--no-deps",) if exact else ()
    return "\n".join(
        [
            f"# {what}",
            f"COPY {requirements} {place}/",
            _run("python3", "-m", "venv", place),
            _run(*_pip(place), *options, "--requirement", f"{place}/{requirements}"),
            _compile(f"{place}/lib"),
        ]
    )


def _pip(place: str) -> tuple[str, ...]:
    quiet = ("--disable-pip-version-check", "--no-cache-dir", "--no-compile", "--no-input", "--quiet")
    return (f"{place}/bin/python", "-m", "pip", "install", *quiet)


def _compile(folder: str) -> str:
    """Bytecode that depends on no times, which images may not keep; a package may hold files of another Python."""
    return f"RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash {folder} >/dev/null || true"


def _kernels(name: str) -> list[str]:
    names = [_NATIVE, *([name] if name != _NATIVE and _KERNEL.fullmatch(name) else [])]
    install = ("/opt/notebook/bin/python", "-m", "ipykernel", "install", "--prefix", "/opt/nb2flow", "--name")
    return [_run(*install, name) for name in names]


def _same_python(version: str) -> str:
    oldest = tuple(int(part) for part in version.split("."))
    return (
        f"import sys; have, oldest = sys.version_info[:3], {oldest}; "
        "sys.exit((have[:2] != oldest[:2] or have < oldest) and "
        f"'the base image has Python %d.%d.%d; needed is {oldest[0]}.{oldest[1]}, from {version} on' % have)"
    )


def _run(*words: str) -> str:
    """A command without a shell between, so that no word of it can become another."""
    return f"RUN {json.dumps(words)}"
