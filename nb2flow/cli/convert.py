"""`convert`: a notebook's steps as files."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.analysis import analyse
from nb2flow.app.convert import convert as convert_notebook
from nb2flow.cli.arguments import kernel_option, notebook_argument, split_option
from nb2flow.cli.main import echo, show_notes
from nb2flow.plan.files import PLAN_FILE
from nb2flow.views.words import counted


@click.command()
@notebook_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder to write into."
)
@split_option
@kernel_option
@click.option("--to", type=click.Choice(["notebook", "script"]), default="notebook", help="`script` adds .py files.")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files too.")
def convert(notebook: Path, output: Path, split: str | None, kernel: str | None, to: str, force: bool) -> None:
    """Write step notebooks, the plan (plan.yaml) and the runtime they import into DIR.

    Each step notebook can be opened and run by itself, in the order of the numbers. The same notebook always gives the
    same bytes; the notebook itself is never changed.
    """
    analysis = analyse(notebook, split=split, kernel=kernel)
    show_notes(analysis.diagnostics)
    done = convert_notebook(analysis, output, scripts=to == "script", force=force)
    echo(f"wrote {counted(done.steps, 'step')} into {done.folder}:")
    for name in done.files:
        if "/" not in name:
            echo(f"  {name}")
    echo(f"The plan is {done.folder / PLAN_FILE}; open the notebooks in the order of their numbers.")
