"""`run`, `resume` and `cancel`: making a run go, and showing it while it goes."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import click

from nb2flow.app import history
from nb2flow.app.analysis import analyse
from nb2flow.app.copies import is_copy
from nb2flow.app.history import Found
from nb2flow.app.running import Asked, is_edited, launch, read_parameters
from nb2flow.app.running import cancel as cancel_run
from nb2flow.app.running import resume as resume_run
from nb2flow.app.running import run as run_notebook
from nb2flow.cli import complete
from nb2flow.cli.arguments import (
    json_option,
    kernel_option,
    notebook_argument,
    print_json,
    project_option,
    run_argument,
    split_option,
)
from nb2flow.cli.live import display
from nb2flow.cli.look import show_failures, shown_path
from nb2flow.cli.main import echo, show_notes
from nb2flow.cli.terminal import out
from nb2flow.config import ENGINES
from nb2flow.errors import ExitCode, UsageError
from nb2flow.views import runs as runs_view

_PATIENCE = 15.0  # seconds that `cancel` waits for the run to have stopped
_PATIENCE_CLUSTER = 60.0  # there a pod that has just begun takes its whole grace to end


parameter_option = click.option(
    "-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="Set a parameter; may be repeated."
)
file_option = click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Parameters from a YAML or JSON file; -p wins over it.",
)


@click.command()
@notebook_argument
@parameter_option
@file_option
@click.option("-j", "--jobs", type=click.IntRange(1), help="Steps at once.  [default: one for each processor]")
@click.option(
    "--only", metavar="STEP", shell_complete=complete.steps_of_notebook, help="This step alone, from kept results."
)
@click.option(
    "--from",
    "start_from",
    metavar="STEP",
    shell_complete=complete.steps_of_notebook,
    help="This step and all after it anew.",
)
@click.option("--no-cache", is_flag=True, help="Run every step, unchanged ones too.")
@click.option("--engine", type=click.Choice(ENGINES), help="Who runs the steps.  [default: the setting, or local]")
@click.option("--profile", metavar="NAME", help="The profile of the project's file that says where they run.")
@click.option(
    "--detach", is_flag=True, help="Leave the run to a pod in the cluster, or to Argo; this machine may leave."
)
@split_option
@kernel_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    notebook: Path,
    pairs: tuple[str, ...],
    files: tuple[Path, ...],
    jobs: int | None,
    only: str | None,
    start_from: str | None,
    no_cache: bool,
    engine: str | None,
    profile: str | None,
    detach: bool,
    split: str | None,
    kernel: str | None,
    as_json: bool,
) -> None:
    """Run a notebook as a pipeline: independent steps side by side, unchanged ones taken from earlier runs.

    The notebook itself is never changed; each step leaves an executed notebook. Ctrl-C stops the run in order (twice:
    at once), and `nb2flow resume` goes on with it; steps in a cluster go on by themselves until then. Exits with 5
    when a step failed.
    """
    if only and start_from:
        raise UsageError("--only and --from exclude each other")
    parameters = given_parameters(pairs, files)
    analysis = analyse(notebook, split=split, kernel=kernel)
    show_notes(analysis.diagnostics)
    asked = Asked(parameters, jobs, only, start_from, use_cache=not no_cache, engine=engine, profile=profile)
    if detach:
        begun(launch(analysis, asked, remark), as_json)
        return
    with display(quiet=as_json) as shown:
        found = run_notebook(analysis, asked, shown)
    close(ctx, found, as_json)


@click.command()
@run_argument
@click.option("-j", "--jobs", type=click.IntRange(1), help="Steps at once.  [default: one for each processor]")
@project_option
@json_option
@click.pass_context
def resume(ctx: click.Context, run: str, jobs: int | None, project: Path, as_json: bool) -> None:
    """Go on with a run (the newest by default) that failed, was interrupted or killed; finished steps are kept."""
    before = history.find(project, run)
    if is_copy(before.folder):
        from nb2flow.app import remote
        from nb2flow.cli.attach import watch

        watch(ctx, remote.go_on(before, jobs, remark), as_json)
        return
    if is_edited(before):
        name = Path(before.state.notebook).name
        anew = f"nb2flow run {shlex.quote(name)}"
        remark(f"{name} was edited since: this goes on with it as it was; `{anew}` takes what is new")
    with display(quiet=as_json, state=before.state) as shown:
        found = resume_run(before, jobs=jobs, on_event=shown)
    close(ctx, found, as_json)


@click.command()
@run_argument
@project_option
def cancel(run: str, project: Path) -> None:
    """Stop a run (the newest by default) that goes on in another terminal or in the cluster."""
    found = cancel_run(project, run)
    if found.stale:
        remark(found.stale)
    deadline = time.monotonic() + (_PATIENCE if found.state.engine == "local" else _PATIENCE_CLUSTER)
    while found.state.status in ("created", "running") and time.monotonic() < deadline:
        time.sleep(0.1)
        found = history.again(found)
    if found.state.status in ("created", "running"):
        echo(f"run {found.state.run_id} was asked to stop and has not yet")
    else:
        echo(f"run {found.state.run_id} is {found.state.status}: nb2flow resume {found.state.run_id} goes on with it")


def given_parameters(pairs: tuple[str, ...], files: tuple[Path, ...]) -> dict[str, object]:
    """Parameters from files and from NAME=VALUE pairs, the later winning; their types are for the plan to say."""
    values: dict[str, object] = {}
    for path in files:
        values |= read_parameters(path)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"-p {pair}: a parameter is set by NAME=VALUE")
        values[name.strip()] = value
    return values


def remark(text: str) -> None:
    """Something worth telling while one waits, on standard error."""
    click.echo(text, err=True)


def begun(found: Found, as_json: bool) -> None:
    """What to say of a run that goes on without this process."""
    state = found.state
    if as_json:
        print_json(runs_view.to_value(state, str(found.folder.path)))
        return
    echo(f"run {state.run_id} goes on in the cluster; this machine may leave")
    echo(f"  nb2flow attach {state.run_id}   shows how it goes")
    echo(f"  nb2flow cancel {state.run_id}   stops it")


def close(ctx: click.Context, found: Found, as_json: bool) -> None:
    """The last words of a run, and the exit code that its status asks for."""
    state = found.state
    if as_json:
        print_json(runs_view.to_value(state, str(found.folder.path)))
    else:
        show_failures(found)
        echo("")
        echo(runs_view.last_words(state, out(), shown_path(found.folder.path / "executed")))
        if state.engine != "local" and state.status == "interrupted" and not is_copy(found.folder):
            by_argo = state.engine == "argo"
            echo("Argo goes on with it:" if by_argo else "Steps that were begun go on in the cluster:")
            echo(f"  nb2flow resume {state.run_id}   takes {'it' if by_argo else 'them'} up again")
            echo(f"  nb2flow cancel {state.run_id}   stops {'it' if by_argo else 'them'}")
        sys.stdout.flush()
    code = {"succeeded": ExitCode.OK, "interrupted": ExitCode.INTERRUPTED}.get(state.status, ExitCode.RUN)
    ctx.exit(code)
