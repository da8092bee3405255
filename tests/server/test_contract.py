"""The contract between server and front end: one table of routes, and everything else made from it."""

from __future__ import annotations

import re
from pathlib import Path

from nb2flow.server import openapi, typescript
from nb2flow.server.routes import PREFIX, ROUTES

ROOT = Path(__file__).parents[2]


def test_the_front_end_has_the_types_of_the_structs() -> None:
    written = (ROOT / "labextension" / "src" / "api.ts").read_text(encoding="utf-8")
    assert written == typescript.text(), "`make api` writes the types anew"


def test_every_type_that_is_named_is_defined() -> None:
    text = re.sub(r"/\*\*.*?\*/|'[^']*'", "", typescript.text(), flags=re.S)
    defined = set(re.findall(r"^export interface (\w+)", text, re.M))
    used = set(re.findall(r"\b[A-Z]\w+", re.sub(r"^//.*$", "", text, flags=re.M))) - {"Record"}
    assert used <= defined


def test_the_document_has_every_route_once() -> None:
    document = openapi.document()
    told = [(path, method) for path, item in document["paths"].items() for method in item]
    assert sorted(told) == sorted((PREFIX + r.path, r.method.lower()) for r in ROUTES)
    names = [r.name for r in ROUTES]
    assert len(set(names)) == len(names)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi.document()
    found = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert found and found <= set(document["components"]["schemas"])
