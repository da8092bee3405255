"""A run while it goes: a picture of its state at a moment (for a live terminal) and one line for each event (for logs).

Pure: the moment is an argument, and redrawing is the shell's business.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import PurePath

from nb2flow.runs.events import (
    AnyEvent,
    CancelRequested,
    RunCreated,
    RunFinished,
    RunReplanned,
    StepCached,
    StepCancelled,
    StepFailed,
    StepNoted,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from nb2flow.runs.state import RunState, StepState
from nb2flow.views.failure import headline
from nb2flow.views.graph import Graph, Node, of_plan
from nb2flow.views.rails import draw as draw_rails
from nb2flow.views.standing import status_note
from nb2flow.views.terminal import Terminal
from nb2flow.views.words import counted, duration, shortened

_BAR = 12


def draw(state: RunState, now: float, terminal: Terminal, height: int = 50) -> str:
    """The run at Unix time `now`: a row for each step, then a line of totals, in at most `height` lines."""
    plain = of_plan(state.plan)
    nodes = tuple(_node(n, state.steps.get(n.name), now, terminal) for n in plain.nodes)
    lines = draw_rails(Graph(plain.title, nodes, plain.links), terminal).split("\n")
    if len(lines) > height - 2:
        lines = _window(lines, nodes, max(height - 3, 3), terminal)
    return "\n".join([*lines, totals(state, now, terminal)])


def totals(state: RunState, now: float, terminal: Terminal) -> str:
    """`3 of 7 steps done, 2 running, 12 s`."""
    counts = Counter(s.status for s in state.steps.values())
    done = counts["succeeded"] + counts["cached"]
    words = [f"{done} of {counted(len(state.steps), 'step')} done"]
    words += [f"{counts[status]} {status}" for status in ("running", "retrying", "failed", "skipped") if counts[status]]
    words.append(duration(state.driven(state.ended_at or now)))
    return terminal.paint(", ".join(words), "dim")


def _node(node: Node, step: StepState | None, now: float, terminal: Terminal) -> Node:
    step = step or StepState(node.name)
    note = status_note(step)
    if step.status == "running":
        elapsed = duration(now - step.started_at) if step.started_at else ""
        if step.cells:
            filled = round(_BAR * max(step.cell - 1, 0) / step.cells)
            bar = terminal.sign("█", "#") * filled + terminal.sign("░", ".") * (_BAR - filled)
            note = f"{bar} cell {max(step.cell, 1)} of {step.cells}, {elapsed}"
        else:
            note = f"starting, {elapsed}"
        if step.attempt > 1:
            note += f", attempt {step.attempt}"
    elif step.status == "waiting":
        note = ""
    return Node(node.name, node.title, node.detail, step.status, note)


def _window(lines: list[str], nodes: tuple[Node, ...], room: int, terminal: Terminal) -> list[str]:
    """The rows that matter when not all fit: running and failed ones first, in their order."""
    urgent = [i for i, n in enumerate(nodes) if n.status in ("running", "retrying", "failed")]
    rest = [i for i, n in enumerate(nodes) if n.status not in ("running", "retrying", "failed")]
    kept = sorted((urgent + [i for i in rest if nodes[i].status == "waiting"] + rest)[:room])
    kept = sorted(set(kept))
    hidden = len(lines) - len(kept)
    return [
        *(lines[i] for i in kept),
        terminal.paint(f"{terminal.sign('…', '...')} and {counted(hidden, 'more step')}", "dim"),
    ]


def line(event: AnyEvent, terminal: Terminal) -> str | None:
    """One timestamped line for an event worth a line, else None (cell starts are for the live display only)."""
    words = _words(event, terminal)
    if words is None:
        return None
    return f"{time.strftime('%H:%M:%S', time.localtime(event.at))} {words}"


def _words(event: AnyEvent, terminal: Terminal) -> str | None:
    match event:
        case RunCreated():
            return f"run {event.run_id} of {PurePath(event.notebook).name}"
        case RunReplanned():
            return "planned again: " + "; ".join(event.because)
        case StepStarted():
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return f"{terminal.glyph('running')} {event.step} started{again}"
        case StepSucceeded():
            return f"{terminal.glyph('succeeded')} {event.step} done in {duration(event.seconds)}"
        case StepCached():
            return f"{terminal.glyph('cached')} {event.step} unchanged since run {event.run_id}"
        case StepFailed():
            after = f"; attempt {event.attempt + 1} in {duration(event.delay)}" if event.will_retry else ""
            words = f"{event.step} failed after {duration(event.seconds)}: {headline(event.failure)}{after}"
            return f"{terminal.glyph('failed')} {words}"
        case StepSkipped():
            because = f"needs {shortened(event.because, 40)}" if event.because else "not asked for"
            return f"{terminal.glyph('skipped')} {event.step} skipped: {because}"
        case StepCancelled():
            return f"{terminal.glyph('cancelled')} {event.step} stopped"
        case StepNoted():
            return f"  {event.step}: {event.text}"
        case CancelRequested():
            return "stopping (Ctrl-C)" if event.who == "ctrl-c" else "stopping: asked for by nb2flow cancel"
        case RunFinished():
            took = f" in {duration(event.seconds)}" if event.seconds else ""  # who only leaves does not say how long
            return f"run {event.status}{took}"
        case _:
            return None
