"""The engine makes a run go: it lifts a `StepBackend` (one step) to a whole run, recorded as events.

`drive(request, backend, store, on_event=…, replan=…) -> RunState` blocks until the run is over.
`request` is a `RunRequest`; `backend` is closed at the end; `on_event` is called with each event after it was written,
in the calling thread; `replan(observations) -> CompiledPlan` is asked when a step shows that the plan was wrong.
Raises UsageError (no such step; another process drives the run; `only` without its inputs), EnvironmentFault (kernel
or secret missing, disk full, folder not writable) and PlanError (planned again too often). A step that fails raises
nothing: it is in the state.
`begin` makes a run that is driven elsewhere; `resume` makes the request for a run that did not finish; `cancel`
reaches a run in another process.

Rules: `machine` and `guard` are pure; `drive` alone meets clock, queue, store and backend; nothing here knows kernels.
"""

from __future__ import annotations

from nb2flow.engine.begin import begin
from nb2flow.engine.drive import drive
from nb2flow.engine.ports import Pilot, StepBackend, StepTask
from nb2flow.engine.request import RunRequest
from nb2flow.engine.resume import cancel, resume
from nb2flow.engine.workspace import lay_out_runtime

__all__ = ["Pilot", "RunRequest", "StepBackend", "StepTask", "begin", "cancel", "drive", "lay_out_runtime", "resume"]
