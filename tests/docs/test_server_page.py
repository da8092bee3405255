"""The reference of the server names each route, status and code that there is."""

from __future__ import annotations

from docs.pages import REFERENCE, first_column, sections, words_in_code

from nb2flow.server import openapi
from nb2flow.server.routes import ROUTES

PAGE = (REFERENCE / "server.md").read_text()


def test_every_route_is_told() -> None:
    told = [word for cell in first_column(PAGE.split("\n## ")[0]) for word in words_in_code(cell)]
    assert sorted(told) == sorted(f"{r.method} {r.path}" for r in ROUTES)


def test_every_parameter_of_a_query_is_told() -> None:
    for route in ROUTES:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{route.method} {route.path}` |"))
        assert all(f"`{q.name}`" in row for q in route.query), row


def test_every_status_of_a_fault_is_told() -> None:
    told = set(first_column(sections(PAGE, 2)["When something is wrong"]))
    responses = openapi.document()["paths"]["/nb2flow/v1/runs"]["post"]["responses"]
    assert told == {status for status in responses if int(status) >= 400}
