"""Whether two cells gave the same: what counts as noise, what as a difference, and how the difference is told."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nb2flow.app.compare import different, judge, parts, plain


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {k.replace("_", "/", 1): v for k, v in data.items()}, "metadata": {}}


def png(colour: str, *, level: int, size: tuple[int, int] = (20, 20)) -> str:
    buffer = io.BytesIO()
    Image.effect_noise(size, 5).convert("RGB").save(buffer, "PNG") if colour == "noise" else Image.new(
        "RGB", size, colour
    ).save(buffer, "PNG", compress_level=level)
    return base64.b64encode(buffer.getvalue()).decode()


# What Plotly shows before the first figure of each kernel, and a figure: its values, and a page that is made from them.
LOADER = {"text/html": '        <script type="text/javascript">\n        window.PlotlyConfig = {};\n</script>'}


def figure(page: str, height: int = 1) -> dict[str, Any]:
    data = {"application/vnd.plotly.v1+json": {"data": [{"y": [height]}]}, "text/html": page}
    return {"output_type": "display_data", "data": data, "metadata": {}}


SAME: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([], []),
    ([figure("a")], [{"output_type": "display_data", "data": LOADER, "metadata": {}}, figure("b")]),
    ([stream("a\n"), stream("b\n")], [stream("a\nb\n")]),
    ([stream("a"), stream("w", "stderr"), stream("b")], [stream("w", "stderr"), stream("ab")]),
    ([stream("")], []),
    ([stream("<f at 0x7f001122aabb>")], [stream("<f at 0x55d0deadbeef>")]),
    ([stream("/tmp/ipykernel_12/345.py:3: W")], [stream("/tmp/ipykernel_99/678.py:3: W")]),
    ([stream("Wall time: 3.34 μs\n")], [stream("Wall time: 1min 4s\n")]),
    (
        [stream("a\nCPU times: user 1 s, sys: 2 ms, total: 1 s\n")],
        [stream("a\nCPU times: user 2 s, sys: 0 ns, total: 2 s\n")],
    ),
    (
        [stream("3.2 ms ± 1 µs per loop (mean ± std. dev. of 7 runs, 100 loops each)\n")],
        [stream("4 µs ± 0.1 ns per loop (mean ± std. dev. of 7 runs, 1,000 loops each)\n")],
    ),
    ([shown(text_plain=["a\n", "b"])], [shown(text_plain="a\nb")]),
    ([shown(text_html="<div id='sk-container-id-1'>")], [shown(text_html="<div id='sk-container-id-7'>")]),
    ([shown(text_html="<style>#T_1a2b3 {}</style>")], [shown(text_html="<style>#T_9f8e7 {}</style>")]),
    ([shown(application_json={"a": 1, "b": 2})], [shown(application_json={"b": 2, "a": 1})]),
    ([shown(image_png=png("red", level=0))], [shown(image_png=png("red", level=9))]),
    (
        [{"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": "1"}}],
        [{"output_type": "execute_result", "execution_count": 9, "data": {"text/plain": "1"}}],
    ),
    (
        [{"output_type": "error", "ename": "E", "evalue": "at 0x7f0011", "traceback": ["Cell In[3]"]}],
        [{"output_type": "error", "ename": "E", "evalue": "at 0x7fffff", "traceback": ["Cell In[9]"]}],
    ),
]
DIFFERENT: list[tuple[list[dict[str, Any]], list[dict[str, Any]], str]] = [
    ([stream("a\nb\n")], [stream("a\nc\n")], "stdout: line 2: notebook 'b', pipeline 'c'"),
    ([stream("a\n")], [stream("a\na\n")], "stdout: line 2: notebook '', pipeline 'a'"),
    ([stream("a")], [], "stdout is missing"),
    ([figure("a")], [figure("a", height=2)], "output 1 application/vnd.plotly.v1+json"),
    ([], [stream("w", "stderr")], "stderr is new: 'w'"),
    ([shown(text_plain="1")], [shown(text_plain="1.0")], "output 1 text/plain: line 1: notebook '1', pipeline '1.0'"),
    ([shown(image_png=png("red", level=0))], [shown(image_png=png("blue", level=0))], "the pictures differ"),
    ([shown(image_png="AAAA")], [shown(image_png="AAAB")], "the pictures differ"),
    ([shown(text_plain="1")], [shown(text_plain="1"), shown(text_plain="2")], "output 2 text/plain is new"),
    (
        [shown(text_plain="1")],
        [{"output_type": "error", "ename": "E", "evalue": "v"}],
        "output 1 text/plain is missing",
    ),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_the_same(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    assert different(parts(a), parts(b)) == ""


@pytest.mark.parametrize(("a", "b", "words"), DIFFERENT)
def test_different(a: list[dict[str, Any]], b: list[dict[str, Any]], words: str) -> None:
    assert words in different(parts(a), parts(b))
    assert different(parts(b), parts(a))


def test_long_words_are_compared_in_time_that_grows_with_their_length() -> None:
    word = "a" * 1_000_000  # a document's bytes as text: hours, if the pattern began at each of its letters
    assert plain(word + " /tmp/ipykernel_1/2.py") == word + " <cell>"


def test_verdicts() -> None:
    one, two = [stream("1")], [stream("2")]
    assert judge(3, "c", "s", [one, one], one).verdict == "equal"
    assert judge(3, "c", "s", [one, one], two).verdict == "differs"
    assert judge(3, "c", "s", [one, two], two).verdict == "nondeterministic"
    assert judge(3, "c", "s", [one, one, two], two).verdict == "nondeterministic"
    assert judge(3, "c", "s", [one, one, two], two).verdict == "nondeterministic"
    assert judge(3, "c", "s", [one, one], None).verdict == "missing"
    assert judge(3, "c", "", [one, one], None).verdict == "replayed"
    assert judge(3, "c", "", [[], []], None).verdict == "equal"


texts = st.text(st.characters(codec="utf-8"), max_size=20)
outputs = st.lists(
    st.builds(stream, texts, st.sampled_from(["stdout", "stderr"]))
    | st.builds(lambda t: shown(text_plain=t), texts)
    | st.builds(lambda a, b: {"output_type": "error", "ename": a, "evalue": b}, texts, texts),
    max_size=5,
)


@given(outputs, outputs)
def test_equality_is_reflexive_and_symmetric(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    assert different(parts(a), parts(a)) == ""
    assert bool(different(parts(a), parts(b))) == bool(different(parts(b), parts(a)))
