"""The reference names each field, setting, exit code, event and tag that there is."""

from __future__ import annotations

from dataclasses import fields

import msgspec
import pytest
from docs.pages import REFERENCE, first_column, sections, words_in_code

from nb2flow.config import Settings
from nb2flow.errors import ExitCode
from nb2flow.flow.model import Parameter
from nb2flow.notebook.layout import SPLITS
from nb2flow.notebook.tags import _BARE, _KALE_KEYS
from nb2flow.notebook.values import READERS
from nb2flow.plan.model import Plan, PlanEdge, PlanStep
from nb2flow.profiles import Profile
from nb2flow.runs import events


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def named(text: str) -> set[str]:
    return {word for cell in first_column(text) for word in words_in_code(cell)}


def test_exit_codes() -> None:
    rows = [row for row in page("exit-codes.md").splitlines() if row.startswith("| ") and row[2].isdigit()]
    told = {int(cells[1]): cells[2].strip() for cells in (row.split("|") for row in rows)}
    assert told == {int(code): code.name for code in ExitCode}


def test_settings() -> None:
    names = {f.name for f in fields(Settings)} - {"root"}
    assert named(page("configuration.md")) == names
    assert all(f"`NB2FLOW_{name.upper()}`" in page("configuration.md") for name in names - {"profiles"})


def test_profiles() -> None:
    assert named(page("profiles.md")) == {f.name for f in fields(Profile)} - {"name"}


@pytest.mark.parametrize(
    ("section", "kind"), [("The document", Plan), ("Parameters", Parameter), ("Steps", PlanStep), ("Edges", PlanEdge)]
)
def test_plan(section: str, kind: type) -> None:
    there = (
        {f.name for f in fields(kind)}
        if kind is Parameter
        else set(msgspec.structs.fields(kind) and kind.__struct_fields__)
    )
    assert named(sections(page("plan.md"), 2)[section]) == there


def test_events() -> None:
    kinds = {kind.__struct_config__.tag: kind for kind in events.Event.__subclasses__()}
    described = sections(page("events.md"), 2)
    assert set(described) == set(kinds)
    for tag, kind in kinds.items():
        assert named(described[tag]) == set(kind.__struct_fields__) - {"at"}, tag


def test_failure() -> None:
    text = sections(page("events.md"), 2)["step-failed"]
    assert all(f"`{name}`" in text for name in events.Failure.__struct_fields__)


def test_tags() -> None:
    text = page("tags.md")
    words = {word.partition(":")[0] for word in named(text)}
    ours = (set(READERS) - {"annotation", "label"}) | {w for w, (_, kale) in _BARE.items() if not kale}
    kale = set(_KALE_KEYS) | {w for w, (_, kale) in _BARE.items() if kale}
    written_by_programs = {"injected-parameters", "nb2flow-injected", "skip-execution"}
    assert words == (ours | kale | set(SPLITS)) - written_by_programs
