"""`graph` and `why`: the flow of a notebook, drawn and explained without running it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from nb2flow.app.analysis import Analysis, analyse, named_step
from nb2flow.app.output import write_text
from nb2flow.cli import complete
from nb2flow.cli.arguments import json_option, notebook_argument, print_json, split_option
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import Severity, UsageError
from nb2flow.views import graph as graph_view
from nb2flow.views import markup, rails, svg
from nb2flow.views import why as why_view
from nb2flow.views.terminal import Terminal
from nb2flow.views.words import counted

FORMATS = ("terminal", "mermaid", "svg", "dot", "json")
_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".json": "json"}


@click.command()
@notebook_argument
@click.option("--format", "kind", type=click.Choice(FORMATS), help="[default: terminal, or what FILE's ending says]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write into FILE.", metavar="FILE"
)
@click.option("--run", shell_complete=complete.run_ids, help="Draw how this run (an id, or `last`) fared.")
@split_option
def graph(notebook: Path, kind: str | None, output: Path | None, run: str | None, split: str | None) -> None:
    """Draw the steps of a notebook and what flows between them."""
    kind = kind or (_SUFFIXES.get(output.suffix.lower(), "terminal") if output else "terminal")
    terminal = out() if output is None else Terminal(width=100)
    if run is not None:
        from nb2flow.app import history

        text = _drawn(graph_view.of_run(history.find(notebook, run).state), kind, terminal)
        analysis = None
    else:
        analysis = analyse(notebook, split=split)
        text = _drawn(graph_view.of_flow(analysis.flow), kind, terminal, _notes(analysis))
    if output is not None:
        write_text(output, text)
        echo(f"wrote {output}")
    else:
        echo(text.rstrip("\n"))
    broken = sum(d.severity is Severity.ERROR for d in analysis.diagnostics) if analysis else 0
    if broken:
        click.echo(f"{counted(broken, 'error')} in this notebook: nb2flow check {shlex.quote(str(notebook))}", err=True)


def _notes(analysis: Analysis) -> list[str]:
    return [f"{s.name}: {note}" for s in analysis.flow.steps for note in s.notes]


def _drawn(drawn: graph_view.Graph, kind: str, terminal: Terminal, notes: Iterable[str] = ()) -> str:
    if kind == "json":
        return json.dumps(graph_view.to_value(drawn), indent=2, ensure_ascii=False) + "\n"
    if kind == "terminal":
        return rails.draw(drawn, terminal) + "\n" + "".join(f"\n{terminal.paint(n, 'dim')}" for n in notes)
    return {"mermaid": markup.mermaid, "dot": markup.dot, "svg": svg.draw}[kind](drawn)


@click.command()
@notebook_argument
@click.argument("step", shell_complete=complete.steps_of_notebook)
@click.argument("other", shell_complete=complete.steps_of_notebook)
@split_option
@json_option
def why(notebook: Path, step: str, other: str, split: str | None, as_json: bool) -> None:
    """Say why STEP and OTHER run one after the other: which variable, file, state or tag; or that they need not."""
    analysis = analyse(notebook, split=split)
    a, b = named_step(analysis.flow, step), named_step(analysis.flow, other)
    if a == b:
        raise UsageError("name two different steps")
    if as_json:
        print_json(why_view.to_value(analysis.flow, a, b))
    else:
        echo(why_view.draw(analysis.flow, a, b, analysis.line_at, out()))
