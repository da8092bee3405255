"""Steps that ran too early, whose changes to files are to be put back before anything else is begun or looked up.

They may still be running when that turns out: then it waits until they have been stopped, and what was to be looked up
(whether a result of an earlier run fits the files as they are) waits, too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from nb2flow.engine.signals import LookUp


class Rewind:
    """The steps whose changes are to be put back."""

    def __init__(self) -> None:
        self._steps: dict[str, None] = {}
        self._under_way: set[tuple[str, int]] = set()
        self._put_off: list[LookUp] = []

    @property
    def waits(self) -> bool:
        """Whether some of them have not ended yet."""
        return bool(self._under_way)

    def add(self, steps: Iterable[str], under_way: Iterable[tuple[str, int]]) -> None:
        """More such steps, of which these attempts are being stopped. What was put off is asked for anew."""
        self._steps.update(dict.fromkeys(steps))
        self._under_way.update(under_way)
        self._put_off.clear()

    def put_off(self, command: LookUp) -> None:
        """Keep this until nothing waits any more."""
        self._put_off.append(command)

    def ended(self, step: str, attempt: int) -> None:
        """An attempt has ended, perhaps one of those."""
        self._under_way.discard((step, attempt))

    def take(self) -> tuple[str, ...]:
        """The steps whose changes can be put back now; none while some wait."""
        if self.waits:
            return ()
        steps = tuple(self._steps)
        self._steps.clear()
        return steps

    def take_put_off(self) -> list[LookUp]:
        """What can be looked up now; nothing while some wait."""
        if self.waits:
            return []
        commands, self._put_off = self._put_off, []
        return commands
