"""Coming back to a run: go on with one that stopped, stop one that goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from nb2flow.engine.request import DEFAULT_OUTPUT_LIMIT, RunRequest
from nb2flow.engine.workspace import reopen
from nb2flow.errors import UsageError
from nb2flow.runs.events import CancelRequested
from nb2flow.runs.lock import is_held
from nb2flow.runs.store import RunStore


def resume(
    store: RunStore,
    run_id: str,
    *,
    runtime: Mapping[str, bytes],
    runtime_digest: str,
    environ: Mapping[str, str],
    jobs: int,
    output_limit: int = DEFAULT_OUTPUT_LIMIT,
) -> RunRequest:
    """The request that goes on with this run where it stopped, with its own plan and parameters.

    UsageError when it has succeeded already or is running; PlanError when its step notebooks are gone.
    """
    state = store.state(run_id)
    if is_held(store.home.run(run_id).lock):
        raise UsageError(f"run {run_id} is running at this moment", hint=f"`nb2flow show {run_id}` shows how it goes")
    if state.status == "succeeded":
        raise UsageError(
            f"run {run_id} has finished: there is nothing to resume", hint=f"`nb2flow show {run_id}` shows its results"
        )
    return RunRequest(
        run_id=run_id,
        compiled=reopen(store.home.path, run_id, state.plan),
        notebook=Path(state.notebook),
        home=store.home.path,
        kernel=state.kernel or state.plan.kernel,
        runtime=runtime,
        runtime_digest=runtime_digest,
        environ=environ,
        jobs=jobs,
        parameters=state.parameters,
        only=state.only,
        start_from=state.start_from,
        use_cache=state.use_cache,
        output_limit=output_limit,
        versions=state.versions,
        resume=True,
        profile=state.profile,
    )


def cancel(store: RunStore, run_id: str) -> None:
    """Ask the process that drives this run to stop it. UsageError when nobody drives it."""
    state = store.state(run_id)
    if not is_held(store.home.run(run_id).lock):
        raise UsageError(f"run {run_id} is not running: it is {state.status}", hint="there is nothing to cancel")
    store.append(run_id, [CancelRequested(at=time.time(), who="command")])
