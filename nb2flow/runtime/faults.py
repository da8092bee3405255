"""What a step says when it gives up.

Only words live here. The person who reads them looks at a notebook, so an exception of this room shows itself as one
message, without the frames of the runtime that raised it.
"""

from __future__ import annotations

from typing import Any


class StepError(Exception):
    """A step cannot go on. `problems` are what its manifest says about it (see `manifest.problem`)."""

    def __init__(self, message: str, problems: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this: what is shown in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class CannotCarry(StepError):  # noqa: N818 - people read it as a sentence
    """A variable cannot be saved for later steps, or would not come back as it was."""


class CannotLoad(StepError):  # noqa: N818
    """What an earlier step saved is missing, damaged, or not for this kernel."""


class UncarryableError(TypeError):
    """Raised while pickling, at the object that cannot be carried; `culprit` is that object."""

    def __init__(self, reason: str, culprit: Any = None) -> None:
        super().__init__(reason)
        self.culprit = culprit
