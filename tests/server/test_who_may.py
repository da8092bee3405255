"""Who may ask, from where, for which paths, and how much: every route, on a real server."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from jupyter_server_process import Jupyter, edited, notebook

from nb2flow.server.handlers import LARGEST_EDIT
from nb2flow.server.routes import ROUTES, Route

_TRIPLE = notebook(("step:load", "rows = [1, 2, 3]"), ("step:total", "print(sum(rows))"))
PATHS = (
    "../outside.ipynb",
    "a/../../outside.ipynb",
    "/../outside.ipynb",
    "./here.ipynb",
    "a//b.ipynb",
    "C:/windows.ipynb",
    "C:\\windows.ipynb",
    "..\\outside.ipynb",
    ".hidden/secret.ipynb",
    ".nb2flow/runs/x/source.ipynb",
    "null\0byte.ipynb",
    "notes.txt",
)


def example(route: Route) -> tuple[str, Any]:
    """A path and a body that the route would take, if there were such a run."""
    path = route.path.replace("{run}", "no-such-run").replace("{step}", "load")
    query = {"refs": "?path=x.ipynb", "compare": "?left=a&right=b"}
    bodies: dict[str, Any] = {
        "analyse": {"path": "x.ipynb", "revision": 1, "cells": edited(_TRIPLE)},
        "suggest": {"path": "x.ipynb", "cells": edited(_TRIPLE)},
        "start": {"path": "x.ipynb", "content": _TRIPLE},
        "rerun": {"step": "load", "what": "from"},
        "open": {"what": "inputs"},
        "diff": {"base": {"kind": "nothing"}, "remote": {"kind": "content", "content": _TRIPLE}},
    }
    return path + query.get(route.name, ""), bodies.get(route.name)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.name)
def test_nobody_gets_in_without_the_right_token(server: Jupyter, route: Route) -> None:
    path, body = example(route)
    for token in (None, "wrong"):
        answer = server.request(route.method, path, body, token=token)
        assert answer.status == 403, answer.body
        assert answer.json["code"] == "forbidden"
    assert server.request(route.method, path, body).status != 403


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method != "GET"], ids=lambda r: r.name)
def test_another_site_cannot_post_in_the_name_of_who_is_logged_in(server: Jupyter, route: Route) -> None:
    cookie = _logged_in(server)
    path, body = example(route)
    sent = {"Cookie": cookie, "Origin": "https://elsewhere.example", "Content-Type": "text/plain"}
    assert server.request(route.method, path, body, headers=sent, token=None).status in (403, 404)
    from_here = {"Cookie": cookie}  # the cookie alone: no token that another site could not know
    assert server.request(route.method, path, body, headers=from_here, token=None).status == 403


def _logged_in(server: Jupyter) -> str:
    """The cookies of a browser that came with the token in the address."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", f"{server.base}lab?token={server.token}")
    response = connection.getresponse()
    response.read()
    return "; ".join(value.split(";")[0] for key, value in response.getheaders() if key.lower() == "set-cookie")


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_root_or_to_what_is_hidden(server: Jupyter, path: str) -> None:
    (server.root.parent / "outside.ipynb").write_text(json.dumps(_TRIPLE))
    bodies = {
        "/analyse": {"path": path, "revision": 1, "cells": edited(_TRIPLE)},
        "/suggest": {"path": path, "cells": edited(_TRIPLE)},
        "/runs": {"path": path, "content": _TRIPLE},
        "/diff": {"base": {"kind": "path", "path": path}, "remote": {"kind": "nothing"}},
    }
    for route, body in bodies.items():
        answer = server.post(route, body)
        assert answer.status in (400, 404), (route, answer.body)
        assert answer.json["message"]
    git = server.post("/diff", {"base": {"kind": "git", "path": path}, "remote": {"kind": "nothing"}})
    assert git.status in (400, 404)


@pytest.mark.parametrize("run", ["..", "%2e%2e", "..%2f..%2fetc", "A", "-x", "x" * 70, "%00"])
def test_the_name_of_a_run_is_a_name(server: Jupyter, run: str) -> None:
    for route in ("", "/events", "/report", "/steps/load/log", "/steps/load/notebook"):
        assert server.request("GET", f"/runs/{run}{route}").status in (400, 404, 422)
    assert server.request("DELETE", f"/runs/{run}").status in (400, 404, 422)


@pytest.mark.parametrize("ref", ["--output=/tmp/x", "-h", "HEAD:x", "HEAD x", "$(id)", "", "..", "\n", "@{-1}:"])
def test_a_revision_is_never_an_option_or_a_command(server: Jupyter, ref: str) -> None:
    answer = server.post(
        "/diff", {"base": {"kind": "git", "path": "x.ipynb", "ref": ref}, "remote": {"kind": "nothing"}}
    )
    assert answer.status in (400, 422)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"path": 3}', b'\xff\xfe{"', b'{"path":"x.ipynb","revision":1,"cells":[],"more":1}',
     b'{"path":"x.ipynb","revision":1e400,"cells":[]}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_request_is_told_so(server: Jupyter, body: bytes) -> None:
    for route in ("/analyse", "/suggest", "/runs", "/diff"):
        answer = server.request("POST", route, raw=body)
        assert answer.status == 400, answer.body
        assert answer.json["code"] == "malformed"
        assert answer.json["message"]


def test_a_notebook_that_is_too_large_is_refused_with_advice(server: Jupyter) -> None:
    huge = {**_TRIPLE, "metadata": {"filler": "x" * 101_000_000}}
    answer = server.post("/runs", {"path": "huge.ipynb", "content": huge})
    assert (answer.status, answer.json["code"]) == (413, "too-large")
    assert "outputs" in answer.json["hint"]
    edit = server.request("POST", "/analyse", raw=b" " * (LARGEST_EDIT + 1))
    assert edit.status == 413


def test_other_methods_and_other_paths_are_refused_in_the_same_form(server: Jupyter) -> None:
    assert server.request("GET", "/analyse").status == 405
    assert server.request("PUT", "/runs").json["code"] == "method"
    assert server.get("/nothing").json["code"] == "not-found"


def test_a_folder_that_is_not_there_is_named(server: Jupyter) -> None:
    answer = server.post("/analyse", {"path": "gone/x.ipynb", "revision": 1, "cells": edited(_TRIPLE)})
    assert answer.status == 404
    assert "gone" in answer.json["message"]


def test_symbolic_links_do_not_lend_a_notebook_of_elsewhere_to_git(server: Jupyter, tmp_path: Path) -> None:
    (tmp_path / "there.ipynb").write_text(json.dumps(_TRIPLE))
    link = server.root / "link.ipynb"
    link.symlink_to(tmp_path / "there.ipynb")
    answer = server.post("/diff", {"base": {"kind": "git", "path": "link.ipynb"}, "remote": {"kind": "nothing"}})
    assert answer.status == 422  # git looks in the link's own folder, where there is no repository
