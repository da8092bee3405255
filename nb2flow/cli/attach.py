"""`attach`: a run that goes on elsewhere, shown as if it went on here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from nb2flow.app import copies, engines, history, remote
from nb2flow.app.history import Found
from nb2flow.app.running import resume
from nb2flow.cli.arguments import json_option, project_option, run_argument
from nb2flow.cli.live import display
from nb2flow.cli.main import echo
from nb2flow.cli.run import close, remark
from nb2flow.errors import ExitCode, UsageError
from nb2flow.runs.lock import is_held


@click.command()
@run_argument
@click.option("--profile", metavar="NAME", help="Where to look for a run that another machine began.")
@project_option
@json_option
@click.pass_context
def attach(ctx: click.Context, run: str, profile: str | None, project: Path, as_json: bool) -> None:
    """Watch a run (the newest by default) that goes on elsewhere, until it ends; Ctrl-C leaves it alone.

    Finds runs of this project, and by its whole id also a run that another machine began with `run --detach` and the
    same store. Exits as `run` would.
    """
    found = _found(project, run, profile)
    if found.state.engine == "argo" and not is_held(found.folder.lock) and found.state.status != "succeeded":
        with display(quiet=as_json, state=found.state) as shown:
            found = resume(found, on_event=shown)
        close(ctx, found, as_json)
    watch(ctx, found, as_json)


def _found(project: Path, run: str, profile: str | None) -> Found:
    if profile is None:
        try:
            return history.find(project, run)
        except UsageError:
            settings = history.settings_at(project)
            if run == "last" or not settings.profiles:
                raise
    settings = history.settings_at(project)
    _, chosen = engines.chosen(settings, "kubernetes", profile)
    if chosen is not None:
        copies.bring_unknown(settings, run, chosen)
    return history.find(project, run)


def watch(ctx: click.Context, found: Found, as_json: bool) -> None:
    """Show a run until it ends or the user leaves."""
    run_id = found.state.run_id
    try:
        with leaving() as wait, display(quiet=as_json) as shown:
            found = remote.follow(found, shown, remark, wait)
    except KeyboardInterrupt:
        echo("")
        echo(f"run {run_id} goes on: nb2flow attach {run_id} shows it again, nb2flow cancel {run_id} stops it")
        ctx.exit(ExitCode.INTERRUPTED)
    close(ctx, found, as_json)


@contextmanager
def leaving() -> Iterator[Callable[[float], None]]:
    """Ctrl-C counts whenever it comes: in the clean-up of a store's client, which runs at any time, Python only prints
    the KeyboardInterrupt and goes on. Gives the function that waits, and raises it then."""
    left = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        left.set()
        raise KeyboardInterrupt

    def wait(seconds: float) -> None:
        if left.wait(seconds):
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield wait
    finally:
        signal.signal(signal.SIGINT, before)
