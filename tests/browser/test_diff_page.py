"""The page that `nbdiff --html` writes, opened from its file: no server stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from diff.making import code, compare, md, nb, png, result
from playwright.sync_api import Page, expect

from nb2flow.diff.show.page import render_page

_WIDE = "<table><tr>" + "<td>a rather wide column</td>" * 40 + "</tr></table>"


def _plot(dark: int) -> str:
    """A white picture with a bar of so many dark columns."""
    row = b"\x20\x40\x80" * dark + b"\xff\xff\xff" * (120 - dark)
    return png(120, 60, row * 60)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A page with a changed picture, a wide table, long lines, and cells that stayed."""
    same = [code(f"step_{k} = {k}") for k in range(3)]
    old = nb(
        md("# Wines\n\nOld *words*."),
        *same,
        code("plot(4)", result(1, image_png=_plot(40))),
        code("x = " + "1 + " * 99),
        kernelspec={"name": "python3", "display_name": "env" * 40},
    )
    new = nb(
        md("# Wines\n\nNew *words*."),
        *same,
        code("plot(4)", result(1, image_png=_plot(90))),
        code("x = " + "2 + " * 99, result(2, text_html=_WIDE)),
        code("plot(9)", result(3, image_png=png(900, 30, b"\x20\x40\x80" * 900 * 30))),
        kernelspec={"name": "python3", "display_name": "venv" * 40},
    )
    place = tmp_path / "page.html"
    place.write_text(render_page([compare(old, new)]), encoding="utf-8")
    return place


def test_the_swipe_folds_and_themes(page: Page, written: Path) -> None:
    page.goto(written.as_uri())
    page.get_by_text("swipe", exact=True).click()
    box = page.locator(".swipe")
    top, bar, handle = box.locator(".top"), box.locator(".bar"), box.get_by_label("swipe")
    for k in (0, 1):
        expect(box.locator("img").nth(k)).to_have_js_property("naturalWidth", 120)
    expect(top).to_have_css("clip-path", "inset(0px 50% 0px 0px)")
    handle.focus()
    handle.press("Home")
    expect(top).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    handle.fill("20")
    expect(top).to_have_css("clip-path", "inset(0px 80% 0px 0px)")
    pictures = [box.locator("img").nth(k).bounding_box() for k in (0, 1)]
    assert pictures[0] == pictures[1]  # one lies on the other, pixel for pixel
    place, whole = bar.bounding_box(), box.bounding_box()
    assert place and whole and abs(place["x"] - whole["x"] - whole["width"] / 5) < 2

    down = whole["y"] + 20
    page.mouse.move(whole["x"] + 0.9 * whole["width"], down)
    page.mouse.down()
    page.mouse.move(whole["x"] + 0.6 * whole["width"], down, steps=3)
    page.mouse.move(whole["x"] + 0.4 * whole["width"], down, steps=3)  # over the other picture
    page.mouse.up()
    page.mouse.move(whole["x"] + 0.1 * whole["width"], down)
    expect(handle).to_have_value("40")
    expect(top).to_have_css("clip-path", "inset(0px 60% 0px 0px)")

    kept = page.get_by_text("step_1 = 1")
    expect(kept).to_be_hidden()
    page.get_by_role("button", name="Unfold unchanged").click()
    expect(kept).to_be_visible()
    page.get_by_role("button", name="Unfold unchanged").click()
    expect(kept).to_be_hidden()

    light, dark = "rgb(255, 255, 255)", "rgb(13, 17, 23)"
    for scheme, own, other in (("light", light, dark), ("dark", dark, light)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.reload()
        expect(page.locator("body")).to_have_css("background-color", own)
        page.get_by_role("button", name="Light or dark").click()
        expect(page.locator("body")).to_have_css("background-color", other)


@pytest.mark.parametrize("width", [400, 800, 1280])
def test_nothing_makes_the_page_wider_than_the_window(page: Page, written: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(written.as_uri())
    page.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true }")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    picture = page.get_by_alt_text("image/png").last
    box = picture.bounding_box()
    assert box and box["x"] + box["width"] <= width  # shrunk, not cut
    expect(picture).to_have_css("background-color", "rgb(255, 255, 255)")  # plots have black letters on nothing
