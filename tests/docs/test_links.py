"""Links between pages lead somewhere; what the repository installs from names no address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from docs.pages import ROOT, anchors, pages, without_code

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"")


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(without_code(page.read_text())):
        link = found[1] or found[2]
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = (found[1] for found in LINK.finditer(without_code(page.read_text())) if found[1])
        waiting += [
            (page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link and link[0] != "#"
        ]
    assert set(pages()) <= reached


@pytest.mark.parametrize("name", ["dev", "demo"])
def test_the_lock_file_has_a_hash_for_all_and_an_address_for_none(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert not re.search(r"://|^\s*-(?!-hash)|@ ", re.sub(r"#.*", "", text), re.M)
    entries = re.split(r"^(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.M), flags=re.M)[1:]
    assert all(re.match(r"[a-z0-9._-]+==\S+", e) and "--hash=sha256:" in e for e in entries)
    locked = {e.partition("==")[0] for e in entries}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["samples"]]
    assert {re.split(r"[\[><=]", d)[0].lower() for d in declared} <= locked
