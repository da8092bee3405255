"""A flow and its diagnostics as values of the wire. Pure."""

from __future__ import annotations

from nb2flow.app.analysis import Analysis
from nb2flow.app.editing import Fix, Suggestion, TagChange, fix_for
from nb2flow.errors import Diagnostic, Nb2flowError, has_errors
from nb2flow.flow.model import Edge, Parameter, Reason, Site, Step
from nb2flow.notebook.model import Notebook, StepOptions
from nb2flow.server import api
from nb2flow.views.graph import edge_label, options_text, reason_words

_BROKEN = "NB301"
_CLIPPED = 200


def error(code: str, message: str, hint: str = "") -> api.Error:
    """An error without diagnostics."""
    return api.Error(code=code, message=message, hint=hint, diagnostics=[])


def error_of(code: str, fault: Nb2flowError) -> api.Error:
    """One of our exceptions."""
    found = [diagnostic(d, None) for d in fault.diagnostics]
    return api.Error(code=code, message=fault.message, hint=fault.hint, diagnostics=found)


def diagnostic(found: Diagnostic, notebook: Notebook | None) -> api.Diagnostic:
    """A problem; with the notebook, also the change that mends it."""
    at = found.place
    mended = fix_for(found, notebook) if notebook is not None else None
    return api.Diagnostic(
        code=found.code,
        severity=found.severity.value,
        message=found.message,
        hint=found.hint,
        cell=at.cell,
        cell_id=at.cell_id,
        line=at.line,
        column=at.column,
        end_column=at.end_column,
        text=at.text,
        fix=_fix(mended) if mended else None,
    )


def flow(analysis: Analysis) -> api.Flow:
    """A notebook's flow."""
    notebook, built, layout = analysis.notebook, analysis.flow, analysis.layout
    ids = {c.index: c.id for c in notebook.cells}
    after = {s.name: list(s.after) for s in layout.steps}
    return api.Flow(
        dialect=built.dialect,
        language=built.language,
        kernel=built.kernel,
        steps=[_step(s, ids, after.get(s.name, [])) for s in built.steps],
        edges=[_edge(e, analysis) for e in built.edges],
        parameters=[parameter(p) for p in built.parameters],
        parameters_cell=ids.get(layout.parameters) if layout.parameters is not None else None,
        setup=[ids[i] for i in layout.setup],
        skipped=[ids[i] for i in layout.skipped],
        diagnostics=[diagnostic(d, notebook) for d in built.diagnostics],
        broken=[d.place.cell_id or "" for d in built.diagnostics if d.code == _BROKEN],
        runnable=bool(built.steps) and not has_errors(built.diagnostics),
    )


def no_flow(fault: Nb2flowError) -> api.Flow:
    """What there is to see of something that is no notebook yet: its problems."""
    return api.Flow(
        dialect="nb2flow",
        language="python",
        kernel="",
        steps=[],
        edges=[],
        parameters=[],
        parameters_cell=None,
        setup=[],
        skipped=[],
        diagnostics=[diagnostic(d, None) for d in fault.diagnostics],
        broken=[],
        runnable=False,
    )


def parameter(found: Parameter) -> api.Parameter:
    """A parameter of the pipeline."""
    return api.Parameter(name=found.name, type=found.type, default=found.default, source=found.source, line=found.line)


def suggestion(found: Suggestion, notebook: Notebook) -> api.SuggestReply:
    """Suggested steps."""
    ids = {c.index: c.id for c in notebook.cells}
    steps = [api.SuggestedStep(name=s.name, title=s.title, cells=[ids[i] for i in s.cells]) for s in found.layout.steps]
    changes = [_change(c) for c in found.changes]
    setup = [ids[i] for i in found.layout.setup]
    return api.SuggestReply(steps=steps, setup=setup, changes=changes, message=found.message)


def _fix(found: Fix) -> api.Fix:
    return api.Fix(title=found.title, changes=[_change(c) for c in found.changes])


def _change(found: TagChange) -> api.CellTags:
    return api.CellTags(cell_id=found.cell_id, add=list(found.add), remove=list(found.remove))


def _step(step: Step, ids: dict[int, str], after: list[str]) -> api.FlowStep:
    return api.FlowStep(
        name=step.name,
        title=step.title,
        cells=[ids[i] for i in step.cells],
        options=_options(step.options),
        text=options_text(step.options),
        after=after,
        inputs=[api.FlowInput(name=i.name, source=i.source) for i in step.inputs],
        outputs=list(step.outputs),
        parameters=list(step.parameters),
        files=list(step.files),
        replayed=list(dict.fromkeys(r.cell_id for r in step.replay)),
        notes=list(step.notes),
    )


def _options(options: StepOptions) -> api.Options:
    return api.Options(
        gpu=options.gpu,
        gpu_resource=options.gpu_resource,
        cpu=options.cpu,
        memory=options.memory,
        disk=options.disk,
        image=options.image,
        node=dict(options.node),
        retries=options.retries,
        timeout=options.timeout,
        cache=options.cache,
        env=dict(options.env),
        secrets=list(options.secrets),
        each=options.each,
        gather=options.gather,
        metrics=list(options.metrics),
        artifacts=list(options.artifacts),
    )


def _edge(edge: Edge, analysis: Analysis) -> api.FlowEdge:
    reasons = [_reason(r, analysis) for r in edge.reasons]
    return api.FlowEdge(
        source=edge.source,
        target=edge.target,
        carries=list(edge.carries),
        label=edge_label(edge),
        hidden=all(r.hidden for r in reasons),
        reasons=reasons,
    )


def _reason(reason: Reason, analysis: Analysis) -> api.Reason:
    return api.Reason(
        kind=reason.kind,
        name=reason.name,
        words=reason_words(reason),
        hidden=reason.kind not in ("variable", "order"),
        defined=_site(reason.defined, analysis),
        used=_site(reason.used, analysis),
    )


def _site(site: Site | None, analysis: Analysis) -> api.Site | None:
    if site is None:
        return None
    code = analysis.line_at(site)[:_CLIPPED]
    return api.Site(cell=site.cell, cell_id=analysis.notebook.cells[site.cell].id, line=site.line, code=code)
