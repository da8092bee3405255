"""The table of what a person would say about two versions, one test a row, each with its own notebooks."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import pytest
from diff.making import changes, code, compare, doc, dump, md, nb, numbered, png, result, stream

from nb2flow.diff.document import reads
from nb2flow.diff.edits import nbdime_edits
from nb2flow.diff.match import match
from nb2flow.diff.merge import merge
from nb2flow.diff.noise import WIDGET_STATE
from nb2flow.diff.outputs import TablePart
from nb2flow.diff.show import terminal, words
from nb2flow.diff.show.page import render_page
from nb2flow.errors import NotebookError

LOAD = "import pandas as pd\ndf = pd.read_csv('wines.csv')\ndf.shape"
CLEAN = "df = df.dropna()\ndf['ratio'] = df.alcohol / df.sugar"
FIT = "from sklearn.linear_model import Ridge\nmodel = Ridge(alpha=0.1)\nmodel.fit(df[['ratio']], df.quality)"
SHOW = "print(model.score(df[['ratio']], df.quality))"
PLOT = "df.plot.scatter(x='ratio', y='quality', figsize=(8, 4))"


def positional(*sources: str) -> dict[str, Any]:
    return nb(*(code(s, id=f"cell-{k}") for k, s in enumerate(sources)))


def test_a_cell_inserted_at_the_top_with_positional_ids_is_one_added() -> None:
    assert changes(positional(LOAD, CLEAN, FIT), positional("# set-up", LOAD, CLEAN, FIT)) == ["added 0"]


def test_an_insertion_and_an_edit_with_positional_ids() -> None:
    edited = FIT.replace("0.1", "0.5")
    assert changes(positional(LOAD, CLEAN, FIT), positional("%matplotlib inline", LOAD, CLEAN, edited)) == [
        "added 0",
        "modified 2→3",
    ]


def test_a_moved_cell_is_moved() -> None:
    a = nb(code(LOAD), code(CLEAN), code(FIT), code(SHOW))
    b = nb(code(CLEAN), code(FIT), code(SHOW), code(LOAD))
    assert changes(a, b) == ["moved 0→3"]


def test_a_moved_block_is_moved() -> None:
    a = nb(code(LOAD), code(CLEAN), md("## Model"), code(FIT), code(SHOW), code(PLOT))
    b = nb(md("## Model"), code(FIT), code(LOAD), code(CLEAN), code(SHOW), code(PLOT))
    assert sorted(changes(a, b)) in (["moved 2→0", "moved 3→1"], ["moved 0→2", "moved 1→3"])


def test_a_cell_moved_and_edited_is_both() -> None:
    a = nb(code(LOAD), code(CLEAN), code(FIT), code(SHOW), code(PLOT))
    b = nb(code(CLEAN), code(FIT), code(SHOW), code(PLOT), code(LOAD.replace("wines", "beers")))
    found = compare(a, b)
    assert [c.kind for c in found.cells if c.kind != "unchanged"] == ["moved-modified"]
    assert words.summary(found.summary) == "1 cell moved and edited"
    some = found.summary._replace(moved=3)
    assert words.summary(some) == "cells: 3 moved (1 of them edited)"


def test_of_two_cells_that_changed_places_the_edited_one_moved() -> None:
    old, new = (
        "The data map in Atlas will look something like this:",
        "Your map in Atlas will look something like this:",
    )
    heading = "## Example 2: Visualizing MNIST Model training"
    a, b = nb(code(LOAD), md(old), md(heading), code(PLOT)), nb(code(LOAD), md(heading), md(new), code(PLOT))
    assert changes(a, b) == ["moved-modified 1→2"]


def test_one_cell_split_in_three() -> None:
    a = nb(md("# Wines"), code(f"{LOAD}\n{CLEAN}\n{SHOW}"), code(PLOT))
    b = nb(md("# Wines"), code(LOAD), code(CLEAN), code(SHOW), code(PLOT))
    assert changes(a, b) == ["split 1→1,2,3"]


def test_the_lines_that_a_split_or_a_merge_keeps_are_shown_as_kept() -> None:
    whole = nb(code(f"{LOAD}\n\n{CLEAN}\n{SHOW}"))
    parts = nb(code(LOAD.replace("shape", "size")), code(CLEAN), code(SHOW))
    shown = list(terminal.render(compare(whole, parts), terminal.Style()))[4:]
    kept = [f"  {line}" for line in (*LOAD.split("\n")[:-1], *CLEAN.split("\n"), SHOW)]
    head = "@@ cell 1 split into 1+2+3 (code)"
    assert shown == [head, *kept[:2], "- df.shape", "- ", "+ df.size", "+ ────", *kept[2:4], "+ ────", kept[4]]
    shown = list(terminal.render(compare(parts, whole), terminal.Style()))[4:]
    assert shown[0] == "@@ cells 1+2+3 merged into 1 (code)"
    assert [line for line in shown[1:] if line.startswith("  ")] == kept
    assert shown.count("- ────") == 2
    assert not {"- df.size", "+ df.shape"} - set(shown)
    assert render_page([compare(whole, parts)]).count(f"<div>  {escape(SHOW)}</div>") == 1


def test_a_split_with_a_new_text_between_the_parts() -> None:
    a = nb(code(f"{LOAD}\n{CLEAN}"), code(PLOT))
    b = nb(code(LOAD), md("Rows with holes go."), code(CLEAN), code(PLOT))
    assert sorted(changes(a, b)) == ["added 1", "split 0→0,2"]


def test_three_cells_merged_into_one() -> None:
    a = nb(md("# Wines"), code(LOAD), code(CLEAN), code(SHOW), code(PLOT))
    b = nb(md("# Wines"), code(f"{LOAD}\n\n{CLEAN}\n\n{SHOW}"), code(PLOT))
    assert changes(a, b) == ["merged 1,2,3→1"]


def test_cells_merged_into_one_in_which_a_line_was_edited() -> None:
    a = numbered(nb(md("# Wines"), code(LOAD), code(FIT), code(PLOT)))
    b = numbered(nb(md("# Wines"), code(f"{LOAD}\n\n{FIT.replace('0.1', '0.5')}"), code(PLOT)))
    b["cells"][2]["id"] = a["cells"][3]["id"]
    assert changes(a, b) == ["merged 1,2→1"]
    short = "rng = np.random.default_rng(3)\nsample = rng.normal(2.0, 0.5, size=4000)"
    a, b = nb(code(LOAD), code(short)), nb(code(f"{LOAD}\n\n{short.replace('4000', '8000')}"))
    assert changes(a, b) == ["merged 0,1→0"]


def test_texts_merged_around_a_table_that_was_written_anew() -> None:
    opening = "## Pros and cons\n\nHere is a summary of what we have discussed above:"
    closing = (
        "On balance, these functions can make things more confusing for beginners.\n\n"
        "The tutorial uses them where the figures are clearer, but we do not recommend them all."
    )
    table = "* Advantages\n    - Easy faceting by variables\n    - Legend outside\n"
    table += "* Drawbacks\n    - Many parameters\n    - Figures of other sizes than wanted"
    a = nb(md("# Title"), md(opening), code("HTML('<table><tr><td>Easy</td></tr></table>')"), md(closing))
    b = nb(md("# Title"), md(f"{opening}\n\n{table}\n\n{closing}"))
    assert sorted(changes(a, b)) == ["merged 1,3→1", "removed 2"]


def test_a_renamed_variable_is_a_modification() -> None:
    assert changes(nb(code("x = 10")), nb(code("threshold = 10"))) == ["modified 0→0"]
    a, b = nb(code(LOAD), code("x = 10"), code(SHOW)), nb(code(LOAD), code("threshold = 10"), code(SHOW))
    assert changes(a, b) == ["modified 1→1"]


def test_a_title_that_got_a_paragraph_is_modified() -> None:
    a = nb(md("# Iris"), code(LOAD), md("## Model"), code(FIT))
    b = nb(
        md("# Iris\n\nSee the video first, then try the exercises by yourself."), code(LOAD), md("## Model"), code(FIT)
    )
    assert changes(a, b) == ["modified 0→0"]


def test_a_cell_that_became_another_is_removed_and_added() -> None:
    a, b = nb(code(LOAD), code(FIT), code(SHOW)), nb(code(LOAD), md("Some words on tasting."), code(SHOW))
    assert sorted(changes(a, b)) == ["added 1", "removed 1"]


def test_repeated_small_cells_do_not_move() -> None:
    a = nb(code(LOAD), code("df.head()"), code(CLEAN), code("df.head()"), code(FIT), code(""), code(SHOW))
    b = nb(code(LOAD), code(CLEAN), code("df.head()"), code(FIT), code(""), code(SHOW), code("df.head()"))
    assert sorted(changes(a, b)) == ["added 6", "removed 1"]


def test_regenerated_ids_are_one_line() -> None:
    plain = nb(code(LOAD), code(CLEAN), code(SHOW))
    found = compare(numbered(plain, "a"), numbered(plain, "b"))
    assert not found.changed
    assert words.noise_line(found.noise) == "cell ids changed (3 cells)"


def test_ids_added_by_the_format_are_noise() -> None:
    plain = nb(code(LOAD), code(CLEAN), code(SHOW), minor=4)
    found = compare(plain, {**numbered(plain), "nbformat_minor": 5})
    assert not found.changed
    assert words.noise_line(found.noise) == "cell ids changed (3 cells), format version 4.4 → 4.5"


def test_cells_of_version_1_are_read_although_the_file_does_not_say_its_version() -> None:
    def file(text: str) -> dict[str, Any]:
        return {"cells": [{"cell_type": "text", "text": "<h1>T</h1>"}, {"cell_type": "code", "code": text}]}

    a, b = file("%load_ext sympyprinting\nx = 1"), file("%load_ext sympy_printing\nx = 1")
    assert changes(a, b) == ["modified 1→1"]
    edits = nbdime_edits(doc(a), doc(b), match(doc(a).cells, doc(b).cells))
    assert [[inner["key"] for inner in e["diff"]] for e in edits[0]["diff"]] == [["source"]]
    assert doc({"cells": [code("x = 1"), code("y")]}).format == (4, 0)


def test_an_upgrade_from_version_3_changes_no_cell() -> None:
    old = {
        "metadata": {"name": "wines"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Wines"]},
                    {"cell_type": "markdown", "metadata": {}, "source": ["Some *text*"]},
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["x = 1\n", "x"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [{"output_type": "pyout", "prompt_number": 1, "text": ["1"], "metadata": {}}],
                        "prompt_number": 1,
                    },
                ],
            }
        ],
    }
    new = nb(md("## Wines"), md("Some *text*"), code("x = 1\nx", result(1, text_plain="1"), count=1), minor=0)
    found = compare(old, new)
    assert not found.changed
    assert "format version 3.0 → 4.0" in words.noise_line(found.noise)


COLAB = {
    "id": "AbCdEf",
    "colab": {"base_uri": "https://localhost/"},
    "outputId": "0f1-2",
    "executionInfo": {"elapsed": 3},
}
NOISY = [
    COLAB,
    {"ExecuteTime": {"start_time": "2024-01-01T10:00:00", "end_time": "2024-01-01T10:00:01"}},
    {"execution": {"iopub.execute_input": "2024-01-01T10:00:00.000000Z"}},
    {"vscode": {"languageId": "python"}},
    {"papermill": {"duration": 0.01, "status": "completed"}},
    {"collapsed": True, "scrolled": True},
    {"jupyter": {"outputs_hidden": True}},
    {"_uuid": "d629ff2d2480ee46fbb7e2d37f6b5fab8052498a", "_cell_guid": "79c7e3d0-c299-4dcb-8224-4455121ee9b0"},
]


@pytest.mark.parametrize("noise", NOISY, ids=lambda n: next(iter(n)))
def test_what_editors_write_is_one_folded_line(noise: dict[str, Any]) -> None:
    found = compare(nb(code(LOAD), code(SHOW)), nb(code(LOAD, **noise), code(SHOW, **noise)))
    assert not found.changed
    assert words.noise_line(found.noise).endswith("changed (2 cells)")


def test_execution_counts_are_noise_in_cells_and_outputs() -> None:
    a = nb(code(SHOW, result(1, text_plain="0.5"), count=1))
    b = nb(code(SHOW, result(7, text_plain="0.5"), count=7))
    found = compare(a, b)
    assert not found.changed
    assert words.noise_line(found.noise) == "execution counts changed (1 cell)"


def test_a_kernelspec_is_noise_with_its_names() -> None:
    a = nb(code(LOAD), kernelspec={"name": "python3"}, language_info={"name": "python", "version": "3.10.1"})
    b = nb(code(LOAD), kernelspec={"name": "wines"}, language_info={"name": "python", "version": "3.12.4"})
    found = compare(a, b)
    assert not found.changed
    assert words.noise_line(found.noise) == "kernel version python 3.10.1 → python 3.12.4, kernelspec python3 → wines"
    a = nb(code(LOAD), kernelspec={"name": "python3", "display_name": "Python 3"})
    b = nb(code(LOAD), kernelspec={"name": "python3", "display_name": "wines (3.12.4)"})
    assert words.noise_line(compare(a, b).noise) == "kernelspec Python 3 → wines (3.12.4)"
    b = nb(code(LOAD), kernelspec={"name": "python3"})
    assert words.noise_line(compare(a, b).noise) == "kernelspec changed"
    assert words.noise_line(compare(nb(code(LOAD)), b).noise) == "kernelspec none → python3"


def test_tags_and_pipeline_settings_are_never_noise() -> None:
    found = compare(nb(code(LOAD, tags=["step:load"])), nb(code(LOAD, tags=["step:load", "gpu:1"])))
    assert found.summary.metadata_changed == 1
    assert words.value_change(found.cells[0].metadata[0]) == 'tags: ["step:load"] → ["step:load", "gpu:1"]'
    assert compare(nb(code(LOAD)), nb(code(LOAD, nb2flow={"gpu": 1}))).changed


def test_widget_state_is_told_with_its_number_of_models() -> None:
    def state(value: int) -> dict[str, Any]:
        models = {f"m{k}": {"model_name": "IntSliderModel", "state": {"value": value}} for k in range(40)}
        return {WIDGET_STATE: {"state": models, "version_major": 2, "version_minor": 0}}

    found = compare(nb(code(LOAD), widgets=state(1)), nb(code(LOAD), widgets=state(2)))
    assert not found.changed
    assert words.noise_line(found.noise) == "widget state changed: 40 models"


def frame(*rows: tuple[int, int]) -> tuple[str, str]:
    """A DataFrame of columns x and y as pandas shows it, in HTML and in text."""
    body = "".join(f"<tr><th>{k}</th><td>{x}</td><td>{y}</td></tr>" for k, (x, y) in enumerate(rows))
    head = '<tr style="text-align: right;"><th></th><th>x</th><th>y</th></tr>'
    html = f'<div><table border="1" class="dataframe"><thead>{head}</thead><tbody>{body}</tbody></table></div>'
    width = max(len(str(y)) for _, y in rows)
    lines = [f"   x  {'y':>{width}}", *(f"{k}  {x}  {y:>{width}}" for k, (x, y) in enumerate(rows))]
    return html, "\n".join(lines)


@pytest.mark.parametrize("form", ["both", "html", "text"])
def test_one_value_of_a_table_is_told_by_row_and_column(form: str) -> None:
    def shown(*rows: tuple[int, int]) -> dict[str, Any]:
        html, text = frame(*rows)
        data = {"text_html": html, "text_plain": text}
        return result(
            1, **({"text_html": html} if form == "html" else {"text_plain": text} if form == "text" else data)
        )

    a, b = shown((1, 30), (2, 4)), shown((1, 30), (2, 40))
    part = compare(nb(code("df", a)), nb(code("df", b))).cells[0].outputs[0].parts[0]
    assert isinstance(part, TablePart)
    assert words.detail_lines(part) == ["y[1]: 4 → 40"]


def test_an_image_is_told_by_size_and_share_of_pixels() -> None:
    white = b"\xff" * (3 * 20 * 10)
    spotted = bytes(60) + white[60:]
    a, b = png(20, 10, white), png(20, 10, spotted)
    found = compare(nb(code(PLOT, result(1, image_png=a))), nb(code(PLOT, result(1, image_png=b))))
    line = words.output_headline(found.cells[0].outputs[0])
    assert line == "output 1 (image/png) changed: 20×10, 10.0 % of pixels differ"
    page = render_page([found])
    assert page.count(a) == page.count(b) == 1  # however large the images are
    larger = png(20, 20, white + white)
    found = compare(nb(code(PLOT, result(1, image_png=a))), nb(code(PLOT, result(1, image_png=larger))))
    assert words.output_headline(found.cells[0].outputs[0]) == "output 1 (image/png) changed: 20×10 → 20×20"


def test_line_endings_are_only_line_endings() -> None:
    text = "x = 1\ny = 2\nprint(x)"
    found = compare(nb(code(text.replace("\n", "\r\n"))), nb(code(text)))
    assert not found.changed
    assert words.noise_line(found.noise) == "line endings CRLF → LF"
    file = dump(nb(code(text)))
    assert not compare(file.replace(b"\n", b"\r\n"), file).changed


def test_a_source_as_list_or_as_string_is_the_same() -> None:
    a = nb(code("x = 1\nx", stream("1\n2\n")))
    b = json.loads(dump(a))
    b["cells"][0]["source"] = ["x = 1\n", "x"]
    b["cells"][0]["outputs"][0]["text"] = ["1\n", "2\n"]
    found = compare(a, b)
    assert not found.changed
    assert not found.noise


@pytest.mark.parametrize("damage", ["no outputs", "null outputs", "no metadata", "null metadata", "no nbformat"])
def test_missing_parts_give_a_comparison(damage: str) -> None:
    good = nb(code(LOAD), code(SHOW))
    bad = json.loads(dump(good))
    part = damage.split()[1]
    for holder in bad["cells"] if part in ("outputs", "metadata") else [bad]:
        if damage.startswith("null"):
            holder[part] = None
        else:
            del holder[part]
    found = compare(bad, good)
    assert not [c for c in found.cells if c.kind != "unchanged"]
    assert found.base.warnings or part == "metadata"


def test_conflict_markers_are_named_with_their_line() -> None:
    text = dump(nb(code(LOAD))).decode().replace("\n", "\n<<<<<<< HEAD\n", 1)
    with pytest.raises(NotebookError, match=r"conflict markers .*\(line \d+\)"):
        reads(text.encode(), "a.ipynb")


def test_a_cut_file_is_named_as_such() -> None:
    text = dump(nb(code(LOAD), code(SHOW)))
    with pytest.raises(NotebookError, match="ends in the middle"):
        reads(text[: len(text) // 2], "a.ipynb")


def test_a_cell_of_another_type_with_the_same_id_changed_its_type() -> None:
    a = nb(code(LOAD, id="aaaa"), code("These wines are good.", id="bbbb"), code(SHOW, id="cccc"))
    b = nb(code(LOAD, id="aaaa"), md("These wines are good.", id="bbbb"), code(SHOW, id="cccc"))
    assert changes(a, b) == ["type-changed 1→1"]
    b["cells"][1]["source"] = "Tasting notes, see the appendix for the scores of each."
    assert changes(a, b) == ["type-changed 1→1"]


def test_a_move_and_an_edit_merge_without_conflict() -> None:
    base = numbered(nb(code(LOAD), code(CLEAN), code(FIT), code(SHOW)))
    local, remote = json.loads(dump(base)), json.loads(dump(base))
    local["cells"].append(local["cells"].pop(0))
    remote["cells"][0]["source"] = LOAD.replace("wines", "beers")
    found = merge(doc(base), doc(local), doc(remote))
    assert found.conflicts == ()
    assert [c["source"] for c in found.notebook["cells"]] == [CLEAN, FIT, SHOW, LOAD.replace("wines", "beers")]
    assert len({c["id"] for c in found.notebook["cells"]}) == 4


def test_a_changed_value_and_an_added_row_of_a_table() -> None:
    a, b = frame((1, 30), (2, 4))[0], frame((1, 30), (2, 40), (3, 5))[0]
    part = (
        compare(nb(code("df", result(1, text_html=a))), nb(code("df", result(1, text_html=b))))
        .cells[0]
        .outputs[0]
        .parts[0]
    )
    assert isinstance(part, TablePart)
    assert words.part_line(part) == "1 value changed, 1 row added"
    assert words.detail_lines(part) == ["y[1]: 4 → 40"]
