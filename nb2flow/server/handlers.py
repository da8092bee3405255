"""What all handlers share: who may, how large, how a body is decoded, how an answer or a fault becomes a response.

A handler is `APIHandler` with `@tornado.web.authenticated` and `@allowed` on each method, and `@answers` below them,
which turns what the method returns into the body and every exception of ours into an `Error`. Nothing that may take
time is done in the server's loop: use `apart` for it.
"""

from __future__ import annotations

import asyncio
import functools
import http
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

from nb2flow.errors import EnvironmentFault, Nb2flowError
from nb2flow.server import api, encode, openapi
from nb2flow.server.analyst import Analyst
from nb2flow.server.places import Places, status_of
from nb2flow.server.projects import Projects
from nb2flow.server.routes import Route

Result = TypeVar("Result")
Method = Callable[..., Awaitable[None]]
LARGEST_EDIT = 20_000_000
LARGEST_NOTEBOOK = 100_000_000
# No script, no form, nothing fetched: what notebooks put into a page is anybody's.
_PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
_CODES = {400: "malformed", 403: "forbidden", 404: "not-found", 405: "method", 413: "too-large", 500: "bug"}


@dataclass(frozen=True, slots=True)
class Context:
    """What handlers work with: one for each server."""

    places: Places
    projects: Projects
    analyst: Analyst
    threads: Executor


def allowed(action: str, resource: str) -> Callable[[Method], Method]:
    """Jupyter's `authorized`, with a type: the server's authorizer says who may do this to that."""
    decorate: Callable[[Method], Method] = authorized(action=action, resource=resource)
    return decorate


def answers(method: Callable[..., Awaitable[Any]]) -> Method:
    """The method's value as the body of a success; its faults as errors with the status that is theirs."""

    @functools.wraps(method)
    async def answered(self: Handler, *segments: str) -> None:
        try:
            value = await method(self, *segments)
        except Nb2flowError as fault:
            status, code = status_of(fault)
            self.fail(status, encode.error_of(code, fault))
            return
        except msgspec.DecodeError as fault:
            self.fail(400, encode.error("malformed", f"the request cannot be understood: {fault}"))
            return
        except RecursionError:
            self.fail(400, encode.error("malformed", "the request is nested too deeply"))
            return
        self.set_status(self.route.status)
        if self.route.html:
            self.set_header("Content-Security-Policy", _PAGE_POLICY)
            await self.finish(value, set_content_type="text/html; charset=utf-8")
        elif isinstance(value, bytes):
            await self.finish(value)
        elif value is None:
            await self.finish()
        else:
            await self.finish(msgspec.json.encode(value))

    return answered


class Handler(APIHandler):
    """Base of the handlers of routes."""

    auth_resource = "contents"
    largest = LARGEST_EDIT
    route: Route
    context: Context

    def initialize(self, context: Context, routes: dict[str, Route]) -> None:  # type: ignore[override,unused-ignore]
        """Keep what the application gives: its context, and the routes of this path by method."""
        self.context = context
        self._routes = routes
        self.route = routes.get(str(self.request.method), next(iter(routes.values())))

    async def prepare(self, *, _redirect_to_login: Any = True) -> None:
        """Refuse what is too large, after Jupyter has looked who asks and from where."""
        await super().prepare()
        size = len(self.request.body or b"")
        if size > self.largest:
            told = f"the notebook is too large: {size / 1e6:.0f} MB, and {self.largest / 1e6:.0f} MB are taken at most"
            raise tornado.web.HTTPError(413, told)

    def decoded(self, kind: type[Result]) -> Result:
        """The body as a struct. msgspec's DecodeError, with the place of the fault, when it is none."""
        return msgspec.json.decode(self.request.body or b"", type=kind)

    def asked(self, name: str) -> str:
        """A parameter of the query, as text; empty when there is none."""
        return str(self.get_query_argument(name, ""))

    def asked_number(self, name: str, default: int) -> int:
        """A whole number in the query. HTTPError 400 when it is something else."""
        text = self.asked(name)
        schema = next(q.schema for q in self.route.query if q.name == name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise tornado.web.HTTPError(400, f"`{name}` is a whole number")
        if not schema.get("minimum", 0) <= int(text) <= schema.get("maximum", 2**53):
            raise tornado.web.HTTPError(400, f"`{name}` is out of its range")
        return int(text)

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What the function gives, called in a thread. EnvironmentFault when the server is about to end."""
        try:
            asked = asyncio.get_running_loop().run_in_executor(self.context.threads, function, *arguments)
        except RuntimeError:  # there are no threads any more
            raise EnvironmentFault("the Jupyter server is stopping", hint="is it started again?") from None
        return await asked

    def fail(self, status: int, error: api.Error) -> None:
        """Answer with an error."""
        self.set_status(status)
        self.finish(msgspec.json.encode(error))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tornado's and Jupyter's errors in the same form; no word of an exception that nobody expected."""
        fault = (kwargs.get("exc_info") or (None, None))[1]
        told = ""
        if isinstance(fault, tornado.web.HTTPError):
            told = str(fault.log_message or fault.reason or "")
        elif fault is not None:
            told = f"this is a fault of nb2flow, not yours ({type(fault).__name__}); the server's log tells more"
        words = told or http.HTTPStatus(status_code).phrase
        hint = "clear its outputs" if status_code == 413 else ""
        self.set_header("Content-Type", "application/json")
        self.fail(status_code, encode.error(_CODES.get(status_code, "refused"), words, hint))


class OpenApi(Handler):
    """The document that describes all routes."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self) -> dict[str, Any]:
        """Answer."""
        return await self.apart(openapi.document)


class Unknown(Handler):
    """Every path that is no route."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    async def get(self, *segments: str) -> None:
        """Answer."""
        raise tornado.web.HTTPError(404, "there is no such route")

    post = put = patch = delete = get
