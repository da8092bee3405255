"""Whether cells gave the same, output by output: the comparison that `verify` rests on. Pure.

What varies between two runs of the very same code without meaning anything (addresses, process ids, counters, ids of
widgets and styles) is made equal first. Streams are compared one by one, for stdout and stderr interleave by chance.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["equal", "differs", "nondeterministic", "replayed", "missing"]
Outputs = Sequence[Mapping[str, Any]]

_NOISE = (
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "0x…"),
    (re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py"), "<cell>"),
    (re.compile(r"<ipython-input-\d+-[0-9a-f]+>"), "<cell>"),
    (re.compile(r"Cell In\[\d+\]"), "Cell In[…]"),
    (re.compile(r"\bsk-container-id-\d+"), "sk-container-id"),
    (re.compile(r"\bsk-estimator-id-\d+"), "sk-estimator-id"),
    (re.compile(r"\bT_[0-9a-f]{5}"), "T_…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    # what %time and %timeit tell: twice the same by chance is no proof that a third time will be
    (re.compile(r"^CPU times: user .+, sys: .+, total: .+$", re.MULTILINE), "CPU times: …"),
    (re.compile(r"^Wall time: [\d.]+ ?(?:ns|[µμu]s|ms|s|min|h|d)\b.*$", re.MULTILINE), "Wall time: …"),
    (re.compile(r"^[\d.]+ .* per loop \(mean ± std\. dev\. of .*\)$", re.MULTILINE), "… per loop"),
)
_PLOTLY = "application/vnd.plotly.v1+json"
_PLOTLY_LOADER = '<script type="text/javascript">\n        window.PlotlyConfig'
_MODEL_ID = re.compile(r'"model_id"\s*:\s*"[0-9a-f]{32}"|IPY_MODEL_[0-9a-f]{32}')


@dataclass(frozen=True, slots=True)
class Part:
    """One comparable piece of a cell's outputs: `stdout`, `stderr`, `error` or `output 2 text/html`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """What the comparison says about one cell. `difference` tells the first difference in words."""

    cell: int
    cell_id: str
    step: str
    verdict: Verdict
    difference: str = ""


def judge(cell: int, cell_id: str, step: str, wholes: Sequence[Outputs], pipeline: Outputs | None) -> CellVerdict:
    """Compare one cell: the runs of the whole notebook (two or more) say whether it is deterministic, then the pipeline
    is judged.

    `pipeline` is None when the cell stands in no step notebook (set-up that is replayed, or a step that did not run);
    `step` is then empty for set-up.
    """
    reference = parts(wholes[0])
    if any(different(reference, parts(other)) for other in wholes[1:]):
        return CellVerdict(cell, cell_id, step, "nondeterministic")
    if pipeline is None:
        return CellVerdict(cell, cell_id, step, "missing" if step else "replayed" if reference else "equal")
    found = different(reference, parts(pipeline))
    return CellVerdict(cell, cell_id, step, "differs" if found else "equal", found)


def parts(outputs: Outputs) -> tuple[Part, ...]:
    """A cell's outputs in comparable form: each stream whole, displays and errors in their order."""
    streams: dict[str, list[str]] = {}
    shown: list[Part] = []
    number = 0
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            streams.setdefault(str(output.get("name", "stdout")), []).append(_text(output.get("text")))
        elif kind == "error":
            shown.append(Part("error", plain(f"{output.get('ename')}: {output.get('evalue')}")))
        elif isinstance(data := output.get("data"), Mapping) and not _loads_plotly(data):
            number += 1
            mimes = sorted(data.keys() - {"text/html"} if _PLOTLY in data else data)  # the page is made from the values
            shown += [Part(f"output {number} {mime}", _value(mime, data[mime])) for mime in mimes]
    told = [Part(name, plain("".join(texts))) for name, texts in sorted(streams.items()) if "".join(texts)]
    return (*told, *shown)


def _loads_plotly(data: Mapping[str, Any]) -> bool:
    """Whether it is nothing but the script that Plotly shows before the first figure that a kernel draws."""
    return data.keys() == {"text/html"} and _text(data["text/html"]).lstrip().startswith(_PLOTLY_LOADER)


def plain(text: str) -> str:
    """Text without what varies by chance between two runs."""
    for pattern, stand_in in _NOISE:
        text = pattern.sub(stand_in, text)
    return text


def different(expected: tuple[Part, ...], found: tuple[Part, ...]) -> str:
    """The first difference in words; empty when there is none."""
    if expected == found:
        return ""
    theirs = {p.name: p.value for p in found}
    ours = {p.name: p.value for p in expected}
    for name, value in ours.items():
        if name not in theirs:
            return f"{name} is missing"
        if theirs[name] != value and not _same_picture(name, value, theirs[name]):
            return f"{name}: {_first_difference(name, value, theirs[name])}"
    more = [name for name in theirs if name not in ours]
    return f"{more[0]} is new: {_shown(theirs[more[0]])}" if more else ""


def _value(mime: str, value: object) -> str:
    if mime.startswith("image/") and mime != "image/svg+xml":
        return "".join(_text(value).split())
    text = _text(value) if isinstance(value, (str, list)) else json.dumps(value, sort_keys=True)
    return plain(_MODEL_ID.sub("<model>", text))


def _same_picture(name: str, a: str, b: str) -> bool:
    """Whether two raster images have the same pixels, as far as Pillow is here to tell; else bytes decide."""
    if " image/" not in name or name.endswith("svg+xml"):
        return False
    try:
        library = importlib.import_module("PIL.Image")
        images = [library.open(io.BytesIO(base64.b64decode(x, validate=True))).convert("RGBA") for x in (a, b)]
        return bool(images[0].size == images[1].size and images[0].tobytes() == images[1].tobytes())
    except (ImportError, OSError, ValueError, binascii.Error):
        return False


def _first_difference(name: str, a: str, b: str) -> str:
    if " image/" in name and not name.endswith("svg+xml"):
        return "the pictures differ"
    for number, (x, y) in enumerate(zip([*a.split("\n"), ""], [*b.split("\n"), ""], strict=False), 1):
        if x != y:
            at = next((i for i, (c, d) in enumerate(zip(x, y, strict=False)) if c != d), min(len(x), len(y)))
            start = max(at - 20, 0)
            return f"line {number}: notebook {_shown(x[start:])}, pipeline {_shown(y[start:])}"
    return f"notebook has {a.count(chr(10)) + 1} lines, pipeline {b.count(chr(10)) + 1}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "".join(v for v in value if isinstance(v, str)) if isinstance(value, Sequence) else ""
