"""The command line's front door: a table of commands, loaded when they are named; every fault turned into a message.

Shells only translate: arguments to a use case of `nb2flow.app`, its value to a view, its faults to an exit code that
names the stage. Nothing heavy may be imported here (`nb2flow --help` stays under 0.1 s of CPU).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from nb2flow import __version__
from nb2flow.cli.terminal import terminal_for
from nb2flow.errors import Diagnostic, ExitCode, Nb2flowError, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: where it lives (`module:attribute`), its line in the help, whether it parses its arguments itself."""

    target: str
    help: str
    raw: bool = False


SECTIONS: dict[str, dict[str, Entry]] = {
    "Understand a notebook": {
        "check": Entry("check:check", "Every problem of a notebook, with the place and what to do."),
        "graph": Entry("analyse:graph", "The steps and what flows between them; in the terminal or as a picture."),
        "why": Entry("analyse:why", "Why one step comes after another."),
        "convert": Entry("convert:convert", "Write the step notebooks and the plan into a folder."),
        "env": Entry("env:env", "What each step imports, the packages behind it, and a lock."),
        "image": Entry("image:image", "The image that runs the notebook's steps elsewhere: show it, build it."),
    },
    "Run it": {
        "run": Entry("run:run", "Run a notebook as a pipeline, independent steps side by side."),
        "resume": Entry("run:resume", "Go on with a run that failed, was interrupted or killed."),
        "attach": Entry("attach:attach", "Watch a run that goes on elsewhere: in the cluster, in another terminal."),
        "cancel": Entry("run:cancel", "Stop a run that goes on elsewhere."),
        "verify": Entry("verify:verify", "Prove that the pipeline gives what the notebook gives."),
    },
    "Look at runs": {
        "runs": Entry("look:runs", "The list of runs."),
        "show": Entry("look:show", "One run: status of each step, failures, where its files are."),
        "logs": Entry("look:logs", "What a run's steps printed; -f follows."),
        "open": Entry("look:open_", "The executed notebook of a step: its path, or --lab."),
        "debug": Entry("look:debug", "A notebook of a step that loads the step's inputs, for a live kernel."),
        "report": Entry("look:report", "A run as one HTML page."),
    },
    "Compare versions": {
        "diff": Entry("diff:main", "What changed between two versions of a notebook.", raw=True),
        "merge": Entry("diff:merge_main", "Merge two versions of a notebook.", raw=True),
        "patch": Entry("diff:patch_main", "Apply a notebook diff.", raw=True),
        "clean": Entry("git:clean_main", "Strip outputs and noise from notebooks.", raw=True),
        "git": Entry("git:main", "Teach git to read notebooks.", raw=True),
    },
    "This program": {
        "doctor": Entry("doctor:doctor", "Whether this machine has what a run needs."),
        "cluster": Entry("cluster:cluster", "Whether a cluster has what runs need; the rights to ask for."),
        "completion": Entry("completion:completion", "Completion for bash, zsh or fish."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}

SHORT_HELP = """\
nb2flow turns a notebook that works into a pipeline of step notebooks and runs it.

  nb2flow check NOTEBOOK   every problem, with the place and what to do
  nb2flow graph NOTEBOOK   the steps and what flows between them
  nb2flow run NOTEBOOK     run it, independent steps side by side

nb2flow --help lists all commands."""


class Commands(click.Group):
    """The group of all commands; a command's module is imported when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, its module now imported."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if entry.raw:
            return Forwarding(cmd_name, entry)
        command: click.Command = _load(entry.target)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess for a mistyped name."""
        name = args[0] if args else ""
        if name == "run" and not ctx.resilient_parsing:  # as when a shell completes a line
            from nb2flow.app.ahead import expect_run

            expect_run(args[1:])  # before what it takes to understand the notebook is loaded
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f" Did you mean '{near[0]}'?" if near else " See nb2flow --help."
        if name.endswith(".ipynb"):
            hint = f" To run a notebook: nb2flow run {shlex.quote(name)}"
        return ctx.fail(f"There is no command '{name}'.{hint}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, from the table alone: no module is imported for the help."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])


class Forwarding(click.Command):
    """A command that hands its arguments, unread, to a function that returns an exit code."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help, add_help_option=False)
        self._target = entry.target

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep all arguments as they are, `--` too."""
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> None:
        """Call the function."""
        function: Callable[[Sequence[str]], int] = _load(self._target)
        ctx.exit(function(ctx.args))


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(f"nb2flow.cli.{module}"), attribute)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="nb2flow", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks (may stand anywhere on the line).")
@click.pass_context
def nb2flow(ctx: click.Context, debug: bool) -> None:
    """Turn a notebook that works into a pipeline of step notebooks, and run it.

    Steps come from tags (step:NAME) or, without tags, from headings. `nb2flow COMMAND --help` tells more.
    """
    if ctx.invoked_subcommand is None:
        click.echo(SHORT_HELP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (sys.argv by default) and return its exit code, an `nb2flow.errors.ExitCode`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(500_000)  # a command makes many small values and ends: looking for cycles is a sixth of its time
    atexit.register(gc.freeze)  # else Python looks through everything once more before it leaves
    debug = bool(os.environ.get("NB2FLOW_DEBUG")) or "--debug" in given
    given = [a for a in given if a != "--debug"]
    try:
        code = nb2flow.main(given, prog_name="nb2flow", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is wrong. Python must not complain when it flushes at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except Nb2flowError as error:
        if debug:
            traceback.print_exc()
        show_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a shell's last word: whatever happens, no traceback unless asked
        if debug:
            traceback.print_exc()
            return ExitCode.BUG
        words = str(error) or type(error).__name__
        _complain(f"this is a fault of nb2flow, not yours ({type(error).__name__}): {words}")
        click.echo("Please report it with the output of the same command with --debug.", err=True)
        return ExitCode.BUG
    return int(code) if isinstance(code, int) else ExitCode.OK


def show_error(error: Nb2flowError) -> None:
    """The error on standard error: its diagnostics, its message, its hint."""
    terminal = terminal_for(sys.stderr)
    if error.diagnostics:
        from nb2flow.views import diagnostics

        for diagnostic in error.diagnostics:
            click.echo(diagnostics.draw(diagnostic, terminal), err=True, color=terminal.color)
        if len(error.diagnostics) == 1 and error.diagnostics[0].message == error.message:
            return
    _complain(error.message)
    if error.hint:
        click.echo(f"{terminal.paint('hint:', 'bold')} {error.hint}", err=True, color=terminal.color)


def show_notes(diagnostics: Iterable[Diagnostic]) -> None:
    """Warnings and notes on standard error, before the work that goes on despite them."""
    from nb2flow.views.diagnostics import draw

    terminal = terminal_for(sys.stderr)
    for diagnostic in diagnostics:
        if diagnostic.severity is not Severity.ERROR:
            click.echo(draw(diagnostic, terminal), err=True, color=terminal.color)


def _complain(message: str) -> None:
    terminal = terminal_for(sys.stderr)
    click.echo(f"{terminal.paint('error:', 'red', 'bold')} {message}", err=True, color=terminal.color)


def echo(text: str, **options: Any) -> None:
    """Print to standard output. Colours were decided when the text was made: click must not strip them again."""
    click.echo(text, color=True, **options)
