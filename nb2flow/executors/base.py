"""The ports that executors implement, under the name they are looked for; they are defined where they are used."""

from __future__ import annotations

from nb2flow.engine.ports import Attempt, CellBegan, Ended, KernelStarted, Noted, Report, StepBackend, StepTask

__all__ = ["Attempt", "CellBegan", "Ended", "KernelStarted", "Noted", "Report", "StepBackend", "StepTask"]
