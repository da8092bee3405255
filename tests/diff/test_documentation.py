"""The reference names every option, and the options in the reference are there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from nb2flow.cli.diff_options import diff_parser, merge_parser, patch_parser
from nb2flow.cli.git_clean import parser as clean_parser
from nb2flow.diff.clean import PARTS

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "diff-commands.md").read_text(encoding="utf-8")
PARSERS = {
    "nbdiff": diff_parser("nbdiff"),
    "nbmerge": merge_parser("nbmerge"),
    "nbpatch": patch_parser("nbpatch"),
    "nb2flow clean": clean_parser(),
}


def section(title: str) -> str:
    """The text under the heading that starts with this title."""
    return re.split(r"^## ", REFERENCE.split(f"\n## {title}", 1)[1], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("title", PARSERS)
def test_every_option_is_in_the_reference(title: str) -> None:
    text = section(title)
    options = {
        name
        for action in PARSERS[title]._actions
        if action.help != argparse.SUPPRESS
        for name in action.option_strings
        if name not in ("-h", "--help")
    }
    assert {name for name in options if not re.search(rf"`{re.escape(name)}[` ]", text)} == set()
    mentioned = set(re.findall(r"^\| .*", text, flags=re.MULTILINE))
    written = {n for row in mentioned for n in re.findall(r"`(--?[a-zA-Z-]+)", row.split("|")[1])}
    assert written - options == set()


def test_the_parts_of_clean_are_in_the_reference() -> None:
    assert all(f"`{part}`" in section("nb2flow clean") for part in PARTS)
