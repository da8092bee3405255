"""`cluster`: what a cluster has and lacks for runs, and the rights that an administrator must give."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.cli.arguments import json_option, print_json, project_option
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import ExitCode


@click.command()
@click.argument("action", type=click.Choice(["check", "manifests"]))
@click.option("--profile", metavar="NAME", help="The profile of the project's file.  [default: the only one]")
@click.option("--no-pod", is_flag=True, help="check: do not start a pod that looks from inside.")
@click.option("--argo", is_flag=True, help="manifests: also what `run --engine argo` needs.")
@click.option("--hold", is_flag=True, help="manifests: also what `debug --hold` needs.")
@project_option
@json_option
@click.pass_context
def cluster(
    ctx: click.Context,
    action: str,
    profile: str | None,
    no_pod: bool,
    argo: bool,
    hold: bool,
    project: Path,
    as_json: bool,
) -> None:
    """Look at what runs need of a cluster (check), or print the least rights that they need (manifests).

    `check` asks for everything in the order in which a run would need it, ends with a pod that uses the profile's image
    and store as a step would, and exits with 6 if anything is missing.
    """
    from nb2flow.app import cluster as use

    chosen = use.profile_at(project, profile)
    if action == "manifests":
        echo(use.rights(chosen, argo=argo, hold=hold).rstrip())
        return
    answers = []
    terminal = out()
    for answer in use.check(chosen, inside=not no_pod):
        answers.append(answer)
        if not as_json:
            glyph = terminal.glyph({True: "succeeded", False: "failed", None: "waiting"}[answer.ok])
            echo(f"{glyph} {terminal.paint(answer.what, 'bold')}: {answer.found}")
            if answer.hint:
                echo(f"    hint: {answer.hint}")
    if as_json:
        print_json([{"what": a.what, "ok": a.ok, "found": a.found, "hint": a.hint} for a in answers])
    ctx.exit(ExitCode.ENVIRONMENT if any(a.ok is False for a in answers) else ExitCode.OK)
