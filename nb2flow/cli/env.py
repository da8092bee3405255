"""`env`: what a notebook needs to run elsewhere, by step, and its lock."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.analysis import analyse
from nb2flow.cli.arguments import (
    json_option,
    kernel_option,
    notebook_argument,
    print_json,
    split_option,
    without_option,
)
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import ExitCode, UsageError


@click.command()
@notebook_argument
@click.option("--lock", "as_lock", is_flag=True, help="Print the lock alone: a requirements file with exact versions.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="With --lock: write it into FILE.",
)  # fmt: skip
@click.option("--all", "whole", is_flag=True, help="Lock all that the kernel's environment has.")
@without_option
@split_option
@kernel_option
@json_option
@click.pass_context
def env(
    ctx: click.Context, notebook: Path, as_lock: bool, output: Path | None, whole: bool, without: tuple[str, ...],
    split: str | None,
    kernel: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what each step of a notebook imports, which packages hold it in the kernel's environment, and what keeps it
    from running elsewhere. Nothing of the notebook is run.

    Exits with 6 when a module is not installed that the notebook cannot do without.
    """
    from nb2flow.app import environment as use
    from nb2flow.app.output import write_text
    from nb2flow.views import diagnostics
    from nb2flow.views import environment as view

    if output is not None and not as_lock:
        raise UsageError("-o is for the lock: add --lock")
    if as_lock and as_json:
        raise UsageError("--lock and --json exclude each other", hint="the JSON holds the lock, too")
    found = use.environment(analyse(notebook, split=split, kernel=kernel), whole=whole, without=without)
    if as_json:
        print_json(view.to_value(found))
    elif as_lock:
        text = use.locked(found)
        for problem in found.problems:
            click.echo(diagnostics.draw(problem, out()), err=True)
        if output is None:
            echo(text.rstrip("\n"))
        else:
            write_text(output, text)
            echo(f"wrote {len(found.lock)} packages into {output}")
    else:
        echo(view.draw(found, out()))
        echo("")
        for problem in found.problems:
            echo(diagnostics.draw(problem, out()))
        if found.problems:
            echo("")
        echo(view.last_words(found, str(notebook), out()))
    ctx.exit(ExitCode.ENVIRONMENT if use.missing_of(found) else ExitCode.OK)
