"""Which tries of a step have been told: where Argo shows its nodes they are counted, else their words tell them apart.

It is noted before a try's end is told, since the next attempt may begin at once; and taken back if it could not be told
because the store failed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nb2flow.pods.contract import EndedDocument

Key = tuple[str, str]  # a Workflow and a step


class Tries:
    """The tries that have been told, by Workflow and step."""

    def __init__(self) -> None:
        self._count: dict[Key, int] = {}
        self._words: dict[Key, EndedDocument] = {}

    def told(self, step: Key) -> int:
        """How many were told of those that said their end."""
        return self._count.get(step, 0)

    def is_news(self, step: Key, said: EndedDocument) -> bool:
        """Whether this is the word of a try that was not told; it now counts as told."""
        is_new = said != self._words.get(step)
        self._words[step] = said
        return is_new

    @contextmanager
    def telling(self, step: Key, count: int = 0) -> Iterator[None]:
        """While a try is told, with which there are `count`."""
        before = self._count.get(step, 0), self._words.get(step)
        self._count[step] = count
        try:
            yield
        except BaseException:
            self._count[step] = before[0]
            self._words.pop(step, None)
            if before[1] is not None:
                self._words[step] = before[1]
            raise
