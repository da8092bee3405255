"""One side of the benchmark: reads requests from standard input, one JSON object a line, and answers with CPU seconds.

`python worker.py ours|nbdime [fork]` imports everything first, so that start-up is not in the figures, and answers
the requests on its standard input. Commands are run once a pair, with nothing left from the notebook before (nbdime
compiles its schemas each time): so our worker is started anew for each request, and nbdime's, whose imports take two
seconds, answers each in a process forked for it; `compare.py` sees to both. A request names two files; the answer has
the CPU time of read + diff + dump, its parts, and peak memory. The nbdime side also applies edit scripts that our
side wrote, and says whether they give the second file.
"""

from __future__ import annotations

import gc
import json
import os
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
    from nb2flow.diff.edits import exact_edits
    from nb2flow.diff.lifting import Lifted
    from nb2flow.diff.match import match
    from nb2flow.diff.script import edit_script
    from nb2flow.diff.show.document_json import to_json

    start = time.process_time()
    first, second = Path(request["a"]).read_bytes(), Path(request["b"]).read_bytes()
    lifted = Lifted(os.urandom(8).hex())
    edits = edit_script(first, second, ("a", "b"), lifted)
    done = time.process_time()
    dumped = lifted.restore(orjson.dumps(edits))
    end = time.process_time()
    a, b = reads(first, "a"), reads(second, "b")
    matching = match(a.cells, b.cells)
    found = describe(a, b, matching, Scope())
    orjson.dumps(to_json(found, exact_edits(a, b, matching)))
    full = time.process_time()
    if request.get("script"):
        Path(request["script"]).write_bytes(b"".join(dumped))
    times = {"diff": done - start, "dump": end - done, "all": end - start}
    return {**times, "full": full - end, "summary": found.summary._asdict()}


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
        files = [json.loads(Path(request[side]).read_text(encoding="utf-8")) for side in ("a", "b")]
        made_up = any(invented(file) for file in files)
        answer["patched"] = plain(patch(a, script), made_up) == plain(b, made_up)
        answer["invented"] = made_up
    return answer


def invented(notebook: Any) -> bool:
    """Whether nbformat makes up random ids on reading: before version 4, and for version 4.5 without ids."""
    version = (notebook.get("nbformat", 1), notebook.get("nbformat_minor", 0))
    ids = [cell.get("id") for cell in notebook.get("cells", [])]
    return version[0] < 4 or (version >= (4, 5) and (None in ids or len(set(ids)) < len(ids)))


def plain(value: Any, made_up: bool) -> str:
    """The notebook as text; without what nbformat makes up, where it does."""
    if made_up:
        value = json.loads(json.dumps(value))
        for key in ("orig_nbformat", "orig_nbformat_minor"):
            value["metadata"].pop(key, None)
        value.pop("nbformat_minor")
        for cell in value["cells"]:
            cell.pop("id", None)
    return json.dumps(value, sort_keys=True)


def prepare(side: str) -> None:
    """Import what the side needs, so that its imports are not in the figures."""
    import importlib

    needed = {
        "ours": ["around", "compare", "document", "edits", "lifting", "match", "script", "show.document_json"],
        "nbdime": ["diff_utils", "diffing.notebooks", "patching", "utils"],
    }
    for name in needed[side]:
        importlib.import_module(f"{'nb2flow.diff' if side == 'ours' else 'nbdime'}.{name}")


def answer(side: str, line: str) -> str:
    """The answer to one request; a file that a tool cannot read is told, not a reason to stop."""
    try:
        found = {"ours": ours, "nbdime": nbdime}[side](json.loads(line))
    except Exception as fault:  # noqa: BLE001 - see above
        found = {"fault": f"{type(fault).__name__}: {fault}"[:300]}
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return json.dumps(found) + "\n"


def main() -> None:
    """Answer requests until standard input ends; with `fork`, each in a process of its own."""
    side, fork = sys.argv[1], "fork" in sys.argv
    prepare(side)
    if side == "ours":
        gc.disable()  # as our command does
    for line in sys.stdin:
        if fork and (child := os.fork()):
            os.waitpid(child, 0)
            continue
        sys.stdout.write(answer(side, line))
        sys.stdout.flush()
        if fork:
            os._exit(0)


if __name__ == "__main__":
    main()
