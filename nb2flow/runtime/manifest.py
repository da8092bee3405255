"""The manifest: one JSON file that says what a step saved, what was observed in it, and what went wrong.

Written once at the end of a step (or when it cannot begin), replaced atomically, with sorted keys and no times, so that
equal results give equal bytes. Readers check version and Python here, so that nobody unpickles what was not meant for
this kernel.
"""

from __future__ import annotations

import sys
from json import dumps, loads  # kept, because a notebook may put its own in their place
from typing import Any

from .blob import write_text
from .faults import CannotLoad, StepError
from .session import VERSION, Session

FAILED = ".failed"
PYTHON = "{}.{}".format(*sys.version_info[:2])


def write_manifest(
    session: Session,
    outputs: dict[str, Any] | None = None,
    observed: dict[str, Any] | None = None,
    problems: list[dict[str, str]] | None = None,
    kept: dict[str, Any] | None = None,
    failed: bool = False,
) -> None:
    """Say how the step ended. Of one that has `failed` it is said in another file: it has no manifest."""
    target = session.manifest.with_suffix(FAILED) if failed else session.manifest
    document = {
        "version": VERSION,
        "step": session.step,
        "python": PYTHON,
        "outputs": outputs or {},
        "observed": observed or {},
        "problems": problems or [],
    }
    if kept:
        document["kept"] = kept
    text = dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if session.inputs is None:
            ignore = session.store / ".gitignore"
            if not ignore.exists():
                write_text(ignore, "*\n")
        write_text(target, text)
    except OSError as error:
        raise StepError(
            f"step '{session.step}' cannot write its manifest {target}: {error.strerror}. "
            "Make room or choose another folder, and run the step again."
        ) from None


def read_manifest(session: Session, step: str) -> dict[str, Any]:
    """The manifest of an earlier step; CannotLoad when it is not there or not for this kernel."""
    needs = f"step '{session.step}' needs what step '{step}' saved"
    try:
        document: dict[str, Any] = loads(session.manifest_of(step).read_text(encoding="utf-8"))
        version, python, problems = document["version"], document["python"], document["problems"]
        outputs = document["outputs"]
    except OSError:
        raise CannotLoad(f"{needs}: {session.how_to_make(step)}") from None
    except (ValueError, KeyError, TypeError):
        raise CannotLoad(f"{needs}, but its manifest is damaged: {session.how_to_make(step)}") from None
    if version != VERSION:
        raise CannotLoad(
            f"{needs}, but that has version {version!r} and this runtime reads version {VERSION}: "
            f"{session.how_to_make(step)}, with this nb2flow"
        )
    if python != PYTHON:
        raise CannotLoad(
            f"{needs}, but that was saved by Python {python} and this kernel is Python {PYTHON}: "
            "run all steps with one kernel"
        )
    if problems and not outputs:
        raise CannotLoad(f"{needs}, but '{step}' failed to save it: {problems[0].get('error', '')}")
    return document


def missing_input(name: str, error: str) -> dict[str, str]:
    """The problem of an input that is not there or cannot be opened."""
    return {"name": name, "kind": "missing-input", "type": "", "error": error}
