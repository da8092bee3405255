"""Which routes there are: method, path, what goes in and out. Handlers, the OpenAPI document and the reference's test
are held against this table; it knows nothing of Tornado."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nb2flow.server import api, api_diff, api_runs

PREFIX = "/nb2flow/v1"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter in a route's query: `schema` is its JSON schema."""

    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `path` is below the prefix, `{name}` stands for a segment; `request` and `reply` are struct types
    (None: no body; `html`: the reply is a page); `status` is that of success."""

    name: str
    method: str
    path: str
    summary: str
    request: Any = None
    reply: Any = None
    query: tuple[Query, ...] = ()
    status: int = 200
    html: bool = False


_NOTEBOOK = Query("path", {"type": "string", "maxLength": 1024}, "A notebook or folder, as a contents path")
_THIS = Query("path", {"type": "string", "maxLength": 1024}, "The notebook, as a contents path", required=True)
_CURSOR = Query(
    "since", {"type": "string", "maxLength": 20_000, "pattern": "^[A-Za-z0-9_=-]*$"}, "The `since` of the last reply"
)
_LIMIT = Query("limit", {"type": "integer", "minimum": 1, "maximum": 5000}, "How many runs at most; 200 unless said")
_NUMBER = Query("since", {"type": "integer", "minimum": 0}, "The `since` of the last reply")
_STEP = Query("step", {"type": "string", "maxLength": 63}, "Compare the executed notebooks of this step")
_LEFT = Query("left", {"type": "string", "maxLength": 63}, "A run's id", required=True)
_RIGHT = Query("right", {"type": "string", "maxLength": 63}, "A run's id", required=True)

ROUTES = (
    Route("openapi", "GET", "/openapi.json", "This document", reply=dict[str, Any]),
    Route("analyse", "POST", "/analyse", "The flow of an edited notebook", api.AnalyseRequest, api.AnalyseReply),
    Route("suggest", "POST", "/suggest", "Step tags made of headings", api.SuggestRequest, api.SuggestReply),
    Route("engines", "GET", "/engines", "Engines and profiles", None, api_runs.EnginesReply, (_NOTEBOOK,)),
    Route("runs", "GET", "/runs", "Runs, newest first", None, api_runs.RunsReply, (_NOTEBOOK, _CURSOR, _LIMIT)),
    Route("start", "POST", "/runs", "Run a notebook", api_runs.RunRequest, api_runs.Started, status=201),
    Route("run", "GET", "/runs/{run}", "A run in full", None, api_runs.RunReply),
    Route("delete", "DELETE", "/runs/{run}", "Delete a run that has ended", status=204),
    Route("events", "GET", "/runs/{run}/events", "A run's events", None, api_runs.EventsReply, (_NUMBER,)),
    Route("cancel", "POST", "/runs/{run}/cancel", "Stop a run", status=202),
    Route("resume", "POST", "/runs/{run}/resume", "Go on with a run", None, api_runs.Started, status=202),
    Route("rerun", "POST", "/runs/{run}/rerun", "Run steps anew", api_runs.RerunRequest, api_runs.Started, status=201),
    Route("report", "GET", "/runs/{run}/report", "A run as one HTML page", html=True),
    Route("log", "GET", "/runs/{run}/steps/{step}/log", "What a step printed", None, api_runs.LogReply, (_CURSOR,)),
    Route(
        "notebook", "GET", "/runs/{run}/steps/{step}/notebook", "A step's executed notebook", None,
        api_runs.StepNotebookReply, (_CURSOR,),
    ),
    Route(
        "open", "POST", "/runs/{run}/steps/{step}/open", "Write a notebook to open a step in", api_runs.OpenRequest,
        api_runs.OpenReply, status=201,
    ),
    Route("compare", "GET", "/compare", "Two runs side by side", None, api_diff.CompareReply, (_LEFT, _RIGHT, _STEP)),
    Route("diff", "POST", "/diff", "Two versions of a notebook", api_diff.DiffRequest, api_diff.DiffReply),
    Route("refs", "GET", "/git/refs", "What git knows of a notebook", None, api_diff.RefsReply, (_THIS,)),
)  # fmt: skip


def route(name: str) -> Route:
    """The route called `name`; KeyError when there is none."""
    for found in ROUTES:
        if found.name == name:
            return found
    raise KeyError(name)
