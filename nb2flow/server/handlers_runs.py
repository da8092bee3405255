"""Handlers of routes about runs: begin, follow, stop, look into, compare, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import tornado.web

from nb2flow import __version__
from nb2flow.app import debugging, detached, history, running
from nb2flow.app.detached import Launched, Order
from nb2flow.diff.changes import Scope
from nb2flow.runs.portable import portable
from nb2flow.server import api_diff, api_runs, encode_diff, encode_runs, following
from nb2flow.server.handlers import LARGEST_NOTEBOOK, Context, Handler, allowed, answers
from nb2flow.server.handlers_flow import side
from nb2flow.server.projects import Listed
from nb2flow.views.report import page

_LIMIT = 200


class Runs(Handler):
    """The list of runs, and new ones."""

    largest = LARGEST_NOTEBOOK
    _track_activity = False  # a page that asks again and again is nobody at work

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self) -> api_runs.RunsReply:
        """Answer."""
        limit = self.asked_number("limit", _LIMIT)
        return await self.apart(_runs, self.context, self.asked("path"), self.asked("since"), limit)

    @tornado.web.authenticated
    @allowed("execute", "kernels")
    @answers
    async def post(self) -> api_runs.Started:
        """Answer."""
        request = self.decoded(api_runs.RunRequest)
        return await self.apart(_start, self.context, request)


def _runs(context: Context, path: str, since: str, limit: int) -> api_runs.RunsReply:
    file = context.places.file(path)
    settings = [context.projects.of(file)] if path.strip("/") else context.projects.all()
    return following.runs(context.projects, context.places, settings, since, limit)


def _start(context: Context, request: api_runs.RunRequest) -> api_runs.Started:
    path = context.places.notebook(request.path)
    settings = context.projects.of(path)
    order = Order(
        notebook=str(path),
        parameters=portable(request.parameters),
        only=request.only,
        start_from=request.start_from,
        use_cache=request.use_cache,
        split=request.split,
        kernel=request.kernel,
        jobs=request.jobs,
        engine=request.engine,
        profile=request.profile,
    )
    return _started(detached.start(order, request.content, settings))


def _started(launched: Launched) -> api_runs.Started:
    return api_runs.Started(run=launched.run_id, content_hash=launched.content_hash)


class Run(Handler):
    """One run."""

    _track_activity = False

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self, run: str) -> api_runs.RunReply:
        """Answer."""
        return await self.apart(lambda: encode_runs.run(_listed(self.context, run), self.context.places))

    @tornado.web.authenticated
    @allowed("write", "contents")
    @answers
    async def delete(self, run: str) -> None:
        """Answer."""
        await self.apart(lambda: history.delete(self.context.projects.find(run)))
        self.context.projects.forget(run)


def _listed(context: Context, run: str) -> Listed:
    found = context.projects.find(run)
    return context.projects.listed(found.settings, run)


class Events(Handler):
    """A run's events."""

    _track_activity = False

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self, run: str) -> api_runs.EventsReply:
        """Answer."""
        return await self.apart(_events, self.context, run, self.asked_number("since", 0))


def _events(context: Context, run: str, since: int) -> api_runs.EventsReply:
    found = context.projects.find(run)
    told = [encode_runs.event(number, event) for number, event in history.events(found, since)]
    last = told[-1].number if told else since
    return api_runs.EventsReply(events=told, since=last, status=found.state.status)


class Cancel(Handler):
    """Stop a run."""

    @tornado.web.authenticated
    @allowed("execute", "kernels")
    @answers
    async def post(self, run: str) -> None:
        """Answer."""
        await self.apart(lambda: running.cancel_found(self.context.projects.find(run)))


class Resume(Handler):
    """Go on with a run."""

    @tornado.web.authenticated
    @allowed("execute", "kernels")
    @answers
    async def post(self, run: str) -> api_runs.Started:
        """Answer."""
        return await self.apart(lambda: _started(detached.go_on(self.context.projects.find(run))))


class Rerun(Handler):
    """Run the notebook of a run again, from a step or that step alone."""

    @tornado.web.authenticated
    @allowed("execute", "kernels")
    @answers
    async def post(self, run: str) -> api_runs.Started:
        """Answer."""
        request = self.decoded(api_runs.RerunRequest)
        only, start_from = (request.step, None) if request.what == "only" else (None, request.step)
        found = await self.apart(self.context.projects.find, run)
        launched = await self.apart(lambda: detached.again(found, only=only, start_from=start_from))
        return _started(launched)


class Report(Handler):
    """A run as one HTML page."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self, run: str) -> str:
        """Answer."""
        return await self.apart(_report, self.context, run)


def _report(context: Context, run: str) -> str:
    found = context.projects.find(run)
    notebooks = {name: nb for name in found.state.steps if (nb := found.notebook(name)) is not None}
    return page(found.state, notebooks, f"nb2flow {__version__}")


class Log(Handler):
    """What a step printed."""

    _track_activity = False

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self, run: str, step: str) -> api_runs.LogReply:
        """Answer."""
        return await self.apart(lambda: following.log(self.context.projects.find(run), step, self.asked("since")))


class StepNotebook(Handler):
    """A step's executed notebook as it grows."""

    _track_activity = False

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self, run: str, step: str) -> api_runs.StepNotebookReply:
        """Answer."""
        return await self.apart(
            lambda: following.step_notebook(self.context.projects.find(run), step, self.asked("since"))
        )


class Open(Handler):
    """A notebook file to open a step in."""

    @tornado.web.authenticated
    @allowed("write", "contents")
    @answers
    async def post(self, run: str, step: str) -> api_runs.OpenReply:
        """Answer."""
        request = self.decoded(api_runs.OpenRequest)
        return await self.apart(_open, self.context, run, step, request.what)


def _open(context: Context, run: str, step: str, what: str) -> api_runs.OpenReply:
    """Beside the notebook of the run where the contents manager serves that folder, else in its root."""
    found = context.projects.find(run)
    source = Path(found.state.notebook)
    inside = context.places.path(source) is not None and source.parent.is_dir()
    folder = source.parent if inside else context.places.file("")
    write = debugging.open_with_inputs if what == "inputs" else debugging.copy_executed
    return api_runs.OpenReply(path=str(context.places.path(write(found, step, folder))))


class Compare(Handler):
    """Two runs side by side."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self) -> api_diff.CompareReply:
        """Answer."""
        names = [self.asked("left"), self.asked("right")]
        step = self.asked("step") or None
        left, right = [await self.apart(_listed, self.context, n) for n in names]
        sides = [await self.apart(_version, self.context, n, step) for n in names]
        notebook = None
        if None not in sides:
            (a, a_name), (b, b_name) = sides  # type: ignore[misc]
            body = await self.context.analyst.call(encode_diff.compare_bytes, a, a_name, b, b_name, Scope())
            notebook = msgspec.json.decode(body, type=api_diff.DiffReply)
        return encode_diff.runs(left, right, self.context.places, notebook)


def _version(context: Context, run: str, step: str | None) -> tuple[bytes | None, str] | None:
    """The notebook to be compared; None when a run has none of it (the step did not run, the copy is gone)."""
    found: Any = context.projects.find(run)
    file = found.folder.source if step is None else found.folder.executed(step)
    return side(context, api_diff.RunSide(run=run, step=step)) if file.is_file() else None
