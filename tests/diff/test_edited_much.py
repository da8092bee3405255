"""Cells that were written almost anew and are still the same to a person, by place or by a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nb2flow.diff.document import document
from nb2flow.diff.match import match
from tests.diff.making import changes, code, md, nb

BEFORE, AFTER = code("import soil\nsite = soil.open('meadow')"), code("site.close()")


def test_another_kind_of_cell_beside_it_does_not_hide_an_edited_one() -> None:
    old = "Note that only 8 plots count here, as there is hardly any clay in the others and nothing to be seen."
    new = "Only 8 of the sampled plots are used here, because we have a simple soil. More would add noise to the means."
    added = code("site.plot_variance()")
    assert changes(nb(BEFORE, md(old), AFTER), nb(BEFORE, added, md(new), AFTER)) == ["added 1", "modified 1→2"]


def test_the_likelier_of_two_new_cells_is_the_edited_one() -> None:
    old = code("path = f'{logger.folder}/soils/depth=13-step=2995.csv'\n\nmodel = Layers.read_from_table(path)")
    first = code("path = finder.best\nprint(path)")
    second = code("model = Layers.read_from_table(path, layers=soils)\nmodel.freeze();")
    assert changes(nb(BEFORE, old, AFTER), nb(BEFORE, first, second, AFTER)) == ["added 1", "modified 1→2"]


def test_a_line_that_was_put_into_a_try() -> None:
    old = code("show(site.profile())")
    new = code(
        "try:\n    show(site.profile())\n# where nothing can be drawn, write a table,\n# which needs no library\n"
        "except RuntimeError:\n    site.save_table(None, writer=plain.Writer(0.001), encoding='utf-8', rows=40)"
    )
    assert changes(nb(BEFORE, old, AFTER), nb(BEFORE, new, AFTER)) == ["modified 1→1"]


def test_a_long_first_line_counts_as_a_heading_does() -> None:
    first = "from soil import layers            # here is everything that can be done with layers"
    old = code(
        f"{first}\nimport soil.library as lib\n\nplot=3\nrules = defaults.rules()\nwater = rules.get('water')\n"
        "\nsigma = 100e-9\nprobe = lib.curve(length=nearest(sigma), height=.1, name='probe')\ntop = lib.channel(plot)"
    )
    new = code(
        f"{first}\nfrom soil.probing import Parameter\n\n# units\nm = 1.0\ncm = 1.0e-2\n\nstart = 4.96 * m\n"
        "stop = 4.98 * m\ndepths = np.linspace(start, stop, 41)"
    )
    gone = [code("water_levels = [run(p) for p in probes]"), code("water_levels[2].draw()")]
    come = [code("gate = Gate('rain', 1)\ngate.measure(0, 0)"), code("amounts = np.arange(11)")]
    found = changes(nb(BEFORE, old, *gone, AFTER), nb(BEFORE, new, *come, AFTER))
    assert "modified 1→1" in found


def test_a_heading_that_many_cells_have_tells_nothing() -> None:
    moved = code("plots = [site.plot(k) for k in range(40)]\ndepths = [p.depth for p in plots]\nprint(max(depths))")
    stays = [code(f"layer_{k} = site.layer({k})\nlayer_{k}.draw(colour='brown')") for k in range(4)]
    first, edited = code("# Solution\n\nsite.open('meadow')"), code("# Solution\n\nsite.open('moor')")
    old = code("# Solution\n\nks = np.linspace(0.01, 2, num=51)\nprior_k = make_uniform(ks)")
    new = code("# Solution\n\nfig, ax = plt.subplots()")
    a, b = nb(first, *stays, moved, old), nb(edited, moved, new, *stays)
    assert changes(a, b) == ["modified 0→0", "moved 5→1", "added 2", "removed 6"]


def test_a_sentence_that_was_moved_by_one_cell_and_got_another_before_it() -> None:
    old = "If you run this on your own machine, you can reach the table of soils on port 7007."
    new = (
        "On the machines of the course you cannot look at any of the other programs, as only what the notebook itself "
        f"prints comes through the network there. {old}"
    )
    start = code("!stop soils\nimport os\nos.system('soils --port=7007 &')")
    a, b = nb(BEFORE, start, md(old), AFTER), nb(BEFORE, md(new), start, AFTER)
    assert changes(a, b) == ["moved-modified 2→1"]


def test_a_text_that_was_cut_inside_a_paragraph_is_split() -> None:
    lead = "Looks good!"
    rest = "The soil of this place is in the survey, so the cells below can fetch the tables of the survey's samples."
    second = (
        "The samples come from a database, which needs the network and an installed client. Without them go on "
        "two cells, because the tables are in the folder as well; depending on the version there may be a warning."
    )
    a = nb(BEFORE, md(f"{lead}  {rest}\n\n{second}"), AFTER)
    b = nb(BEFORE, md(lead), md("## Match the samples"), md(second), AFTER)
    assert changes(a, b) == ["split 1→1,3", "added 2"]


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_same_pair_is_matched_alike_in_every_process(seed: str) -> None:
    """Words that many cells share vote for them; who counts first depends on the hashes of a process."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "tests.diff.test_edited_much"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == matched()


def matched() -> str:
    """How two long notebooks are matched in which each cell shares a word with eight of the other's cells, as text."""
    old = [code(f"sand{k % 10} clay{k % 10}") for k in range(80)]
    new = [code(f"{'sand' if k % 2 else 'clay'}{(3 * k + 5) // 2 % 10} plot{k}") for k in range(80)]
    return repr(match(document(nb(*old), "a.ipynb").cells, document(nb(*new), "b.ipynb").cells))


if __name__ == "__main__":
    sys.stdout.write(matched())
