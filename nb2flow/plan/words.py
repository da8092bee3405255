"""Sentences about the flow for people: what a step needs, gives, and why it comes after another.

Plain text from values; knows nothing of notebooks' JSON or of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from nb2flow.flow.model import Reason, Site, Step

RESOURCES: Mapping[str, str] = {
    "rng:python": "Python's random numbers",
    "rng:numpy": "NumPy's random numbers",
    "rng:torch": "PyTorch's random numbers",
    "process:cwd": "the working directory",
    "process:environ": "environment variables",
    "process:syspath": "the import path",
    "process:config": "display and warning settings",
    "process:backend": "how figures are drawn",
    "process:figures": "pyplot's open figures",
    "process:interpreter": "Python itself",
    "process:displays": "displays that are updated later",
    "config:plot": "plot settings",
}


def thing(name: str) -> str:
    """A variable or resource in Markdown."""
    if name.startswith("class:"):
        return f"what the class `{name.partition(':')[2]}` keeps"
    return f"{RESOURCES[name]} (`{name}`)" if name in RESOURCES else f"`{name}`"


def listed(items: Iterable[str]) -> str:
    """Items in a row with commas and a final `and`."""
    found = list(items)
    return found[0] if len(found) == 1 else ", ".join(found[:-1]) + f" and {found[-1]}" if found else ""


def spans(numbers: Sequence[int]) -> str:
    """`cell 3`, `cells 3, 5–8`: numbers in ascending order."""
    parts = []
    for _, group in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        run = [number for _, number in group]
        parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}")
    return ("cell " if len(numbers) == 1 else "cells ") + ", ".join(parts)


def why(reason: Reason) -> str:
    """One sentence for a reason, without a full stop."""
    if reason.text:
        return reason.text
    defined, used = _at(reason.defined), _at(reason.used)
    if reason.kind == "variable":
        return f"{reason.name} is made{defined} and used{used}"
    if reason.kind == "resource":
        return f"{RESOURCES.get(reason.name, reason.name)}: changed{defined}, relied on{used}"
    if reason.kind == "file":
        return f"the file {reason.name}: written or read{defined}, then{used}"
    if reason.kind == "order":
        return f"the author asks for it (after:{reason.name})"
    return f"{reason.name or 'state'} that cannot be told apart"


def _at(site: Site | None) -> str:
    return f" in cell {site.cell}, line {site.line}" if site else ""


def header(step: Step, notebook: str, inputs: Mapping[str, Sequence[str]]) -> str:
    """The Markdown that opens a step notebook."""
    title = " ".join(step.title.split()) or step.name
    lines = [f"# {title}", "", f"Step `{step.name}` of `{notebook}` ({spans(step.cells)}), written by nb2flow."]
    lines.append("Change the notebook and convert it again rather than this file.")
    needs = [f"{listed(map(thing, names))} from `{source}`" for source, names in inputs.items()]
    lines += ["", "- **Needs** " + ("; ".join(needs) if needs else "nothing from other steps")]
    if step.parameters:
        lines.append("- **Parameters** " + listed(f"`{name}`" for name in step.parameters))
    lines.append("- **Gives** " + (listed(map(thing, step.outputs)) if step.outputs else "nothing to other steps"))
    if step.each is not None:
        lines.append(f"- **Runs** for each element of `{step.each.name}` by itself, or for all of them at once")
    lines += [f"- {' '.join(note.split())}" for note in step.notes]
    return "\n".join(lines)
