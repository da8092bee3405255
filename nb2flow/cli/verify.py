"""`verify`: the proof that the pipeline gives what the notebook gives."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.running import OnEvent
from nb2flow.app.verify import Verification
from nb2flow.app.verify import verify as verify_notebook
from nb2flow.cli.arguments import json_option, kernel_option, notebook_argument, print_json, split_option
from nb2flow.cli.look import show_failures, shown_path
from nb2flow.cli.main import echo
from nb2flow.cli.run import file_option, given_parameters, parameter_option
from nb2flow.cli.terminal import out
from nb2flow.errors import ExitCode
from nb2flow.runs.events import AnyEvent, StepFailed
from nb2flow.views import progress
from nb2flow.views import verify as verify_view


@click.command()
@notebook_argument
@parameter_option
@file_option
@click.option("-j", "--jobs", type=click.IntRange(1), help="Steps at once.  [default: one for each processor]")
@split_option
@kernel_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    notebook: Path,
    pairs: tuple[str, ...],
    files: tuple[Path, ...],
    jobs: int | None,
    split: str | None,
    kernel: str | None,
    as_json: bool,
) -> None:
    """Prove that the pipeline gives what the notebook gives.

    Runs the notebook whole twice (to learn which cells are deterministic) and as a pipeline, then compares the outputs
    cell by cell, and tells how much of it may run side by side. Exits with 7 when a deterministic cell differs, with 5
    when the notebook itself fails.
    """

    def on_phase(phase: str) -> OnEvent:
        click.echo(f"running {phase} …", err=True)
        return _only_failures

    found = verify_notebook(
        notebook,
        split=split,
        kernel=kernel,
        parameters=given_parameters(pairs, files),
        jobs=jobs,
        on_phase=on_phase,
    )
    if (found.pipeline or found.whole).state.status == "interrupted":
        click.echo("interrupted: nothing was compared", err=True)
        ctx.exit(ExitCode.INTERRUPTED)
    rows: list[verify_view.Row] = [(c.cell, c.cell_id, c.step, c.verdict, c.difference) for c in found.cells]
    if as_json:
        print_json(verify_view.to_value(rows, found.equivalent, found.shape) | {"runs": _runs(found)})
    elif found.pipeline is None:
        show_failures(found.whole)
        echo("\nthe notebook itself fails from top to bottom: there is nothing to compare with")
    else:
        echo(verify_view.draw(rows, out(), bool(found.equivalent), found.shape))
        if found.pipeline.state.status != "succeeded":
            show_failures(found.pipeline)
        echo(f"executed notebooks: {shown_path(found.pipeline.folder.path / 'executed')}")
    if found.pipeline is None:
        ctx.exit(ExitCode.RUN)
    ctx.exit(ExitCode.OK if found.equivalent else ExitCode.MISMATCH)


def _only_failures(event: AnyEvent) -> None:
    if isinstance(event, StepFailed) and (line := progress.line(event, out())):
        click.echo(line, err=True)


def _runs(found: Verification) -> dict[str, str | None]:
    return {
        "whole": found.whole.state.run_id,
        "pipeline": found.pipeline.state.run_id if found.pipeline is not None else None,
    }
