"""The tag language: one tag's text to the setting it makes, and what a tag that is nearly right was meant to be.

Knows single tags only; which cells they stand on, and what follows, is for `settings` and `layout`. Tags that resemble
nothing of ours are the author's own and give nothing. Kale's words are understood in the same table: its `block:` is
our `step:`, its `prev:` our `after:`; what differs between the dialects is marked on the setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nb2flow.errors import Severity
from nb2flow.notebook.names import distance
from nb2flow.notebook.values import READERS, Misread

ROLES = ("parameters", "setup", "skip", "gather", "metrics", "continue", "injected", "step-notebook")
MANY = ("after", "env", "node", "secret", "metric", "artifact", "annotation", "label")

_BARE: Mapping[str, tuple[str, bool]] = {  # tag: (role, whether only Kale has it)
    "parameters": ("parameters", False),
    "setup": ("setup", False),
    "skip": ("skip", False),
    "skip-execution": ("skip", False),  # nbclient, hence papermill, leaves these out
    "gather": ("gather", False),
    "imports": ("setup", True),
    "functions": ("setup", True),
    "pipeline-parameters": ("parameters", True),
    "pipeline-metrics": ("metrics", True),
    "injected-parameters": ("injected", False),
    "nb2flow-injected": ("step-notebook", False),
}
_KALE_KEYS: Mapping[str, str] = {
    "block": "step",
    "prev": "after",
    "limit": "limit",
    "annotation": "annotation",
    "label": "label",
}
_KEYS: Mapping[str, str] = {**{k: k for k in READERS if k not in _KALE_KEYS}, **_KALE_KEYS}
_SYNONYMS: Mapping[str, str] = {
    "mem": "memory",
    "ram": "memory",
    "storage": "disk",
    "retry": "retries",
    "time-out": "timeout",
    "environment": "env",
    "secrets": "secret",
    "depends": "after",
    "depends-on": "after",
    "needs": "after",
    "needs-after": "after",
    "run-after": "after",
    "container": "image",
    "docker": "image",
}
_BARE_SYNONYMS: Mapping[str, str] = {"parameter": "parameters", "params": "parameters", "set-up": "setup"}
_EXAMPLES: Mapping[str, str] = {
    "step": "step:load",
    "after": "after:load",
    "gpu": "gpu:1",
    "cpu": "cpu:4",
    "memory": "memory:16Gi",
    "disk": "disk:20Gi",
    "image": "image:python:3.12",
    "node": "node:disktype=ssd",
    "retries": "retries:2",
    "timeout": "timeout:2h",
    "cache": "cache:off",
    "env": "env:NAME=VALUE",
    "secret": "secret:API_TOKEN",
    "each": "each:files",
    "metric": "metric:accuracy",
    "artifact": "artifact:model",
}
_SHAPE = re.compile(r"(?P<lead>\s*)(?P<key>[A-Za-z][\w-]*)(?P<mark>\s*[:=]\s*|\s+)(?P<value>\S.*?)?(?P<tail>\s*)", re.S)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a tag; `start` and `end` are offsets in the tag's text."""

    code: str
    severity: Severity
    message: str
    hint: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a tag means: `key` is a word of the language, `value` its typed value (True for a bare word).

    A reading may have both a value and a fault: then the tag is an error, but what it meant is plain. `kale` marks
    words that only Kale has. A key of None: the tag is not ours, or too wrong to tell.
    """

    key: str | None = None
    value: Any = None
    fault: Fault | None = None
    kale: bool = False
    start: int = 0
    end: int = 0


@lru_cache(maxsize=1024)
def read_tag(tag: str) -> Reading:
    """The meaning of one tag; `Reading()` for a tag of the author's own."""
    if tag in _BARE:
        role, kale = _BARE[tag]
        return Reading(role, True, kale=kale, end=len(tag))
    shape = _SHAPE.fullmatch(tag)
    if shape is None or (shape["mark"].isspace() and shape["value"] is None):
        return _bare(tag)
    key, mark, value = shape["key"], shape["mark"], shape["value"] or ""
    exact = mark == ":" and not shape["lead"] and (not shape["tail"] or key == "env" or not value)
    if key in _KEYS and exact:
        return _read_value(key, tag[len(key) + 1 :], len(key) + 1, tag)
    return _nearly(tag, shape, value)


def read_value(key: str, text: str) -> Reading:
    """The meaning of `key: text` found in metadata; the same readers as for tags, offsets within `text`."""
    return _read_value(key, text, 0, text)


def _read_value(key: str, text: str, offset: int, tag: str) -> Reading:
    kale = key in ("block", "prev")
    word = _KEYS.get(key, key)
    if word == "step" and not text:
        return Reading("continue", key, kale=kale, end=len(tag))
    if not text and key not in ("limit", "annotation", "label"):
        hint = f"write {_EXAMPLES.get(word, word)}"
        return Reading(None, None, Fault("NB226", Severity.ERROR, f"`{key}:` lacks its value", hint, 0, len(tag)))
    if word == "limit":
        return _limit(text, offset, tag)
    value = READERS[word](text)
    if not isinstance(value, Misread):
        return Reading(word, value, kale=kale, start=offset, end=len(tag))
    if word in ("annotation", "label"):  # `label:fig-1` and the like are other tools' tags
        return Reading()
    return Reading(None, None, _misread(value, offset, len(tag)))


def _misread(value: Misread, offset: int, length: int) -> Fault:
    end = length if value.end is None else offset + value.end
    return Fault(value.code, Severity.ERROR, value.message, value.hint, offset + value.start, end)


def _limit(text: str, offset: int, tag: str) -> Reading:
    """Kale's `limit:RESOURCE:AMOUNT`."""
    resource, colon, amount = text.rpartition(":")
    if not colon:
        return Reading()
    words = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "disk"}
    word = words.get(resource, "gpu")
    value = READERS[word](text if word == "gpu" else amount)
    at = offset if word == "gpu" else offset + len(resource) + 1
    if isinstance(value, Misread):
        return Reading(None, None, _misread(value, at, len(tag)))
    return Reading(word, value, start=at, end=len(tag))


def _nearly(tag: str, shape: re.Match[str], value: str) -> Reading:
    """A tag of the form KEY MARK VALUE whose key or mark is not quite ours."""
    key = shape["key"]
    blank = shape["mark"].isspace()
    meant = _meant_key(key, value, certain=not blank)
    if meant is None or (blank and (" " in value or key.lower() not in _KEYS)):
        return _bare(tag)
    if key.lower() == meant and not blank and not value and "=" not in shape["mark"]:
        return _read_value(meant, "", len(tag), tag)
    right = f"{meant}:{value}"
    reading = _read_value(meant, value, len(meant) + 1, right)
    start, end = (0, len(shape["lead"]) + len(key))
    if key == meant:
        start, end = (shape.start("mark"), shape.end("mark"))
        if shape["mark"] == ":":
            start, end = (shape.start("tail"), len(tag)) if shape["tail"] else (0, max(1, len(shape["lead"])))
    message = f"tag {tag!r} is not understood"
    hint = reading.fault.hint if reading.fault else f"did you mean {right!r}?"
    fault = Fault("NB201", Severity.ERROR, message, hint, start, max(end, start + 1))
    return Reading(reading.key, reading.value, fault, reading.kale, shape.start("key"), len(tag))


def _meant_key(key: str, value: str, *, certain: bool) -> str | None:
    """Which word of ours `key` was meant to be. A short or far-fetched guess must also fit the value."""
    folded = key.lower().replace("_", "-")
    if folded in _KEYS:
        return folded if certain or _fits(folded, value) else None
    if folded in _SYNONYMS:
        return _SYNONYMS[folded] if _fits(_SYNONYMS[folded], value) or folded in ("mem", "ram", "retry") else None
    best: tuple[int, str] | None = None
    for word in _KEYS:
        slips = distance(folded, word)
        allowed = 2 if len(word) >= 7 else 1
        if slips > allowed or not (len(word) >= 5 or _fits(word, value)):
            continue
        if best is None or slips < best[0]:
            best = (slips, word)
    return best[1] if best else None


def _fits(key: str, value: str) -> bool:
    reading = _read_value(key, value, 0, value)
    return reading.key is not None and reading.key != "continue"


def _bare(tag: str) -> Reading:
    """A tag of one word (or of words that make no setting)."""
    word = tag.strip().lower().replace("_", "-").replace(" ", "-")
    if word in _KEYS:
        if word not in _EXAMPLES:
            return Reading()
        fault = Fault(
            "NB226", Severity.WARNING, f"tag {tag!r} lacks its value", f"write {_EXAMPLES[word]}", 0, max(1, len(tag))
        )
        return Reading(None, None, fault)
    meant = _meant_role(tag, word)
    if meant is None:
        return Reading()
    hint = f"did you mean {meant!r}?"
    return Reading(
        None, None, Fault("NB201", Severity.WARNING, f"tag {tag!r} is not understood", hint, 0, max(1, len(tag)))
    )


def _meant_role(tag: str, word: str) -> str | None:
    if word in _BARE and word != tag:
        return word
    if word in _BARE_SYNONYMS:
        return _BARE_SYNONYMS[word]
    head = re.match(r"[\w-]+(?=\s*[:=])", tag.strip())
    if head and head[0].lower() in ("parameters", "setup", "skip", "gather"):  # `setup:` and the like
        return head[0].lower() if not tag.strip()[head.end() :].strip(" :=") else None
    for role in ("parameters", "setup", "gather", "pipeline-parameters", "pipeline-metrics", "functions"):
        if distance(word, role) <= (2 if len(role) >= 9 else 1):
            return role
    return "skip" if word.startswith("sk") and distance(word, "skip") == 1 else None
