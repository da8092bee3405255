"""Runs as tables and JSON: the list of runs, one run in full, and the last words of a run that has ended. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

import msgspec

from nb2flow.runs.state import RunState, StepState
from nb2flow.views.failure import headline, where
from nb2flow.views.graph import of_run
from nb2flow.views.rails import draw as draw_rails
from nb2flow.views.standing import progress
from nb2flow.views.terminal import Terminal, stripped
from nb2flow.views.words import ago, clipped, counted, duration, moment


def columns(rows: Iterable[tuple[str, ...]], terminal: Terminal, header: tuple[str, ...] = ()) -> str:
    """Rows as aligned columns, two spaces between; ANSI colours do not count as width. The last column is clipped."""
    table = ([tuple(terminal.paint(h, "bold") for h in header)] if header else []) + list(rows)
    if not table:
        return ""
    widths = [max(len(stripped(row[i])) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell + " " * (width - len(stripped(cell))) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def table(states: Iterable[RunState], now: float, terminal: Terminal) -> str:
    """The list of runs, newest first as given: RUN, STATUS, STEPS, TIME, BEGAN, NOTEBOOK."""
    rows = []
    for state in states:
        done, asked = progress(state)
        rows.append(
            (
                state.run_id,
                f"{terminal.glyph(state.status)} {state.status}",
                f"{done}/{asked}",
                duration(run_seconds(state, now)),
                ago(max(now - state.created_at, 0)),
                clipped(PurePath(state.notebook).name, 40),
            )
        )
    return columns(rows, terminal, ("RUN", "STATUS", "STEPS", "TIME", "BEGAN", "NOTEBOOK"))


def run_seconds(state: RunState, now: float | None = None) -> float | None:
    """How long the run has been driven, in seconds, without the time between a stop and a resume.

    None when it has not begun (or, without `now`, not ended).
    """
    end = state.ended_at if state.ended_at is not None else now if state.status == "running" else None
    ends = [s.ended_at for s in state.steps.values() if s.ended_at is not None]
    if end is None and ends:
        end = max(ends)
    return None if end is None or state.started_at is None else state.driven(end)


def metrics(state: RunState) -> list[tuple[str, str, str | None]]:
    """(name, step, value) of each metric that the notebook asks for, in its order; no value: its step has not given it.

    Of a step that ran for each element of a list, each of those runs has its own.
    """
    return [
        (name, step.name, state.steps[step.name].outputs.get(name, ("", None))[1])
        for step in state.plan.steps
        if step.name in state.steps and not (step.each is not None and step.each.instances and step.element is None)
        for name in step.options.metrics
    ]


def _metric_rows(state: RunState) -> list[tuple[str, str]]:
    found = [(name, step, value) for name, step, value in metrics(state) if value is not None]
    often = Counter(name for name, _, _ in found)
    return [(name if often[name] == 1 else f"{name} ({step})", value) for name, step, value in found]


def draw(state: RunState, now: float, terminal: Terminal, folder: str) -> str:
    """One run in full: what it was, its graph with the status of each step, failures, notes, and what to type next."""
    facts = [
        ("run", terminal.paint(state.run_id, "bold")),
        ("status", f"{terminal.glyph(state.status)} {state.status}"),
        ("notebook", state.notebook),
        ("began", f"{moment(state.created_at)} ({ago(max(now - state.created_at, 0))})"),
        ("time", duration(run_seconds(state, now))),
    ]
    if state.parameters:
        facts.append(("parameters", ", ".join(f"{k}={v!r}" for k, v in state.parameters.items())))
    asked = [f"--only {state.only}"] if state.only else []
    asked += [f"--from {state.start_from}"] if state.start_from else []
    asked += [] if state.use_cache else ["--no-cache"]
    if asked:
        facts.append(("asked for", " ".join(asked)))
    facts.append(("folder", folder))
    parts = [columns(((terminal.paint(k, "dim"), v) for k, v in facts), terminal), draw_rails(of_run(state), terminal)]
    if shown := _metric_rows(state):
        parts.append(columns(shown, terminal))
    told = [f"planned again: {because}" for because in state.replanned]
    told += [f"{s.name}: {note}" for s in state.steps.values() for note in s.notes]
    if told:
        parts.append("\n".join(told))
    failed = [s for s in state.steps.values() if s.failure is not None and s.status == "failed"]
    if failed:
        parts.append("\n".join(_failed_line(s, terminal) for s in failed))
    parts.append(next_commands(state, terminal, shown=True))
    return "\n\n".join(parts)


def _failed_line(step: StepState, terminal: Terminal) -> str:
    if step.failure is None:
        return ""
    place = where(step.failure)
    return f"{terminal.glyph('failed')} {step.name}{' at ' + place if place else ''}: {headline(step.failure)}"


def last_words(state: RunState, terminal: Terminal, results: str) -> str:
    """What a run came to, where its results are (`results`, as the reader names the folder) and what to type next."""
    counts = Counter(s.status for s in state.steps.values())
    words = [counted(counts["succeeded"], "step") + " run" if counts["succeeded"] else ""]
    words += [f"{counts['cached']} unchanged and taken from earlier runs" if counts["cached"] else ""]
    words += [f"{counts[s]} {s}" for s in ("failed", "skipped", "cancelled") if counts[s]]
    seconds = run_seconds(state)
    head = f"run {state.run_id} {state.status}" + (f" in {duration(seconds)}" if seconds is not None else "")
    told = ", ".join(filter(None, words))
    return "\n".join(
        [
            f"{terminal.glyph(state.status)} {terminal.paint(head, 'bold')}{': ' + told if told else ''}",
            *(f"  {line}" for line in columns(_metric_rows(state), terminal).splitlines()),
            f"  results: {results}",
            *(f"  {line}" for line in next_commands(state, terminal).splitlines()),
        ]
    )


def next_commands(state: RunState, terminal: Terminal, *, shown: bool = False) -> str:
    """The commands that make sense after (or during) this run, each with a word on what it does (`shown`: not show)."""
    run = shlex.quote(state.run_id)
    rows = []
    if state.status in ("failed", "cancelled", "interrupted"):
        rows.append((f"nb2flow resume {run}", "go on where it stopped; finished steps are kept"))
    if state.status == "running":
        rows.append((f"nb2flow cancel {run}", "stop it"))
        rows.append((f"nb2flow logs {run} -f", "follow what it prints"))
    else:
        failed = next((s.name for s in state.steps.values() if s.status == "failed"), None)
        if failed:
            rows.append(
                (f"nb2flow debug {run} {failed} --lab", "the failed step in JupyterLab, with its inputs loaded")
            )
        if not shown:
            rows.append((f"nb2flow show {run}", "the run in short"))
        rows.append((f"nb2flow report {run} --open", "the run as one HTML page"))
    return columns(((terminal.paint(c, "cyan"), terminal.paint(w, "dim")) for c, w in rows), terminal)


def to_value(state: RunState, folder: str | None = None) -> dict[str, object]:
    """A run as JSON values with stable keys; times are Unix seconds, durations seconds."""
    value: dict[str, object] = {
        "run": state.run_id,
        "status": state.status,
        "notebook": state.notebook,
        "engine": state.engine,
        "parameters": state.parameters,
        "created_at": state.created_at,
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "seconds": run_seconds(state),
        "versions": state.versions,
        "replanned": list(state.replanned),
        "metrics": [{"name": name, "step": step, "value": value} for name, step, value in metrics(state)],
        "steps": [_step_value(s) for s in state.steps.values()],
    }
    if folder is not None:
        value["folder"] = folder
    return value


def _step_value(step: StepState) -> dict[str, object]:
    return {
        "step": step.name,
        "status": step.status,
        "attempt": step.attempt,
        "cell": step.cell,
        "cells": step.cells,
        "started_at": step.started_at,
        "seconds": step.seconds,
        "cached_from": step.cached_from,
        "because": list(step.because),
        "notes": list(step.notes),
        "outputs": {k: {"type": t, "preview": p} for k, (t, p) in step.outputs.items()},
        "failure": msgspec.to_builtins(step.failure) if step.failure is not None else None,
    }
