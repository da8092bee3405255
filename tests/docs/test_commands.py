"""`docs/reference/commands.md` names every command and option there is, and no other; so do all command lines shown."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from docs.pages import REFERENCE, ROOT, options_in, options_of_help, pages, sections, typed_commands

from nb2flow.cli.main import COMMANDS, main

EVERYWHERE = {"-h", "--help", "--debug", "--version"}


def described() -> dict[str, str]:
    return sections((REFERENCE / "commands.md").read_text(), 2)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    try:
        main([command, "--help"])
    except SystemExit as left:  # argparse
        assert not left.code
    return options_of_help(capsys.readouterr().out)


def test_every_command_has_a_section_in_the_order_of_the_help() -> None:
    assert list(described()) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_described_are_the_options_there_are(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert options_in(described()[command]) == help_of(command, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usage_line_names_the_command(command: str) -> None:
    assert described()[command].lstrip().startswith(f"`nb2flow {command}")


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_command_lines_shown_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line}
    for line in typed_commands(page.read_text()):
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert {w for w in words if "=" not in w} <= targets, line
        if program != "nb2flow" or not words or words[0].startswith("-"):
            continue
        assert words[0] in COMMANDS, line
        given = {w.partition("=")[0] for w in words[1:] if w.startswith("-") and w != "-"}
        assert given - EVERYWHERE <= help_of(words[0], capsys), line
