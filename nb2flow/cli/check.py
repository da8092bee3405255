"""`check`: every problem of notebooks. Imports as little as it can: people run it on every save."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.analysis import analyse
from nb2flow.cli import complete
from nb2flow.cli.arguments import json_option, print_json, split_option
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import Diagnostic, ExitCode, NotebookError, Place, Severity
from nb2flow.views import diagnostics as diagnostics_view


@click.command()
@click.argument(
    "notebooks",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="NOTEBOOK...",
    shell_complete=complete.notebooks,
)
@split_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@json_option
@click.pass_context
def check(ctx: click.Context, notebooks: tuple[Path, ...], split: str | None, strict: bool, as_json: bool) -> None:
    """Show every problem of notebooks: code, cell, line, caret, and what to do.

    Exits with 3 when there are errors.
    """
    failed = False
    values = []
    for path in notebooks:
        found, steps = _problems(path, split)
        counting = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
        failed = failed or any(d.severity in counting for d in found)
        if as_json:
            values.append(
                {"notebook": str(path), "steps": steps, "diagnostics": [diagnostics_view.to_value(d) for d in found]}
            )
            continue
        for diagnostic in found:
            echo(diagnostics_view.draw(diagnostic, out()))
        echo(f"{path}: {diagnostics_view.summary(found, len(steps) if steps is not None else None)}")
    if as_json:
        print_json(values[0] if len(values) == 1 else values)
    ctx.exit(ExitCode.NOTEBOOK if failed else ExitCode.OK)


def _problems(path: Path, split: str | None) -> tuple[tuple[Diagnostic, ...], list[str] | None]:
    """The diagnostics of one notebook and the names of its steps; None when it cannot be read at all."""
    try:
        analysis = analyse(path, split=split)
    except NotebookError as error:
        told = error.diagnostics or (Diagnostic("NB100", Severity.ERROR, error.message, Place(), error.hint),)
        return told, None
    return analysis.diagnostics, [s.name for s in analysis.flow.steps]
