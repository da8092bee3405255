"""What stands behind the colon of a tag: quantities, times, counts, pairs and names, as text to typed values.

Each reader takes the text and returns the value or a `Misread` that says which characters are wrong and what to write
instead. Nothing here knows about cells; tags and metadata go through the same readers, so both accept the same things.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nb2flow.notebook.names import dns_label


@dataclass(frozen=True, slots=True)
class Misread:
    """Why a value cannot be read: `start` and `end` are offsets in the value's text."""

    code: str
    message: str
    hint: str
    start: int = 0
    end: int | None = None


_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>[eE][+-]?\d+|[KMGTPE]i|[mkMGTPE])?")
_BYTES: Mapping[str, float] = {
    "": 1,
    **{u: 1000.0**n for n, u in enumerate("kMGTPE", 1)},
    **{f"{u}i": 1024.0**n for n, u in enumerate("KMGTPE", 1)},
}
_LEAST_BYTES = 1_000_000
_SECONDS: Mapping[str, float] = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_TIME = re.compile(r"(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?")
_RESOURCE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._\-/:]*(@sha256:[0-9a-f]{64})?")
_MOST_RETRIES = 100


def read_cpu(text: str) -> str | Misread:
    """A number of cores: `4`, `0.5` or `500m`."""
    match = _QUANTITY.match(text)
    if match is None or match.end() != len(text) or match["unit"] not in (None, "m"):
        start = match.end("number") if match else 0
        return Misread("NB220", f"{text!r} is not a number of cores", "write cpu:4, cpu:0.5 or cpu:500m", start)
    if float(match["number"]) == 0:
        return Misread("NB220", "a step needs more than 0 cores", "write cpu:4, cpu:0.5 or cpu:500m")
    return text


def read_bytes(text: str) -> str | Misread:
    """An amount of memory or disk: `16Gi`, `512Mi`, `2G`."""
    match = _QUANTITY.match(text)
    if match is None:
        return Misread("NB220", f"{text!r} is not an amount of bytes", "write a number and a unit, such as 16Gi")
    better = _better_quantity(match["number"], text[match.end("number") :])
    if match.end() != len(text):
        start = match.end() if match["unit"] is None else match.start("unit")
        return Misread("NB220", f"{text!r} is not an amount of bytes", f"write {better}", start)
    unit = match["unit"] or ""
    size = float(match["number"]) * (_BYTES[unit] if unit in _BYTES else 1e-3 if unit == "m" else float("1" + unit))
    if size < _LEAST_BYTES:
        return Misread("NB220", f"{text!r} is only {size:g} bytes", f"write {better}")
    return text


def _better_quantity(number: str, rest: str) -> str:
    letters = re.sub(r"[^a-z]", "", rest.lower()).removesuffix("ytes").removesuffix("yte").removesuffix("b")
    prefix = letters[:1].upper() if letters[:1] in tuple("kmgtpe") else "G"
    binary = "i" if letters[1:2] == "i" or prefix == "K" or not rest.strip().lower().endswith("b") else ""
    return f"{number}{prefix}{binary}"


def read_gpu(text: str) -> tuple[int, str] | Misread:
    """A number of GPUs with the resource's name: `1`, `nvidia.com/mig-1g.5gb:1`."""
    resource, colon, count = text.rpartition(":")
    hint = "write gpu:1 or gpu:nvidia.com/gpu:1"
    start = len(resource) + len(colon)
    if not re.fullmatch(r"[0-9]{1,4}", count):
        return Misread("NB221", f"{count!r} is not a number of GPUs", hint, start)
    if colon and not _RESOURCE.fullmatch(resource):
        return Misread("NB224", f"{resource!r} is not the name of a GPU resource", hint, 0, len(resource))
    return int(count), resource or "nvidia.com/gpu"


def read_retries(text: str) -> int | Misread:
    """How often a failed step is tried again: 0 to 100."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > _MOST_RETRIES:
        return Misread("NB221", f"{text!r} is not a number of retries", f"write a number from 0 to {_MOST_RETRIES}")
    return int(text)


def read_time(text: str) -> float | Misread:
    """A time in seconds: `2h`, `1h30m`, `90s`, `90`."""
    number = re.fullmatch(r"\d+(\.\d+)?", text)
    if number is None and not (text and _TIME.fullmatch(text)):
        start = next((i for i, c in enumerate(text) if not (c.isdigit() or c == ".")), 0)
        better = re.match(r"\s*(\d+(?:\.\d+)?)\s*([dhms])", text.lower())
        hint = f"write {better[1]}{better[2]}" if better else "write a time such as 2h, 1h30m or 90s"
        return Misread("NB222", f"{text!r} is not a time", hint, start)
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text)
    seconds = float(text) if number else sum(float(n) * _SECONDS[unit] for n, unit in parts)
    if not 0 < seconds <= 366 * _SECONDS["d"]:
        return Misread("NB222", f"{text!r} is not a time a step could take", "write a time such as 2h, 1h30m or 90s")
    return seconds


def read_switch(text: str) -> bool | Misread:
    """`on` or `off`; also true/false, yes/no."""
    word = text.lower()
    if word in ("on", "true", "yes"):
        return True
    if word in ("off", "false", "no"):
        return False
    return Misread("NB225", f"{text!r} is neither on nor off", "write cache:on or cache:off")


def read_env(text: str) -> tuple[str, str] | Misread:
    """An environment variable and its value: `K=V`; the value may hold anything but a null character."""
    name, equals, value = text.partition("=")
    hint = "write env:NAME=VALUE"
    if not equals:
        return Misread("NB223", f"{text!r} has no `=` between name and value", hint)
    if not _ENV_NAME.fullmatch(name):
        return Misread("NB223", f"{name!r} is not the name of an environment variable", hint, 0, len(name))
    if "\0" in value:
        return Misread("NB223", "an environment variable cannot hold a null character", hint, len(name) + 1)
    return name, value


def read_node(text: str) -> tuple[str, str] | Misread:
    """A label that the node must have: `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    hint = "write node:KEY=VALUE, such as node:disktype=ssd"
    if not equals:
        return Misread("NB223", f"{text!r} has no `=` between key and value", hint)
    if not _LABEL_KEY.fullmatch(key):
        return Misread("NB223", f"{key!r} is not the key of a node label", hint, 0, len(key))
    if not _LABEL_VALUE.fullmatch(value):
        return Misread("NB223", f"{value!r} is not the value of a node label", hint, len(key) + 1)
    return key, value


def read_annotation(text: str) -> tuple[str, str] | Misread:
    """Kale's `KEY:VALUE` for a pod's annotation: the value may hold anything, colons too."""
    key, colon, value = text.partition(":")
    if not colon or not _LABEL_KEY.fullmatch(key):
        return Misread("NB223", f"{text!r} is not KEY:VALUE", "write annotation:KEY:VALUE")
    return key, value


def read_label(text: str) -> tuple[str, str] | Misread:
    """Kale's `KEY:VALUE` for a pod's label."""
    pair = read_annotation(text)
    if isinstance(pair, Misread) or not _LABEL_VALUE.fullmatch(pair[1]):
        return Misread("NB223", f"{text!r} is not KEY:VALUE", "write label:KEY:VALUE")
    return pair


def read_image(text: str) -> str | Misread:
    """A container image: `python:3.12`, `ghcr.io/me/train@sha256:…`."""
    match = _IMAGE.match(text)
    if match is None or match.end() != len(text):
        start = match.end() if match else 0
        hint = "write image:NAME:VERSION, such as image:python:3.12"
        return Misread("NB224", f"{text!r} is not an image", hint, start)
    return text


def read_secret(text: str) -> str | Misread:
    """The name of an environment variable that holds a secret."""
    if not _ENV_NAME.fullmatch(text):
        hint = "write the name of an environment variable, such as secret:API_TOKEN"
        return Misread("NB224", f"{text!r} is not the name of a secret", hint)
    return text


def read_variable(text: str) -> str | Misread:
    """The name of a variable of the notebook."""
    if not text.isidentifier() or keyword.iskeyword(text):
        return Misread("NB224", f"{text!r} is not the name of a variable", "write a name that the notebook defines")
    return text


def read_step(text: str) -> str | Misread:
    """A step's name as written; something of it must survive as a DNS label."""
    if not dns_label(text):
        hint = "write a name of lower-case letters, digits and `-`, such as step:load"
        return Misread("NB203", f"nothing of {text!r} can be used as a step's name", hint)
    return text


READERS: Mapping[str, Callable[[str], Any]] = {
    "step": read_step,
    "after": read_step,
    "gpu": read_gpu,
    "cpu": read_cpu,
    "memory": read_bytes,
    "disk": read_bytes,
    "image": read_image,
    "node": read_node,
    "retries": read_retries,
    "timeout": read_time,
    "cache": read_switch,
    "env": read_env,
    "secret": read_secret,
    "each": read_variable,
    "metric": read_variable,
    "artifact": read_variable,
    "annotation": read_annotation,
    "label": read_label,
}
