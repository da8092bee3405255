"""The settings of a step's cells, merged into its options; what its cells ask for differently is told.

Knows settings and options, not how cells were grouped into steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nb2flow.errors import Diagnostic, Severity
from nb2flow.notebook.model import StepOptions
from nb2flow.notebook.settings import Setting

_FIELDS = {"secret": "secrets", "metric": "metrics", "artifact": "artifacts", "annotation": "annotations"}
_FIELDS["label"] = "labels"
_PAIRS = ("env", "node", "annotation", "label")


def merge(
    step: str, settings: Iterable[Setting], defaults: Sequence[Setting], diagnostics: list[Diagnostic]
) -> StepOptions:
    """The options that these settings make; the first one said holds where two differ, and NB208 tells (an error).

    `defaults` hold where the step says nothing; a later default holds over an earlier one.
    """
    single: dict[str, Setting] = {}
    pairs: dict[tuple[str, str], Setting] = {}
    lists: dict[str, dict[str, None]] = {}
    for setting in settings:
        if setting.key == "after":
            continue
        if setting.key in _PAIRS:
            before = pairs.setdefault((setting.key, setting.value[0]), setting)
        elif setting.many:
            lists.setdefault(setting.key, {})[setting.value] = None
            continue
        else:
            before = single.setdefault(setting.key, setting)
        if before.value != setting.value:
            diagnostics.append(_differs(step, before, setting))
    common = {(s.key, s.value[0]): s for s in defaults if s.key in _PAIRS}
    for setting in defaults:
        if setting.many and setting.key not in _PAIRS:
            lists.setdefault(setting.key, {})[setting.value] = None
    usual = {s.key: s for s in defaults if not s.many}
    return _options(usual | single, common | pairs, lists)


def _options(
    single: dict[str, Setting], pairs: dict[tuple[str, str], Setting], lists: dict[str, dict[str, None]]
) -> StepOptions:
    values: dict[str, Any] = {key: setting.value for key, setting in single.items()}
    if "gpu" in values:
        values["gpu"], values["gpu_resource"] = values["gpu"]
    for key in _PAIRS:
        found = tuple(s.value for (k, _), s in pairs.items() if k == key)
        if found:
            values[_FIELDS.get(key, key)] = found
    values |= {_FIELDS.get(key, key): tuple(found) for key, found in lists.items()}
    return StepOptions(**values)


def _differs(step: str, before: Setting, setting: Setting) -> Diagnostic:
    what = f"{setting.key} of {setting.value[0]}" if setting.key in _PAIRS else setting.key
    first = f" (cell {before.place.cell} says otherwise)" if before.place.cell is not None else ""
    message = f"the cells of step {step!r} ask for two different values of {what}{first}"
    return Diagnostic("NB208", Severity.ERROR, message, setting.place, "keep one of them")
