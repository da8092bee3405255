"""One side of the benchmark: reads requests from standard input, one JSON object a line, and answers with CPU seconds.

`python worker.py ours|nbdime` is started once for each tool, in that tool's environment, so that start-up is not in the
figures. A request names two files; the answer has the CPU time of read + diff + dump, its parts, and peak memory. The
nbdime side also applies edit scripts that our side wrote, and says whether they give the second file.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def ours(request: dict[str, Any]) -> dict[str, Any]:
    """Read, diff and dump in nbdime's form, and once more in our own form with all that it tells."""
    import orjson

    from nb2flow.diff.changes import Scope
    from nb2flow.diff.compare import describe
    from nb2flow.diff.document import reads
    from nb2flow.diff.edits import exact_edits, nbdime_edits
    from nb2flow.diff.match import match
    from nb2flow.diff.show.document_json import to_json

    first, second = Path(request["a"]).read_bytes(), Path(request["b"]).read_bytes()
    start = time.process_time()
    a, b = reads(first, "a"), reads(second, "b")
    read = time.process_time()
    matching = match(a.cells, b.cells)
    edits = nbdime_edits(a, b, matching)
    done = time.process_time()
    dumped = orjson.dumps(edits)
    end = time.process_time()
    found = describe(a, b, matching, Scope())
    orjson.dumps(to_json(found, exact_edits(a, b, matching)))
    full = time.process_time()
    if request.get("script"):
        Path(request["script"]).write_bytes(dumped)
    times = {"read": read - start, "diff": done - read, "dump": end - done, "all": end - start}
    return {**times, "full": full - end + read - start, "summary": found.summary._asdict()}


def nbdime(request: dict[str, Any]) -> dict[str, Any]:
    """The same with nbdime, and what its own `patch` makes of our edit script."""
    from nbdime.diff_utils import to_diffentry_dicts
    from nbdime.diffing.notebooks import diff_notebooks
    from nbdime.patching import patch
    from nbdime.utils import read_notebook

    start = time.process_time()
    a, b = read_notebook(request["a"], on_null="empty"), read_notebook(request["b"], on_null="empty")
    read = time.process_time()
    answer: dict[str, Any] = {}
    if request.get("diff", True):
        edits = diff_notebooks(a, b)
        done = time.process_time()
        json.dumps(edits)
        end = time.process_time()
        answer = {"read": read - start, "diff": done - read, "dump": end - done, "all": end - start}
    if request.get("script"):
        script = to_diffentry_dicts(json.loads(Path(request["script"]).read_text()))
        answer["patched"] = _plain(patch(a, script)) == _plain(b)
    return answer


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def main() -> None:
    """Answer requests until standard input ends."""
    side = {"ours": ours, "nbdime": nbdime}[sys.argv[1]]
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = side(request)
        except Exception as fault:  # noqa: BLE001 - a file that one of the tools cannot read is told, not a reason to stop
            answer = {"fault": f"{type(fault).__name__}: {fault}"[:300]}
        answer["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
