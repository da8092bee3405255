"""The plan as a document: YAML for people, JSON for programs, the same values in both.

Pure: text in, text out. Values are written by libraries, never put together as text. What comes from outside is checked
once, here, against the types of `model`; a version that this nb2flow does not know is refused by name.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any, Literal

import msgspec

from nb2flow.errors import PlanError
from nb2flow.notebook.model import StepOptions
from nb2flow.plan.model import PLAN_VERSION, Plan

Format = Literal["yaml", "json"]
_HEAD = "# A pipeline as nb2flow planned it: which step needs what, and why. Written by `nb2flow convert`.\n"


def dumps(plan: Plan, format: Format = "yaml") -> str:
    """The plan as text, deterministic; entries that have their default value are left out."""
    values = to_values(plan)
    if format == "json":
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    return _HEAD + _yaml(values)


def loads(data: bytes | str) -> Plan:
    """Reads a plan from YAML or JSON. Raises PlanError saying what is wrong."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise PlanError("the plan is not UTF-8 text") from error
    return from_values(_parsed(text))


def to_values(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON values."""
    values: dict[str, Any] = msgspec.to_builtins(plan, str_keys=True)
    for step in values["steps"]:
        if "options" in step:
            chosen = {k: v for k, v in step.pop("options").items() if v != _DEFAULT_OPTIONS[k]}
            step |= {"options": chosen} if chosen else {}
    return {"version": plan.version, **values}


_DEFAULT_OPTIONS: dict[str, Any] = {
    f.name: msgspec.to_builtins(getattr(StepOptions(), f.name)) for f in fields(StepOptions)
}


def from_values(values: Any) -> Plan:
    """The plan that these plain values describe. Raises PlanError."""
    if not isinstance(values, dict) or "version" not in values:
        raise PlanError("this is not a plan: it is not a mapping with a version", hint="`nb2flow convert` writes plans")
    version = values["version"]
    if version != PLAN_VERSION or isinstance(version, bool):
        message = f"the plan has version {version!r}; this nb2flow knows version {PLAN_VERSION}"
        raise PlanError(message, hint="convert the notebook again, or upgrade nb2flow")
    try:
        plan = msgspec.convert(values, Plan)
    except (msgspec.ValidationError, RecursionError) as error:
        raise PlanError(f"the plan is not valid: {error}", hint="convert the notebook again") from error
    _check(plan)
    return plan


def _yaml(values: dict[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes texts with unusual line breaks: PyYAML would write these so that they read back as something else."""

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        style = '"' if re.search("[\x85\u2028\u2029]", value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return written


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # YAML may also begin with a brace
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        what = " ".join(str(error).split())[:200]
        raise PlanError(f"the plan is neither YAML nor JSON: {what}") from error


def _check(plan: Plan) -> None:
    """What types cannot say: names are unique, and everything refers to earlier steps."""
    seen: set[str] = set()
    for step in plan.steps:
        for other in (*step.after, *step.inputs, *step.state):
            if other not in seen:
                raise PlanError(f"the plan is not valid: step {step.name!r} refers to {other!r}, no earlier step")
        if step.name in seen:
            raise PlanError(f"the plan is not valid: there are two steps {step.name!r}")
        if "/" in step.notebook or "\\" in step.notebook or step.notebook.startswith("."):
            raise PlanError(f"the plan is not valid: {step.notebook!r} is not a file name")
        seen.add(step.name)
    for edge in plan.edges:
        if edge.source not in seen or edge.target not in seen:
            raise PlanError(f"the plan is not valid: an edge {edge.source!r} → {edge.target!r} has no such step")
