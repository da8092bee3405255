"""`docs/reference/diagnostics.md` explains every code there is, and its examples bring about what they stand under."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from docs.pages import REFERENCE, ROOT, Block, blocks, sections

from nb2flow.cli.main import main
from nb2flow.environment.codes import CODES as ENVIRONMENT_CODES
from nb2flow.flow.codes import CODES as FLOW_CODES
from nb2flow.notebook.codes import CODES as NOTEBOOK_CODES

CODES = {**NOTEBOOK_CODES, **FLOW_CODES, **ENVIRONMENT_CODES}
# Paths or what is installed, not contents, bring these about; NB403 takes a contradiction that no notebook has shown
# yet.
NOT_BY_A_NOTEBOOK = {"NB100", "NB101", "NB102", "NB103", "NB403", "NB503", "NB504", "NB505", "NB507"}


def entries() -> dict[str, str]:
    return sections((REFERENCE / "diagnostics.md").read_text(), 3)


def example_of(text: str) -> Block | None:
    return next((b for b in blocks(text) if b.kind in ("cells", "file")), None)


def notebook_in_short(text: str) -> str:
    """The notebook that an example means: cells between `---`, a first line in brackets for the tags."""
    cells = []
    for number, part in enumerate(re.split(r"^---\n", text, flags=re.M)):
        head = re.match(r"\[(.*)\]\n", part)
        words = head[1].split(", ") if head else []
        kind = "markdown" if "markdown" in words else "code"
        tags = [word for word in words if word != "markdown"]
        source = part[head.end() :] if head else part
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {"tags": tags}, "source": source.rstrip("\n")}
        cells.append({**cell, "outputs": [], "execution_count": None} if kind == "code" else cell)
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def test_each_code_has_its_section_under_its_own_words() -> None:
    source = "".join(p.read_text() for p in (ROOT / "nb2flow").rglob("*.py"))
    told = set(re.findall(r'"(NB\d{3})"', source))
    titles = dict(title.split(": ", 1) for title in entries())
    assert set(titles) == told
    assert {code: titles[code] for code in CODES} == CODES


def test_all_codes_have_an_example_but_those_that_paths_bring_about() -> None:
    without = {title.partition(":")[0] for title, text in entries().items() if example_of(text) is None}
    assert without == NOT_BY_A_NOTEBOOK


@pytest.mark.parametrize("title", [title for title, text in entries().items() if example_of(text)])
def test_the_example_brings_it_about(title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = example_of(entries()[title])
    assert example is not None
    path = tmp_path / "example.ipynb"
    path.write_text(notebook_in_short(example.text) if example.kind == "cells" else example.text)
    code = title.partition(":")[0]
    command, key = ("env", "problems") if code in ENVIRONMENT_CODES else ("check", "diagnostics")
    main([command, str(path), "--json"])
    found = json.loads(capsys.readouterr().out)[key]
    assert code in [d["code"] for d in found]
    meant = next(d for d in found if d["code"] == code)
    said = entries()[title].lower().partition("what to do:")[0]
    assert f"*{meant['severity']}" in said, f"the page does not say that it is {meant['severity']}"


def test_a_path_to_nothing_and_a_folder_are_told_by_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, code in ((tmp_path / "none.ipynb", "NB101"), (tmp_path, "NB102")):
        assert main(["check", str(path), "--json"]) == 3
        assert [d["code"] for d in json.loads(capsys.readouterr().out)["diagnostics"]] == [code]
