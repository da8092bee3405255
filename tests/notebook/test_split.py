"""Headings found in Markdown, and the names that become of titles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb2flow.notebook.names import distance, dns_label, nearest, plain_title, title_label, unique
from nb2flow.notebook.split import headings

MARKDOWN = {
    "atx": ("# One\n## Two ##\n###### Six", [(1, "One"), (2, "Two"), (6, "Six")]),
    "no heading": ("#hashtag\n#\n####### seven\n    # code\ntext # not", []),
    "indented a little": ("   ## Load", [(2, "Load")]),
    "setext": ("Title\n=====\n\ntext\n\nPart\n----\n", [(1, "Title"), (2, "Part")]),
    "rules are not headings": ("text\n\n---\n\n- item\n---\n> quote\n===\n", []),
    "after a fence": ("```python\n# no\n```\n# yes", [(1, "yes")]),
    "longer fence": ("````\n```\n# no\n````\n# yes", [(1, "yes")]),
    "tilde fence never closed": ("~~~\n# no\n", []),
    "inline ticks are no fence": ("```x``` text\n# yes", [(1, "yes")]),
    "html": ('<h1 align="center">A <b>bold</b> title</h1>\n<H2>next</H2>', [(1, "A bold title"), (2, "next")]),
    "html over lines": ("<h2>\nLoad\nall\n</h2>", [(2, "Load all")]),
    "comment": ("<!-- # no\n# no -->\n# yes", [(1, "yes")]),
    "markup": ("## **Load** the [data](http://x.y) with `pd` $x$", [(2, "Load the data with pd x")]),
    "windows lines": ("# One\r\n\r\nTwo\r\n---\r\n", [(1, "One"), (2, "Two")]),
    "no title left": ("# ![](x.png)\n# **", []),
}


@pytest.mark.parametrize("case", MARKDOWN)
def test_headings(case: str) -> None:
    source, expected = MARKDOWN[case]
    assert [(h.level, h.title) for h in headings(source)] == expected


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Load the data", "load-the-data"),
        ("1. Load", "load"),
        ("2.1 Fit: models & co.", "fit-models-co"),
        ("Step 3", "step-3"),
        ("3", "3"),
        ("IV. Results", "results"),
        ("Été à Zürich", "ete-a-zurich"),
        ("What's new?", "whats-new"),
        ("日本", ""),
        ("A title that goes on and on and never comes to an end", "a-title-that-goes-on-and-on-and-never"),
        ("x" * 50, "x" * 40),
    ],
)
def test_names_of_titles(title: str, name: str) -> None:
    assert title_label(plain_title(title)) == name


def test_unique_names_stay_labels() -> None:
    assert unique("a", {"a", "a-2"}) == "a-3"
    long = "x" * 63
    assert unique(long, {long}) == "x" * 61 + "-2"


@given(st.text(max_size=80), st.integers(1, 63))
def test_labels_are_labels(text: str, limit: int) -> None:
    label = dns_label(text, limit)
    assert len(label) <= limit
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert label == label.strip("-")
    assert dns_label(label, limit) == label


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("lod", "load"),
        ("laod", "load"),
        ("LOAD", "load"),
        ("prepro", "preprocess"),
        ("xyz", None),
        ("a", None),
        ("", None),
    ],
)
def test_nearest(word: str, found: str | None) -> None:
    assert nearest(word, ["load", "preprocess", "b"]) == found


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_a_distance(a: str, b: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))
