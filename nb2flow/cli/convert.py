"""`convert`: a notebook's steps as files, or its pipeline as a manifest for a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nb2flow.app.analysis import Analysis, analyse
from nb2flow.cli.arguments import kernel_option, notebook_argument, split_option
from nb2flow.cli.main import echo, show_notes
from nb2flow.errors import UsageError
from nb2flow.exports.argo import Kind
from nb2flow.exports.manifest import Schedule
from nb2flow.plan.files import PLAN_FILE
from nb2flow.views.words import counted

_KINDS: dict[str, Kind] = {"workflow": "Workflow", "template": "WorkflowTemplate"}


@click.command()
@notebook_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PATH",
    help="The folder to write into; for a manifest the file, or - to print.",
)  # fmt: skip
@split_option
@kernel_option
@click.option(
    "--to", type=click.Choice(["notebook", "script", "argo", "kubernetes"]), default="notebook",
    help="`script` adds .py files; `argo` and `kubernetes` write one manifest.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write into a folder that holds other files too.")
@click.option("--profile", metavar="NAME", help="Manifests: where steps will run.  [default: the only one]")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="argo: what to write.  [default: workflow]")
@click.option("--schedule", metavar="CRON", help='Manifests: start at these times, such as "0 3 * * *".')
@click.option("--timezone", metavar="ZONE", help="Manifests: the time zone of --schedule, such as Europe/Berlin.")
@click.option("--no-upload", is_flag=True, help="Manifests: only write it, put nothing into the store.")
def convert(
    notebook: Path, output: Path, split: str | None, kernel: str | None, to: str, force: bool,
    **of_manifest: Any,
) -> None:  # fmt: skip
    """Write step notebooks, the plan (plan.yaml) and the runtime they import into a folder.

    Each step notebook can be opened and run by itself, in the order of the numbers. The same notebook always gives the
    same bytes; the notebook itself is never changed.

    With --to argo or kubernetes, put all that into the store of the profile and write a manifest that runs it in Argo
    Workflows, or in a cluster that has nothing but Kubernetes.
    """
    wanted = {name: value for name, value in of_manifest.items() if value}
    if wanted and to not in ("argo", "kubernetes"):
        raise UsageError(f"--{next(iter(wanted)).replace('_', '-')} is for --to argo and --to kubernetes")
    if to == "kubernetes" and "kind" in wanted:
        raise UsageError("--kind is for --to argo")
    analysis = analyse(notebook, split=split, kernel=kernel)
    show_notes(analysis.diagnostics)
    if to in ("argo", "kubernetes"):
        _to_manifest(analysis, output, to, **of_manifest)
        return
    from nb2flow.app.convert import convert as convert_notebook

    done = convert_notebook(analysis, output, scripts=to == "script", force=force)
    echo(f"wrote {counted(done.steps, 'step')} into {done.folder}:")
    for name in done.files:
        if "/" not in name:
            echo(f"  {name}")
    echo(f"The plan is {done.folder / PLAN_FILE}; open the notebooks in the order of their numbers.")


def _to_manifest(
    notebook: Analysis, output: Path, to: str, profile: str | None, kind: str | None, schedule: str | None,
    timezone: str | None, no_upload: bool,
) -> None:  # fmt: skip
    from nb2flow.app import exporting

    if schedule and kind:
        raise UsageError("--schedule makes a CronWorkflow; leave --kind out")
    if timezone and not schedule:
        raise UsageError("--timezone needs --schedule")
    times = Schedule(schedule, timezone or "") if schedule else None
    if to == "argo":
        wanted = _KINDS[kind or "workflow"]
        made = exporting.to_argo(notebook, profile, kind=wanted, schedule=times, upload=not no_upload)
    else:
        made = exporting.to_kubernetes(notebook, profile, schedule=times, upload=not no_upload)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    if str(output) == "-":
        echo(made.text.rstrip())
        return
    exporting.write(made.text, output)
    what = f"a {made.kind} of" if to == "argo" else f"a {made.kind} that drives"
    echo(f"wrote {what} {counted(made.steps, 'step')} into {output}")
    if no_upload:
        echo(f"Nothing was put into {made.store}: convert again without --no-upload before it runs.")
    elif made.kind in ("Workflow", "Job"):
        echo(f"What its steps need is in {made.store}. Start it: kubectl create -f {output}")
    else:
        echo(f"What its steps need is in {made.store}. Install it: kubectl apply --server-side -f {output}")
