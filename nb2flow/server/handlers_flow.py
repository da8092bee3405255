"""Handlers of routes about a notebook that is being edited, and about versions of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import tornado.web

from nb2flow.app import git_versions
from nb2flow.app.editing import document_of, suggest
from nb2flow.config import Settings
from nb2flow.diff.changes import Scope
from nb2flow.errors import NotebookError
from nb2flow.server import api, api_diff, api_runs, encode
from nb2flow.server.analyst import Head, values_of
from nb2flow.server.encode_diff import compare_bytes
from nb2flow.server.handlers import LARGEST_NOTEBOOK, Context, Handler, allowed, answers
from nb2flow.server.places import MissingError


class Analyse(Handler):
    """The flow of an edited notebook."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def post(self) -> bytes | api.AnalyseReply:
        """Answer."""
        head = self.decoded(Head)
        path = self.context.places.notebook(head.path)
        await self.apart(self.context.projects.of, path)
        found = await self.context.analyst.analyse(head, self.request.body, path)
        return found if found is not None else api.AnalyseReply(revision=head.revision, stale=True, flow=None)


class Suggest(Handler):
    """Step tags made of headings."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def post(self) -> api.SuggestReply:
        """Answer."""
        request = self.decoded(api.SuggestRequest)
        return await self.apart(_suggest, request, self.context.places.notebook(request.path))


def _suggest(request: api.SuggestRequest, path: Path) -> api.SuggestReply:
    try:
        document = document_of(values_of(request.cells, request.metadata), path)
    except NotebookError as fault:
        return api.SuggestReply(steps=[], setup=[], changes=[], message=fault.message)
    return encode.suggestion(suggest(document, request.split), document)


class Engines(Handler):
    """Engines and profiles to choose from."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self) -> api_runs.EnginesReply:
        """Answer."""
        return _engines(await self.apart(self.context.projects.of, self.context.places.file(self.asked("path"))))


def _engines(settings: Settings) -> api_runs.EnginesReply:
    """This machine, and every profile of the project."""
    here = settings.engine == "local"
    found = [api_runs.Engine(name="local", profile=None, title="this machine", default=here)]
    for profile in settings.profiles:
        usual = not here and settings.profile in (profile, "") and all(e.profile is None for e in found)
        for name, word in (("kubernetes", "Kubernetes"), ("argo", "Argo")):
            chosen = usual and name == settings.engine
            found.append(api_runs.Engine(name=name, profile=profile, title=f"{profile} ({word})", default=chosen))
    return api_runs.EnginesReply(engines=found)


class Diff(Handler):
    """Two versions of a notebook."""

    largest = 2 * LARGEST_NOTEBOOK

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def post(self) -> bytes:
        """Answer."""
        request = self.decoded(api_diff.DiffRequest)
        base, base_name = await self.apart(side, self.context, request.base)
        remote, remote_name = await self.apart(side, self.context, request.remote)
        scope = Scope(outputs=request.outputs, metadata=request.metadata, noise=request.noise)
        return await self.context.analyst.call(compare_bytes, base, base_name, remote, remote_name, scope)


def side(context: Context, found: api_diff.Side) -> tuple[bytes | None, str]:
    """The bytes of one side, and its name for people."""
    match found:
        case api_diff.ContentSide():
            return msgspec.json.encode(found.content), found.name
        case api_diff.PathSide():
            return _read(context.places.existing(found.path), found.path), found.path
        case api_diff.GitSide():
            path = context.places.notebook(found.path)
            return git_versions.content(path, found.ref), f"{found.path} ({found.ref})"
        case api_diff.RunSide():
            run = context.projects.find(found.run)
            file = run.executed(found.step) if found.step is not None else run.folder.source
            return _read(file, found.run), f"{found.run}:{found.step}" if found.step else f"{found.run} (as it was run)"
    return None, "nothing"


def _read(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST_NOTEBOOK:
            raise NotebookError(
                f"{name} is too large to be compared here", hint="`nbdiff` on the command line takes more"
            )
        return path.read_bytes()
    except OSError as error:
        raise MissingError(f"{name} cannot be read: {error.strerror or error}") from error


class Refs(Handler):
    """What git knows of a notebook."""

    @tornado.web.authenticated
    @allowed("read", "contents")
    @answers
    async def get(self) -> api_diff.RefsReply:
        """Answer."""
        path = self.context.places.notebook(self.asked("path"))
        found = await self.apart(git_versions.history, path)
        known = found or git_versions.History()
        commits: list[Any] = [
            api_diff.Commit(sha=c.sha, subject=c.subject, author=c.author, at=c.at) for c in known.commits
        ]
        return api_diff.RefsReply(
            repository=found is not None,
            head=known.head,
            tracked=known.tracked,
            branches=list(known.branches),
            tags=list(known.tags),
            commits=commits,
        )
