"""A run as one self-contained HTML page: nothing is fetched, no script runs (the page's own policy forbids both). Pure.

The caller gives the run's state and the executed notebooks as JSON values; this file knows neither files nor stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import PurePath
from typing import Any

from nb2flow.runs.state import RunState, StepState
from nb2flow.views.ansi_html import ANSI_CSS, to_html
from nb2flow.views.failure import headline, where
from nb2flow.views.graph import of_run, options_text
from nb2flow.views.notebook_html import render
from nb2flow.views.report_css import CSS
from nb2flow.views.runs import metrics, run_seconds
from nb2flow.views.standing import parts, standing
from nb2flow.views.svg import STATUS_CSS
from nb2flow.views.svg import draw as draw_svg
from nb2flow.views.terminal import GLYPHS
from nb2flow.views.words import counted, duration, moment

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(state: RunState, notebooks: Mapping[str, Mapping[str, Any]], made_by: str) -> str:
    """The report of a run. `notebooks` maps step names to executed notebooks; steps that never ran may be missing."""
    title = f"{state.plan.name}: run {state.run_id}"
    body = [
        f'<header><h1>{escape(state.plan.name)}</h1><p class="lead">run <code>{escape(state.run_id)}</code> '
        f"{_badge(state.status)} in {duration(run_seconds(state))}, begun {moment(state.created_at)}</p></header>",
        _failures(state),
        f'<section><h2>Graph</h2><div class="graph">{draw_svg(of_run(state))}</div></section>',
        _timeline(state),
        _facts(state),
        "<section><h2>Steps</h2>"
        + "\n".join(_step(state, s, notebooks) for s in state.steps.values() if state.plan.step(s.name).element is None)
        + "</section>",
        f"<footer>made by {escape(made_by)}</footer>",
    ]
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{CSS}{STATUS_CSS}{ANSI_CSS}</style></head><body><main>\n"
        + "\n".join(filter(None, body))
        + "\n</main></body></html>\n"
    )


def _badge(status: str) -> str:
    return f'<span class="badge nf-s-{status}">{GLYPHS[status][0]} {status}</span>'


def _failures(state: RunState) -> str:
    parts = []
    for step in state.steps.values():
        failure = step.failure
        if failure is None or step.status != "failed":
            continue
        place = f" at {escape(where(failure))}" if where(failure) else ""
        trace = "\n".join(failure.traceback) or failure.message
        source = f'<pre class="nb-code">{escape(failure.source_line)}</pre>' if failure.source_line else ""
        hint = f"<p>{escape(failure.hint)}</p>" if failure.hint else ""
        parts.append(
            f'<div class="failure"><h3><a href="#{escape(step.name)}">{escape(step.name)}</a>{place}: '
            f"{escape(headline(failure))}</h3>{source}{hint}<details><summary>Traceback</summary>"
            f'<pre class="nb-traceback">{to_html(trace)}</pre></details></div>'
        )
    return f"<section><h2>What failed</h2>{''.join(parts)}</section>" if parts else ""


def _timeline(state: RunState) -> str:
    """A bar for each step that ran, from the run's begin to its end, without the pauses before it was resumed."""
    timed = [(s, s.started_at, s.ended_at or state.ended_at) for s in state.steps.values() if s.started_at is not None]
    spans = [(s, state.driven(a), state.driven(b if b is not None else a)) for s, a, b in timed if a is not None]
    if not spans:
        return ""
    begin = min(a for _, a, _ in spans)
    length = max(max(b for _, _, b in spans) - begin, 0.001)
    rows = []
    for step, start, end in spans:
        left, width = 100 * (start - begin) / length, 100 * (end - start) / length
        bar = f'<span class="bar nf-s-{step.status}" style="left:{left:.2f}%;width:max({width:.2f}%,3px)"></span>'
        rows.append(
            f'<div class="span"><a href="#{escape(step.name)}">{escape(step.name)}</a><span class="track">{bar}</span>'
            f'<span class="time">{duration(end - start)}</span></div>'
        )
    busy = sum(b - a for _, a, b in spans)
    note = f"{duration(length)} of wall time for {duration(busy)} of steps"
    return f'<section><h2>Timeline</h2><p class="dim">{note}</p><div class="timeline">{"".join(rows)}</div></section>'


def _facts(state: RunState) -> str:
    rows = [
        ("notebook", PurePath(state.notebook).name),
        ("engine", state.engine),
        ("source digest", state.plan.source_digest[:16]),
    ]
    rows += [("planned again", text) for text in state.replanned]
    tables = [_table("Run", rows)]
    shown = [(f"{name} ({step})", "not given" if value is None else value) for name, step, value in metrics(state)]
    if shown:
        tables.insert(0, _table("Metrics", shown))
    if state.parameters:
        tables.append(_table("Parameters", [(k, repr(v)) for k, v in state.parameters.items()]))
    if state.versions:
        tables.append(_table("Versions", sorted(state.versions.items())))
    return f'<section class="facts">{"".join(tables)}</section>'


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th scope='row'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return f"<div><h2>{title}</h2><table>{cells}</table></div>"


def _made(title: str, outputs: Mapping[str, tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th scope='row'><code>{escape(name)}</code></th><td>{escape(kind)}</td><td>{escape(preview)}</td></tr>"
        for name, (kind, preview) in outputs.items()
    )
    return f"<h4>{title}</h4><table class='made'>{rows}</table>" if rows else ""


def _step(state: RunState, step: StepState, notebooks: Mapping[str, Mapping[str, Any]]) -> str:
    """A step with its notebook; one that ran for each element of a list holds those runs, too."""
    planned, notebook = state.plan.step(step.name), notebooks.get(step.name)
    stands, each = standing(state, step), parts(state, step.name)
    facts = [counted(len(planned.cells), "cell"), options_text(planned.options), stands.note]
    facts += [f"attempt {step.attempt}"] if step.attempt > 1 else []
    passed = {n: made for n, made in step.outputs.items() if n in planned.outputs}
    kept = {n: made for n, made in step.outputs.items() if n in (*planned.options.metrics, *planned.options.artifacts)}
    made = _made("Passed on", passed) + _made("Kept", kept)
    notes = "".join(f"<p class='dim'>{escape(n)}</p>" for n in (*planned.notes, *step.notes))
    inner = "".join(_step(state, part, notebooks) for part in each)
    if notebook is not None:
        inner = f'{inner}<div class="notebook">{render(notebook)}</div>'
    elif not each:
        inner = "<div class='notebook'><p class='dim'>No executed notebook: this step did not run.</p></div>"
    opened = " open" if stands.status == "failed" else ""
    told = " · ".join(escape(f) for f in facts if f)
    return (
        f'<details class="step" id="{escape(step.name)}"{opened}>'
        f"<summary>{_badge(stands.status)} <b>{escape(step.name)}</b> "
        f'<span class="dim">{told}</span></summary>{notes}{made}{inner}</details>'
    )
