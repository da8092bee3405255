"""`doctor`: whether this machine has what a run needs, one line for each thing looked at."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.doctor import examine
from nb2flow.cli.arguments import json_option, print_json, project_option
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import ExitCode
from nb2flow.views.runs import columns


@click.command()
@project_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, project: Path, as_json: bool) -> None:
    """Look at what a run needs here: kernels, libraries, a folder to write into. Exits with 6 if any is missing."""
    findings = examine(project)
    if as_json:
        print_json([{"what": f.what, "ok": f.ok, "found": f.found, "hint": f.hint} for f in findings])
    else:
        terminal = out()
        rows = [
            (
                terminal.glyph("succeeded" if f.ok else "failed"),
                terminal.paint(f.what, "bold"),
                f.found if f.ok or not f.hint else f"{f.found} (hint: {f.hint})",
            )
            for f in findings
        ]
        echo(columns(rows, terminal))
    ctx.exit(ExitCode.OK if all(f.ok for f in findings) else ExitCode.ENVIRONMENT)
