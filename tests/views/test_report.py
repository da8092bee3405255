"""The report: one page, nothing fetched, nothing run, everything from the notebook escaped or cleaned."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from builders import DIAMOND, flow_of, plan_of, run_of
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.views.ansi_html import to_html
from nb2flow.views.notebook_html import TEXT_LIMIT, cleaned_html, render
from nb2flow.views.report import page

PIXEL = base64.b64encode(b"not really a png").decode()
EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>x</a>"
    "<iframe src='//e'></iframe>"
    "<svg onload=alert(4)></svg><style>body{display:none}</style><form action='//e'><input></form>"
    "<a href='data:text/html,<script>alert(5)</script>'>y</a><img src='https://e/track.png'><object data=e></object>"
    "<table onclick=alert(6)><tr><td>kept</td></tr></table>"
    "<math><mtext><style><img src=x onerror=alert(7)></style></math>"
)


class Reader(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(html)
    return reader.tags


def assert_harmless(html: str) -> None:
    for tag, attributes in tags_of(html):
        assert tag not in ("script", "iframe", "object", "embed", "form", "input", "link", "base"), tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name == "src":
                assert (value or "").startswith("data:image/"), value
            if name == "href":
                assert re.match(r"(https?:|mailto:|#)", value or "#"), value


def code(outputs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": "x", "metadata": {}, "execution_count": 1, "outputs": outputs} | more


def notebook() -> dict[str, Any]:
    data = {"text/html": EVIL, "text/plain": "df"}
    return {
        "cells": [
            {
                "cell_type": "markdown",
                "source": ["# Title\n", EVIL, "\n![p](https://e/x.png) [l](javascript:alert(8))"],
            },
            code([], metadata={"nb2flow": {"role": "load"}}, source="_nb2flow.load({})"),
            code([{"output_type": "execute_result", "data": data}]),
            code([{"output_type": "display_data", "data": {"image/png": PIXEL}}]),
            code([{"output_type": "display_data", "data": {"image/svg+xml": "<svg><script>alert(9)</script></svg>"}}]),
            code(
                [{"output_type": "display_data", "data": {"application/javascript": "alert(10)", "text/plain": "js"}}]
            ),
            code([{"output_type": "stream", "name": "stdout", "text": "0%\r99%\n<b>\x1b[31mred"}]),
            code([{"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[39m: <v>"]}]),
        ]
    }


def test_a_page_is_harmless_and_complete() -> None:
    state = run_of(
        plan_of(flow_of(*DIAMOND)),
        {"load": "succeeded", "fit-a": "succeeded", "fit-b": "failed", "best": "skipped"},
        status="failed",
        parameters={"name": "</table><script>alert(1)</script>"},
        versions={"python": "3.11"},
    )
    html = page(state, {"load": notebook(), "fit-b": notebook()}, "nb2flow <1>")
    assert_harmless(html)
    assert "default-src 'none'" in html
    assert not re.findall(r'(?:src|href)="?(?:https?:)?//', html)
    assert html.count("<main>") == 1
    for expected in ("ValueError: no rows", "Timeline", "kept", "added by nb2flow", "sample-abcd2345", "&lt;v&gt;"):
        assert expected in html
    ids = [a["id"] for _, a in tags_of(html) if a.get("id")]
    assert len(ids) == len(set(ids))


def test_outputs_show_their_best_harmless_form() -> None:
    html = render(notebook())
    assert f"data:image/png;base64,{PIXEL}" in html
    assert "data:image/svg+xml;base64," in html
    assert ">js<" in html
    assert "99%" in html
    assert "0%\r" not in html
    assert '<span class="an-red">red</span>' in html


@given(st.text("<>/='\" scriptonerjva:dx&#;!-", max_size=80))
def test_no_html_gets_through(text: str) -> None:
    assert_harmless(cleaned_html(EVIL + text))


@given(st.text())
def test_ansi_text_is_escaped(text: str) -> None:
    assert not [t for t, _ in tags_of(to_html(text)) if t != "span"]


@pytest.mark.parametrize("document", [{}, {"cells": None}, {"cells": [1, {"cell_type": "code"}, {"cell_type": "raw"}]}])
def test_odd_documents_do_not_break_the_page(document: dict[str, Any]) -> None:
    assert "<script" not in render(document)


def test_long_text_is_cut_and_said() -> None:
    html = render({"cells": [code([{"output_type": "stream", "name": "stdout", "text": "x" * (TEXT_LIMIT + 5000)}])]})
    assert len(html) < TEXT_LIMIT + 2000
    assert "5.0 kB left out here" in html
