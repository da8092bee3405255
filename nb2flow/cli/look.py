"""`runs`, `show`, `logs`, `open` and `report`: what has run, and what came out of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from nb2flow import __version__
from nb2flow.app import history
from nb2flow.app.copies import is_copy
from nb2flow.app.debugging import open_with_inputs
from nb2flow.app.history import Found
from nb2flow.app.output import write_text
from nb2flow.cli import complete
from nb2flow.cli.arguments import json_option, print_json, project_option, run_argument
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import has_browser, out
from nb2flow.errors import EnvironmentFault, UsageError
from nb2flow.views import failure as failure_view
from nb2flow.views import logs as logs_view
from nb2flow.views import progress as progress_view
from nb2flow.views import runs as runs_view
from nb2flow.views.terminal import stripped

_POLL_SECONDS = 0.3
_LOOK_AT_HELD = 3.0


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=20, help="How many, the newest first.  [default: 20]")
@project_option
@json_option
def runs(limit: int, project: Path, as_json: bool) -> None:
    """List the runs of this project, the newest first."""
    states = history.states(project, limit)
    if as_json:
        print_json([runs_view.to_value(s) for s in states])
    elif states:
        echo(runs_view.table(states, time.time(), out()))
    else:
        echo(f"no runs yet in {shown_path(history.settings_at(project).home)}: nb2flow run NOTEBOOK makes one")


@click.command()
@run_argument
@project_option
@json_option
def show(run: str, project: Path, as_json: bool) -> None:
    """Show one run (the newest by default): status of each step, failures, what to type next."""
    found = history.find(project, run)
    if is_copy(found.folder) and found.state.status in history.GOING and not found.stale:
        from nb2flow.app import remote

        found, said = remote.see(found)
        if said:
            click.echo(said, err=True)
    if found.stale:
        click.echo(f"as it was when last heard of: {found.stale}", err=True)
    if as_json:
        print_json(runs_view.to_value(found.state, str(found.folder.path)))
        return
    echo(runs_view.draw(found.state, time.time(), out(), shown_path(found.folder.path)))
    show_failures(found, full=False)


@click.command()
@run_argument
@click.argument("step", required=False, shell_complete=complete.steps_of_run)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@project_option
def logs(run: str, step: str | None, follow: bool, project: Path) -> None:
    """Show what happened in a run and what its steps printed."""
    found = history.find(project, run)
    steps = [found.step(step)] if step else list(found.state.steps)
    if follow and found.state.status in ("created", "running"):
        _follow(found, steps, every=step is None)
        return
    if step is None:
        for _, event in history.events(found):
            if line := progress_view.line(event, out()):
                echo(line)
    for name in steps:
        _print_step(found, name, head=step is None)


def _print_step(found: Found, name: str, *, head: bool) -> None:
    notebook = found.notebook(name)
    text = (logs_view.printed(notebook, out()) if notebook else "") + stripped(found.log(name))
    if head and text:
        echo(f"\n{out().paint(f'== {name}', 'bold')}")
    if text:
        echo(text.rstrip("\n"))
    elif not head:
        echo(f"step {name} printed nothing ({found.state.steps[name].status})")


def _follow(found: Found, steps: list[str], *, every: bool) -> None:
    """Print events and new output as they come, each line with its step's name, until the run has ended."""
    since, told = 0, dict.fromkeys(steps, "")
    while True:
        found = history.again(found)
        for number, event in history.events(found, since):
            since = number
            if every and (line := progress_view.line(event, out())):
                echo(line)
        for name in steps:
            notebook = found.notebook(name)
            text = logs_view.printed(notebook, out()) if notebook else told[name]
            if text != told[name]:
                for line in _news(told[name], text).splitlines():
                    echo(f"{out().paint(name, 'cyan')} {out().sign('│', '|')} {line}" if every else line)
                told[name] = text
        sys.stdout.flush()
        if found.state.status not in ("created", "running"):
            return
        time.sleep(_POLL_SECONDS)


def _news(before: str, now: str) -> str:
    """What `now` says beyond its common beginning with `before`."""
    same = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    return now[same:]


@click.command("open")
@run_argument
@click.argument("step", required=False, shell_complete=complete.steps_of_run)
@click.option("--lab", is_flag=True, help="Open it in JupyterLab instead of printing its path.")
@project_option
def open_(run: str, step: str | None, lab: bool, project: Path) -> None:
    """Print the path of a step's executed notebook (without STEP: of the failed step, else the last)."""
    found = history.find(project, run)
    _show(found.executed(step or _interesting(found)), lab=lab)


@click.command()
@run_argument
@click.argument("step", required=False, shell_complete=complete.steps_of_run)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="The folder to write it into.  [default: the source notebook's]",
)
@click.option("--lab", is_flag=True, help="Open it in JupyterLab instead of printing its path.")
@click.option("--hold", metavar="TIME", help="In the cluster: run it again, and keep its kernel for that long.")
@project_option
def debug(run: str, step: str | None, output: Path | None, lab: bool, hold: str | None, project: Path) -> None:
    """Write a notebook that opens a step (without STEP: the failed one, else the last) with its inputs loaded.

    Its first cells give a live kernel what the step began with; nothing done there reaches the run.

    With --hold, a step of a run in a cluster runs there once more, and when it fails, its kernel is kept and can be
    reached from here.
    """
    found = history.find(project, run)
    if hold is not None:
        if lab or output:
            raise UsageError("--hold keeps a kernel in the cluster; it writes no notebook")
        _hold(found, step or _interesting(found), hold)
        return
    _show(open_with_inputs(found, step or _interesting(found), output), lab=lab)


def _hold(found: Found, step: str, given: str) -> None:
    from nb2flow.app import holding
    from nb2flow.cli.attach import leaving
    from nb2flow.cli.run import remark

    seconds = holding.seconds_of(given)
    with contextlib.suppress(KeyboardInterrupt), leaving() as wait:
        remark(f"step {step} runs in the cluster once more")
        with holding.hold(found, step, seconds, remark, wait) as held:
            echo(f"The kernel of step {step} is kept for {given}, as the failure left it:")
            echo(f"  jupyter console --existing {held.connection.name}")
            echo(f"(connection file {held.connection}; Ctrl-C here ends it)")
            while held.is_there():
                wait(_LOOK_AT_HELD)
            echo("its time is over")


def _show(path: Path, *, lab: bool) -> None:
    """A notebook's path, or JupyterLab with it."""
    if not lab:
        echo(str(path))
        return
    jupyter = shutil.which(
        "jupyter-lab", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if jupyter is None:
        raise EnvironmentFault(
            "JupyterLab is not installed here", hint=f'pip install "nb2flow[lab]", or open {path} in any Jupyter'
        )
    sys.exit(subprocess.call([jupyter, str(path)]))


def _interesting(found: Found) -> str:
    ran = [s for s in found.state.steps.values() if found.folder.executed(s.name).is_file()]
    failed = [s.name for s in ran if s.status == "failed"]
    return (failed or [s.name for s in ran[-1:]] or list(found.state.steps))[0]


@click.command()
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="[default: in the run's folder]",
)
@click.option("--open", "show_it", is_flag=True, help="Open it in the browser.")
@project_option
def report(run: str, output: Path | None, show_it: bool, project: Path) -> None:
    """Write a run as one HTML page: graph, timeline, parameters, versions, each step's executed notebook."""
    from nb2flow.views.report import page

    found = history.find(project, run)
    notebooks = {name: nb for name in found.state.steps if (nb := found.notebook(name)) is not None}
    path = output or found.folder.path / "report.html"
    write_text(path, page(found.state, notebooks, f"nb2flow {__version__}"))
    echo(shown_path(path))
    if show_it and not has_browser():
        echo("no browser is found here: open the file in one", err=True)
    elif show_it:
        click.launch(path.resolve().as_uri())


def show_failures(found: Found, *, full: bool = True) -> None:
    """The view of each failed step: the cell, its source, the traceback, the notebook to look at."""
    failed = [s for s in found.state.steps.values() if s.status == "failed" and s.failure is not None]
    for step in failed:
        if step.failure is None:
            continue
        executed = found.folder.executed(step.name)
        where = shown_path(executed) if executed.is_file() else ""
        source = found.source(step.name, step.failure.cell_id)
        echo("\n" + failure_view.draw(step.name, step.failure, out(), source=source, executed=where))
        if not full:
            break


def shown_path(path: Path) -> str:
    """A path as a person here would write it: relative where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)
