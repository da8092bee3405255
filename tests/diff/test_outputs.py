"""Outputs by kind: errors, widgets, JSON, images of every filter, noise inside of them, and which belong together."""

from __future__ import annotations

import random

import pytest
from diff.making import changes, code, compare, error, md, nb, png, result, stream

from nb2flow.diff import images
from nb2flow.diff.noise import WIDGET_VIEW, settled
from nb2flow.diff.show import as_text, terminal, words
from nb2flow.diff.show.page import render_page


def told(old: list[dict[str, object]], new: list[dict[str, object]]) -> list[str]:
    """The headlines of what changed in the outputs of one cell."""
    found = compare(nb(code("x", *old)), nb(code("x", *new)))
    return [words.output_headline(o) for c in found.cells for o in c.outputs]


def noise(old: list[dict[str, object]], new: list[dict[str, object]]) -> str:
    """The noise, when there is no other change."""
    found = compare(nb(code("x", *old)), nb(code("x", *new)))
    assert not found.changed
    return words.noise_line(found.noise)


def test_errors() -> None:
    a, b = error("ValueError", "no wine", "line 1"), error("KeyError", "'wine'", "line 1")
    assert told([a], [b]) == ["output 1 (KeyError) changed: ValueError: no wine → KeyError: 'wine'"]
    assert told([a], [error("ValueError", "no wine", "line 2")])[0].endswith("with another traceback")
    assert told([stream("1\n")], [a]) == ["output 1 (stdout) removed", "output 1 (ValueError) added"]


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<video autoplay loop><source src='x.mp4' type='video/mp4'></video>", True),
        ("<div id='plot'></div><script>draw()</script>", True),
        ("<video src='x.mp4'></video><p>A film</p>", False),
        (f"<img src='data:image/png;base64,{png(2, 2, bytes(12))}'>", False),
    ],
)
def test_html_of_which_nothing_may_be_shown_is_told_on_the_page(html: str, said: bool) -> None:
    page = render_page([compare(nb(code("x")), nb(code("x"), code("y", result(1, text_html=html))))])
    assert ("left out here" in page) is said


def test_pictures_and_sounds_inside_of_html_are_not_shown_letter_by_letter() -> None:
    def page(letter: str) -> dict[str, object]:
        return result(1, text_html=f'<audio>\n<source src="data:audio/wav;base64,{letter * 400}">\n</audio>')

    found = compare(
        nb(code("x", page("A")), md("text")), nb(code("x", page("B")), md(f"![](data:;base64,{'C' * 400})"))
    )
    shown = list(terminal.render(found, terminal.Style()))
    assert [line for line in shown if line.startswith(("    - ", "    + "))] == [
        '    - <source src="data:audio/wav;base64,…0f68fa18">',
        '    + <source src="data:audio/wav;base64,…950acc14">',
    ]
    assert not [line for line in shown if "AAAA" in line or "BBBB" in line or "CCCC" in line]
    assert "AAAA" not in "".join(as_text.render(found.base))
    assert render_page([found]).count("B" * 400) <= 1  # at most where it is to be heard


def test_streams_written_in_pieces_are_one_output() -> None:
    assert told([stream("a\n"), stream("b\n")], [stream("a\nb\n")]) == []
    assert told([stream("a\n", "stderr")], [stream("a\n")]) == ["output 1 (stderr) removed", "output 1 (stdout) added"]


def test_an_added_output_leaves_the_others_alone() -> None:
    a, b, c = stream("a\n"), result(1, text_plain="1"), result(2, text_plain="2")
    assert told([b, c], [a, b, c]) == ["output 1 (stdout) added"]


@pytest.mark.parametrize(
    "texts",
    [
        ("<Axes at 0x7f12345678>", "<Axes at 0x7f87654321>"),
        ('<div id="4d4c9ef1-3bb9-4b6c-8f43-93f4f3f1a111">', '<div id="0aa6a5c2-3bb9-4b6c-8f43-93f4f3f1a999">'),
        ("/tmp/ipykernel_11/22.py:3: FutureWarning", "/tmp/ipykernel_91/28.py:3: FutureWarning"),
        ('<table id="T_1a2b3"><td id="T_1a2b3_row0">', '<table id="T_9f8e7"><td id="T_9f8e7_row0">'),
    ],
)
def test_addresses_and_random_ids_are_noise(texts: tuple[str, str]) -> None:
    a, b = (result(1, text_html=t) for t in texts)
    assert noise([a], [b]) == "memory addresses and random ids changed (1 cell)"


def test_widgets_are_noise_but_for_their_text() -> None:
    def widget(model: str, text: str) -> dict[str, object]:
        data = {WIDGET_VIEW: {"model_id": model, "version_major": 2}, "text/plain": text}
        return {"output_type": "display_data", "data": data, "metadata": {}}

    assert noise([widget("a1", "IntSlider()")], [widget("b2", "IntSlider()")]) == "widget state changed (1 cell)"
    assert len(told([widget("a1", "IntSlider(1)")], [widget("b2", "IntSlider(2)")])) == 1


def test_json_tells_its_values() -> None:
    def figure(y: int) -> dict[str, object]:
        data = {"application/vnd.plotly.v1+json": {"data": [{"type": "bar"}], "layout": {"height": y}}}
        return {"output_type": "display_data", "data": data, "metadata": {}}

    found = compare(nb(code("x", figure(1))), nb(code("x", figure(2)))).cells[0].outputs[0]
    assert words.detail_lines(found.parts[0]) == ["layout/height: 1 → 2"]


def test_a_representation_more_or_less_is_told_with_its_size() -> None:
    a, b = result(1, text_plain="1"), result(1, text_plain="1", text_html="<b>1</b>")
    assert told([a], [b]) == ["output 1 (text/html) changed: text/html added (8 B)"]


@pytest.mark.parametrize("filters", ["none", "sub", "up", "average", "paeth", "mixed"])
def test_pixels_are_counted_whatever_the_filter(filters: str) -> None:
    chance = random.Random(filters)
    width, height = 31, 23
    pixels = bytearray(chance.randbytes(3 * width * height))
    other = bytearray(pixels)
    changed = chance.sample(range(width * height), 50)
    for k in changed:
        other[3 * k + chance.randrange(3)] ^= 1 << chance.randrange(8)
    names = ["none", "sub", "up", "average", "paeth"]
    kinds = bytes(names.index(filters) if filters in names else chance.randrange(5) for _ in range(height))
    a, b = png(width, height, bytes(pixels), kinds), png(width, height, bytes(other), kinds)
    found, spent = images.compare(a, b)
    assert found.share == 50 / (width * height)
    assert spent > 0
    assert images.compare(a, png(width, height, bytes(pixels)))[0].share == 0


def test_a_budget_bounds_the_counting_and_damage_is_borne() -> None:
    a, b = png(20, 20, bytes(1200), bytes([4] * 20)), png(20, 20, b"\x01" * 1200, bytes([4] * 20))
    assert images.compare(a, b, 10)[0].share is None
    assert images.compare(a, b)[0].share == 1.0
    for text in ("", "no base64!", a[:60], a[:-40]):
        found, _ = images.compare(text, b)
        assert found.share is None
        assert found.new == images.Image(20, 20, len(images.decode(b)))


def test_sizes_of_jpeg_and_gif() -> None:
    gif = b"GIF89a" + (7).to_bytes(2, "little") + (5).to_bytes(2, "little")
    assert images.measure(gif)[:2] == (7, 5)
    jpeg = (
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + (5).to_bytes(2, "big") + (7).to_bytes(2, "big") + bytes(10)
    )
    assert images.measure(jpeg)[:2] == (7, 5)


def test_outputs_of_a_modified_cell_are_told_too() -> None:
    a, b = nb(code("x = 1\nx", result(1, text_plain="1"))), nb(code("x = 2\nx", result(1, text_plain="2")))
    assert changes(a, b) == ["modified 0→0"]
    assert compare(a, b).summary.outputs_changed == 1


def test_random_marks_are_settled_around_embedded_files_but_not_inside_them() -> None:
    sound = "data:audio/wav;base64," + "0xabcdef12/" * 40
    text = f"<x at 0x7f12345678> <source src='{sound}'> <y at 0x7f12345678>"
    assert settled(text) == f"<x at …> <source src='{sound}'> <y at …>"
    assert settled(text.replace(sound, "sound")) == "<x at …> <source src='sound'> <y at …>"


def a_map(number: int, lake: str) -> dict[str, object]:
    """A map as Folium writes it: a frame with a page in it, all names random."""
    name = f"{number:032x}"
    drawn = "".join(f"var marker_{name} = L.marker([{k}.5, 3.1]).addTo(map_{name});\n" for k in range(40))
    inner = f"&lt;script src=&quot;https://cdn/leaflet.js&quot;&gt;\n{drawn}// {lake}\n&lt;/script&gt;"
    return result(1, text_html=f'<div><iframe srcdoc="{inner}"></iframe></div>', text_plain="<folium.Map object>")


def test_maps_are_told_by_their_size_and_their_random_names_are_noise() -> None:
    assert noise([a_map(1, "Garda")], [a_map(2, "Garda")]) == "memory addresses and random ids changed (1 cell)"
    found = compare(nb(code("x", a_map(1, "Garda"))), nb(code("x", a_map(2, "Como"))))
    shown = list(terminal.render(found, terminal.Style()))
    assert shown[-1] == "  output 1 (text/html) changed: 4.6 kB → 4.6 kB of HTML with scripts or frames"
    whole = list(terminal.render(found, terminal.Style(outputs=None)))
    assert "    - // Garda" in whole
    assert told([result(1, text_html="<p>a</p>\n<script></script>")], [result(1, text_html="<p>b</p>")]) == [
        "output 1 (text/html) changed"
    ]
