"""A run as it goes, on a terminal that redraws (rich) or as plain lines: the shell's side of `views.progress`."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import click

from nb2flow.cli.terminal import is_live, terminal_for
from nb2flow.runs.events import AnyEvent, CancelRequested, RunCreated, RunReplanned, StepNoted
from nb2flow.runs.state import RunState, apply, fold
from nb2flow.views import progress

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_REDRAWS_A_SECOND = 8


class Display(Protocol):
    """Something that shows events while it is entered."""

    def __call__(self, event: AnyEvent) -> None:
        """Show one event."""

    def __enter__(self) -> Display:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the last picture standing."""


def display(*, quiet: bool = False, state: RunState | None = None) -> Display:
    """The display that fits where standard output goes. `quiet`: lines on standard error (standard output is for
    values). `state`: what is known already of a run that is resumed."""
    if not quiet and is_live(sys.stdout):
        return _Live(state)
    return _Lines(to_stderr=quiet)


class _Lines:
    """One line for each event worth one."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr
        self._terminal = terminal_for(sys.stderr if to_stderr else sys.stdout)

    def __call__(self, event: AnyEvent) -> None:
        line = progress.line(event, self._terminal)
        if line is not None:
            click.echo(line, err=self._to_stderr, color=self._terminal.color)

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


class _Live:
    """The graph with the status of each step, redrawn in place; what has no place in it is printed above."""

    def __init__(self, state: RunState | None) -> None:
        self._state = state
        self._terminal = terminal_for(sys.stdout)
        self._live: Live | None = None

    def __call__(self, event: AnyEvent) -> None:
        if isinstance(event, RunCreated):
            self._state = fold([event])
        elif self._state is not None:
            self._state = apply(self._state, event)
        if isinstance(event, StepNoted | RunReplanned | CancelRequested):
            line = progress.line(event, self._terminal)
            if line is not None and self._live is not None:
                self._live.console.print(self._text(line))

    def __enter__(self) -> _Live:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._picture,
            console=Console(highlight=False, markup=False, soft_wrap=True),
            refresh_per_second=_REDRAWS_A_SECOND,
        )
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, at)

    def _picture(self) -> Text:
        if self._state is None:
            return self._text("")
        size = shutil.get_terminal_size()
        self._terminal = replace(self._terminal, width=max(size.columns, 40))
        return self._text(progress.draw(self._state, time.time(), self._terminal, size.lines))

    def _text(self, drawn: str) -> Text:
        from rich.text import Text

        return Text.from_ansi(drawn, no_wrap=True)
