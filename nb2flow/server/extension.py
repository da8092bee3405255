"""The extension as Jupyter Server starts and stops it: handlers, the analysing processes, the watcher."""

from __future__ import annotations

import asyncio
import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback

from nb2flow.server import handlers, handlers_flow, handlers_runs, watching
from nb2flow.server.analyst import Analyst
from nb2flow.server.handlers import Context, Handler
from nb2flow.server.places import Places
from nb2flow.server.projects import Projects
from nb2flow.server.routes import PREFIX, ROUTES, Route
from nb2flow.server.watching import Watcher

_THREADS = 16
_HANDLERS: dict[str, type[Handler]] = {
    "/openapi.json": handlers.OpenApi,
    "/analyse": handlers_flow.Analyse,
    "/suggest": handlers_flow.Suggest,
    "/engines": handlers_flow.Engines,
    "/diff": handlers_flow.Diff,
    "/git/refs": handlers_flow.Refs,
    "/compare": handlers_runs.Compare,
    "/runs": handlers_runs.Runs,
    "/runs/{run}": handlers_runs.Run,
    "/runs/{run}/events": handlers_runs.Events,
    "/runs/{run}/cancel": handlers_runs.Cancel,
    "/runs/{run}/resume": handlers_runs.Resume,
    "/runs/{run}/rerun": handlers_runs.Rerun,
    "/runs/{run}/report": handlers_runs.Report,
    "/runs/{run}/steps/{step}/log": handlers_runs.Log,
    "/runs/{run}/steps/{step}/notebook": handlers_runs.StepNotebook,
    "/runs/{run}/steps/{step}/open": handlers_runs.Open,
}


def prepare_structs(base: type[msgspec.Struct]) -> None:
    """Let msgspec find out about all structs that are imported, here and now, in one thread.

    It does so when a struct is first decoded, and leaves a half-made description where another thread finds it in the
    meantime: the process then dies of a null pointer.
    """
    for kind in base.__subclasses__():
        prepare_structs(kind)
        if kind.__module__.startswith("nb2flow."):
            msgspec.json.Decoder(kind)


class Nb2flowExtension(ExtensionApp):
    """nb2flow in Jupyter Server."""

    name = "nb2flow"
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        """Make the context and the handlers of all routes."""
        prepare_structs(msgspec.Struct)
        assert self.serverapp is not None
        places = Places.of(self.serverapp.contents_manager)
        projects = Projects(places.root)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nb2flow")
        self._analyst = Analyst()
        context = Context(places, projects, self._analyst, self._threads)
        by_path: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            by_path.setdefault(route.path, {})[route.method] = route
        for path, routes in by_path.items():
            pattern = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(PREFIX + path))
            self.handlers.append((pattern, _HANDLERS[path], {"context": context, "routes": routes}))
        every = {"context": context, "routes": {r.method: r for r in ROUTES}}
        self.handlers.append((rf"{PREFIX}(/.*)?", handlers.Unknown, every))
        self._watch(projects)

    def _watch(self, projects: Projects) -> None:
        """Look for changed runs for as long as the server lives, and tell them as events."""
        logger = getattr(self.serverapp, "event_logger", None)
        if logger is not None:
            logger.register_event_schema(Path(__file__).with_name("run_changed.yaml"))
        told: list[dict[str, str]] = []
        watcher = Watcher(projects, lambda run, status: told.append({"run": run, "status": status}))

        async def look() -> None:
            await asyncio.get_running_loop().run_in_executor(self._threads, watcher.look)
            while told:
                data = told.pop(0)
                if logger is not None:
                    logger.emit(schema_id=watching.SCHEMA, data=data)

        self._watching = PeriodicCallback(look, watching.EVERY * 1000)
        self._watching.start()
        self._analyst.start()

    async def stop_extension(self) -> None:
        """End what was started; runs go on."""
        self._watching.stop()
        self._analyst.stop()
        with contextlib.suppress(RuntimeError):
            self._threads.shutdown(wait=False, cancel_futures=True)
