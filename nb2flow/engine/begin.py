"""Making a run without driving it: all that `drive` does before its first step, for a driver elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

from nb2flow.engine.cache import ResultCache
from nb2flow.engine.earlier import refuse_if_inputs_are_missing
from nb2flow.engine.ports import StepBackend
from nb2flow.engine.request import RunRequest, check, creation
from nb2flow.engine.workspace import Workspace, world_of
from nb2flow.plan import step_keys, to_values
from nb2flow.runs.files import FileDigests
from nb2flow.runs.results import ResultStore
from nb2flow.runs.store import RunStore


def begin(request: RunRequest, backend: StepBackend, store: RunStore) -> Mapping[str, str]:
    """Refuse what cannot be done, lay the run's folder out and record that the run exists. Returns the steps' keys.

    Raises as `drive` does before anything runs.
    """
    check(request, secrets_here=backend.secrets_here)
    plan = request.compiled.plan
    space = Workspace(request)
    keys = step_keys(plan, request.parameters, backend.fingerprint(request.kernel))
    space.home.create()
    if request.only is not None:
        results = ResultStore(space.home, backend.holds)
        cache = ResultCache(results, world_of(request, backend, FileDigests(request.home / "digests.json")))
        refuse_if_inputs_are_missing(cache, plan, keys, request.only)
    space.folder.create()
    space.lay_out(request.compiled)
    store.create(creation(request, to_values(plan), backend.name, time.time()))
    return keys
