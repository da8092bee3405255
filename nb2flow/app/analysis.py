"""From a notebook's path to its flow: read, lay out, ask what comes from outside, recall earlier runs, analyse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nb2flow import config, flow, notebook
from nb2flow.app import observed, scripts, seeding
from nb2flow.config import Settings
from nb2flow.errors import Diagnostic, UsageError
from nb2flow.flow.model import Flow, Observations, Outside, Site
from nb2flow.notebook.model import Layout, Notebook


@dataclass(frozen=True, slots=True)
class Analysis:
    """A notebook understood: the document, its layout, its flow (with all diagnostics) and what it was made with."""

    path: Path
    notebook: Notebook
    layout: Layout
    flow: Flow
    settings: Settings
    outside: Outside
    seen: Observations

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every problem found, by cell and line."""
        return self.flow.diagnostics

    def line_at(self, site: Site) -> str:
        """The source line at a site, without its newline; empty when there is no such line."""
        lines = self.notebook.cells[site.cell].source.splitlines()
        return lines[site.line - 1] if 1 <= site.line <= len(lines) else ""

    def refined(self, observations: Observations) -> Analysis:
        """The same notebook, analysed again with more known about what its steps do."""
        seen = self.seen | observations
        again = flow.build(self.notebook, self.layout, outside=self.outside, observed=seen)
        return dataclasses.replace(self, flow=again, seen=seen)


def analyse(
    path: Path,
    *,
    split: str | None = None,
    kernel: str | None = None,
    settings: Settings | None = None,
    source: Path | None = None,
) -> Analysis:
    """Read and analyse the notebook at `path`.

    `split` is None (tags, or headings when there are none), `tags`, `headings`, `cells` or `whole`; `kernel` replaces
    the kernel that the notebook names; `source` is a copy of the notebook to be read instead. Raises NotebookError when
    there is nothing to analyse; problems inside the notebook are in the result's `diagnostics`.
    """
    settings = settings or config.find(path)
    document = notebook.read(source or path)
    if source is not None:
        document = dataclasses.replace(document, name=path.stem)
    if kernel is not None:
        document = dataclasses.replace(document, kernel=kernel)
    return understand(path, document, split=split, settings=settings)


def understand(
    path: Path,
    document: Notebook,
    *,
    split: str | None = None,
    settings: Settings,
    ask: bool = True,
    build: Callable[..., Flow] = flow.build,
) -> Analysis:
    """Analyse a notebook that has been read and that lies (or will) at `path`. Without `ask` no code of anybody's is
    run, not even the import of a module to learn what a star import brings."""
    layout = notebook.lay_out(document, split)
    modules = flow.star_modules(document)
    folder = path.resolve().parent
    resolved: dict[str, frozenset[str]] = {}
    if modules:
        from nb2flow.app import stars  # few notebooks have one, and finding kernels takes its time

        resolved = stars.resolve(modules, document.kernel, folder, settings.home, ask=ask)
    seeds = seeding.modules((cell.source for cell in document.code), folder)
    outside = Outside(resolved, scripts.read(flow.run_files(document), folder, settings.root), seeds)
    seen = observed.recall(settings.home, document)
    built = build(document, layout, outside=outside, observed=seen)
    return Analysis(path, document, layout, built, settings, outside, seen)


def named_step(flow_: Flow, name: str) -> str:
    """`name` if the flow has such a step; UsageError with a guess otherwise."""
    names = [s.name for s in flow_.steps]
    if name in names:
        return name
    raise unknown_step(name, names)


def unknown_step(name: str, names: list[str]) -> UsageError:
    """The error for a step that is not there, with the nearest name or all of them."""
    import difflib

    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"its steps are: {', '.join(names)}"
    return UsageError(f"there is no step '{name}'", hint=hint)
