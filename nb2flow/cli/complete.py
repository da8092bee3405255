"""What the shell may complete: notebooks, run ids, step names. Silent: a completion that fails offers nothing."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from nb2flow.errors import Nb2flowError


def notebooks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Notebook files and folders whose path begins with `incomplete`."""
    start = Path(incomplete)
    folder = start if incomplete.endswith("/") else start.parent
    prefix = "" if incomplete.endswith("/") else start.name
    try:
        found = sorted(p for p in folder.iterdir() if p.name.startswith(prefix) and not p.name.startswith("."))
    except OSError:
        return []
    return [f"{p}/" if p.is_dir() else str(p) for p in found if p.is_dir() or p.suffix == ".ipynb"]


def run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the runs of the project, the newest first, and `last`."""
    from nb2flow.app import history

    try:
        known = [s.run_id for s in history.summaries(ctx.params.get("project") or Path())]
    except Nb2flowError:
        return []
    return [r for r in (*known, "last") if r.startswith(incomplete)]


def steps_of_notebook(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of the steps of the notebook that stands on the line."""
    from nb2flow.app.analysis import analyse

    path = ctx.params.get("notebook") or _notebook_on_the_line()
    if path is None:
        return []
    try:
        flow = analyse(Path(path), split=ctx.params.get("split")).flow
    except Nb2flowError:
        return []
    return [s.name for s in flow.steps if s.name.startswith(incomplete)]


def steps_of_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of the steps of the run that stands on the line."""
    from nb2flow.app import history

    try:
        found = history.find(ctx.params.get("project") or Path(), ctx.params.get("run") or "last")
    except Nb2flowError:
        return []
    return [s for s in found.state.steps if s.startswith(incomplete)]


def _notebook_on_the_line() -> str | None:
    """The notebook among the words typed so far: click itself gives up on a line whose last option has no value yet."""
    try:
        words = shlex.split(os.environ.get("COMP_WORDS", ""))
    except ValueError:  # an open quote
        return None
    return next((w for w in words if w.endswith(".ipynb")), None)
