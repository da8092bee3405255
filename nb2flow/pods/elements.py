"""Which element a pod is for, where the pods of a step that runs for each element are started by somebody else.

Pure. The pod that made the list says the numbers of its elements, in a file that is read as a parameter; each pod of
the step is told one of them, and finds the element itself in the store.
"""

from __future__ import annotations

import json

from nb2flow.runs.manifest import Output

WHOLE = "all"  # in place of a number: one pod, for the whole list
MOST = 1000  # elements; more of them than this and the states of their pods are too much for the one object they are in
FOLDER = "/tmp/nb2flow-elements"  # noqa: S108 - the pod's own
NONE_SAID = "the pod did not say its list"  # no list, so that nobody takes it for an empty one


def parameter(step: str) -> str:
    """The parameter that says for which elements `step` runs."""
    return f"elements-for-{step}"


def file(folder: str, step: str) -> str:
    """Where in its pod that is written."""
    return f"{folder}/{step}.json"


def divided(output: Output | None) -> tuple[str, ...] | None:
    """The blobs of the list's elements; None where the step runs over the whole of it."""
    if output is None or output.elements is None or len(output.elements) > MOST:
        return None
    return output.elements


def said(output: Output | None) -> str:
    """The parameter's value for this list."""
    blobs = divided(output)
    return json.dumps([WHOLE] if blobs is None else list(range(len(blobs))))


def number(element: str) -> int | None:
    """Which element a pod is for; None where it is for the whole list, or its step is none of this kind."""
    return int(element) if element.isascii() and element.isdigit() else None


def listed(value: object) -> tuple[int, ...] | None:
    """The numbers that a parameter's value (or a list of items) names; None where it names the whole list, or nothing
    that can be read."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        return None
    return tuple(value)
