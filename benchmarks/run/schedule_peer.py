"""A graph of tasks that do nothing, gone through by another tool: `schedule_peer.py dask|luigi TASKS`.

Run by a Python that has distributed and luigi. The graph is that of `schedule.py`: chains of ten. Writes CPU seconds.
"""

from __future__ import annotations

import logging
import resource
import sys
from typing import Any

CHAIN = 10


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def nothing(*before: Any) -> None:
    """A task."""


def dask(tasks: int) -> float:
    """Scheduler and worker in this process, as a local cluster of threads."""
    distributed: Any = __import__("distributed")
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        client.gather(client.map(nothing, range(100), pure=False))
        began = cpu()
        futures: list[Any] = []
        for number in range(tasks):
            before = futures[-1:] if number % CHAIN else []
            futures.append(client.submit(nothing, *before, pure=False))
        client.gather(futures)
        return cpu() - began


def luigi(tasks: int) -> float:
    """Scheduler and worker in this process; what is done is remembered in memory."""
    module: Any = __import__("luigi")
    done = set()

    class Link(module.Task):  # type: ignore[misc]
        number = module.IntParameter()

        def requires(self) -> list[Any]:
            return [Link(number=self.number - 1)] if self.number % CHAIN else []

        def run(self) -> None:
            done.add(self.number)

        def complete(self) -> bool:
            return self.number in done

    logging.disable(logging.CRITICAL)
    began = cpu()
    module.build([Link(number=n) for n in range(tasks)], local_scheduler=True)
    if len(done) != tasks:
        raise SystemExit(f"luigi did {len(done)} of {tasks} tasks")
    return cpu() - began


if __name__ == "__main__":
    sys.stdout.write(f"{ {'dask': dask, 'luigi': luigi}[sys.argv[1]](int(sys.argv[2])) }\n")
