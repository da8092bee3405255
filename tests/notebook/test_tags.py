"""The tag language, one row a tag: what it means, or its diagnostic, where the caret stands, what to write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.notebook import CODES
from nb2flow.notebook.tags import read_tag

MEANS: list[tuple[str, str, Any]] = [
    ("step:load", "step", "load"),
    ("step:fit_a", "step", "fit_a"),
    ("block:load_data", "step", "load_data"),
    ("step:", "continue", "step"),
    ("block:", "continue", "block"),
    ("after:load", "after", "load"),
    ("prev:load_data", "after", "load_data"),
    ("parameters", "parameters", True),
    ("pipeline-parameters", "parameters", True),
    ("setup", "setup", True),
    ("imports", "setup", True),
    ("functions", "setup", True),
    ("skip", "skip", True),
    ("skip-execution", "skip", True),
    ("gather", "gather", True),
    ("pipeline-metrics", "metrics", True),
    ("gpu:1", "gpu", (1, "nvidia.com/gpu")),
    ("gpu:0", "gpu", (0, "nvidia.com/gpu")),
    ("gpu:nvidia.com/mig-1g.5gb:1", "gpu", (1, "nvidia.com/mig-1g.5gb")),
    ("gpu:amd.com/gpu:2", "gpu", (2, "amd.com/gpu")),
    ("limit:nvidia.com/gpu:2", "gpu", (2, "nvidia.com/gpu")),
    ("limit:cpu:4", "cpu", "4"),
    ("limit:memory:4Gi", "memory", "4Gi"),
    ("cpu:4", "cpu", "4"),
    ("cpu:500m", "cpu", "500m"),
    ("cpu:0.5", "cpu", "0.5"),
    ("memory:16Gi", "memory", "16Gi"),
    ("memory:512Mi", "memory", "512Mi"),
    ("memory:2G", "memory", "2G"),
    ("memory:1.5Gi", "memory", "1.5Gi"),
    ("memory:2e9", "memory", "2e9"),
    ("disk:20Gi", "disk", "20Gi"),
    ("image:python:3.12", "image", "python:3.12"),
    ("image:ghcr.io/me/train@sha256:" + "0" * 64, "image", "ghcr.io/me/train@sha256:" + "0" * 64),
    ("node:disktype=ssd", "node", ("disktype", "ssd")),
    ("node:cloud.google.com/gke-nodepool=big", "node", ("cloud.google.com/gke-nodepool", "big")),
    ("retries:2", "retries", 2),
    ("timeout:2h", "timeout", 7200.0),
    ("timeout:1h30m", "timeout", 5400.0),
    ("timeout:90s", "timeout", 90.0),
    ("timeout:90", "timeout", 90.0),
    ("timeout:1.5h", "timeout", 5400.0),
    ("timeout:2d", "timeout", 172800.0),
    ("cache:off", "cache", False),
    ("cache:on", "cache", True),
    ("env:K=V", "env", ("K", "V")),
    ("env:URL=https://a.b/?c=d:e", "env", ("URL", "https://a.b/?c=d:e")),
    ("env:EMPTY=", "env", ("EMPTY", "")),
    ("env:TAIL=a ", "env", ("TAIL", "a ")),
    ("secret:API_TOKEN", "secret", "API_TOKEN"),
    ("each:files", "each", "files"),
    ("metric:accuracy", "metric", "accuracy"),
    ("artifact:model", "artifact", "model"),
    ("annotation:sidecar.istio.io/inject:false", "annotation", ("sidecar.istio.io/inject", "false")),
    ("annotation:a:b:c", "annotation", ("a", "b:c")),
    ("label:access-rok:true", "label", ("access-rok", "true")),
]


@pytest.mark.parametrize(("tag", "key", "value"), MEANS, ids=[row[0][:40] for row in MEANS])
def test_what_a_tag_means(tag: str, key: str, value: Any) -> None:
    reading = read_tag(tag)
    assert (reading.key, reading.value, reading.fault) == (key, value, None)


OWN = [
    *("remove-input", "hide-cell", "raises-exception", "nbval-skip", "remove_output", "slideshow", "plot", "solution"),
    *("topic:x", "note:remember", "label:fig-1", "limit:3", "annotation:x", "date:2020-01-01", "chapter 3", "steps"),
    *("type:code", "K=V", "", "  ", "日本", "🎉", "a:b:c", "http://example.org", "name:load", "scroll-output", "todo"),
    *("load", "training", "important", "export", "exercise", "skipper", "cell:3", "limit:", "section:intro", "setter"),
]


@pytest.mark.parametrize("tag", OWN)
def test_the_authors_own_tags_are_left_alone(tag: str) -> None:
    assert read_tag(tag) == read_tag("quite-another-tag")


NEARLY: list[tuple[str, str, str, str, str | None]] = [  # tag, what the caret marks, severity, hint has, read as
    ("stpe:load", "stpe", "error", "'step:load'", "step"),
    ("steps:load", "steps", "error", "'step:load'", "step"),
    ("tep:load", "tep", "error", "'step:load'", "step"),
    ("Step:load", "Step", "error", "'step:load'", "step"),
    ("STEP:load", "STEP", "error", "'step:load'", "step"),
    ("step: load", ": ", "error", "'step:load'", "step"),
    ("step :load", " :", "error", "'step:load'", "step"),
    ("step:load ", " ", "error", "'step:load'", "step"),
    (" step:load", " ", "error", "'step:load'", "step"),
    ("step=load", "=", "error", "'step:load'", "step"),
    ("step load", " ", "error", "'step:load'", "step"),
    ("bloc:load_data", "bloc", "error", "'block:load_data'", "step"),
    ("gpu=1", "=", "error", "'gpu:1'", "gpu"),
    ("gpus:1", "gpus", "error", "'gpu:1'", "gpu"),
    ("GPU:1", "GPU", "error", "'gpu:1'", "gpu"),
    ("mem:16Gi", "mem", "error", "'memory:16Gi'", "memory"),
    ("memroy:16Gi", "memroy", "error", "'memory:16Gi'", "memory"),
    ("memory=16Gi", "=", "error", "'memory:16Gi'", "memory"),
    ("retry:2", "retry", "error", "'retries:2'", "retries"),
    ("time_out:2h", "time_out", "error", "'timeout:2h'", "timeout"),
    ("afetr:load", "afetr", "error", "'after:load'", "after"),
    ("depends-on:load", "depends-on", "error", "'after:load'", "after"),
    ("env: K=V", ": ", "error", "'env:K=V'", "env"),
    ("metrics:accuracy", "metrics", "error", "'metric:accuracy'", "metric"),
    ("paramters", "paramters", "warning", "'parameters'", None),
    ("Parameters", "Parameters", "warning", "'parameters'", None),
    ("parameter", "parameter", "warning", "'parameters'", None),
    ("params", "params", "warning", "'parameters'", None),
    ("set-up", "set-up", "warning", "'setup'", None),
    ("Setup", "Setup", "warning", "'setup'", None),
    ("skipp", "skipp", "warning", "'skip'", None),
    ("pipeline_parameters", "pipeline_parameters", "warning", "'pipeline-parameters'", None),
]


@pytest.mark.parametrize(("tag", "marked", "severity", "hint", "key"), NEARLY, ids=[row[0] for row in NEARLY])
def test_nearly_right_tags_are_caught(tag: str, marked: str, severity: str, hint: str, key: str | None) -> None:
    reading = read_tag(tag)
    assert reading.fault is not None
    assert (reading.fault.code, reading.fault.severity.value) == ("NB201", severity)
    assert hint in reading.fault.hint
    assert tag[reading.fault.start : reading.fault.end] == marked
    assert reading.key == key


FAULTY: list[tuple[str, str, str, str]] = [  # tag, code, what the caret marks, hint has
    ("memory:16G b", "NB220", "G b", "16G"),
    ("memory:16GB", "NB220", "GB", "16G"),
    ("memory:16gib", "NB220", "gib", "16Gi"),
    ("memory:16gi", "NB220", "gi", "16Gi"),
    ("memory:512mb", "NB220", "mb", "512M"),
    ("memory:64 kb", "NB220", " kb", "64Ki"),
    ("memory:lots", "NB220", "lots", "16Gi"),
    ("memory:-1Gi", "NB220", "-1Gi", "16Gi"),
    ("memory:16", "NB220", "16", "16Gi"),
    ("memory:16m", "NB220", "16m", "16Mi"),
    ("mem:16G b", "NB201", "mem", "16G"),
    ("disk:big", "NB220", "big", "unit"),
    ("cpu:four", "NB220", "four", "cpu:4"),
    ("cpu:4Gi", "NB220", "Gi", "cpu:4"),
    ("cpu:0", "NB220", "0", "cpu:4"),
    ("gpu:-1", "NB221", "-1", "gpu:1"),
    ("gpu:one", "NB221", "one", "gpu:1"),
    ("gpu:1.5", "NB221", "1.5", "gpu:1"),
    ("gpu:a100:1", "NB224", "a100", "nvidia.com/gpu"),
    ("gpu:nvidia.com/gpu:x", "NB221", "x", "gpu:1"),
    ("limit:nvidia.com/gpu:two", "NB221", "two", "gpu:1"),
    ("retries:two", "NB221", "two", "0 to 100"),
    ("retries:-1", "NB221", "-1", "0 to 100"),
    ("retries:1000", "NB221", "1000", "0 to 100"),
    ("timeout:soon", "NB222", "soon", "2h"),
    ("timeout:2 hours", "NB222", " hours", "2h"),
    ("timeout:90min", "NB222", "min", "90m"),
    ("timeout:30m1h", "NB222", "m1h", "30m"),
    ("timeout:0", "NB222", "0", "2h"),
    ("timeout:999999d", "NB222", "999999d", "2h"),
    ("cache:maybe", "NB225", "maybe", "cache:off"),
    ("env:K", "NB223", "K", "env:NAME=VALUE"),
    ("env:1K=V", "NB223", "1K", "env:NAME=VALUE"),
    ("env:A-B=V", "NB223", "A-B", "env:NAME=VALUE"),
    ("node:ssd", "NB223", "ssd", "KEY=VALUE"),
    ("node:disk type=ssd", "NB223", "disk type", "KEY=VALUE"),
    ("node:disktype=s s d", "NB223", "s s d", "KEY=VALUE"),
    ("image:foo bar", "NB224", " bar", "image:"),
    ("secret:a b", "NB224", "a b", "secret:"),
    ("each:1x", "NB224", "1x", "defines"),
    ("metric:class", "NB224", "class", "defines"),
    ("step:???", "NB203", "???", "step:load"),
    ("step:日本", "NB203", "日本", "step:load"),
    ("after:…", "NB203", "…", "step:load"),
    ("after:", "NB226", "after:", "after:load"),
    ("gpu:", "NB226", "gpu:", "gpu:1"),
]


@pytest.mark.parametrize(("tag", "code", "marked", "hint"), FAULTY, ids=[row[0] for row in FAULTY])
def test_faulty_values_are_errors(tag: str, code: str, marked: str, hint: str) -> None:
    reading = read_tag(tag)
    assert reading.fault is not None
    assert (reading.fault.code, reading.fault.severity.value) == (code, "error")
    assert tag[reading.fault.start : reading.fault.end] == marked
    assert hint in reading.fault.hint
    assert reading.key is None


@pytest.mark.parametrize("tag", ["gpu", "memory", "Step", "image", "after"])
def test_bare_keys_are_warned_about(tag: str) -> None:
    fault = read_tag(tag).fault
    assert fault is not None
    assert (fault.code, fault.severity.value) == ("NB226", "warning")


words = st.sampled_from(["step", "gpu", "memory", "Env", "after", "skip", "label", "limit", "stpe", "x"])
tags = st.text(max_size=20) | st.builds(
    "".join, st.tuples(words, st.sampled_from([":", "=", " ", ": "]), st.text(max_size=12))
)


@given(tags)
def test_any_tag_is_read(tag: str) -> None:
    reading = read_tag(tag)
    if reading.fault:
        assert reading.fault.code in CODES
        assert reading.fault.hint
        assert 0 <= reading.fault.start < reading.fault.end <= max(1, len(tag))
